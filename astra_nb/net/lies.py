"""How one end breaks rules on purpose, while its connection opens, lives and closes.

The faults themselves are a table, `wire.faults`; here is what an end does for them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Protocol, cast

from astra_nb.errors import LocalError
from astra_nb.quantities import check_seconds
from astra_nb.wire.faults import FAULTS, KEY, Fault, Stage, fault_named
from astra_nb.wire.frames import encode
from astra_nb.wire.messages import Side
from astra_nb.wire.opcodes import PONG

__all__ = ["HONEST", "Lies", "check_faults", "told"]

OTHER = b"another payload"


class Masks(Protocol):
    """What sends the frames of an end."""

    masking_keys: Iterator[bytes] | None


class End(Protocol):
    """One end of a connection, as far as it lies."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    @property
    def side(self) -> Side: ...
    @property
    def sender(self) -> Masks: ...
    def notice(self, text: str) -> None: ...
    def answer_close(self) -> None: ...


def check_faults(faults: object, side: Side, *stages: Stage) -> tuple[Fault, ...]:
    """Return the faults that are meant by names or are faults already, also with other `seconds`.

    Raises:
        LocalError: There is no such fault, or this end cannot commit it there.
    """
    if isinstance(faults, (str, Fault)) or not isinstance(faults, Iterable):
        raise LocalError(
            f"faults is a list of names, like ['wrong accept key'], not a {type(faults).__name__}"
        )
    possible = [each for each in FAULTS if each.stage in stages and side in each.senders]
    found = []
    for each in faults:
        name = each.name if isinstance(each, Fault) else each
        try:
            known = fault_named(name, possible)
        except KeyError as exc:
            raise LocalError(f"faults: at this end and place, {exc.args[0]}") from None
        seconds = each.seconds if isinstance(each, Fault) else known.seconds
        if seconds is not None:
            seconds = check_seconds(f"the seconds of {name!r}", seconds)
        found.append(dataclasses.replace(known, seconds=seconds))
    return tuple(found)


@dataclasses.dataclass
class Lies:
    """What one end of a connection does wrong on purpose. On the loop's thread."""

    end: End
    answers_close: bool = True  # whether this end sends a CLOSE frame back
    # Seconds that this end leaves TCP open after the closing handshake; None where it ends TCP as
    # it should.
    keeps_tcp: float | None = None
    _late: float | None = None  # seconds until a CLOSE frame is answered
    _waiting: bool = False
    _other_pong: bool = False

    def begin(self, fault: Fault) -> None:
        """Begin with a fault of the stage "conduct", and say so in the log."""
        end = self.end
        end.notice(told(fault))
        match fault.name:
            case "CLOSE not answered":
                self.answers_close = False
                self.keeps_tcp = fault.seconds
            case "late CLOSE":
                self._late = fault.seconds
            case "TCP left open":
                self.keeps_tcp = fault.seconds
            case "PONG with another payload":
                self._other_pong = True
            case "reading that stops":
                end.transport.pause_reading()
                if fault.seconds is not None:
                    end.loop.call_later(fault.seconds, self._read_again)
            case "same masking key each time":
                end.sender.masking_keys = itertools.repeat(KEY)

    def _read_again(self) -> None:
        if not self.end.transport.is_closing():
            self.end.transport.resume_reading()

    def pongs(self, pongs: list[bytes]) -> list[bytes]:
        """Return what is sent for the PONG frames that are due."""
        if not self._other_pong:
            return pongs
        key = KEY if self.end.side == "client" else None
        return [encode(PONG, OTHER, key=key)] * len(pongs)

    def delays_close(self) -> bool:
        """Return whether the answer to a CLOSE frame has to wait; it is given later then."""
        if self._late is not None:
            self.end.loop.call_later(self._late, self._answer)
            self._late, self._waiting = None, True
        return self._waiting

    def _answer(self) -> None:
        self._waiting = False
        if not self.end.transport.is_closing():  # the other end may have given up meanwhile
            self.end.answer_close()


HONEST = Lies(cast(End, None))  # of every end that breaks no rule; nothing begins with it


def told(fault: Fault) -> str:
    """Return the sentence in the log of the end that breaks a rule on purpose."""
    return f"On purpose: {fault.name}. {fault.breaks} {fault.answer} (RFC 6455, {fault.section})"
