"""The matcher in Lua gives what the one in C gives."""

from __future__ import annotations

from importlib import resources
from typing import Any

import lupa.lua54
import pytest
from hypothesis import given
from hypothesis import strategies as st

PIECES = ["a", "b", ".", "%a", "%d", "%s", "%W", "[ab]", "[^a]", "[a-c%d]", "[]]", "[^]a]", "%."]
COUNTS = ["", "", "*", "+", "-", "?"]


@pytest.fixture(scope="module")
def compare() -> Any:
    """Call a function of both matchers; give both results, errors as a message's last words."""
    lua = lupa.lua54.LuaRuntime(encoding=None, source_encoding="utf-8")
    source = (resources.files("astra_nb.lua") / "patterns.lua").read_bytes()
    budget = lua.execute(b"""
        return {spend = function() end, fail = function(text) error(text, 0) end}
    """)
    ours = lua.execute(source, budget, -1)  # nothing is left to C
    return lua.execute(
        b"""
        local ours = ...
        local show = function(ok, ...)
          local parts = {tostring(ok)}
          for index = 1, select("#", ...) do
            local value = (select(index, ...))
            if not ok then value = tostring(value):gsub("^.-:%d+: ", ""):gsub(" in pattern", "")
              :gsub(" %(.*", ""):gsub(" in replacement string", "") end
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
        ours,
    )


patterns = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(PIECES), st.sampled_from(COUNTS)).map("".join),
        st.sampled_from(["(", ")", "()", "%b()", "%f[%a]", "%1", "$", "^", "%b", "%f", "%", "["]),
    ),
    max_size=6,
).map("".join)
texts = st.text("aab (1)].", max_size=12)


@given(texts, patterns, st.integers(-3, 15))
def test_any_pattern(compare: Any, text: str, pattern: str, init: int) -> None:
    # C finds a mistake in a pattern when it comes to it, and may not come to it.
    for name in ("find", "match", "gmatch"):
        call = (name.encode(), text.encode(), pattern.encode(), init)
        ours, theirs = compare(*call)
        if not ours.startswith(b"false"):
            assert ours == theirs, call


@given(texts, patterns, st.sampled_from(["<%0>", "%1", "%%", "x", "%2", "%"]), st.integers(-1, 4))
def test_any_replacement(compare: Any, text: str, pattern: str, by: str, limit: int) -> None:
    call = (b"gsub", text.encode(), pattern.encode(), by.encode(), limit)
    ours, theirs = compare(*call)
    if not ours.startswith(b"false"):
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
def test_known_uses(compare: Any, call: tuple[Any, ...]) -> None:
    ours, theirs = compare(*(a.encode() if isinstance(a, str) else a for a in call))
    assert ours == theirs
