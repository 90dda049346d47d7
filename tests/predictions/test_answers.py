"""What may be typed for each kind of answer, what it means, and how the truth is told."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb import CloseFrame, FrameLog
from astra_nb.log.records import ClosedRecord, FrameRecord, OutputRecord
from astra_nb.predictions.answers import hint, kind_of, read, said, truth_of
from astra_nb.wire.frames import decode


def two_frames() -> FrameLog:
    """A log of a pong and a close."""
    log = FrameLog()
    for data in ("8a 01 41", "88 02 03 e8"):
        frame = decode(bytes.fromhex(data))
        log.append(1, FrameRecord, side="server", direction="received", frame=frame)
    return log


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "3", 3),
        ("number", " 65,536 ", 65_536),
        ("number", "65 536", 65_536),
        ("number", "-1", -1),
        ("number", "1_000,000", 1_000_000),
        ("bytes", "89 00", b"\x89\x00"),
        ("bytes", "0x89,0x00", b"\x89\x00"),
        ("bytes", "8900", b"\x89\x00"),
        ("frames", "pong, close", ("pong", "close")),
        ("frames", "PONG close", ("pong", "close")),
        ("frames", "binary", ("bytes",)),
        ("frames", "none", ()),
        ("close code", "1005", 1005),
        ("choice", "server", "server"),
    ],
)
def test_an_answer_is_read_as_people_type_it(kind: Any, text: str, value: object) -> None:
    assert read(kind, text, ("client", "server")) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("number", "three"), ("number", "1.5"), ("number", "٣"), ("number", ""),
        ("number", "1,5"), ("number", "1 2"), ("number", "3, 4"), ("number", "1,00"),
        ("bytes", "8 9 0 0"), ("bytes", "00x00x"), ("bytes", "89 0"), ("bytes", "0x"),
        ("bytes", "8"), ("bytes", "hello"), ("bytes", ""),
        ("frames", "packet"), ("frames", ","), ("frames", "none, close"),
        ("close code", "99"), ("close code", "normal"), ("close code", "5000"),
        ("choice", "nobody"),
        ("number", "1" * 300), ("bytes", "89 " * 99),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_what_can(kind: Any, text: str) -> None:
    with pytest.raises(ValueError, match="is not an answer here") as caught:
        read(kind, text, ("client", "server"))
    assert hint(kind, ("client", "server")) in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_kind_is_a_name_or_choices() -> None:
    assert kind_of("close code") == ("close code", ())
    assert kind_of(["yes", "no"]) == ("choice", ("yes", "no"))
    for wrong in ("text", "choice", ["one"], ["a", "a"], []):
        with pytest.raises(ValueError, match=r"choose from 'number'|two different texts"):
            kind_of(wrong)
    for other in (3, [1, 2], {"a", "b"}):
        with pytest.raises(TypeError, match="choices are a list of texts"):
            kind_of(other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "given", "sentence"),
    [
        ("number", 28, "it is 28"),
        ("number", 65_536, "it is 65,536"),
        ("bytes", bytearray(b"\x8a\x00"), "it is 8a 00"),
        ("bytes", b"", "it is no byte"),
        ("frames", ["pong", "close"], "it was pong, close"),
        ("frames", (), "it was no frame"),
        ("close code", 1005, "it was 1005 (no status received)"),
        ("close code", CloseFrame(1001), "it was 1001 (going away)"),
        ("choice", "yes", 'the answer is "yes"'),
        ("choice", False, 'the answer is "no"'),
    ],
)
def test_a_value_is_the_truth(kind: Any, given: object, sentence: str) -> None:
    assert truth_of(kind, given, ("yes", "no")).sentence == sentence


def test_records_are_the_truth() -> None:
    log = two_frames()
    assert truth_of("number", log.frames).sentence == "there were 2: pong, close"
    assert truth_of("number", log.filter(type="close")).sentence == "there was 1: close"
    assert truth_of("number", log.filter(type="text")).sentence == "there were none"
    assert truth_of("number", log.frames).alone == "there were 2 frames: pong, close"
    assert truth_of("frames", log.frames).value == ("pong", "close")
    assert truth_of("frames", list(log.frames)).value == ("pong", "close")
    assert truth_of("frames", log.filter(type="text")).sentence == "it was no frame"
    assert truth_of("bytes", log.filter(type="pong")).value == b"\x8a\x01A"
    assert truth_of("bytes", log[0]).value == b"\x8a\x01A"
    assert truth_of("close code", log).value == 1000
    log.append(1, ClosedRecord, side="server")
    assert truth_of("close code", log).value == 1006
    assert truth_of("close code", log[-1]).value == 1006
    assert truth_of("number", log).sentence == "there were 3"
    log.append(1, OutputRecord, stream="stdout", text="Hello")
    assert truth_of("number", log.filter(kind="output")).noun == "line"


def test_what_was_counted_is_named_in_the_answer() -> None:
    truth = truth_of("number", two_frames().frames)
    assert said("number", 2, truth.noun) == "2 frames"
    assert said("number", 1, truth.noun) == "1 frame"
    assert said("number", 2) == "2"


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("number", "3"), ("number", True), ("number", None), ("bytes", "89"), ("frames", "pong"),
        ("close code", None), ("close code", FrameLog()), ("bytes", FrameLog()),
        ("choice", FrameLog()),
    ],
)  # fmt: skip
def test_a_truth_of_another_kind_is_the_authors_mistake(kind: Any, given: object) -> None:
    with pytest.raises(TypeError, match="the truth of a prediction of kind"):
        truth_of(kind, given, ("yes", "no"))


def test_a_truth_that_nobody_can_choose_is_the_authors_mistake() -> None:
    with pytest.raises(ValueError, match="'perhaps' is not one of the choices, 'yes', 'no'"):
        truth_of("choice", "perhaps", ("yes", "no"))


@pytest.mark.parametrize("given", [["text", "binary"], ("packet",), [1]])
def test_types_that_no_frame_has_are_the_authors_mistake(given: object) -> None:
    """The check would say "Not right" whatever was answered."""
    with pytest.raises(ValueError, match="is not a list of types, 'text', 'bytes', "):
        truth_of("frames", given)


@pytest.mark.parametrize("choice", ["no ", "", " ", "x" * 201, "no\n"])
def test_a_choice_that_nobody_could_type_is_refused(choice: str) -> None:
    with pytest.raises(ValueError, match="nobody could give it as an answer"):
        kind_of(["yes", choice])
