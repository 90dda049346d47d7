"""A button for each close code, in groups: may be sent, only reported, and the open ranges."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field

import ipywidgets

from astra_nb.wire.close_codes import CLOSE_CODES, RANGES, CloseCode

from .controls import Button, IntText

__all__ = ["CloseButtons"]

OPEN_RANGES = {row.first: row for row in RANGES if row.first >= 3000}
WHO = {"either": "either end may send it", "client": "sent by clients", "server": "sent by servers"}


def title(row: CloseCode) -> str:
    who = WHO.get(row.may_send, "never on the wire")
    return f"{row.code} {row.name}: {row.meaning} {row.how} ({who}; {row.reference})."


@dataclass
class CloseButtons:
    """The buttons, by code; those of 3000 and 4000 send the number in the field beside them.

    Attributes:
        buttons: By close code.
        private_codes: The number fields of the open ranges, by the first code of the range.
        box: All of them, laid out.
    """

    on_code: Callable[[int], None]
    buttons: dict[int, Button] = field(default_factory=dict)
    private_codes: dict[int, IntText] = field(default_factory=dict)
    box: ipywidgets.Widget = field(init=False)

    def __post_init__(self) -> None:
        rows = [row for row in CLOSE_CODES.values() if row.code < 3000]
        sendable = [self._code(row) for row in rows if row.may_send != "never"]
        reported = [self._code(row) for row in rows if row.may_send == "never"]
        ranges = [part for first in OPEN_RANGES for part in self._range(first)]
        self.box = ipywidgets.VBox(
            [
                self._group("may be sent", sendable),
                self._group("only reported", reported),
                self._group("open ranges", ranges),
            ]
        ).add_class("astra-close-groups")

    def _code(self, row: CloseCode) -> Button:
        button = Button(description=f"{row.code} {row.name}", tooltip=title(row))
        button.add_class("astra-close").add_class(f"astra-close-{row.may_send}")
        button.on_click(lambda _: self.on_code(row.code))
        self.buttons[row.code] = button
        return button

    def _range(self, first: int) -> list[ipywidgets.Widget]:
        row = OPEN_RANGES[first]
        number = IntText(
            value=first, min=row.first, max=row.last, description=f"Code from {first} on"
        )
        number.add_class("astra-number")
        number.tooltip = f"A close code from {row.first} to {row.last}"
        button = Button(
            description=f"send {first} ({row.name})",
            tooltip=f"{row.first} to {row.last}: {row.meaning} (RFC 6455, section 7.4.2)",
        )
        button.add_class("astra-close")

        def follow(change: dict[str, int]) -> None:
            button.description = f"send {change['new']} ({row.name})"

        number.observe(follow, "value")
        button.on_click(lambda _: self.on_code(number.value))
        self.buttons[first] = button
        self.private_codes[first] = number
        return [number, button]

    @staticmethod
    def _group(name: str, parts: list[ipywidgets.Widget]) -> ipywidgets.Widget:
        label = ipywidgets.HTML(html.escape(name)).add_class("astra-label")
        return ipywidgets.HBox([label, *parts]).add_class("astra-buttons")
