"""The live panel of a server: the frame log, and buttons for everything that can be sent."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets

from astra_nb.errors import AstraError, InvalidMessage, WaitTimeout
from astra_nb.log.records import ClosedRecord, FrameRecord
from astra_nb.payloads import encode_bytes
from astra_nb.server import Server
from astra_nb.websocket import WebSocket
from astra_nb.wire.text import counted

from .address_line import AddressLine
from .commands import (
    Command,
    close_command,
    fragments_command,
    frame_command,
    message_command,
    raw_command,
)
from .composer import MESSAGE_TYPES, Composer
from .faults import FAULTS, Fault
from .feedback import Feedback
from .frame_log_view import FrameLogView
from .payload import parse_numbers, parse_payload
from .senders import ALL, Senders

__all__ = ["ServerPanel", "panel_for"]

REACTION = 1.0  # seconds to wait for the other end's reaction to a fault

NO_1015 = (
    "No click brings 1015 about: a client reports it when the TLS handshake of a wss:// address "
    "fails, so there is no connection on which it could be sent (RFC 6455, section 7.4.1)."
)


class ServerPanel(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A live view of a server, with controls.

    `button.click()` from Python does what a click does. Handlers of clicks may run in any thread.

    Attributes:
        addresses: Both addresses of the server, and what the page's check of them found.
        view: The frame log and the inspector.
        composer: All the controls; the attributes below are its parts.
        feedback: What the last click did: its `sentence`, `failed`, and `code`.
        buttons: "text", "bytes", "ping", "pong", "close", "text in fragments",
            "bytes in fragments", "raw", "save", "open a client", "close clients", "break".
        close_buttons: By close code; 3000 and 4000 send the number of `private_codes`.
        private_codes: The number fields of the ranges 3000 to 3999 and 4000 to 4999.
        payload: What is sent; `payload_format` says how it is read: "text", "hex", "byte table"
            or "base64".
        reason: Close reason.
        sender: Who sends: "server", or "client" for the clients the panel opened.
        target: Number of the connection, or 0 for all.
        client_path: The path to which the panel's client connects.
        automatic_pong: Whether the chosen sockets answer each PING by themselves.
        fragments: How many fragments; `ping_between` puts a PING after the first.
        cuts: Before which bytes of the payload to cut instead, such as "3, 7"; "" for even cuts.
        fault: Index into `astra_nb.widgets.faults.FAULTS`.
        saved: The saved messages.
    """

    def __init__(self, server: Server) -> None:
        self.senders = Senders(server)
        self._targets_lock = threading.RLock()
        self.view = FrameLogView(server.log, server=server)
        self.feedback = Feedback()
        self.composer = composer = Composer(self._send_code)
        self.buttons = composer.buttons
        self.close_buttons = composer.close_buttons
        self.private_codes = composer.private_codes
        self.payload, self.payload_format = composer.payload, composer.payload_format
        self.reason, self.sender, self.target = composer.reason, composer.sender, composer.target
        self.client_path, self.automatic_pong = composer.client_path, composer.automatic_pong
        self.fragments, self.ping_between = composer.fragments, composer.ping_between
        self.cuts, self.fault, self.saved = composer.cuts, composer.fault, composer.saved

        clicks: dict[str, Callable[[], object]] = {
            **{type: partial(self._send_message, type) for type in MESSAGE_TYPES},
            "close": lambda: self._send_command(close_command(1000, self.reason.value)),
            "text in fragments": partial(self._send_fragments, "text"),
            "bytes in fragments": partial(self._send_fragments, "bytes"),
            "raw": lambda: self._send_command(raw_command(encode_bytes(self._value()))),
            "save": self._save,
            "open a client": self._open_client,
            "close clients": self._close_clients,
            "break": lambda: self._break(FAULTS[self.fault.value]),
        }
        for name, click in clicks.items():
            self.buttons[name].on_click(lambda _, click=click: self._try(click))
        self.sender.observe(lambda _: self._refresh_targets(), "value")
        self.saved.observe(self._load_saved, "value")
        self.automatic_pong.observe(lambda _: self._try(self._set_automatic_pong), "value")
        self.view.on_connections, self.view.on_resend = self._refresh_targets, self._resend
        self.feedback.companions = tuple(composer.controls)
        self.addresses = AddressLine(server)
        super().__init__([self.addresses, self.view, composer.box, self.feedback])
        self.add_class("astra-panel")
        self._refresh_targets()
        self._gone = weakref.finalize(server, self._close_soon)
        self._gone.atexit = False

    # What clicks do

    def _value(self) -> str | bytes | list[int]:
        return parse_payload(self.payload.value, self.payload_format.value)

    def _send_message(self, type: str) -> None:
        self._send_command(message_command(type, self._value()))

    def _send_fragments(self, type: str) -> None:
        count, ping = self.fragments.value, self.ping_between.value
        cuts = parse_numbers(self.cuts.value)
        self._send_command(fragments_command(type, self._value(), count, ping, cuts))

    def _send_code(self, code: int) -> None:
        if code == 1015:
            self.feedback.code = ""
            self.feedback.say(NO_1015)
        else:
            self._try(lambda: self._send_command(close_command(code, self.reason.value)))

    def _resend(self, number: int) -> None:
        def send() -> None:
            record = self.view.record(number)
            if not isinstance(record, FrameRecord):
                raise InvalidMessage(f"frame {number} is no longer on the log, so it was not sent")
            self._send_command(frame_command(record))

        self._try(send)

    def _send_command(self, command: Command) -> list[int]:
        """Perform a command; the client that is to send is opened first."""
        if self.sender.value == "client" and not self.senders.clients:
            self._open_client()
        return self._perform(command)

    def _perform(self, command: Command) -> list[int]:
        sender, target = self.sender.value, self.target.value
        self.feedback.code = self.senders.code(sender, target, command)
        done = self.senders.perform(sender, target, command)
        who = "the server" if sender == "server" else "the panel's client"
        where = f"connection #{done[0]}" if len(done) == 1 else f"{len(done)} connections"
        if sender == "client":
            where = "its connection" if len(done) == 1 else where
        self.feedback.say(command.remark or f"Sent by {who} on {where}.")
        return done

    def _break(self, fault: Fault) -> None:
        """Put a fault on the wire, and show what the other end did."""
        sender = self.sender.value
        command = close_command(1006) if fault.makes is None else raw_command(fault.makes(sender))
        log = self.view.frame_log
        after = 0 if log is None else log.last_number
        done = self._send_command(command)
        self.feedback.say(f"{fault.breaks} {fault.answer}")
        if log is None:
            return
        try:
            closed = log.wait_for(
                kind="closed",
                # The client's own numbers are not those of the server's log.
                connection=done if sender == "server" else None,
                after=after,
                timeout=REACTION,
            )
        except WaitTimeout:
            self.feedback.say(f"{fault.answer} It has not closed the connection so far.")
            return
        assert isinstance(closed, ClosedRecord)
        self.feedback.say(f"{fault.answer} What happened: {closed.why_closed}")

    def _set_automatic_pong(self) -> None:
        value = self.automatic_pong.value

        def change(socket: WebSocket) -> None:
            socket.automatic_pong = value

        remark = f"Automatic pong is {'on' if value else 'off'} for the connections there are now."
        self._perform(Command((f"automatic_pong = {value}",), change, remark))

    def _save(self) -> None:
        kept = (self.payload_format.value, self.payload.value)
        name = f"{kept[0]}: {kept[1][:40]}"
        if kept not in [value for _, value in self.saved.options]:
            self.saved.options = [*self.saved.options, (name, kept)]
        self.feedback.code = ""
        self.feedback.say("Saved; choose it from the list to fill the payload field again.")

    def _load_saved(self, change: Any) -> None:
        if change["new"]:
            self.payload_format.value, self.payload.value = change["new"]
            self.saved.value = ""

    def _open_client(self) -> None:
        path = self.client_path.value.lstrip("/")
        self.feedback.code = f"client = connect(server.url{f' + {path!r}' if path else ''})"
        self.senders.open_client(path)
        self.feedback.say("A client in the kernel has connected.")
        self._refresh_targets()

    def _close_clients(self) -> None:
        count = len(self.senders.clients)
        self.feedback.code = "client.close()"
        self.senders.close_clients()
        self.feedback.say(f"Closed {counted(count, 'client')} with 1000.")
        self._refresh_targets()

    def _try(self, action: Callable[[], object]) -> None:
        """Do what a click asks; an error is shown in the feedback."""
        try:
            action()
        except AstraError as exc:
            self.feedback.say(str(exc), failed=True)
        except Exception as exc:  # noqa: BLE001  (a handler's traceback would go to no visible log)
            self.feedback.say(f"{type(exc).__name__}: {exc}", failed=True)

    def _refresh_targets(self) -> None:
        """Offer the open connections; the choice stays while its connection is open."""
        sender = self.sender.value
        options = [("all connections" if sender == "server" else "all clients", ALL)]
        for socket in self.senders.sockets(sender):
            where = socket.remote_address if sender == "server" else socket.request.path
            name = f"#{socket.id}" if sender == "server" else f"client {socket.id}"
            options.append((f"{name} {where}", socket.id))
        # The view's thread and a click may both come here; traits are not thread-safe.
        with self._targets_lock:
            if tuple(options) == tuple(self.target.options):
                return
            chosen = self.target.value
            with self.target.hold_sync():
                self.target.options = options
                self.target.value = chosen if chosen in dict(options).values() else ALL

    # Life and other forms

    def close(self) -> None:
        """Close the panel, all its parts, its view's thread and its clients; the server goes on."""
        # ipywidgets closes what is collected, even when it was never made to the end.
        if hasattr(self, "_gone"):
            self._gone.detach()
            for child in self.children:
                close_widget(child)
            self.senders.close_clients()
            self.layout.close()
        super().close()

    def _close_soon(self) -> None:
        # A garbage collection calls this, on any thread, and closing waits for the clients.
        threading.Thread(target=self.close, name="astra_nb panel's end", daemon=True).start()

    def __repr__(self) -> str:
        return f"<ServerPanel {self.view.address}>"

    def __str__(self) -> str:
        return self.view.text()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.view.with_static_forms(super()._repr_mimebundle_(**options), repr(self))


def close_widget(widget: Any) -> None:
    """Close a widget and what it is made of; ipywidgets keeps each part that is not closed."""
    for child in getattr(widget, "children", ()):
        close_widget(child)
    for name in "layout", "style":
        if widget.has_trait(name):
            getattr(widget, name).close()
    widget.close()


def panel_for(server: Server) -> ServerPanel:
    """Make a panel for a server; several may show the same one."""
    return ServerPanel(server)
