"""What strangers' Lua tries: a way out, a way never to end, a way to fill the memory."""

from __future__ import annotations

import pytest

from astra_nb.errors import LuaError
from astra_nb.lua import Lua, runtime


@pytest.fixture(autouse=True)
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What must be stopped is stopped early."""
    monkeypatch.setattr(runtime, "CELL_INSTRUCTIONS", 3_000_000)
    monkeypatch.setattr(runtime, "CELL_SECONDS", 3)


def value(lua: Lua, capsys: pytest.CaptureFixture[str], expression: str) -> str:
    lua.run(f"pprint({expression})")
    return capsys.readouterr().out.removesuffix("\n")


@pytest.mark.parametrize(
    "name",
    [
        "python",
        "io",
        "debug",
        "package",
        "dofile",
        "loadfile",
        "loadstring",
        "warn",
        "os.execute",
        "os.getenv",
        "os.exit",
        "os.remove",
        "os.rename",
        "os.tmpname",
        "os.setlocale",
        "string.dump",
        "coroutine.isdead",
    ],
)
def test_nothing_leads_out(lua: Lua, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert value(lua, capsys, name) == "nil"


def test_the_globals_are_these_and_no_others(lua: Lua, capsys: pytest.CaptureFixture[str]) -> None:
    names = set(
        value(
            lua,
            capsys,
            "(function() local t = {} for k in pairs(_G) do t[#t+1] = k end "
            "table.sort(t) return table.concat(t, ' ') end)()",
        )
        .strip('"')
        .split()
    )
    assert sorted(names) == sorted(
        "Astra _G _VERSION assert collectgarbage coroutine error getmetatable ipairs load math "
        "next os pairs pcall pprint print rawequal rawget rawlen rawset require select "
        "setmetatable string table tonumber tostring type utf8 xpcall".split()
    )


@pytest.mark.parametrize(
    "attempt",
    [
        'require("os").execute("true")',
        'require("io")',
        'require("debug")',
        'require("package")',
        'require("python")',
        'getmetatable("").__index.dump(print)',
        'getmetatable("").__index = nil',
        "python.eval('1')",
        'load("return io")().open("/etc/passwd")',
        'load("return io", "x", "bt", nil)().open("/etc/passwd")',
        'assert(load("\\27Lua", "x", "b"))',
        'assert(load("\\27Lua"))',
        'local http = require("http").server:new() getmetatable(http).__index = nil',
        "coroutine.close(coroutine.running())",
        "setmetatable({}, {__gc = function() while true do end end})",
        'collectgarbage("stop")',
        'collectgarbage("generational")',
        '("a"):rep(1000000):find(("a"):rep(50000) .. "b", 1, true)',
    ],
)
def test_an_attempt_raises(lua: Lua, attempt: str) -> None:
    with pytest.raises(LuaError):
        lua.run(attempt)


def test_no_value_that_lua_can_reach_is_pythons(
    lua: Lua, capsys: pytest.CaptureFixture[str]
) -> None:
    """Walk everything from the globals, metatables too: there is no userdata."""
    lua.run("""
        local seen, found = {}, {}
        local function walk(thing)
          if seen[thing] then return end
          if type(thing) == "userdata" then found[#found + 1] = tostring(thing) end
          if type(thing) ~= "table" then return end
          seen[thing] = true
          walk(getmetatable(thing))
          for key, item in next, thing do walk(key) walk(item) end
        end
        local server = require("http").server.new()
        walk(_G) walk(server) walk(require("http")) walk(getmetatable(""))
        pprint(#found)
    """)
    assert capsys.readouterr().out == "0\n"


def test_loaded_code_sees_the_same_globals(lua: Lua, capsys: pytest.CaptureFixture[str]) -> None:
    assert value(lua, capsys, 'load("return _G == _ENV and io")() == nil') == "true"
    assert value(lua, capsys, 'load("return _ENV")() == _G') == "true"
    assert value(lua, capsys, 'load("return x", "c", "t", {x = 5})()') == "5"
    pieces = "(function() local n = 0 return load(function() n = n + 1 "
    assert value(lua, capsys, pieces + "return ({'return ', '7'})[n] end)() end)()") == "7"


ENDLESS = {
    "loop": "while true do end",
    "caught": "while true do pcall(function() while true do end end) end",
    "caught deep": """
        local function catch(depth)
          if depth > 100 then while true do end end
          pcall(catch, depth + 1)
          return catch(depth)
        end
        catch(1)""",
    "message handler": """
        xpcall(function() while true do end end, function() while true do end end)
        while true do end""",
    "message handler that never ends": """
        xpcall(error, function() while true do end end)""",
    "coroutine": "coroutine.wrap(function() while true do end end)()",
    "coroutine caught": """
        while true do
          local co = coroutine.create(function() while true do end end)
          coroutine.resume(co)
        end""",
    "coroutines that make coroutines": """
        local function more() coroutine.wrap(more)() end
        while true do pcall(more) end""",
    "close handler": """
        local forever = setmetatable({}, {__close = function() while true do end end})
        coroutine.wrap(function() local x <close> = forever while true do end end)()""",
    "close handler of a dead coroutine": """
        local forever = setmetatable({}, {__close = function() while true do end end})
        local co = coroutine.create(function() local x <close> = forever while true do end end)
        while true do pcall(coroutine.resume, co) coroutine.close(co) end""",
    "close handler of a suspended coroutine": """
        local forever = setmetatable({}, {__close = function() while true do end end})
        local co = coroutine.create(function()
          local x <close> = forever
          coroutine.yield()
        end)
        coroutine.resume(co)
        coroutine.close(co)""",
    "fourth value of for": """
        local forever = setmetatable({}, {__close = function() while true do end end})
        pcall(function() for _ in function() error("x") end, nil, nil, forever do end end)""",
    "metamethod": "return setmetatable({}, {__index = function() while true do end end}).x",
    "tostring": """
        print(setmetatable({}, {__tostring = function() while true do end end}))""",
    "error object": """
        error(setmetatable({}, {__tostring = function() while true do end end}))""",
    "sort": "table.sort({1, 2, 3}, function() while true do end end)",
    "callback": '("x"):gsub(".", function() while true do end end)',
    "goto": "::again:: goto again",
    "reader": "load(function() while true do end end)",
    "recursion": "local function f() return f() end f()",
    "moving nothing": "table.move({}, 1, 1 << 53, 2)",
    "inserting into a liar": """
        table.insert(setmetatable({}, {__len = function() return 1 << 53 end}), 1, 0)""",
    "removing from a liar": """
        table.remove(setmetatable({}, {__len = function() return 1 << 53 end}), 1)""",
    "printing": 'while true do print("x") end',
    "pretty-printing": """
        local t = {} for _ = 1, 18 do t = {t, t, t, t} end pprint(t)""",
    "collecting": "while true do collectgarbage() end",
    "long strings": """
        local s = ("x"):rep(2 ^ 24 // 1 | 0) while true do local t = s:reverse() end""",
    "plain find": """
        local s, t = ("a"):rep(20000), ("a"):rep(10000) .. "b"
        while true do s:find(t, 1, true) end""",
    "waiting for what does not come": """
        local server = require("http").server:new()
        while true do pcall(server.websocket, server, "no path", print) end""",
}


@pytest.mark.parametrize("attempt", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_never_ends_is_stopped(
    lua: Lua, capsys: pytest.CaptureFixture[str], attempt: str
) -> None:
    with pytest.raises(LuaError) as caught:
        lua.run(attempt)
    message = str(caught.value)
    if attempt != ENDLESS["error object"]:
        assert "stopped after 3 " in message
    capsys.readouterr()
    # The state goes on to work, for the next cell.
    assert value(lua, capsys, "1 + 1") == "2"


def test_a_clear_error_names_the_line(lua: Lua) -> None:
    with pytest.raises(LuaError) as caught:
        lua.run("local x = 1\nwhile true do\n  x = x + 1\nend", "cell 7")
    assert str(caught.value).startswith(("cell 7:2: stopped after 3 m", "cell 7:3: stopped after"))
    assert str(caught.value).endswith(
        "stopped after 3 million instructions: other code has to wait meanwhile; "
        "a loop that goes on for ever needs a socket:recv() in it"
    )


def test_a_coroutine_has_its_price(lua: Lua, capsys: pytest.CaptureFixture[str]) -> None:
    """Each ends before its own hook looks, so that nothing else would count what it does."""
    with pytest.raises(LuaError, match="stopped after 3 million instructions"):
        lua.run("count = 0 while true do coroutine.create(print) count = count + 1 end")
    assert 2000 < int(value(lua, capsys, "count")) <= 3000


def test_a_dead_coroutine_runs_nothing_more(lua: Lua, capsys: pytest.CaptureFixture[str]) -> None:
    lua.run("""
        local thread = coroutine.create(function()
          local last <close> = setmetatable({}, {__close = function() print("ran") end})
          error("died")
        end)
        coroutine.resume(thread)
        print(coroutine.close(thread))
    """)
    assert capsys.readouterr().out == "true\n"


GREEDY = {
    "a long string": 'return ("x"):rep(1e10 // 1 | 0)',
    "a longer string": 'return ("x"):rep(1 << 62)',
    "nothing, often": 'return #("").rep("", 1 << 62)',
    "a separator": 'return ("").rep("", 1 << 62, "x")',
    "doubling": 'local s = "x" while true do s = s .. s end',
    "a table": "local t = {} while true do t[#t + 1] = {} end",
    "a table of strings": 'local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end',
    "deep recursion": "local function f() return 1 + f() end return f()",
    "many coroutines": "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
    "unpacking": "return table.unpack({}, 1, 1 << 30)",
    "joining": """
        local t = setmetatable({}, {__index = getmetatable, __metatable = ""})
        return table.concat(t, "", 1, 1 << 53)""",
    "joining from afar": """
        local t = setmetatable({}, {__index = getmetatable, __metatable = ""})
        return table.concat(t, "", math.mininteger, 1 << 62)""",
    "format": 'return ("%99999d"):format(1)',
    "globals": "t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end",
}


@pytest.mark.parametrize("attempt", GREEDY.values(), ids=GREEDY.keys())
def test_memory_has_an_end(
    lua: Lua,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    attempt: str,
) -> None:
    monkeypatch.setattr(runtime, "CELL_INSTRUCTIONS", 100_000_000)
    if attempt == GREEDY["nothing, often"]:
        lua.run(attempt)
        return
    with pytest.raises(LuaError):
        lua.run(attempt)
    if attempt != GREEDY["globals"]:
        assert value(lua, capsys, "1 + 1") == "2"


def test_a_full_memory_is_an_error_and_never_the_end_of_the_process(
    lua: Lua, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "CELL_INSTRUCTIONS", 100_000_000)
    fill = "t = t or {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end"
    for _ in range(3):
        with pytest.raises(LuaError, match="not enough memory"):
            lua.run(fill)
    # Even what is caught to the last byte leaves room for Python's side.
    with pytest.raises(LuaError, match=r"%reload_ext astra_nb starts a new one"):
        lua.run("print(1)")


def test_catching_a_full_memory_leaves_room_to_come_back(
    lua: Lua, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "CELL_INSTRUCTIONS", 100_000_000)
    with pytest.raises(LuaError):
        lua.run("""
            t = {}
            for size = 20, 0, -1 do
              while pcall(function() t[#t + 1] = ("x"):rep(1 << size) .. #t end) do end
            end
            require("http").server.new()
        """)


def test_error_objects_of_any_kind_become_a_message(lua: Lua) -> None:
    for thrown, message in [
        ('"text"', "cell:1: text"),
        ("{code = 5}", "error object {code = 5}"),
        ("nil", "nil"),
        ("42", "42"),
        ("true", "true"),
    ]:
        with pytest.raises(LuaError) as caught:
            lua.run(f"error({thrown})")
        assert str(caught.value) == message


def test_what_a_sandbox_still_has_works(lua: Lua, capsys: pytest.CaptureFixture[str]) -> None:
    for expression, shown in [
        ("pcall(error, 'x', 0)", 'false\n"x"'),
        ("xpcall(error, function(e) return e .. '!' end, 'x', 0)", 'false\n"x!"'),
        ("select('#', coroutine.resume(coroutine.create(function(a) return a, nil end), 1))", "3"),
        ("coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b end)(1)", "2"),
        ("os.time{year=2024, month=1, day=1, hour=12} > 0", "true"),
        ("table.concat({1, 2, 3}, '-')", '"1-2-3"'),
        (
            "(function() local t = {1, 3} table.insert(t, 2, 2) table.insert(t, 4) return t end)()",
            "{1, 2, 3, 4}",
        ),
        (
            "(function() local t = {1, 2, 3} "
            "return {table.remove(t, 1), table.remove(t), #t} end)()",
            "{1, 3, 1}",
        ),
        ("table.remove({})", "nil"),
        ("table.move({1, 2, 3}, 1, 3, 2)", "{1, 1, 2, 3}"),
        ("table.move({1, 2, 3}, 2, 3, 1)", "{2, 3, 3}"),
        ("(function() local t = {3, 1, 2} table.sort(t) return t end)()", "{1, 2, 3}"),
        (
            "(function() local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) "
            "return t end)()",
            "{3, 2, 1}",
        ),
        ("('ab'):rep(2, '-')", '"ab-ab"'),
        ("('ab'):upper() .. ('AB'):lower() .. ('ab'):reverse()", '"ABabba"'),
        ("tostring(12) .. math.type(1.0)", '"12float"'),
    ]:
        assert value(lua, capsys, expression) == shown, expression
