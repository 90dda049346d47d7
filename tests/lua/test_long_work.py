"""Work that no hook of Lua sees: it is charged, or it is short, and an interrupt gets through."""

from __future__ import annotations

import signal
import threading

import pytest

from astra_nb import connect
from astra_nb.errors import LuaError
from astra_nb.lua import Lua, runtime
from astra_nb.wire.messages import CloseFrame
from tests.lua.logs import found

# Each call takes its time in C: a thousand of them, between two looks of the hook, take minutes.
IN_C = {
    "os.date": 'local s = ("%H"):rep(5000) while true do os.date(s) end',
    "os.date of a long format": 'local s = ("%H"):rep(5000001) os.date(s)',
    "utf8.len": 'local s = ("x"):rep(3000000) while true do utf8.len(s) end',
    "utf8.offset": 'local s = ("x"):rep(3000000) while true do utf8.offset(s, 3000000) end',
    "tonumber": 'local s = ("1"):rep(3000000) while true do tonumber(s, 10) end',
    "sub": 'local s = ("x"):rep(3000000) while true do s:sub(2) end',
    "format": 'local s = ("x"):rep(3000000) while true do ("%s"):format(s) end',
    "format, late": """
        local s = ("x"):rep(3000000)
        while true do ("%s%s%s%s%s%s"):format(1, 2, 3, 4, 5, s) end""",
    "pack": 'local s = ("x"):rep(3000000) while true do string.pack("s", s) end',
    "packsize": 'local s = (" "):rep(3000000) while true do string.packsize(s) end',
    "unpack": 'local s = (" "):rep(3000000) while true do string.unpack(s, "") end',
    "concat": """
        local t = {} for index = 1, 100000 do t[index] = "" end
        while true do table.concat(t) end""",
    "concat of long strings": """
        local s, t = ("x"):rep(60000), {} for index = 1, 50 do t[index] = s end
        while true do table.concat(t) end""",
    "rep of a separator": """
        local s = ("x"):rep(30) while true do ("x"):rep(100000, s) end""",
    "gsub by a long string": """
        local s = ("x"):rep(3000000) while true do ("x"):gsub("x", s) end""",
}


@pytest.mark.parametrize("attempt", IN_C.values(), ids=IN_C.keys())
def test_a_call_in_c_is_charged_for_its_length(
    lua: Lua, monkeypatch: pytest.MonkeyPatch, attempt: str
) -> None:
    # The budget is used up by far fewer calls than the thousand between two looks.
    monkeypatch.setattr(runtime, "CELL_INSTRUCTIONS", 5_000_000)
    counted = attempt.replace("while true do", "calls = 0 while true do calls = calls + 1", 1)
    with pytest.raises(LuaError, match=r"stopped after 5 million|os\.date takes a format of"):
        lua.run(counted)
    lua.run("assert((calls or 0) < 250, calls)")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ('("%d"):format("x")', "bad argument #2 to 'string.format'"),
        ('string.pack("i1", {})', "bad argument #2 to 'string.pack'"),
        ("utf8.len(nil)", "bad argument #1 to 'utf8.len'"),
        ('tonumber("z", 99)', "bad argument #2 to 'tonumber'"),
        ('("x"):rep("y")', "bad argument #2 to 'string.rep'"),
        ("table.concat({{}})", "invalid value (table) at index 1 in table"),
        ("table.sort({1, 'x'})", "attempt to compare"),
        ("os.date('%')", "invalid conversion specifier '%'"),
        ("setmetatable(1, {})", "bad argument #1 to 'setmetatable'"),
        (
            "table.sort({2, 1}, function() require('http').server.new() end)",
            "this call has to wait, and table.sort and string.gsub cannot wait",
        ),
        ("string.upper()", "bad argument #1 to 'string.upper'"),
    ],
)
def test_a_mistake_still_names_function_and_line(lua: Lua, expression: str, message: str) -> None:
    with pytest.raises(LuaError) as caught:
        lua.run(f"\nlocal x = {expression}", "cell 3")
    assert str(caught.value).startswith("cell 3:2: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "asked",
    [
        'require("http").server.new()',
        'server:websocket("/" .. count, print)',
        "server:run()",
    ],
)
def test_a_cell_cannot_ask_for_servers_without_end(lua: Lua, asked: str) -> None:
    with pytest.raises(LuaError, match="stopped after 500 million instructions"):
        lua.run(f"""
            local server = require("http").server.new()
            server.port, count = 0, 0
            while count < 100000 do count = count + 1 {asked} end
        """)
    lua.run("assert(count <= 500, count)")


def test_a_handler_cannot_make_servers_without_end(lua: Lua) -> None:
    lua.run("""
        local http = require("http")
        local server = http.server.new()
        server.port = 0
        server:websocket("/", function() while true do http.server.new() end end)
        server:run()
    """)
    server = lua.server
    assert server is not None
    with connect(server.url) as client:
        assert client.recv(20).value == CloseFrame(1011)
    assert "stopped after 50 million" in found(server, kind="error").summary


LONG_ERRORS = {
    "a string": 'error(("x"):rep(50000000))',
    "a table": 'local t = {} for index = 1, 20000 do t[index] = "0123456789" end error(t)',
    "no Lua": "local " + "x" * 100_000 + " local local",
    "a name": "local function " + "f" * 100_000 + "() error('x') end " + "f" * 100_000 + "()",
}


@pytest.mark.parametrize("code", LONG_ERRORS.values(), ids=LONG_ERRORS.keys())
def test_an_error_is_never_longer_than_a_page(lua: Lua, code: str) -> None:
    with pytest.raises(LuaError) as caught:
        lua.run(code)
    assert len(caught.value.report()) < 10_000
    assert len(str(caught.value)) > 5


def test_a_coroutine_that_waits_for_the_server_is_resumed_by_nobody_else(lua: Lua) -> None:
    lua.run("""
        local server = require("http").server.new()
        server.port = 0
        local waiting
        server:websocket("/first", function(socket)
          waiting = coroutine.create(function() return socket:recv().value end)
          socket:send_text("ready")
          local ok, value = coroutine.resume(waiting)
          socket:send_text(value)
        end)
        server:websocket("/second", function(socket)
          local ok, why = coroutine.resume(waiting, true, "text", "forged")
          socket:send_text(why)
        end)
        server:run()
    """)
    server = lua.server
    assert server is not None
    with connect(server.url + "first") as first:
        assert first.recv(5).value == "ready"
        with connect(server.url + "second") as second:
            assert second.recv(5).value == "cannot resume what waits for the server"
        first.send_text("true")
        assert first.recv(5).value == "true"


def test_an_interrupt_gets_through_slow_instructions(
    lua: Lua, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few instructions on long strings take as long as a million others."""
    monkeypatch.setattr(runtime, "CELL_SECONDS", 120)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            lua.run("""
                local s = ("x"):rep(10000000)
                while true do local t = s .. "y" end
            """)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
