"""What an opening handshake asks for, and the answer to it."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from astra_nb.net.http_answers import Acceptance
from astra_nb.net.http_pages import UPGRADE_PAGE
from astra_nb.net.negotiation import (
    accept,
    asks_for_websocket,
    choose_subprotocol,
    lenient_headers,
    negotiate,
    subprotocols_of,
)
from astra_nb.net.routes import make_route

HEADERS = {
    "Host": "h",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def answered(method: str = "GET", **changes: Any) -> Any:
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changes.items()}}
    pairs = [(name, value) for name, value in headers.items() if value is not None]
    route = make_route("/", len, subprotocols=["b", "a"], compression={"server_max_window_bits": 9})
    protocol = ServerProtocol(select_subprotocol=choose_subprotocol)
    request = Request("/", Headers(pairs), method)
    response, why = negotiate(protocol, request, route)
    assert dict(request.headers.raw_items()) == dict(pairs)
    return response, why


@pytest.mark.parametrize(
    "upgrade", ["websocket", "h2c, websocket", "WebSocket,h2c", "x/1 , websocket"]
)
def test_websocket_may_be_one_of_several(upgrade: str) -> None:
    response, why = answered(Upgrade=upgrade)
    assert (response.status_code, why) == (101, "")
    assert response.headers["Upgrade"] == "websocket"


@pytest.mark.parametrize(
    ("values", "asks"),
    [
        (["websocket"], True),
        (["h2c", "WEBSOCKET"], True),
        (["h2c , websocket"], True),
        (["websocket/13"], False),
        (["h2c"], False),
        ([], False),
    ],
)
def test_who_asks_for_a_websocket(values: list[str], asks: bool) -> None:
    assert asks_for_websocket(Headers([("Upgrade", value) for value in values])) is asks


@pytest.mark.parametrize(
    ("offered", "chosen"), [("a, b", "b"), ("c, a", "a"), ("c", None), (None, None)]
)
def test_the_servers_first_subprotocol_that_is_offered(
    offered: str | None, chosen: str | None
) -> None:
    response, _ = answered(Sec_WebSocket_Protocol=offered)
    assert response.headers.get("Sec-WebSocket-Protocol") == chosen


def test_the_parameters_of_deflate() -> None:
    response, _ = answered(Sec_WebSocket_Extensions="permessage-deflate")
    assert response.headers["Sec-WebSocket-Extensions"] == (
        "permessage-deflate; server_max_window_bits=9"
    )


@pytest.mark.parametrize(
    ("changes", "status", "why"),
    [
        ({"Upgrade": "h2c"}, 426, "the header Upgrade does not ask for a WebSocket"),
        ({"Upgrade": None}, 426, "the header Upgrade does not ask for a WebSocket"),
        ({"Sec_WebSocket_Version": "8"}, 400, "Sec-WebSocket-Version"),
        ({"Sec_WebSocket_Key": "short"}, 400, "Sec-WebSocket-Key"),
        ({"method": "POST"}, 405, "a WebSocket is requested with GET"),
    ],
)
def test_refusals(changes: dict[str, Any], status: int, why: str) -> None:
    response, reason = answered(**changes)
    assert response.status_code == status
    assert why in reason
    assert (response.body.decode() == UPGRADE_PAGE) is (status == 426)
    assert response.headers["Content-Length"] == str(len(response.body))
    assert response.headers.get("Sec-WebSocket-Version") == ("13" if "Version" in why else None)


def test_the_subprotocols_that_are_offered() -> None:
    headers = Headers([("Sec-WebSocket-Protocol", "b, a"), ("sec-websocket-protocol", "c,, ")])
    assert subprotocols_of(headers) == ("b", "a", "c")
    assert subprotocols_of(Headers()) == ()


@pytest.mark.parametrize(
    ("chosen", "shown"), [("", ["of the route"]), ("chat", ["chat"]), (None, [])]
)
def test_what_a_hook_chose_is_in_the_answer(chosen: str | None, shown: list[str]) -> None:
    headers = Headers({"Sec-WebSocket-Protocol": "of the route", "X-Room": "1"})
    protocol, response = ServerProtocol(), Response(101, "Switching Protocols", headers)
    accept(protocol, response, Acceptance(chosen, (("X-Room", "2"),)))
    assert headers.get_all("Sec-WebSocket-Protocol") == shown
    assert headers.get_all("X-Room") == ["1", "2"]
    assert protocol.subprotocol == (chosen or None)


def test_headers_that_no_reader_accepts_are_passed_over() -> None:
    found = lenient_headers([("A", "1"), ("B", "\x00"), ("a", "3")])
    assert found.get_all("A") == ["1", "3"]
    assert list(found) == ["a"]
