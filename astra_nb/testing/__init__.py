"""Expectations about frames, for cells, graders and pytest; each raises AssertionError.

    from astra_nb.testing import expect_close, expect_frame, scenario

    with scenario(handle_socket) as client:
        client.send_text("Hello")
        expect_frame(client, "text", "Hello", sender="server")

They read a log: that of a server, of a client, or of a scenario. `await expect_frame_async(...)`
and the others with this ending take the same arguments and do not block the event loop.
"""

from .deterministic import deterministic
from .expectations import (
    NotRight,
    expect_close,
    expect_close_async,
    expect_frame,
    expect_frame_async,
    expect_handshake,
    expect_handshake_async,
    expect_no_frame,
    expect_no_frame_async,
    expect_right,
)
from .failures import show_frames_on_failure
from .scenario import scenario

__all__ = [
    "NotRight",
    "deterministic",
    "expect_close",
    "expect_close_async",
    "expect_frame",
    "expect_frame_async",
    "expect_handshake",
    "expect_handshake_async",
    "expect_no_frame",
    "expect_no_frame_async",
    "expect_right",
    "scenario",
    "show_frames_on_failure",
]
