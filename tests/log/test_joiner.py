from __future__ import annotations

import pytest

from astra_nb.log import FrameLog
from astra_nb.log.joiner import Joiner
from astra_nb.wire.messages import CloseFrame, Message

from .samples import PING


def log_of(*frames: bytes) -> FrameLog:
    log = FrameLog()
    for frame in frames:
        log.append_frames(1, "server", "received", frame, 1)
    return log


def test_fragments_are_put_together_with_a_ping_in_between() -> None:
    log = log_of(b"\x01\x03Hel", PING, b"\x00\x01l", b"\x80\x01o")
    ping, text = log.messages
    assert (ping.type, ping.value, ping.numbers) == ("ping", b"\x00X\x0eC-", (2,))
    assert (text.type, text.value, text.numbers) == ("text", "Hello", (1, 3, 4))
    assert (text.connection, text.side, text.direction) == (1, "server", "received")
    assert text.time == log[3].time
    assert text.message == Message("text", "Hello")


def test_a_character_may_be_cut_between_fragments() -> None:
    assert log_of(b"\x01\x01\xc3", b"\x80\x01\xa9").messages[0].value == "é"


def test_each_end_and_each_connection_has_its_own_fragments() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "received", b"\x01\x01a", 1)
    log.append_frames(1, "server", "sent", b"\x02\x01b", 1)
    log.append_frames(2, "server", "received", b"\x01\x01c", 1)
    log.append_frames(2, "server", "received", b"\x80\x01C", 1)
    log.append_frames(1, "server", "sent", b"\x80\x01B", 1)
    log.append_frames(1, "server", "received", b"\x80\x01A", 1)
    assert [message.value for message in log.messages] == ["cC", b"bB", "aA"]


def test_all_five_types() -> None:
    log = log_of(b"\x81\x00", b"\x82\x01\xff", b"\x89\x00", b"\x8a\x01p", b"\x88\x00")
    assert [message.message for message in log.messages] == [
        Message("text", ""),
        Message("bytes", b"\xff"),
        Message("ping", b""),
        Message("pong", b"p"),
        Message("close", None),
    ]
    assert log_of(b"\x88\x02\x03\xe8").messages[0].value == CloseFrame(1000)


def test_what_is_not_a_message_is_left_out() -> None:
    unfinished = log_of(b"\x01\x01a", b"\x00\x01b")
    assert unfinished.messages == []
    assert log_of(b"\x80\x01b").messages == []
    assert log_of(b"\x81\x05He").messages == []
    assert log_of(b"\x83\x00").messages == []
    refused = FrameLog()
    refused.append_frames(1, "server", "received", b"\x81\x01a", 1, "refused: not masked")
    assert refused.messages == []


def test_a_decompressed_payload_is_the_message() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", b"\x41\x01x", 1, "", (b"Hel",))
    log.append_frames(1, "server", "sent", b"\x80\x01y", 1, "", (b"lo",))
    assert log.messages[0].value == "Hello"


def test_text_that_is_not_utf8_is_shown_with_replacements() -> None:
    assert log_of(b"\x81\x02a\xff").messages[0].value == "a�"


TEXT, BYTES, CONTINUATION = 1, 2, 0


def test_which_message_is_under_way() -> None:
    joiner = Joiner()
    assert joiner.under_way is None
    assert joiner.add(TEXT, b"a", False) is None
    assert joiner.under_way == "text"
    assert joiner.add(CONTINUATION, b"b", True) == Message("text", "ab")
    assert joiner.under_way is None
    assert joiner.add(BYTES, b"\xff", False) is None
    assert joiner.under_way == "bytes"
    assert joiner.add(CONTINUATION, b"", True) == Message("bytes", b"\xff")


@pytest.mark.parametrize("split", [1, 2])
def test_bad_utf8_raises_in_the_frame_that_it_is_in(split: int) -> None:
    joiner = Joiner()
    assert joiner.add(TEXT, "€".encode()[:split], False) is None
    with pytest.raises(UnicodeDecodeError):
        joiner.add(CONTINUATION, b"a", False)


def test_text_that_ends_inside_a_character_raises() -> None:
    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        Joiner().add(TEXT, b"\xe2\x82", True)


def test_a_new_decoder_continues_the_text_under_way_and_leaves_it_as_it_is() -> None:
    joiner = Joiner()
    joiner.add(TEXT, b"\xe2\x82", False)
    assert joiner.new_decoder().decode(b"\xac", final=True) == "€"
    assert joiner.add(CONTINUATION, b"\xac", True) == Message("text", "€")
    assert Joiner().new_decoder().decode(b"a", final=True) == "a"


def test_a_continuation_of_nothing_is_not_a_message() -> None:
    joiner = Joiner()
    assert joiner.add(CONTINUATION, b"a", True) is None
    assert joiner.under_way is None


def test_a_new_message_replaces_one_that_was_not_finished() -> None:
    joiner = Joiner()
    joiner.add(TEXT, b"a", False)
    assert joiner.add(TEXT, b"b", True) == Message("text", "b")


def test_the_fragments_that_have_come_are_counted() -> None:
    joiner = Joiner()
    counts = []
    for opcode, fin in [(1, False), (0, False), (0, False), (0, True), (2, False), (0, True)]:
        joiner.add(opcode, b"", fin)
        counts.append(joiner.fragments)
    assert counts == [1, 2, 3, 0, 1, 0]
