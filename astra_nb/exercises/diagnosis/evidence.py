"""Evidence of one failed expectation: facts without a socket, a thread or a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from astra_nb.wire.text import preview

__all__ = ["KEPT", "Call", "Error", "Evidence", "Handler", "Said", "Wanted"]

SHOWN = 48  # characters of a payload
KEPT = 400  # calls of one handler


@dataclass(frozen=True)
class Said:
    """A message: its type and its payload; that of a close is what the frame carries."""

    type: str
    payload: bytes = b""

    @property
    def shown(self) -> str:
        """The payload on one line."""
        size = len(self.payload)
        text = preview(self.payload, self.type, SHOWN) if size else "(empty)"  # type: ignore[arg-type]
        return f"{text} ({size:,} bytes)" if size > SHOWN else text

    def __str__(self) -> str:
        return f"{self.type} {self.shown}"


@dataclass(frozen=True)
class Wanted:
    """What was expected: "message", "close", "nothing", "open" or "end".

    "open" is a connection that stays open, "end" a handler that ends after its connection. Of
    `mistakes` each is a wrong payload that is known, with what to say about it; `why` is advice
    for whatever else comes, and for nothing.
    """

    kind: str
    said: Said = Said("")
    any_payload: bool = False
    mistakes: tuple[tuple[bytes, str], ...] = ()
    why: str = ""


@dataclass
class Call:
    """One call on a socket, of the connection `owner`: "done", "waits", "raised", "not awaited"."""

    name: str
    line: str  # such as "line 3: socket.recv()"
    state: str = "waits"
    said: Said | None = None  # what it received or sent, where that is a message
    owner: int = 0


@dataclass(frozen=True)
class Error:
    """What a handler raised: its class and bases by name, and what of its own code did it."""

    kinds: tuple[str, ...]
    text: str
    line: str = ""
    of_call: str = ""  # name of the socket's call that raised it

    def __str__(self) -> str:
        return f"{self.kinds[0]}: {self.text}".rstrip(": ").rstrip(".")


@dataclass
class Handler:
    """What is known of the handler of one connection."""

    number: int = 0  # of its connection
    calls: Sequence[Call] = ()  # the newest last; older ones may be left out
    ended: bool = False
    open_at_end: bool = False  # whether its connection was open when it ended
    returned: str = ""  # as text; "" for None
    error: Error | None = None
    busy_at: str = ""  # where it stands when it waits in no call on a socket, if that is known

    @property
    def waits(self) -> list[Call]:
        """The calls in which it waits now."""
        return [each for each in tuple(self.calls) if each.state == "waits"]

    @property
    def is_idle(self) -> bool:
        """Whether it has ended, or waits for a message of its own."""
        last = [(each.name, each.owner) for each in self.waits[-1:]]
        return self.ended or last == [("recv", self.number)]


@dataclass
class Evidence:
    """All that is known when an expectation of one client has failed."""

    wanted: Wanted
    came: Said | None = None  # None for nothing
    ended: str = ""  # "" (open), "closed", "dropped"; "refused" where the client did not take it
    said: Sequence[Said] = ()  # by this client
    unanswered: Sequence[Said] = ()  # of that, what gets no answer from the handler
    right: Sequence[Said] = ()  # what came right so far
    answers: int = 0  # how many of those came after the last thing this client said
    others_said: bool = False  # whether another client was the last one to send something
    handler: Handler = field(default_factory=Handler)
    others: Sequence[Handler] = ()
