"""Each close code has a button, which sends it and tells who may."""

from __future__ import annotations

import pytest

from astra_nb.widgets.close_buttons import CloseButtons
from astra_nb.wire.close_codes import CLOSE_CODES


@pytest.fixture
def sent() -> list[int]:
    return []


@pytest.fixture
def buttons(sent: list[int]) -> CloseButtons:
    return CloseButtons(sent.append)


def test_each_button_sends_its_code(buttons: CloseButtons, sent: list[int]) -> None:
    below_3000 = [code for code in CLOSE_CODES if code < 3000]
    assert list(buttons.buttons) == [
        *(code for code in below_3000 if CLOSE_CODES[code].may_send != "never"),
        *(code for code in below_3000 if CLOSE_CODES[code].may_send == "never"),
        3000,
        4000,
    ]
    for button in buttons.buttons.values():
        button.click()
    assert sent == list(buttons.buttons)


def test_an_open_range_sends_the_number_beside_it(buttons: CloseButtons, sent: list[int]) -> None:
    buttons.private_codes[3000].value = 3333
    assert buttons.buttons[3000].description == "send 3333 (libraries)"
    buttons.buttons[3000].click()
    buttons.private_codes[4000].value = 9
    buttons.buttons[4000].click()
    assert sent == [3333, 4000], "a number outside of its range is moved into it"


def test_a_tooltip_tells_the_meaning_and_who_may_send_it(buttons: CloseButtons) -> None:
    tooltip = buttons.buttons[1006].tooltip
    assert CLOSE_CODES[1006].meaning in tooltip
    assert "never on the wire" in tooltip
    assert "either end may send it" in buttons.buttons[1000].tooltip
    assert "sent by clients" in buttons.buttons[1010].tooltip
