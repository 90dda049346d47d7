"""Rules of a tap: functions that see each message and may change what becomes of it."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from astra_nb.errors import InvalidRoute, LocalError
from astra_nb.log.joiner import Joiner
from astra_nb.wire.frames import Frame, decode, frame_length
from astra_nb.wire.messages import Message, Side
from astra_nb.wire.opcodes import CLOSE, PING, PONG

from .routes import check_handler, is_async
from .tap_message import Passing

__all__ = ["End", "Line", "RuleFunction", "RuledWay", "checked_rules"]

MAX_JOINED = 16 * 2**20  # bytes of a message that a rule sees
MAX_QUEUED = 2**20  # bytes that wait until no more are read
NOT_DONE = "a rule is a plain def: it is called with each message, and nothing awaits it"


RuleFunction = Callable[[Passing], object]
End = Literal["eof", "reset"]


def checked_rules(rules: Iterable[RuleFunction]) -> list[RuleFunction]:
    """Return rules as a list, each a function that takes a message and does all at once."""
    if isinstance(rules, (str, bytes)) or not isinstance(rules, Iterable):
        raise LocalError(f"rules is a list, like [rule], not {rules!r:.80}")
    checked = list(rules)
    for rule in checked:
        try:
            check_handler(rule, "rule", "a message", "message")
        except InvalidRoute as exc:
            raise LocalError(str(exc)) from None
        if is_async(rule):
            raise LocalError(f"{NOT_DONE}, not {rule!r:.80}")
    return checked


def _check_done(result: object) -> None:
    """Refuse what a rule returned if none of the rule's lines has run yet."""
    if inspect.iscoroutine(result):
        result.close()
    if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
        raise LocalError(f"{NOT_DONE}; this one returned {result!r:.80}")


@dataclass(slots=True)
class Queued:
    """What waits in a way: bytes, the end of TCP, or both."""

    data: bytes
    ready: float = 0.0  # in the loop's time
    held: int = 0  # the number of a message that is held; else 0
    end: End | None = None
    cut: bool = False


class Line(Protocol):
    """What a way is part of, both directions of a connection: a `TapLine`."""

    loop: asyncio.AbstractEventLoop
    rules: Sequence[RuleFunction]
    held: dict[int, Passing]
    held_numbers: Iterator[int]

    def forward(self, sender: Side, data: bytes) -> None: ...
    def finish(self, sender: Side, end: End) -> None: ...
    def inject(self, to: Side, frames: bytes) -> None: ...
    def cut(self) -> None: ...
    def notice(self, text: str) -> None: ...
    def rule_failed(self, error: BaseException) -> None: ...
    def hold_up(self, sender: Side, *, held_up: bool) -> None: ...


class RuledWay:
    """One direction of a connection under rules: whole frames come in, and leave when they may."""

    def __init__(self, line: Line, sender: Side, connection: int) -> None:
        self._line = line
        self._sender: Side = sender
        self._connection = connection  # its number
        self._tail = bytearray()
        self._skip = 0  # bytes of a frame that passes unseen
        self._fragments: list[bytes] = []
        self._size = 0  # bytes in them
        self._joiner = Joiner("replace")
        self._unseen = False  # whether the message under way passes unseen
        self._queue: deque[Queued] = deque()
        self._queued = 0  # bytes in it
        self._next = 0.0  # when to look at it again
        self._later: list[bytes] = []  # injected amid a message that passes unseen

    def take(self, data: bytes) -> None:
        """Take a chunk of any length."""
        if self._skip:
            part = data[: self._skip]
            self._skip -= len(part)
            self._put(Queued(part))
            data = data[len(part) :]
            if not (self._skip or self._unseen):
                self._put_later()
        tail = self._tail
        tail += data
        start = 0
        while (length := frame_length(tail, start)) is not None:
            if length > MAX_JOINED:
                self._pass_unseen(bytes(tail[start:]), length)
                start = len(tail)
                break
            if start + length > len(tail):
                break
            self._take_frame(bytes(tail[start : start + length]))
            start += length
        del tail[:start]
        self._run()

    def finish(self, end: End) -> None:
        """Take the end of TCP: it goes on after what waits."""
        self._flush_fragments()
        self._put(Queued(bytes(self._tail), end=end))
        self._tail.clear()
        self._run()

    def inject(self, frames: bytes) -> None:
        """Send frames of the tap's own, where no other is under way."""
        if self._skip or self._unseen:
            self._later.append(frames)
        else:
            self._put(Queued(frames))
            self._run()

    def release(self, number: int | None = None, value: object = None) -> int:
        """Release what is held, as `Tap.release` says; return how many messages that were."""
        line = self._line
        found = [item for item in self._queue if item.held and number in (None, item.held)]
        for item in found:
            if value is not None:
                passing = line.held[item.held]
                passing.replace(value)
                self._queued -= len(item.data)
                item.data = passing.outcome(b"").onward
                self._queued += len(item.data)
                line.notice(
                    f"Another {passing.type} message goes on in place of one from the "
                    f"{self._sender} that was held."
                )
            del line.held[item.held]
            item.held = 0
        self._run()
        return len(found)

    def stop(self) -> None:
        """Forget what waits: called when TCP has ended with both ends."""
        for item in self._queue:
            self._line.held.pop(item.held, None)
        self._queue.clear()
        self._queued = 0

    # Frames and messages

    def _take_frame(self, raw: bytes) -> None:
        frame = decode(raw)
        if frame.is_control or frame.type == "reserved":
            if frame.opcode == CLOSE:
                self._flush_fragments()
            self._take_control(frame)
            return
        if self._unseen:
            self._put(Queued(raw))
            if frame.fin:
                self._unseen = False
                self._put_later()
            return
        if frame.opcode != 0 or not self._fragments:
            self._flush_fragments()
        self._fragments.append(raw)
        self._size += len(raw)
        if self._size > MAX_JOINED:
            self._tell_unseen()
            self._flush_fragments()
            self._unseen = not frame.fin
            return
        message = self._joiner.add(frame.opcode, frame.payload, frame.fin)
        if frame.fin:
            fragments, self._fragments, self._size = self._fragments, [], 0
            if message is None:  # it has no beginning
                self._put(Queued(b"".join(fragments)))
            else:
                self._apply(message, b"".join(fragments), len(fragments))

    def _take_control(self, frame: Frame) -> None:
        if frame.opcode in (PING, PONG):
            message = Message("ping" if frame.opcode == PING else "pong", frame.payload)
        elif frame.opcode == CLOSE:
            message = Message("close", frame.close)
        else:
            self._put(Queued(frame.raw))
            return
        self._apply(message, frame.raw, 1)

    def _pass_unseen(self, part: bytes, length: int) -> None:
        """Pass on a frame that is too long to be joined, as it comes."""
        self._tell_unseen()
        self._flush_fragments()
        self._skip = length - len(part)
        self._unseen = part[0] < 0x80
        self._put(Queued(part))

    def _tell_unseen(self) -> None:
        self._line.notice(
            f"A message of more than {MAX_JOINED >> 20} MiB from the {self._sender} passes as it "
            f"is: no rule sees it."
        )

    def _flush_fragments(self) -> None:
        if self._fragments:
            self._put(Queued(b"".join(self._fragments)))
            self._fragments, self._size, self._joiner = [], 0, Joiner("replace")

    def _apply(self, message: Message, raw: bytes, fragments: int) -> None:
        line = self._line
        passing = Passing(self._sender, message, self._connection, fragments)
        for rule in list(line.rules):
            try:
                _check_done(rule(passing))
            except BaseException as exc:  # noqa: BLE001  a rule is the user's: sys.exit() as well
                self._run()  # so that the log has the order in which they came
                line.rule_failed(exc)
        actions = passing.actions
        if not actions:
            self._put(Queued(raw))
            return
        self._run()
        outcome = passing.outcome(raw)
        number = next(line.held_numbers) if outcome.held else 0
        if number:  # before the notice, which has panels look
            line.held[number] = passing
        line.notice(
            f"A rule {', '.join(actions)}: a {message.type} message from the {self._sender}."
        )
        if outcome.back:
            line.inject(self._sender, outcome.back)
        ready = line.loop.time() + outcome.delay if outcome.delay else 0.0
        self._put(Queued(outcome.onward, ready, number, cut=outcome.cut))

    # The queue

    def _put_later(self) -> None:
        for frames in self._later:
            self._put(Queued(frames))
        self._later.clear()

    def _put(self, item: Queued) -> None:
        self._queue.append(item)
        self._queued += len(item.data)

    def _run(self) -> None:
        """Pass on what may go, the frames of a chunk together."""
        line, queue = self._line, self._queue
        going: list[bytes] = []
        while queue and not queue[0].held:
            item = queue[0]
            if item.ready and item.ready > line.loop.time():
                if item.ready != self._next:
                    self._next = item.ready
                    line.loop.call_at(item.ready, self._run)
                break
            queue.popleft()
            self._queued -= len(item.data)
            going.append(item.data)
            if item.cut:
                self._forward(going)
                self.stop()
                line.cut()
            elif item.end is not None:
                self._forward(going)
                line.finish(self._sender, item.end)
        self._forward(going)
        line.hold_up(self._sender, held_up=self._queued > MAX_QUEUED)

    def _forward(self, going: list[bytes]) -> None:
        data = b"".join(going)
        going.clear()
        if data:
            self._line.forward(self._sender, data)
