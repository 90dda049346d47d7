"""The `%%lua` cell in IPython."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import astra_nb
from astra_nb import Message, Server, connect
from astra_nb.errors import LocalError, LuaError
from tests.helpers import run_python

ECHO = """\
local server = require("astra.http").server:new()
server.port = 0
server:websocket("/", function(socket)
  while true do socket:send_text(socket:recv().value) end
end)
server:run()
"""


def new_shell() -> Any:
    return InteractiveShell()  # type: ignore[no-untyped-call]


@pytest.fixture
def shell() -> Iterator[Any]:
    shell = new_shell()
    shell.extension_manager.load_extension("astra_nb")
    yield shell
    shell.extension_manager.unload_extension("astra_nb")
    shell.history_manager.end_session()


def run_cell(shell: Any, cell: str) -> None:
    shell.run_cell(cell, store_history=True).raise_error()


def test_a_cell_runs_and_names_its_server(shell: Any) -> None:
    run_cell(shell, f"%%lua echo\n{ECHO}")
    server = shell.user_ns["echo"]
    assert isinstance(server, Server)
    with connect(server.url) as client:
        client.send_text("hello")
        assert client.recv(5) == Message("text", "hello")


def test_cells_share_globals_and_not_locals(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run_cell(shell, "%%lua\nkept = 5 local gone = 6")
    run_cell(shell, "%%lua\nprint(kept, gone)")
    assert capsys.readouterr().out == "5\tnil\n"


def test_an_error_shows_the_line_of_the_cell_and_no_python(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run_cell(shell, "1 + 1")
    capsys.readouterr()
    with pytest.raises(LuaError):
        run_cell(shell, '%%lua\nlocal function f()\n  error("oh")\nend\nf()')
    output = capsys.readouterr()
    assert output.out + output.err == (
        "LuaError: cell 2:3: oh\n"
        "stack traceback:\n"
        "\t[C]: in global 'error'\n"
        "\tcell 2:3: in local 'f'\n"
        "\tcell 2:5: in main chunk\n"
    )


def test_what_is_no_lua_is_said_with_its_line(shell: Any) -> None:
    with pytest.raises(LuaError, match=r"^cell 1:3: unexpected symbol near <eof>|near 'end'"):
        run_cell(shell, "%%lua\n\nend")


def test_the_stray_word_of_the_documented_listing(shell: Any) -> None:
    with pytest.raises(LuaError, match="cell 1:4: syntax error near <eof>"):
        run_cell(shell, "%%lua\nlocal socket\nsocket")


def test_the_name_must_be_one_and_the_cell_must_make_a_server(shell: Any) -> None:
    with pytest.raises(LocalError, match="takes the name of one Python variable"):
        run_cell(shell, "%%lua two names\nprint(1)")
    with pytest.raises(LocalError, match="the cell made no server, so server was not set"):
        run_cell(shell, "%%lua server\nlocal x = 1")


def test_loading_again_begins_anew(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run_cell(shell, f"%%lua first\nkept = 5\n{ECHO}")
    server = shell.user_ns["first"]
    assert server.running
    shell.extension_manager.reload_extension("astra_nb")
    assert not server.running
    capsys.readouterr()
    run_cell(shell, "%%lua\nprint(kept)")
    assert capsys.readouterr().out == "nil\n"


def test_without_lupa_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lupa", None)
    monkeypatch.setitem(sys.modules, "lupa.lua54", None)
    shell = new_shell()
    with pytest.raises(LocalError) as caught:
        astra_nb.load_ipython_extension(shell)
    shell.history_manager.end_session()
    assert str(caught.value) == (
        'Lua cells need the package lupa with Lua 5.4: pip install "lupa>=2.8"'
    )


def test_importing_the_package_does_not_load_lupa() -> None:
    code = "import sys, astra_nb; print('lupa' in sys.modules, 'IPython' in sys.modules)"
    assert run_python("-W", "error", "-c", code).stdout == "False False\n"
