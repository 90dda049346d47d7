"""How full the buffers of a connection are, and a picture of it that moves in a notebook."""

from __future__ import annotations

import contextlib
import os
import socket as sockets
import sys
from dataclasses import replace
from importlib import import_module
from typing import Any

from astra_nb.log.buffers import Buffer, Level, buffers
from astra_nb.wire.messages import other_end
from astra_nb.wire.svg import Picture

from .connection import Connection
from .inbox import HIGH_BYTES, HIGH_MESSAGES
from .outbox import MAX_BYTES, MAX_ENTRIES

__all__ = ["BuffersPicture"]

INTERVAL = 0.1  # seconds between two drawings
# Windows has neither, and does not tell what its buffers hold.
fcntl: Any = import_module("fcntl") if os.name == "posix" else None
termios: Any = import_module("termios") if os.name == "posix" else None


class BuffersPicture:
    """The buffers of a connection, drawn as they are when someone looks.

    A notebook shows a picture that follows them until the connection has ended, ten times a second
    at most; `str` and `print` give the same as text. Beside what a buffer holds is the most that
    was seen in it. What TCP has delivered and not yet acknowledged counts in both systems' buffers.
    Any thread may look.

    Args:
        connection: The end whose buffers are shown.
        peer: The other end, if it is in this process too.
    """

    def __init__(self, connection: Connection, peer: Connection | None = None) -> None:
        self._connection = connection
        self._peer = peer
        self._seen: dict[tuple[str, str], tuple[Level, ...]] = {}
        self._shown = ""

    def now(self) -> Picture:
        """Return the picture as it is now."""
        connection, peer = self._connection, self._peer
        side, other = connection.side, other_end(connection.side)
        title = f"Buffers of connection {connection.number}, "
        if peer is None:
            ways = [outgoing(connection), incoming(connection)]
            title += f"to and from the {other}, as far as the {side} knows"
        else:
            ways = [[*outgoing(connection), *incoming(peer)]]
            title += f"from the {side} to the {other}"
        marked = [[self._with_most(buffer) for buffer in way] for way in ways]
        return buffers(title, marked, notes(connection, peer))

    def _with_most(self, buffer: Buffer) -> Buffer:
        key = buffer.owner, buffer.name
        before, levels = self._seen.get(key, ()), buffer.levels
        if not levels and self._connection.lost.done():  # the system has thrown them away
            levels = tuple(replace(each, held=0) for each in before)
        if before and levels:
            pairs = zip(levels, before, strict=True)
            levels = tuple(replace(each, most=max(each.held, was.most)) for each, was in pairs)
        self._seen[key] = levels or before
        return replace(buffer, levels=levels)

    def __str__(self) -> str:
        return str(self.now())

    def __repr__(self) -> str:
        return f"<BuffersPicture of connection {self._connection.number}>"

    def _repr_html_(self) -> str:
        return self.now()._repr_html_()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _ipython_display_(self) -> None:
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        picture = self.now()
        handle = display(picture, display_id=True)  # type: ignore[no-untyped-call]
        if getattr(get_ipython(), "kernel", None) is not None:
            self._shown = picture.text
            # A RuntimeError: the loop has ended, and the connection with it.
            with contextlib.suppress(RuntimeError):
                self._connection.loop.call_soon_threadsafe(self._start, handle)

    def _start(self, handle: Any) -> None:
        # Not by the timer: the loop may end before its next turn.
        self._connection.lost.add_done_callback(lambda _: self._show(handle))
        self._follow(handle)

    def _follow(self, handle: Any) -> None:
        """Look again and again. On the connection's loop."""
        self._show(handle)
        if not self._connection.lost.done():
            self._connection.loop.call_later(INTERVAL, self._follow, handle)

    def _show(self, handle: Any) -> None:
        picture = self.now()
        if picture.text != self._shown:
            self._shown = picture.text
            handle.update(picture)


def outgoing(connection: Connection) -> list[Buffer]:
    """Return what waits on its way out of an end."""
    end, sender = connection.side, connection.sender
    calls, size = sender.waiting
    unsent: tuple[Level, ...] = ()
    with contextlib.suppress(RuntimeError):
        unsent = (level(*sender.unsent, "bytes"),)
    waiting = (level(size, MAX_BYTES, "bytes"), level(calls, MAX_ENTRIES, "calls"))
    sent = of_system(connection, "TIOCOUTQ", sockets.SO_SNDBUF)
    return [
        Buffer("outbox", end, waiting),
        Buffer("write buffer", end, unsent),
        Buffer("send buffer", f"{end}'s system", sent),
    ]


def incoming(connection: Connection) -> list[Buffer]:
    """Return what waits on its way into an end."""
    end, inbox = connection.side, connection.inbox
    messages, size = (0, 0) if inbox is None else inbox.unread
    arrived = of_system(connection, "FIONREAD", sockets.SO_RCVBUF)
    unread = (level(size, HIGH_BYTES, "bytes"), level(messages, HIGH_MESSAGES, "messages"))
    return [Buffer("receive buffer", f"{end}'s system", arrived), Buffer("inbox", end, unread)]


def level(held: int, bound: int, unit: str) -> Level:
    return Level(held, bound, unit, held)


def of_system(connection: Connection, request: str, option: int) -> tuple[Level, ...]:
    """Return how full a buffer of the operating system is, if it tells."""
    sock = connection.transport.get_extra_info("socket")
    if sock is None or not hasattr(termios, request):
        return ()
    try:
        held = fcntl.ioctl(sock.fileno(), getattr(termios, request), bytes(4))
        bound = sock.getsockopt(sockets.SOL_SOCKET, option)
    except (OSError, ValueError):  # it is closed, or the system answers for terminals only
        return ()
    return (level(int.from_bytes(held, sys.byteorder), bound, "bytes"),)


def notes(connection: Connection, peer: Connection | None) -> list[str]:
    """Return what full buffers have stopped, in sentences."""
    if connection.lost.done():
        return ["The connection has ended."]
    said = []
    if not connection.sender.is_writable:
        said.append(
            f"The write buffer was above its bound: the {connection.side}'s next messages wait "
            f"until the buffer is nearly empty."
        )
    reader = connection if peer is None else peer
    if reader.inbox is not None and reader.inbox.paused:
        said.append(
            f"The inbox is full: the {reader.side} reads nothing more from TCP until its program "
            f"has taken messages out."
        )
    return said
