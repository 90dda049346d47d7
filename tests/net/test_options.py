"""The options of a client: defaults, names that do not exist, and every check of a value."""

from __future__ import annotations

import math
from collections import OrderedDict
from types import MappingProxyType
from typing import Any, cast

import pytest
from websockets.datastructures import Headers

from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.net.options import (
    ConnectOptions,
    check_compression,
    check_log,
    check_token,
    connect_options,
)

DEFAULTS = {
    "origin": None,
    "headers": None,
    "cookies": None,
    "subprotocols": (),
    "compression": None,
    "max_message_size": 1048576,
    "automatic_pong": True,
    "keepalive": None,
    "timeout": 10.0,
    "close_timeout": 2.0,
    "redirects": 0,
    "ssl": None,
    "client_certificate": None,
    "proxy": True,
    "unix": None,
    "sock": None,
    "faults": (),
}


def test_the_defaults() -> None:
    assert connect_options({}) == DEFAULTS
    assert set(ConnectOptions.__annotations__) == set(DEFAULTS)


def test_what_is_given_counts() -> None:
    given: ConnectOptions = {"timeout": 1.5, "max_message_size": None}
    assert connect_options(given) == {**DEFAULTS, "timeout": 1.5, "max_message_size": None}
    assert given == {"timeout": 1.5, "max_message_size": None}
    assert connect_options({}) == DEFAULTS


def test_an_option_that_does_not_exist() -> None:
    with pytest.raises(TypeError) as caught:
        connect_options(cast(Any, {"timeout": 1, "time_out": 1}))
    assert str(caught.value) == (
        "connect() has no option 'time_out'; its options are origin, headers, cookies, "
        "subprotocols, compression, max_message_size, automatic_pong, keepalive, timeout, "
        "close_timeout, redirects, ssl, client_certificate, proxy, unix, sock, faults"
    )


def refused(**options: Any) -> str:
    with pytest.raises(LocalError) as caught:
        connect_options(cast(ConnectOptions, options))
    return str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Room": "7", "X-Name": "caf\xe9"},
        MappingProxyType({"X-Room": "7", "X-Name": "caf\xe9"}),
        OrderedDict([("X-Room", "7"), ("X-Name", "caf\xe9")]),
        [("X-Room", "7"), ("X-Name", "caf\xe9")],
        (["X-Room", "7"], ["X-Name", "caf\xe9"]),
        iter([("X-Room", "7"), ("X-Name", "caf\xe9")]),
        {"X-Room": "7", "X-Name": "caf\xe9"}.items(),
        Headers([("X-Room", "7"), ("X-Name", "caf\xe9")]),
    ],
)
def test_headers_may_be_a_mapping_or_pairs(headers: Any) -> None:
    assert connect_options({"headers": headers})["headers"] == (
        ("X-Room", "7"),
        ("X-Name", "caf\xe9"),
    )


def test_one_name_may_come_several_times_with_empty_values() -> None:
    twice = Headers([("X-Room", "7"), ("x-room", "\t8 ")])
    assert connect_options({"headers": twice})["headers"] == (("X-Room", "7"), ("x-room", "\t8 "))
    assert connect_options({"headers": {}})["headers"] == ()
    assert connect_options({"headers": {"X": ""}})["headers"] == (("X", ""),)


@pytest.mark.parametrize("headers", ["X-Token: s3cr3t", b"X: s3cr3t", 5, True])
def test_what_are_not_headers(headers: object) -> None:
    assert refused(headers=headers) == (
        f"headers is a dict, or a list of pairs of a name and a value, not {type(headers).__name__}"
    )


@pytest.mark.parametrize("pair", ["X-Token: s3cr3t", ("s3cr3t",), ("X", "s3cr3t", "b"), None, "ab"])
def test_what_is_not_a_pair(pair: object) -> None:
    assert refused(headers=[("X", "1"), pair]) == (
        f'item 1 of headers is not a pair, like ("X-Room", "7"), but {type(pair).__name__}'
    )


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("X\r\nAuthorization: s3cr3t", "X"),
        ("Authorization: Bearer s3cr3t", "Authorization"),
        ("X Room", "X"),
        (" X", ""),
        ("", ""),
        ("X\u00e9", "X"),
        ("X\n", "X"),
        ("(X)", ""),
    ],
)
def test_what_is_not_the_name_of_a_header(name: str, start: str) -> None:
    assert refused(headers={name: "7"}) == (
        f"the name of a header that begins with {start!r} contains a character that is not allowed "
        f"there; a name has letters, digits and !#$%&'*+-.^_`|~ only (RFC 9110, section 5.1)"
    )


def test_the_name_of_a_header_is_a_text() -> None:
    assert refused(headers={5: "7"}) == "the name of a header is a str, not int"


@pytest.mark.parametrize(
    "value",
    ["s3cr3t\n", "s3cr3t\r\nX: y", "\rs3cr3t", "s3cr3t\x00", "s3cr3t\x7f", "s3cr3t \u20ac", "\x1b"],
)
def test_the_value_of_a_header_that_cannot_be_sent_is_not_repeated(value: str) -> None:
    assert refused(headers={"X-Token": value}) == (
        "the header X-Token holds a line break, a control character or one beyond Latin-1, which a "
        "header must not contain (RFC 9110, section 5.5); remove it, or encode the value"
    )
    assert refused(origin=value).startswith("origin holds a line break, a control character or ")


@pytest.mark.parametrize("value", [7, None, b"s3cr3t", ["s3cr3t"], 1.5])
def test_the_value_of_a_header_is_a_text(value: object) -> None:
    kind = type(value).__name__
    assert refused(headers={"X-Token": value}) == f"the header X-Token is a str, not {kind}"
    if value is not None:
        assert refused(origin=value) == f"origin is a str, not {kind}"


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("sec-websocket-protocol", "subprotocols=[...]"),
        ("Sec-WebSocket-Extensions", 'compression="deflate"'),
    ],
)
def test_what_has_an_option_is_not_a_header(name: str, option: str) -> None:
    assert refused(headers={name: "s3cr3t"}) == (
        f"the header {name} has an option of its own: write {option}"
    )


@pytest.mark.parametrize("names", [["b", "a"], ("b", "a"), iter(["b", "a"])])
def test_subprotocols(names: Any) -> None:
    assert connect_options({"subprotocols": names})["subprotocols"] == ("b", "a")


@pytest.mark.parametrize("names", ["chat", "", None, 5, {"chat"}])
def test_what_are_not_subprotocols(names: object) -> None:
    assert refused(subprotocols=names) == (
        f"subprotocols is a list of names, like ['chat'], not a {type(names).__name__}"
    )


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a;b", "s3cr3t==", "\u00e9", "a\r\n", 5, None])
def test_what_is_not_a_subprotocol(name: object) -> None:
    assert refused(subprotocols=["chat", name]) == (
        "item 1 of subprotocols is not a name: one or more letters, digits and !#$%&'*+-.^_`|~ "
        "(RFC 6455, section 4.1)"
    )


def test_a_subprotocol_is_named_once() -> None:
    assert refused(subprotocols=["a", "b", "a"]) == (
        "item 2 of subprotocols is there twice; name each once (RFC 6455, section 4.1)"
    )


@pytest.mark.parametrize("value", ["gzip", "permessage-deflate", "", True, False, 5, ["deflate"]])
def test_what_is_not_a_compression(value: object) -> None:
    assert refused(compression=value) == (
        'compression is "deflate", None, or a dict of parameters such as '
        f'{{"server_max_window_bits": 10}}, not {value!r}'
    )


@pytest.mark.parametrize("value", ["1000", -1, 1.5, True, math.inf])
def test_what_is_not_a_size(value: object) -> None:
    message = f"max_message_size is a number of bytes, or None for any, not {value!r}"
    assert refused(max_message_size=value) == message


@pytest.mark.parametrize("value", ["no", 1, None])
def test_whether_pings_are_answered_is_true_or_false(value: object) -> None:
    assert refused(automatic_pong=value) == f"automatic_pong is True or False, not {value!r}"


@pytest.mark.parametrize("value", ["10", 0, -1, math.nan, True, [5]])
@pytest.mark.parametrize("name", ["timeout", "close_timeout"])
def test_what_is_not_a_number_of_seconds(name: str, value: object) -> None:
    assert refused(**{name: value}) == f"{name} is a positive number of seconds, not {value!r}"


def test_seconds_become_a_float() -> None:
    assert repr(connect_options({"timeout": 5})["timeout"]) == "5.0"


# Cookies


@pytest.mark.parametrize("cookies", [{"id": "7", "b": "x"}, [("id", "7"), ("b", "x")]])
def test_cookies_become_a_header(cookies: Any) -> None:
    options = connect_options({"cookies": cookies, "headers": {"X": "y"}})
    assert (options["headers"], options["cookies"]) == ((("X", "y"), ("Cookie", "id=7; b=x")), None)
    assert connect_options({"cookies": {}})["headers"] == ()


@pytest.mark.parametrize(
    "value", ["s3cr 3t", "s3cr;3t", "s3cr,3t", 's3cr"3t', "s3cr\\3t", "s3cr\xe93t"]
)
def test_a_cookie_that_cannot_be_sent_is_named_and_not_shown(value: str) -> None:
    message = refused(cookies={"id": value})
    assert message.startswith("the cookie id holds")
    assert value not in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cookies": "a=b"}, "cookies is a dict, or a list of pairs"),
        ({"cookies": ["a=b"]}, "item 0 of cookies is not a pair"),
        ({"cookies": {"a b": "c"}}, "the name of a cookie that begins with 'a'"),
        ({"cookies": {7: "c"}}, "the name of a cookie is a str, not int"),
        ({"cookies": {"a": 7}}, "the cookie a is a str, not int"),
        ({"cookies": {"a": "7"}, "headers": {"cookie": "b=8"}}, "cookies and the header Cookie"),
    ],
)
def test_what_is_not_cookies(options: Any, message: str) -> None:
    assert refused(**options).startswith(message)


# Numbers


def test_how_many_redirects() -> None:
    assert connect_options({"redirects": 50})["redirects"] == 50
    for value in (-1, 51, True, 1.5, "1", None):
        assert refused(redirects=value) == (
            f"redirects is the number of redirects to follow, from 0 to 50, not {value!r}"
        )


@pytest.mark.parametrize("value", [0, -1, math.nan, True, "5"])
def test_keepalive_is_seconds(value: Any) -> None:
    assert connect_options({"keepalive": 5})["keepalive"] == 5.0
    assert refused(keepalive=value) == (f"keepalive is a positive number of seconds, not {value!r}")


@pytest.mark.parametrize(
    ("side", "parameters", "message"),
    [
        ("client", {"server_max_window_bits": 8}, None),
        ("server", {"client_max_window_bits": 8}, None),
        ("server", {"server_max_window_bits": 15, "client_no_context_takeover": False}, None),
        ("client", {"client_max_window_bits": 8}, "client_max_window_bits of compression is a "
         "number of bits from 9 to 15, not 8"),
        ("server", {"server_max_window_bits": 8}, "from 9 to 15, not 8"),
        ("client", {"server_max_window_bits": True}, "from 8 to 15, not True"),
        ("client", {"server_max_window_bits": 16}, "from 8 to 15, not 16"),
        ("client", {"server_no_context_takeover": 1}, "is True or False, not 1"),
        ("client", {"level": 9}, "compression has no parameter 'level'"),
        ("client", {3: 9}, "compression has no parameter 3"),
    ],
)  # fmt: skip
def test_parameters_of_deflate(side: Any, parameters: Any, message: str | None) -> None:
    assert check_compression("deflate", side) == {}
    assert check_compression(None, side) is None
    if message is None:
        assert check_compression(parameters, side) == parameters
        return
    with pytest.raises(LocalError) as caught:
        check_compression(parameters, side)
    assert message in str(caught.value)


@pytest.mark.parametrize("value", ["s3cr 3t", "", 7, None])
def test_what_is_not_a_name(value: object) -> None:
    assert check_token("subprotocol", "v1.chat") == "v1.chat"
    with pytest.raises(LocalError) as caught:
        check_token("subprotocol", value)
    assert str(caught.value).startswith("subprotocol is a name of letters, digits")
    assert "s3cr" not in str(caught.value)


def test_a_log_is_one_or_none() -> None:
    log = FrameLog()
    assert check_log(log) is log
    assert isinstance(check_log(None), FrameLog)
    with pytest.raises(LocalError, match=r"^log is a FrameLog, or None for a new one, not int$"):
        check_log(3)
