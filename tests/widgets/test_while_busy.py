"""A hello is answered, points the companions to its shell, and is no click."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb.widgets import while_busy
from astra_nb.widgets.action_line import ActionLine
from astra_nb.widgets.while_busy import Button


def customs(widget: Any) -> list[dict[str, Any]]:
    return [data["content"] for data, _ in widget.comm.published if data["method"] == "custom"]


@pytest.mark.parametrize("by_subshell", [True, False])
def test_a_hello_is_answered_for_all_and_clicks_nothing(
    monkeypatch: pytest.MonkeyPatch, by_subshell: bool
) -> None:
    monkeypatch.setattr(while_busy, "beside", lambda widget: by_subshell)
    line = ActionLine()
    button = Button(description="x")
    clicks: list[Button] = []
    button.on_click(clicks.append)
    line.companions = (button,)
    line._handle_custom_msg({"event": "hello"}, [])
    assert customs(line) == [{"event": "hello", "beside": by_subshell}]
    assert customs(button) == ([{"event": "hello"}] if by_subshell else [])
    assert clicks == []
    button._handle_custom_msg({"event": "click"}, [])
    assert clicks == [button]


def test_without_a_kernel_nothing_is_beside_a_cell() -> None:
    assert while_busy.beside(Button()) is False
