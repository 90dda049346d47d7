"""The composer counts, explains and lists its controls; it sends nothing itself."""

from __future__ import annotations

import ipywidgets
import pytest

from astra_nb.widgets.bridge import Reachable
from astra_nb.widgets.composer import BUTTONS, Composer
from astra_nb.widgets.faults import FAULTS
from astra_nb.wire.close_codes import CLOSE_CODES


@pytest.fixture
def sent() -> list[int]:
    return []


@pytest.fixture
def composer(sent: list[int]) -> Composer:
    return Composer(sent.append)


def inside(box: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """Return everything in a box, and in the boxes in it."""
    children = getattr(box, "children", ())
    return [box, *(each for child in children for each in inside(child))]


def test_every_control_that_is_shown_is_reachable_while_a_cell_runs(composer: Composer) -> None:
    shown = inside(composer.box)
    given = [value for value in vars(composer).values() if isinstance(value, Reachable)]
    given += [*composer.buttons.values(), *composer.close_buttons.values()]
    given += composer.private_codes.values()
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


def test_each_close_button_sends_its_code(composer: Composer, sent: list[int]) -> None:
    below_3000 = [code for code in CLOSE_CODES if code < 3000]
    assert list(composer.close_buttons) == [
        *(code for code in below_3000 if CLOSE_CODES[code].may_send != "never"),
        *(code for code in below_3000 if CLOSE_CODES[code].may_send == "never"),
        3000,
        4000,
    ]
    for button in composer.close_buttons.values():
        button.click()
    assert sent == list(composer.close_buttons)


def test_an_open_range_sends_the_number_beside_it(composer: Composer, sent: list[int]) -> None:
    composer.private_codes[3000].value = 3333
    assert composer.close_buttons[3000].description == "send 3333 (libraries)"
    composer.close_buttons[3000].click()
    composer.private_codes[4000].value = 9
    composer.close_buttons[4000].click()
    assert sent == [3333, 4000], "a number outside of its range is moved into it"


def test_a_tooltip_tells_the_meaning_and_who_may_send_it(composer: Composer) -> None:
    tooltip = composer.close_buttons[1006].tooltip
    assert CLOSE_CODES[1006].meaning in tooltip
    assert "never on the wire" in tooltip
    assert "either end may send it" in composer.close_buttons[1000].tooltip
    assert "sent by clients" in composer.close_buttons[1010].tooltip
