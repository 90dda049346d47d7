"""The client end: addresses, refusals, leaving, and the awaitable twin."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from astra_nb import CloseFrame, ConnectionClosed, Message, WebSocket, connect, connect_async
from astra_nb.errors import ConnectFailed, HandshakeFailed, InvalidMessage
from tests import records
from tests.helpers import free_port, run_python
from tests.servers import echo, handler_of, run_async, serving


def drain(socket: WebSocket) -> None:
    for _ in socket:
        pass


@pytest.mark.parametrize("url", ["", "ftp://localhost/", "localhost:8080", "ws:///", None, 5])
def test_what_is_no_address(url: Any) -> None:
    with pytest.raises(InvalidMessage, match='"ws://127'):
        connect(url)


def test_nobody_listens() -> None:
    port = free_port()
    with pytest.raises(ConnectFailed) as caught:
        connect(f"ws://127.0.0.1:{port}/")
    assert f"no TCP connection to 127.0.0.1:{port}" in str(caught.value)
    assert "is the server running?" in str(caught.value)
    assert isinstance(caught.value, OSError)


def test_leaving_the_block_closes_with_1000() -> None:
    with serving(drain) as server:
        with connect(server.url) as client:
            client.send_text("a")
        assert client.state == "closed"
        closed = records.closed(server.log)
    assert closed.received == CloseFrame(1000)
    assert closed.first == "client"


def test_a_client_that_nobody_holds_says_that_it_goes_away() -> None:
    with serving(drain) as server:
        client = connect(server.url)
        del client
        gc.collect()
        assert records.closed(server.log).received == CloseFrame(1001)


def test_the_client_has_a_log_of_its_own() -> None:
    with serving(handler_of("def", echo)) as server, connect(server.url) as client:
        client.send_text("a")
        client.recv(5)
        ours = [record.frame.raw for record in records.frames(client.log)]
        theirs = [record.frame.raw for record in records.frames(server.log)]
        assert ours == theirs
        assert [r.direction for r in records.frames(client.log)] == ["sent", "received"]


def test_a_client_serves_a_def_handler_of_its_own_thread() -> None:
    """A handler may be a client of another server: its end is no error."""

    with serving(handler_of("def", echo)) as upstream:

        def relay(socket: WebSocket) -> None:
            with connect(upstream.url) as other:
                for message in socket:
                    if message.type == "text":
                        other.send_text(message.value)  # type: ignore[arg-type]
                        socket.send_text(other.recv(5).value)  # type: ignore[arg-type]

        with serving(relay) as server:
            with connect(server.url) as client:
                client.send_text("through")
                assert client.recv(5) == Message("text", "through")
            records.closed(server.log)
            assert not list(server.log.filter(kind="error"))


def test_the_awaitable_twin() -> None:
    with serving(handler_of("async def", echo)) as server:

        async def main() -> list[Message]:
            received = []
            async with connect_async(server.url) as client:
                await client.send_text("a")
                received.append(await client.recv(5))
                await client.send_close(1000, "b")
                received.extend([message async for message in client])
            other = await connect_async(server.url)
            await other.close()
            assert other.state == "closed"
            with pytest.raises(ConnectionClosed):
                await other.send_text("late")
                await other.recv()
            return received

        received = run_async(main())
    assert received == [Message("text", "a"), Message("close", CloseFrame(1000, "b"))]


def test_the_awaitable_twin_raises_what_connect_raises() -> None:
    with serving(drain, "/a") as server:

        async def main() -> None:
            with pytest.raises(HandshakeFailed):
                await connect_async(server.url + "nope")
            with pytest.raises(ConnectFailed):
                await connect_async(f"ws://127.0.0.1:{free_port()}/")

        run_async(main())
    assert asyncio.iscoroutinefunction(connect_async._connect)


def test_an_interrupt_gets_through_a_blocking_recv() -> None:
    done = run_python(
        "-c",
        "import os, signal, threading\n"
        "from astra_nb import Server, connect\n"
        "server = Server(port=0)\n"
        "server.websocket('/', lambda socket: list(socket))\n"
        "server.run()\n"
        "client = connect(server.url)\n"
        "waiting = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))\n"
        "waiting.start()\n"
        "try:\n"
        "    client.recv()\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
        "client.send_text('still works')\n"
        "server.log.wait_for(type='text')\n"
        "client.close()\n"
        "server.shutdown()\n"
        "print(threading.active_count())\n",
    )
    assert (done.stdout, done.stderr) == ("interrupted\n1\n", "")
