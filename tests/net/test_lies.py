"""What an end does wrong on purpose, without a connection."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Iterator
from typing import Any, cast

import pytest

from astra_nb.errors import LocalError
from astra_nb.net.lies import End, Lies, check_faults, told
from astra_nb.wire.faults import KEY, fault_named
from astra_nb.wire.frames import decode
from tests.servers import run_async


class Transport:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.closing = False
        self.looked = asyncio.Event()

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def is_closing(self) -> bool:
        self.looked.set()
        return self.closing


class Sender:
    masking_keys: Iterator[bytes] | None = None


class FakeEnd:
    def __init__(self, side: str = "server") -> None:
        self.side = side
        self.loop = asyncio.get_running_loop()
        self.transport = Transport()
        self.sender = Sender()
        self.notices: list[str] = []
        self.answered = asyncio.Event()

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def answer_close(self) -> None:
        self.answered.set()


def lying(name: str, side: str = "server", seconds: float | None = None) -> tuple[FakeEnd, Lies]:
    end = FakeEnd(side)
    lies = Lies(cast(End, end))
    fault = fault_named(name)
    lies.begin(fault if seconds is None else dataclasses.replace(fault, seconds=seconds))
    assert end.notices[0].startswith(f"On purpose: {name}. ")
    return end, lies


def test_an_end_may_keep_its_close_and_its_tcp() -> None:
    async def main() -> None:
        _, silent = lying("CLOSE not answered")
        assert (silent.answers_close, silent.keeps_tcp) == (False, 60.0)
        _, open_end = lying("TCP left open", seconds=5)
        assert (open_end.answers_close, open_end.keeps_tcp) == (True, 5)
        _, other = lying("PONG with another payload")
        assert (other.answers_close, other.keeps_tcp, other.delays_close()) == (True, None, False)

    run_async(main())


def test_a_late_close_is_answered_once_and_later() -> None:
    async def main() -> None:
        end, lies = lying("late CLOSE", seconds=0.01)
        assert lies.delays_close()
        assert lies.delays_close()  # whoever asks meanwhile
        await end.answered.wait()
        assert not lies.delays_close()

    run_async(main())


def test_a_late_close_comes_to_nothing_where_the_other_end_has_given_up() -> None:
    async def main() -> None:
        end, lies = lying("late CLOSE", seconds=0.001)
        assert lies.delays_close()
        end.transport.closing = True
        await asyncio.wait_for(end.transport.looked.wait(), 10)
        assert not end.answered.is_set()

    run_async(main())


@pytest.mark.parametrize("side", ["server", "client"])
def test_another_pong(side: str) -> None:
    async def main() -> None:
        _, lies = lying("PONG with another payload", side)
        first, second = lies.pongs([b"a", b"b"])
        assert first == second
        frame = decode(first)
        assert (frame.type, frame.payload) == ("pong", b"another payload")
        assert frame.masked is (side == "client")
        _, honest = lying("TCP left open", side)
        assert honest.pongs([b"a"]) == [b"a"]

    run_async(main())


def test_reading_that_stops_may_go_on() -> None:
    async def main() -> None:
        end, _ = lying("reading that stops")
        assert end.transport.calls == ["pause"]
        for closing in (False, True):
            end, _ = lying("reading that stops", seconds=0.001)
            end.transport.closing = closing
            await asyncio.wait_for(end.transport.looked.wait(), 10)
            assert end.transport.calls == (["pause"] if closing else ["pause", "resume"])

    run_async(main())


def test_the_same_masking_key() -> None:
    async def main() -> None:
        end, _ = lying("same masking key each time", "client")
        assert end.sender.masking_keys is not None
        assert next(end.sender.masking_keys) == next(end.sender.masking_keys) == KEY

    run_async(main())


def test_faults_by_name_and_with_other_seconds() -> None:
    late = dataclasses.replace(fault_named("late answer"), seconds=9.0)
    found = check_faults(["late CLOSE", late], "server", "answer", "conduct")
    assert [(fault.name, fault.seconds) for fault in found] == [
        ("late CLOSE", 1.0),
        ("late answer", 9.0),
    ]
    assert check_faults((), "client", "request") == ()


@pytest.mark.parametrize("seconds", [-1, 0, math.nan, "long", True])
def test_seconds_that_a_timer_could_not_take(seconds: Any) -> None:
    """A nan among the timers of the event loop would keep others from ever being due."""
    late = dataclasses.replace(fault_named("late CLOSE"), seconds=seconds)
    with pytest.raises(LocalError, match="the seconds of 'late CLOSE' is a positive number"):
        check_faults([late], "server", "conduct")


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ("late CLOSE", "faults is a list of names, like ['wrong accept key'], not a str"),
        (7, "faults is a list of names, like ['wrong accept key'], not a int"),
        (
            ["nothing"],
            "faults: at this end and place, no fault has the name 'nothing'; choose from ",
        ),
        ([7], "faults: at this end and place, no fault has the name 7; choose from "),
        (
            ["answer that is not HTTP"],
            "faults: at this end and place, no fault has the name 'answer that is not HTTP'; ",
        ),
        (["same masking key each time"], "faults: at this end and place, no fault has the "),
    ],
)
def test_what_is_not_a_fault_here(faults: Any, message: str) -> None:
    with pytest.raises(LocalError) as caught:
        check_faults(faults, "server", "conduct")
    assert str(caught.value).startswith(message)


def test_what_is_told() -> None:
    assert told(fault_named("late CLOSE")) == (
        "On purpose: late CLOSE. An end answers a CLOSE frame as soon as practical, and this one "
        "waits. The other end waits for a while, and may close TCP before the answer comes. "
        "(RFC 6455, 5.5.1)"
    )
