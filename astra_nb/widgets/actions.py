"""What a panel can do with a socket: one method for each control of its composer.

Each method does what its control does, and a click calls it by its name; so a line of Python for a
click is the call itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from astra_nb.errors import InvalidMessage, WaitTimeout
from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord, FrameRecord
from astra_nb.payloads import MAX_CLOSE_REASON, BytesValue, encode_bytes, encode_text
from astra_nb.websocket import WebSocket
from astra_nb.wire.faults import FAULTS
from astra_nb.wire.text import counted, shortened

from .request_actions import MOST_SAVED, REQUEST_ACTIONS, RequestActions, without_secrets
from .rule_actions import RULE_ACTIONS, RuleActions
from .senders import To

__all__ = ["ACTIONS", "MOST_KEPT", "Actions", "code_of"]

REACTION = 1.0  # seconds to wait for the other end's reaction to a broken rule
SHOWN = 200  # characters of a value in a line of code
MOST_KEPT = 65_536  # characters of a saved payload: every status of the panel holds it

ACTIONS = (
    "send_text", "send_bytes", "send_ping", "send_pong", "send_close", "send_fragments",
    "send_raw", "send_again", "break_rule", "set_automatic_pong",
    "save_payload", "forget_payload", *REQUEST_ACTIONS, *RULE_ACTIONS,
)  # fmt: skip

NO_1015 = (
    "No click can produce 1015: a client reports it when the TLS handshake of a wss:// address "
    "fails, so there is no connection on which it could be sent (RFC 6455, section 7.4.1)."
)


class Actions(RequestActions, RuleActions):
    """The controls of a panel as methods. Any thread may call them.

    `to` is the number of a connection, "everyone", or None for the newest; `by` is the number of a
    connection whose client sends, instead of the server. Each returns a sentence about what
    happened.

    Raises:
        NotOpen: Nothing is connected, or the connection is closed; nothing was sent.
        InvalidMessage: The value cannot be sent; nothing was.
    """

    frame_log: FrameLog | None
    saved: list[dict[str, str]]

    def send_text(self, value: str, *, to: To = None, by: int | None = None) -> str:
        """Send a text message in one TEXT frame (RFC 6455, section 5.6)."""
        return self._send_message("text", value, to, by)

    def send_bytes(self, value: BytesValue, *, to: To = None, by: int | None = None) -> str:
        """Send a binary message in one BINARY frame (RFC 6455, section 5.6)."""
        return self._send_message("bytes", value, to, by)

    def send_ping(self, value: BytesValue = b"", *, to: To = None, by: int | None = None) -> str:
        """Send a PING frame, up to 125 bytes (RFC 6455, section 5.5.2)."""
        return self._send_message("ping", value, to, by)

    def send_pong(self, value: BytesValue = b"", *, to: To = None, by: int | None = None) -> str:
        """Send a PONG frame, up to 125 bytes (RFC 6455, section 5.5.3)."""
        return self._send_message("pong", value, to, by)

    def _send_message(self, type: str, value: Any, to: To, by: int | None) -> str:
        done = self.senders.perform(to, by, lambda socket: socket.send(type, value))
        return f"Sent {type} {self._where(done, by)}."

    def send_close(
        self, code: int | None = None, reason: str = "", *, to: To = None, by: int | None = None
    ) -> str:
        """Close with a code, or have the other end report one that is never sent.

        1005 sends an empty CLOSE frame, 1006 drops TCP. 1004 and 1015 cannot be brought about.
        """
        if code == 1015:
            return NO_1015
        if code == 1006:
            done = self.senders.perform(to, by, WebSocket.drop, ends=True)
            return (
                f"TCP was dropped without a CLOSE frame {self._where(done, by)}: "
                f"the other end reports 1006."
            )
        if code in (1005, None):
            done = self.senders.perform(to, by, lambda socket: socket.send_close(), ends=True)
            return (
                f"Sent an empty CLOSE frame {self._where(done, by)}: "
                f"the other end reports 1005, no status received."
            )
        size = len(encode_text(reason))
        if size > MAX_CLOSE_REASON:
            raise InvalidMessage(
                f"the close reason has {size} bytes, and at most {MAX_CLOSE_REASON} fit into a "
                f"CLOSE frame (RFC 6455, section 5.5); shorten it"
            )
        done = self.senders.perform(
            to, by, lambda socket: socket.send_close(code, reason or None), ends=True
        )
        return f"Sent close {code} {self._where(done, by)}."

    def send_fragments(
        self,
        type: str,
        value: BytesValue,
        *,
        parts: int = 3,
        cuts: Sequence[int] = (),
        ping: bool = False,
        to: To = None,
        by: int | None = None,
    ) -> str:
        """Send one message in fragments (RFC 6455, section 5.4).

        A text is cut between bytes, so that a cut may go through a character.

        Args:
            type: "text" or "bytes".
            value: The whole payload.
            parts: How many fragments of about the same length, when there are no cuts.
            cuts: Before which bytes to cut, rising.
            ping: Whether a PING frame comes after the first fragment.

        Raises:
            InvalidMessage: A cut outside of the payload, or less than one part.
        """
        data = encode_text(value) if type == "text" else encode_bytes(value)
        if parts < 1:
            raise InvalidMessage(f"a message has 1 fragment or more, not {parts}; write parts=3")
        edges = [len(data) * index // parts for index in range(parts + 1)]
        if cuts:
            check_cuts(cuts, len(data))
            edges = [0, *cuts, len(data)]
        pieces = [data[start:end] for start, end in pairwise(edges)]

        def send(socket: WebSocket) -> None:
            if not ping or len(pieces) < 2:
                socket.send_fragments(type, pieces)
                return
            socket.send_fragment(pieces[0], type=type, fin=False)
            socket.send_ping(b"between")
            for piece in pieces[1:-1]:
                socket.send_fragment(piece, fin=False)
            socket.send_fragment(pieces[-1], fin=True)

        done = self.senders.perform(to, by, send)
        return f"Sent {type} in {counted(len(pieces), 'fragment')} {self._where(done, by)}."

    def send_raw(self, data: BytesValue, *, to: To = None, by: int | None = None) -> str:
        """Put bytes on the wire as they are, without a header."""
        done = self.senders.perform(to, by, lambda socket: socket.send_raw(data))
        return (
            f"Put {counted(len(encode_bytes(data)), 'byte')} on the wire {self._where(done, by)}."
        )

    def send_again(self, number: int, *, to: To = None, by: int | None = None) -> str:
        """Send the payload of a frame in the log again.

        Raises:
            InvalidMessage: It is no longer in the log, or is not a whole message.
        """
        record = None if self.frame_log is None else self.frame_log.find(number)
        if not isinstance(record, FrameRecord):
            raise InvalidMessage(f"frame {number} is no longer in the log, so it was not sent")
        if record.type == "close":
            close = record.frame.close
            return self.send_close(*((close.code, close.reason) if close else ()), to=to, by=by)
        if record.type not in ("text", "bytes", "ping", "pong") or not record.frame.fin:
            raise InvalidMessage(
                f"frame {number} is not a whole message; choose one that is whole, or send its "
                f"payload from the field below"
            )
        payload: Any = record.payload.decode() if record.type == "text" else record.payload
        return self._send_message(record.type, payload, to, by)

    def break_rule(self, name: str, *, to: To = None, by: int | None = None) -> str:
        """Break a rule of RFC 6455 on purpose, and say what the other end did.

        Args:
            name: Of a fault of `astra_nb.faults` about a frame or the conduct of an end, such as
                "reserved opcode" or "CLOSE not answered".

        Raises:
            LocalError: There is no such fault, or this end cannot commit it.
        """
        after = 0 if self.frame_log is None else self.frame_log.last_number
        fault = next((each for each in FAULTS if each.name == name), None)
        is_frame = fault is not None and fault.makes is not None
        done = self.senders.perform(
            to, by, lambda socket: socket.break_rule(name), ends=not is_frame
        )
        assert fault is not None  # else the socket has refused it
        if fault.stage == "conduct":
            return f"From now on {self._where(done, by)}: {fault.answer}"
        if self.frame_log is None:
            return f"{fault.breaks} {fault.answer}"
        try:
            closed = self.frame_log.wait_for(
                kind="closed", connection=done, after=after, timeout=REACTION
            )
        except WaitTimeout:
            return f"{fault.answer} It has not closed the connection so far."
        assert isinstance(closed, ClosedRecord)
        return f"{fault.answer} What happened: {closed.why_closed}"

    def set_automatic_pong(self, on: bool, *, to: To = None, by: int | None = None) -> str:
        """Set whether the sending end answers each PING by itself (RFC 6455, section 5.5.2)."""
        done = self.senders.perform(
            to, by, lambda socket: setattr(socket, "automatic_pong", on), ends=True
        )
        return f"Automatic pong is {'on' if on else 'off'} {self._where(done, by)}."

    def save_payload(self, payload: str, format: str = "text", name: str = "") -> str:
        """Keep what is in the payload field, to be sent again later.

        Raises:
            InvalidMessage: It is longer than a notebook should hold.
        """
        if len(payload) > MOST_KEPT:
            raise InvalidMessage(
                f"the payload has {len(payload):,} characters, and up to {MOST_KEPT:,} are kept "
                f"here; keep it in a variable or a file"
            )
        kept = {"name": name or shortened(payload, 40), "payload": payload, "format": format}
        if kept not in self.saved:
            self.saved[:] = [*self.saved, kept][-MOST_SAVED:]
        return "Saved."

    def forget_payload(self, index: int) -> str:
        """Remove a saved payload by its place."""
        if 0 <= index < len(self.saved):
            del self.saved[index]
        return "Removed."

    def _where(self, done: list[int], by: int | None) -> str:
        if len(done) > 1:
            return f"to {len(done)} connections"
        client = by is not None or not self.senders.of_server
        return f"from the client of #{done[0]}" if client else f"to #{done[0]}"


def check_cuts(cuts: Sequence[int], size: int) -> None:
    for before, cut in pairwise((0, *cuts)):
        if not before <= cut <= size:
            raise InvalidMessage(
                f"there is no cut before byte {cut}: cuts come in rising order, and the payload "
                f"has "
                f"{size} bytes; write, for example, 3, 7, or leave the field empty for fragments "
                f"of the same length"
            )


def code_of(name: str, arguments: Sequence[object], options: Mapping[str, object]) -> str:
    """Return the call of a method of a panel as a line of Python; defaults are left out.

    Secrets of a handshake are hidden: a notebook stores what a panel shows.
    """
    if name in ("connect", "save_request"):
        arguments, options = without_secrets(arguments, options)
    defaults = {key: each.default for key, each in signature(name).items()}
    shown = [shortened(repr(value), SHOWN) for value in arguments]
    shown += [
        f"{key}={shortened(repr(value), SHOWN)}"
        for key, value in options.items()
        if value != defaults.get(key)
    ]
    return f"panel.{name}({', '.join(shown)})"


def signature(name: str) -> Mapping[str, inspect.Parameter]:
    parameters = dict(inspect.signature(getattr(Actions, name)).parameters)
    del parameters["self"]
    return parameters
