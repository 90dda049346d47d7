"""The live panel of a server: the frame log, and buttons for everything that can be sent."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets

from ..errors import AstraError, InvalidMessage
from ..server import Server
from ..wire.messages import MAX_CLOSE_REASON, encode_text
from .action_line import ActionLine
from .close_buttons import CloseButtons, close_call
from .frame_log_view import FrameLogView
from .payload import FORMATS, parse_payload
from .sending import ALL, Call, Ends, Sender
from .while_busy import Button, Dropdown, Text, ToggleButtons

__all__ = ["ServerPanel", "panel_for"]

MESSAGE_BUTTONS = {
    "text": "Send the payload as a text message, in one TEXT frame",
    "bytes": "Send the payload as a binary message, in one BINARY frame",
    "ping": "Send a PING frame with the payload, 125 bytes at most",
    "pong": "Send a PONG frame with the payload, 125 bytes at most",
    "close": "Send a CLOSE frame with the code and the reason beside",
}
CODE_LENGTH = 200  # characters of a payload in the line of code


class ServerPanel(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A live view of a server, with controls.

    `button.click()` from Python does what a click does. Handlers of clicks may run in any thread.

    Attributes:
        view: The frame log and the inspector.
        buttons: "text", "bytes", "ping", "pong", "close", "open a client", "close clients".
        close_buttons: By close code; 3000 and 4000 send the number of `private_codes`.
        private_codes: The number fields of the ranges 3000 to 3999 and 4000 to 4999.
        payload: What is sent; `payload_format` says how it is read: "text", "hex", "byte table"
            or "base64".
        reason: Close reason.
        sender: Who sends: "server", or "client" for the clients the panel opened.
        target: Number of the connection, or 0 for all.
        client_path: The path to which the panel's client connects.
        line: What the last click did.
    """

    def __init__(self, server: Server) -> None:
        self.ends = Ends(server)
        self.view = FrameLogView(server.log, server=server)
        self.line = ActionLine()
        self.payload = Text(value="Hello", placeholder="payload")
        self.payload.add_class("astra-payload")
        self.payload_format = Dropdown(options=FORMATS, tooltip="How the payload is read")
        self.sender = ToggleButtons(
            options=[("server", "server"), ("client", "client")],
            tooltips=["The server sends", "A client in the kernel sends; the panel opens it"],
        )
        self.target = Dropdown(options=[("all connections", ALL)], tooltip="Which connection")
        self.client_path = Text(value="/", placeholder="/path")
        self.client_path.add_class("astra-path")
        self.reason = Text(placeholder="close reason")
        self.reason.add_class("astra-reason")
        self.reason_count = ipywidgets.HTML().add_class("astra-count")
        self.buttons: dict[str, Button] = {
            name: self._button(name, tooltip) for name, tooltip in MESSAGE_BUTTONS.items()
        }
        self.buttons["open a client"] = self._button(
            "open a client", "Open a client in the kernel that connects to this server"
        )
        self.buttons["close clients"] = self._button(
            "close clients", "Close the panel's clients with 1000"
        )
        closes = CloseButtons(self._send_code)
        self.close_buttons = closes.buttons
        self.private_codes = closes.private_codes
        for name in ("text", "bytes", "ping", "pong"):
            self.buttons[name].on_click(lambda _, name=name: self._send_message(name))
        self.buttons["close"].on_click(lambda _: self._send_code(1000))
        self.buttons["open a client"].on_click(lambda _: self._try(self._open_client))
        self.buttons["close clients"].on_click(lambda _: self._try(self._close_clients))
        self.reason.observe(self._count_reason, "value")
        self.sender.observe(lambda _: self._refresh_targets(), "value")
        self.view.on_connections(self._refresh_targets)
        self.view.on_again(self._send_again)

        super().__init__(
            [
                self.view,
                ipywidgets.VBox(
                    [
                        row("from", self.sender, label("to"), self.target,
                            self.buttons["open a client"], self.client_path,
                            self.buttons["close clients"]),
                        row("payload", self.payload, self.payload_format,
                            *(self.buttons[name] for name in ("text", "bytes", "ping", "pong"))),
                        row("close", self.buttons["close"], self.reason, self.reason_count),
                        closes.box,
                        self.line,
                    ]
                ).add_class("astra-send"),
            ]
        )  # fmt: skip
        self.add_class("astra-panel")
        self._count_reason()
        self._refresh_targets()
        self.line.greet(
            [
                *self.buttons.values(),
                *closes.widgets,
                *(self.payload, self.payload_format, self.sender, self.target),
                *(self.client_path, self.reason),
            ]
        )

    # What clicks do

    def _send_message(self, type: str) -> None:
        def send() -> None:
            value: Any = parse_payload(self.payload.value, self.payload_format.value)
            if type == "text":
                value = as_text(value)
            shown = repr(value)
            if len(shown) > CODE_LENGTH:
                shown = f"{shown[:CODE_LENGTH]}..."
            self._perform(Call(f"send_{type}({shown})", lambda socket: socket.send(type, value)))

        self._try(send)

    def _send_code(self, code: int) -> None:
        if code == 1015:
            self.line.code = ""
            self.line.say(
                "No click brings 1015 about: a client reports it when the TLS handshake of a "
                "wss:// address fails, so there is no connection on which it could be sent "
                "(RFC 6455, section 7.4.1)."
            )
            return
        self._try(lambda: self._perform(close_call(code, self.reason.value)))

    def _send_again(self, number: int) -> None:
        def send() -> None:
            records = self.view.frame_log.since(number - 1) if self.view.frame_log is not None else []
            record = next((each for each in records[:1] if each.number == number), None)
            if record is None or record.kind != "frame":
                raise InvalidMessage(f"frame {number} is no longer on the log")
            if record.type == "close":
                code = 1005 if record.frame.close is None else record.frame.close.code
                self._perform(
                    close_call(code, "" if record.frame.close is None else record.frame.close.reason)
                )
                return
            type = record.type if record.type in MESSAGE_BUTTONS else "bytes"
            value = as_text(record.payload) if type == "text" else record.payload
            self._perform(
                Call(f"send_{type}({repr(value)[:CODE_LENGTH]})", lambda s: s.send(type, value))
            )

        self._try(send)

    def _perform(self, call: Call) -> None:
        sender: Sender = self.sender.value
        if sender == "client" and not self.ends.clients:
            self._open_client()
        target: int = self.target.value
        self.line.code = self.ends.code(sender, target, call)
        done = self.ends.perform(sender, target, call)
        who = "the server" if sender == "server" else "a client"
        where = f"connection #{done[0]}" if len(done) == 1 else f"{len(done)} connections"
        self.line.say(call.remark or f"Sent by {who} on {where}.")

    def _open_client(self) -> None:
        self.line.code = f"client = connect(server.url + {self.client_path.value.lstrip('/')!r})"
        self.ends.open_client(self.client_path.value)
        self.line.say("A client in the kernel has connected.")
        self._refresh_targets()

    def _close_clients(self) -> None:
        count = len(self.ends.clients)
        self.line.code = "client.close()"
        self.ends.close_clients()
        self.line.say(f"Closed {count} client{'' if count == 1 else 's'} with 1000.")
        self._refresh_targets()

    def _try(self, action: Callable[[], None]) -> None:
        """Do what a click asks; whatever goes wrong is said where the person looks."""
        try:
            action()
        except AstraError as exc:
            self.line.say(str(exc), failed=True)
        except Exception as exc:  # noqa: BLE001  (a handler's traceback would go to no visible log)
            self.line.say(f"{type(exc).__name__}: {exc}", failed=True)

    # What the controls show

    def _button(self, name: str, tooltip: str) -> Button:
        return Button(description=name, tooltip=tooltip).add_class(f"astra-send-{name.split()[0]}")

    def _refresh_targets(self) -> None:
        """Offer the connections there are; the choice stays while its connection is open."""
        sender: Sender = self.sender.value
        options = [("all connections" if sender == "server" else "all clients", ALL)]
        for socket in self.ends.sockets(sender):
            where = socket.remote_address if sender == "server" else socket.request.path
            options.append((f"#{socket.id} {where}", socket.id))
        if tuple(options) == tuple(self.target.options):
            return
        chosen = self.target.value
        with self.target.hold_trait_notifications():
            self.target.options = options
            self.target.value = chosen if chosen in dict(options).values() else ALL

    def _count_reason(self, _: Any = None) -> None:
        try:
            size = len(encode_text(self.reason.value))
            count = f"{size} of {MAX_CLOSE_REASON} bytes"
            over = size > MAX_CLOSE_REASON
        except InvalidMessage as exc:
            count, over = str(exc), True
        self.reason_count.value = f'<span class="{"astra-over" if over else ""}">{html.escape(count)}</span>'

    # Life and other forms

    def close(self) -> None:
        """Close the panel, its view's thread and its clients; the server goes on."""
        # ipywidgets closes what is collected, even when it was never made to the end.
        if hasattr(self, "line"):
            self.view.close()
            self.ends.close_clients()
        super().close()

    def __repr__(self) -> str:
        return f"<ServerPanel {self.view.address}>"

    def __str__(self) -> str:
        return self.view.text()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.view.with_static_forms(super()._repr_mimebundle_(**options), repr(self))


def panel_for(server: Server) -> ServerPanel:
    """Make a panel for a server; several may show the same one."""
    return ServerPanel(server)


def row(name: str, *parts: ipywidgets.Widget) -> ipywidgets.Widget:
    return ipywidgets.HBox([label(name), *parts]).add_class("astra-buttons")


def label(text: str) -> ipywidgets.Widget:
    return ipywidgets.HTML(html.escape(text)).add_class("astra-label")


def as_text(value: object) -> str:
    """Take bytes that are UTF-8 as text.

    Raises:
        InvalidMessage: They are not.
    """
    if isinstance(value, str):
        return value
    data = bytes(value)  # type: ignore[call-overload]
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidMessage(
            f"byte {exc.start} of the payload, 0x{data[exc.start]:02x}, is no UTF-8, so it cannot "
            f"be a text message; send it as bytes"
        ) from exc
