"""Where a redirect leads, with what, and which are not followed."""

from __future__ import annotations

from typing import Any, cast

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Response

from astra_nb.errors import HandshakeFailed
from astra_nb.net.options import ConnectOptions, connect_options
from astra_nb.net.redirects import next_hop
from astra_nb.net.uris import parse_address


def hop(location: str | None, *urls: str, status: int = 302, **given: Any) -> Any:
    options = connect_options(cast(ConnectOptions, {"redirects": 5, **given}))
    headers = Headers() if location is None else Headers(Location=location)
    hops = [parse_address(url) for url in urls or ("ws://a.example/old?x=1",)]
    return next_hop(hops, Response(status, "", headers), options)


def refused(*arguments: Any, **options: Any) -> str:
    with pytest.raises(HandshakeFailed) as caught:
        hop(*arguments, **options)
    assert caught.value.status == 302
    return str(caught.value)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/new", "ws://a.example/new"),
        ("new?token=t", "ws://a.example/new?token=t"),
        ("//b.example/", "ws://b.example/"),
        ("http://b.example:8080/x#y", "ws://b.example:8080/x"),
        ("https://b.example/", "wss://b.example/"),
        ("wss://a.example/", "wss://a.example/"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_where_to(location: str, url: str, status: int) -> None:
    assert hop(location, status=status)[0] == parse_address(url)


@pytest.mark.parametrize(
    ("location", "status", "redirects"),
    [("/new", 302, 0), (None, 302, 5), ("/new", 200, 5), ("/new", 304, 5), ("/new", 401, 5)],
)
def test_what_is_not_redirected(location: str | None, status: int, redirects: int) -> None:
    assert hop(location, status=status, redirects=redirects) is None


SECRETS = {"Authorization": "Basic eDp5", "cookie": "id=7", "Host": "v.example", "X-Room": "7"}


@pytest.mark.parametrize("location", ["/new", "http://a.example:80/new"])
def test_secrets_stay_with_their_host(location: str) -> None:
    _, options = hop(location, headers=SECRETS)
    assert dict(options["headers"]) == SECRETS


@pytest.mark.parametrize("location", ["//b.example/", "//a.example:8080/", "wss://a.example/"])
def test_secrets_do_not_go_to_another_host_or_port(location: str) -> None:
    headers = {**SECRETS, "X-Api-Key": "k", "X-Auth-Token": "t"}
    offered = ["chat", "token", "s3cr3t", "bearer.s3cr3t", "v1.kernel.websocket.jupyter.org"]
    _, options = hop(location, headers=headers, subprotocols=offered)
    assert options["headers"] == (("X-Room", "7"),)
    assert options["subprotocols"] == ("chat", "token", "v1.kernel.websocket.jupyter.org")


def test_there_is_a_most() -> None:
    message = refused("/3", "ws://a.example/1", "ws://a.example/2", redirects=1)
    assert message == (
        "the server answered HTTP 302, a redirect that is not followed: there are more redirects "
        "than redirects=1 allows; e.headers['Location'] says where it points"
    )


def test_a_circle() -> None:
    message = refused("/1", "ws://a.example/1", "ws://a.example/2")
    assert "the redirects go in a circle, back to a.example:80" in message


@pytest.mark.parametrize(
    "location",
    ["ftp://a.example/", "file:///etc/passwd", "http://[x/", "http://me:s3cr3t@b/", "mailto:x"],
)
def test_another_scheme(location: str) -> None:
    message = refused(location)
    assert "it does not point to the address of a WebSocket" in message
    assert "s3cr3t" not in message


def test_from_tls_to_none() -> None:
    message = refused("http://a.example/", "wss://a.example/")
    assert "it points from wss:// to ws://, where TLS protects nothing" in message
