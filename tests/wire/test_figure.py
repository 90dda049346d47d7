from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from astra_nb.wire.figure import figure
from astra_nb.wire.frames import decode

MASKED_HELLO = """\
 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-------+-+-------------+-------------------------------+
|F|R|R|R| opcode|M|   payload   |          masking key          |
|I|S|S|S|       |A|    length   |                               |
|N|V|V|V|       |S|             |                               |
| |1|2|3|       |K|             |                               |
|1|0|0|0|0 0 0 1|1|0 0 0 0 1 0 1|0 0 1 1 0 1 1 1 1 1 1 1 1 0 1 0|
+-+-+-+-+-------+-+-------------+-------------------------------+
|    masking key (continued)    |            payload            |
|0 0 1 0 0 0 0 1 0 0 1 1 1 1 0 1|0 1 1 1 1 1 1 1 1 0 0 1 1 1 1 1|
+-------------------------------+---------------+---------------+
|              payload (continued)              |
|0 1 0 0 1 1 0 1 0 1 0 1 0 0 0 1 0 1 0 1 1 0 0 0|
+-----------------------------------------------+"""

LONG_HEADER = """\
 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-------+-+-------------+-------------------------------+
|F|R|R|R| opcode|M|   payload   |    extended payload length    |
|I|S|S|S|       |A|    length   |                               |
|N|V|V|V|       |S|             |                               |
| |1|2|3|       |K|             |                               |
|1|0|0|0|0 0 1 0|0|1 1 1 1 1 1 1|0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0|
+-+-+-+-+-------+-+-------------+-------------------------------+
|              extended payload length (continued)              |
|0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1|
+-------------------------------+-------------------------------+
|    extended payload length    |            payload            |
|          (continued)          |                               |
|0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0|0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1|
+-------------------------------+-------------------------------+
|                      payload (continued)                      |
|0 0 0 0 0 0 1 0 0 0 0 0 0 0 1 1 0 0 0 0 0 1 0 0 0 0 0 0 0 1 0 1|
+---------------------------------------------------------------+
|                      payload (continued)                      |
|0 0 0 0 0 1 1 0 0 0 0 0 0 1 1 1 0 0 0 0 1 0 0 0 0 0 0 0 1 0 0 1|
+---------------------------------------------------------------+
 and 65,526 more bytes of payload"""


def test_a_masked_text() -> None:
    assert figure(decode(bytes.fromhex("818537fa213d7f9f4d5158"))) == MASKED_HELLO


def test_the_64_bit_length_and_a_long_payload() -> None:
    data = b"\x82\x7f" + (65536).to_bytes(8, "big") + bytes(range(256)) * 256
    assert figure(decode(data)) == LONG_HEADER


def test_a_single_byte() -> None:
    assert figure(decode(b"\x8f")).splitlines()[2:] == [
        "+-+-+-+-+-------+",
        "|F|R|R|R| opcode|",
        "|I|S|S|S|       |",
        "|N|V|V|V|       |",
        "| |1|2|3|       |",
        "|1|0|0|0|1 1 1 1|",
        "+-+-+-+-+-------+",
    ]


@given(st.binary(min_size=1, max_size=40))
def test_the_bits_are_those_of_the_frame_and_the_boxes_are_closed(data: bytes) -> None:
    frame = decode(data)
    lines = figure(frame).splitlines()[2:]
    boxes = [line for line in lines if not line.startswith(" and ")]
    assert all(line[0] in "+|" and line[-1] in "+|" for line in boxes)
    shown = "".join(
        line.replace("|", "").replace(" ", "")
        for line in boxes
        if line.startswith("|")
        and set(line) <= set("|01 ")
        and ("0" in line or "1" in line)
        and not line.startswith("| |1|")
    )
    assert "".join(f"{byte:08b}" for byte in frame.raw).startswith(shown)
    assert len(shown) >= min(len(frame.raw), len(frame.header) + 8) * 8
