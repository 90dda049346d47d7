"""Sessions of others' clients, recorded by a tap: saved, opened again, and read the same."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from astra_nb import Server, tap
from astra_nb.tap import Tap
from tests.helpers import free_port, wait_until
from tests.real_peers import program, running
from tests.recordings.sessions import opens_the_same

SOCKET_IO_SERVER = """
import sys, socketio, uvicorn
server = socketio.AsyncServer(async_mode="asgi")

@server.event
async def add(sid, one, other):
    await server.emit("sum", one + other, to=sid)
    return "added"

uvicorn.run(socketio.ASGIApp(server), port=int(sys.argv[1]), log_level="warning")
"""
SOCKET_IO_CLIENT = """
import asyncio, sys, socketio

async def main():
    client = socketio.AsyncClient()
    came = asyncio.Queue()
    client.on("sum", came.put)
    await client.connect(sys.argv[1], transports=["websocket"])
    print(await client.call("add", (20, 22)), await came.get())
    await client.disconnect()

asyncio.run(main())
"""
JSON_RPC_CLIENT = """
const socket = new WebSocket(process.argv[1]);
socket.onopen = () => socket.send(JSON.stringify(
  { jsonrpc: "2.0", id: 1, method: "subtract", params: [50, 8] }));
socket.onmessage = (event) => {
  console.log(JSON.parse(event.data).result);
  socket.close(1000, "done");
};
"""


def texts(t: Tap, folder: Path) -> list[str]:
    """Return the texts on record, the same after the log was saved and opened again."""
    wait_until(lambda: len(t.log.filter(kind="closed")) >= 2)
    opens_the_same(t.log, folder)
    return [str(one.value) for one in t.leg("client").messages if one.type == "text"]


def test_graphql_ws_in_python(tmp_path: Path) -> None:
    server = Server(port=0)

    @server.websocket("/graphql", subprotocols=["graphql-transport-ws"])
    async def graphql(socket: Any) -> None:
        async for message in socket:
            if message.type != "text":
                continue
            asked = json.loads(message.value)
            if asked["type"] == "connection_init":
                await socket.send_text(json.dumps({"type": "connection_ack"}))
            elif asked["type"] == "subscribe":
                for count in range(3):
                    payload = {"data": {"count": count}}
                    answer = {"id": asked["id"], "type": "next", "payload": payload}
                    await socket.send_text(json.dumps(answer))
                await socket.send_text(json.dumps({"id": asked["id"], "type": "complete"}))

    async def subscribe(url: str) -> list[int]:
        transport = WebsocketsTransport(url=url, init_payload={"authToken": "s3cr3t-t0ken"})
        async with Client(transport=transport) as session:
            query = gql("subscription { count }")
            return [found["count"] async for found in session.subscribe(query)]

    with server, tap(server.url + "graphql") as t:
        assert asyncio.run(subscribe(t.url)) == [0, 1, 2]
        found = texts(t, tmp_path)
    assert [json.loads(one)["type"] for one in found[1:]] == [
        "connection_ack", "subscribe", "next", "next", "next", "complete",
    ]  # fmt: skip
    assert "s3cr3t" not in t.log.to_jsonl()


def test_socket_io_in_python(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "server.py").write_text(SOCKET_IO_SERVER)
    with running([sys.executable, "server.py", str(port)], port, tmp_path):
        with tap(f"http://127.0.0.1:{port}/") as t:
            run = subprocess.run(
                [sys.executable, "-c", SOCKET_IO_CLIENT, t.http_url],
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert run.stdout == "added 42\n", run.stderr
            found = texts(t, tmp_path)
    assert '42["sum",42]' in found
    assert any(one.endswith('["add",20,22]') for one in found)


def test_json_rpc_in_node(tmp_path: Path) -> None:
    server = Server(port=0)

    @server.websocket("/")
    def subtract(socket: Any) -> None:
        for message in socket:
            if message.type == "text":
                asked = json.loads(message.value)
                one, other = asked["params"]
                answer = {"jsonrpc": "2.0", "id": asked["id"], "result": one - other}
                socket.send_text(json.dumps(answer))

    with server, tap(server.url) as t:
        run = subprocess.run(
            [program("node"), "--experimental-websocket", "-e", JSON_RPC_CLIENT, t.url],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert run.stdout == "42\n", run.stderr
        found = [json.loads(one) for one in texts(t, tmp_path)]
    assert [one.get("method", one.get("result")) for one in found] == ["subtract", 42]
