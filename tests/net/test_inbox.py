"""Inboxes: order, the bounds of what is unread, when reading stops and goes on, idle readers."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable

import pytest

from astra_nb.net.inbox import (
    HIGH_BYTES,
    HIGH_MESSAGES,
    LOW_MESSAGES,
    MAX_CONTROL_MESSAGES,
    TaskInbox,
    ThreadInbox,
    Waiter,
)
from astra_nb.wire.messages import CloseFrame, Message
from tests.helpers import wait_until
from tests.servers import run_async

from .memory import until

TEXT = Message("text", "x")
PING = Message("ping", b"p")
PONG = Message("pong", b"p")


def ignore() -> None:
    pass


def texts(count: int, start: int = 0) -> list[Message]:
    return [Message("text", str(number)) for number in range(start, start + count)]


class Calls:
    """A callback that counts its calls."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


# TaskInbox


@pytest.mark.parametrize("kind", [TaskInbox, ThreadInbox])
def test_what_is_unread_is_counted(kind: type[TaskInbox] | type[ThreadInbox]) -> None:
    inbox = kind(ignore)
    assert inbox.unread == (0, 0)
    inbox.deliver([Message("text", "Hello"), Message("bytes", b"abc")], 8)
    assert inbox.unread == (2, 8)
    inbox.messages.popleft() if isinstance(inbox, TaskInbox) else inbox.take()
    assert inbox.unread == (1, 3)


def test_a_task_gets_the_messages_in_their_order() -> None:
    inbox = TaskInbox(ignore)
    sent = [*texts(2), PING, Message("close", CloseFrame(1000))]
    assert inbox.deliver(sent[:1], 1) is False
    assert inbox.deliver(sent[1:], 9) is False
    assert list(inbox.messages) == sent
    assert (inbox.ended, inbox.paused) == (False, False)


def test_reading_stops_at_one_message_over_the_limit_and_is_asked_to_stop_once() -> None:
    inbox = TaskInbox(ignore)
    assert inbox.deliver(texts(HIGH_MESSAGES), 1) is False
    assert inbox.paused is False
    assert inbox.deliver([TEXT], 1) is True
    assert inbox.paused is True
    assert inbox.deliver([TEXT], 1) is False  # it has stopped already
    assert len(inbox.messages) == HIGH_MESSAGES + 2


def test_reading_stops_at_one_byte_over_the_limit() -> None:
    inbox = TaskInbox(ignore)
    assert inbox.deliver([TEXT], HIGH_BYTES) is False
    assert inbox.deliver([TEXT], 1) is True
    assert inbox.paused is True


def test_bytes_are_counted_since_the_inbox_was_last_empty() -> None:
    inbox = TaskInbox(ignore)
    inbox.deliver([TEXT], HIGH_BYTES)
    inbox.messages.clear()
    assert inbox.deliver([TEXT], HIGH_BYTES) is False
    assert inbox.deliver([TEXT], 1) is True


def test_control_messages_alone_never_stop_the_reading() -> None:
    inbox = TaskInbox(ignore)
    assert inbox.deliver([PING] * HIGH_MESSAGES + [PONG] * HIGH_MESSAGES, 1) is False
    assert inbox.deliver([PONG], 2 * HIGH_BYTES) is False
    # One data message among so many bytes does.
    assert inbox.deliver([TEXT], 1) is True


def test_control_messages_do_not_count_as_data() -> None:
    inbox = TaskInbox(ignore)
    assert inbox.deliver([*texts(HIGH_MESSAGES), PING, PONG], 1) is False
    assert inbox.deliver([TEXT], 1) is True


@pytest.mark.parametrize("batch", [1, 7, 3000])
def test_the_newest_control_messages_over_the_limit_are_left_out(batch: int) -> None:
    inbox = TaskInbox(ignore)
    sent = [Message("ping" if n % 2 else "pong", b"%d" % n) for n in range(1500)]
    sent[500:500] = texts(1)
    sent[1300:1300] = texts(2, 1)
    sent.append(Message("close", None))
    for start in range(0, len(sent), batch):
        inbox.deliver(sent[start : start + batch], batch)
    kept = [message for message in inbox.messages if message.type in ("ping", "pong")]
    assert kept == [message for message in sent if message.type in ("ping", "pong")][:1000]
    rest = [message for message in inbox.messages if message not in kept]
    assert rest == [*texts(3), Message("close", None)]
    assert list(inbox.messages).index(rest[0]) == 500  # in its place
    assert MAX_CONTROL_MESSAGES == 1000


def test_a_task_that_has_read_control_messages_gets_later_ones() -> None:
    inbox = TaskInbox(ignore)
    inbox.deliver([PING] * MAX_CONTROL_MESSAGES, 1)
    inbox.messages.popleft()
    inbox.deliver([PONG, PONG], 1)
    assert list(inbox.messages) == [PING] * (MAX_CONTROL_MESSAGES - 1) + [PONG]


def test_reading_goes_on_at_the_low_limit() -> None:
    resumed = Calls()
    inbox = TaskInbox(resumed)
    inbox.deliver(texts(HIGH_MESSAGES + 1), 1)
    while len(inbox.messages) > LOW_MESSAGES:
        assert resumed.count == 0
        inbox.messages.popleft()
        inbox.caught_up()
    assert (len(inbox.messages), resumed.count) == (LOW_MESSAGES, 1)


def test_reading_goes_on_after_many_bytes_only_when_all_is_read() -> None:
    resumed = Calls()
    inbox = TaskInbox(resumed)
    assert inbox.deliver(texts(2), HIGH_BYTES + 1) is True
    inbox.messages.popleft()
    inbox.caught_up()
    assert resumed.count == 0
    inbox.messages.popleft()
    inbox.caught_up()
    assert resumed.count == 1


def test_a_waiting_task_wakes_for_a_message() -> None:
    async def main() -> None:
        inbox = TaskInbox(ignore)
        waiting = asyncio.create_task(inbox.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        inbox.deliver([TEXT], 1)
        await waiting
        await inbox.wait()  # there still is one, so this returns
        assert list(inbox.messages) == [TEXT]

    run_async(main())


def test_a_waiting_task_wakes_for_the_end() -> None:
    async def main() -> None:
        inbox = TaskInbox(ignore)
        waiting = asyncio.create_task(inbox.wait())
        await asyncio.sleep(0)
        inbox.end()
        await waiting
        await inbox.wait()
        assert (list(inbox.messages), inbox.ended) == ([], True)

    run_async(main())


def call(step: Callable[[], object]) -> None:
    step()


def never(step: Callable[[], object]) -> None:
    raise AssertionError("a step that must not be run")


def test_the_readers_task_runs_at_once_where_no_other_task_does() -> None:
    async def main() -> None:
        inbox = TaskInbox(ignore)
        got: list[str] = []
        variable = contextvars.ContextVar("variable", default="none")

        async def read() -> None:
            variable.set("the task's own")
            while True:
                await inbox.wait()
                inbox.messages.clear()
                got.append(variable.get())

        task = asyncio.create_task(read())
        await asyncio.sleep(0)

        def receive() -> None:
            for count in (1, 2):
                assert inbox.put([TEXT], 1) is False
                inbox.run_reader(call)
                assert got == ["the task's own"] * count
            inbox.messages.append(TEXT)
            inbox.deliver([TEXT], 1)  # wakes it in the usual way
            assert len(got) == 2
            inbox.run_reader(call)  # nobody waits any more
            assert len(got) == 2

        asyncio.get_running_loop().call_soon(receive)
        await until(lambda: len(got) == 3)
        inbox.put([TEXT], 1)
        inbox.run_reader(call)  # this task is running
        assert len(got) == 3
        await until(lambda: len(got) == 4)
        task.cancel()
        await asyncio.wait([task])

    run_async(main())


def test_readers_that_were_cancelled_or_are_several_do_not_run_at_once() -> None:
    async def main() -> None:
        inbox = TaskInbox(ignore)
        cancelled = asyncio.create_task(inbox.wait())
        await asyncio.sleep(0)
        cancelled.cancel()
        asyncio.get_running_loop().call_soon(inbox.run_reader, never)
        await asyncio.wait([cancelled])
        await asyncio.sleep(0)
        two = [asyncio.create_task(inbox.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        inbox.put([TEXT], 1)
        asyncio.get_running_loop().call_soon(inbox.run_reader, never)
        await asyncio.wait(two)

    run_async(main())


def test_what_is_not_a_task_is_woken_in_the_usual_way() -> None:
    async def main() -> None:
        inbox = TaskInbox(ignore)
        waiting = inbox.wait()
        waiter = waiting.send(None)
        woken: list[Waiter] = []
        assert isinstance(waiter, Waiter)
        waiter.add_done_callback(woken.append)
        inbox.put([TEXT], 1)
        inbox.run_reader(never)
        await asyncio.sleep(0)
        assert woken == [waiter]
        with pytest.raises(StopIteration):
            waiting.send(None)

    run_async(main())


def test_of_two_waiting_tasks_one_gets_the_message_and_the_other_waits_on() -> None:
    async def main() -> None:
        inbox = TaskInbox(ignore)
        got: list[Message] = []

        async def read() -> None:
            await inbox.wait()
            got.append(inbox.messages.popleft())

        readers = [asyncio.create_task(read()) for _ in range(2)]
        await asyncio.sleep(0)
        inbox.deliver(texts(1), 1)
        await asyncio.wait(readers, return_when=asyncio.FIRST_COMPLETED)
        assert [reader.done() for reader in readers].count(True) == 1
        inbox.deliver(texts(1, 1), 1)
        await asyncio.gather(*readers)
        assert got == texts(2)

    run_async(main())


def test_a_wait_that_was_cancelled_is_forgotten() -> None:
    async def main() -> None:
        told = Calls()
        inbox = TaskInbox(ignore)
        inbox.on_idle = told
        waiting = asyncio.create_task(inbox.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        inbox.call_when_idle()
        assert told.count == 0  # the task that waited has left
        inbox.deliver([TEXT], 1)
        assert list(inbox.messages) == [TEXT]

    run_async(main())


def test_a_task_that_waits_already_is_idle_at_once() -> None:
    async def main() -> None:
        told = Calls()
        inbox = TaskInbox(ignore)
        inbox.on_idle = told
        waiting = asyncio.create_task(inbox.wait())
        await asyncio.sleep(0)
        assert told.count == 0  # nobody has asked
        inbox.call_when_idle()
        assert told.count == 1
        inbox.end()
        await waiting

    run_async(main())


def test_a_task_with_unread_messages_is_idle_when_it_waits_for_more() -> None:
    async def main() -> None:
        told = Calls()
        inbox = TaskInbox(ignore)
        inbox.on_idle = told
        waiting = asyncio.create_task(inbox.wait())
        await asyncio.sleep(0)
        inbox.deliver([TEXT], 1)
        inbox.call_when_idle()  # before the task has taken it
        await waiting
        assert told.count == 0
        inbox.messages.popleft()
        waiting = asyncio.create_task(inbox.wait())
        await asyncio.sleep(0)
        assert told.count == 1
        inbox.end()
        await waiting
        await inbox.wait()
        assert told.count == 1  # once for each time it was asked

    run_async(main())


def test_a_callback_that_comes_after_the_question_is_called() -> None:
    async def main() -> None:
        inbox = TaskInbox(ignore)
        inbox.call_when_idle()
        told = Calls()
        inbox.on_idle = told
        inbox.end()
        await inbox.wait()
        assert told.count == 1

    run_async(main())


def test_what_an_idle_callback_delivers_is_there_after_the_wait() -> None:
    async def main() -> None:
        inbox = TaskInbox(ignore)

        def deliver() -> None:
            inbox.deliver([TEXT], 1)

        inbox.on_idle = deliver
        inbox.call_when_idle()
        await inbox.wait()
        assert list(inbox.messages) == [TEXT]

    run_async(main())


# ThreadInbox


def paused_inbox(messages: list[Message]) -> tuple[ThreadInbox, Calls]:
    """Make an inbox that has stopped the reading, and its count of resumes."""
    resumed = Calls()
    inbox = ThreadInbox(resumed)
    assert inbox.deliver(messages, 1) is True
    assert inbox.paused is True
    return inbox, resumed


def test_a_thread_takes_the_messages_in_their_order_and_then_none() -> None:
    inbox = ThreadInbox(ignore)
    sent = [*texts(2), PING, Message("bytes", b"b"), Message("close", CloseFrame(1000))]
    assert inbox.deliver(sent[:1], 1) is False
    assert inbox.deliver(sent[1:], 1) is False
    assert inbox.ended is False
    inbox.end()
    assert inbox.ended is True
    assert [inbox.take() for _ in sent] == sent
    assert [inbox.take(), inbox.take(0)] == [None, None]  # the end stays there


def test_a_thread_sees_whether_a_message_waits() -> None:
    inbox = ThreadInbox(ignore)
    assert inbox.is_empty()
    assert inbox.put([TEXT], 1) is False
    inbox.run_reader(never)  # whoever waits for the queue has been woken
    assert not inbox.is_empty()
    inbox.take()
    assert inbox.is_empty()


def test_taking_from_an_empty_inbox_raises_after_the_timeout() -> None:
    inbox = ThreadInbox(ignore)
    with pytest.raises(queue.Empty):
        inbox.take(0.001)
    inbox.deliver([TEXT], 1)
    assert inbox.take(0.001) == TEXT


def test_the_end_wakes_every_thread_that_waits() -> None:
    inbox = ThreadInbox(ignore)
    got: list[Message | None] = []
    threads = [threading.Thread(target=lambda: got.append(inbox.take())) for _ in range(3)]
    for thread in threads:
        thread.start()
    inbox.end()
    for thread in threads:
        thread.join(5)
    assert got == [None, None, None]


def test_threads_share_the_messages_and_none_is_lost_or_given_twice() -> None:
    resumed = Calls()
    inbox = ThreadInbox(resumed)
    got: list[list[Message]] = [[], [], []]

    def read(mine: list[Message]) -> None:
        while (message := inbox.take()) is not None:
            mine.append(message)

    threads = [threading.Thread(target=read, args=(mine,)) for mine in got]
    for thread in threads:
        thread.start()
    sent = texts(3000)
    for start in range(0, 3000, 100):
        inbox.deliver(sent[start : start + 100], 1)
    inbox.end()
    for thread in threads:
        thread.join(10)
    assert sorted((m for mine in got for m in mine), key=lambda m: int(str(m.value))) == sent
    for mine in got:
        assert mine == sorted(mine, key=lambda message: int(str(message.value)))
    # The counters are right after all that: one more than the limit stops the reading.
    inbox.paused = False
    assert inbox.deliver(texts(HIGH_MESSAGES), 1) is False
    assert inbox.deliver([TEXT], 1) is True


def test_two_threads_do_not_lose_each_others_counts() -> None:
    inbox = ThreadInbox(ignore)
    size = HIGH_BYTES // 2

    class Slow(str):
        """A text during whose counting the other thread has time to count, if it may."""

        def __len__(self) -> int:
            if not delivering:
                other.wait(0.05)
            return size

    other = threading.Event()
    delivering = True
    inbox.deliver([Message("text", Slow()), Message("bytes", bytes(size))], 1)
    delivering = False

    def take_and_tell() -> None:
        inbox.take()
        other.set()

    # The first take of two is the slow one: the messages come in their order.
    threads = [threading.Thread(target=take_and_tell) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert inbox.deliver([Message("bytes", bytes(HIGH_BYTES))], 1) is False


def test_a_thread_stops_the_reading_at_one_message_over_the_limit() -> None:
    inbox = ThreadInbox(ignore)
    assert inbox.deliver(texts(HIGH_MESSAGES), 1) is False
    assert inbox.paused is False
    assert inbox.deliver([TEXT], 1) is True
    assert inbox.deliver([TEXT], 1) is False  # it has stopped already
    assert inbox.paused is True


@pytest.mark.parametrize("value", ["x" * HIGH_BYTES, b"x" * HIGH_BYTES], ids=["text", "bytes"])
def test_a_thread_stops_the_reading_at_one_byte_over_the_limit(value: str | bytes) -> None:
    inbox = ThreadInbox(ignore)
    assert inbox.deliver([Message("bytes", value), Message("text", "")], 1) is False
    assert inbox.deliver([Message("close", CloseFrame(1000))], 1) is False  # has no size
    assert inbox.deliver([Message("text", "y")], 1) is True


def test_what_a_thread_has_taken_does_not_count() -> None:
    inbox = ThreadInbox(ignore)
    large = Message("bytes", bytes(HIGH_BYTES))
    for _ in range(3):
        assert inbox.deliver([large], 1) is False
        assert inbox.take() == large
    for _ in range(3):
        assert inbox.deliver(texts(HIGH_MESSAGES), 1) is False
        for _ in range(HIGH_MESSAGES):
            inbox.take()


def test_pings_and_pongs_never_stop_the_reading_for_a_thread() -> None:
    inbox = ThreadInbox(ignore)
    large = Message("ping", bytes(HIGH_BYTES // 100))
    assert inbox.deliver([PONG, large] * 400, 1) is False
    assert inbox.deliver(texts(HIGH_MESSAGES), 1) is False
    assert inbox.deliver([TEXT], 1) is True


def test_a_thread_gets_the_oldest_control_messages_and_all_others() -> None:
    inbox = ThreadInbox(ignore)
    sent = [Message("ping" if n % 2 else "pong", b"%d" % n) for n in range(1500)]
    inbox.deliver([*sent[:1200], TEXT, *sent[1200:], Message("close", None)], 1)
    inbox.end()
    got = list(iter(inbox.take, None))
    assert got == [*sent[:1000], TEXT, Message("close", None)]
    # All of them were taken, so there is room again.
    inbox = ThreadInbox(ignore)
    for _ in range(2):
        inbox.deliver(sent, 1)
        assert [inbox.take() for _ in range(1000)] == sent[:1000]


def test_the_reading_goes_on_for_a_thread_at_the_low_limit() -> None:
    inbox, resumed = paused_inbox(texts(HIGH_MESSAGES + 1))
    for _ in range(HIGH_MESSAGES - LOW_MESSAGES):
        inbox.take()
        assert resumed.count == 0
    inbox.take()
    assert resumed.count == 1
    inbox.paused = False  # as the connection does, which reads again
    inbox.take()
    assert resumed.count == 1


def test_the_reading_goes_on_for_a_thread_at_a_quarter_of_the_bytes() -> None:
    quarter = Message("bytes", bytes(HIGH_BYTES // 4))
    inbox, resumed = paused_inbox([TEXT, *[quarter] * 5])
    for _ in range(4):
        inbox.take()
        assert resumed.count == 0
    inbox.take()  # one quarter is left
    assert resumed.count == 1


def test_reading_that_has_not_stopped_is_not_resumed() -> None:
    resumed = Calls()
    inbox = ThreadInbox(resumed)
    inbox.deliver([TEXT], 1)
    inbox.take()
    assert resumed.count == 0


def take_in_thread(inbox: ThreadInbox) -> tuple[threading.Thread, list[Message | None]]:
    got: list[Message | None] = []
    thread = threading.Thread(target=lambda: got.append(inbox.take()))
    thread.start()
    return thread, got


def ask_until_idle(inbox: ThreadInbox, told: Calls) -> None:
    """Wait until the reader of an empty inbox waits for more."""

    def ask() -> bool:
        inbox.call_when_idle()
        return told.count > 0

    wait_until(ask)


def test_a_thread_that_waits_already_is_idle_at_once() -> None:
    told = Calls()
    inbox = ThreadInbox(ignore)
    inbox.on_idle = told
    thread, got = take_in_thread(inbox)
    ask_until_idle(inbox, told)
    inbox.deliver([TEXT], 1)
    thread.join(5)
    assert got == [TEXT]


def test_a_thread_that_does_not_wait_is_not_idle() -> None:
    told = Calls()
    inbox = ThreadInbox(ignore)
    inbox.on_idle = told
    inbox.deliver(texts(2), 1)
    inbox.take()
    inbox.take()
    inbox.call_when_idle()
    assert told.count == 0  # it may still answer what it has taken
    inbox.deliver([TEXT], 1)
    inbox.take()
    assert told.count == 0  # one was there: it had not to wait for more
    with pytest.raises(queue.Empty):
        inbox.take(0)
    assert told.count == 1
    with pytest.raises(queue.Empty):
        inbox.take(0)
    assert told.count == 1  # once for each time it was asked
    inbox.call_when_idle()
    assert told.count == 1  # nor is it idle after a wait in vain


def test_a_thread_whose_message_is_still_unread_is_not_idle() -> None:
    told = Calls()
    inbox = ThreadInbox(ignore)
    inbox.on_idle = told
    thread, _ = take_in_thread(inbox)
    ask_until_idle(inbox, told)  # it waits now
    inbox.deliver(texts(2), 1)  # one for the thread, and one that stays
    count = told.count
    inbox.call_when_idle()
    thread.join(5)
    inbox.call_when_idle()
    assert told.count == count
    assert inbox.take(0) == texts(1, 1)[0]


def test_pings_do_not_keep_a_waiting_thread_from_being_idle() -> None:
    told = Calls()
    inbox = ThreadInbox(ignore)
    inbox.on_idle = told
    inbox.deliver([PING, PONG], 1)
    assert [inbox.take(), inbox.take()] == [PING, PONG]
    thread, _ = take_in_thread(inbox)
    ask_until_idle(inbox, told)
    inbox.end()
    thread.join(5)


def test_a_callback_of_a_thread_that_comes_after_the_question_is_called() -> None:
    inbox = ThreadInbox(ignore)
    inbox.call_when_idle()
    told = Calls()
    inbox.on_idle = told
    with pytest.raises(queue.Empty):
        inbox.take(0)
    assert told.count == 1


def test_what_an_idle_callback_delivers_to_a_thread_is_taken() -> None:
    inbox = ThreadInbox(ignore)

    def deliver() -> None:
        inbox.deliver([TEXT], 1)

    inbox.on_idle = deliver
    inbox.call_when_idle()
    assert inbox.take(0) == TEXT


def test_the_thread_clears_its_mark_before_it_counts() -> None:
    """At no moment does a taken message count as read while its reader counts as idle."""
    told: list[str] = []
    inbox = ThreadInbox(ignore)
    inbox.on_idle = lambda: told.append(threading.current_thread().name)
    rounds = 300
    answered = 0

    def read() -> None:
        nonlocal answered
        while inbox.take() is not None:
            answered += 1

    thread = threading.Thread(target=read, name="reader")
    thread.start()
    for number in range(1, rounds + 1):
        before = len(told)
        inbox.deliver([TEXT], 1)
        inbox.call_when_idle()
        wait_until(lambda before=before: len(told) > before)  # type: ignore[misc]
        assert answered == number  # the message was answered by then
    inbox.end()
    thread.join(5)


# From one to the other


def test_what_a_thread_has_not_read_goes_to_coroutines() -> None:
    thread_inbox, task_inbox = ThreadInbox(ignore), TaskInbox(ignore)
    thread_inbox.deliver([TEXT, PING], 3)
    thread_inbox.move_to(task_inbox)
    assert list(task_inbox.messages) == [TEXT, PING]
    assert (task_inbox.paused, task_inbox.ended) == (False, False)


def test_a_stopped_reading_an_end_and_a_question_go_along() -> None:
    resumed, idle = Calls(), Calls()
    thread_inbox, task_inbox = ThreadInbox(ignore), TaskInbox(resumed)
    task_inbox.on_idle = idle
    thread_inbox.deliver(texts(HIGH_MESSAGES + 1), 1)
    thread_inbox.call_when_idle()
    thread_inbox.end()
    thread_inbox.move_to(task_inbox)
    assert (len(task_inbox.messages), task_inbox.paused) == (HIGH_MESSAGES + 1, True)
    task_inbox.messages.clear()
    task_inbox.caught_up()
    run_async(task_inbox.wait())  # does not wait: it has ended
    assert (resumed.count, idle.count, task_inbox.ended) == (1, 1, True)


def test_reading_that_stopped_for_the_bytes_stays_stopped() -> None:
    thread_inbox, task_inbox = ThreadInbox(ignore), TaskInbox(ignore)
    assert thread_inbox.deliver([Message("text", "x" * (HIGH_BYTES + 1))], 1)
    thread_inbox.move_to(task_inbox)
    assert task_inbox.paused
