"""HTTP/1 on its way through a tap, message by message, until a WebSocket is agreed on."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from astra_nb.wire.handshake import split_head
from astra_nb.wire.messages import Side

from .http_bodies import Body, UnclearBody
from .tap_heads import Head

__all__ = ["HttpWays"]

MAX_HEAD = 256 * 1024  # bytes of a head; longer ones pass unread
MAX_EARLY = 64 * 1024  # bytes that a client sends before it has an answer, until it has to wait
UNCLEAR = "it is not clear where the body of its message ends ({})"
ENDS = (b"\n\r\n", b"\n\n")


class HttpLine(Protocol):
    """What the ways are part of: a `TapLine`."""

    def admit(self, head: Head) -> bytes | None: ...
    def opened(self, head: Head) -> None: ...
    def refused(self, head: Head) -> None: ...
    def forward(self, sender: Side, data: bytes) -> None: ...
    def received(self, sender: Side, data: bytes) -> None: ...
    def hold_up(self, sender: Side, *, held_up: bool) -> None: ...
    def notice(self, text: str) -> None: ...


class HttpWays:
    """Both directions of a TCP connection while they carry HTTP."""

    def __init__(self, line: HttpLine) -> None:
        self._line = line
        self._heads: dict[Side, bytearray] = {"client": bytearray(), "server": bytearray()}
        self._bodies: dict[Side, Body | None] = {"client": None, "server": None}
        self._asked: deque[Head] = deque()  # requests without an answer, oldest first
        self._early: bytearray | None = None  # what came after a request for a WebSocket
        self._blind = False  # whether all passes unread
        self._is_over = False

    def take(self, sender: Side, data: bytes) -> None:
        """Take a chunk of any length."""
        while data:
            if self._is_over:
                self._line.received(sender, data)
                return
            if self._blind:
                self._line.forward(sender, data)
                return
            if sender == "client" and self._early is not None:
                self._early += data
                if len(self._early) > MAX_EARLY:
                    self._line.hold_up("client", held_up=True)
                return
            body = self._bodies[sender]
            if body is None:
                data = self._take_head(sender, data)
            else:
                data = self._take_body(sender, body, data)

    def _take_body(self, sender: Side, body: Body, data: bytes) -> bytes:
        try:
            end = body.take(data)
        except UnclearBody as exc:
            self._go_blind(UNCLEAR.format(exc), sender)
            return data
        if end is None:
            end = len(data)
        else:
            self._bodies[sender] = None
        self._line.forward(sender, data[:end])
        return data[end:]

    def _take_head(self, sender: Side, data: bytes) -> bytes:
        buffer = self._heads[sender]
        if not buffer:
            # A client may send an empty line first (RFC 9112, section 2.2).
            blank = len(data) - len(data.lstrip(b"\r\n"))
            if blank:
                self._line.forward(sender, data[:blank])
                return data[blank:]
        _, rest = split_head(buffer, data)
        if not rest and not buffer.endswith(ENDS):
            if len(buffer) > MAX_HEAD:
                self._go_blind("the head of its message is too long", sender)
            return b""
        head = Head.read(bytes(buffer))
        if sender == "client":
            if not head.is_request:
                self._go_blind("what it sent is not a request of HTTP/1", sender)
                return rest
            buffer.clear()
            self._take_request(head)
        elif head.status is None:
            self._go_blind("what it sent is not a response of HTTP/1", sender)
        else:
            buffer.clear()
            return self._take_response(head, rest)
        return rest

    def _take_request(self, head: Head) -> None:
        raw = self._line.admit(head)
        if raw is None:
            self._early = bytearray()  # nothing more is read
            return
        self._asked.append(head)
        self._line.forward("client", raw)
        if head.upgrades:
            self._early = bytearray()
        elif head.method == "CONNECT":
            self._go_blind("it asks for a tunnel", "client")
        else:
            self._begin_body("client", head)

    def _take_response(self, head: Head, rest: bytes) -> bytes:
        status = head.status
        assert status is not None
        if status < 200 and status != 101:  # an interim one; the answer follows
            self._line.forward("server", head.raw)
            return rest
        asked = self._asked.popleft() if self._asked else None
        upgrades = asked is not None and asked.upgrades
        if status == 101:
            if not upgrades:
                self._line.forward("server", head.raw)
                self._go_blind("it changes to a protocol that is not WebSocket", "server")
                return rest
            self._is_over = True
            self._line.opened(head)
        elif upgrades:
            self._line.refused(head)
        self._line.forward("server", head.raw)
        if status != 101:
            self._begin_body("server", head, "GET" if asked is None else asked.method)
        if upgrades:
            early, self._early = bytes(self._early or b""), None
            self._line.hold_up("client", held_up=False)
            self.take("client", early)
        return rest

    def _begin_body(self, sender: Side, head: Head, method: str = "") -> None:
        """Take what follows a head as its body; `method` is that of the request it answers."""
        try:
            body = Body(head, method)
            self._bodies[sender] = body if body.take(b"") is None else None
        except UnclearBody as exc:
            self._go_blind(UNCLEAR.format(exc), sender)

    def _go_blind(self, why: str, sender: Side) -> None:
        self._line.notice(
            f"From here on the bytes of this connection pass unread, because of the {sender}: "
            f"{why}."
        )
        self._blind = True
        self.finish("client")
        self.finish("server")
        if self._early:
            self._line.forward("client", bytes(self._early))

    def finish(self, sender: Side) -> None:
        """Pass on what there is of a head: called when TCP brings no more, too."""
        buffer = self._heads[sender]
        if buffer:
            self._line.forward(sender, bytes(buffer))
            buffer.clear()
