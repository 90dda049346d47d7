"""Settings of a tap: what all its connections share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from websockets.uri import WebSocketURI

from .options import ConnectOptions
from .tap_heads import Rewriting
from .tap_message import Passing
from .tap_rules import RuleFunction

__all__ = ["TapSettings"]


@dataclass(frozen=True, slots=True)
class TapSettings:
    """What all connections of a tap share."""

    uri: WebSocketURI  # of the upstream server
    options: ConnectOptions  # how it is reached, checked
    rewriting: Rewriting  # of requests
    hostname: str  # the name or address that the tap listens on
    hosts: Sequence[str]  # further names that a `Host` header may have
    rules: list[RuleFunction]  # may change
    # What rules hold, by number, in the order in which it came. Changed on the loop's thread only,
    # in steps that leave it whole for others.
    held: dict[int, Passing] = field(default_factory=dict)
    held_numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
