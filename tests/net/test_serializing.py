"""Serialized frames are those of `websockets`, byte for byte."""

from __future__ import annotations

import secrets

import pytest
from websockets.frames import Frame, Opcode

from astra_nb.net.serializing import put_frame
from tests.conformance.octets import read_frames


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("length", [0, 1, 125, 126, 65535, 65536])
@pytest.mark.parametrize("fin", [False, True])
@pytest.mark.parametrize("opcode", [Opcode.CONT, Opcode.TEXT, Opcode.BINARY])
def test_frames_of_every_length(
    monkeypatch: pytest.MonkeyPatch, opcode: Opcode, fin: bool, length: int, masked: bool
) -> None:
    monkeypatch.setattr(secrets, "token_bytes", lambda size: b"key!"[:size])
    payload = bytes(range(256)) * 257
    expected = Frame(opcode, payload[:length], fin).serialize(mask=masked)
    parts = [b"before"]
    assert put_frame(parts, opcode, payload[:length], fin, masked) == len(expected)
    assert b"".join(parts) == b"before" + expected


def test_each_masked_frame_has_a_key_of_its_own() -> None:
    parts: list[bytes] = []
    for _ in range(20):
        put_frame(parts, 2, b"\0" * 8, True, True)
    keys = {one.raw[2:6] for one in read_frames(b"".join(parts))}
    assert len(keys) == 20
