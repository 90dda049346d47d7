"""The composer's controls: who sends, to whom and what; laid out, and without behaviour."""

from __future__ import annotations

import html

import ipywidgets

from astra_nb.errors import InvalidMessage
from astra_nb.payloads import MAX_CLOSE_REASON, encode_text

from .bridge import Reachable
from .close_buttons import CloseButtons
from .controls import Button, Dropdown, IntText, Text, ToggleButton, ToggleButtons
from .faults import FAULTS
from .payload import FORMATS
from .senders import ALL

__all__ = ["MESSAGE_TYPES", "Composer"]

MESSAGE_TYPES = ("text", "bytes", "ping", "pong")
MOST_FRAGMENTS = 100
BUTTONS = {
    "text": "Send the payload as a text message, in one TEXT frame",
    "bytes": "Send the payload as a binary message, in one BINARY frame",
    "ping": "Send a PING frame with the payload, 125 bytes at most",
    "pong": "Send a PONG frame with the payload, 125 bytes at most",
    "close": "Send a CLOSE frame with code 1000 and the reason beside",
    "text in fragments": "Send the payload as one text message in several frames",
    "bytes in fragments": "Send the payload as one binary message in several frames",
    "raw": "Put the payload's bytes on the wire as they are, without a header",
    "save": "Keep this payload in the list of saved messages",
    "open a client": "Open a client in the kernel that connects to this server",
    "close clients": "Close the panel's clients with 1000",
    "break": "Put this fault on the wire",
}


class Composer:
    """The controls of a panel.

    Attributes:
        buttons: By name; see `BUTTONS`.
        close_codes: The buttons of the close codes.
        box: All of it, laid out.
    """

    def __init__(self, close_codes: CloseButtons) -> None:
        self.close_codes = close_codes
        self.buttons = {name: make_button(name, tooltip) for name, tooltip in BUTTONS.items()}
        self.sender = ToggleButtons(
            options=[("server", "server"), ("client", "client")],
            description="From",
            tooltips=["The server sends", "A client in the kernel sends; the panel opens it"],
        )
        self.target = Dropdown(
            options=[("all connections", ALL)], description="To", tooltip="Which connection"
        )
        self.client_path = text("/", "/path", "astra-path", "Path the client connects to")
        self.automatic_pong = ToggleButton(
            value=True,
            description="automatic pong",
            tooltip="Whether the sending end answers each PING by itself (section 5.5.2)",
        )
        self.payload = text("Hello", "payload", "astra-payload", "Payload")
        self.payload_format = Dropdown(
            options=FORMATS, description="Payload format", tooltip="How the payload is read"
        )
        self.saved = Dropdown(
            options=[("saved messages", "")],
            description="Saved messages",
            tooltip="Saved messages",
        )
        self.fragments = IntText(
            value=3,
            min=1,
            max=MOST_FRAGMENTS,
            description="Fragments",
            tooltip="How many fragments",
        )
        self.fragments.add_class("astra-number")
        self.cuts = text("", "or cut at bytes 3, 7", "astra-cuts", "Cut the payload at bytes")
        self.ping_between = ToggleButton(
            description="ping between", tooltip="Send a PING after the first fragment"
        )
        self.reason = text("", "close reason", "astra-reason", "Close reason")
        self.reason_count = ipywidgets.HTML().add_class("astra-count")
        self.fault = Dropdown(
            options=[(fault.name, index) for index, fault in enumerate(FAULTS)],
            description="Fault",
            tooltip="What to break",
        )
        self.fault_text = ipywidgets.HTML().add_class("astra-fault")
        self.reason.observe(lambda _: self.count_reason(), "value")
        self.fault.observe(lambda _: self.show_fault(), "value")
        self.count_reason()
        self.show_fault()
        self.box = self._box()

    @property
    def controls(self) -> list[Reachable]:
        """Everything in the box that can be clicked or typed into."""
        return controls_in(self.box)

    def _box(self) -> ipywidgets.Widget:
        button = self.buttons
        return ipywidgets.VBox(
            [
                row("from", self.sender, label("to"), self.target, button["open a client"],
                    self.client_path, button["close clients"], self.automatic_pong),
                row("payload", self.payload, self.payload_format,
                    *(button[name] for name in MESSAGE_TYPES)),
                row("", self.fragments, self.cuts, button["text in fragments"],
                    button["bytes in fragments"], self.ping_between),
                row("", button["raw"], button["save"], self.saved),
                row("close", button["close"], self.reason, self.reason_count),
                self.close_codes.box,
                row("break a rule", self.fault, button["break"], self.fault_text),
            ]
        ).add_class("astra-send")  # fmt: skip

    def count_reason(self) -> None:
        """Show how many bytes the close reason has, and how many it may have."""
        try:
            size = len(encode_text(self.reason.value))
            count, over = f"{size} of {MAX_CLOSE_REASON} bytes", size > MAX_CLOSE_REASON
        except InvalidMessage as exc:
            count, over = str(exc), True
        kind = ' class="astra-over"' if over else ""
        self.reason_count.value = f"<span{kind}>{html.escape(count)}</span>"

    def show_fault(self) -> None:
        """Show what the chosen fault breaks, and what the other end must do."""
        fault = FAULTS[self.fault.value]
        self.fault_text.value = html.escape(
            f"{fault.breaks} {fault.answer} (RFC 6455, section {fault.section})"
        )


def controls_in(widget: ipywidgets.Widget) -> list[Reachable]:
    if isinstance(widget, Reachable):
        return [widget]
    return [each for child in getattr(widget, "children", ()) for each in controls_in(child)]


def make_button(name: str, tooltip: str) -> Button:
    button = Button(description=name, tooltip=tooltip)
    button.add_class(f"astra-send-{name.replace(' ', '-')}")
    return button


def text(value: str, placeholder: str, css_class: str, tooltip: str) -> Text:
    field = Text(value=value, placeholder=placeholder, description=tooltip, tooltip=tooltip)
    field.add_class(css_class)
    return field


def row(name: str, *parts: ipywidgets.Widget) -> ipywidgets.Widget:
    return ipywidgets.HBox([label(name), *parts]).add_class("astra-buttons")


def label(words: str) -> ipywidgets.Widget:
    return ipywidgets.HTML(html.escape(words)).add_class("astra-label")
