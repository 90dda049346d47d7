"""From received bytes to messages, records and the last frame, however TCP cuts them."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from astra_nb.log.pieces import Pieces
from astra_nb.log.records import FrameRecord
from astra_nb.net import receiving
from astra_nb.net.closing import Last
from astra_nb.net.receiving import AFTER_CLOSE, AFTER_FAILURE, CUT, Receiver
from astra_nb.net.unread_frames import MAX_LATE
from astra_nb.wire.frames import split
from astra_nb.wire.messages import CloseFrame, Message
from astra_nb.wire.opcodes import CLOSE
from astra_nb.wire.why_closed import close_fault
from fuzz.memory import Outcome, feed, opening
from tests.conformance.octets import KEY, chop, frame, header_size, mask_all

# --- one receiver ------------------------------------------------------------------------------

Side = Literal["server", "client"]
SIDES: tuple[Side, ...] = ("server", "client")


class Receiving:
    """A receiver behind an open protocol; frames are given as a server sends them.

    Attributes:
        recorded: Bytes, number of frames, verdict and plain payloads of each run.
        pongs: The payloads of PONG frames.
    """

    def __init__(
        self, side: Side = "server", *, compressed: bool = False, max_size: int = 2**20
    ) -> None:
        self.side = side
        self.protocol: ServerProtocol | ClientProtocol = (
            ServerProtocol(state=OPEN, max_size=max_size)
            if side == "server"
            else ClientProtocol(parse_uri("ws://127.0.0.1/"), state=OPEN, max_size=max_size)
        )
        if compressed:
            self.protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]
        self.recorded: list[tuple[bytes, int, str, tuple[bytes | None, ...] | None]] = []
        self.kept: list[bytes | Pieces] = []
        self.pongs: list[bytes] = []
        self.receiver = Receiver(self.protocol, self.record, self.pongs.append)

    def record(
        self,
        data: bytes | Pieces,
        count: int,
        verdict: str = "",
        messages: tuple[bytes | None, ...] | None = None,
    ) -> None:
        self.kept.append(data)
        joined = data.join() if isinstance(data, Pieces) else data
        self.recorded.append((joined, count, verdict, messages))

    def wire(self, frames: bytes) -> bytes:
        return mask_all(frames) if self.side == "server" else frames

    def __call__(self, frames: bytes) -> tuple[list[Message], Last | None]:
        return self.receiver.receive(self.wire(frames))

    def raw(self, data: bytes) -> tuple[list[Message], Last | None]:
        return self.receiver.receive(data)

    @property
    def verdicts(self) -> list[tuple[bytes, str]]:
        return [(data, verdict) for data, _, verdict, _ in self.recorded]


HELLO = frame(1, b"Hello")
CLOSED = frame(8, b"\x0f\xa0why")
LAST_CLOSE = Last(CloseFrame(4000, "why"), b"\x0f\xa0why")
LONG = Last(
    None,
    b"\x03\xeapayload length is not in its shortest form",
    "the payload length is not in its shortest form (RFC 6455, section 5.2)",
)
TOP_BIT = Last(
    None,
    b"\x03\xeamost significant bit of the payload length is not 0",
    "the most significant bit of the payload length is not 0 (RFC 6455, section 5.2)",
)


def not_utf8(fault: str, where: str = "") -> Last:
    return Last(
        None,
        b"\x03\xefinvalid UTF-8",
        f"the text is not UTF-8{where}: {fault} (RFC 6455, section 8.1)",
    )


@pytest.mark.parametrize("size", [125, 126, 127, 65535, 65536])
@pytest.mark.parametrize("cut", [1, 3, 5, 100])
@pytest.mark.parametrize("side", SIDES)
def test_a_payload_at_the_edge_of_a_length_form_that_tcp_cuts(
    side: Side, cut: int, size: int
) -> None:
    end, payload = Receiving(side), b"x" * size
    data = end.wire(frame(2, payload) + HELLO)
    assert end.raw(data[:cut]) == ([], None)
    assert end.raw(data[cut:]) == ([Message("bytes", payload), Message("text", "Hello")], None)
    assert b"".join(raw for raw, _ in end.verdicts) == data
    assert {verdict for _, verdict in end.verdicts} == {""}


@pytest.mark.parametrize("side", SIDES)
def test_each_type_of_frame_is_a_message(side: Side) -> None:
    end = Receiving(side)
    data = HELLO + frame(2, b"\xff") + frame(9, b"i") + frame(10, b"o")
    assert end(data) == (
        [
            Message("text", "Hello"),
            Message("bytes", b"\xff"),
            Message("ping", b"i"),
            Message("pong", b"o"),
        ],
        None,
    )
    assert end.recorded == [(end.wire(data), 4, "", None)]
    assert end.pongs == [b"o"]
    assert end.receiver.unrecorded == 0


def test_fragments_are_one_message_and_control_frames_come_between() -> None:
    end = Receiving()
    assert end(frame(1, b"H\xc3", fin=False) + frame(9, b"")) == ([Message("ping", b"")], None)
    assert end(frame(0, b"\xa9", fin=False)) == ([], None)
    assert end(frame(0, b"!") + frame(2, b"next")) == (
        [Message("text", "Hé!"), Message("bytes", b"next")],
        None,
    )
    assert [count for _, count, _, _ in end.recorded] == [2, 1, 2]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65535, 65536])
@pytest.mark.parametrize("side", SIDES)
def test_every_form_of_the_payload_length(side: Side, length: int) -> None:
    end = Receiving(side)
    data = frame(2, b"x" * length)
    assert end(data + data) == ([Message("bytes", b"x" * length)] * 2, None)
    assert end.recorded == [(end.wire(data + data), 2, "", None)]


@pytest.mark.parametrize("size", [1, 2, 5, 13])
@pytest.mark.parametrize("side", SIDES)
def test_frames_that_tcp_cuts(side: Side, size: int) -> None:
    end = Receiving(side)
    frames = [HELLO, frame(2, b"y" * 200), frame(9, b"ping"), frame(2, b"")]
    messages = []
    for chunk in chop(end.wire(b"".join(frames)), size):
        came, last = end.raw(chunk)
        messages += came
        assert last is None
    assert messages == [
        Message("text", "Hello"),
        Message("bytes", b"y" * 200),
        Message("ping", b"ping"),
        Message("bytes", b""),
    ]
    assert b"".join(data for data, _, _, _ in end.recorded) == end.wire(b"".join(frames))
    assert sum(count for _, count, _, _ in end.recorded) == 4
    end.receiver.end()
    assert sum(count for _, count, _, _ in end.recorded) == 4


def test_a_chunk_is_kept_only_when_most_of_it_is_used() -> None:
    end = Receiving()
    data = end.wire(frame(2, b"a" * 1000) + frame(2, b"b" * 3000))
    end.raw(data[:500])
    end.raw(data[500:1900])  # most of this chunk belongs to the next frame
    end.raw(data[1900:])
    assert [type(kept) for kept in end.kept] == [bytes, Pieces]
    assert [count for _, count, _, _ in end.recorded] == [1, 1]
    assert b"".join(joined for joined, _, _, _ in end.recorded) == data


@pytest.mark.parametrize("side", SIDES)
def test_a_frame_that_the_end_of_tcp_cuts(side: Side) -> None:
    for length in (1, 3, 6):
        end = Receiving(side)
        data = end.wire(HELLO)[:length]
        assert end(HELLO)[1] is None
        assert end.raw(data) == ([], None)
        end.receiver.end()
        end.receiver.end()
        assert end.verdicts == [(end.wire(HELLO), ""), (data, CUT)]


# --- the CLOSE frame ---------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_a_close_frame_is_the_last(side: Side) -> None:
    end = Receiving(side)
    close = Message("close", CloseFrame(4000, "why"))
    assert end(HELLO + CLOSED) == ([Message("text", "Hello"), close], LAST_CLOSE)
    assert end.recorded == [(end.wire(HELLO + CLOSED), 2, "", None)]


@pytest.mark.parametrize("side", SIDES)
def test_an_empty_close_frame_has_no_code(side: Side) -> None:
    end = Receiving(side)
    assert end(frame(8)) == ([Message("close", None)], Last(CloseFrame(1005), b""))


def test_a_close_frame_that_tcp_cuts() -> None:
    end = Receiving()
    data = end.wire(CLOSED)
    assert end.raw(data[:4]) == ([], None)
    assert end.raw(data[4:]) == ([Message("close", CloseFrame(4000, "why"))], LAST_CLOSE)
    assert end.verdicts == [(data, "")]


def test_what_comes_after_a_close_frame_is_ignored() -> None:
    end = Receiving()
    assert end(CLOSED)[1] == LAST_CLOSE
    assert end(HELLO + frame(2, b"late")) == ([], None)
    assert end.raw(end.wire(HELLO)[:3]) == ([], None)
    assert end.raw(end.wire(HELLO)[3:]) == ([], None)
    assert end.raw(b"\x81") == ([], None)
    end.receiver.end()
    assert end.verdicts == [
        (end.wire(CLOSED), ""),
        (end.wire(HELLO + frame(2, b"late")), AFTER_CLOSE),
        (end.wire(HELLO), AFTER_CLOSE),
        (b"\x81", AFTER_CLOSE),
    ]
    assert [count for _, count, _, _ in end.recorded] == [1, 2, 1, 1]


def test_frames_after_a_close_frame_in_the_same_chunk() -> None:
    end = Receiving()
    # The protocol reads nothing after it.
    assert end(HELLO + CLOSED + HELLO + HELLO)[1] == LAST_CLOSE
    assert end.verdicts == [
        (end.wire(HELLO + CLOSED), ""),
        (end.wire(HELLO + HELLO), AFTER_CLOSE),
    ]


def test_a_close_frame_inside_a_fragmented_message() -> None:
    end = Receiving()
    assert end(frame(1, b"never ended", fin=False)) == ([], None)
    assert end(frame(9, b"p") + CLOSED + HELLO) == (
        [Message("ping", b"p"), Message("close", CloseFrame(4000, "why"))],
        LAST_CLOSE,
    )
    assert end.verdicts == [
        (end.wire(frame(1, b"never ended", fin=False)), ""),
        (end.wire(frame(9, b"p")), ""),
        (end.wire(CLOSED), ""),
        (end.wire(HELLO), AFTER_CLOSE),
    ]


def test_an_empty_close_frame_inside_a_fragmented_message() -> None:
    end = Receiving()
    end(frame(1, b"never ended", fin=False))
    assert end(frame(8)) == ([Message("close", None)], Last(CloseFrame(1005), b""))


def test_a_close_frame_with_a_long_length_inside_a_fragmented_message() -> None:
    end = Receiving("client")
    end(frame(1, b"never ended", fin=False))
    assert end(b"\x88\x7e\x00\x02\x03\xe8" + HELLO) == ([], LONG)
    assert end.verdicts[1:] == [
        (b"\x88\x7e\x00\x02\x03\xe8", f"refused: {LONG.refusal}"),
        (HELLO, AFTER_FAILURE),
    ]


# --- refusals ----------------------------------------------------------------------------------

# What arrives (as a server sends it), the answer, and why.
BY_THE_PROTOCOL = [
    (b"\x83\x01x", b"\x03\xeainvalid opcode", "invalid opcode"),
    (b"\xc1\x00", b"\x03\xeareserved bits must be 0", "reserved bits must be 0"),
    (
        b"\x89\x7e\x00\x7e" + b"x" * 126,
        b"\x03\xeacontrol frame too long",
        "control frame too long",
    ),
    (b"\x09\x00", b"\x03\xeafragmented control frame", "fragmented control frame"),
    (
        b"\x80\x00",
        b"\x03\xeaunexpected continuation frame",
        "unexpected continuation frame",
    ),
]


@pytest.mark.parametrize(("broken", "answer", "refusal"), BY_THE_PROTOCOL)
@pytest.mark.parametrize("side", SIDES)
def test_what_the_protocol_refuses(side: Side, broken: bytes, answer: bytes, refusal: str) -> None:
    end = Receiving(side)
    messages, last = end(HELLO + broken + HELLO)
    assert messages == [Message("text", "Hello")]
    assert last is not None
    assert (last.close, last.refusal) == (None, refusal)
    assert last.answer == answer
    assert end.verdicts == [
        (end.wire(HELLO), ""),
        (end.wire(broken), f"refused: {refusal}"),
        (end.wire(HELLO), AFTER_FAILURE),
    ]
    assert end(HELLO) == ([], None)
    assert end.verdicts[3:] == [(end.wire(HELLO), AFTER_FAILURE)]


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (b"x", b"\x03\xeaclose frame too short"),
        (b"\x03\xe7", b"\x03\xeainvalid status code"),
        (b"\x03\xed", b"\x03\xeainvalid status code"),
        (b"\x03\xe8\xff" + b"x" * 122, b"\x03\xefinvalid start byte at position 0"),
    ],
)
@pytest.mark.parametrize("side", SIDES)
def test_a_close_frame_that_is_refused_for_what_it_holds(
    side: Side, payload: bytes, answer: bytes
) -> None:
    end = Receiving(side)
    bad = frame(8, payload)
    fault = close_fault(payload)
    refusal = f"a CLOSE frame with {fault}"
    assert end(bad + HELLO) == ([], Last(None, answer, refusal, fault))
    assert end.verdicts == [
        (end.wire(bad), f"refused: {refusal}"),
        (end.wire(HELLO), AFTER_FAILURE),
    ]


@pytest.mark.parametrize("side", SIDES)
def test_a_message_that_is_too_big_names_the_limit(side: Side) -> None:
    end = Receiving(side, max_size=10)
    assert end(frame(2, b"x" * 10)) == ([Message("bytes", b"x" * 10)], None)
    _, last = end(frame(2, b"x" * 11) + HELLO)
    assert last is not None
    assert last.answer.startswith(b"\x03\xf1")
    assert last.refusal == f"{last.answer[2:].decode()}; the limit is max_message_size"
    assert "11" in last.refusal
    assert end.verdicts[1:] == [
        (end.wire(frame(2, b"x" * 11)), f"refused: {last.refusal}"),
        (end.wire(HELLO), AFTER_FAILURE),
    ]


@pytest.mark.parametrize("side", SIDES)
def test_a_frame_with_the_wrong_masking(side: Side) -> None:
    end = Receiving(side)
    wrong = HELLO if side == "server" else mask_all(HELLO)
    messages, last = end.raw(wrong)
    assert messages == []
    assert last == Last(None, b"\x03\xeaincorrect masking", "incorrect masking")
    assert end.verdicts == [(wrong, "refused: incorrect masking")]


def test_a_refused_frame_that_has_not_all_come() -> None:
    end = Receiving("client")
    broken = frame(3, b"x" * 300)
    _, last = end.raw(broken[:10])
    assert last == Last(None, b"\x03\xeainvalid opcode", "invalid opcode")
    assert end.raw(broken[10:200]) == ([], None)
    assert end.raw(broken[200:] + HELLO) == ([], None)
    # The rest of the frame is not on record; what comes after it is.
    assert end.verdicts == [
        (broken[:10], "refused: invalid opcode"),
        (HELLO, AFTER_FAILURE),
    ]
    assert end.receiver.unrecorded == len(broken) - 10


def test_a_frame_is_refused_before_its_length_has_come() -> None:
    end = Receiving("client")
    _, last = end.raw(b"\x83\x7e")
    assert last == Last(None, b"\x03\xeainvalid opcode", "invalid opcode")
    assert end.raw(b"rest") == ([], None)
    end.receiver.end()
    assert end.verdicts == [(b"\x83\x7e", "refused: invalid opcode"), (b"rest", AFTER_FAILURE)]


# "Hello" with a length of two bytes, and with one of eight; the largest lengths that are too long.
LONG_FORMS = [
    b"\x81\x7e\x00\x05Hello",
    b"\x81\x7f" + (5).to_bytes(8, "big") + b"Hello",
    b"\x82\x7e\x00\x7d" + b"x" * 125,
    b"\x82\x7f" + (65535).to_bytes(8, "big") + b"x" * 65535,
]


@pytest.mark.parametrize("broken", LONG_FORMS)
@pytest.mark.parametrize("side", SIDES)
def test_a_length_that_is_not_in_its_shortest_form(side: Side, broken: bytes) -> None:
    end = Receiving(side)
    assert end(HELLO + broken + HELLO) == ([Message("text", "Hello")], LONG)
    assert end.verdicts == [
        (end.wire(HELLO), ""),
        (end.wire(broken), f"refused: {LONG.refusal}"),
        (end.wire(HELLO), AFTER_FAILURE),
    ]


@pytest.mark.parametrize("broken", LONG_FORMS)
@pytest.mark.parametrize("side", SIDES)
def test_a_long_form_is_refused_by_its_header(side: Side, broken: bytes) -> None:
    end = Receiving(side)
    size = {126: 4, 127: 10}[broken[1]]
    data = end.wire(broken)
    for index in range(size - 1):
        assert end.raw(data[index : index + 1]) == ([], None)
    assert end.raw(data[size - 1 : size]) == ([], LONG)
    assert end.verdicts == [(data[:size], f"refused: {LONG.refusal}")]


def test_a_long_form_whose_header_was_cut() -> None:
    end = Receiving()
    data = end.wire(HELLO + LONG_FORMS[0])
    assert end.raw(data[:13]) == ([Message("text", "Hello")], None)
    assert end.raw(data[13:]) == ([], LONG)
    assert end.verdicts == [
        (data[:11], ""),
        (data[11:], f"refused: {LONG.refusal}"),
    ]


@pytest.mark.parametrize("side", SIDES)
def test_the_top_bit_of_a_length(side: Side) -> None:
    end = Receiving(side, max_size=2**64)
    broken = end.wire(b"\x82\x7f" + (2**63).to_bytes(8, "big"))
    assert end.raw(broken[:9]) == ([], None)
    assert end.raw(broken[9:]) == ([], TOP_BIT)
    assert end.verdicts == [(broken, f"refused: {TOP_BIT.refusal}")]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("header", "last"),
    [
        (b"\x82\x7f" + (2**63).to_bytes(8, "big"), TOP_BIT),
        (b"\x81\x7f" + b"\xff" * 8, TOP_BIT),
        (b"\x01\x7f" + (2**63 + 1).to_bytes(8, "big"), TOP_BIT),
        (b"\x82\x7f" + (60_000).to_bytes(8, "big"), LONG),
        (b"\x82\x7e" + (100).to_bytes(2, "big"), LONG),
    ],
)
@pytest.mark.parametrize("before", [b"", HELLO], ids=["first", "second"])
def test_a_wrong_length_is_that_before_it_is_too_big(
    side: Side, header: bytes, last: Last, before: bytes
) -> None:
    end = Receiving(side, max_size=99)
    broken = end.wire(header)
    assert end.raw(end.wire(before) + broken)[1] == last
    assert end.verdicts[-1] == (broken, f"refused: {last.refusal}")


def test_the_largest_length_is_only_too_big_for_the_limit() -> None:
    largest = b"\x82\x7f" + (2**63 - 1).to_bytes(8, "big")
    assert Receiving("client", max_size=2**64).raw(largest) == ([], None)
    _, last = Receiving("client").raw(largest)
    assert last is not None
    assert last.answer.startswith(b"\x03\xf1")


# --- UTF-8 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_a_text_that_is_not_utf8(side: Side) -> None:
    end = Receiving(side)
    bad = frame(1, b"ab\xc3\x28")
    last = not_utf8("c3 begins a character of 2 bytes, and 28 does not continue it", " at byte 2")
    assert end(HELLO + frame(2, b"1") + bad + HELLO) == (
        [Message("text", "Hello"), Message("bytes", b"1")],
        last,
    )
    assert end.verdicts == [
        (end.wire(HELLO + frame(2, b"1")), ""),
        (end.wire(bad), f"refused: {last.refusal}"),
        (end.wire(HELLO), AFTER_FAILURE),
    ]


def test_a_text_that_ends_inside_a_character() -> None:
    end = Receiving()
    refused = not_utf8("c3 begins a character of 2 bytes, and the rest is missing", " at byte 2")
    assert end(frame(1, b"ab\xc3")) == ([], refused)


def test_a_long_form_before_a_text_that_is_not_utf8() -> None:
    end = Receiving("client")
    assert end(HELLO + LONG_FORMS[0] + frame(1, b"\xff")) == ([Message("text", "Hello")], LONG)
    end = Receiving("client")
    # Its own length is the first fault.
    assert end(HELLO + b"\x81\x7e\x00\x01\xff") == ([Message("text", "Hello")], LONG)


def test_a_fragment_that_is_not_utf8_is_refused_at_once() -> None:
    end = Receiving()
    assert end(frame(1, b"Hello \xc3", fin=False)) == ([], None)
    _, last = end(frame(0, b"\x28", fin=False))
    assert last is not None
    assert last.answer == b"\x03\xefinvalid UTF-8"
    assert last.refusal.startswith(
        "the text is not UTF-8: c3 begins a character of 2 bytes, and 28"
    )
    assert end(frame(0, b"late")) == ([], None)
    assert [verdict for _, verdict in end.verdicts] == [
        "",
        f"refused: {last.refusal}",
        AFTER_FAILURE,
    ]


@pytest.mark.parametrize("opcode", [1, 2])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_fragment_too_many_is_refused(
    monkeypatch: pytest.MonkeyPatch, opcode: int, compressed: bool
) -> None:
    monkeypatch.setattr(receiving, "MAX_FRAGMENTS", 4)
    value = "" if opcode == 1 else b""
    end = Receiving(compressed=compressed)
    whole = frame(opcode, b"", fin=False) + frame(0, b"", fin=False) * 2 + frame(0, b"")
    messages, last = end(whole * 2)  # the bound is for each message
    assert ([message.value for message in messages], last) == ([value] * 2, None)
    endless = frame(opcode, b"", fin=False) + frame(0, b"", fin=False) * 4
    messages, last = end(frame(9, b"ping") + endless + frame(9, b"late"))
    assert [message.value for message in messages] == [b"ping"]
    assert last == Last(
        None,
        b"\x03\xf1too many fragments",
        "the message has more than 4 fragments, which is the limit (RFC 6455, section 10.4)",
    )
    assert [(data, verdict) for data, verdict in end.verdicts if verdict] == [
        (end.wire(frame(0, b"", fin=False)), f"refused: {last.refusal}"),
        (end.wire(frame(9, b"late")), AFTER_FAILURE),
    ]
    assert end.receiver.receive(frame(9, b"later")) == ([], None)


@pytest.mark.parametrize("side", SIDES)
def test_a_text_is_refused_while_its_frame_still_arrives(side: Side) -> None:
    end = Receiving(side)
    data = end.wire(frame(1, b"x" * 200 + b"\xc3" + b"y" * 200))
    start = len(data) - 401
    assert end.raw(data[: start + 100]) == ([], None)
    assert end.raw(data[start + 100 : start + 201]) == ([], None)  # it may still become UTF-8
    refused = not_utf8("c3 begins a character of 2 bytes, and 79 does not continue it")
    assert end.raw(data[start + 201 : start + 202]) == ([], refused)
    assert end.verdicts == [(data[: start + 202], f"refused: {refused.refusal}")]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size", [1, 3, 7])
def test_a_text_in_long_form_is_decoded_as_it_arrives(side: Side, size: int) -> None:
    end = Receiving(side)
    text = "é漢🎉" * 40
    messages: list[Message] = []
    for chunk in chop(end.wire(frame(1, text.encode())), size):
        came, last = end.raw(chunk)
        assert last is None
        messages += came
    assert messages == [Message("text", text)]


def test_a_continuation_is_refused_while_it_still_arrives() -> None:
    end = Receiving("client")
    assert end(frame(1, b"\xe6\xbc", fin=False)) == ([], None)
    rest = frame(0, b"\xa2" + b"z" * 20)
    assert end.raw(rest[:4]) == ([], None)
    assert end.raw(rest[4:6]) == ([], None)
    end = Receiving("client")
    assert end(frame(1, b"\xe6\xbc", fin=False)) == ([], None)
    assert end.raw(rest[:2]) == ([], None)  # nothing of its payload yet
    refused = not_utf8("e6 bc begins a character of 3 bytes, and 7a does not continue it")
    assert end.raw(b"zz") == ([], refused)


def test_the_next_frame_is_decoded_from_its_own_start() -> None:
    end = Receiving("client")
    first, second = frame(1, b"a" * 20), frame(1, b"\xc3\xa9" + b"b" * 20)
    assert end.raw(first[:10]) == ([], None)
    assert end.raw(first[10:] + second[:3]) == ([Message("text", "a" * 20)], None)
    assert end.raw(second[3:]) == ([Message("text", "é" + "b" * 20)], None)
    end = Receiving("client")
    assert end.raw(first[:10]) == ([], None)
    assert end.raw(first[10:] + b"\x81\x14\xff") == (
        [Message("text", "a" * 20)],
        not_utf8("ff is never a byte of UTF-8"),
    )


@pytest.mark.parametrize(
    "arriving",
    [
        frame(2, b"\xff" * 10),  # binary
        frame(9, b"\xff" * 10),
        frame(10, b"\xff" * 10),
    ],
)
def test_what_is_not_text_may_have_any_bytes(arriving: bytes) -> None:
    end = Receiving()
    data = end.wire(arriving)
    assert end.raw(data[:12]) == ([], None)
    messages, last = end.raw(data[12:])
    assert ([message.value for message in messages], last) == ([b"\xff" * 10], None)


def test_the_fragments_of_a_binary_message_may_have_any_bytes() -> None:
    end = Receiving()
    end(frame(2, b"\xff", fin=False))
    data = end.wire(frame(0, b"\xff" * 10))
    assert end.raw(data[:12]) == ([], None)
    assert end.raw(data[12:]) == ([Message("bytes", b"\xff" * 11)], None)


def test_a_ping_inside_a_text_message_may_have_any_bytes() -> None:
    end = Receiving()
    end(frame(1, b"\xc3", fin=False))
    data = end.wire(frame(9, b"\xff" * 10))
    assert end.raw(data[:12]) == ([], None)
    assert end.raw(data[12:]) == ([Message("ping", b"\xff" * 10)], None)


def test_an_arriving_frame_with_a_reserved_bit_is_left_to_the_protocol() -> None:
    end = Receiving("client")
    # With an extension that uses the bit its payload would not be text.
    data = frame(1, b"\xff" * 10, rsv=2)
    assert end.raw(data[:6]) == ([], None)
    refused = Last(None, b"\x03\xeareserved bits must be 0", "reserved bits must be 0")
    assert end.raw(data[6:]) == ([], refused)


def test_no_bytes_are_no_frame() -> None:
    end = Receiving()
    assert end.raw(b"") == ([], None)
    assert end.recorded == []


# --- when nobody reads any more ----------------------------------------------------------------


def test_late_frames_are_recorded_up_to_a_bound_and_the_rest_is_counted() -> None:
    end = Receiving("client")
    end(CLOSED)
    one = frame(2, b"x" * (MAX_LATE // 2 - 4))
    end.raw(one)
    end.raw(one)
    assert end.receiver.unrecorded == 0
    assert end.verdicts[1:] == [(one, AFTER_CLOSE)] * 2
    end.raw(b"\x82\x00")
    end.raw(frame(2, b"y" * 100))
    assert end.verdicts[3:] == []
    assert end.receiver.unrecorded == 2 + 102
    end.receiver.end()
    assert end.verdicts[3:] == []


def test_a_late_frame_that_is_too_large_is_counted_while_it_arrives() -> None:
    end = Receiving("client")
    end(CLOSED)
    large = frame(2, b"x" * (2 * MAX_LATE))
    assert end.raw(large[:MAX_LATE]) == ([], None)
    assert end.receiver.unrecorded == 0
    assert end.raw(large[MAX_LATE:]) == ([], None)
    assert end.receiver.unrecorded == len(large)
    end.raw(HELLO)
    assert end.receiver.unrecorded == len(large) + len(HELLO)
    assert len(end.recorded) == 1


def test_the_protocol_is_not_fed_with_what_comes_late() -> None:
    end = Receiving("client")
    end(CLOSED)
    end.protocol.receive_data = pytest.fail  # type: ignore[method-assign, assignment]
    end.raw(HELLO)


# --- compressed --------------------------------------------------------------------------------


def compressed(*payloads: bytes, type: Opcode = Opcode.TEXT) -> list[bytes]:
    """Return frames as a server with permessage-deflate sends them."""
    extension = PerMessageDeflate(False, False, 15, 15)
    return [
        Frame(type, payload).serialize(mask=False, extensions=[extension]) for payload in payloads
    ]


def test_the_plain_payloads_of_compressed_frames_are_recorded() -> None:
    end = Receiving("client", compressed=True)
    one, two = compressed(b"text " * 30, b"text " * 40)
    data = one + frame(9, b"plain") + two
    assert end.raw(data) == (
        [
            Message("text", "text " * 30),
            Message("ping", b"plain"),
            Message("text", "text " * 40),
        ],
        None,
    )
    assert end.recorded == [(data, 3, "", (b"text " * 30, None, b"text " * 40))]


def test_a_compressed_frame_that_is_as_long_as_its_payload() -> None:
    text = b"aaaaaa"
    end = Receiving("client", compressed=True)
    (data,) = compressed(text)
    assert len(data) == 2 + len(text)
    assert end.raw(data) == ([Message("text", text.decode())], None)
    assert end.recorded == [(data, 1, "", (text,))]


def test_compressed_text_that_is_not_utf8() -> None:
    end = Receiving("client", compressed=True)
    good, bad = compressed(b"text " * 30, b"text \xff" * 30)
    assert end.raw(good + bad[:3]) == ([Message("text", "text " * 30)], None)
    messages, last = end.raw(bad[3:])
    refused = not_utf8("ff is never a byte of UTF-8", " at byte 5")
    assert (messages, last) == ([], refused)
    assert end.recorded == [
        (good, 1, "", (b"text " * 30,)),
        (bad, 1, f"refused: {refused.refusal}", None),
    ]


def test_the_masking_key_turns_with_the_bytes_that_have_come() -> None:
    end = Receiving()
    text = b"abcdefghijklmnopqrstuvwxyz"
    data = mask_all(frame(1, text), KEY)
    for cut in (7, 8, 9, 12):
        assert end.raw(data[:cut]) == ([], None)
        assert end.raw(data[cut : cut + 3]) == ([], None)
        assert end.raw(data[cut + 3 :]) == ([Message("text", text.decode())], None)


# --- every way in which TCP may cut -------------------------------------------------------------

TEXTS = st.text(max_size=200).map(str.encode)
WHOLE = st.one_of(
    st.builds(frame, st.just(1), TEXTS),
    st.builds(frame, st.just(2), st.binary(max_size=200)),
    st.builds(frame, st.sampled_from([9, 10]), st.binary(max_size=125)),
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message in one frame, or in fragments with a control frame between them."""
    if draw(st.booleans()):
        return draw(WHOLE)
    parts = draw(st.lists(st.binary(max_size=50), min_size=2, max_size=4))
    frames = [
        frame(0 if index else 2, part, fin=index == len(parts) - 1)
        for index, part in enumerate(parts)
    ]
    return frame(9, draw(st.binary(max_size=125))).join(frames)


CLOSES = st.sampled_from([b"", frame(8, b""), frame(8, b"\x03\xe8bye"), frame(8, b"\x0f\xa0")])
# Broken ones: a reserved opcode, RSV1, half a PING, bytes that are not UTF-8, a long length form.
BROKEN = st.sampled_from(
    [b"", b"\x83\x00", b"\xc1\x00", b"\x09\x00", b"\x81\x02\xc3\x28", b"\x81\x7e\x00\x05Hello"]
)


def told(outcome: Outcome) -> list[tuple[bytes, str]]:
    """The bytes and the verdict of each frame up to the first that was refused."""
    records = [
        record
        for record in outcome.records
        if isinstance(record, FrameRecord) and record.direction == "received"
    ]
    return [(record.frame.raw, record.verdict) for record in records if not record.verdict]


@given(
    parts=st.lists(messages(), max_size=5),
    end=st.tuples(BROKEN, CLOSES),
    data=st.data(),
)
def test_each_chunking_gives_the_same_records(
    parts: list[bytes], end: tuple[bytes, bytes], data: st.DataObject
) -> None:
    stream = mask_all(b"".join([*parts, *end]))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(stream) - 1)), max_size=20)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(edges) if a < b]
    head = opening("server", compressed=False)

    async def both() -> tuple[Outcome, Outcome]:
        return (
            await feed("server", head, [stream] if stream else [], compressed=False),
            await feed("server", head, chunks, compressed=False),
        )

    whole, cut = asyncio.run(both())
    assert told(cut) == told(whole)
    assert cut.messages == whole.messages
    assert cut.written == whole.written


# --- the fast path decides nothing ---------------------------------------------------------------

ODD = st.one_of(
    st.builds(frame, st.sampled_from([1, 2, 0, 8, 9, 3]), st.binary(max_size=130),
              fin=st.booleans(), rsv=st.sampled_from([0, 0, 0, 4, 1])),
    st.sampled_from(LONG_FORMS),
    st.builds(frame, st.sampled_from([1, 2]), st.binary(min_size=250, max_size=400)),
    st.binary(min_size=1, max_size=4),
)  # fmt: skip
STEPS = st.one_of(st.tuples(WHOLE), st.tuples(WHOLE), st.tuples(messages()), st.tuples(ODD))


def one_by_one(end: Receiving) -> list[tuple[bytes, str]]:
    """The records of single frames, however many were recorded together."""
    return [(one.raw, verdict) for data, _, verdict, _ in end.recorded for one in split(data)]


def replies(end: Receiving) -> list[tuple[int, bytes]]:
    """The protocol's PONG frames; a client's masking keys are random.

    Its CLOSE frame is not sent: the answer to the last frame is, and the protocol's may be that to
    a second fault in the same chunk.
    """
    return [
        (one.opcode, one.payload)
        for data in end.protocol.data_to_send()
        for one in split(data)
        if one.opcode != CLOSE
    ]


@given(
    steps=st.lists(STEPS, max_size=8),
    side=st.sampled_from(SIDES),
    wrong=st.integers(0, 30),
    data=st.data(),
)
def test_with_the_fast_path_and_without_it_all_is_the_same(
    steps: list[tuple[bytes]], side: Side, wrong: int, data: st.DataObject
) -> None:
    masks = [(side == "server") != (index == wrong) for index in range(len(steps))]
    stream = b"".join(
        mask_all(one) if mask and header_size(one, 0) and len(one) > 4 else one
        for (one,), mask in zip(steps, masks, strict=True)
    )
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(stream) - 1)), max_size=20)))
    with pytest.MonkeyPatch.context() as patch:
        fast = Receiving(side, max_size=300)
        patch.setattr(receiving, "fast_path", False)
        alone = Receiving(side, max_size=300)
    assert (fast.receiver._plain, alone.receiver._plain) == (True, False)
    for start, stop in pairwise([0, *cuts, max(len(stream), 1)]):
        chunk = stream[start:stop]
        assert fast.raw(chunk) == alone.raw(chunk)
        assert replies(fast) == replies(alone)
        assert one_by_one(fast) == one_by_one(alone)
    fast.receiver.end()
    alone.receiver.end()
    assert one_by_one(fast) == one_by_one(alone)
    assert fast.pongs == alone.pongs
    assert fast.receiver.unrecorded == alone.receiver.unrecorded


def untouched(end: Receiving) -> None:
    """Have the protocol fail the test when it is fed."""
    end.protocol.receive_data = pytest.fail  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("side", SIDES)
def test_whole_messages_do_not_reach_the_protocol_however_tcp_cuts_them(side: Side) -> None:
    end = Receiving(side)
    untouched(end)
    frames = [frame(1, b"t" * 200), HELLO, frame(2, b"b" * 3000), HELLO]
    data = end.wire(b"".join(frames))
    size = len(end.wire(frames[0] + HELLO)) + 600
    assert end.raw(data[:100]) == ([], None)
    assert end.raw(data[100:150]) == ([], None)
    assert end.raw(data[150:size])[0] == [Message("text", "t" * 200), Message("text", "Hello")]
    assert end.raw(data[size:])[0] == [Message("bytes", b"b" * 3000), Message("text", "Hello")]
    assert end.recorded == [
        (end.wire(frames[0] + HELLO), 2, "", None),
        (end.wire(frames[2] + HELLO), 2, "", None),
    ]


def test_after_a_frame_for_the_protocol_the_fast_path_goes_on() -> None:
    end = Receiving("client")
    ping = frame(9, b"cut here")
    assert end.raw(HELLO + ping[:5]) == ([Message("text", "Hello")], None)
    fed: list[bytes] = []
    receive_data = end.protocol.receive_data

    def feed_protocol(data: bytes | bytearray) -> None:
        fed.append(bytes(data))
        receive_data(data)

    end.protocol.receive_data = feed_protocol  # type: ignore[method-assign]
    assert end.raw(ping[5:] + HELLO) == (
        [Message("ping", b"cut here"), Message("text", "Hello")],
        None,
    )
    assert fed == [ping[5:]]
    assert [count for _, count, _, _ in end.recorded] == [1, 1, 1]


def test_after_the_last_frame_the_rest_of_its_chunk_is_ignored() -> None:
    end = Receiving("client")
    assert end.raw(CLOSED[:3]) == ([], None)
    assert end.raw(CLOSED[3:] + HELLO)[1] == LAST_CLOSE
    assert end.verdicts == [(CLOSED, ""), (HELLO, AFTER_CLOSE)]


def test_a_protocol_that_logs_each_frame_sees_each(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "websockets.server"):
        assert Receiving()(HELLO) == ([Message("text", "Hello")], None)
    assert "< TEXT 'Hello' [5 bytes]" in caplog.text
