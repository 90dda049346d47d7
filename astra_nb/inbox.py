"""Messages on their way from a connection to its handler, with back-pressure.

A connection delivers on its event loop's thread. When too much waits here, it stops reading from
the socket, so that TCP slows the peer down; it goes on when the handler has caught up.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable

from .wire.messages import Message

__all__ = ["Inbox", "TaskInbox", "ThreadInbox"]

HIGH_MESSAGES, LOW_MESSAGES = 256, 64
HIGH_BYTES, LOW_BYTES = 4 * 2**20, 2**20
MAX_CONTROL_MESSAGES = 1000

_CONTROL = ("ping", "pong")


def _size(message: Message) -> int:
    value = message.value
    return len(value) if isinstance(value, (str, bytes)) else 0


class Inbox:
    """What both kinds of inbox share.

    Pings and pongs never stop the reading, because a handler that only sends would then miss
    the close; beyond 1,000 unread ones the newest are left out (they were answered and logged).

    Attributes:
        ended: No message will be delivered any more.
        resume: Called, on the thread that reads messages, when reading may go on.
    """

    def __init__(self, resume: Callable[[], None]) -> None:
        self.ended = False
        self.resume = resume
        self.paused = False
        self._messages = 0
        self._bytes = 0
        self._control = 0

    @property
    def is_full(self) -> bool:
        return self._messages > HIGH_MESSAGES or self._bytes > HIGH_BYTES

    @property
    def has_room(self) -> bool:
        return self._messages <= LOW_MESSAGES and self._bytes <= LOW_BYTES


class TaskInbox(Inbox):
    """Messages for coroutines on the connection's own loop."""

    def __init__(self, resume: Callable[[], None]) -> None:
        super().__init__(resume)
        self.messages: deque[Message] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()

    def deliver(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if message.type in _CONTROL:
                if self._control >= MAX_CONTROL_MESSAGES:
                    continue
                self._control += 1
            else:
                self._messages += 1
                self._bytes += _size(message)
            self.messages.append(message)
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def take(self) -> Message | None:
        """Give the next message, or None when there is none yet."""
        if not self.messages:
            return None
        message = self.messages.popleft()
        if message.type in _CONTROL:
            self._control -= 1
        else:
            self._messages -= 1
            self._bytes -= _size(message)
        if self.paused and self.has_room:
            self.resume()
        return message

    async def wait(self) -> None:
        """Wait until a message is there, or the end."""
        while not self.messages and not self.ended:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter


class ThreadInbox(Inbox):
    """Messages for threads; `take` blocks. A kernel interrupt gets through."""

    def __init__(self, resume: Callable[[], None]) -> None:
        super().__init__(resume)
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def deliver(self, messages: Iterable[Message]) -> None:
        for message in messages:
            with self._lock:
                if message.type in _CONTROL:
                    if self._control >= MAX_CONTROL_MESSAGES:
                        continue
                    self._control += 1
                else:
                    self._messages += 1
                    self._bytes += _size(message)
            self._queue.put(message)

    def end(self) -> None:
        self.ended = True
        self._queue.put(None)

    def take(self, timeout: float | None = None) -> Message | None:
        """Give the next message, or None at the end.

        Raises:
            queue.Empty: There was none within `timeout` seconds.
        """
        message = self._queue.get(timeout=timeout)
        if message is None:
            self._queue.put(None)  # for the next call, from whatever thread
            return None
        with self._lock:
            if message.type in _CONTROL:
                self._control -= 1
            else:
                self._messages -= 1
                self._bytes -= _size(message)
        if self.paused and self.has_room:
            self.resume()
        return message
