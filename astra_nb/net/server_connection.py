"""The opening handshake at the server's end: read the request, send the response.

`policy` decides who may connect; `refusals` has the texts for those who may not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import cast

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from astra_nb import seeded
from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.log.records import Direction
from astra_nb.wire.faults import Fault
from astra_nb.wire.handshake import parse_head, split_head
from astra_nb.wire.opcodes import TEXT
from astra_nb.wire.text import counted

from . import refusals
from .closing import Phase
from .connection import Connection
from .http_answers import Acceptance, Handshake, HttpAnswer, HttpRequest, PageAnswer, as_answer
from .http_pages import add_security_headers
from .lies import told
from .negotiation import (
    accept,
    asks_for_websocket,
    choose_subprotocol,
    negotiate,
    subprotocols_of,
)
from .policy import CHECK, Admission, Policy, split_target
from .refusals import Refusal
from .routes import Handler, Page, Route

__all__ = ["ServerConnection"]

MAX_EARLY = 2**16  # bytes that a client may send before it has an answer, until it has to wait
NO_HEADERS = Headers()
TLS_HANDSHAKE = b"\x16\x03"  # type and version of a TLS record (RFC 8446, section 5.1)


class ServerConnection(Connection):
    """A connection that a client opened.

    Args:
        next_number: Returns the connection's number; called when there is something to record.
        on_open: Called when the connection is open, before its first frame is read.
        on_ask: Called with a hook or the handler of a page and its arguments, to call it; what
            it returned goes to `answered`, and where it failed `failed_to_answer` is called.
    """

    __slots__ = (
        "_asked", "_early", "_faults", "_request", "_response", "next_number", "on_ask", "on_open",
        "policy", "quiet",
    )  # fmt: skip

    side = "server"
    protocol: ServerProtocol
    open_timeout: float

    def __init__(
        self,
        policy: Policy,
        *,
        next_number: Callable[[], int],
        tap: FrameLog,
        on_open: Callable[[ServerConnection, Route, dict[str, str]], None],
        on_ask: Callable[[ServerConnection, Handler, tuple[object, ...]], object],
    ) -> None:
        super().__init__(
            ServerProtocol(max_size=policy.max_message_size, select_subprotocol=choose_subprotocol),
            number=0,
            tap=tap,
            open_timeout=policy.open_timeout,
            close_timeout=policy.close_timeout,
        )
        self.policy = policy
        self.next_number = next_number
        self.quiet = False
        self.on_open = on_open
        self.on_ask = on_ask
        self._asked: Callable[[object], None] | None = None  # what goes on with its result
        self._faults: tuple[Fault, ...] = ()
        self._early = bytearray()  # what came before the answer was sent
        # Heads as they were: of ten thousand connections the parsed ones take 20 MB.
        self._request = ""
        self._response = b""
        self.keepalive = policy.keepalive

    @property
    def request(self) -> Request:  # type: ignore[override]
        """The request of the opening handshake, once the connection was opened."""
        method, path, version, *lines = self._request.split("\n")
        fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return Request(path, Headers(fields), method, version)

    @property
    def response(self) -> Response | None:  # type: ignore[override]
        """The answer in the opening handshake, without its body; None before it."""
        if not self._response:
            return None
        start_line, headers = parse_head(self._response)
        _, status, reason = start_line.split(" ", 2)
        return Response(int(status), reason, Headers(headers))

    def _receive_handshake(self, data: bytes) -> None:
        if self.state.status is not None:
            return  # refused already
        if self._asked is not None:  # what a client sends before it has an answer
            self._early += data
            if len(self._early) > MAX_EARLY:
                self.transport.pause_reading()
            return
        if not self._head:
            # A client may send an empty line first (RFC 9112, section 2.2).
            data = data.lstrip(b"\r\n")
        head, rest = split_head(self._head, data)
        if self._head.startswith(TLS_HANDSHAKE):
            self.record_head(bytes(self._head))
            self._refuse(refusals.TLS)
            return
        protocol = self.protocol
        protocol.receive_data(head)
        requests = protocol.events_received()
        if requests:
            self._early += rest
            parsed = cast(Request, requests[0])
            request = replace(parsed)
            parsed.headers = NO_HEADERS  # the protocol refers to them as long as it lives
            self._answer(request)
        elif protocol.handshake_exc is not None:
            self.record_head(bytes(self._head))
            self._refuse_unreadable()

    def _answer(self, request: Request) -> None:
        headers = request.headers
        host, request.path = split_target(request.path)
        upgrades = asks_for_websocket(headers)
        decision = self.policy.admit(
            request.path, headers.get_all("Host"), headers.get_all("Origin"), host, upgrades
        )
        if isinstance(decision, Admission) and decision.route is CHECK:
            self._answer_check(request)
            return
        if isinstance(decision, Admission) and isinstance(decision.route, Route):
            self.redactor.offered = decision.route.subprotocols
        self.record_head(bytes(self._head))
        if isinstance(decision, Refusal):
            self._refuse(decision)
            return
        if host is not None:
            del headers["Host"]
            headers["Host"] = host
        route, parameters = decision.route, decision.parameters
        if isinstance(route, Page):
            self._answer_page(request, route, parameters)
            return
        response, why = negotiate(self.protocol, request, route)
        self.state.failed(why)
        self._faults = route.faults
        hook = self.policy.hook_of(route)
        if hook is None or response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._finish_handshake(request, route, parameters, response)
            return
        handshake = Handshake(
            request, parameters, self.peer, self.redactor, subprotocols_of(request.headers)
        )

        def decide(decision: object) -> None:
            self._decide(request, route, parameters, response, decision)

        self._ask(hook, (handshake,), decide)

    def _answer_page(self, request: Request, page: Page, parameters: dict[str, str]) -> None:
        self.state.failed("plain HTTP: no WebSocket was asked for")
        if request.method not in ("GET", "HEAD"):
            self._refuse(refusals.no_page(request.method), {"Allow": "GET, HEAD"})
            return
        visit = HttpRequest(request, parameters, self.peer, self.redactor)
        answer = PageAnswer(page.headers)

        def show(result: object) -> None:
            made = as_answer(result, answer.status, answer.headers)
            self._send_response(made.response())

        self._ask(page.handler, (visit, answer)[: page.arguments], show)

    def _ask(
        self, function: Handler, arguments: tuple[object, ...], then: Callable[[object], None]
    ) -> None:
        """Have a hook or a page's handler called, whose time is limited by whoever does that."""
        self._asked = then
        self._set_timer(None)
        self.on_ask(self, function, arguments)

    def answered(self, result: object) -> None:
        """Go on with what was asked for; raise `LocalError` where it is something else."""
        if self._asked is not None and not self.transport.is_closing():
            go_on, self._asked = self._asked, None
            go_on(result)  # which may wait for something else

    def failed_to_answer(self) -> None:
        """Refuse with 500, and no word why."""
        self._asked = None
        if self.state.status is None and not self.transport.is_closing():
            self._refuse(refusals.FAILED)

    def _decide(
        self,
        request: Request,
        route: Route,
        parameters: dict[str, str],
        response: Response,
        decision: object,
    ) -> None:
        """Do what a hook said."""
        if isinstance(decision, HttpAnswer):
            self.state.failed("the route's handshake hook refused it")
            self._send_response(decision.response())
            return
        if not isinstance(decision, Acceptance):
            raise LocalError(
                f"a handshake hook returns handshake.accept() or handshake.refuse(403), not "
                f"{decision!r:.80}"
            )
        accept(self.protocol, response, decision)
        self._faults = (*route.faults, *decision.faults)
        self._finish_handshake(request, route, parameters, response)

    def _finish_handshake(
        self, request: Request, route: Route, parameters: dict[str, str], response: Response
    ) -> None:
        late = next((each.seconds for each in self._faults if each.name == "late answer"), None)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._send_response(response)
        elif late is None:
            self._open(request, route, parameters, response)
        else:
            self._asked = lambda _: None  # until then nothing is read
            self._set_timer(None)
            self.loop.call_later(late, self._open, request, route, parameters, response)

    def _open(
        self, request: Request, route: Route, parameters: dict[str, str], response: Response
    ) -> None:
        if self.transport.is_closing():
            return
        self._send_response(response)
        self._asked = None
        self.automatic_pong = route.automatic_pong
        lines = [f"{name}: {value}" for name, value in request.headers.raw_items()]
        self._request = "\n".join((request.method, request.path, request.protocol, *lines))
        self.opened(request.path)
        self.on_open(self, route, parameters)
        offered = subprotocols_of(request.headers)
        if len(set(offered)) < len(offered):
            self.notice(
                "The client offers a subprotocol more than once; it must not repeat one "
                "(RFC 6455, section 4.1)."
            )
        for fault in self._faults:
            if fault.stage == "conduct":
                self.lie(fault)
        self._read_early()

    def _read_early(self) -> None:
        early, self._early = bytes(self._early), bytearray()
        if early:
            self.notice(
                f"The client sent {counted(len(early), 'byte')} before it had the answer to its "
                f"opening handshake; it must not send before that (RFC 6455, section 4.1)."
            )
            if len(early) > MAX_EARLY:
                self.transport.resume_reading()
            self.data_received(early)

    def _answer_check(self, request: Request) -> None:
        # Each panel asks, so this stays off the log: lessons count connections.
        self.quiet = True
        self.tap = FrameLog(recording=False)
        response = self.protocol.accept(request)
        self._send_response(response)
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.opened(request.path)
            self.sender.send(TEXT, self.policy.check_answer.encode())
            self.send_close(1000, "checked")
            self._read_early()

    def record_head(self, head: bytes, direction: Direction = "received") -> None:
        self.take_number()
        super().record_head(head, direction)

    def _end_receiving(self) -> None:
        if self._asked is not None:
            self._head.clear()  # it is on record
        super()._end_receiving()

    def connection_lost(self, exc: Exception | None) -> None:
        self.take_number()
        super().connection_lost(exc)

    def take_number(self) -> None:
        if self.number == 0 and not self.quiet:
            self.number = self.next_number()

    def _refuse(self, refusal: Refusal, headers: Mapping[str, str] | None = None) -> None:
        self.state.failed(refusal.reason)
        response = self.protocol.reject(refusal.status, refusal.text)
        response.headers.update(headers or {})
        self._send_response(response)

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
            add_security_headers(response.headers)
        if seeded.current is not None and "Date" in response.headers:
            del response.headers["Date"]
            response.headers["Date"] = seeded.DATE
        data = response.serialize()
        head = self._response = data[: len(data) - len(response.body)]
        if not refused and self._faults:
            self._write_wrongly(data)
            return
        # A HEAD is answered without a body (RFC 9110, section 9.3.2).
        to_head = self._head.startswith(b"HEAD ")
        self.record_head(head, "sent")
        self.transport.write(head if to_head else data)
        if refused:
            self.state.status = response.status_code
            self._head = bytearray()
            self.state.enter(Phase.CLOSING)
            self.sender.end()
            self._drop_unless_read(self.transport.get_write_buffer_size())

    def _write_wrongly(self, data: bytes) -> None:
        """Write a 101 with what is wrong in it on purpose."""
        for fault in self._faults:
            if fault.stage == "answer":
                self.notice(told(fault))
            if fault.change is not None:
                data = fault.change(data)
        self._write_head(data)

    def _drop_unless_read(self, before: int) -> None:
        """Drop TCP after `close_timeout`, or later if the client reads the answer meanwhile."""

        def look() -> None:
            left = self.transport.get_write_buffer_size()
            self._drop_unless_read(left) if left < before else self.transport.abort()

        self._set_timer(self.close_timeout, look)

    def _open_timed_out(self) -> None:
        self.state.tcp_ended("timeout")
        if self._head:
            self.record_head(bytes(self._head))
        self._refuse(refusals.timed_out(self.open_timeout))
