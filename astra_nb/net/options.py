"""Options of a client's connection, and checks that settings of both ends share.

Everything is checked here before anything is sent. No error repeats the value of a header or a
subprotocol: it may be a secret.
"""

from __future__ import annotations

import re
import socket
import ssl as tls
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.quantities import as_integer, check_seconds, check_size
from astra_nb.wire.faults import Fault
from astra_nb.wire.messages import Side

from .lies import check_faults
from .tls import CertificateFiles, Path, client_context
from .transport_options import check_way

if TYPE_CHECKING:
    from websockets.proxy import Proxy

__all__ = [
    "Compression",
    "ConnectOptions",
    "check_compression",
    "check_headers",
    "check_log",
    "check_names",
    "check_subprotocols",
    "check_token",
    "connect_options",
]

Compression = Literal["deflate"] | Mapping[str, bool | int] | None
Pairs = Mapping[str, str] | Iterable[tuple[str, str]] | None

# RFC 9110, sections 5.6.2 and 5.5.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")  # RFC 6265, section 4.1.1
MOST_REDIRECTS = 50  # as many as curl follows
# What `connect` has to know as well, or else a right answer looks wrong to it.
OPTION_OF_HEADER = {
    "sec-websocket-protocol": "subprotocols=[...]",
    "sec-websocket-extensions": 'compression="deflate"',
}


class ConnectOptions(TypedDict, total=False):
    """What `connect` and `connect_async` take besides the address, explained at `connect`."""

    origin: str | None
    headers: Pairs
    cookies: Pairs
    subprotocols: Sequence[str]
    compression: Compression
    max_message_size: int | None
    automatic_pong: bool
    keepalive: float | None
    timeout: float | None
    close_timeout: float | None
    redirects: int
    ssl: tls.SSLContext | Path | Literal[False] | None
    client_certificate: CertificateFiles | None
    proxy: str | Proxy | bool | None
    unix: Path | None
    sock: socket.socket | None
    faults: Sequence[str | Fault]


DEFAULTS: ConnectOptions = {
    "origin": None,
    "headers": None,
    "cookies": None,
    "subprotocols": (),
    "compression": None,
    "max_message_size": 2**20,
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


def connect_options(given: ConnectOptions) -> ConnectOptions:
    """Return all the options, checked: those that were given and the defaults of the others.

    Cookies become a header, files of certificates a context, and a proxy its parts.

    Raises:
        TypeError: `connect` has no such option.
        LocalError: An option has a value that it cannot have.
    """
    check_names("connect()", given, ConnectOptions)
    options: ConnectOptions = {**DEFAULTS, **given}
    if options["origin"] is not None:
        _check_value("origin", options["origin"])
    if options["headers"] is not None:
        options["headers"] = check_headers("headers", options["headers"])
    if options["cookies"] is not None:
        options["headers"] = _with_cookies(
            cast("tuple[tuple[str, str], ...]", options["headers"] or ()), options["cookies"]
        )
        options["cookies"] = None
    options["subprotocols"] = check_subprotocols(options["subprotocols"])
    check_compression(options["compression"], "client")
    options["max_message_size"] = check_size("max_message_size", options["max_message_size"])
    if not isinstance(options["automatic_pong"], bool):
        raise LocalError(f"automatic_pong is True or False, not {options['automatic_pong']!r:.80}")
    for name in ("timeout", "close_timeout", "keepalive"):
        if options[name] is not None:
            options[name] = check_seconds(name, options[name])
    redirects = as_integer(options["redirects"])
    if redirects is None or not 0 <= redirects <= MOST_REDIRECTS:
        raise LocalError(
            f"redirects is the number of redirects to follow, from 0 to {MOST_REDIRECTS}, not "
            f"{options['redirects']!r:.80}"
        )
    options["redirects"] = redirects
    options["ssl"] = client_context(options["ssl"], options["client_certificate"])
    options["proxy"] = check_way(
        options["proxy"], options["unix"], options["sock"], options["redirects"]
    )
    options["faults"] = check_faults(options["faults"], "client", "request", "conduct")
    return options


def _with_cookies(
    headers: tuple[tuple[str, str], ...], cookies: object
) -> tuple[tuple[str, str], ...]:
    """Return the headers with that of the cookies (RFC 6265, section 4.2)."""
    if any(name.lower() == "cookie" for name, _ in headers):
        raise LocalError("cookies and the header Cookie mean the same; give only one of them")
    pairs = check_headers("cookies", cookies)
    for name, value in pairs:
        if not COOKIE_VALUE.fullmatch(value):
            raise LocalError(
                f"the cookie {name} holds a blank, a quote, a comma, a semicolon or another "
                f"character that a cookie must not contain (RFC 6265, section 4.1.1); encode the "
                f"value, "
                f"as with urllib.parse.quote"
            )
    value = "; ".join(f"{name}={value}" for name, value in pairs)
    return (*headers, ("Cookie", value)) if pairs else headers


def check_compression(compression: object, side: Side) -> dict[str, Any] | None:
    """Return the parameters of permessage-deflate (RFC 7692, section 7.1), or None without it.

    The end that is configured, `side`, can compress with a window of 9 to 15 bits, and read one
    of 8.
    """
    if compression is None:
        return None
    if compression == "deflate":
        return {}
    if not isinstance(compression, Mapping):
        raise LocalError(
            f'compression is "deflate", None, or a dict of parameters such as '
            f'{{"server_max_window_bits": 10}}, not {compression!r:.80}'
        )
    for name, value in compression.items():
        least = 9 if str(name).startswith(side) else 8
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            allowed, right = "True or False", isinstance(value, bool)
        elif name in ("server_max_window_bits", "client_max_window_bits"):
            allowed = f"a number of bits from {least} to 15"
            right = isinstance(value, int) and not isinstance(value, bool) and least <= value <= 15
        else:
            raise LocalError(
                f"compression has no parameter {name!r:.80}; it has server_no_context_takeover, "
                f"client_no_context_takeover, server_max_window_bits and client_max_window_bits "
                f"(RFC 7692, section 7.1)"
            )
        if not right:
            raise LocalError(
                f"the parameter {name} of compression is {allowed}, not {value!r:.80} "
                f"(RFC 7692, section 7.1)"
            )
    return dict(compression)


def check_log(log: object) -> FrameLog:
    """Return a log, a new one for None."""
    if log is None:
        return FrameLog()
    if not isinstance(log, FrameLog):
        raise LocalError(f"log is a FrameLog, or None for a new one, not {type(log).__name__}")
    return log


def check_subprotocols(names: object) -> tuple[str, ...]:
    """Return different names of subprotocols (RFC 6455, section 4.1, item 10 of the request)."""
    # A set keeps no order, and the preferred one comes first.
    if isinstance(names, (str, Set)) or not isinstance(names, Iterable):
        raise LocalError(
            f"subprotocols is a list of names, like ['chat'], not a {type(names).__name__}"
        )
    listed = tuple(names)
    for position, name in enumerate(listed):
        if not isinstance(name, str) or not TOKEN.fullmatch(name):
            raise LocalError(
                f"item {position} of subprotocols is not a name: one or more letters, digits and "
                f"!#$%&'*+-.^_`|~ (RFC 6455, section 4.1)"
            )
        if name in listed[:position]:
            raise LocalError(
                f"item {position} of subprotocols is there twice; name each once "
                f"(RFC 6455, section 4.1)"
            )
    return listed


def check_token(option: str, value: object) -> str:
    """Return a name such as that of a subprotocol."""
    if not isinstance(value, str) or not TOKEN.fullmatch(value):
        raise LocalError(
            f"{option} is a name of letters, digits and !#$%&'*+-.^_`|~ only "
            f"(RFC 9110, section 5.6.2)"
        )
    return value


def check_headers(option: str, headers: object) -> tuple[tuple[str, str], ...]:
    """Return headers, a mapping or pairs already, as pairs of a name and a value.

    Raises:
        LocalError: They are anything else, or one could not be sent.
    """
    for method in ("raw_items", "items"):  # the first is that of a request's own headers
        if hasattr(headers, method):
            headers = getattr(headers, method)()
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):
        raise LocalError(
            f"{option} is a dict, or a list of pairs of a name and a value, not "
            f"{type(headers).__name__}"
        )
    what = "cookie" if option == "cookies" else "header"
    pairs: list[tuple[str, str]] = []
    for pair in headers:
        if not isinstance(pair, Sequence) or isinstance(pair, (str, bytes)) or len(pair) != 2:
            raise LocalError(
                f'item {len(pairs)} of {option} is not a pair, like ("X-Room", "7"), but '
                f"{type(pair).__name__}"
            )
        name, value = pair
        _check_name(what, name)
        _check_value(f"the {what} {name}", value)
        pairs.append((name, value))
    return tuple(pairs)


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str):
        raise LocalError(f"the name of a {what} is a str, not {type(name).__name__}")
    if TOKEN.fullmatch(name):
        option = OPTION_OF_HEADER.get(name.lower())
        if option is not None:
            raise LocalError(f"the header {name} has an option of its own: write {option}")
        return
    start = TOKEN.match(name)
    raise LocalError(
        f"the name of a {what} that begins with {start[0] if start else ''!r} contains a character "
        f"that is not allowed there; a name has letters, digits and !#$%&'*+-.^_`|~ only "
        f"(RFC 9110, section 5.1)"
    )


def _check_value(what: str, value: object) -> None:
    """Check a header's value, which is never repeated: it may be a secret."""
    if not isinstance(value, str):
        raise LocalError(f"{what} is a str, not {type(value).__name__}")
    if not FIELD_VALUE.fullmatch(value):
        raise LocalError(
            f"{what} holds a line break, a control character or one beyond Latin-1, which a header "
            f"must not contain (RFC 9110, section 5.5); remove it, or encode the value"
        )


def check_names(call: str, given: Iterable[str], known: type[Any]) -> None:
    """Raise `TypeError` for a keyword argument that is not one of a TypedDict."""
    for name in given:
        if name not in known.__annotations__:
            raise TypeError(
                f"{call} has no option {name!r}; its options are {', '.join(known.__annotations__)}"
            )
