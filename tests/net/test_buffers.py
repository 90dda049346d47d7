"""How full the buffers of a connection are, and the picture of it."""

from __future__ import annotations

import re
import socket as sockets
from typing import Any

import pytest

from astra_nb import WebSocket, connect
from astra_nb.net import buffers as module
from astra_nb.net.buffers import BuffersPicture, of_system
from astra_nb.net.outbox import COUNTED_SIZE
from astra_nb.wire.messages import Message
from astra_nb.wire.opcodes import BINARY
from tests.helpers import wait_until
from tests.servers import serving

from .memory import Memory, in_memory

CHUNK = bytes(64 * 1024)
WAITS = "the server's next messages wait"
FULL = "The inbox is full: the client reads nothing more"


def rows(picture: object) -> dict[str, str]:
    """What the text says of each buffer, by its name."""
    found = re.findall(r"^\S.*?  ([a-z]+(?: buffer)?) +\[[#. ]{20}\]  (.+)$", str(picture), re.M)
    return dict(found)


def held(text: str) -> int:
    return int(text.split()[0].replace(",", ""))


def under_way(picture: object) -> int:
    """Bytes in all buffers; more than there are, until TCP has acknowledged what has arrived."""
    return sum(map(held, rows(picture).values()))


class Flood:
    """A handler that sends as long as it may."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, socket: Any) -> None:
        while self.sent < 400:
            await socket.send_bytes(CHUNK)
            self.sent += 1


def test_a_client_that_does_not_read_fills_all_buffers_up_to_the_sender() -> None:
    flood = Flood()
    with serving(flood) as server, connect(server.url) as client:
        own = server.connections[0]
        picture = own.buffers_picture(client)
        wait_until(lambda: WAITS in str(picture) and FULL in str(picture))

        full = rows(picture)
        assert list(full) == ["outbox", "write buffer", "send buffer", "receive buffer", "inbox"]
        assert held(full["inbox"]) > 4 * 2**20
        assert held(full["write buffer"]) > 2**16
        wait_until(lambda: abs(under_way(picture) - flood.sent * len(CHUNK)) < 3 * len(CHUNK))
        assert list(rows(own.buffers_picture())) == list(full)
        assert held(rows(client.buffers_picture())["inbox"]) == held(full["inbox"])

        for _ in client:
            pass
        wait_until(lambda: "The connection has ended." in str(picture))
        emptied = rows(picture)
        assert set(map(held, emptied.values())) == {0}
        assert f"(most {held(full['inbox']):,})" in emptied["inbox"]
        assert "(most " in emptied["send buffer"]


@in_memory
async def test_calls_of_other_threads_wait_in_the_outbox() -> None:
    end = Memory()
    sender = end.connection.sender
    end.connection.pause_writing()
    assert rows(BuffersPicture(end.connection))["outbox"].startswith("0 of ")
    payload = bytes(COUNTED_SIZE + 1)
    sender.submit(sender.send_if_open, BINARY, payload, size=len(payload))
    outbox = rows(BuffersPicture(end.connection))["outbox"]
    assert outbox == "4,097 of 1,048,576 bytes, 1 of 4,096 calls"


@in_memory
async def test_what_the_system_does_not_tell_is_not_known() -> None:
    end = Memory()  # has no socket
    end.inbox.deliver([Message("text", "Hello")], 5)
    found = rows(BuffersPicture(end.connection))
    assert found["send buffer"] == found["receive buffer"] == "not known"
    assert found["inbox"] == "5 of 4,194,304 bytes, 1 of 256 messages"


@in_memory
async def test_while_the_loop_takes_from_the_write_buffer_its_size_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    end = Memory()

    def changing() -> int:
        raise RuntimeError("deque mutated during iteration")

    monkeypatch.setattr(end.transport, "get_write_buffer_size", changing)
    assert rows(BuffersPicture(end.connection))["write buffer"] == "not known"


@in_memory
async def test_a_socket_that_is_closed_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    end = Memory()
    sock = sockets.socket()
    monkeypatch.setattr(end.transport, "get_extra_info", lambda name: sock)
    assert of_system(end.connection, "FIONREAD", sockets.SO_RCVBUF) != ()
    sock.close()
    assert of_system(end.connection, "FIONREAD", sockets.SO_RCVBUF) == ()
    monkeypatch.setattr(module, "termios", None)
    assert of_system(end.connection, "FIONREAD", sockets.SO_RCVBUF) == ()


@in_memory
async def test_an_end_without_a_handler_has_no_inbox() -> None:
    end = Memory()
    end.connection.inbox = None
    assert rows(BuffersPicture(end.connection))["inbox"].startswith("0 of ")


# --- in a notebook -----------------------------------------------------------------------------


class Notebook:
    """Stands for the functions of IPython that show something."""

    kernel: object = None

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[str] = []
        monkeypatch.setattr("IPython.display.display", self.display)
        monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: self)

    def display(self, picture: object, display_id: bool) -> Notebook:
        assert display_id
        self.update(picture)
        return self

    def update(self, picture: object) -> None:
        self.shown.append(str(picture))


def shown(socket: WebSocket) -> None:
    socket.buffers_picture()._ipython_display_()


def test_in_a_notebook_it_moves_until_the_connection_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notebook = Notebook(monkeypatch)
    monkeypatch.setattr(module, "INTERVAL", 0.001)
    with serving(lambda socket: socket.recv()) as server:
        client = connect(server.url)
        notebook.kernel = "a kernel"
        shown(client)
        server.broadcast("text", "Hello")
        wait_until(lambda: "1 of 256 messages" in notebook.shown[-1])
        client.recv(timeout=5)
        wait_until(lambda: "0 of 256 messages (most 1)" in notebook.shown[-1])
        client.close()
        wait_until(lambda: "The connection has ended." in notebook.shown[-1])
        assert len(set(notebook.shown)) == len(notebook.shown)  # only what has changed is sent


def test_the_end_is_shown_without_waiting_for_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notebook = Notebook(monkeypatch)
    monkeypatch.setattr(module, "INTERVAL", 60)
    with serving(lambda socket: socket.recv()) as server, connect(server.url) as client:
        notebook.kernel = "a kernel"
        shown(client)
        notebook.kernel = None
    wait_until(lambda: "The connection has ended." in notebook.shown[-1])


def test_a_terminal_gets_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    with serving(lambda socket: socket.recv()) as server, connect(server.url) as client:
        shown(client)
        assert len(notebook.shown) == 1


@in_memory
async def test_its_forms() -> None:
    class Printer:
        text = staticmethod(lambda text: printed.append(text))

    printed: list[str] = []
    picture = BuffersPicture(Memory().connection)
    picture._repr_pretty_(Printer(), False)
    assert printed == [str(picture)]
    assert repr(picture) == "<BuffersPicture of connection 1>"
    assert picture._repr_html_().startswith('<div class="astra-nb-picture')
    assert str(picture).startswith(
        "Buffers of connection 1, to and from the client, as far as the server knows\n"
    )
