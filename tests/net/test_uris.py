"""Hosts, origins and addresses of WebSockets: what they mean, and what they are not."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb.errors import InvalidMessage
from astra_nb.net.uris import host_and_port, is_authority, parse_address, parse_origin, where


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("localhost", ("localhost", None)),
        ("LOCALHOST:80", ("localhost", 80)),
        ("a.b.example.:", ("a.b.example.", None)),
        ("db_1:00080", ("db_1", 80)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("[::1]:8080", ("::1", 8080)),
        ("[0:0::01]", ("::1", None)),
        ("[fe80::1%25eth0]:1", ("fe80::1%eth0", 1)),
        ("b\u00fccher.example", ("xn--bcher-kva.example", None)),
    ],
)
def test_a_host_and_its_port(text: str, meaning: object) -> None:
    assert host_and_port(text) == meaning


@pytest.mark.parametrize(
    "text",
    [
        *("", ":80", "[", "]", "[]", "[::1", "::1", "[127.0.0.1]", "[::1]x", "[::1]:x"),
        *("localhost:evil", "localhost:65536", "localhost:999999", "localhost:-1", "localhost:1:2"),
        *("evil@localhost", "localhost@evil", "a..b", ".a", "a b", "a/b", "a?b", "a#b", "a\\b"),
        *("a%62", "a,b", "a\nb", "a\x00", f"{'a' * 64}.example", "a." * 200),
        *("localhost:\u0661", "\ud800"),
    ],
)
def test_what_is_not_a_host_and_a_port(text: str) -> None:
    assert host_and_port(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("localhost", "LOCALHOST:", "db_1:00080", "a..b", "evil!.example", "a,b", "1", "%41:1"),
        *("127.0.0.1:65535", "[::1]", "[::1]:8080", f"{'a' * 300}.example"),
    ],
)
def test_the_form_of_a_host_and_a_port(text: str) -> None:
    assert is_authority(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":80", "[", "[]", "[::1", "::1", "[127.0.0.1]", "[::1]x", "[::1]:65536"),
        *("localhost:evil", "localhost:65536", "localhost:999999", "localhost:-1", "localhost:1:2"),
        *(
            "evil@localhost",
            "a b",
            "a, b",
            "a/",
            "a?b",
            "a#b",
            "a\\b",
            "a\nb",
            "a\x00",
            "%4",
            "a\xaa",
        ),
        *("http://a", "a:\u0661", "\ud800", "9" * 5000 + ":" + "9" * 5000),
    ],
)
def test_what_has_not_the_form_of_a_host_and_a_port(text: str) -> None:
    assert not is_authority(text)


@pytest.mark.parametrize(
    "texts",
    [
        ["https://hub.example.org", "HTTPS://Hub.Example.org", "https://hub.example.org:443"],
        ["http://localhost", "http://localhost:80"],
        ["http://[::1]:8888", "http://[0::1]:8888"],
        ["https://b\u00fccher.example", "https://xn--bcher-kva.example"],
        ["chrome-extension://abc"],
    ],
)
def test_origins_that_are_one(texts: list[str]) -> None:
    origins = {parse_origin(text) for text in texts}
    assert len(origins) == 1
    assert None not in origins


def test_origins_that_differ_in_scheme_host_or_port() -> None:
    texts = [
        *("https://a.example", "http://a.example", "https://b.example", "https://a.example:80"),
        *("https://a.example.", "https://a.example:444", "ws://a.example"),
    ]
    assert len({parse_origin(text) for text in texts}) == len(texts)
    assert parse_origin("https://a.example") == ("https", "a.example", 443)
    assert parse_origin("x-y+z.1://a") == ("x-y+z.1", "a", None)


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "*", "localhost", "http://", "://localhost", "http:/localhost", "1a://b"),
        *("http://localhost/", "http://localhost/a", "http://localhost?", "http://localhost#"),
        *("http://localhost:", "http://localhost:evil", "http://evil@localhost", "file://"),
        *("http://localhost http://localhost", "http://localhost, http://a", " http://localhost"),
    ],
)
def test_what_is_not_an_origin(text: str) -> None:
    assert parse_origin(text) is None


@pytest.mark.parametrize(
    ("url", "secure", "host", "port", "resource"),
    [
        ("ws://127.0.0.1:8080/", False, "127.0.0.1", 8080, "/"),
        ("WS://LocalHost", False, "localhost", 80, "/"),
        ("wss://hub.example.org/a/b?c=d&e", True, "hub.example.org", 443, "/a/b?c=d&e"),
        ("http://localhost:/x", False, "localhost", 80, "/x"),
        ("HTTPS://localhost?x=/?", True, "localhost", 443, "/?x=/?"),
        ("ws://[::1]:81/", False, "::1", 81, "/"),
        ("ws://localhost/a b?c d", False, "localhost", 80, "/a%20b?c%20d"),
        ("ws://a/%20\u00e9?%C3%A9\u20ac", False, "a", 80, "/%20%C3%A9?%C3%A9%E2%82%AC"),
        ("ws://localhost/100%?%zz%4", False, "localhost", 80, "/100%25?%25zz%254"),
        ('ws://localhost/"<>^`{|}\\', False, "localhost", 80, "/%22%3C%3E%5E%60%7B%7C%7D%5C"),
        ("ws://localhost/:@!$&'()*+,;=~[]-._", False, "localhost", 80, "/:@!$&'()*+,;=~[]-._"),
        ("ws://localhost/a@b", False, "localhost", 80, "/a@b"),
        ("  ws://localhost/\n", False, "localhost", 80, "/"),
        ("ws://b\u00fccher.example/", False, "xn--bcher-kva.example", 80, "/"),
    ],
)  # fmt: skip
def test_an_address(url: str, secure: bool, host: str, port: int, resource: str) -> None:
    uri = parse_address(url)
    assert (uri.secure, uri.host, uri.port, uri.resource_name) == (secure, host, port, resource)
    assert uri.user_info is None


SCHEME = "it does not begin with ws:// or wss://"
HOST = "after // comes a host, then optionally a colon and a port up to 65535"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        *((url, SCHEME) for url in ("", "localhost:8080", "ftp://localhost/", "ws:/a", "ws:\\\\a")),
        *((f"ws://{host}/", HOST) for host in ("", ":80", "a..b", "[::1", "::1", "localhost:x")),
        *((f"ws://{host}/", HOST) for host in ("localhost:99999", "a b", "a%20b", "localhost:-1")),
        ("ws://127.0.0.1:0/", "port 0 is not a port yet; server.run() chooses one, and then "
            "server.url has it"),
        ("ws://localhost/a#b", 'it has a fragment; a "#" in a path is written %23'),
        ("ws://localhost/#", 'it has a fragment; a "#" in a path is written %23'),
        ("ws://localhost/a\nb", "it holds a character that cannot be seen"),
        ("ws://localhost/\u200b", "it holds a character that cannot be seen"),
        ("ws://localhost/\ud800", "it holds a character that cannot be seen"),
    ],
)  # fmt: skip
def test_what_is_not_an_address(url: str, why: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        parse_address(url)
    assert str(caught.value) == (
        f"{url!r} is not the address of a WebSocket: {why}; write one like "
        '"ws://127.0.0.1:8080/" (RFC 6455, section 3)'
    )


@pytest.mark.parametrize("url", [None, 5, b"ws://jane:s3cr3t@localhost/", ["ws://s3cr3t@a/"]])
def test_what_is_not_a_text(url: Any) -> None:
    with pytest.raises(InvalidMessage) as caught:
        parse_address(url)
    assert str(caught.value) == (
        f'an address is a str like "ws://127.0.0.1:8080/", not {type(url).__name__}'
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ws://jane:s3cr3t@localhost/", "ws://<hidden>@localhost/"),
        ("ws://s3cr3t@localhost/", "ws://<hidden>@localhost/"),
        ("ws://jane:s3/cr3t@localhost/", "ws://<hidden>@localhost/"),
        ("jane:s3cr3t@localhost", "<hidden>@localhost"),
        ("ws://a..b/?token=s3cr3t", "ws://a..b/?token=<hidden>"),
    ],
)
def test_an_error_hides_the_secrets_of_an_address(url: str, shown: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        parse_address(url)
    assert str(caught.value).startswith(f"{shown!r} is not the address of a WebSocket: ")
    assert "s3" not in str(caught.value)


def test_an_error_shows_the_start_of_a_long_address() -> None:
    with pytest.raises(InvalidMessage) as caught:
        parse_address("x" * 100_000)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("url", "shown"), [("ws://a.example/", "a.example:80"), ("wss://[::1]/x", "[::1]:443")]
)
def test_where_an_address_leads(url: str, shown: str) -> None:
    assert where(parse_address(url)) == shown
