from __future__ import annotations

import re
from operator import methodcaller

import pytest

from astra_nb import errors
from astra_nb.errors import ConnectionClosed, EndlessLoop, HandshakeFailed, LuaError
from astra_nb.wire.messages import CloseFrame


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        ("InvalidMessage", (errors.LocalError, ValueError)),
        ("InvalidRoute", (errors.LocalError, ValueError)),
        ("NotOpen", (errors.LocalError,)),
        ("AddressInUse", (errors.LocalError, OSError)),
        ("AddressUnavailable", (errors.LocalError, OSError)),
        ("WrongThread", (errors.LocalError, RuntimeError)),
        ("LoopBlocked", (errors.LocalError,)),
        ("LuaError", (errors.LocalError,)),
        ("ConnectionClosed", (errors.PeerError,)),
        ("HandshakeFailed", (errors.PeerError,)),
        ("ConnectFailed", (errors.PeerError, OSError)),
        ("WaitTimeout", (errors.AstraError, TimeoutError)),
    ],
)
def test_what_each_error_can_be_caught_as(error: str, bases: tuple[type[Exception], ...]) -> None:
    raised: type[Exception] = getattr(errors, error)
    assert raised.__bases__ == bases
    assert issubclass(raised, errors.AstraError)


def test_the_drawing_of_the_tree_shows_every_error() -> None:
    assert errors.__doc__ is not None
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__)
    assert sorted([*drawn, "AstraError", "EndlessLoop"]) == errors.__all__


def test_the_end_of_an_endless_loop_passes_handlers_of_exceptions() -> None:
    assert not issubclass(EndlessLoop, Exception)


def test_a_close_that_was_received() -> None:
    closed = ConnectionClosed(
        "closed", sent=CloseFrame(1000), received=CloseFrame(4001, "bye"), first="client"
    )
    assert (str(closed), closed.code, closed.reason, closed.first) == (
        "closed", 4001, "bye", "client",
    )  # fmt: skip
    assert (closed.sent, closed.received) == (CloseFrame(1000), CloseFrame(4001, "bye"))


def test_a_connection_without_a_close_frame_reports_1006() -> None:
    closed = ConnectionClosed("lost")
    assert (closed.code, closed.reason, closed.first) == (1006, "", "")
    assert closed.sent is closed.received is None


def test_a_refused_handshake_has_its_status_and_body() -> None:
    refused = HandshakeFailed("refused", status=403, body="no")
    assert (str(refused), refused.status, refused.body) == ("refused", 403, "no")
    assert (HandshakeFailed("broken").status, HandshakeFailed("broken").body) == (None, "")


def test_a_lua_error_shows_its_trace_and_no_python() -> None:
    error = LuaError("line 3: no", "stack traceback:\n\tline 3")
    assert error.report() == "LuaError: line 3: no\nstack traceback:\n\tline 3\n"
    for_ipython = methodcaller("_render_traceback_")(error)
    assert for_ipython == error.report().splitlines()
    assert LuaError("stopped").report() == "LuaError: stopped\n"
