"""Expected payloads in each form, and those that are refused."""

from __future__ import annotations

import asyncio
import math
import re
from typing import Any

import pytest

from astra_nb.errors import InvalidMessage
from astra_nb.testing import (
    expect_frame,
    expect_frame_async,
    expect_no_frame,
)

from .handlers import log_of


@pytest.mark.parametrize(
    "wanted",
    [
        {"value": "Hi, Zo\xeb"},
        {"value": "Hi, Zo\xeb".encode()},
        {"value": bytearray(b"\x00X\x0eC-")},
        {"value": memoryview(b"\x00X\x0eC-")},
        {"value": [0, 88, 14, 67, 45]},
        {"value": (0, 88, 14, 67, 45), "type": "bytes"},
        {"value": range(88, 88), "type": "text", "count": 1},
        {"value": re.compile("^Hi, (.+)$")},
        {"value": re.compile(rb"X.C"), "type": "bytes"},
        {"value": re.compile("\x0e"), "type": "bytes"},
        {"value": lambda text: isinstance(text, str) and text.endswith("\xeb"), "type": "text"},
        {"value": lambda data: isinstance(data, bytes) and data[1:2] == b"X", "type": "bytes"},
        {"json": {"b": [1, 2.0, None], "a": {"x": "\u00eb"}}},
        {"json": {"a": {"x": "\u00eb"}, "b": (1.0, 2, None)}, "type": "text"},
        {"json": None},
        {"json": True},
        {"json": 3},
        {"json": 12345678901234567890},
    ],
)
def test_an_expected_value_in_each_form(wanted: dict[str, Any]) -> None:
    log = log_of(
        "Hi, Zo\xeb".encode(),
        b"",
        b'{"a": {"x": "\\u00eb"}, "b": [1, 2, null]}',
        b"null",
        b"true",
        b" 3.0 ",
        b"12345678901234567890",
    )
    assert expect_frame(log, **wanted, timeout=0).kind == "frame"


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"value": [1, 2]}, "frame 01 02"),
        ({"value": re.compile("^bye")}, r"frame like '\^bye'"),
        ({"value": re.compile(b"bye")}, "frame like b'bye'"),
        ({"value": lambda payload: False}, "frame that <lambda> accepts"),
        ({"value": str.isspace, "type": "text"}, "text that isspace accepts"),
        ({"json": {"a": True}}, 'frame JSON {"a": true}'),
        ({"json": 1}, "frame JSON 1"),
        ({"json": "1"}, 'frame JSON "1"'),
        ({"json": False}, "frame JSON false"),
        ({"json": 12345678901234567890}, "frame JSON 12345678901234567890"),
        ({"json": []}, r"frame JSON \[\]"),
    ],
)
def test_a_value_that_does_not_come_is_named(wanted: dict[str, Any], named: str) -> None:
    deep = b"[" * 100_000
    log = log_of(b'{"a": 1}', b"true", b"0", b"12345678901234567891", deep, b"\xff", b"1" * 5000)
    with pytest.raises(AssertionError, match=f"^{named} was expected and did not come within 0 s"):
        expect_frame(log, **wanted, timeout=0)
    if "value" in wanted:
        with pytest.raises(AssertionError, match=f"^{named} was expected and did not come\n"):
            expect_frame(log.frames, **wanted, timeout=None)


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        (
            {"type": "binary"},
            ValueError,
            "'binary' is not the type of a frame; choose from 'text', ",
        ),
        ({"type": "Text"}, ValueError, "'Text' is not the type of a frame"),
        ({"type": "closed"}, ValueError, "'closed' is not the type of a frame"),
        ({"type": ["text"]}, ValueError, r"\['text'\] is not the type of a frame"),
        ({"type": b"text"}, ValueError, "b'text' is not the type of a frame"),
        ({"sender": "sever"}, ValueError, 'sender is "server", "client" or None for either, not '),
        ({"sender": "sent"}, ValueError, 'sender is "server", "client" or None for either, not '),
        ({"connection": "1"}, TypeError, "connection is the number of a connection, such as"),
        ({"connection": True}, TypeError, "connection is the number of a connection, such as"),
        ({"connection": -1}, ValueError, "connections are numbered from 1, and 0 is the server"),
        (
            {"after": "3"},
            TypeError,
            "after is a whole number, not '3'; record.number is the number of",
        ),
        ({"after": True}, TypeError, "after is a whole number, not True"),
    ],
)
def test_an_expectation_that_could_never_fail_or_never_hold_is_refused(
    wanted: Any, error: type[Exception], message: str
) -> None:
    log = log_of(b"Hello")
    for source in (log, log.frames):
        with pytest.raises(error, match=f"^{message}"):
            expect_no_frame(source, **wanted, seconds=0)
        with pytest.raises(error, match=f"^{message}"):
            expect_frame(source, **wanted, timeout=0)
        with pytest.raises(error, match=f"^{message}"):
            asyncio.run(expect_frame_async(source, **wanted, timeout=0))


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"count": 0}, ValueError, "count is 0; the first matching record has the count 1"),
        ({"count": "2"}, TypeError, "count is a whole number, not '2'"),
        ({"timeout": "2"}, TypeError, "timeout is a number of seconds, or None for no limit, not "),
        ({"timeout": math.nan}, ValueError, "timeout is nan"),
        ({"value": {"a": 1}}, TypeError, r"a dict is expected as JSON: write json=\{'a': 1\}"),
        ({"value": 5}, InvalidMessage, "bytes are given as bytes, as a str, or as integers"),
        ({"value": [256]}, InvalidMessage, "item 0 of the byte table is 256"),
        ({"value": {1, 2}}, InvalidMessage, "a set keeps neither order"),
        ({"value": "\ud800"}, InvalidMessage, "the text"),
        ({"value": "x", "json": 1}, TypeError, "the payload is given once: as a value, or with"),
        ({"json": {1, 2}}, TypeError, r"json=\{1, 2\} cannot be written as JSON: "),
        ({"json": [math.nan]}, TypeError, r"json=\[nan\] cannot be written as JSON: "),
        ({"json": math.inf}, TypeError, "json=inf cannot be written as JSON: "),
        ({"json": b"x"}, TypeError, "json=b'x' cannot be written as JSON: "),
    ],
)
def test_an_expected_frame_that_is_none_is_refused(
    wanted: Any, error: type[Exception], message: str
) -> None:
    log = log_of(b"Hello")
    for source in (log, log.frames):
        with pytest.raises(error, match=f"^{message}"):
            expect_frame(source, **wanted)
