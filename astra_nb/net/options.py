"""The options of a client's connection: their defaults and, in one place, their checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from .routes import Compression

__all__ = ["ConnectOptions", "check_names", "connect_options"]


class ConnectOptions(TypedDict, total=False):
    """What `connect` and `connect_async` take besides the address, explained at `connect`."""

    origin: str | None
    headers: Mapping[str, str] | None
    subprotocols: Sequence[str]
    compression: Compression
    max_message_size: int | None
    automatic_pong: bool
    timeout: float
    close_timeout: float


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
    """Return all the options, those that were given and the defaults of the others.

    Raises:
        TypeError: `connect` has no such option.
    """
    check_names("connect()", given, ConnectOptions)
    return {**DEFAULTS, **given}


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
