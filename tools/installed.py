"""Try an installed astra_nb: a server with a client, an exercise, and a `%%lua` cell.

`tools/dist.py` runs this with the Python of a clean environment, from a folder without a clone. A
failure is a traceback, or the text of an error that says what to install; the exit status is 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

import astra_nb
from astra_nb import Message, WebSocket, connect, http
from astra_nb.exercises import echo


def server_with_client() -> None:
    server = http.server.new(port=0)

    @server.websocket("/")
    def handle_socket(socket: WebSocket) -> None:
        for message in socket:
            socket.send_text(f"You said: {message.value!r}")

    server.run()
    with connect(server.url) as client:
        client.send_text("Hello")
        assert client.recv(10) == Message("text", "You said: 'Hello'")
    server.shutdown()
    assert '"Hello"' in str(server.log)


def exercise() -> None:
    def handle_socket(socket: WebSocket) -> None:
        for message in socket:
            if message.type in ("text", "bytes"):
                socket.send(message.type, message.value)

    assert echo.check(handle_socket).outcome == "right"


def lua_cell() -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    shell = InteractiveShell.instance()
    with capture_output() as said:
        shell.run_line_magic("load_ext", "astra_nb")
        result = shell.run_cell('%%lua\nprint("from Lua")')  # type: ignore[no-untyped-call]
    assert result.success, said.stdout + said.stderr
    assert "from Lua" in said.stdout, said.stdout


def main() -> None:
    place = Path(astra_nb.__file__)
    assert place.is_relative_to(sys.prefix), f"astra_nb is imported from {place}"
    server_with_client()
    exercise()
    lua_cell()


if __name__ == "__main__":
    main()
