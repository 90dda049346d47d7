"""The live panel of a server: the frame log, and buttons for everything that can be sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets

from astra_nb.errors import AstraError, InvalidMessage, WaitTimeout
from astra_nb.log.records import ClosedRecord, FrameRecord
from astra_nb.payloads import encode_bytes
from astra_nb.server import Server

from .action_line import ActionLine
from .calls import Call, close_call, fragments_call, frame_call, message_call, raw_call
from .close_buttons import CloseButtons
from .faults import FAULTS, Fault
from .frame_log_view import FrameLogView
from .page_addresses import AddressLine
from .payload import parse_numbers, parse_payload
from .send_form import MESSAGE_TYPES, SendForm
from .sending import ALL, Ends, Sender

__all__ = ["ServerPanel", "panel_for"]

REACTION = 1.0  # seconds to wait for what the other end makes of a fault

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
        form: All the controls; the attributes below are its parts.
        line: What the last click did: `line.sentence`, `line.failed`, and `line.code`.
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
        self.ends = Ends(server)
        self._targets_lock = threading.RLock()
        self.view = FrameLogView(server.log, server=server)
        self.line = ActionLine()
        self.form = form = SendForm(CloseButtons(self._send_code))
        self.buttons = form.buttons
        self.close_buttons = form.closes.buttons
        self.private_codes = form.closes.private_codes
        self.payload, self.payload_format = form.payload, form.payload_format
        self.reason, self.sender, self.target = form.reason, form.sender, form.target
        self.client_path, self.automatic_pong = form.client_path, form.automatic_pong
        self.fragments, self.cuts, self.ping_between = form.fragments, form.cuts, form.ping_between
        self.fault, self.saved = form.fault, form.saved

        clicks: dict[str, Callable[[], object]] = {
            **{name: self._sends(name) for name in MESSAGE_TYPES},
            "close": lambda: self._perform(close_call(1000, self.reason.value)),
            "text in fragments": lambda: self._send_fragments("text"),
            "bytes in fragments": lambda: self._send_fragments("bytes"),
            "raw": lambda: self._perform(raw_call(encode_bytes(self._value()))),
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
        self.view.on_connections(self._refresh_targets)
        self.view.on_again(self._send_again)
        self.line.companions = (self.view, *form.controls)
        self.addresses = AddressLine(server)
        super().__init__([self.addresses, self.view, form.box, self.line])
        self.add_class("astra-panel")
        self._refresh_targets()

    # What clicks do

    def _value(self) -> str | bytes | list[int]:
        return parse_payload(self.payload.value, self.payload_format.value)

    def _sends(self, type: str) -> Callable[[], object]:
        return lambda: self._perform(message_call(type, self._value()))

    def _send_fragments(self, type: str) -> None:
        count: int = self.fragments.value
        cuts = parse_numbers(self.cuts.value)
        self._perform(fragments_call(type, self._value(), count, self.ping_between.value, cuts))

    def _send_code(self, code: int) -> None:
        if code == 1015:
            self.line.code = ""
            self.line.say(NO_1015)
        else:
            self._try(lambda: self._perform(close_call(code, self.reason.value)))

    def _send_again(self, number: int) -> None:
        def send() -> None:
            log = self.view.frame_log
            record = None if log is None else log.find(number)
            if not isinstance(record, FrameRecord):
                raise InvalidMessage(f"frame {number} is no longer on the log, so it was not sent")
            self._perform(frame_call(record))

        self._try(send)

    def _perform(self, call: Call) -> list[int]:
        sender: Sender = self.sender.value
        if sender == "client" and not self.ends.clients:
            self._open_client()
        target: int = self.target.value
        self.line.code = self.ends.code(sender, target, call)
        done = self.ends.perform(sender, target, call)
        who = "the server" if sender == "server" else "the panel's client"
        where = f"connection #{done[0]}" if len(done) == 1 else f"{len(done)} connections"
        if sender == "client":
            where = "its connection" if len(done) == 1 else where
        self.line.say(call.remark or f"Sent by {who} on {where}.")
        return done

    def _break(self, fault: Fault) -> None:
        """Put a fault on the wire, and say what the other end made of it."""
        sender: Sender = self.sender.value
        if fault.makes is None:
            call = Call(("drop()",), lambda socket: socket.drop())
        else:
            call = raw_call(fault.makes(sender))
        log = self.view.frame_log
        after = 0 if log is None else log.last_number
        done = self._perform(call)
        self.line.say(f"{fault.breaks} {fault.answer}")
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
            self.line.say(f"{fault.answer} It has not closed the connection so far.")
            return
        assert isinstance(closed, ClosedRecord)
        self.line.say(f"{fault.answer} What happened: {closed.why_closed}")

    def _set_automatic_pong(self) -> None:
        sender: Sender = self.sender.value
        value: bool = self.automatic_pong.value

        def change(socket: Any) -> None:
            socket.automatic_pong = value

        remark = f"Automatic pong is {'on' if value else 'off'} for the connections there are now."
        call = Call((f"automatic_pong = {value}",), change, remark)
        self.line.code = self.ends.code(sender, self.target.value, call)
        self.ends.perform(sender, self.target.value, call)
        self.line.say(remark)

    def _save(self) -> None:
        kept = (self.payload_format.value, self.payload.value)
        name = f"{kept[0]}: {kept[1][:40]}"
        if kept not in [value for _, value in self.saved.options]:
            self.saved.options = [*self.saved.options, (name, kept)]
        self.line.code = ""
        self.line.say("Saved; choose it from the list to fill the payload field again.")

    def _load_saved(self, change: Any) -> None:
        if change["new"]:
            self.payload_format.value, self.payload.value = change["new"]
            self.saved.value = ""

    def _open_client(self) -> None:
        path = self.client_path.value.lstrip("/")
        self.line.code = (
            f"client = connect(server.url + {path!r})" if path else ("client = connect(server.url)")
        )
        self.ends.open_client(path)
        self.line.say("A client in the kernel has connected.")
        self._refresh_targets()

    def _close_clients(self) -> None:
        count = len(self.ends.clients)
        self.line.code = "client.close()"
        self.ends.close_clients()
        self.line.say(f"Closed {count} client{'' if count == 1 else 's'} with 1000.")
        self._refresh_targets()

    def _try(self, action: Callable[[], object]) -> None:
        """Do what a click asks; whatever goes wrong is said where the person looks."""
        try:
            action()
        except AstraError as exc:
            self.line.say(str(exc), failed=True)
        except Exception as exc:  # noqa: BLE001  (a handler's traceback would go to no visible log)
            self.line.say(f"{type(exc).__name__}: {exc}", failed=True)

    def _refresh_targets(self) -> None:
        """Offer the connections there are; the choice stays while its connection is open."""
        sender: Sender = self.sender.value
        options = [("all connections" if sender == "server" else "all clients", ALL)]
        for socket in self.ends.sockets(sender):
            where = socket.remote_address if sender == "server" else socket.request.path
            name = f"#{socket.id}" if sender == "server" else f"client {socket.id}"
            options.append((f"{name} {where}", socket.id))
        # The view's thread and a click may both come here; traits know no threads.
        with self._targets_lock:
            if tuple(options) == tuple(self.target.options):
                return
            chosen = self.target.value
            with self.target.hold_sync():
                self.target.options = options
                self.target.value = chosen if chosen in dict(options).values() else ALL

    # Life and other forms

    def close(self) -> None:
        """Close the panel, its view's thread and its clients; the server goes on."""
        # ipywidgets closes what is collected, even when it was never made to the end.
        if hasattr(self, "line"):
            self.view.close()
            self.addresses.close()
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
