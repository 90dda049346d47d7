"""A rule of a tap as data: for which messages it is, and what becomes of them."""

from __future__ import annotations

import itertools
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal

from astra_nb.errors import LocalError
from astra_nb.payloads import check_type
from astra_nb.wire.messages import MESSAGE_TYPES, CloseFrame, Message, MessageType, Side
from astra_nb.wire.text import visible

from .tap_message import Passing

__all__ = ["ACTS", "Act", "Rule"]

Act = Literal["delay", "drop", "replace", "cut", "hold"]
# What each is called in a sentence; those with a place for it take a value.
ACTS: dict[Act, str] = {
    "delay": "delay by {} s", "drop": "drop", "replace": "replace by {}",
    "cut": "cut TCP after {} bytes", "hold": "hold",
}  # fmt: skip
LONGEST = 60  # characters of a text in a sentence
NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a tap as data, in place of a function.

        t.rules.append(Rule("replace", "43", sender="server", type="text", text="42"))

    Attributes:
        act: What becomes of a message: the name of a method of `Passing`.
        value: What that method takes: the seconds of "delay", the message that "replace" passes
            on, of the same type, and after how many bytes "cut" ends TCP (None for 0).
        sender: Whose messages it is for: "client" or "server"; None for both.
        type: Which messages: "text", "bytes", "ping", "pong" or "close"; None for any. A "replace"
            without a type is for text and bytes.
        text: What the message contains: a text, or bytes that are its UTF-8; of a CLOSE frame the
            reason. "" for anything.
        on: Whether it acts.
        number: Made when the rule is; a panel names the rule by it.

    Raises:
        LocalError: The act, the sender or the text is not one, or the value of "delay" or "cut".
        InvalidMessage: The type is not one, or the value of "replace" cannot be sent as a message
            of that type.
    """

    act: Act
    value: object = None
    _: KW_ONLY
    sender: Side | None = None
    type: MessageType | None = None
    text: str = ""
    on: bool = True
    number: int = field(default_factory=NUMBERS.__next__, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.act, str) or self.act not in ACTS:
            raise LocalError(f"a rule's act is one of {', '.join(ACTS)}, not {self.act!r:.80}")
        if self.sender not in (None, "client", "server"):
            raise LocalError(f'a sender is "client", "server" or None, not {self.sender!r:.80}')
        if self.type is not None:
            check_type(self.type)
        if not isinstance(self.text, str):
            raise LocalError(f"the text of a rule is a str, not {self.text!r:.80}")
        if self.value is not None and "{}" not in ACTS[self.act]:
            raise LocalError(f"{self.act} takes no value, not {self.value!r:.80}; leave it out")
        for type in self.types:
            self._act_on(Passing("client", Message(type, None)))

    @property
    def types(self) -> tuple[MessageType, ...]:
        """The types of the messages it is for."""
        if self.type is not None:
            return (self.type,)
        return ("text", "bytes") if self.act == "replace" else MESSAGE_TYPES

    def __call__(self, message: Passing) -> None:
        """Act on a message that it is for."""
        if (
            self.on
            and message.type in self.types
            and self.sender in (None, message.sender)
            and (not self.text or self._is_in(message.value))
        ):
            self._act_on(message)

    def _is_in(self, value: object) -> bool:
        if isinstance(value, CloseFrame):
            value = value.reason
        if isinstance(value, bytes):
            return self.text.encode(errors="surrogatepass") in value
        return isinstance(value, str) and self.text in value

    def _act_on(self, message: Passing) -> None:
        takes_one = self.act in ("delay", "replace") or self.value is not None
        getattr(message, self.act)(*(self.value,) * takes_one)

    def __str__(self) -> str:
        types = "any message" if self.types == MESSAGE_TYPES else " or ".join(self.types)
        sender = "either end" if self.sender is None else f"the {self.sender}"
        text = f' with "{visible(self.text, LONGEST)}"' if self.text else ""
        value = 0 if self.value is None else self.value
        is_text = isinstance(value, str)
        shown = f'"{visible(str(value), LONGEST)}"' if is_text else f"{value!r:.60}"
        return f"{types} from {sender}{text}: {ACTS[self.act].format(shown)}"
