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
    "pack of a long field": 'while true do string.pack("c30000000", "") end',
    "format of a long name": """
        local t = setmetatable({}, {__name = ("x"):rep(3000000)})
        while true do ("%s"):format(t) end""",
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


# Each instruction takes 20 ms and more, in which no hook looks.
SLOW_INSTRUCTIONS = {
    "comparing NULs": 'local s = long("\\0") while true do if s < s then end end',
    "comparing NULs in an old coroutine": """
        local s
        local old = coroutine.wrap(function()
          coroutine.yield()
          while true do if s < s then end end
        end)
        old()
        s = long("\\0")
        old()""",
    "comparing NULs after a coroutine": """
        local s = coroutine.wrap(long)("\\0")
        while true do if s < s then end end""",
    "comparing NULs after garbage": """
        local s = long("\\0")
        for index = 1, 100000 do local t = {} end
        while true do if s < s then end end""",
    "comparing NULs while sorting": """
        local s = long("\\0")
        local t = {} for index = 1, 1000 do t[index] = s end
        table.sort(t, function(a, b) calls = calls + 1 return a < b end)""",
    "a key": 'local s, t = long("x"), {} while true do local x = t[s .. "y"] end',
    "growing in place": """
        local t, keys = {}, 1 << 20
        for index = 1, keys do t[index + 0.5] = 1 end
        while true do t[keys + 0.5] = nil keys = keys + 1 t[keys + 0.5] = 1 end""",
}


@pytest.mark.parametrize("attempt", SLOW_INSTRUCTIONS.values(), ids=SLOW_INSTRUCTIONS.keys())
def test_a_slow_instruction_is_followed_by_an_early_look(
    lua: Lua, monkeypatch: pytest.MonkeyPatch, attempt: str
) -> None:
    lua.run("""
        function long(s) -- within one tick
          for _ = 1, 24 do s = s .. s end
          return s
        end
        calls = 0
    """)
    monkeypatch.setattr(runtime, "CELL_SECONDS", 1)
    counted = attempt.replace("while true do", "while true do calls = calls + 1", 1)
    with pytest.raises(LuaError, match="stopped after 1 seconds of computing"):
        lua.run(counted)
    lua.run("assert(calls < 100, calls)")


# What C would look up once for each item, at the end of a chain of tables.
CHAINS = {
    "concat": "table.concat(chain, '', 1, 400000)",
    "unpack": "table.unpack(chain, 1, 400000)",
    "unpack of strings": "setmetatable(string, {__index = chain}) table.unpack('x', 1, 400000)",
    "gsub": "('x'):rep(400000):gsub('.', chain)",
    "sort": """
        local list = setmetatable({}, {__index = chain, __len = function() return 1 << 30 end})
        table.sort(list, function() return false end)""",
    "move": "table.move(chain, 1, 400000, 2)",
}


@pytest.mark.parametrize("attempt", CHAINS.values(), ids=CHAINS.keys())
def test_metamethods_are_called_where_a_hook_counts(
    lua: Lua, monkeypatch: pytest.MonkeyPatch, attempt: str
) -> None:
    monkeypatch.setattr(runtime, "CELL_INSTRUCTIONS", 1_000_000)
    lua.run("""
        chain = {}
        local last = chain
        for _ = 1, 200 do
          local following = {}
          setmetatable(last, {__index = following, __metatable = false})
          last = following
        end
    """)
    with pytest.raises(LuaError, match="stopped after 1 million instructions"):
        lua.run(attempt)
    lua.run("assert(1 + 1 == 2)")


TOO_LONG = {
    "branches": 'load("if a then " .. ("elseif a then "):rep(100000) .. "end")',
    "conditions": 'load("x = " .. ("a and "):rep(100000) .. "a")',
    "labels": 'local n = 0 load(function() n = n + 1 return "::a" .. n .. ":: x = 1 " end)',
}


@pytest.mark.parametrize("attempt", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_the_compiler_refuses_long_code(lua: Lua, attempt: str) -> None:
    with pytest.raises(LuaError, match="cell:1: load takes 200000 bytes of Lua at most, not "):
        lua.run(attempt)


def test_a_cell_has_the_same_limit(lua: Lua) -> None:
    with pytest.raises(LuaError, match="a cell takes 200000 bytes of Lua at most, not 200001"):
        lua.run(" " * 200_001)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        ("table.unpack({}, 1, 1 << 30)", "unpack takes 500000 items at most, not 1073741824"),
        ("table.unpack({}, math.mininteger, 1)", "unpack takes 500000 items at most"),
        ("table.concat({}, '', 1, 1 << 30)", "concat takes 10000000 items at most, not 1073741824"),
        ("local t = {} setmetatable(t, {__call = t}) t()", "__call must be a function here"),
    ],
)
def test_a_call_without_end_is_refused(lua: Lua, attempt: str, message: str) -> None:
    with pytest.raises(LuaError, match=message):
        lua.run(attempt)


DEEP = {
    "index": "function mt.__index(t, key) return t[key + 1] end return t[1]",
    "newindex": "function mt.__newindex(t, key) t[key + 1] = 1 end t[1] = 1",
    "concat": "function mt.__concat(a, b) return a .. b end return t .. t",
    "equal": "function mt.__eq(a, b) return a == b end return t == setmetatable({}, mt)",
    "less": "function mt.__lt(a, b) return a < b end return t < t",
    "length": "function mt.__len(a) return #a end return #t",
    "close": "function mt.__close(a) local again <close> = a end local x <close> = t",
    "tostring": "function mt.__tostring(a) return tostring(a) end return tostring(t)",
    "gsub": "local function f() return ('x'):gsub('.', f) end f()",
    "sort": "local function f() table.sort({1, 2, 3}, f) end f()",
    "wrap": "local function f() return coroutine.wrap(f)() end f()",
}


@pytest.mark.parametrize("attempt", DEEP.values(), ids=DEEP.keys())
def test_a_recursion_through_c_ends_with_an_error(lua: Lua, attempt: str) -> None:
    with pytest.raises(LuaError, match="C stack overflow"):
        lua.run("local mt = {} local t = setmetatable({}, mt) " + attempt)
    lua.run("assert(1 + 1 == 2)")


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
    "no Lua": "local " + "x" * 90_000 + " local local",
    "a name": "local function " + "f" * 45_000 + "() error('x') end " + "f" * 45_000 + "()",
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
