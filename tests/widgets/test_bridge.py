"""A request gets one answer, a hello points the way to its shell, and both sides know each kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import anywidget
import pytest

from astra_nb import Server
from astra_nb.errors import LocalError
from astra_nb.widgets import bridge, panel_of_server
from astra_nb.widgets.bridge import NOTICES, BridgedWidget, Message, in_subshell
from astra_nb.widgets.browser_client import BrowserClientView
from astra_nb.widgets.esm import STATIC

from .conftest import customs, request


class Widget(BridgedWidget, anywidget.AnyWidget):
    """A widget whose detail is the number it was asked for, or a failure."""

    _esm = "export default {};"

    def _on_detail(self, message: Message) -> dict[str, Any]:
        number = message.integer("number")
        if number > 9:
            raise LocalError(f"there is no record {number}")
        return {"number": number}

    def _on_wire(self, message: Message) -> None:
        raise RuntimeError("the password is swordfish")

    _on_checked = _on_wire


@pytest.fixture
def widget() -> Widget:
    return Widget()


def test_each_request_gets_its_own_answer(widget: Widget) -> None:
    for page, number in (("a", 1), ("a", 2), ("b", 2)):
        widget._handle_custom_msg(
            {"kind": "detail", "page": page, "id": number, "number": number + 3}, []
        )
    found = [(content["page"], content["id"], content["value"]) for content in customs(widget)]
    assert found == [
        ("a", 1, {"number": 4}),
        ("a", 2, {"number": 5}),
        ("b", 2, {"number": 5}),
    ]


def test_an_error_is_an_answer_that_tells_no_secret(
    widget: Widget, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(LocalError, match="there is no record 10"):
        request(widget, "detail", number=10)
    with pytest.raises(LocalError, match=r"^The kernel failed at 'wire': RuntimeError\.$"):
        request(widget, "wire")
    with pytest.raises(LocalError, match="has no answer to 'find'"):
        request(widget, "find")
    widget._handle_custom_msg({"kind": "checked", "page": "p"}, [])
    assert not [each for each in caplog.records if each.levelname != "DEBUG"]


PAGES: list[Any] = [None, 7, [], {}]
IDS: list[Any] = [None, "1", True, 1.5, []]


@pytest.mark.parametrize(
    "content",
    [
        *("x", None, 7, [], {}, {"kind": []}, {"kind": "hello"}, {"kind": "hello", "page": "p"}),
        *({"kind": "detail", "page": page, "id": 1} for page in PAGES),
        *({"kind": "detail", "page": "p", "id": number} for number in IDS),
        {"kind": "checked", "page": "p", "id": 1},
    ],
)
def test_what_asks_for_no_answer_gets_none(widget: Widget, content: Any) -> None:
    widget._handle_custom_msg(content, [])
    assert customs(widget) == []


def test_fields_of_another_type_are_empty() -> None:
    message = Message("p", {"a": True, "b": "1", "c": 1.5, "d": ["x"], "e": 7, "f": "text"})
    assert [message.integer(name) for name in "abcdefg"] == [0, 0, 0, 0, 7, 0, 0]
    assert [message.text(name) for name in "abcdefg"] == ["", "1", "", "", "", "text", ""]


@pytest.mark.parametrize("subshell", [True, False])
def test_a_hello_is_answered_with_the_way_it_came(
    monkeypatch: pytest.MonkeyPatch, widget: Widget, subshell: bool
) -> None:
    monkeypatch.setattr(bridge, "in_subshell", lambda widget: subshell)
    assert request(widget, "hello") == {"subshell": subshell}


def test_without_a_kernel_nothing_comes_through_a_subshell() -> None:
    assert in_subshell(Widget()) is False


# Which kinds there are


def properties(typedef: str) -> set[str]:
    """Return the properties of a typedef in bridge.js."""
    source = (STATIC / "js" / "bridge.js").read_text(encoding="utf-8")
    block = source.split(f"@typedef {{object}} {typedef} ")[1].split("@typedef")[0]
    return set(re.findall(r"@property \{.*\} (\w+)$", block, re.MULTILINE))


def calls(method: str) -> set[str]:
    """Return the kinds with which the page's modules call a method of the bridge."""
    sources = [path.read_text(encoding="utf-8") for path in (STATIC / "js").glob("*.js")]
    return {kind for text in sources for kind in re.findall(rf'\.{method}\("(\w+)"', text)}


def pushed_kinds() -> set[str]:
    sources = [path.read_text(encoding="utf-8") for path in STATIC.parent.glob("*.py")]
    return {kind for text in sources for kind in re.findall(r'\.push\(\s*"(\w+)"', text)}


@pytest.fixture
def handled(server: Server) -> Iterator[set[str]]:
    """Every kind that a widget of the package handles."""
    views = (panel_of_server(server), BrowserClientView(server))
    names = {name for view in views for name in dir(view)}
    yield {name.removeprefix("_on_") for name in names if name.startswith("_on_")}
    for view in views:
        view.close()


def test_both_sides_know_exactly_the_kinds_that_the_page_names(handled: set[str]) -> None:
    requests, notices = properties("Requests"), properties("Notices")
    assert handled == (requests | notices) - {"hello"}
    assert requests == calls("request")
    assert notices == set(NOTICES) == calls("notify")
    assert pushed_kinds() == calls(r"bridge\.on") == properties("Pushes") - {"answer"}
