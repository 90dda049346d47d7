"""What a panel can do with a tap: a method for each control of its rules and of what they hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, MutableSequence
from typing import Any

from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.log.payload_redaction import redacted
from astra_nb.log.records import FrameRecord
from astra_nb.net.message_rule import Act, Rule
from astra_nb.net.tap_message import Passing
from astra_nb.payloads import ENCODERS
from astra_nb.tap import Tap
from astra_nb.wire.frames import decode, encode
from astra_nb.wire.messages import MessageType, Side, other_end
from astra_nb.wire.text import counted, visible, visible_utf8

from .payload import as_text
from .payload_pages import MOST_COPIED

__all__ = ["RULE_ACTIONS", "RuleActions", "describe_tap"]

RULE_ACTIONS = ("add_rule", "switch_rule", "remove_rule", "release")
MOST_RULES = 200  # that a page is told of
MOST_SHOWN = 2**16  # bytes of a held message of which the beginning is shown
LONGEST = 60  # characters of a held message or of a function's name


class RuleActions:
    """The controls of a tap's rules as methods. Any thread may call them.

    Each returns a sentence about what happened.

    Raises:
        LocalError: It is not the panel of a tap, or the tap was shut down.
    """

    _tap: Callable[[], Tap | None] | None

    def add_rule(
        self,
        act: Act,
        value: object = None,
        *,
        sender: Side | None = None,
        type: MessageType | None = None,
        text: str = "",
    ) -> str:
        """Add a rule to those of the tap; the arguments are those of `astra_nb.Rule`.

        Raises:
            LocalError: As `astra_nb.Rule`.
            InvalidMessage: As `astra_nb.Rule`.
        """
        tap = self._running_tap()
        rule = Rule(act, value, sender=sender, type=type, text=text)
        tap.rules.append(rule)
        return f"Rule {rule.number} is on: {rule}."

    def switch_rule(self, number: int, on: bool) -> str:
        """Switch a rule on or off.

        Raises:
            LocalError: The tap has no rule of this number.
        """
        rules, index = self._find_rule(number)
        rules[index] = rule = dataclasses.replace(rules[index], on=on)
        return f"Rule {number} is {'on' if on else 'off'}: {rule}."

    def remove_rule(self, number: int) -> str:
        """Remove a rule; what it holds waits for `release`.

        Raises:
            LocalError: The tap has no rule of this number.
        """
        rules, index = self._find_rule(number)
        del rules[index]
        held = len(self._running_tap().held)
        return f"Removed rule {number}." + f" {counted(held, 'message')} still held." * (held > 0)

    def release(self, number: int | None = None, value: Any = None) -> str:
        """Release what the rules hold: all of it, or one message, perhaps changed.

        Args:
            number: That of the message in `tap.held`; None for all.
            value: What goes on in its place, of the same type; None for the message itself.

        Raises:
            LocalError: No message of this number is held.
            InvalidMessage: The value cannot be sent; the message is still held.
        """
        tap = self._running_tap()
        message = tap.held.get(number) if number is not None else None
        if value is not None and message is not None and message.type == "text":
            value = as_text(value)
        count = tap.release(number, value)
        if number is None:
            return f"Released {counted(count, 'message')}."
        return f"Released message {number}{'' if value is None else ', changed'}."

    def held_payload(self, number: int) -> dict[str, str]:
        """Return the payload of a held message, as the payload field of a page takes it.

        Raises:
            LocalError: No message of this number is held, or it is too long or not to be edited.
        """
        tap = self._running_tap()
        message = tap.held.get(number)
        if message is None:
            raise LocalError(f"message {number} is not held now; see tap.held")
        if not isinstance(message.value, str | bytes) or len(message.value) > MOST_COPIED:
            raise LocalError(
                f"this {message.type} message can only be edited in a cell: tap.release({number}, "
                f"value)"
            )
        if shown_payload(tap.log, message) != payload_of(message):
            raise LocalError(
                f"the log hides what is in this message, and so does its panel; it is edited in a "
                f"cell: tap.held[{number}].value, tap.release({number}, value)"
            )
        if isinstance(message.value, str):
            return {"text": message.value, "format": "text"}
        return {"text": message.value.hex(" "), "format": "hex"}

    def _running_tap(self) -> Tap:
        if self._tap is None:
            raise LocalError("this is not the panel of a tap, which has rules: tap(url).panel()")
        tap = self._tap()
        if tap is None or not tap.running:
            raise LocalError("the tap was shut down, so no rule acts; start it again: tap(url)")
        return tap

    def _find_rule(self, number: int) -> tuple[MutableSequence[Any], int]:
        rules = self._running_tap().rules
        for index, rule in enumerate(rules):
            if isinstance(rule, Rule) and rule.number == number:
                return rules, index
        raise LocalError(f"the tap has no rule {number!r:.20} now; see tap.rules")


def describe_tap(tap: Tap | None) -> dict[str, Any]:
    """Return the rules of a tap and what they hold, as JSON; a function has the number 0."""
    if tap is None:
        return {"running": False, "rules": [], "held": 0, "first": None}
    held = tap.held
    return {
        "running": tap.running,
        "rules": [describe_rule(each) for each in tap.rules[:MOST_RULES]],
        "held": len(held),
        "first": next(
            ({"number": n, **describe_held(tap.log, each)} for n, each in held.items()), None
        ),
    }


def describe_rule(rule: Any) -> dict[str, Any]:
    if isinstance(rule, Rule):
        return {"number": rule.number, "says": str(rule), "on": rule.on}
    name = getattr(rule, "__name__", type(rule).__name__)
    return {"number": 0, "says": visible(str(name), LONGEST), "on": True}


def describe_held(log: FrameLog, message: Passing) -> dict[str, Any]:
    says = f"{message.type} from the {message.sender} on #{message.connection}"
    if isinstance(message.value, str | bytes):
        size = len(message.value)
        shown = shown_payload(log, message) if size <= MOST_SHOWN else None
        unit = "character" if isinstance(message.value, str) else "byte"
        says += f", {counted(size, unit)}" if shown is None else f": {visible_utf8(shown, LONGEST)}"
    return {"type": message.type, "says": says}


def shown_payload(log: FrameLog, message: Passing) -> bytes | None:
    """Return the payload of a held message as the log shows it; None when it hides it."""
    if log.redact is None:
        return payload_of(message)
    record = FrameRecord(
        number=0,
        time=0.0,
        connection=message.connection,
        side=other_end(message.sender),
        direction="received",
        frame=decode(encode(ENCODERS[message.type][0], payload_of(message))),
    )
    shown = redacted(log.redact, record)
    return shown.payload if isinstance(shown, FrameRecord) else None


def payload_of(message: Passing) -> bytes:
    value = message.value
    return value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[arg-type]
