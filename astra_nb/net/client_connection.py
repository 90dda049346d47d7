"""The opening handshake at the client's end: send the request, read the response."""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI

from astra_nb import seeded
from astra_nb.errors import HandshakeFailed
from astra_nb.log import FrameLog
from astra_nb.wire.faults import Fault
from astra_nb.wire.handshake import head_end, parse_head, split_head
from astra_nb.wire.redaction import redact_path, redact_text
from astra_nb.wire.text import visible

from .connection import Connection
from .lies import told
from .negotiation import lenient_headers
from .options import ConnectOptions, check_compression
from .uris import where

__all__ = ["ClientConnection"]

MAX_BODY = 2**16  # bytes of a refusal's body that are read: it may have no end
MAX_LINE = 2**13  # bytes of a status line, which the protocol reads no further
MAX_BODY_SHOWN = 500  # characters of it in the error
LONGEST = 200  # characters of another value of the peer's in the error

REFUSAL = re.compile(rb"HTTP/1\.([01]) (?!101)([1-5]\d\d)(?: ([^\r\n]*))?\r?\n")
INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d[ \r\n]")  # RFC 9110, section 15.2
TLS_ALERT = b"\x15\x03"  # type and version of a TLS record (RFC 8446, section 5.1)


class ClientConnection(Connection):
    """A connection that this end opens.

    Args:
        options: All the options of `connect`.
        deadline: When the opening handshake must be done, in the loop's time; None counts the
            timeout from the start of TCP.

    Attributes:
        answered: Done when the opening handshake is; its exception is a `HandshakeFailed`.
    """

    __slots__ = (
        "_answer_head", "_body", "_faults", "_is_read", "answered", "deadline", "request",
        "response",
    )  # fmt: skip

    side = "client"
    protocol: ClientProtocol

    def __init__(
        self,
        uri: WebSocketURI,
        options: ConnectOptions,
        *,
        number: int,
        tap: FrameLog,
        deadline: float | None = None,
    ) -> None:
        origin, deflate = options["origin"], check_compression(options["compression"], "client")
        super().__init__(
            ClientProtocol(
                uri,
                origin=None if origin is None else Origin(origin),
                extensions=None if deflate is None else [ClientPerMessageDeflateFactory(**deflate)],
                subprotocols=[Subprotocol(name) for name in options["subprotocols"]] or None,
                max_size=options["max_message_size"],
            ),
            number=number,
            tap=tap,
            open_timeout=options["timeout"],
            close_timeout=options["close_timeout"],
        )
        self.automatic_pong = options["automatic_pong"]
        self.keepalive = options["keepalive"]
        self._faults = cast("tuple[Fault, ...]", options["faults"])
        self.deadline = deadline
        self.response = None
        self._is_read = False  # whether the protocol has begun to read the answer
        self._answer_head = b""  # once it is complete
        self._body = bytearray()  # of a refusal, as it came
        self.answered: asyncio.Future[None] = self.loop.create_future()
        if seeded.current is not None:
            self.protocol.key = seeded.current.handshake_key(number)
            self.sender.masking_keys = seeded.current.masking_keys(number)
        self.request: Request = self.protocol.connect()
        own = self.request.headers
        given = cast("tuple[tuple[str, str], ...]", options["headers"] or ())
        for name, _ in given:
            if name in own:
                del own[name]
        for name, value in given:
            own[name] = value
        # The answer is computed from the key that was sent.
        self.protocol.key = own.get_all("Sec-WebSocket-Key")[0].strip()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        try:
            super().connection_made(transport)
            if self.deadline is not None:
                left = max(0.0, self.deadline - self.loop.time())
                self._set_timer(left, self._open_timed_out)
            self.protocol.send_request(self.request)
            (head,) = self.protocol.data_to_send()
            self._send_request(head)
        except Exception as exc:  # noqa: BLE001  (asyncio would keep it from the caller)
            self._fail(exc)
            self.transport.abort()

    def _send_request(self, data: bytes) -> None:
        """Send the request, with what is wrong in it on purpose."""
        for fault in self._faults:
            if fault.change is not None:
                self.notice(told(fault))
                data = fault.change(data)
        if self._faults:  # the answer is judged by what was sent
            for name, value in parse_head(data[: head_end(data)])[1]:
                if name.lower() == "sec-websocket-key":
                    self.protocol.key = value
                elif name.lower() == "sec-websocket-protocol":
                    offered = [Subprotocol(each.strip()) for each in value.split(",")]
                    self.protocol.available_subprotocols = offered
        self._write_head(data)

    def _receive_handshake(self, data: bytes) -> None:
        if self.answered.done():
            return  # refused already
        if self._answer_head:
            self._body += data
            self._read(data)
            return
        head, rest = split_head(self._head, data)
        if self._head.startswith(TLS_ALERT):
            self._refused(None, ValueError("it is TLS; the address begins with wss://"))
            return
        is_complete = bool(rest) or self._head.endswith((b"\n\r\n", b"\n\n"))
        if INTERIM.match(self._head):
            self._pass_over(is_complete, rest)
            return
        if not self._is_read:
            if b"\n" not in self._head and len(self._head) <= MAX_LINE:
                return  # it may be that of an interim response
            self._is_read = True
            # The protocol reads no HTTP/1.0, and no status line without a reason.
            head = REFUSAL.sub(rb"HTTP/1.1 \2 \3\r\n", self._head, count=1)
        if is_complete:
            self._answer_head = bytes(self._head)
            self.record_head(self._answer_head)
            self._head.clear()
        self._read(head)
        if rest:
            self.data_received(rest)

    def _pass_over(self, is_complete: bool, rest: bytes) -> None:
        """Record an interim response; the answer comes after it (RFC 9110, section 15.2)."""
        if is_complete:
            self.record_head(bytes(self._head))
            self._head.clear()
            if rest:
                self.data_received(rest)
        elif len(self._head) > MAX_BODY:
            self._refused(None, ValueError("the head of an interim response does not end"))

    def _read(self, data: bytes) -> None:
        """Read a part of the response; act when it is complete."""
        protocol = self.protocol
        protocol.receive_data(data)
        response = self._next_response()
        failed = protocol.handshake_exc
        if response is not None and failed is None:
            self.response = response
            self.opened(self.request.path)
            for fault in self._faults:
                if fault.stage == "conduct":
                    self.lie(fault)
            self.answered.set_result(None)
            return
        refusal = self._refusal()
        if refusal is not None and (failed or len(self._head) + len(self._body) > MAX_BODY):
            response = response or self._so_far(refusal)
            self._refused(response, InvalidStatus(response))
        elif failed is not None and (response is not None or refusal is None):
            self._refused(response, failed)

    def _refusal(self) -> re.Match[bytes] | None:
        """Return the status line of a refusal, if there is one so far."""
        return REFUSAL.match(self._answer_head or self._head)

    def _so_far(self, refusal: re.Match[bytes]) -> Response:
        """Return a refusal as far as it came: its body may have no end, or break off."""
        reason = (refusal[3] or b"").decode("latin-1")
        headers = lenient_headers(parse_head(self._answer_head)[1])
        return Response(int(refusal[2]), reason, headers, bytes(self._body[:MAX_BODY]))

    def _next_response(self) -> Response | None:
        responses = self.protocol.events_received()
        return cast(Response, responses[0]) if responses else None

    def _refused(self, response: Response | None, cause: Exception) -> None:
        if self._head:  # which broke off
            self.record_head(bytes(self._head))
            self._head.clear()
        self.response = response
        self.state.status = None if response is None else response.status_code
        self.state.failed(str(cause))
        self._fail(_handshake_failed(response, cause))
        self.transport.close()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, HandshakeFailed):
            # A notebook stores what is raised, and a server may repeat what it refused.
            head = self.request.serialize()
            why, line, body = self.redactor.without_sent(str(error), head).partition("\n")
            error.args = (f"{why}{line}{redact_text(body)}",)
            error.body = redact_text(self.redactor.without_sent(error.body, head))
            if self.response is not None:
                error.headers = lenient_headers(
                    (name, self.redactor.without_sent(value, head))
                    for name, value in self.redactor.headers(self.response.headers.raw_items())
                )
        self.answered.set_exception(error)
        self.answered.exception()  # the caller may have stopped waiting

    def connection_lost(self, exc: Exception | None) -> None:
        protocol = self.protocol
        if exc is not None and not isinstance(exc, OSError) and not self.answered.done():
            self._fail(exc)  # raised in data_received()
        if not self.answered.done():
            # A body without a Content-Length ends where TCP does (RFC 9112, section 6.3), and one
            # that breaks off still has a status.
            protocol.receive_eof()
            response, refusal = self._next_response(), self._refusal()
            if refusal is not None:
                response = response or self._so_far(refusal)
                self._refused(response, InvalidStatus(response))
        super().connection_lost(exc)
        if not self.answered.done():
            self._fail(HandshakeFailed(f"the opening handshake failed: {self._why_lost(exc)}"))

    def _why_lost(self, exc: Exception | None) -> str:
        if isinstance(exc, ssl.SSLError):  # with TLS 1.3 a server judges after its client
            reason = (exc.reason or "without a reason").replace("_", " ").lower()
            return (
                f"the server ended TLS ({reason}); if it asks for a certificate, "
                f'give yours with client_certificate=("me.pem", "me.key")'
            )
        why = (
            f"no answer came within {self.open_timeout:g} s"
            if self.state.tcp == "timeout"
            else "the TCP connection ended before the answer was complete"
        )
        uri = self.protocol.uri
        wants = ", and does it ask for a client_certificate" if uri.secure else ""
        return f"{why}; is there a WebSocket server at {where(uri)}{wants}?"


def shown(text: str) -> str:
    """Return what a server wrote as it is safe to show."""
    return visible(redact_text(text), LONGEST)


def _handshake_failed(response: Response | None, cause: Exception) -> HandshakeFailed:
    if response is None:
        detail = shown(str(cause.__cause__ or cause))
        error = HandshakeFailed(f"the opening handshake failed: no valid HTTP answer ({detail})")
    else:
        body = bytes(response.body).decode("utf-8", "replace")
        status = f"HTTP {response.status_code} {shown(response.reason_phrase)}".rstrip()
        if isinstance(cause, InvalidStatus):
            lines = [] if "<" in body else body.strip()[:MAX_BODY_SHOWN].splitlines()
            told = "\n".join(map(visible, lines))
            points = "".join(
                f'; it points to "{visible(redact_path(location), LONGEST)}", and redirects=1 '
                f"follows it, if you trust that address"
                for location in response.headers.get_all("Location")[:1]
            )
            text = (
                f"the server answered {status} instead of 101 Switching Protocols "
                f"(RFC 6455, section 4.1){points}" + (f":\n{told}" if told else "")
            )
        else:
            text = (
                f"the server answered {status}, but its answer is not valid: "
                f"{shown(str(cause))} (RFC 6455, section 4.1)"
            )
        error = HandshakeFailed(text, status=response.status_code, body=body)
    # Not `from cause`: a traceback would repeat what the server sent, and it may send secrets back.
    return error
