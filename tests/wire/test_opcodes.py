from __future__ import annotations

from typing import get_args

from websockets.frames import Opcode

from astra_nb.wire import opcodes
from astra_nb.wire.opcodes import TYPES, FrameType


def test_the_opcodes_of_the_rfc() -> None:
    assert (opcodes.CONTINUATION, opcodes.TEXT, opcodes.BINARY) == (0x0, 0x1, 0x2)
    assert (opcodes.CLOSE, opcodes.PING, opcodes.PONG) == (0x8, 0x9, 0xA)
    assert set(TYPES) == {opcode.value for opcode in Opcode}


def test_each_opcode_has_a_type_of_its_own_and_the_others_are_reserved() -> None:
    assert [*TYPES.values(), "reserved"] == [
        "continuation", "text", "bytes", "close", "ping", "pong", "reserved",
    ]  # fmt: skip
    assert {*TYPES.values(), "reserved"} == set(get_args(FrameType))
