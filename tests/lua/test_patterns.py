"""Patterns: Lua's own results, and a bound of the steps that no call exceeds."""

from __future__ import annotations

import contextlib
from importlib import resources
from typing import Any

import lupa.lua54
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from astra_nb.errors import LuaError
from astra_nb.lua import Lua, runtime
from tests.lua.matcher import Matcher, Mistake, TooManySteps

PIECES = ["a", "b", ".", "%a", "%d", "%s", "%W", "[ab]", "[^a]", "[a-c%d]", "[]]", "[^]a]", "%."]
COUNTS = ["", "", "*", "+", "-", "?"]


@pytest.fixture(scope="module")
def parts() -> Any:
    """The functions of `patterns.lua` without a budget, and the bound that it computes."""
    lua = lupa.lua54.LuaRuntime(encoding=None, source_encoding="utf-8")
    source = (resources.files("astra_nb.lua") / "patterns.lua").read_bytes()
    budget = lua.execute(b"""
        return {spend = function() end, fail = function(text) error(text, 0) end}
    """)
    sandbox = lua.execute(b"""
        return {environment = {string = {}}, given = function(name, ok, ...)
          if not ok then error(..., 0) end
          return ...
        end}
    """)
    most_steps = lua.execute(source, budget, sandbox)[b"most_steps"]
    compare = lua.execute(
        b"""
        local ours = ...
        local show = function(ok, ...)
          local parts = {tostring(ok)}
          for index = 1, select("#", ...) do
            local value = (select(index, ...))
            if not ok then value = tostring(value):gsub("^%[.-:%d+: ", "") end
            parts[#parts + 1] = math.type(value) or type(value)
            parts[#parts + 1] = tostring(value)
          end
          return table.concat(parts, "|")
        end
        local function all(library)
          return function(text, pattern, ...)
            local parts = {}
            for found, second in library.gmatch(text, pattern, ...) do
              parts[#parts + 1] = tostring(found) .. "," .. tostring(second)
              if #parts > 50 then break end
            end
            return table.concat(parts, ";")
          end
        end
        return function(name, ...)
          local a = name == "gmatch" and all(ours) or ours[name]
          local b = name == "gmatch" and all(string) or string[name]
          return show(pcall(a, ...)), show(pcall(b, ...))
        end
        """,
        sandbox[b"environment"][b"string"],
    )
    return compare, most_steps


patterns = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(PIECES), st.sampled_from(COUNTS)).map("".join),
        st.sampled_from(["(", ")", "()", "%b()", "%f[%a]", "%1", "$", "^", "%b", "%f", "%", "["]),
    ),
    max_size=6,
).map("".join)
texts = st.text("aab (1)].", max_size=12)

# What the bound has a rule for, often enough, and longer texts.
ruled = st.lists(
    st.one_of(
        st.sampled_from(["a", "b", "(", ")", "()", ".-", ".*", ".+", "a*", "b-", "[^a]+", "$"]),
        st.sampled_from(["%s*", "a?", "a+", "[^b]*", "%b()", "%f[a]", "%1", " ", "(.-)", "^"]),
    ),
    max_size=7,
).map("".join)
long_texts = st.one_of(
    st.text("aab (", max_size=40),
    st.lists(st.sampled_from(["a" * 20, "b", " " * 9, "ab", "(", ")", "\n"]), max_size=8).map(
        "".join
    ),
)


def steps_of(name: str, text: str, pattern: str, limit: int) -> float:
    """Return the steps that C takes, at most `limit` and a few."""
    matcher = Matcher(text, pattern, limit)
    with contextlib.suppress(Mistake, TooManySteps):
        matcher.run(name)
    return matcher.steps


@given(long_texts, st.one_of(ruled, patterns), st.sampled_from(["find", "gmatch", "gsub"]))
@example("a" * 40, "a*a*a*b", "find")
@example("a" * 30 + "b", "(.-)b", "gmatch")
@example("b" + "a" * 30, "(.-)b", "gmatch")
@example("a" * 40, "a-b", "gsub")
@example("(" * 40, "%b()", "gsub")
@example("a" * 40, "(a*)%1b", "find")
@example("a" * 40, "a?a?a?a?a?a?a?a?b", "find")
@example(" " * 40 + "a", "^%s*(.-)%s*$", "gsub")
@example("a b" * 12, ".-%s*$", "gmatch")
@example("a" * 200 + "b", "a+c(.-)b", "gsub")
@example("^" * 40, "a?^*^*^*b", "find")
@example("b" * 60, ".-a+$", "find")
@example("ab" * 30 + " b" * 30, ".-b %s*.-ba", "gmatch")
@example("a" * 12, "[^aaaaaaaaaaaaaaaaaaaaaaaab]*b", "find")
def test_no_call_takes_more_steps_than_its_bound(
    parts: Any, text: str, pattern: str, name: str
) -> None:
    _, most_steps = parts
    anchored = name != "gmatch" and pattern.startswith("^")
    bound = most_steps(text.encode(), pattern.encode(), anchored)
    assert steps_of(name, text, pattern, 200_000) <= bound or bound > 200_000


@given(texts, patterns, st.integers(-3, 15))
def test_any_pattern(parts: Any, text: str, pattern: str, init: int) -> None:
    for name in ("find", "match", "gmatch"):
        call = (name.encode(), text.encode(), pattern.encode(), init)
        ours, theirs = parts[0](*call)
        assert ours == theirs, call


@given(texts, patterns, st.sampled_from(["<%0>", "%1", "%%", "x", "%2", "%"]), st.integers(-1, 4))
def test_any_replacement(parts: Any, text: str, pattern: str, by: str, limit: int) -> None:
    call = (b"gsub", text.encode(), pattern.encode(), by.encode(), limit)
    ours, theirs = parts[0](*call)
    assert ours == theirs, call


@pytest.mark.parametrize(
    "call",
    [
        ("find", "abc", "b"),
        ("find", "a.c", ".", 2, True),
        ("find", "abc", "", 10),
        ("find", "hello world", "(o)( )(w)"),
        ("match", "key = value", "^(%w+)%s*=%s*(%w+)$"),
        ("match", "x (a (b) c) y", "%b()"),
        ("match", "aXbXc", "(.-)X(.*)"),
        ("match", "abab", "(ab)%1"),
        ("match", "THE (quick) fox", "%f[%a]%a+%f[%A]"),
        ("gmatch", "THE (quick) fox", "%f[%a]%a"),
        ("match", "abc", "()b()"),
        ("match", 12345, "%d%d"),
        ("gmatch", "one two  three", "%a+"),
        ("gmatch", "abc", ""),
        ("gmatch", "k=v, l=w", "(%w+)=(%w+)"),
        ("gmatch", "^a^a", "^a"),
        ("gsub", "hello", "", "-"),
        ("gsub", "hello", "l+", "<%0>"),
        ("gsub", "abc", "%w", "%0%0", 2),
        ("gsub", "abc abc", "^abc", "x"),
        ("gsub", "a b", "(%a) (%a)", "%2 %1"),
        ("find", "a", "[a"),
        ("find", "a", "(a"),
        ("find", "a", "a)"),
        ("find", "a", "%"),
        ("find", "a", "%b"),
        ("find", "a", "%f"),
        ("gsub", "a", "a", "%2"),
        ("gsub", "a", "a", "%x"),
    ],
    ids=str,
)
def test_known_uses(parts: Any, call: tuple[Any, ...]) -> None:
    ours, theirs = parts[0](*(a.encode() if isinstance(a, str) else a for a in call))
    assert ours == theirs


PROSE = ("The quick brown fox, key=value, 12 cats <b>bold</b> a@b.org \r\n" * 1700)[:100_000]
TABLE = ("alpha,beta,12,gamma delta\n" * 4000)[:100_000]
REQUEST = f"GET /{'x' * 99_900} HTTP/1.1"
LINE = "x" * 100_000

EVERYDAY = {
    "numbers": (PROSE, 'n = select(2, text:gsub("%d+", ""))', "1613"),
    "words": (PROSE, 'n = 0 for word in text:gmatch("%a+") do n = n + 1 end', "20968"),
    "trim": (f"  \t{PROSE}  ", 'n = #text:match("^%s*(.-)%s*$")', str(len(PROSE.strip()))),
    "fields": (TABLE, 'n = 0 for field in text:gmatch("([^,]+)") do n = n + 1 end', "11539"),
    "pairs": (PROSE, 'n = 0 for k, v in text:gmatch("(%w+)=(%w+)") do n = n + 1 end', "1613"),
    "lines": (TABLE, 'n = 0 for line in text:gmatch("[^\\n]+") do n = n + 1 end', "3847"),
    "lines, lazily": (
        *(TABLE, 'n = 0 for line in text:gmatch("(.-)\\r?\\n") do n = n + 1 end'),
        "3846",
    ),
    "one line": (LINE, 'n = 0 for line in text:gmatch("[^\\n]+") do n = n + 1 end', "1"),
    "spaces": (PROSE, 'n = #text:gsub("%s+", " ")', "96776"),
    "columns": (
        *(TABLE, 'n = select(2, text:gsub("([^,]*),([^,]*),([^,]*),([^\\n]*)\\n", "%4,%1\\n"))'),
        "3846",
    ),
    "a request": (REQUEST, 'n = #select(2, text:match("^(%u+) ([^ ]+) HTTP/1%.1"))', "99901"),
    "the end of a line": (PROSE, 'n = text:find("\\r\\n")', "61"),
    "ends of lines": (PROSE, 'n = text:gsub("\\r\\n", "\\n"):find("\\r", 1, true)', "nil"),
    "tags": (PROSE, 'n = 0 for tag in text:gmatch("<(%w+)>") do n = n + 1 end', "1613"),
    "an element": (PROSE, 'n = text:match("<b>(.-)</b>")', "bold"),
    "balanced": (PROSE, 'n = 0 for tag in text:gmatch("%b<>") do n = n + 1 end', "3226"),
    "frontiers": (PROSE, 'n = 0 for w in text:gmatch("%f[%a]%a+%f[%A]") do n = n + 1 end', "20968"),
    "head and rest": (PROSE, 'n = text:match("^(.-),%s*(.*)$")', "The quick brown fox"),
    "a table": (PROSE, 'n = #text:gsub("%w", {a = "b"})', "100000"),
}


@pytest.mark.parametrize(("text", "code", "expected"), EVERYDAY.values(), ids=EVERYDAY.keys())
def test_an_everyday_pattern_takes_a_long_subject(
    lua: Lua, capsys: pytest.CaptureFixture[str], text: str, code: str, expected: str
) -> None:
    lua.run(f"text = {lua_string(text)}")
    lua.run(f"{code} print(n)")
    assert capsys.readouterr().out == f"{expected}\n"


def lua_string(text: str) -> str:
    return '"' + text.replace("\r", "\\r").replace("\n", "\\n") + '"'


HOSTILE = {
    "lazy": '("a"):rep(200):find((".-"):rep(12) .. "b")',
    "greedy": '("a"):rep(100000):find("a*a*b")',
    "unanchored": '("a"):rep(100000):find("a+b")',
    "key and value of one long word": '("a"):rep(100000):gmatch("(%w+)=(%w+)")',
    "no such end": '("a"):rep(100000):gsub("(.-)\\n", "")',
    "an end that comes early": '("b" .. ("a"):rep(100000)):gsub(".-b", "")',
    "optional": '("a"):rep(60):match(("a?"):rep(40) .. ("a"):rep(61))',
    "balanced": '("("):rep(1000000):find("%b()")',
    "back reference": '("a"):rep(3000):find("(a*)%1b")',
    "a long set": '("a"):rep(100000):gsub("[" .. ("b"):rep(10000) .. "]", "")',
    "an anchor": '("a"):rep(20000):match("^.*.*b")',
    "an anchor that is none": '("a"):rep(100000):gmatch("^*a*b")',
    "a long pattern": '("a"):rep(100000):match(("a"):rep(50000) .. "b")',
    "only a long pattern": 'local s = (""):gsub(("a"):rep(1000000), "")',
    "a long replacement": '("a"):rep(100000):gsub("", ("%0"):rep(10000))',
    "plain": '("a"):rep(1000000):find(("a"):rep(50000) .. "b", 1, true)',
    "captures": '("a"):rep(5000):find("((a*)(a*)(a*))b")',
}


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_pattern_that_could_take_too_long_is_refused(lua: Lua, code: str) -> None:
    with pytest.raises(LuaError) as caught:
        lua.run(f"local x = {code}" if not code.startswith("local") else code, "cell 4")
    message = str(caught.value)
    assert message.startswith("cell 4:1: string.")
    assert " refuses the pattern " in message
    assert len(message) < 500


def test_the_refusal_names_pattern_subject_bound_and_way_out(lua: Lua) -> None:
    with pytest.raises(LuaError) as caught:
        lua.run('\n("a"):rep(3000):match("(.-)(.-)\\nb(.-)x" .. ("y"):rep(100))', "cell 2")
    assert str(caught.value) == (
        r'cell 2:2: string.match refuses the pattern "(.-)(.-)\nb(.-)xyyyyyyyyyyyyyyyyyyyyyyyyy..."'
        ": it could take 3e+16 steps on 3000 bytes, and 5e+08 are allowed, because nothing can "
        "stop a call; search a shorter string, anchor the pattern with ^, or use fewer of * + - ?, "
        'on sets without what follows them, as in "([^,]*),"'
    )


@pytest.mark.parametrize(
    "code",
    [
        '("x"):find("c" .. ("a?"):rep(2000) .. "b")',  # no place for it, times a huge number
        'pcall(string.find, "x", "c*" .. ("c?"):rep(2000) .. "b")',
    ],
)
def test_no_bound_is_so_high_that_the_budget_is_lost(
    lua: Lua, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Nothing times infinity is not a number, and no budget is ever used up by that."""
    monkeypatch.setattr(runtime, "CELL_INSTRUCTIONS", 3_000_000)
    monkeypatch.setattr(runtime, "CELL_SECONDS", 5)
    with pytest.raises(LuaError, match="stopped after 3 million instructions"):
        lua.run(f"{code} while true do end")


def test_a_search_that_found_no_more_is_not_made_again(lua: Lua) -> None:
    """C would search the whole subject in each further call, and nothing would charge it."""
    lua.run("""
        local following = ("a"):rep(6000):gmatch("a+b")
        for _ = 1, 10000 do assert(following() == nil) end
        local wrong = ("a"):rep(6000):gmatch("a[")
        assert(not pcall(wrong) and wrong() == nil)
    """)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('("a"):find("[a")', "cell 4:1: malformed pattern (missing ']')"),
        ('("a"):match("a%")', "cell 4:1: malformed pattern (ends with '%')"),
        ('("a"):gsub("a%f", "")', "cell 4:1: missing '[' after '%f' in pattern"),
        ('("a"):rep(999):find("a*%f%b")', "cell 4:1: missing '[' after '%f' in pattern"),
        ('("a"):gsub("%b(", "")', "cell 4:1: malformed pattern (missing arguments to '%b')"),
        ('("a"):gmatch("(a")()', "cell 4:1: unfinished capture"),
        ('("a"):gmatch("a)")()', "cell 4:1: invalid pattern capture"),
        ('("a"):find("%1")', "cell 4:1: invalid capture index %1"),
        ('("a"):find(("()"):rep(33))', "cell 4:1: too many captures"),
        ('("a"):find(("a?"):rep(300) .. "b")', "cell 4:1: string.find refuses"),
        ('("a"):rep(250):match(("a?"):rep(250))', "cell 4:1: pattern too complex"),
        ('("a"):gsub("a")', "cell 4:1: bad argument #3 to 'string.gsub'"),
        ("string.find(nil, 'a')", "cell 4:1: bad argument #1 to 'string.find'"),
        ("string.match('a', {})", "cell 4:1: bad argument #2 to 'string.match'"),
        ("string.gmatch('a')", "cell 4:1: bad argument #2 to 'string.gmatch'"),
    ],
)
def test_a_mistake_in_a_pattern_is_told_by_lua_itself(lua: Lua, code: str, message: str) -> None:
    with pytest.raises(LuaError) as caught:
        lua.run(f"local x = {code}", "cell 4")
    assert str(caught.value).startswith(message)
