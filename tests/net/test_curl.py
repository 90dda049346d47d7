"""What browsers copy as cURL, and what else a command of curl may say."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb.errors import LocalError
from astra_nb.net import curl
from astra_nb.net.curl import parse_curl
from astra_nb.net.options import connect_options

CHROMIUM = r"""curl 'wss://echo.example/room?x=1' \
  -H 'Upgrade: websocket' \
  -H 'Origin: https://app.example' \
  -H 'Cache-Control: no-cache' \
  -H 'Accept-Language: en-US,en;q=0.9' \
  -b 'id=7; theme=dark' \
  -H 'Connection: Upgrade' \
  -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' \
  -H $'X-Name: it\'s \u0021\x41\n' \
  -H 'Sec-WebSocket-Version: 13' \
  -H 'Sec-WebSocket-Protocol: v2.chat, v1.chat' \
  -H 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'"""

WINDOWS = """curl ^"wss://echo.example/room?x=1^" ^
  -H ^"Upgrade: websocket^" ^
  -H ^"Origin: https://app.example^" ^
  -H ^"X-Percent: 50^%^" ^
  -H ^"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==^"
"""

FIREFOX = (
    "curl 'wss://echo.example/room?x=1' --compressed -H 'User-Agent: Mozilla/5.0' "
    "-H 'Origin: https://app.example' -H 'Sec-WebSocket-Extensions: permessage-deflate' "
    "-H 'Cookie: id=7' -H 'Pragma: no-cache'"
)


def test_chromium() -> None:
    url, options = parse_curl(CHROMIUM)
    assert url == "wss://echo.example/room?x=1"
    assert options == {
        "origin": "https://app.example",
        "headers": [
            ("Cache-Control", "no-cache"),
            ("Accept-Language", "en-US,en;q=0.9"),
            ("X-Name", "it's !A"),
            ("Cookie", "id=7; theme=dark"),
        ],
        "subprotocols": ["v2.chat", "v1.chat"],
        "compression": "deflate",
    }
    connect_options(options)


def test_chromium_on_windows() -> None:
    url, options = parse_curl(WINDOWS)
    assert url == "wss://echo.example/room?x=1"
    assert options == {"origin": "https://app.example", "headers": [("X-Percent", "50%")]}


def test_firefox() -> None:
    url, options = parse_curl(FIREFOX)
    assert url == "wss://echo.example/room?x=1"
    assert options["compression"] == "deflate"
    assert options["headers"] == [
        ("User-Agent", "Mozilla/5.0"),
        ("Cookie", "id=7"),
        ("Pragma", "no-cache"),
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ws://h/", {}),
        ("--url ws://h/ -s -N -i --http1.1", {}),
        ("ws://h/ -X GET", {}),
        ("ws://h/ -HX-Room:7", {"headers": [("X-Room", "7")]}),
        ("ws://h/ -H 'X-Room:'", {}),
        (
            "ws://h/ -A me -e http://p/",
            {"headers": [("User-Agent", "me"), ("Referer", "http://p/")]},
        ),
        ("ws://h/ -u me:pw", {"headers": [("Authorization", "Basic bWU6cHc=")]}),
        ("ws://h/ -k", {"ssl": False}),
        ("ws://h/ --cacert ca.pem", {"ssl": "ca.pem"}),
        ("ws://h/ -E me.pem", {"client_certificate": ["me.pem"]}),
        ("ws://h/ --key k.pem --cert c.pem", {"client_certificate": ["c.pem", "k.pem"]}),
        ("ws://h/ -x 127.0.0.1:3128", {"proxy": "http://127.0.0.1:3128"}),
        ("ws://h/ -x socks5h://127.0.0.1:1", {"proxy": "socks5h://127.0.0.1:1"}),
        ("ws://h/ --unix-socket /run/a", {"unix": "/run/a"}),
        ("ws://h/ -L", {"redirects": 50}),
        ("ws://h/ -L --max-redirs 3", {"redirects": 3}),
        ("ws://h/ -m 5", {"timeout": 5.0}),
        ("ws://h/ -m 0", {"timeout": None}),
        ("ws://h/ -sSL", {"redirects": 50}),
        ("ws://h/ -iNkHX-Room:7", {"ssl": False, "headers": [("X-Room", "7")]}),
        ("-vm 5 ws://h/", {"timeout": 5.0}),
        ("ws://h/ -L --max-redirs -1", {"redirects": 50}),
        ("ws://h/ --max-redirs 99999999999999999999", {"redirects": 50}),
        ("ws://h/ -x ''", {"proxy": None}),
        ("ws://h/ -H 'X-Room: 7' \\\n", {"headers": [("X-Room", "7")]}),
        ('^"ws://h/^" -H ^"X-Room: 7^" ^\n', {"headers": [("X-Room", "7")]}),
        ("ws://h/ -E me.pem:pw:1", {"client_certificate": ["me.pem", "me.pem", "pw:1"]}),
        ("ws://h/ -E c.pem:pw --key k.pem", {"client_certificate": ["c.pem", "k.pem", "pw"]}),
        (r"ws://h/ -E 'C:\me.pem:pw'", {"client_certificate": [r"C:\me.pem", r"C:\me.pem", "pw"]}),
        (r"ws://h/ -E 'C:\me.pem'", {"client_certificate": [r"C:\me.pem"]}),
        (
            "ws://h/ -H 'Sec-WebSocket-Protocol: a' -H 'Sec-WebSocket-Protocol: b, c'",
            {"subprotocols": ["a", "b", "c"]},
        ),
        ("ws://h/ --connect-timeout 2.5", {"timeout": 2.5}),
    ],
)
def test_other_options(words: str, expected: dict[str, Any]) -> None:
    url, options = parse_curl(f"curl {words}")
    assert url == "ws://h/"
    assert options == {"headers": [], **expected}


def test_a_word_of_very_many_options() -> None:
    """It once took minutes, or ended the process."""
    assert curl._found([f"-{'s' * 400_000}m5"]) == [("--max-time", "5")]


def test_an_address_without_a_scheme_is_one_of_http_as_for_curl() -> None:
    assert parse_curl("curl.exe localhost:8080/x")[0] == "http://localhost:8080/x"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("", "it is empty"),
        ("curl 'ws://h/", "a quote has no end"),
        ("wget ws://h/", "it does not begin with curl"),
        ("curl -s", "there are 0 addresses in it"),
        ("curl ws://h/ ws://i/", "there are 2 addresses in it"),
        ("curl ws://h/ -H", "nothing follows --header"),
        ("curl ws://h/ -d s3cr3t", "the option '-d' means nothing to a WebSocket"),
        ("curl ws://h/ --data=s3cr3t", "the option '--data' means nothing to a WebSocket"),
        ("curl ws://h/ -X POST", "a WebSocket is requested with GET"),
        ("curl ws://h/ -b s3cr3t.txt", "--cookie names a file"),
        ("curl ws://h/ -m soon", "--max-time needs a number after it"),
        ("curl ws://h/ -m nan", "--max-time needs a number after it"),
        ("curl ws://h/ --max-redirs 1e400", "--max-redirs needs a number after it"),
        ("curl ws://h/ -sd s3cr3t", "the option '-d' means nothing to a WebSocket"),
    ],
)
def test_what_does_not_say_how_to_connect(command: str, why: str) -> None:
    with pytest.raises(LocalError) as caught:
        parse_curl(command)
    assert why in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert '"Copy as cURL"' in str(caught.value)


def test_a_command_is_a_text() -> None:
    with pytest.raises(LocalError, match="from_curl takes a str"):
        parse_curl(["curl", "ws://h/"])  # type: ignore[arg-type]
