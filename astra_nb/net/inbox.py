"""Inboxes: queues of received messages between a connection and its handler, with back-pressure.

A connection delivers on its event loop's thread. When too many messages wait here, it stops
reading from the socket, so that TCP slows the peer down. It goes on when the handler has caught
up.

Pings and pongs never stop the reading, because a handler that only sends would then not see the
close. When `MAX_CONTROL_MESSAGES` of them are unread, further ones are left out. They were
answered, and they are in the log.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from astra_nb.locks import make_lock, seconds
from astra_nb.wire.messages import Message

__all__ = ["TaskInbox", "ThreadInbox", "payload_size"]

HIGH_MESSAGES, LOW_MESSAGES = 256, 64
HIGH_BYTES = 4 * 2**20
MAX_CONTROL_MESSAGES = 1000

_CONTROL = frozenset({"ping", "pong"})


# Nothing is put in here. A deque has room for 64 from the start, and most connections are idle.
NO_MESSAGES: deque[Message] = deque()


class Waiter(asyncio.Future[None]):
    """A future that can run the task that awaits it, without another turn of the loop."""

    __slots__ = ("step",)  # each connection whose handler waits has one

    # What the task has asked for when this is done, and its context; None when it is not exactly
    # one task that awaits this.
    step: tuple[Callable[[Waiter], object], contextvars.Context] | None

    def add_done_callback(
        self,
        fn: Callable[[Waiter], object],
        /,
        *,
        context: contextvars.Context | None = None,
    ) -> None:
        """Note the callback, and add it."""
        super().add_done_callback(fn, context=context)
        self.step = None if self.step is not None or context is None else (fn, context)

    def run_task(self) -> None:
        """Run the task's next step; `step` is not None, and no task is running."""
        assert self.step is not None
        fn, context = self.step
        self.remove_done_callback(fn)
        self.set_result(None)
        context.run(fn, self)


@dataclass(slots=True, eq=False, repr=False)
class TaskInbox:
    """Messages for coroutines on the connection's own loop."""

    resume: Callable[[], None]  # called when the connection may read again
    # The unread ones, in another deque once there were some. A reader takes them from the left, and
    # then calls `caught_up` if `paused`.
    messages: deque[Message] = field(default_factory=lambda: NO_MESSAGES)
    ended: bool = False  # whether no message will be delivered any more
    paused: bool = False  # whether the connection has stopped reading
    # Called once after each `call_when_idle`, when a reader waits for more.
    on_idle: Callable[[], object] = lambda: None
    _asked: bool = False
    _size: int = 0  # bytes delivered since the inbox was last empty
    _waiters: list[Waiter] = field(default_factory=list)

    def deliver(self, messages: Sequence[Message], size: int) -> bool:
        """Add messages of `size` bytes, decompressed; return whether to stop reading."""
        stop = self.put(messages, size)
        self._wake()
        return stop

    def put(self, messages: Sequence[Message], size: int) -> bool:
        """Deliver without waking the reader: `run_reader` follows."""
        waiting = self.messages
        if not waiting:
            self._size = 0
            if waiting is NO_MESSAGES:
                self.messages = waiting = deque()
        self._size += size
        waiting.extend(messages)
        if self.paused or (len(waiting) <= HIGH_MESSAGES and self._size <= HIGH_BYTES):
            return False
        kept: deque[Message] = deque()
        control = 0
        for message in waiting:
            control += message.type in _CONTROL
            if message.type not in _CONTROL or control <= MAX_CONTROL_MESSAGES:
                kept.append(message)
        self.messages = kept
        data = len(waiting) - control
        self.paused = data > HIGH_MESSAGES or (data > 0 and self._size > HIGH_BYTES)
        return self.paused

    def end(self) -> None:
        """End the inbox: readers get the unread messages, and then nothing more."""
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def run_reader(self, gather: Callable[[Callable[[], object]], None]) -> None:
        """Wake the reader: at once if no task is running, which spares a turn of the loop.

        `gather` is called with the reader's next step, and calls that.
        """
        waiters = self._waiters
        if not waiters:
            return
        first = waiters[0]
        # `current_task` takes twice as long when it has to find the loop.
        if len(waiters) == 1 and first.step and asyncio.current_task(first.get_loop()) is None:
            waiters.clear()
            if not first.done():
                gather(first.run_task)
        else:
            self._wake()

    def caught_up(self) -> None:
        """Resume the reading if few enough messages are unread."""
        if not self.messages or (len(self.messages) <= LOW_MESSAGES and self._size <= HIGH_BYTES):
            self.resume()

    def call_when_idle(self) -> None:
        """Call `on_idle` when a reader waits for more; now, if one does already."""
        self._asked = True
        if any(not waiter.done() for waiter in self._waiters):
            self._report_idle()

    def _report_idle(self) -> None:
        self._asked = False
        self.on_idle()

    @property
    def unread(self) -> tuple[int, int]:
        """How many messages wait, and their size. Any thread."""
        waiting = self.messages.copy()
        return len(waiting), sum(map(payload_size, waiting))

    async def wait(self) -> None:
        """Wait until there is a message or `ended` is true."""
        if self._asked:
            self._report_idle()
        while not self.messages and not self.ended:
            waiter = Waiter()
            waiter.step = None
            self._waiters.append(waiter)
            await waiter


class ThreadInbox:
    """Messages for threads; what is public here is as in a `TaskInbox`.

    `on_idle` is called once or twice, on the reader's thread or on the loop's.
    """

    def __init__(self, resume: Callable[[], None]) -> None:
        self.ended = False
        self.paused = False
        self.on_idle: Callable[[], object] = lambda: None
        self._asked = False
        self._idle = False  # a reader waits for more, or is about to
        self._resume = resume
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.is_empty: Callable[[], bool] = self._queue.empty
        # The loop's thread writes the counters of what came in, readers write those of what was
        # taken out: no counter is written by both.
        self._data_in = self._data_out = 0
        self._control_in = self._control_out = 0
        self._bytes_in = self._bytes_out = 0
        self._lock = make_lock()  # held by readers while they count

    def deliver(self, messages: Sequence[Message], size: int) -> bool:
        """Add messages; return whether to stop reading. They are measured one by one."""
        put = self._queue.put
        for message in messages:
            value = message.value
            if isinstance(value, str):  # a text: most are
                self._data_in += 1
                self._bytes_in += len(value)
            elif message.type in _CONTROL:
                if self._control_in - self._control_out >= MAX_CONTROL_MESSAGES:
                    continue
                self._control_in += 1
            else:
                self._data_in += 1
                self._bytes_in += payload_size(message)
            put(message)
        was_paused = self.paused
        self.paused = was_paused or self._is_above(HIGH_MESSAGES, HIGH_BYTES)
        return self.paused and not was_paused

    put = deliver

    def run_reader(self, gather: Callable[[Callable[[], object]], None]) -> None:
        """Do nothing: a thread that waits has been woken."""

    @property
    def unread(self) -> tuple[int, int]:
        """How many messages wait, without pings and pongs, and their size. Any thread."""
        return self._data_in - self._data_out, self._bytes_in - self._bytes_out

    def _is_above(self, messages: int, size: int) -> bool:
        waiting, size_waiting = self._data_in - self._data_out, self._bytes_in - self._bytes_out
        return waiting > messages or size_waiting > size

    def end(self) -> None:
        self.ended = True
        self._queue.put(None)

    def call_when_idle(self) -> None:
        """As for a `TaskInbox`. On the loop's thread."""
        # Set `_asked` before reading `_idle`; the reader does the opposite, so at least one side
        # sees the other's write.
        self._asked = True
        # Read the counters before `_idle`: a reader clears `_idle` before it counts the message
        # it took, and sets it again only when it comes back for the next one.
        if self._data_in == self._data_out and self._idle:
            self._report_idle()

    def move_to(self, other: TaskInbox) -> None:
        """Hand over what is unread to coroutines, on the loop's thread; nobody reads here."""
        unread = []
        while not self._queue.empty():
            unread.append(self._queue.get())
        other.deliver([message for message in unread if message is not None], 0)
        other.paused = self.paused
        if self._asked:
            other.call_when_idle()
        if self.ended:
            other.end()

    def _report_idle(self) -> None:
        self._asked = False
        self.on_idle()

    def _wait(self, timeout: float | None) -> Message | None:
        self._idle = True
        if self._asked and self._queue.empty():
            self._report_idle()
        try:
            left = seconds(timeout)
            return self._queue.get(timeout=None if left < 0 else left)
        finally:
            # Before the message is counted as taken: until then the counters say it is unread.
            self._idle = False

    def take(self, timeout: float | None = None) -> Message | None:
        """Return the next message, or None at the end. Any thread may call this.

        A kernel interrupt (Ctrl-C) ends the wait; after `timeout` seconds it is `queue.Empty`.
        """
        try:
            message = self._queue.get_nowait()
        except queue.Empty:
            message = self._wait(timeout)
        if message is None:
            self._queue.put(None)  # for the next call, on any thread
            return None
        value = message.value
        with self._lock:
            if isinstance(value, str):  # as in `deliver`
                self._data_out += 1
                self._bytes_out += len(value)
            elif message.type in _CONTROL:
                self._control_out += 1
            else:
                self._data_out += 1
                self._bytes_out += payload_size(message)
        if self.paused and not self._is_above(LOW_MESSAGES, HIGH_BYTES // 4):
            self._resume()
        return message


def payload_size(message: Message) -> int:
    """Return the length of a message's text or bytes; about its size in memory."""
    value = message.value
    return len(value) if isinstance(value, (str, bytes)) else 0
