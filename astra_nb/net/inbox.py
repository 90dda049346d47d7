"""Messages on their way from a connection to its handler, with back-pressure.

A connection delivers on its event loop's thread. When too much waits here, it stops reading from
the socket, so that TCP slows the peer down; it goes on when the handler has caught up.

Pings and pongs never stop the reading, because a handler that only sends would then miss the
close; beyond `MAX_CONTROL_MESSAGES` unread ones the newest are left out. They were answered, and
they are on the log.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence

from astra_nb.wire.messages import Message

__all__ = ["TaskInbox", "ThreadInbox"]

HIGH_MESSAGES, LOW_MESSAGES = 256, 64
HIGH_BYTES = 4 * 2**20
MAX_CONTROL_MESSAGES = 1000

_CONTROL = ("ping", "pong")


class TaskInbox:
    """Messages for coroutines on the connection's own loop.

    Attributes:
        messages: Those that wait; a reader takes them from the left, then looks at `paused`.
        ended: No message will be delivered any more.
        paused: The connection has stopped reading.
        on_idle: Called once after `call_when_idle`, when a reader waits for more.
    """

    __slots__ = (
        "_asked",
        "_resume",
        "_size",
        "_waiters",
        "ended",
        "messages",
        "on_idle",
        "paused",
    )

    def __init__(self, resume: Callable[[], None]) -> None:
        self.messages: deque[Message] = deque()
        self.ended = False
        self.paused = False
        self.on_idle: Callable[[], object] | None = None
        self._asked = False
        self._resume = resume
        self._size = 0  # bytes delivered since the inbox was last empty
        self._waiters: list[asyncio.Future[None]] = []

    def deliver(self, messages: Sequence[Message], size: int) -> bool:
        """Add messages that came in `size` bytes; tell whether the reading must stop."""
        waiting = self.messages
        if not waiting:
            self._size = 0
        self._size += size
        if len(waiting) > HIGH_MESSAGES:
            messages = self._without_surplus(messages)
        waiting.extend(messages)
        self._wake()
        if self.paused or (len(waiting) <= HIGH_MESSAGES and self._size <= HIGH_BYTES):
            return False
        data = sum(1 for message in waiting if message.type not in _CONTROL)
        self.paused = data > HIGH_MESSAGES or (data > 0 and self._size > HIGH_BYTES)
        return self.paused

    def _without_surplus(self, messages: Sequence[Message]) -> list[Message]:
        room = MAX_CONTROL_MESSAGES - sum(
            1 for message in self.messages if message.type in _CONTROL
        )
        kept = []
        for message in messages:
            if message.type in _CONTROL:
                room -= 1
                if room < 0:
                    continue
            kept.append(message)
        return kept

    def end(self) -> None:
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def caught_up(self) -> None:
        """A reader has taken a message while the connection had stopped reading."""
        if not self.messages or (len(self.messages) <= LOW_MESSAGES and self._size <= HIGH_BYTES):
            self._resume()

    def call_when_idle(self) -> None:
        """Call `on_idle` as soon as a reader waits for more, at once if one does."""
        self._asked = True
        if not self.messages and not all(waiter.done() for waiter in self._waiters):
            self._tell_idle()

    def _tell_idle(self) -> None:
        if self.on_idle is not None:
            self._asked = False
            self.on_idle()

    async def wait(self) -> None:
        """Wait until a message is there, or the end."""
        if self._asked:
            self._tell_idle()
        while not self.messages and not self.ended:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter


class ThreadInbox:
    """Messages for threads; `take` blocks. A kernel interrupt gets through.

    Attributes:
        ended: No message will be delivered any more.
        paused: The connection has stopped reading.
        on_idle: Called once or twice after `call_when_idle`, when a reader waits for more; on its
            thread or on the loop's.
    """

    def __init__(self, resume: Callable[[], None]) -> None:
        self.ended = False
        self.paused = False
        self.on_idle: Callable[[], object] | None = None
        self._asked = False
        self._idle = False  # a reader waits for more, or is about to
        self._resume = resume
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        # What came is counted on the loop's thread, what was taken on the readers': no counter
        # is written by both.
        self._data_in = self._data_out = 0
        self._control_in = self._control_out = 0
        self._bytes_in = self._bytes_out = 0
        self._lock = threading.Lock()  # among readers

    def deliver(self, messages: Sequence[Message], size: int) -> bool:
        """Add messages that came in `size` bytes; tell whether the reading must stop."""
        put = self._queue.put
        for message in messages:
            if message.type in _CONTROL:
                if self._control_in - self._control_out >= MAX_CONTROL_MESSAGES:
                    continue
                self._control_in += 1
            else:
                self._data_in += 1
                self._bytes_in += _size(message)
            put(message)
        if self.paused or not self._is_above(HIGH_MESSAGES, HIGH_BYTES):
            return False
        self.paused = True
        return True

    def _is_above(self, messages: int, size: int) -> bool:
        waiting, size_waiting = self._data_in - self._data_out, self._bytes_in - self._bytes_out
        return waiting > messages or size_waiting > size

    def end(self) -> None:
        self.ended = True
        self._queue.put(None)

    def call_when_idle(self) -> None:
        """Call `on_idle` as soon as a reader waits for more, at once if one does.

        Called on the loop's thread. Asked first and looked at second, and the reader the other
        way round, so that one of both sees the other.
        """
        self._asked = True
        # The counters first: a reader that has taken the last message was marked as busy before
        # it counted, and is idle again only when it has come back.
        if self._data_in == self._data_out and self._idle:
            self._tell_idle()

    def _tell_idle(self) -> None:
        if self.on_idle is not None:
            self._asked = False
            self.on_idle()

    def take(self, timeout: float | None = None) -> Message | None:
        """Give the next message, or None at the end.

        Raises:
            queue.Empty: There was none within `timeout` seconds.
        """
        self._idle = True
        if self._asked and self._queue.empty():
            self._tell_idle()
        try:
            message = self._queue.get(timeout=timeout)
        finally:
            # Before it is counted as taken: until then the counters say that it waits.
            self._idle = False
        if message is None:
            self._queue.put(None)  # for the next call, from whatever thread
            return None
        with self._lock:
            if message.type in _CONTROL:
                self._control_out += 1
            else:
                self._data_out += 1
                self._bytes_out += _size(message)
        if self.paused and not self._is_above(LOW_MESSAGES, HIGH_BYTES // 4):
            self._resume()
        return message


def _size(message: Message) -> int:
    value = message.value
    return len(value) if isinstance(value, (str, bytes)) else 0
