"""What `pprint` shows."""

from __future__ import annotations

import pytest

from astra_nb.lua import Lua


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("nil", "nil"),
        ("42, 'x'", '42\n"x"'),
        ("1.0", "1.0"),
        ("true", "true"),
        ("{}", "{}"),
        ("{1, 2, 255}", "{1, 2, 255}"),
        ('{value = "Hello", type = "text"}', '{type = "text", value = "Hello"}'),
        ("{b = 1, a = 2, 7, [2.5] = 3, [true] = 4}", "{7, [2.5] = 3, a = 2, b = 1, [true] = 4}"),
        ('{["end"] = 1, ["two words"] = 2}', '{["end"] = 1, ["two words"] = 2}'),
        ("{1, nil, 3}", "{1, nil, 3}"),
        (r'"a\nb\t\"\\"', r'"a\nb\t\"\\"'),
        (r'"caf\u{E9} \u{1F600}"', '"café 😀"'),
        (r'"\xFF\xC3"', r'"\xFF\xC3"'),
        # Nothing from a stranger turns the line around or hides in it.
        (r'"\27[31m\u{202E}abc\u{200B}\0"', r'"\x1B[31m\u{202E}abc\u{200B}\x00"'),
        ("print", "<function>"),
        ("(function() local t = {} t.me = t return t end)()", "{me = <cycle>}"),
        ("(function() local t = {1} return {t, t} end)()", "{{1}, {1}}"),
        ("{[{}] = 1}", "{[<table>] = 1}"),
        (
            "setmetatable({5}, {__tostring = error, __index = error, __len = error})",
            "{5}",
        ),
    ],
)
def test_a_value_is_shown_as_lua_would_read_it(
    lua: Lua, capsys: pytest.CaptureFixture[str], expression: str, shown: str
) -> None:
    lua.run(f"pprint({expression})")
    assert capsys.readouterr().out == shown + "\n"


def test_what_is_too_long_for_a_line_gets_several(
    lua: Lua, capsys: pytest.CaptureFixture[str]
) -> None:
    lua.run("""
        local list = {} for index = 1, 40 do list[index] = index end
        pprint({numbers = list, text = ("x"):rep(70), close = {code = 1000, reason = "done"}})
    """)
    assert capsys.readouterr().out == (
        "{\n"
        '  close = {code = 1000, reason = "done"},\n'
        "  numbers = {\n"
        "    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,\n"
        "    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,\n"
        "  },\n"
        f'  text = "{"x" * 70}",\n'
        "}\n"
    )


def test_depth_has_an_end(lua: Lua, capsys: pytest.CaptureFixture[str]) -> None:
    lua.run("local t = {} for _ = 1, 100 do t = {t} end pprint(t)")
    assert "{...}" in capsys.readouterr().out
