"""Frames gather and leave with one write and one entry in the log.

They leave in the next turn of the loop, or when the handler asks for a message and none waits. The
thread of a blocking handler writes them itself where nothing else is on its way: that spares a
round trip two switches between threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import get_ident

from websockets.extensions import Extension
from websockets.frames import Frame, Opcode

from astra_nb.locks import make_rlock
from astra_nb.log.pieces import Recorder
from astra_nb.wire.faults import remasked
from astra_nb.wire.opcodes import CLOSE

from .serializing import put_frame

__all__ = ["MAX_BURST", "MAX_UNFLUSHED", "Writer"]

MAX_UNFLUSHED = 64 * 1024  # bytes that may wait for the next turn of the loop
MAX_BURST = 256 * 1024  # bytes that are written before the loop has its turn

OPCODES = {int(opcode): opcode for opcode in Opcode}


# Ten thousand of them may be open at once, and a dictionary for each would weigh more than all
# that is in it.
@dataclass(slots=True, eq=False, repr=False)
class Writer:
    """Gathers the frames of one end, writes and records them.

    Called on the loop's thread, but for `put_from_handler` and `flush_from_handler`.
    """

    loop: asyncio.AbstractEventLoop
    masks: bool  # RFC 6455, section 5.1
    is_writable: bool = True  # whether the peer reads fast enough
    # Those of the next frames, of an end that breaks this rule on purpose, or whose keys come from
    # a seed; None for keys that nobody can predict.
    masking_keys: Iterator[bytes] | None = None
    record: Recorder = field(init=False)  # set when the connection is open
    _extensions: Sequence[Extension] = ()
    _transport: asyncio.Transport = None  # type: ignore[assignment]  # until `start`
    # The parts of serialized frames, for the next flush: two for each without an extension.
    _frames: list[bytes] = field(default_factory=list)
    _size: int = 0  # bytes of them
    _burst: int = 0  # bytes that were written because so much had gathered
    _plain: list[bytes | None] | None = None  # their payloads, where an extension changes them
    _flush_scheduled: bool = False
    # Held by all that gather or write, once a handler's thread may do it too.
    _lock: threading.RLock | None = None
    _handler: int = 0  # that thread's `ident`; 0 when no other thread may write
    _fd: int = -1
    _rest: bytes = b""  # of what that thread has written, and the system did not take

    def start(
        self,
        transport: asyncio.Transport,
        extensions: Sequence[Extension] = (),
        record: Recorder | None = None,
    ) -> None:
        """Set the transport; after the opening handshake what was agreed on, and who records."""
        self._transport = transport
        if record is not None:
            self.record = record
        self._extensions = extensions
        self._plain = [] if extensions else None

    @property
    def unsent(self) -> tuple[int, int]:
        """How many bytes the system has not taken yet, and above how many this end waits.

        Another thread gets a `RuntimeError` while the loop takes from that buffer.
        """
        transport = self._transport
        unwritten = self._size + len(self._rest) + transport.get_write_buffer_size()
        return unwritten, transport.get_write_buffer_limits()[1]

    # On the loop's thread

    def _put(self, opcode: int, payload: bytes, fin: bool) -> bool:
        """Gather a frame; return whether so much was written that the loop should have a turn."""
        if self._lock is None:
            if self._plain is None:  # here too: the way of every message of an `async def` handler
                self._size += put_frame(self._frames, opcode, payload, fin, self.masks)
            else:
                self._serialize(opcode, payload, fin)
        else:
            with self._lock:
                self._serialize(opcode, payload, fin)
        return self._flush_later()

    def _flush_later(self) -> bool:
        """Write what has gathered in the next turn of the loop, or now if it is much; as `_put`."""
        if self._size > MAX_UNFLUSHED:
            self._burst += self._size
            self.flush()
            if self._burst > MAX_BURST:
                self._burst = 0
                return True
        elif not self._flush_scheduled:
            self._flush_scheduled = True
            self.loop.call_soon(self._scheduled_flush)
        return False

    def _serialize(self, opcode: int, payload: bytes, fin: bool) -> None:
        if self._plain is None:
            self._size += put_frame(self._frames, opcode, payload, fin, self.masks)
            return
        frame = Frame(OPCODES[opcode], payload, fin)
        data = frame.serialize(mask=self.masks, extensions=self._extensions)
        self._plain.append(payload if opcode < CLOSE else None)
        self._frames.append(data)
        self._size += len(data)

    def _scheduled_flush(self) -> None:
        self._flush_scheduled = False
        self.flush()

    def gather(self, step: Callable[[], object]) -> None:
        """Call a function that may send, and write what it has sent when it returns."""
        if self._flush_scheduled:
            step()
            return
        self._flush_scheduled = True
        try:
            step()
        finally:
            self._scheduled_flush()

    def flush(self) -> None:
        """Write what has gathered: one write, one entry in the log."""
        if self._lock is None:
            if self._frames:
                self._write(*self._take())
        else:
            with self._lock:
                self._write_rest()
                if self._frames:
                    self._write(*self._take())

    def _take(self) -> tuple[bytes, int, tuple[bytes | None, ...] | None]:
        """Return what has gathered: its bytes, how many frames, and their plain payloads."""
        frames, self._frames, self._size = self._frames, [], 0
        plain = self._plain
        if plain is None:
            return b"".join(frames), len(frames) // 2, None
        self._plain = []
        return b"".join(frames), len(frames), tuple(plain)

    def _write(
        self, data: bytes, count: int, plain: tuple[bytes | None, ...] | None = None
    ) -> None:
        """Record and write frames, after what has gathered was."""
        if self.masking_keys is not None:
            data = remasked(data, self.masking_keys)
        if self._lock is None:
            if not self._transport.is_closing():
                self.record(data, count, "", plain)
                self._transport.write(data)
            return
        with self._lock:
            if not self._transport.is_closing():
                self._write_rest()
                self.record(data, count, "", plain)
                self._transport.write(data)

    def _write_rest(self) -> None:
        if self._rest:
            rest, self._rest = self._rest, b""
            self._transport.write(rest)

    # On the thread of a blocking handler

    def let_write(self, handler: threading.Thread) -> None:
        """Allow a thread to write for itself, where the system and the loop can do that.

        Called on the loop's thread, before the thread starts and once more when it has.
        """
        sock = self._transport.get_extra_info("socket")
        # A transport of TLS, or of a loop that is not a selector's, writes in ways of its own.
        if (
            sock is None
            or os.name != "posix"
            or not isinstance(self.loop, asyncio.SelectorEventLoop)
            or self._transport.get_extra_info("sslcontext") is not None
        ):
            return
        if self._lock is None:
            self._lock = make_rlock()
            self._fd = sock.fileno()
        self._handler = handler.ident or 0

    def stop_handler_writes(self) -> None:
        """Stop writes by other threads: a CLOSE frame follows, or the socket closes."""
        if self._lock is not None:
            with self._lock:
                self._handler = 0

    def _put_from_handler(self, opcode: int, payload: bytes, fin: bool, is_last: bool) -> bool:
        """Gather a frame, and write what has gathered if it is the last for now.

        Where the system or the transport still has something before it, the loop writes. Return
        False for another thread, and when the peer does not read: the frame has to wait then.
        """
        if self._handler != get_ident() or self._lock is None:
            return False
        with self._lock:
            if self._handler == 0 or not self.is_writable or self._size > MAX_UNFLUSHED:
                return False
            if self._plain is None:
                self._size += put_frame(self._frames, opcode, payload, fin, self.masks)
            else:
                self._serialize(opcode, payload, fin)
            if (is_last or self._size > MAX_UNFLUSHED) and self._is_free():
                self._flush_directly()
            elif not self._flush_scheduled:
                self._flush_scheduled = True
                self.loop.call_soon_threadsafe(self._scheduled_flush)
        return True

    def flush_from_handler(self) -> None:
        """Write what has gathered, if the caller is the handler's thread and nothing waits."""
        if self._frames and self._handler == get_ident() and self._lock is not None:
            with self._lock:
                if self._frames and self._is_free():
                    self._flush_directly()

    def _is_free(self) -> bool:
        """Return whether nothing that was sent before is still on its way to the system."""
        try:
            return (
                self._handler != 0
                and not self._rest
                and not self._transport.is_closing()
                and not self._transport.get_write_buffer_size()
            )
        except RuntimeError:  # the loop takes from that buffer right now
            return False

    def _flush_directly(self) -> None:
        data, count, plain = self._take()
        self.record(data, count, "", plain)
        written = 0
        # An OSError: the system takes no more, or the loop is about to learn that TCP has ended.
        with contextlib.suppress(OSError):
            written = os.write(self._fd, data)
        if written < len(data):
            self._rest = data[written:]
            # A turn later: what has come is read before a write may fail, such as the CLOSE frame
            # of a peer that refused a message and then reset the connection.
            self.loop.call_soon_threadsafe(self.loop.call_soon, self.flush)
