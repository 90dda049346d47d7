"""Options of a client's connection, and checks that settings of both ends share.

Everything is checked here before anything is sent. No error repeats the value of a header or a
subprotocol: it may be a secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Literal, TypedDict

from astra_nb.errors import LocalError

__all__ = [
    "Compression",
    "ConnectOptions",
    "check_names",
    "check_seconds",
    "check_size",
    "check_subprotocols",
    "check_wait",
    "connect_options",
]

Compression = Literal["deflate"] | None

# RFC 9110, sections 5.6.2 and 5.5.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What `connect` has to know as well, or else a right answer looks wrong to it.
OPTION_OF_HEADER = {
    "sec-websocket-protocol": "subprotocols=[...]",
    "sec-websocket-extensions": 'compression="deflate"',
}


class ConnectOptions(TypedDict, total=False):
    """What `connect` and `connect_async` take besides the address, explained at `connect`."""

    origin: str | None
    headers: Mapping[str, str] | Iterable[tuple[str, str]] | None
    subprotocols: Sequence[str]
    compression: Compression
    max_message_size: int | None
    automatic_pong: bool
    timeout: float | None
    close_timeout: float | None


DEFAULTS: ConnectOptions = {
    "origin": None,
    "headers": None,
    "subprotocols": (),
    "compression": None,
    "max_message_size": 2**20,
    "automatic_pong": True,
    "timeout": 10.0,
    "close_timeout": 2.0,
}


def connect_options(given: ConnectOptions) -> ConnectOptions:
    """Return all the options, checked: those that were given and the defaults of the others.

    Raises:
        TypeError: `connect` has no such option.
        LocalError: An option has a value that it cannot have.
    """
    check_names("connect()", given, ConnectOptions)
    options: ConnectOptions = {**DEFAULTS, **given}
    if options["origin"] is not None:
        _check_value("origin", options["origin"])
    if options["headers"] is not None:
        options["headers"] = _pairs(options["headers"])
    options["subprotocols"] = check_subprotocols(options["subprotocols"])
    if options["compression"] not in (None, "deflate"):
        raise LocalError(f'compression is "deflate" or None, not {options["compression"]!r:.80}')
    check_size("max_message_size", options["max_message_size"])
    if not isinstance(options["automatic_pong"], bool):
        raise LocalError(f"automatic_pong is True or False, not {options['automatic_pong']!r:.80}")
    for name in ("timeout", "close_timeout"):
        if options[name] is not None:
            options[name] = check_seconds(name, options[name])
    return options


def check_seconds(name: str, seconds: object) -> float:
    """Return a positive number of seconds as a float.

    Raises:
        LocalError: It is anything else.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise LocalError(f"{name} is a positive number of seconds, not {seconds!r:.80}")
    return float(seconds) if seconds < 1e300 else math.inf


def check_wait(timeout: object) -> None:
    """Check the timeout of a wait, which may be over already.

    Raises:
        LocalError: It is not a number of seconds.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout != timeout:
        raise LocalError(
            f"timeout is a number of seconds, or None for no limit, not {timeout!r:.80}"
        )


def check_size(name: str, size: object) -> int | None:
    """Return a number of bytes, or None for any.

    Raises:
        LocalError: It is anything else.
    """
    if size is None or (isinstance(size, int) and not isinstance(size, bool) and size >= 0):
        return size
    raise LocalError(f"{name} is a number of bytes, or None for any, not {size!r:.80}")


def check_subprotocols(names: object) -> tuple[str, ...]:
    """Return the names of subprotocols (RFC 6455, section 4.1, item 10 of the request).

    Raises:
        LocalError: They are not a list of different names, or one could not be sent.
    """
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


def _pairs(headers: object) -> tuple[tuple[str, str], ...]:
    """Return headers as pairs of a name and a value: a mapping, or pairs already."""
    for method in ("raw_items", "items"):  # the first is that of a request's own headers
        if hasattr(headers, method):
            headers = getattr(headers, method)()
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):
        raise LocalError(
            f"headers is a dict, or a list of pairs of a name and a value, not "
            f"{type(headers).__name__}"
        )
    pairs: list[tuple[str, str]] = []
    for pair in headers:
        if not isinstance(pair, Sequence) or isinstance(pair, (str, bytes)) or len(pair) != 2:
            raise LocalError(
                f'item {len(pairs)} of headers is not a pair, like ("X-Room", "7"), but '
                f"{type(pair).__name__}"
            )
        name, value = pair
        _check_name(name)
        _check_value(f"the header {name}", value)
        pairs.append((name, value))
    return tuple(pairs)


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise LocalError(f"the name of a header is a str, not {type(name).__name__}")
    if TOKEN.fullmatch(name):
        option = OPTION_OF_HEADER.get(name.lower())
        if option is not None:
            raise LocalError(f"the header {name} is sent by an option of its own: write {option}")
        return
    start = TOKEN.match(name)
    raise LocalError(
        f"the name of a header that begins with {start[0] if start else ''!r} holds a character "
        f"that no name may have; a name has letters, digits and !#$%&'*+-.^_`|~ only "
        f"(RFC 9110, section 5.1)"
    )


def _check_value(what: str, value: object) -> None:
    """Check a header's value, which is never repeated: it may be a secret."""
    if not isinstance(value, str):
        raise LocalError(f"{what} is a str, not {type(value).__name__}")
    if not FIELD_VALUE.fullmatch(value):
        raise LocalError(
            f"{what} holds a line break, a control character or one beyond Latin-1, which no "
            f"header may hold (RFC 9110, section 5.5); remove it, or encode the value"
        )


def check_names(call: str, given: Iterable[str], known: type[Any]) -> None:
    """Check the names of keyword arguments.

    Args:
        call: What they were given to.
        given: Their names.
        known: The TypedDict of those there are.

    Raises:
        TypeError: There is no such argument.
    """
    for name in given:
        if name not in known.__annotations__:
            raise TypeError(
                f"{call} has no option {name!r}; there are {', '.join(known.__annotations__)}"
            )
