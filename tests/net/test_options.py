"""The options of a client: defaults, and names that do not exist."""

from __future__ import annotations

from typing import Any, cast

import pytest

from astra_nb.net.options import ConnectOptions, connect_options

DEFAULTS = {
    "origin": None,
    "headers": None,
    "subprotocols": (),
    "compression": None,
    "max_message_size": 1048576,
    "automatic_pong": True,
    "timeout": 10.0,
    "close_timeout": 2.0,
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
        "connect() has no option 'time_out'; there are origin, headers, subprotocols, "
        "compression, max_message_size, automatic_pong, timeout, close_timeout"
    )
