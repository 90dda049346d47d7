"""A hello is answered, and is no click."""

from __future__ import annotations

from astra_nb.widgets.while_busy import Button


def test_a_hello_is_answered_and_clicks_nothing() -> None:
    button = Button(description="x")
    clicks: list[Button] = []
    button.on_click(clicks.append)
    button._handle_custom_msg({"event": "hello"}, [])
    answers = [data for data, _ in button.comm.published if data["method"] == "custom"]
    assert answers == [{"method": "custom", "content": {"event": "hello", "beside": False}}]
    assert clicks == []
    button._handle_custom_msg({"event": "click"}, [])
    assert clicks == [button]
