"""The composer counts, explains and lists its controls; it sends nothing itself."""

from __future__ import annotations

import ipywidgets
import pytest

from astra_nb.widgets.bridge import Reachable
from astra_nb.widgets.close_buttons import CloseButtons
from astra_nb.widgets.composer import BUTTONS, Composer
from astra_nb.widgets.faults import FAULTS


@pytest.fixture
def composer() -> Composer:
    return Composer(CloseButtons(lambda code: None))


def inside(box: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """Return everything in a box, and in the boxes in it."""
    children = getattr(box, "children", ())
    return [box, *(each for child in children for each in inside(child))]


def test_every_control_that_is_shown_is_reachable_while_a_cell_runs(composer: Composer) -> None:
    shown = inside(composer.box)
    given = [value for value in vars(composer).values() if isinstance(value, Reachable)]
    given += [*composer.buttons.values(), *composer.close_codes.buttons.values()]
    given += composer.close_codes.private_codes.values()
    assert len(composer.controls) == len(given)
    assert set(composer.controls) == set(given)
    plain = [
        each for each in shown if not isinstance(each, Reachable | ipywidgets.Box | ipywidgets.HTML)
    ]
    assert plain == []


def test_each_button_says_what_it_does(composer: Composer) -> None:
    assert {name: button.tooltip for name, button in composer.buttons.items()} == BUTTONS


@pytest.mark.parametrize(
    ("reason", "count", "over"),
    [
        ("", "0 of 123 bytes", False),
        ("\u00e4" * 61, "122 of 123 bytes", False),
        ("\u00e4" * 62, "124 of 123 bytes", True),
        ("\ud800", "lone surrogate", True),
    ],
)
def test_the_reason_is_counted_in_bytes(
    composer: Composer, reason: str, count: str, over: bool
) -> None:
    composer.reason.value = reason
    assert count in composer.reason_count.value
    assert ("astra-over" in composer.reason_count.value) is over


def test_the_chosen_fault_is_explained(composer: Composer) -> None:
    for index, fault in enumerate(FAULTS):
        composer.fault.value = index
        assert f"section {fault.section}" in composer.fault_text.value
