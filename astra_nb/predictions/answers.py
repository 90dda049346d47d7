"""The kinds of answers to a question: what may be typed, what it means, and what the truth is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from astra_nb.log.records import ClosedRecord, FrameRecord, Record
from astra_nb.log.view import LogView
from astra_nb.wire import close_codes
from astra_nb.wire.messages import CloseFrame
from astra_nb.wire.opcodes import FrameType
from astra_nb.wire.text import counted, visible

__all__ = ["HINTS", "Kind", "Truth", "hint", "kind_of", "read", "said", "truth_of"]

Kind = Literal["number", "bytes", "frames", "close code", "choice"]
Choices = Sequence[str]
Value = int | bytes | str | tuple[str, ...]

TYPES = get_args(FrameType)
# No examples: one of them would be the answer.
HINTS: dict[str, str] = {
    "number": "a whole number",
    "bytes": "bytes in hex, two digits each",
    "frames": "types of frames in order, from text, bytes, continuation, ping, pong, close; or "
    "none",
    "close code": "a close code, four digits",
}
NOUNS = {"frame": "frame", "output": "line", "handshake": "handshake message"}
# Separators are for thousands only: "1,5" and "3, 4" are not numbers here.
NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:[,_ ]\d{3})+)", re.ASCII)
OCTETS = re.compile(r"(?:0x)?(?:[0-9a-f]{2})+")
LONGEST = 200  # characters of an answer, and of a truth that is shown


@dataclass(frozen=True)
class Truth:
    """What was true: the value to compare with, and a sentence about it without its dot."""

    value: Value
    sentence: str
    noun: str = ""  # what was counted, such as "frame"
    alone: str = ""  # the sentence where no answer comes before it, with the noun in it


def kind_of(answer: str | Choices) -> tuple[Kind, tuple[str, ...]]:
    """Return the kind of an answer, and the choices there are.

    Raises:
        TypeError: It is neither the name of a kind nor some texts to choose from.
        ValueError: No such kind, or fewer than two different choices.
    """
    if isinstance(answer, str):
        for kind in get_args(Kind)[:-1]:
            if answer == kind:
                return kind, ()
        raise ValueError(
            f"{answer!r:.80} is not a kind of answer; choose from {', '.join(map(repr, HINTS))}, "
            "or a list of choices"
        )
    if not isinstance(answer, Sequence) or not all(isinstance(each, str) for each in answer):
        raise TypeError(f"choices are a list of texts, not {answer!r:.80}")
    if len(set(answer)) < max(2, len(answer)):
        raise ValueError(f"choices are two different texts at least, not {answer!r:.80}")
    for each in answer:
        if not each.strip() or each != each.strip() or len(each) > LONGEST:
            raise ValueError(
                f"a choice is a text of 1 to {LONGEST} characters without blanks around it, or "
                f"nobody could give it as an answer, not {each!r:.80}"
            )
    return "choice", tuple(answer)


def hint(kind: Kind, choices: Choices) -> str:
    """Return what may be answered, in a few words."""
    return f"one of: {', '.join(choices)}" if kind == "choice" else HINTS[kind]


def read(kind: Kind, text: str, choices: Choices = ()) -> Value:
    """Return what a typed answer means.

    Raises:
        ValueError: It is not an answer of this kind; the text says what is.
    """
    text = text.strip()
    if len(text) <= LONGEST:
        if kind == "choice" and text in choices:
            return text
        if kind == "number" and NUMBER.fullmatch(text):
            return int(re.sub("[,_ ]", "", text))
        if kind == "bytes" and (octets := _octets(text)) is not None:
            return octets
        if kind == "frames":
            types = tuple(filter(None, re.split(r"[\s,;]+", text.lower())))
            types = tuple("bytes" if each == "binary" else each for each in types)
            if types == ("none",) or (types and all(each in TYPES for each in types)):
                return () if types == ("none",) else types
        if kind == "close code" and re.fullmatch(r"[1-4]\d{3}", text, re.ASCII):
            return int(text)
    raise ValueError(
        f"{visible(text, 40)!r} is not an answer here. Expected: {hint(kind, choices)}."
    )


def _octets(text: str) -> bytes | None:
    words = [word for word in re.split(r"[\s,:]+", text.lower()) if word]
    if not words or not all(map(OCTETS.fullmatch, words)):
        return None
    return bytes.fromhex("".join(word.removeprefix("0x") for word in words))


def said(kind: Kind, value: Value, noun: str = "") -> str:
    """Return a value as it is shown."""
    if kind == "number" and isinstance(value, int):
        return counted(value, noun) if noun else f"{value:,}"
    if kind == "close code" and isinstance(value, int):
        return f"{value} ({close_codes.name(value)})"
    if isinstance(value, bytes):
        return value.hex(" ") or "no byte"
    if isinstance(value, tuple):
        return ", ".join(value) or "no frame"
    return f'"{visible(str(value), LONGEST)}"'


def truth_of(kind: Kind, given: Any, choices: Choices = ()) -> Truth:
    """Return what was true.

    Args:
        given: A value of this kind; or a record or records, such as `server.log.filter(...)`.
            Records are counted for a number and listed for frames; the bytes are those of the
            last frame, and the close code is that of the last record that has one.

    Raises:
        TypeError: It is neither.
        ValueError: It is a value that no answer can be.
    """
    records = _records(given)
    value: Any = given if records is None else _value(kind, records)
    if kind == "number" and records is not None:
        return _counted(records)
    if isinstance(value, bool) and kind == "choice":
        value = "yes" if value else "no"
    if isinstance(value, CloseFrame):
        value = value.code
    if isinstance(value, (list, bytearray, memoryview)):
        value = bytes(value) if kind == "bytes" else tuple(value)
    wanted: dict[str, Any] = {
        "number": int,
        "bytes": bytes,
        "frames": tuple,
        "close code": int,
        "choice": str,
    }
    if type(value) is not wanted[kind]:
        raise TypeError(f"the truth of a prediction of kind {kind!r} is not {given!r:.80}")
    if kind == "choice" and value not in choices:
        raise ValueError(
            f"{value!r:.80} is not one of the choices, {', '.join(map(repr, choices))}"
        )
    if kind == "frames" and not all(each in TYPES for each in value):
        raise ValueError(f"{given!r:.80} is not a list of types, {', '.join(map(repr, TYPES))}")
    about = {"number": "it is", "bytes": "it is", "choice": "the answer is"}.get(kind, "it was")
    return Truth(value, f"{about} {said(kind, value)}")


def _records(given: Any) -> list[Record] | None:
    if isinstance(given, Record):
        return [given]
    if isinstance(given, LogView) or (
        isinstance(given, list) and given and all(isinstance(each, Record) for each in given)
    ):
        return list(given)
    return None


def _value(kind: Kind, records: Sequence[Record]) -> Any:
    frames = [each for each in records if isinstance(each, FrameRecord)]
    if kind == "frames":
        return tuple(frame.type for frame in frames)
    if kind == "bytes" and frames:
        return frames[-1].frame.raw
    codes = [code for each in records if (code := _code(each)) is not None]
    return codes[-1] if kind == "close code" and codes else None


def _code(record: Record) -> int | None:
    if isinstance(record, ClosedRecord):
        return record.code
    if isinstance(record, FrameRecord) and record.type == "close":
        return record.frame.close.code if record.frame.close else 1005
    return None


def _counted(records: Sequence[Record]) -> Truth:
    if not records:
        return Truth(0, "there were none")
    number = len(records)
    kinds = {each.kind for each in records}
    noun = NOUNS.get(kinds.pop(), "record") if len(kinds) == 1 else "record"
    types = [each.type for each in records if isinstance(each, FrameRecord)]
    verb = "was" if number == 1 else "were"
    listed = f": {visible(', '.join(types), LONGEST)}" if noun == "frame" else ""
    alone = f"there {verb} {counted(number, noun)}{listed}"
    return Truth(number, f"there {verb} {number:,}{listed}", noun, alone)
