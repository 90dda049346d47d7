"""A message on its way through a tap, and what a rule makes of it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from astra_nb import payloads
from astra_nb.errors import InvalidMessage, LocalError
from astra_nb.payloads import check_type, encode_close
from astra_nb.quantities import as_integer, check_seconds
from astra_nb.wire.frames import decode, encode
from astra_nb.wire.messages import CloseFrame, Message, MessageType, Side, other_end
from astra_nb.wire.opcodes import CLOSE
from astra_nb.wire.text import counted

from .closing import EMPTY, close_payload

__all__ = ["Outcome", "Passing"]


class Passing:
    """A message on its way through a tap, and what becomes of it.

    A rule gets it and calls the methods below, or none. They may be called together, and the next
    rule sees a message that was replaced as it is then.

    Attributes:
        sender: The end that sent it: "client" or "server".
        type: "text", "bytes", "ping", "pong" or "close".
        value: As in `Message`. A text that is not UTF-8 has replacement characters.
        connection: Number of the connection that it came on.
        fragments: How many frames it came in.
    """

    __slots__ = (
        "_cut", "_delay", "_dropped", "_held", "_injected", "_replaced", "connection", "fragments",
        "sender", "type", "value",
    )  # fmt: skip

    def __init__(
        self, sender: Side, message: Message, connection: int = 0, fragments: int = 1
    ) -> None:
        self.sender = sender
        self.type = message.type
        self.value = message.value
        self.connection = connection
        self.fragments = fragments
        self._delay = 0.0
        self._dropped = self._held = False
        self._cut: int | None = None
        self._replaced: tuple[MessageType, bytes] | None = None
        self._injected: list[tuple[Side, bool, MessageType, bytes]] = []

    def delay(self, seconds: float) -> None:
        """Pass it on so many seconds later; what comes after it waits too, as in a slow network.

        Raises:
            LocalError: Not a positive number.
        """
        self._delay = check_seconds("delay", seconds)

    def drop(self) -> None:
        """Do not pass it on."""
        self._dropped = True

    def replace(self, value: object, type: str | None = None) -> None:
        """Pass on another message in its place, in one frame.

        Args:
            value: As for `socket.send`.
            type: Its type; None for the same.

        Raises:
            InvalidMessage: The type or the value cannot be sent.
        """
        kind, payload = _payload(self.type if type is None else type, value)
        self._replaced = kind, payload
        self.type = kind
        self.value = decode(encode(CLOSE, payload)).close if kind == "close" else payload
        if kind == "text":
            self.value = payload.decode()

    def inject(
        self, type: str, value: object = None, *, before: bool = False, to: Side | None = None
    ) -> None:
        """Send another message as well; call it again for more.

        Args:
            type: "text", "bytes", "ping", "pong" or "close".
            value: As for `socket.send`.
            before: Whether it goes before this message, not after it.
            to: The end that gets it, "client" or "server"; None for the one that gets this one.

        Raises:
            InvalidMessage: The type or the value cannot be sent.
        """
        if to not in (None, "client", "server"):
            raise InvalidMessage(f'to is "client" or "server", not {to!r:.80}')
        receiver = to or other_end(self.sender)
        self._injected.append((receiver, before, *_payload(type, value)))

    def cut(self, after: int = 0) -> None:
        """End TCP with both ends, by a reset, in place of this message.

        Args:
            after: How many bytes of its frames still pass, so that it breaks off within one.

        Raises:
            LocalError: Not a number of bytes.
        """
        size = as_integer(after)
        if size is None or size < 0:
            raise LocalError(f"after is a number of bytes, 0 or more, not {after!r:.80}")
        self._cut = size

    def hold(self) -> None:
        """Keep it, and what comes after it, until `tap.release()`."""
        self._held = True

    @property
    def actions(self) -> list[str]:
        """What becomes of it, in words; empty when it passes as it is."""
        said = [f"injected a {type} message for the {to}" for to, _, type, _ in self._injected]
        if self._dropped:
            said.append("dropped it")
        if self._replaced is not None:
            said.append(f"replaced it with a {self._replaced[0]} message")
        if self._delay:
            said.append(f"delayed it by {self._delay:g} s")
        if self._held:
            said.append("holds it")
        if self._cut is not None:
            said.append(f"ended TCP after {counted(self._cut, 'byte')} of it")
        return said

    def outcome(self, raw: bytes) -> Outcome:
        """Return what becomes of the bytes of its frames."""
        own = raw
        masked = self.sender == "client"
        if self._replaced is not None:
            own = _frame(*self._replaced, masked=masked)
        if self._dropped:
            own = b""
        receiver = other_end(self.sender)
        before, after, back = b"", b"", b""
        for to, is_before, type, payload in self._injected:
            frame = _frame(type, payload, masked=to == "server")
            if to != receiver:
                back += frame
            elif is_before:
                before += frame
            else:
                after += frame
        if self._cut is not None:
            own, after = own[: self._cut], b""
        return Outcome(before + own + after, back, self._delay, self._held, self._cut is not None)

    def __repr__(self) -> str:
        return f"<Passing: {self.type} from the {self.sender}, {self.value!r:.60}>"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a message: bytes for its receiver and back to its sender, and when."""

    onward: bytes
    back: bytes = b""
    delay: float = 0.0
    held: bool = False
    cut: bool = False


def _payload(type: str, value: object) -> tuple[MessageType, bytes]:
    kind = check_type(type)
    if kind == "close":
        code, reason = encode_close(value)
        return kind, close_payload(CloseFrame(EMPTY if code is None else code, reason))
    return kind, payloads.encode(kind, value)[1]


def _frame(type: MessageType, payload: bytes, *, masked: bool) -> bytes:
    opcode = CLOSE if type == "close" else payloads.ENCODERS[type][0]
    # A key that cannot be predicted (RFC 6455, section 5.3).
    return encode(opcode, payload, key=os.urandom(4) if masked else None)
