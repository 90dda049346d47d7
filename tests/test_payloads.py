from __future__ import annotations

import array
import ctypes
import itertools
import re
from enum import IntEnum
from typing import Any
from unittest.mock import ANY

import pytest

from astra_nb import payloads
from astra_nb.errors import InvalidMessage
from astra_nb.payloads import check_type, encode_bytes, encode_close, encode_control, encode_text
from astra_nb.wire.messages import CloseFrame


class Indexed:
    """Stands for an integer without being one, as NumPy's integers do."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class Code(IntEnum):
    NORMAL = 1000


def refused(function: Any, *arguments: object) -> str:
    with pytest.raises(InvalidMessage) as caught:
        function(*arguments)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


def test_text_is_utf8() -> None:
    assert encode_text("é€😀") == b"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
    assert encode_text("") == b""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            b"abc",
            "a text message takes a str, not bytes b'abc'; use send_bytes(...) for this value",
        ),
        (
            5,
            "a text message takes a str, not int 5; use str(...) or json.dumps(...) for this value",
        ),
        (
            None,
            "a text message takes a str, not None; use str(...) or json.dumps(...) for this value",
        ),
        (
            "a\ud800",
            "the text is not valid Unicode: character 1 is the lone surrogate U+D800, "
            "which UTF-8 cannot carry; remove it",
        ),
    ],
)
def test_what_is_not_a_text(value: object, message: str) -> None:
    assert refused(encode_text, value) == message


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abcdef")[::2], b"ace"),
        (memoryview(array.array("H", [1])).cast("B"), array.array("H", [1]).tobytes()),
        ("é", b"\xc3\xa9"),
        ([0, 88, 14, 67, 45], b"\x00\x58\x0e\x43\x2d"),
        ((17, 38, 80, 0, 85), b"\x11\x26\x50\x00\x55"),
        (range(3), b"\x00\x01\x02"),
        ((n for n in (1, 2)), b"\x01\x02"),
        ([Indexed(255)], b"\xff"),
        (array.array("B", [7, 255]), b"\x07\xff"),
        (array.array("b", [7, -1]), b"\x07\xff"),
        ((ctypes.c_uint8 * 2)(7, 255), b"\x07\xff"),
        (array.array("i", [7, 8]).tolist(), b"\x07\x08"),
        ([], b""),
    ],
)
def test_what_bytes_may_be_given_as(value: object, payload: bytes) -> None:
    assert encode_bytes(value) == payload


@pytest.mark.parametrize("encode", [encode_bytes, encode_control])
@pytest.mark.parametrize(
    ("value", "size"),
    [
        *((array.array("h", [1]), 2), (array.array("i", [7, 8]), 4), (array.array("d"), 8)),
        *((array.array("Q", [1]), 8), (memoryview(array.array("H", [1])), 2)),
        *(((ctypes.c_int32 * 2)(1, 2), 4), (memoryview(bytes(8)).cast("i"), 4)),
        (memoryview(array.array("h", [1, 2, 3]))[::2], 2),
    ],
)
def test_items_wider_than_a_byte_are_neither_cut_nor_taken_as_memory(
    encode: Any, value: object, size: int
) -> None:
    assert refused(encode, value) == (
        f"the {type(value).__name__} has items of {size} bytes; write value.tobytes() for its "
        f"memory, in this machine's byte order, or value.tolist() for one byte per number"
    )


@pytest.mark.parametrize("number", [ctypes.c_uint8(5), ctypes.c_int64(5)])
def test_a_number_with_memory_is_still_a_number(number: object) -> None:
    assert refused(encode_bytes, number).startswith("bytes are given as bytes, as a str, or as ")


def test_the_same_goes_for_control_frames() -> None:
    assert encode_control([0, 88, 14, 67, 45]) == b"\x00\x58\x0e\x43\x2d"
    assert encode_control("Hello") == b"Hello"
    assert encode_control(bytes(125)) == bytes(125)
    assert encode_control([0] * 125) == bytes(125)
    assert encode_control("é" * 62 + "x") == ("é" * 62 + "x").encode()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            5,
            "bytes are given as bytes, as a str, or as integers from 0 to 255 like [0, 88, 14], "
            "not as int 5",
        ),
        (
            {"a": 1},
            "bytes are given as bytes, as a str, or as integers from 0 to 255 like [0, 88, 14], "
            "not as dict {'a': 1}",
        ),
        (
            {0, 88},
            "a set keeps neither order nor repetitions, so set {0, 88} is not a byte table; "
            "write a list, like [0, 88, 14]",
        ),
        (
            [0, 256],
            "item 1 of the byte table is 256; a byte holds an integer from 0 to 255",
        ),
        (
            [-1],
            "item 0 of the byte table is -1; a byte holds an integer from 0 to 255",
        ),
        (
            [1.5],
            "item 0 of the byte table is float 1.5; each item must be an integer from 0 to 255",
        ),
        (
            [True],
            "item 0 of the byte table is bool True; each item must be an integer from 0 to 255",
        ),
        (
            ["a"],
            "item 0 of the byte table is str 'a'; each item must be an integer from 0 to 255",
        ),
    ],
)
@pytest.mark.parametrize("encode", [encode_bytes, encode_control])
def test_what_are_not_bytes(encode: Any, value: object, message: str) -> None:
    assert refused(encode, value) == message


def test_a_released_memoryview_is_refused() -> None:
    view = memoryview(b"abc")
    view.release()
    assert refused(encode_bytes, view) == (
        "the memoryview cannot be read: operation forbidden on released memoryview object; "
        "give its bytes"
    )


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (bytes(126), "126"),
        ("é" * 63, "126"),
        ([0] * 126, "more than 125"),
        (itertools.repeat(0), "more than 125"),
    ],
)
def test_a_control_payload_has_at_most_125_bytes(value: object, size: str) -> None:
    assert refused(encode_control, value) == (
        f"the payload has {size} bytes; a control frame carries at most 125 "
        f"(RFC 6455, section 5.5); shorten it, or send it as bytes"
    )


def test_an_endless_byte_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "MAX_TABLE", 1000)
    assert len(encode_bytes(itertools.repeat(7, 1000))) == 1000
    for endless in (itertools.repeat(7), itertools.repeat(7, 1001)):
        assert refused(encode_bytes, endless) == (
            "the byte table has more than 1,000 items; make it shorter, or give the data as bytes"
        )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), (None, "")),
        ((None,), (None, "")),
        ((1000,), (1000, "")),
        ((1000, "done"), (1000, "done")),
        (({"code": 1000, "reason": "done"},), (1000, "done")),
        (({"code": 1000},), (1000, "")),
        (({"code": 1000}, "done"), (1000, "done")),
        (({},), (None, "")),
        ((CloseFrame(4000, "bye"),), (4000, "bye")),
        ((CloseFrame(4000), "bye"), (4000, "bye")),
        ((Code.NORMAL,), (1000, "")),
        ((Indexed(3000),), (3000, "")),
        ((1000, "x" * 123), (1000, "x" * 123)),
        ((4999,), (4999, "")),
    ],
)
def test_what_a_close_may_say(arguments: Any, expected: tuple[int | None, str]) -> None:
    code, reason = encode_close(*arguments)
    assert (code, reason) == expected
    assert code is None or type(code) is int


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1005,), "close code 1005 is never put on the wire: "),
        ((0,), "0 is not a close code: the codes begin at 1000; "),
        ((True,), "a close code is an integer such as 1000, not bool True"),
        ((1000.0,), "a close code is an integer such as 1000, not float 1000.0"),
        (
            ("1000",),
            "a close code is an integer such as 1000, not str '1000'; "
            "write send_close(1000, reason)",
        ),
        (
            ([1000, "done"],),
            "a close code is an integer such as 1000, not list [1000, 'done']; "
            "write send_close(1000, reason)",
        ),
        (
            ({"cod": 1000},),
            'a close has a "code" and a "reason", not str \'cod\'; '
            'write {"code": 1000, "reason": "..."}',
        ),
        (
            (None, "done"),
            "a close reason needs a close code before it: send_close(1000, 'done') "
            "(RFC 6455, section 5.5.1)",
        ),
        (({"reason": "done"},), "a close reason needs a close code before it: "),
        ((1000, 5), "a close reason is a str, not int 5"),
        (
            ({"code": 1000, "reason": "a"}, "b"),
            "the close reason was given twice; give it once",
        ),
        ((CloseFrame(1000, "a"), "b"), "the close reason was given twice; give it once"),
        (
            (1000, "é" * 62),
            "the close reason has 124 bytes as UTF-8; a CLOSE frame has room for 123 after the "
            "code (RFC 6455, section 5.5); shorten it",
        ),
        (
            (1000, "\udfff"),
            "the close reason is not valid Unicode: character 0 is the lone surrogate U+DFFF, "
            "which UTF-8 cannot carry; remove it",
        ),
    ],
)
def test_what_a_close_must_not_say(arguments: Any, message: str) -> None:
    assert refused(encode_close, *arguments).startswith(message)


@pytest.mark.parametrize("type", ["text", "bytes", "ping", "pong", "close"])
def test_the_five_types(type: str) -> None:
    assert check_type(type) == type


@pytest.mark.parametrize(
    ("type", "shown"),
    [
        ("binary", "str 'binary'"),
        ("Text", "str 'Text'"),
        (1, "int 1"),
        (None, "None"),
        (ANY, "_ANY <ANY>"),  # equal to each of the five
    ],
)
def test_other_types_are_refused(type: object, shown: str) -> None:
    assert refused(check_type, type) == (
        f"{shown} is not a message type; the five are 'text', 'bytes', 'ping', 'pong', 'close', "
        f'and the type comes first: send("text", "Hello")'
    )


@pytest.mark.parametrize("value", [b"x" * 10**6, "x" * 10**6 + "\ud800", [b"x"] * 1000])
def test_a_message_never_grows_with_the_value(value: object) -> None:
    function = encode_text if not isinstance(value, list) else encode_bytes
    message = refused(function, value)
    assert len(message) < 300
    assert re.fullmatch(r"[ -~]+", message)


def test_a_value_whose_repr_raises_is_named_by_its_type() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    assert "not Broken <Broken instance at 0x" in refused(encode_text, Broken())


def test_a_number_too_long_to_write_is_named_by_its_bits() -> None:
    assert refused(encode_bytes, [10**6000]) == (
        "item 0 of the byte table is a number of 19932 bits; a byte holds an integer from 0 to 255"
    )
    assert refused(encode_close, 10**6000).startswith(
        "a number of 19932 bits is not a close code: the codes end at 4999; "
    )
    assert "not int a number of 19932 bits" in refused(encode_text, 10**6000)
