"""Cells and handlers in Lua: many connections, errors, and Python beside them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from astra_nb import CloseFrame, Message, Server, connect
from astra_nb.errors import LuaError
from astra_nb.lua import Lua, runtime
from tests.lua.logs import found
from tests.servers import echo, handler_of, serving

SERVER = """
local server = require("http").server.new()
server.port = 0
server:websocket("/", function(socket)
%s
end)
server:run()
"""


def serve(lua: Lua, body: str) -> Server:
    lua.run(SERVER % body)
    assert lua.server is not None
    return lua.server


def error_of(lua: Lua, body: str) -> Any:
    """Run a handler that fails, and return its error record of the log."""
    server = serve(lua, body)
    with connect(server.url) as client:
        assert client.recv(5) == Message("close", CloseFrame(1011))
    return found(server, kind="error")


def test_many_connections_share_one_state(lua: Lua) -> None:
    server = serve(
        lua,
        """
        count = (count or 0) + 1
        local mine = count
        while true do
          local message = socket:recv()
          if message.type == "text" then
            socket:send_text(message.value .. " of " .. mine .. " of " .. count)
          end
        end""",
    )
    clients = [connect(server.url) for _ in range(5)]
    for number, client in enumerate(clients, 1):
        client.send_text("first")
        assert client.recv(5).value == f"first of {number} of 5"
    for number, client in reversed(list(enumerate(clients, 1))):
        client.send_text("again")
        assert client.recv(5).value == f"again of {number} of 5"
        client.close()
    assert not list(server.log.filter(kind="error"))


def test_a_python_and_a_lua_server_run_side_by_side(lua: Lua) -> None:
    of_lua = serve(lua, "while true do socket:send_text(socket:recv().value) end")
    with serving(handler_of("async def", echo)) as of_python:
        with connect(of_lua.url) as one, connect(of_python.url) as two:
            for client in (one, two, one, two):
                client.send_text("hello")
                assert client.recv(5) == Message("text", "hello")


def test_an_error_reaches_the_log_with_its_line_and_the_peer_learns_nothing(
    lua: Lua, capsys: pytest.CaptureFixture[str]
) -> None:
    error = error_of(lua, '  local x = nil\n  error("secret " .. tostring(x))')
    assert error.summary == "astra_nb.errors.LuaError: cell:6: secret nil"
    assert error.traceback == (
        "LuaError: cell:6: secret nil\n"
        "stack traceback:\n"
        "\t[C]: in global 'error'\n"
        "\tcell:6: in function <cell:4>\n"
    )
    shown = capsys.readouterr().err
    assert shown == "The handler of connection 1 raised:\n" + error.traceback


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("socket:send_text(nil)", "a text message takes a string, not nil"),
        ("socket:send_text(true)", "a text message takes a string, not boolean true"),
        (
            "socket:send_text({72, 105})",
            "a text message takes a string, not a table; send_bytes takes a table of bytes",
        ),
        (
            'socket:send_text("a\\xFFb")',
            "the text is not valid UTF-8: byte 2 of 3 is 0xFF; send it with send_bytes, or correct "
            "the string",
        ),
        (
            "socket:send_bytes({1, 256})",
            "item 2 of the byte table is 256; a byte holds an integer from 0 to 255",
        ),
        (
            "socket:send_ping({1.5})",
            "item 1 of the byte table is number 1.5; each item must be an integer from 0 to 255",
        ),
        (
            'socket:send_pong({"1"})',
            'item 1 of the byte table is string "1"; each item must be an integer from 0 to 255',
        ),
        (
            "socket:send_bytes({code = 1000})",
            'a byte table has its integers at 1, 2, 3 and so on, not at string "code"',
        ),
        (
            "socket:send_bytes(nil)",
            "bytes are a string, or a table of integers from 0 to 255 like {0, 88, 14}, not nil",
        ),
        (
            'socket:send_ping(("x"):rep(126))',
            "the payload has 126 bytes; a control frame carries at most 125 (RFC 6455, "
            "section 5.5); shorten it, or send it as bytes",
        ),
        (
            'socket:send_close("1000")',
            'a close code is an integer such as 1000, not string "1000"',
        ),
        (
            'socket:send_close({code = 1000, raison = "x"})',
            'a close has a code and a reason, not string "raison"; '
            'write {code = 1000, reason = "..."}',
        ),
        (
            'socket:send("txt", "x")',
            'string "txt" is not a message type; the five are "text", "bytes", "ping", "pong" and '
            '"close", and the type comes first: socket:send("text", "Hello")',
        ),
        (
            'socket.send_text("x")',
            "write socket:send_text(...), with a colon: before it comes the socket",
        ),
        ("socket:recv(0)", "recv waits for a positive number of seconds, not number 0"),
        (
            "coroutine.yield(1)",
            "coroutine.yield() outside of a coroutine: nothing would resume it",
        ),
        (
            "server = require('http').server.new() server.port = 0 server:run()",
            "server:run(...) belongs in a cell, not in a handler",
        ),
    ],
)
def test_a_mistake_is_explained_with_its_line(lua: Lua, call: str, message: str) -> None:
    error = error_of(lua, call)
    where = "" if "yield" in call else "cell:5: "
    assert error.summary == f"astra_nb.errors.LuaError: {where}{message}"


def test_a_code_that_may_not_be_sent_is_refused_in_the_words_of_python(lua: Lua) -> None:
    assert "1005" in error_of(lua, "socket:send_close(1005)").summary


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            'server:websocket(function() end, "/")',
            'the path comes first, then the function: server:websocket("/", handle_socket); the '
            "path is a string, not a function",
        ),
        (
            'server:websocket("/", nil)',
            "a handler is a function that takes a socket, not nil",
        ),
        (
            'server.websocket("/", print)',
            "write server:websocket(...), with a colon: before it comes the server",
        ),
        (
            "server.port = 70000 server:run()",
            "server.port is an integer from 0 to 65535, not number 70000",
        ),
        (
            "server.hostname = nil server:run()",
            'server.hostname is a string such as "127.0.0.1", not nil',
        ),
    ],
)
def test_a_cells_mistake_is_explained_with_its_line(lua: Lua, call: str, message: str) -> None:
    with pytest.raises(LuaError) as caught:
        lua.run(f"local server = require('http').server:new()\n{call}", "cell 4")
    assert str(caught.value) == f"cell 4:2: {message}"


def test_an_error_can_be_caught_and_the_handler_goes_on(lua: Lua) -> None:
    server = serve(
        lua,
        """
        local ok, message = pcall(socket.send_text, socket, nil)
        socket:send_text(tostring(ok) .. " " .. message)""",
    )
    with connect(server.url) as client:
        assert client.recv(5).value == "false cell:6: a text message takes a string, not nil"
        assert client.recv(5) == Message("close", CloseFrame(1000))


def test_the_close_of_another_connection_is_an_error(
    lua: Lua, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve(
        lua,
        """
        first = first or socket
        if socket == first then
          while socket:recv().type ~= "text" do end
          second:send_text("are you there?")
        end
        second = socket
        socket:recv()""",
    )
    with connect(server.url) as client:
        with connect(server.url):
            server.log.wait_for(kind="opened", connection=2, timeout=5)
        server.log.wait_for(kind="closed", connection=2, timeout=5)
        client.send_text("go on")
        assert client.recv(5) == Message("close", CloseFrame(1011))
    assert found(server, kind="error").connection == 1
    capsys.readouterr()


def test_after_the_close_recv_raises_and_that_ends_the_handler_well(lua: Lua) -> None:
    server = serve(
        lua,
        """
        socket:recv()
        local ok, message = pcall(socket.recv, socket)
        print(ok, message)
        socket:recv()""",
    )
    with connect(server.url) as client:
        client.send_close(1000, "done")
    output = found(server, kind="output")
    assert output.text.startswith("false\t")
    assert "The client closed first with 1000" in output.text
    found(server, kind="closed")
    assert not list(server.log.filter(kind="error"))


def test_catching_the_end_for_ever_is_stopped_and_holds_nobody_up(lua: Lua) -> None:
    server = serve(lua, "while true do pcall(socket.recv, socket) end")
    with connect(server.url) as client:
        client.send_close(1000)
    error = found(server, kind="error", timeout=30)  # a thousand turns of the loop
    assert "1,000 calls in a row on a connection that has ended" in error.summary


def test_a_handler_that_never_yields_is_stopped_with_1011(
    lua: Lua, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "HANDLER_INSTRUCTIONS", 1_000_000)
    error = error_of(lua, "while true do end")
    assert "cell:5: stopped after 1 million instructions" in error.summary


def test_the_budget_is_new_after_each_message(lua: Lua, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "HANDLER_INSTRUCTIONS", 200_000)
    server = serve(
        lua,
        """
        while true do
          socket:recv()
          local sum = 0
          for index = 1, 50000 do sum = sum + index end
          socket:send_text(sum)
        end""",
    )
    with connect(server.url) as client:
        for _ in range(10):
            client.send_text("go")
            assert client.recv(5).value == "1250025000"


def test_a_handler_may_send_on_another_socket(lua: Lua) -> None:
    server = serve(
        lua,
        """
        sockets = sockets or {}
        sockets[#sockets + 1] = socket
        while true do
          local message = socket:recv()
          for _, other in ipairs(sockets) do other:send_text(message.value) end
        end""",
    )
    with connect(server.url) as one, connect(server.url) as two:
        one.send_text("to all")
        assert one.recv(5).value == "to all"
        # The second one's handler may not have begun when the first message came.
        two.send_text("and again")
        assert two.recv(5).value in ("to all", "and again")
        lua.run("for _, socket in ipairs(sockets) do socket:send_bytes({7}) end")
        while one.recv(5) != Message("bytes", b"\x07"):
            pass


def test_the_messages_of_a_socket_go_to_its_own_handler(lua: Lua) -> None:
    server = serve(
        lua,
        """
        first = first or socket
        if first ~= socket then first:recv() end
        socket:recv()""",
    )
    with connect(server.url), connect(server.url) as other:
        assert other.recv(5) == Message("close", CloseFrame(1011))
        with pytest.raises(LuaError, match="the messages of a socket go to its own handler"):
            lua.run("first:recv()")
    assert "cell:7: the messages of a socket go" in found(server, kind="error").summary


def test_a_socket_whose_handler_has_ended_says_so(lua: Lua) -> None:
    server = serve(lua, "kept = socket")
    with connect(server.url) as client:
        client.recv(5)
    found(server, kind="closed")
    with pytest.raises(LuaError, match="the handler of this socket has ended"):
        lua.run('kept:send_text("late")')


def test_a_socket_call_inside_a_coroutine_of_ones_own(lua: Lua) -> None:
    server = serve(
        lua,
        """
        local messages = coroutine.wrap(function()
          while true do coroutine.yield(socket:recv().value) end
        end)
        for value in messages do socket:send_text(value) end""",
    )
    with connect(server.url) as client:
        for word in ("a", "b"):
            client.send_text(word)
            assert client.recv(5).value == word


def test_bytes_come_as_a_table_and_text_as_a_string(lua: Lua) -> None:
    server = serve(
        lua,
        """
        while true do
          local message = socket:recv()
          if message.type == "close" then return end
          local value = message.value
          socket:send_text(message.type .. " " .. type(value) .. " " .. #value)
          socket:send_bytes(value)
        end""",
    )
    payload = bytes(range(256)) * 40
    with connect(server.url) as client:
        client.send_bytes(payload)
        assert client.recv(5).value == "bytes table 10240"
        assert client.recv(5) == Message("bytes", payload)
        client.send_text("tschüß")
        assert client.recv(5).value == "text string 8"
        assert client.recv(5) == Message("bytes", "tschüß".encode())
        client.send_ping("abc")
        received = [client.recv(5) for _ in range(3)]
        assert Message("text", "ping table 3") in received


def test_a_handler_waits_while_a_cell_computes_and_python_does_not(lua: Lua) -> None:
    of_lua = serve(lua, "while true do socket:send_text(socket:recv().value) end")
    with serving(handler_of("async def", echo)) as of_python, connect(of_python.url) as client:
        thread = threading.Thread(target=lua.run, args=("for _ = 1, 20000000 do end",))
        thread.start()
        with connect(of_lua.url) as waiting:
            waiting.send_text("later")
            client.send_text("now")
            assert client.recv(5) == Message("text", "now")
            assert waiting.recv(10) == Message("text", "later")
        thread.join(10)


def test_a_server_is_shut_down_from_lua(lua: Lua) -> None:
    server = serve(lua, "socket:recv()")
    lua.run("local server = require('http').server:new() server:shutdown()")
    assert server.running
    lua.run(SERVER % "" + "server:shutdown()")
    assert lua.server is not None
    assert not lua.server.running
    assert server.running


def test_a_shutdown_ends_waiting_handlers(lua: Lua) -> None:
    server = serve(lua, "while true do socket:recv() end")
    with connect(server.url) as client:
        lua.shutdown()
        assert client.recv(5) == Message("close", CloseFrame(1001))
    assert not list(server.log.filter(kind="error"))
