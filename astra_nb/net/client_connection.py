"""The opening handshake at the client's end: send the request, read the response."""

from __future__ import annotations

import asyncio
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI

from astra_nb.errors import HandshakeFailed
from astra_nb.log import FrameLog

from .connection import Connection
from .options import ConnectOptions

__all__ = ["ClientConnection"]

MAX_BODY_SHOWN = 500  # characters of a refusal's body in the error


class ClientConnection(Connection):
    """A connection that this end opens.

    Args:
        uri: Where it goes.
        options: All the options of `connect`.
        number: The connection's number on its log.
        tap: Where bytes and happenings go; None records nothing.

    Attributes:
        answered: Done when the opening handshake is; its exception is a `HandshakeFailed`.
        request: The request that was sent.
    """

    __slots__ = ("_head_recorded", "answered", "request")

    side = "client"
    protocol: ClientProtocol

    def __init__(
        self, uri: WebSocketURI, options: ConnectOptions, *, number: int, tap: FrameLog | None
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
        self._head_recorded = False
        self.answered: asyncio.Future[None] = self.loop.create_future()
        self.request: Request = self.protocol.connect()
        for name, value in (options["headers"] or {}).items():
            if name in self.request.headers:
                del self.request.headers[name]
            self.request.headers[name] = value

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.protocol.send_request(self.request)
        (head,) = self.protocol.data_to_send()
        self._record_head(head, "sent")
        self.transport.write(head)

    def _receive_handshake(self, data: bytes) -> None:
        if self._head_recorded:
            self._read(data)  # the body of a refusal
            return
        head, rest = self.take_head(data)
        if rest or self._head.endswith((b"\n\r\n", b"\n\n")):
            self._record_head(bytes(self._head))
            self._head.clear()
            self._head_recorded = True
        self._read(head)
        if rest and self.is_established:
            self.data_received(rest)
        elif rest and self.protocol.handshake_exc is None:
            self._read(rest)

    def _read(self, data: bytes) -> None:
        """Read a part of the response; act when it is complete."""
        protocol = self.protocol
        protocol.receive_data(data)
        response = self._next_response()
        if protocol.handshake_exc is not None:
            self._refused(response, protocol.handshake_exc)
        elif response is not None:
            self.opened(self.request.path)
            self.answered.set_result(None)

    def _next_response(self) -> Response | None:
        responses = self.protocol.events_received()
        return cast(Response, responses[0]) if responses else None

    def _refused(self, response: Response | None, cause: Exception) -> None:
        self.state.status = None if response is None else response.status_code
        self.state.failed(str(cause))
        self._fail(_handshake_failed(response, cause))
        self.transport.close()

    def _fail(self, error: HandshakeFailed) -> None:
        self.answered.set_exception(error)
        self.answered.exception()  # the caller may have stopped waiting

    def connection_lost(self, exc: Exception | None) -> None:
        protocol = self.protocol
        if not self.answered.done():
            # A body without a Content-Length ends where TCP does (RFC 9112, section 6.3).
            protocol.receive_eof()
            response = self._next_response()
            if response is not None and protocol.handshake_exc is not None:
                self._refused(response, protocol.handshake_exc)
        super().connection_lost(exc)
        if not self.answered.done():
            why = (
                f"no answer came within {self.open_timeout:g} s"
                if self.state.tcp == "timeout"
                else "the TCP connection ended before the answer was complete"
            )
            uri = protocol.uri
            self._fail(
                HandshakeFailed(
                    f"the opening handshake failed: {why}; is there a WebSocket server at "
                    f"{uri.host}:{uri.port}?"
                )
            )


def _handshake_failed(response: Response | None, cause: Exception) -> HandshakeFailed:
    if response is None:
        detail = cause.__cause__ or cause
        error = HandshakeFailed(f"the opening handshake failed: no valid HTTP answer ({detail})")
    else:
        body = bytes(response.body).decode("utf-8", "replace")
        status = f"{response.status_code} {response.reason_phrase}"
        if isinstance(cause, InvalidStatus):
            shown = body.strip()[:MAX_BODY_SHOWN] if "<" not in body else ""
            error = HandshakeFailed(
                f"the server answered {status} instead of 101 Switching Protocols "
                f"(RFC 6455, section 4.1)" + (f":\n{shown}" if shown else ""),
                status=response.status_code,
                body=body,
            )
        else:
            error = HandshakeFailed(
                f"the server answered {status}, but its answer is not valid: {cause} "
                f"(RFC 6455, section 4.1)",
                status=response.status_code,
                body=body,
            )
    error.__cause__ = cause
    return error
