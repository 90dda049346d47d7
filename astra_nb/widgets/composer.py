"""The composer's controls: who sends, to whom and what; laid out, and without behaviour."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import ipywidgets

from astra_nb.errors import InvalidMessage
from astra_nb.payloads import MAX_CLOSE_REASON, encode_text
from astra_nb.wire.close_codes import CLOSE_CODES, RANGES, CloseCode, CodeRange

from .bridge import Reachable
from .controls import Button, Dropdown, IntText, Text, ToggleButton, ToggleButtons
from .faults import FAULTS
from .payload import FORMATS
from .senders import ALL

__all__ = ["MESSAGE_TYPES", "Composer"]

MESSAGE_TYPES = ("text", "bytes", "ping", "pong")
MOST_FRAGMENTS = 100
WHO = {"either": "either end may send it", "client": "sent by clients", "server": "sent by servers"}
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

    Args:
        on_code: Called with a close code whose button was clicked.

    Attributes:
        buttons: By name; see `BUTTONS`.
        close_buttons: By close code; those of 3000 and 4000 send the number beside them.
        private_codes: The number fields of the open ranges, by the first code of the range.
        box: All of it, laid out.
    """

    def __init__(self, on_code: Callable[[int], None]) -> None:
        self.on_code = on_code
        self.close_buttons: dict[int, Button] = {}
        self.private_codes: dict[int, IntText] = {}
        self.buttons = {
            name: Button(description=name, tooltip=tooltip) for name, tooltip in BUTTONS.items()
        }
        self.sender = ToggleButtons(
            options=[("server", "server"), ("client", "client")],
            description="From",
            tooltips=["The server sends", "A client in the kernel sends; the panel opens it"],
        )
        self.target = dropdown([("all connections", ALL)], "To", "Which connection")
        self.client_path = text("/", "/path", "astra-path", "Path the client connects to")
        self.automatic_pong = ToggleButton(
            value=True,
            description="automatic pong",
            tooltip="Whether the sending end answers each PING by itself (section 5.5.2)",
        )
        self.payload = text("Hello", "payload", "astra-payload", "Payload")
        self.payload_format = dropdown(FORMATS, "Payload format", "How the payload is read")
        self.saved = dropdown([("saved messages", "")], "Saved messages", "Saved messages")
        self.fragments = number_field(3, 1, MOST_FRAGMENTS, "Fragments", "How many fragments")
        self.cuts = text("", "or cut at bytes 3, 7", "astra-cuts", "Cut the payload at bytes")
        self.ping_between = ToggleButton(
            description="ping between", tooltip="Send a PING after the first fragment"
        )
        self.reason = text("", "close reason", "astra-reason", "Close reason")
        self.reason_count = ipywidgets.HTML().add_class("astra-count")
        faults = [(fault.name, index) for index, fault in enumerate(FAULTS)]
        self.fault = dropdown(faults, "Fault", "What to break")
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
                self._close_codes(),
                row("break a rule", self.fault, button["break"], self.fault_text),
            ]
        ).add_class("astra-send")  # fmt: skip

    def _close_codes(self) -> ipywidgets.Widget:
        """Make a button for each close code: may be sent, only reported, and the open ranges."""
        codes = [each for each in CLOSE_CODES.values() if each.code < 3000]
        sendable = [self._code(each) for each in codes if each.may_send != "never"]
        reported = [self._code(each) for each in codes if each.may_send == "never"]
        ranges = [part for each in RANGES if each.first >= 3000 for part in self._range(each)]
        return ipywidgets.VBox(
            [
                row("may be sent", *sendable),
                row("only reported", *reported),
                row("open ranges", *ranges),
            ]
        ).add_class("astra-close-groups")

    def _code(self, code: CloseCode) -> Button:
        name, who = f"{code.code} {code.name}", WHO.get(code.may_send, "never on the wire")
        button = Button(
            description=name,
            tooltip=f"{name}: {code.meaning} {code.how} ({who}; {code.reference}).",
        )
        button.add_class("astra-close").add_class(f"astra-close-{code.may_send}")
        button.on_click(lambda _: self.on_code(code.code))
        self.close_buttons[code.code] = button
        return button

    def _range(self, codes: CodeRange) -> list[ipywidgets.Widget]:
        first, last, name = codes.first, codes.last, codes.name
        number = number_field(
            first, first, last, f"Code from {first} on", f"A close code from {first} to {last}"
        )
        button = Button(
            description=f"send {first} ({name})",
            tooltip=f"{first} to {last}: {codes.meaning} (RFC 6455, section 7.4.2)",
        )
        button.add_class("astra-close")

        def follow(change: dict[str, int]) -> None:
            button.description = f"send {change['new']} ({name})"

        number.observe(follow, "value")
        button.on_click(lambda _: self.on_code(number.value))
        self.close_buttons[first] = button
        self.private_codes[first] = number
        return [number, button]

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


def text(value: str, placeholder: str, css_class: str, tooltip: str) -> Text:
    field = Text(value=value, placeholder=placeholder, description=tooltip, tooltip=tooltip)
    field.add_class(css_class)
    return field


def dropdown(options: Sequence[object], label: str, tooltip: str) -> Dropdown:
    return Dropdown(options=options, description=label, tooltip=tooltip)


def number_field(value: int, lowest: int, highest: int, label: str, tooltip: str) -> IntText:
    field = IntText(value=value, min=lowest, max=highest, description=label, tooltip=tooltip)
    field.add_class("astra-number")
    return field


def row(name: str, *parts: ipywidgets.Widget) -> ipywidgets.Widget:
    return ipywidgets.HBox([label(name), *parts]).add_class("astra-buttons")


def label(words: str) -> ipywidgets.Widget:
    return ipywidgets.HTML(html.escape(words)).add_class("astra-label")
