from __future__ import annotations

from xml.etree import ElementTree

from astra_nb.log.buffers import Buffer, Level, buffers
from astra_nb.wire.svg import Picture

WRITE = Buffer("write buffer", "server", (Level(48, 64, "bytes", 64),))
SEND = Buffer("send buffer", "server's system", ())
INBOX = Buffer("inbox", "client", (Level(0, 9999, "bytes", 0), Level(300, 256, "messages", 300)))

ONE_WAY = """\
From the server to the client

server           write buffer    [###############.....]  48 of 64 bytes (most 64)
server's system  send buffer     [                    ]  not known
client           inbox           [####################]  0 of 9,999 bytes, 300 of 256 messages

The inbox is full."""


def words(picture: Picture) -> list[str]:
    root = ElementTree.fromstring(picture.svg)
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


def heights(picture: Picture) -> list[float]:
    """How high the boxes are: each buffer, and after it what is in it, if there is something."""
    root = ElementTree.fromstring(picture.svg)
    return [float(each.attrib["height"]) for each in root.iter("{http://www.w3.org/2000/svg}rect")]


def test_a_buffer_is_as_full_as_in_the_unit_that_it_is_fullest_in() -> None:
    picture = buffers(
        "From the server to the client", [[WRITE, SEND, INBOX]], ["The inbox is full."]
    )

    assert str(picture) == ONE_WAY
    assert heights(picture) == [100, 75, 100, 100, 100]
    assert picture.svg.count("stroke-dasharray") == 1  # the most that was in the write buffer
    assert picture.svg.count("<polygon") == 2
    assert {"not known", "48", "of 64 bytes", "(most 64)", "The inbox is full."} <= set(
        words(picture)
    )
    assert (
        "<desc>write buffer of the server: 48 of 64 bytes (most 64). send buffer of the "
        "server&#x27;s system: not known. inbox of the client: 0 of 9,999 bytes, 300 of 256 "
        "messages. The inbox is full.</desc>"
    ) in picture.svg


def test_no_arrow_leads_from_one_way_to_the_other() -> None:
    picture = buffers("Both ways", [[WRITE, SEND], [INBOX]], [])

    assert picture.svg.count("<polygon") == 1
    assert str(picture).split("\n\n")[2].startswith("client  ")


def test_the_picture_stays_as_high_while_it_moves() -> None:
    full = buffers("t", [[INBOX]], ["one", "two"])
    empty = buffers("t", [[Buffer("inbox", "client", (Level(0, 0, "bytes", 0),))]], [])

    [first, second] = [ElementTree.fromstring(p.svg).attrib["height"] for p in (full, empty)]
    assert first == second
    assert heights(empty) == [100]
