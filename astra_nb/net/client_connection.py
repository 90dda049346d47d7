"""The opening handshake at the client's end: send the request, read the response."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from typing import cast

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI

from astra_nb.errors import ConnectFailed, HandshakeFailed
from astra_nb.log import FrameLog
from astra_nb.wire.handshake import parse_head, split_head
from astra_nb.wire.redaction import redact_path, redact_text
from astra_nb.wire.text import visible

from .addresses import describe_peer
from .connection import Connection
from .options import ConnectOptions

__all__ = ["ClientConnection", "connect_failed"]

MAX_BODY = 2**16  # bytes of a refusal's body that are read: it may have no end
MAX_BODY_SHOWN = 500  # characters of it in the error
LONGEST = 200  # characters of another value of the peer's in the error

REFUSAL = re.compile(rb"HTTP/1\.([01]) (?!101)([1-5]\d\d)(?: ([^\r\n]*))?\r?\n")
TLS_ALERT = b"\x15\x03"  # type and version of a TLS record (RFC 8446, section 5.1)


class ClientConnection(Connection):
    """A connection that this end opens.

    Args:
        uri: Where it goes.
        options: All the options of `connect`.
        number: The connection's number on its log.
        tap: Where bytes and happenings go; None records nothing.
        deadline: When the opening handshake must be done, in the loop's time; None counts the
            timeout from the start of TCP.

    Attributes:
        answered: Done when the opening handshake is; its exception is a `HandshakeFailed`.
        request: The request that was sent.
    """

    __slots__ = ("_answer_head", "_body", "answered", "deadline", "request")

    side = "client"
    protocol: ClientProtocol

    def __init__(
        self,
        uri: WebSocketURI,
        options: ConnectOptions,
        *,
        number: int,
        tap: FrameLog | None,
        deadline: float | None = None,
    ) -> None:
        origin = options["origin"]
        super().__init__(
            ClientProtocol(
                uri,
                origin=None if origin is None else Origin(origin),
                extensions=[ClientPerMessageDeflateFactory()] if options["compression"] else None,
                subprotocols=[Subprotocol(name) for name in options["subprotocols"]] or None,
                max_size=options["max_message_size"],
            ),
            number=number,
            tap=tap,
            open_timeout=options["timeout"],
            close_timeout=options["close_timeout"],
        )
        self.automatic_pong = options["automatic_pong"]
        self.deadline = deadline
        self._answer_head = b""  # once it is complete
        self._body = bytearray()  # of a refusal, as it came
        self.answered: asyncio.Future[None] = self.loop.create_future()
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
            self._record_head(head, "sent")
            self.transport.write(head)
        except Exception as exc:  # noqa: BLE001  (asyncio would keep it from the caller)
            self._fail(exc)
            self.transport.abort()

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
        if rest or self._head.endswith((b"\n\r\n", b"\n\n")):
            self._answer_head = bytes(self._head)
            self._record_head(self._answer_head)
            self._head.clear()
        self._read(head)
        if rest:
            self.data_received(rest)

    def _read(self, data: bytes) -> None:
        """Read a part of the response; act when it is complete."""
        protocol = self.protocol
        protocol.receive_data(data)
        response = self._next_response()
        failed = protocol.handshake_exc
        if response is not None and failed is None:
            self.opened(self.request.path)
            self.answered.set_result(None)
            return
        refusal = self._refusal()
        # Of HTTP/1.0 the protocol reads nothing, and its body ends where TCP does.
        if refusal is not None and (
            len(self._head) + len(self._body) > MAX_BODY or (failed and refusal[1] == b"1")
        ):
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
        return Response(int(refusal[2]), reason, Headers(), bytes(self._body[:MAX_BODY]))

    def _next_response(self) -> Response | None:
        responses = self.protocol.events_received()
        return cast(Response, responses[0]) if responses else None

    def _refused(self, response: Response | None, cause: Exception) -> None:
        if self._head:  # which broke off
            self._record_head(bytes(self._head))
            self._head.clear()
        self.state.status = None if response is None else response.status_code
        self.state.failed(str(cause))
        _, headers = parse_head(self._answer_head)
        locations = [value for name, value in headers if name.lower() == "location"]
        self._fail(_handshake_failed(response, cause, locations))
        self.transport.close()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, HandshakeFailed):
            # A notebook stores what is raised, and a server may repeat what it refused.
            head = self.request.serialize()
            why, line, body = self.redactor.without_sent(str(error), head).partition("\n")
            error.args = (f"{why}{line}{redact_text(body)}",)
            error.body = redact_text(self.redactor.without_sent(error.body, head))
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
            why = (
                f"no answer came within {self.open_timeout:g} s"
                if self.state.tcp == "timeout"
                else "the TCP connection ended before the answer was complete"
            )
            self._fail(
                HandshakeFailed(
                    f"the opening handshake failed: {why}; is there a WebSocket server at "
                    f"{where(protocol.uri)}?"
                )
            )


def connect_failed(
    uri: WebSocketURI, cause: OSError, timeout: float | None, has_tcp: bool
) -> ConnectFailed:
    """Return the error that names the layer on which no connection could be made.

    Args:
        uri: Where it should have gone.
        cause: What asyncio raised; a `TimeoutError` without a number when time ran out.
        timeout: Seconds that there were.
        has_tcp: Whether TCP was connected, so that TLS failed.
    """
    reason = os.strerror(cause.errno) if cause.errno else str(cause) or "the server ended TCP"
    out_of_time = isinstance(cause, TimeoutError) and not cause.errno
    if has_tcp:
        verdict = getattr(cause, "verify_message", "")
        if verdict:
            return ConnectFailed(
                f"no TLS with {where(uri)}: its certificate is not valid here ({verdict}); an "
                f"authority of your own is named by the environment variable SSL_CERT_FILE"
            )
        openssl = getattr(cause, "reason", None)  # such as WRONG_VERSION_NUMBER
        if openssl:
            reason = openssl.replace("_", " ").lower()
        why = f"within {timeout:g} s" if out_of_time else f"({reason})"
        return ConnectFailed(
            f"no TLS with {where(uri)} {why}; TCP is connected, but does the server speak TLS? "
            f"One that does not has an address that begins with ws://"
        )
    if isinstance(cause, socket.gaierror):
        return ConnectFailed(
            f"DNS knows no address of {uri.host!r} ({cause.strerror}); check the name, and the "
            f"network"
        )
    if out_of_time:
        return ConnectFailed(f"no TCP connection to {where(uri)} within {timeout:g} s")
    return ConnectFailed(
        f"no TCP connection to {where(uri)} ({reason}); "
        f"is the server running? server.url is the address it listens on"
    )


def where(uri: WebSocketURI) -> str:
    return describe_peer((uri.host, uri.port))


def _handshake_failed(
    response: Response | None, cause: Exception, locations: list[str]
) -> HandshakeFailed:
    if response is None:
        detail = visible(str(cause.__cause__ or cause), LONGEST)
        error = HandshakeFailed(f"the opening handshake failed: no valid HTTP answer ({detail})")
    else:
        body = bytes(response.body).decode("utf-8", "replace")
        status = f"HTTP {response.status_code} {visible(response.reason_phrase, LONGEST)}".rstrip()
        if isinstance(cause, InvalidStatus):
            lines = [] if "<" in body else body.strip()[:MAX_BODY_SHOWN].splitlines()
            shown = "\n".join(map(visible, lines))
            points = "".join(
                f'; it points to "{visible(redact_path(location), LONGEST)}", and connect() '
                f"follows no redirect: connect to that address if you trust it"
                for location in locations[:1]
            )
            text = (
                f"the server answered {status} instead of 101 Switching Protocols "
                f"(RFC 6455, section 4.1){points}" + (f":\n{shown}" if shown else "")
            )
        else:
            text = (
                f"the server answered {status}, but its answer is not valid: "
                f"{visible(str(cause), LONGEST)} (RFC 6455, section 4.1)"
            )
        error = HandshakeFailed(text, status=response.status_code, body=body)
    error.__cause__ = cause
    return error
