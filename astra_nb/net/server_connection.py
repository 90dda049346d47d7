"""The server's end of a connection: who may come in, and what everyone else is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import cast

from websockets.exceptions import InvalidHeader, InvalidUpgrade
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from astra_nb.log import FrameLog
from astra_nb.log.records import Direction
from astra_nb.wire.opcodes import TEXT

from . import http_pages
from .addresses import host_allowed, origin_allowed
from .closing import Phase
from .connection import Connection
from .policy import Policy
from .routes import Route, make_route

__all__ = ["CHECK_PATH", "ServerConnection"]

# A page finds out here whether it reaches the server, without a handler being called.
CHECK_PATH = "/.well-known/astra-nb/check"

VERSION_HEADER = "Sec-WebSocket-Version"


CHECK = make_route(CHECK_PATH, lambda socket: None)


class ServerConnection(Connection):
    """A connection that a client opened.

    Args:
        policy: Decides over the opening handshake.
        next_number: Gives the connection its number, when there is something to record.
        on_open: Called when the connection is open, before its first frame is read.
    """

    __slots__ = ("next_number", "on_open", "policy", "quiet", "request")

    side = "server"
    protocol: ServerProtocol
    request: Request

    def __init__(
        self,
        policy: Policy,
        *,
        next_number: Callable[[], int],
        tap: FrameLog | None,
        on_open: Callable[[ServerConnection, Route, dict[str, str], Request], None],
        on_closed: Callable[[Connection], None],
    ) -> None:
        super().__init__(
            ServerProtocol(
                max_size=policy.max_message_size, select_subprotocol=_select_subprotocol
            ),
            number=0,
            tap=tap,
            open_timeout=policy.open_timeout,
            close_timeout=policy.close_timeout,
            on_closed=on_closed,
        )
        self.policy = policy
        self.next_number = next_number
        self.quiet = False
        self.on_open = on_open
        self.keepalive = policy.keepalive

    def _receive_handshake(self, data: bytes) -> None:
        if self.state.status is not None:
            return  # refused already, and the rest is of no interest
        head, rest = self.take_head(data)
        protocol = self.protocol
        protocol.receive_data(head)
        requests = protocol.events_received()
        if requests:
            self._answer(cast(Request, requests[0]))
            if self.is_established and rest:
                self.data_received(rest)
        elif protocol.handshake_exc is not None:
            self._record_head(bytes(self._head))
            self._refuse_unreadable()

    def _answer(self, request: Request) -> None:
        response, route, parameters = self._judge(request)
        if route is CHECK:
            self._answer_check(response, request)
            return
        self._record_head(bytes(self._head))
        self._send_response(response)
        if route is not None and response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.automatic_pong = route.automatic_pong
            self.request = request
            self.opened(request.path)
            self.on_open(self, route, parameters, request)

    def _answer_check(self, response: Response, request: Request) -> None:
        # Whoever shows a panel asks, so this is left off the log: lessons count connections.
        self.quiet = True
        self.tap = None
        self._send_response(response)
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.opened(request.path)
            self.sender.send(TEXT, self.policy.check_answer.encode())
            self.send_close(1000, "checked")

    def _record_head(self, head: bytes, direction: Direction = "received") -> None:
        self.take_number()
        super()._record_head(head, direction)

    def connection_lost(self, exc: Exception | None) -> None:
        self.take_number()
        super().connection_lost(exc)

    def take_number(self) -> None:
        if self.number == 0 and not self.quiet:
            self.number = self.next_number()

    def _judge(self, request: Request) -> tuple[Response, Route | None, dict[str, str]]:
        """Decide over a request: the answer, and the route when there is one."""
        policy, protocol, headers = self.policy, self.protocol, request.headers
        hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
        if len(hosts) > 1 or not host_allowed(
            hosts[0] if hosts else None, policy.hostname, policy.hosts
        ):
            status = HTTPStatus.MISDIRECTED_REQUEST if hosts else HTTPStatus.BAD_REQUEST
            self.state.failed(http_pages.why_foreign_host(hosts))
            return protocol.reject(status, http_pages.foreign_host(hosts)), None, {}
        if any(not origin_allowed(origin, policy.origins) for origin in origins):
            self.state.failed(http_pages.why_foreign_origin(origins))
            return protocol.reject(HTTPStatus.FORBIDDEN, http_pages.foreign_origin()), None, {}
        if request.path.partition("?")[0] == CHECK_PATH:
            return protocol.accept(request), CHECK, {}
        for route in policy.routes:
            parameters = route.match(request.path)
            if parameters is not None:
                break
        else:
            text = http_pages.unknown_path([route.path for route in policy.routes])
            return protocol.reject(HTTPStatus.NOT_FOUND, text), None, {}
        # The protocol was made before the path was known.
        protocol.available_subprotocols = [Subprotocol(name) for name in route.subprotocols]
        if route.compression == "deflate":
            protocol.available_extensions = [ServerPerMessageDeflateFactory()]
        response = protocol.accept(request)
        refused = protocol.handshake_exc
        if isinstance(refused, InvalidHeader) and refused.name == VERSION_HEADER:
            # RFC 6455, section 4.2.2: the answer MUST tell the version that is understood.
            response.headers[VERSION_HEADER] = "13"
        if isinstance(refused, InvalidUpgrade) and request.method == "GET":
            _set_body(response, http_pages.UPGRADE_PAGE.encode(), "text/html; charset=utf-8")
            response.headers["Content-Security-Policy"] = (
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                "connect-src 'self' ws: wss:"
            )
        return response, route, parameters

    def _send_response(self, response: Response) -> None:
        self.protocol.send_response(response)
        writes = self.protocol.data_to_send()
        head = writes[0][: len(writes[0]) - len(response.body)]
        self._record_head(head, "sent")
        self.transport.write(writes[0])
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self.state.status = response.status_code
            self._end_refused()

    def _refuse_unreadable(self) -> None:
        """Answer what is no HTTP request, or one with too long a header."""
        self.state.failed(_reason(self.protocol.handshake_exc))
        writes = [write for write in self.protocol.data_to_send() if write]
        if not writes:
            # The protocol hangs up here without a word; a sentence costs nothing.
            body = b"400 Bad Request: this is no HTTP request that asks for a WebSocket.\n"
            writes = [
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                b"Content-Type: text/plain; charset=utf-8\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            ]
        head, _, _ = writes[0].partition(b"\r\n\r\n")
        self.state.status = int(head.split(b" ")[1])
        self._record_head(head + b"\r\n\r\n", "sent")
        self.transport.write(b"".join(writes))
        self._end_refused()

    def _end_refused(self) -> None:
        self._head = bytearray()
        self.state.enter(Phase.CLOSING)
        self.sender.end()
        self._set_timer(self.close_timeout, self.transport.abort)

    def _open_timed_out(self) -> None:
        self.state.tcp_ended("timeout")
        self.state.failed(f"no whole opening handshake within {self.open_timeout:g} s")
        if self._head:
            self._record_head(bytes(self._head))
        self._send_response(
            self.protocol.reject(
                HTTPStatus.REQUEST_TIMEOUT,
                f"408 Request Timeout: {self.state.detail}.\n",
            )
        )


def _select_subprotocol(
    protocol: ServerProtocol, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    # RFC 6455, section 4.2.2: a server that agrees to none of them leaves the header out;
    # refusing the connection is not asked for.
    for name in protocol.available_subprotocols or ():
        if name in offered:
            return name
    return None


def _set_body(response: Response, body: bytes, content_type: str) -> None:
    response.body = body
    for name in ("Content-Type", "Content-Length"):
        del response.headers[name]
    response.headers["Content-Type"] = content_type
    response.headers["Content-Length"] = str(len(body))


def _reason(exc: BaseException | None) -> str:
    """Say which rule a request broke."""
    texts = []
    while exc is not None:
        # Behind the colon it repeats what was sent, with what may be secret in it.
        texts.append(str(exc).partition(": ")[0])
        exc = exc.__cause__
    return "; ".join(texts)
