"""The table beside a view is placed in the cell's output, and kept up to date there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from astra_nb import FrameLog
from astra_nb.widgets import panel_of_log, static_copy
from astra_nb.widgets.static_copy import StaticCopy

Shown = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What was displayed in a kernel: the HTML, and how."""
    found: Shown = []

    def display(bundle: dict[str, str], **options: Any) -> None:
        assert bundle["text/plain"] == ""
        found.append((bundle["text/html"], options))

    monkeypatch.setattr(static_copy, "display", display)
    monkeypatch.setattr(static_copy, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    return found


def test_a_table_is_put_where_room_was_made(shown: Shown) -> None:
    copy = StaticCopy("astra-1")
    copy.update("Too early", "<table></table>")
    assert shown == []
    copy.place()
    copy.update("The log of <x>", "<table></table>")
    [(empty, placed), (table, updated)] = shown
    assert empty == '<div data-astra-copy=""></div>', "the same in every run"
    assert placed == {"raw": True, "display_id": "astra-1"}
    assert table == (
        '<div data-astra-copy="astra-1"><p>The log of &lt;x&gt;</p><table></table></div>'
    )
    assert updated == {"raw": True, "display_id": "astra-1", "update": True}


def test_outside_of_a_kernel_nothing_is_placed(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static_copy, "get_ipython", lambda: None)
    copy = StaticCopy("astra-1")
    copy.place()
    copy.update("Nowhere", "<table></table>")
    assert shown == []


@pytest.mark.parametrize("bundle", [None, {}, {"x/y": 1}, ({"x/y": 1}, {"meta": 2})])
def test_a_line_of_text_is_added_to_any_bundle(bundle: Any) -> None:
    panel = panel_of_log(FrameLog())
    forms = panel.with_static_forms(bundle, "<A widget>")
    panel.close()
    assert forms.pop("text/plain") == "<A widget>"
    assert "<table" in forms.pop("text/html")
    assert forms in ({}, {"x/y": 1})
