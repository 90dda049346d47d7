"""Requests over HTTP as handlers see them, and what they answer: pages, and handshake hooks."""

from __future__ import annotations

import email.utils
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from astra_nb.errors import LocalError
from astra_nb.quantities import as_integer
from astra_nb.wire.faults import Fault
from astra_nb.wire.redaction import Redactor, redact_path

from .http_pages import CONTENT_SECURITY_POLICY
from .lies import check_faults
from .options import check_headers, check_token

__all__ = [
    "Acceptance",
    "Handshake",
    "HttpAnswer",
    "HttpRequest",
    "PageAnswer",
    "Pairs",
    "as_answer",
    "hidden_request",
]

WITHOUT_BODY = (204, 205, 304)
# The server writes these itself: they frame the answer, or are the handshake.
OWN_HEADERS = frozenset(
    "connection content-length sec-websocket-accept sec-websocket-extensions "
    "sec-websocket-protocol transfer-encoding upgrade".split()
)
PAGE_STARTS = ("<!doctype html", "<html")

Pairs = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer over HTTP; the connection ends after it."""

    status: int  # 200 to 599
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()

    def response(self) -> Response:
        """Return the answer with all its headers, of which those that were given count."""
        own = {
            "Date": email.utils.formatdate(usegmt=True),
            "Connection": "close",
            "Content-Length": str(len(self.body)),
            "Content-Type": self.content_type,
            # A page of another site may ask for it, and its browser does not let it have it.
            "Cross-Origin-Resource-Policy": "same-site",
        }
        if self.content_type.startswith("text/html"):
            own["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        given = {name.lower() for name, _ in self.headers}
        headers = Headers((name, value) for name, value in own.items() if name.lower() not in given)
        for name, value in self.headers:
            headers[name] = value
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        return Response(self.status, phrase, headers, self.body)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a hook said to open a connection."""

    subprotocol: str | None  # the chosen one; "" leaves the choice to the route
    headers: tuple[tuple[str, str], ...]  # further ones of the 101
    faults: tuple[Fault, ...] = ()  # rules to break, besides those of the route


@dataclass(eq=False, repr=False)
class HttpRequest:
    """A request over HTTP.

    Attributes:
        request_with_secrets: The request as it came; do not show it.
        path_parameters: The path's parameters by name, percent-decoded.
        remote_address: Address of the other end, such as "127.0.0.1:51324".
    """

    request_with_secrets: Request
    path_parameters: dict[str, str]
    remote_address: str
    _redactor: Redactor

    @functools.cached_property
    def request(self) -> Request:
        """The request with its secrets hidden, as in the log."""
        return hidden_request(self.request_with_secrets, self._redactor)

    @property
    def method(self) -> str:
        """The method: "GET" or "HEAD"."""
        return self.request_with_secrets.method

    @property
    def path(self) -> str:
        """The path with its query, secrets hidden."""
        return self.request.path

    @property
    def headers(self) -> Headers:
        """The headers, secrets hidden; names are read in any case."""
        return self.request.headers

    def answer(
        self, body: str | bytes | object = "", *, status: int = 200, headers: Pairs = ()
    ) -> HttpAnswer:
        """Return an answer, for a handler to return.

        Args:
            body: Text, a page if it begins with "<!doctype html"; bytes; or what becomes JSON.
            status: Status code, 200 to 599.
            headers: Further headers, as a mapping or pairs. They replace those that an answer has
                by default, such as `Content-Security-Policy`.

        Raises:
            LocalError: One of them cannot be sent.
        """
        return make_answer(body, status, headers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.path!r}>"


@dataclass(eq=False, repr=False)
class Handshake(HttpRequest):
    """An opening handshake that waits for a hook's decision (RFC 6455, section 4.2.2).

    Attributes:
        subprotocols: Those that the client offers, the preferred first.
    """

    subprotocols: tuple[str, ...]

    def accept(
        self,
        subprotocol: str | None = "",
        *,
        headers: Pairs = (),
        faults: Sequence[str | Fault] = (),
    ) -> Acceptance:
        """Return the decision to open the connection, for a hook to return.

        Args:
            subprotocol: One of `subprotocols`, or None for none; without it the route chooses.
            headers: Further headers of the answer, such as `Set-Cookie`, as a mapping or pairs.
            faults: Rules to break on purpose on this connection, as for a route.

        Raises:
            LocalError: The client does not offer that subprotocol, a header cannot be sent, or
                there is no such fault.
        """
        if subprotocol and check_token("subprotocol", subprotocol) not in self.subprotocols:
            raise LocalError(
                "the client does not offer that subprotocol, and a server must not choose any "
                "other (RFC 6455, section 4.2.2); handshake.subprotocols lists those offered"
            )
        lies = check_faults(faults, "server", "answer", "conduct")
        return Acceptance(subprotocol, _further(headers), lies)

    def refuse(
        self, status: int = 403, body: str | bytes | object = "", *, headers: Pairs = ()
    ) -> HttpAnswer:
        """Return the decision not to open it, for a hook to return.

        Args:
            status: Status code, such as 401 with the header `WWW-Authenticate`, 403, 429 with
                `Retry-After`, or 302 with `Location`; not 101.
            body: As for `answer`; a browser's script does not get to see it.
            headers: As for `answer`.

        Raises:
            LocalError: One of them cannot be sent.
        """
        return make_answer(body, status, headers)


class PageAnswer:
    """What the answer of a page will have besides its body, as the second argument of a handler.

    Attributes:
        status: Status code, 200 to 599.
        headers: Names and values.
    """

    def __init__(self, headers: tuple[tuple[str, str], ...]) -> None:
        self.status = 200
        self.headers = list(headers)

    def set_status_code(self, status: int) -> None:
        """Set the status code."""
        self.status = status

    def set_header(self, name: str, value: str) -> None:
        """Set a header, in place of one of the same name; `headers` may have one several times."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]
        self.headers.append((name, value))


def make_answer(body: object, status: object, headers: object) -> HttpAnswer:
    code = as_integer(status)
    if code is None or not 200 <= code <= 599:
        raise LocalError(f"status is a number from 200 to 599, not {status!r:.80}")
    data, content_type = _body(body)
    if data and code in WITHOUT_BODY:
        raise LocalError(f"an answer with status {code} has no body (RFC 9110, section 6.4.1)")
    return HttpAnswer(code, data, content_type, _further(headers))


def as_answer(result: object, status: int = 200, headers: object = ()) -> HttpAnswer:
    """Return the answer that the handler of a page means by what it returned."""
    if isinstance(result, HttpAnswer):
        given = {name.lower() for name, _ in result.headers}
        kept = tuple(pair for pair in _further(headers) if pair[0].lower() not in given)
        return HttpAnswer(result.status, result.body, result.content_type, kept + result.headers)
    if result is None:
        raise LocalError(
            "the handler of a page returned None; it must return a text, bytes, a value for JSON, "
            "or request.answer(...)"
        )
    return make_answer(result, status, headers)


def hidden_request(request: Request, redactor: Redactor) -> Request:
    """Return a request with its secrets hidden, as in the log."""
    return Request(
        path=redact_path(request.path),
        headers=Headers(redactor.headers(request.headers.raw_items())),
        method=request.method,
        protocol=request.protocol,
    )


def _body(body: object) -> tuple[bytes, str]:
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), "application/octet-stream"
    if isinstance(body, str):
        is_page = body.lstrip()[:20].lower().startswith(PAGE_STARTS)
        kind = "html" if is_page else "plain"
        return body.encode("utf-8", "replace"), f"text/{kind}; charset=utf-8"
    try:
        # Without NaN and Infinity, which are not JSON (RFC 8259, section 6).
        return json.dumps(body, allow_nan=False).encode(), "application/json"
    except (TypeError, ValueError, RecursionError) as exc:
        raise LocalError(
            f"a body is text, bytes or a value for JSON, but this {type(body).__name__} is not: "
            f"{exc}"
        ) from None


def _further(headers: object) -> tuple[tuple[str, str], ...]:
    pairs = check_headers("headers", headers)
    for name, _ in pairs:
        if name.lower() in OWN_HEADERS:
            raise LocalError(f"the header {name} is written by the server itself; leave it out")
    return pairs
