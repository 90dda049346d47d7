from __future__ import annotations

from xml.etree import ElementTree

import pytest

from astra_nb.log import FrameLog
from astra_nb.log import fan_out as module
from astra_nb.log.records import FrameRecord
from astra_nb.wire.frames import decode, encode
from astra_nb.wire.messages import Side as End
from astra_nb.wire.opcodes import BINARY, CONTINUATION, TEXT
from astra_nb.wire.svg import Picture

ROOM = """\
Fan-out of a message of client #1

client #1 -- TEXT "Hello" --> server
                                |-- after 0.25 ms --> client #1
                                |-- after 0.50 ms --> client #3

1 message in, 2 out.
The sender received it too.
It was passed on as TEXT "Kim: Hello"."""


def log_of(*frames: tuple[str, int, bytes | str], side: End = "server") -> FrameLog:
    """A log with texts and bytes on connections, each a quarter of a millisecond later."""
    return FrameLog.of(
        [
            FrameRecord(
                number=number,
                time=1 + number / 4000,
                connection=connection,
                side=side,
                direction="sent" if direction == "sent" else "received",
                frame=decode(
                    encode(TEXT, payload.encode())
                    if isinstance(payload, str)
                    else encode(BINARY, payload)
                ),
            )
            for number, (direction, connection, payload) in enumerate(frames, 1)
        ]
    )


def names(picture: Picture) -> list[str]:
    """Whom a message was sent to."""
    return [line.split("--> ")[1] for line in str(picture).splitlines() if "|--" in line]


def words(picture: Picture) -> list[str]:
    root = ElementTree.fromstring(picture.svg)
    allowed = {"svg", "title", "desc", "text", "polyline", "polygon", "rect"}
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= allowed
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_message_in_a_room() -> None:
    log = log_of(
        ("received", 1, "Hello"), ("sent", 1, "Kim: Hello"), ("sent", 3, "Kim: Hello"),
        ("received", 2, "nobody hears this"), ("sent", 2, "something else"),
    )  # fmt: skip
    picture = log.fan_out_picture()

    assert str(picture) == ROOM
    assert picture.svg.count("<polygon") == 3
    assert {"client #1", "server", "client #3", 'TEXT "Hello"', "after 0.50 ms"} <= set(
        words(picture)
    )
    assert (
        "<desc>client #1 -- TEXT &quot;Hello&quot; --&gt; server. Sent to client #1 after 0.25 ms; "
        "to client #3 after 0.50 ms. 1 message in, 2 out. The sender received it too. It was "
        "passed on as TEXT &quot;Kim: Hello&quot;.</desc>"
    ) in picture.svg


def test_the_newest_one_is_drawn_and_a_filter_chooses_another_one() -> None:
    log = log_of(
        ("received", 1, "one"), ("sent", 2, "one"), ("received", 2, b"two"),
        ("sent", 1, "two"), ("sent", 1, b"two"), ("sent", 3, b"two"), ("sent", 3, "one"),
    )  # fmt: skip

    assert str(log.fan_out_picture()).startswith("Fan-out of a message of client #2\n")
    assert names(log.fan_out_picture()) == ["client #1", "client #3"]
    assert names(log.filter(text="one").fan_out_picture()) == ["client #2", "client #3"]
    assert 'BINARY 74 77 6f "two"' in str(log.fan_out_picture())


def test_a_message_that_was_sent_to_nobody() -> None:
    picture = log_of(("received", 1, "alone")).fan_out_picture()

    assert names(picture) == []
    assert str(picture).splitlines()[-2:] == [
        "1 message in, 0 out.",
        "No message sent after it contains it.",
    ]


def test_a_broadcast_comes_from_the_server_itself() -> None:
    picture = log_of(
        ("received", 1, "old"), ("received", 1, ""), ("sent", 1, "all"), ("sent", 2, "all")
    ).fan_out_picture()

    assert str(picture).startswith("Fan-out of a message of the server\n\nserver\n  |-- after 0.00")
    assert names(picture) == ["client #1", "client #2"]
    assert str(picture).splitlines()[-2:] == [
        "No message in, 2 out.",
        'No received message is part of TEXT "all".',
    ]


def test_an_empty_message_is_in_an_empty_one_only() -> None:
    log = log_of(("received", 1, ""), ("sent", 2, "x"), ("sent", 3, ""))

    assert names(log.fan_out_picture()) == ["client #3"]


def test_at_a_client_too() -> None:
    log = log_of(("received", 1, "Hello"), ("sent", 1, "Hello"), side="client")

    assert names(log.fan_out_picture()) == ["server #1"]


def test_fragments_are_put_together() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "received", encode(TEXT, b"He", fin=False), 1)
    log.append_frames(1, "server", "received", encode(CONTINUATION, b"llo"), 1)
    log.append_frames(2, "server", "sent", encode(TEXT, b"Hello"), 1)

    assert 'TEXT "Hello"' in str(log.fan_out_picture())
    assert names(log.fan_out_picture()) == ["client #2"]


def test_the_first_ones_are_drawn_and_the_others_counted() -> None:
    log = log_of(("received", 1, "a"), *[("sent", number, "a") for number in range(2, 102)])
    picture = log.fan_out_picture()

    assert names(picture) == [f"client #{number}" for number in range(2, 14)]
    assert "and 88 more messages, the last one after 25.00 ms" in words(picture)
    assert "1 message in, 100 out." in str(picture)


def test_a_long_message_is_compared_and_not_searched() -> None:
    long = "x" * module.LONGEST
    log = log_of(("received", 1, long), ("sent", 2, f"Kim: {long}"), ("sent", 3, long))

    assert names(log.fan_out_picture()) == ["client #3"]
    assert max(map(len, words(log.fan_out_picture()))) < 100


def test_only_the_newest_that_came_are_looked_at() -> None:
    others = [("received", 2, f"other {number}") for number in range(module.CANDIDATES)]
    log = log_of(("received", 1, "Hello"), *others, ("sent", 2, "Hello"))

    assert str(log.fan_out_picture()).startswith("Fan-out of a message of the server\n")


@pytest.mark.parametrize("direction", ["received", "sent"])
def test_nothing_that_a_peer_wrote_is_markup(direction: str) -> None:
    evil = '</text><script>alert("1")</script>\x1b[2J\u202e&'
    picture = log_of((direction, 1, evil), ("sent", 2, evil)).fan_out_picture()

    assert any(r"</text><script>alert" in line for line in words(picture))
    assert "<script" not in picture._repr_html_()
    assert "\x1b" not in picture.svg + str(picture)


def test_an_empty_log_says_so() -> None:
    assert str(FrameLog().fan_out_picture()) == "(no text or binary message in this log)"
