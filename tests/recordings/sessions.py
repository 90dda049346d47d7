"""Sessions over real sockets whose logs are saved and opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from astra_nb import FrameLog, Server, WebSocket, connect
from astra_nb.errors import AstraError
from astra_nb.recordings.formats import READERS, WRITERS
from tests import records

SECRET = "planted-7c1f"
HOSTILE = '<script>alert("x")</script>\u2028\u202e\x00../../etc/passwd'


def opens_the_same(log: FrameLog, folder: Path) -> None:
    """Save a log in each format that can be read again, and open it: nothing is lost."""
    for suffix in WRITERS.keys() & READERS.keys():
        path = folder / f"log{suffix}"
        log.save(path)
        again = FrameLog.open(path)
        assert list(again) == list(log), suffix
        assert again.messages == log.messages, suffix


def converse(socket: WebSocket) -> None:
    """A handler that answers each message, in fragments when it is long."""
    print("handler", HOSTILE)
    for message in socket:
        if isinstance(message.value, str) and len(message.value) > 1000:
            socket.send_fragments("text", [message.value[:500], message.value[500:]])
        elif isinstance(message.value, str):
            socket.send_text(message.value)
        elif isinstance(message.value, bytes) and message.type == "bytes":
            socket.send_bytes(message.value)


def session(port: int = 0) -> FrameLog:
    """The server's log of a session: deflate, fragments, control frames, a planted secret, two
    connections, one of which is refused."""
    server = Server(port=port)
    server.websocket("/room", converse, subprotocols=["chat"], compression="deflate")
    with server:
        address = server.url.partition("//")[2].partition("/")[0]
        with connect(
            f"ws://{address}/room?token={SECRET}&who=x",
            subprotocols=["chat"],
            compression="deflate",
            headers={"Authorization": f"Bearer {SECRET}", "Cookie": f"id={SECRET}"},
        ) as client:
            for text in ("Hello", HOSTILE, "abc " * 600, "x" * 70_000):
                client.send_text(text)
                assert client.recv(10).type == "text"
            client.send_fragments("text", ["ab" * 60, "", "ab" * 60])
            assert client.recv(10).value == "ab" * 120
            client.send_bytes(bytes(range(256)))
            client.recv(10)
            client.send_ping(b"\0X")
            assert client.recv(10).type == "pong"
            client.send_close({"code": 3000, "reason": "done"})
            records.closed(server.log)
        with pytest.raises(AstraError), connect(f"ws://{address}/elsewhere?token={SECRET}"):
            pass
        records.closed(server.log, connection=2)
    return server.log
