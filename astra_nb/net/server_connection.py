"""The opening handshake at the server's end: read the request, send the response.

`policy` decides who may connect; `refusals` has the texts for those who may not.
"""

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
from astra_nb.wire.handshake import split_head
from astra_nb.wire.opcodes import TEXT

from . import refusals
from .closing import Phase
from .connection import Connection
from .http_pages import CONTENT_SECURITY_POLICY, SECURITY_HEADERS, UPGRADE_PAGE
from .policy import CHECK, Admission, Policy, split_target
from .refusals import Refusal
from .routes import Route

__all__ = ["ServerConnection"]

VERSION_HEADER = "Sec-WebSocket-Version"
TLS_HANDSHAKE = b"\x16\x03"  # type and version of a TLS record (RFC 8446, section 5.1)


class ServerConnection(Connection):
    """A connection that a client opened.

    Args:
        policy: Decides over the opening handshake.
        next_number: Returns the connection's number; called when there is something to record.
        on_open: Called when the connection is open, before its first frame is read.
    """

    __slots__ = ("next_number", "on_open", "policy", "quiet", "request")

    side = "server"
    protocol: ServerProtocol
    open_timeout: float
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
            return  # refused already
        head, rest = split_head(self._head, data)
        if self._head.startswith(TLS_HANDSHAKE):
            self._record_head(bytes(self._head))
            self._refuse(refusals.TLS)
            return
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
        headers = request.headers
        host, request.path = split_target(request.path)
        decision = self.policy.admit(
            request.path, headers.get_all("Host"), headers.get_all("Origin"), host
        )
        if isinstance(decision, Admission) and decision.route is CHECK:
            self._answer_check(request)
            return
        if isinstance(decision, Admission):
            self.redactor.offered = decision.route.subprotocols
        self._record_head(bytes(self._head))
        if isinstance(decision, Refusal):
            self._refuse(decision)
            return
        if host is not None:
            del headers["Host"]
            headers["Host"] = host
        response = self._negotiate(request, decision.route)
        self._send_response(response)
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.automatic_pong = decision.route.automatic_pong
            self.request = request
            self.opened(request.path)
            self.on_open(self, decision.route, decision.parameters, request)

    def _answer_check(self, request: Request) -> None:
        # Each panel asks, so this stays off the log: lessons count connections.
        self.quiet = True
        self.tap = None
        response = self.protocol.accept(request)
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

    def _negotiate(self, request: Request, route: Route) -> Response:
        """Answer the upgrade itself: version, key, subprotocol, extensions."""
        protocol = self.protocol
        # The protocol was made before the path was known.
        protocol.available_subprotocols = [Subprotocol(name) for name in route.subprotocols]
        if route.compression == "deflate":
            protocol.available_extensions = [ServerPerMessageDeflateFactory()]
        response = protocol.accept(request)
        refused = protocol.handshake_exc
        if isinstance(refused, InvalidHeader) and refused.name == VERSION_HEADER:
            # RFC 6455, section 4.2.2: the answer MUST tell the version that is understood.
            response.headers[VERSION_HEADER] = "13"
        if refused is None:
            return response
        refusal = refusals.invalid(response.status_code, refused)
        self.state.failed(refusal.reason)
        if isinstance(refused, InvalidUpgrade):  # of a GET: another method is refused first
            _set_body(response, UPGRADE_PAGE, "text/html; charset=utf-8")
            response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        else:
            # The protocol's own text repeats values of the request.
            _set_body(response, refusal.text)
        return response

    def _refuse(self, refusal: Refusal) -> None:
        self.state.failed(refusal.reason)
        self._send_response(self.protocol.reject(refusal.status, refusal.text))

    def _send_response(self, response: Response) -> None:
        self.protocol.send_response(response)
        self.protocol.data_to_send()
        self._write_response(response)

    def _refuse_unreadable(self) -> None:
        """Answer what is not an HTTP request, or one whose head is too long."""
        self.state.failed(refusals.why_unreadable(self.protocol.handshake_exc))
        # The protocol has answered one that is too long, without our headers, and nothing else.
        answer = b"".join(self.protocol.data_to_send())
        status = int(answer.split(b" ")[1]) if answer else 400
        self._write_response(self.protocol.reject(status, refusals.unreadable(status)))

    def _write_response(self, response: Response) -> None:
        refused = response.status_code != HTTPStatus.SWITCHING_PROTOCOLS
        if refused:
            for name, value in SECURITY_HEADERS.items():
                if name not in response.headers:
                    response.headers[name] = value
        data = response.serialize()
        head = data[: len(data) - len(response.body)]
        # A HEAD is answered without a body (RFC 9110, section 9.3.2).
        to_head = self._head.startswith(b"HEAD ")
        self._record_head(head, "sent")
        self.transport.write(head if to_head else data)
        if refused:
            self.state.status = response.status_code
            self._end_refused()

    def _end_refused(self) -> None:
        self._head = bytearray()
        self.state.enter(Phase.CLOSING)
        self.sender.end()
        self._set_timer(self.close_timeout, self.transport.abort)

    def _open_timed_out(self) -> None:
        self.state.tcp_ended("timeout")
        if self._head:
            self._record_head(bytes(self._head))
        self._refuse(refusals.timed_out(self.open_timeout))


def _select_subprotocol(
    protocol: ServerProtocol, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    # RFC 6455, section 4.2.2: a server that agrees to none of them leaves the header out;
    # refusing the connection is not asked for.
    for name in protocol.available_subprotocols or ():
        if name in offered:
            return name
    return None


def _set_body(
    response: Response, text: str, content_type: str = "text/plain; charset=utf-8"
) -> None:
    response.body = text.encode()
    for name, value in {
        "Content-Length": str(len(response.body)),
        "Content-Type": content_type,
    }.items():
        del response.headers[name]
        response.headers[name] = value
