"""What the report of a failure tells of both ends."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from astra_nb import WebSocket, connect
from astra_nb.errors import LocalError
from astra_nb.testing import show_frames_on_failure
from astra_nb.testing.failures import last_frames, mark
from tests import records
from tests.servers import serving


def greet(socket: WebSocket) -> None:
    socket.send_text("Hello")
    for _ in socket:
        pass


def test_the_last_frames_of_both_ends_and_why_it_closed() -> None:
    before = mark()
    assert last_frames(before) == ""
    with serving(greet) as server:
        with connect(server.url) as client:
            client.recv(10)
            assert "Connection 1: not closed so far." in last_frames(before)
        records.closed(server.log)
        told = last_frames(before)
        assert last_frames(mark()) == ""
    of_server, of_client = told.split("\n\n")
    assert of_server.startswith("The last rows of the server's log:\n")
    assert of_client.startswith("The last rows of the client's log:\n")
    assert '-> sent      text     1     0       5  "Hello"' in of_server
    assert '<- received  text     1     0       5  "Hello"' in of_client
    for each in (of_server, of_client):
        assert "The client closed first with 1000 (normal closure); the server answered" in each


def test_only_the_newest_frames_of_the_newest_logs() -> None:
    before = mark()
    with serving(greet) as server:
        clients = [connect(server.url) for _ in range(4)]
        for _ in range(20):
            clients[-1].send_ping("a")
        server.log.wait_for(type="ping", count=20)
        told = last_frames(before)
        assert told.count("The last rows of the client's log:") == 2
        assert all(part.count("\n") <= 15 for part in told.split("\n\n"))
        for client in clients:
            client.close()


def test_a_handshake_that_failed_has_no_frames() -> None:
    before = mark()
    with serving(greet) as server:
        with pytest.raises(Exception, match="404"):
            connect(server.url + "nowhere")
        records.closed(server.log)
        told = last_frames(before)
    assert "(no frames)" in told
    assert "HTTP status 404" in told


def test_a_cell_that_raises_shows_them_as_a_note(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LocalError, match="run by IPython"):
        show_frames_on_failure()
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    show_frames_on_failure()
    with serving(greet) as server:
        shell.user_ns.update(connect=connect, url=server.url)
        shell.run_cell("client = connect(url); client.recv(10); assert client.latency == 7")
        told = capsys.readouterr().out
        shell.run_cell("1 / 0")
        nothing = capsys.readouterr().out
        shell.user_ns.pop("client").close()
        shell.reset()
    assert "AssertionError" in told
    assert "The last rows of the client's log:" in told
    assert "ZeroDivisionError" in nothing
    assert "The last rows of" not in nothing
