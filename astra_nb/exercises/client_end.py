"""One client of a check at work: what it said, what came, and how its connection ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from astra_nb.errors import AstraError

from .diagnosis.evidence import Said
from .socket_spy import Run, said_of

__all__ = ["End"]


@dataclass(eq=False)
class End:
    """One client at work, and the handler's call for it."""

    number: int
    socket: Any
    run: Run
    on_change: Callable[[], None]
    inbox: list[Said] = field(default_factory=list)  # whole messages that came
    taken: int = 0  # how many of them were expected
    right: list[Said] = field(default_factory=list)
    answers: int = 0  # how many of those came after the last thing it said
    said: list[Said] = field(default_factory=list)
    unanswered: list[Said] = field(default_factory=list)  # of these
    ended: str = ""  # how its connection ended: "", "closed", "dropped" or "refused"
    leaving: bool = False
    may_hear: bool = False  # whether others leave at the end, of which it may be told

    def __post_init__(self) -> None:
        self.reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(AstraError):
            async for message in self.socket:
                if (
                    message.type == "close"
                    and message.value is None
                    and not self._closes("received")
                ):
                    break  # TCP ended without a CLOSE frame
                self.inbox.append(said_of(message))
                self.on_change()
        directions = self._closes("received", "sent")
        mine = directions[:1] == ["sent"] and not self.leaving
        self.ended = "refused" if mine else "closed" if directions else "dropped"
        self.on_change()

    def _closes(self, *directions: str) -> list[str]:
        frames = [frame for frame in self.socket.log.frames if frame.type == "close"]
        return [frame.direction for frame in frames if frame.direction in directions]

    @property
    def pending(self) -> Said | None:
        """The first message that was not expected yet."""
        return self.inbox[self.taken] if len(self.inbox) > self.taken else None

    @property
    def close(self) -> Said | None:
        """The CLOSE frame that has come, or what stands for the end of TCP."""
        end = Said("close") if self.ended == "closed" else None
        return next((said for said in self.inbox if said.type == "close"), end)
