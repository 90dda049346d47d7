"""Each call does what its line of code says."""

from __future__ import annotations

import re

import pytest

from astra_nb import Server, connect
from astra_nb.errors import InvalidMessage
from astra_nb.log.records import FrameRecord
from astra_nb.widgets.commands import (
    close_command,
    fragments_command,
    frame_command,
    message_command,
    raw_command,
)


def test_the_code_does_the_same(server: Server) -> None:
    commands = [
        message_command("text", "It's \u00e4"),
        message_command("bytes", [0, 88, 14]),
        message_command("ping", b"\x00\xff"),
        fragments_command("text", "Gr\u00fc\u00dfe", 4, ping=False),
        fragments_command("bytes", b"12345", 3, ping=True),
        raw_command(b"\x89\x80\x00\x00\x00\x00"),
        close_command(4711, "done"),
    ]
    seen = []
    for by_code in (False, True):
        with connect(server.url) as client:
            connection = server.log.wait_for(kind="opened").connection
            for command in commands:
                if by_code:
                    for part in command.code:
                        exec(f"client.{part}", {"client": client})
                else:
                    command.perform(client)
            last = server.log.wait_for(kind="closed", connection=connection)
        frames = [
            (record.type, record.frame.fin, record.payload)
            for record in server.log.filter(kind="frame", direction="received")
            if isinstance(record, FrameRecord) and record.connection == last.connection
        ]
        server.log.clear()
        seen.append(frames)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 1 + 1 + 1 + 4 + 4 + 1 + 1


def test_fragments_cut_the_bytes_evenly() -> None:
    assert fragments_command("text", "abcdefgh", 3, ping=False).code == (
        "send_fragments('text', [b'ab', b'cde', b'fgh'])",
    )
    # More fragments than bytes: some are empty, which a message may have.
    assert fragments_command("bytes", b"a", 3, ping=True).code == (
        "send_fragment(b'', type='bytes', fin=False)",
        "send_ping(b'between')",
        "send_fragment(b'', fin=False)",
        "send_fragment(b'a', fin=True)",
    )


def test_fragments_are_cut_where_it_is_said() -> None:
    assert fragments_command("text", "abcdefgh", 9, ping=False, cuts=[3, 3, 7]).code == (
        "send_fragments('text', [b'abc', b'', b'defg', b'h'])",
    )
    for cuts in ([9], [5, 4]):
        with pytest.raises(InvalidMessage, match=rf"no cut before byte {cuts[-1]}.* has 8 bytes"):
            fragments_command("text", "abcdefgh", 3, ping=False, cuts=cuts)


def test_a_text_must_be_utf8() -> None:
    message = "byte 1 of the payload, 0xff, is not UTF-8, so it cannot be a text message"
    with pytest.raises(InvalidMessage, match=re.escape(message)):
        message_command("text", b"a\xff")


def test_only_whole_messages_are_sent_again(server: Server) -> None:
    with connect(server.url) as client:
        client.send_fragments("text", ["a", "b"])
        client.send_ping(b"p")
        server.log.wait_for(type="pong")
    first, _, ping = [r for r in server.log if isinstance(r, FrameRecord)][:3]
    assert frame_command(ping).code == ("send_ping(b'p')",)
    with pytest.raises(InvalidMessage, match=f"frame {first.number} is not a whole message"):
        frame_command(first)


def test_long_values_are_cut_in_the_code_alone() -> None:
    command = message_command("text", "x" * 1000)
    assert len(command.code[0]) < 250
    assert command.code[0].endswith("…)")
