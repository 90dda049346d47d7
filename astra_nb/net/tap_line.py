"""A connection through a tap: TCP with the client, TCP with the server, and what passes between.

Each end is met by the other's true end: a FIN by a FIN, a reset by a reset, and a CLOSE frame is
never the tap's own.
"""

from __future__ import annotations

import asyncio
import itertools
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from websockets.uri import WebSocketURI

from astra_nb.errors import ConnectFailed, LocalError
from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord, HandlerErrorRecord
from astra_nb.wire.messages import Side, other_end
from astra_nb.wire.redaction import Redactor
from astra_nb.wire.why_closed import read_close

from .closing import ClosingState, Phase
from .dialing import dial
from .options import ConnectOptions
from .policy import host_allowed
from .tap_heads import Head, Rewriting, agreed_extensions, inflaters, refusal
from .tap_http import HttpWays
from .tap_leg import Leg
from .tap_message import Passing
from .tap_rules import End, RuledWay, RuleFunction
from .watching import FrameWatch

__all__ = ["TapLine", "TapSettings"]

SIDES: tuple[Side, Side] = ("client", "server")
NOT_REACHED = "the server is not reached yet"


@dataclass(frozen=True, slots=True)
class TapSettings:
    """What all connections of a tap share."""

    uri: WebSocketURI  # of the upstream server
    options: ConnectOptions  # how it is reached, checked
    rewriting: Rewriting  # of requests
    hostname: str  # the name or address that the tap listens on
    hosts: Sequence[str]  # further names that a `Host` header may have
    rules: list[RuleFunction]  # may change
    # What rules hold, by number, in the order in which it came. Changed on the loop's thread only,
    # in steps that leave it whole for others.
    held: dict[int, Passing] = field(default_factory=dict)
    held_numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    # Of connections in the log; each WebSocket takes two, one for each leg.
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class TapLine:
    """A client's connection through a tap."""

    def __init__(self, settings: TapSettings, log: FrameLog) -> None:
        self.loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self.loop.create_future()  # done when both legs are
        self.settings = settings
        self.rules: Sequence[RuleFunction] = settings.rules
        self.held = settings.held
        self.held_numbers = settings.held_numbers
        # By who is at the far end.
        self.legs: dict[Side, Leg] = {end: Leg(self, end, log) for end in SIDES}
        self._log = log
        self._dialing: asyncio.Task[None] | None = None
        self._failed: ConnectFailed | LocalError | None = None
        self._http: HttpWays | None = HttpWays(self)
        self._ended: set[Side] = set()  # ends that have ended TCP, and
        self._passed: set[Side] = set()  # those of which the other one was told
        # Of the WebSocket, by the end that sends; of what is recorded, by the far end of the leg.
        self._path = ""
        self._states: dict[Side, ClosingState] = {}
        self._watches: dict[Side, FrameWatch] = {}
        self._onward: dict[Side, FrameWatch] = {}
        self._ruled: dict[Side, RuledWay] = {}
        self._is_opaque = False  # whether an extension has changed the messages
        self._told_opaque = False
        self._injected: dict[Side, list[bytes]] = {"client": [], "server": []}

    # TCP

    def connected(self, end: Side) -> None:
        """Called when there is TCP with an end."""
        if end == "client":
            self.hold_up(end, held_up=True, why=NOT_REACHED)
            self._dialing = self.loop.create_task(self._dial())
        else:
            self.hold_up("client", held_up=False, why=NOT_REACHED)

    async def _dial(self) -> None:
        settings = self.settings
        timeout = settings.options["timeout"]
        deadline = None if timeout is None else self.loop.time() + timeout
        try:
            await dial(settings.uri, settings.options, lambda: self.legs["server"], deadline)
        except (ConnectFailed, LocalError) as exc:
            self._failed = exc
            self.notice(f"The server was not reached: {exc}")
            self.legs["server"].note_lost()
            self.hold_up("client", held_up=False, why=NOT_REACHED)

    def received(self, sender: Side, data: bytes) -> None:
        """Take what an end sent."""
        if self._http is not None:
            self._http.take(sender, data)
            return
        if self.rules and self._is_opaque:
            self._tell_opaque()
        elif self.rules and sender not in self._ruled:
            end = self._watches[sender].unfinished(data)
            if end < len(data):
                if end:  # of a frame under way, after which the rules begin
                    self.received_frames(sender, data[:end])
                    data = data[end:]
                self._rule(sender)
        self.received_frames(sender, data)

    def received_frames(self, sender: Side, data: bytes) -> None:
        """Take frames, or parts of them."""
        self._watches[sender].take(data)
        ruled = self._ruled.get(sender)
        if ruled is not None:
            ruled.take(data)
        else:
            self.legs[other_end(sender)].write(data)

    def forward(self, sender: Side, data: bytes) -> None:
        """Pass on what an end sent."""
        if sender in self._onward:
            self._onward[sender].take(data)
        self.legs[other_end(sender)].write(data)

    def ended(self, sender: Side, end: End) -> None:
        """Called when an end has ended TCP: with FIN, after which it may still receive, or not."""
        if sender in self._ended:
            return
        self._ended.add(sender)
        for state in self._states.values():
            said = state.received if state.side != sender else state.sent
            if end == "reset":
                state.tcp_ended("reset")
            elif said is None:
                state.tcp_ended(f"dropped by {sender}")
        if end == "reset":
            self.notice(f"The {sender} reset TCP.")
        if self._http is not None:
            self._http.finish(sender)
        ruled = self._ruled.get(sender)
        if ruled is not None:
            ruled.finish(end)
        else:
            self.finish(sender, end)

    def finish(self, sender: Side, end: End) -> None:
        """Pass on that an end has ended TCP."""
        leg = self.legs[other_end(sender)]
        if end == "reset":
            leg.reset()
        else:
            leg.end_sending()
        self._passed.add(sender)
        self._close_what_is_done()

    def _close_what_is_done(self) -> None:
        """Close the legs once each end was told of the other's end, or has nobody to talk to."""
        for leg in self.legs.values():
            other = self.legs[other_end(leg.end)]
            done = len(self._passed) == len(SIDES) or (
                other.lost.done() and other.end in self._passed
            )
            if done and leg.transport is not None:
                leg.transport.close()

    def lost(self, end: Side, exc: Exception | None) -> None:
        """Called when TCP with an end is over."""
        if isinstance(exc, OSError):
            self._ended.discard(end)  # it may have half ended before
        self.ended(end, "reset" if isinstance(exc, OSError) else "eof")
        self._close_what_is_done()
        if self._dialing is not None and end == "client":
            self._dialing.cancel()
            if self.legs["server"].transport is None:
                self.legs["server"].note_lost()
        if all(each.lost.done() for each in self.legs.values()) and not self.closed.done():
            for watch in (*self._watches.values(), *self._onward.values()):
                watch.end()
            for way in self._ruled.values():
                way.stop()
            self._record_closed()
            self.closed.set_result(None)

    def cut(self, why: str = "a rule of the tap ended TCP") -> None:
        """End TCP with both ends by a reset."""
        for state in self._states.values():
            state.tcp_ended("reset")
            state.failed(why)
        self._ended.update(SIDES)
        for leg in self.legs.values():
            leg.reset()

    def hold_up(self, sender: Side, *, held_up: bool, why: str = "what it sent waits") -> None:
        """Stop reading from an end, or go on."""
        self.legs[sender].hold_up(why, held_up=held_up)

    # The opening handshake

    def admit(self, head: Head) -> bytes | None:
        """Return a request as it goes on; None when it was refused."""
        settings = self.settings
        if head.upgrades:
            self._begin(head)
        if not all(host_allowed(host, settings.hostname, settings.hosts) for host in head.hosts):
            self._refuse(
                "421 Misdirected Request",
                "the Host header does not name this tap; a page could have pointed its own name "
                "at this machine (DNS rebinding); in the notebook, tap(..., hosts=[name]) lets a "
                "name in",
            )
            return None
        if self._failed is not None:
            self._refuse("502 Bad Gateway", str(self._failed))
            return None
        raw, told = settings.rewriting.rewrite(
            head, without_deflate=head.upgrades and bool(self.rules)
        )
        if head.upgrades:
            for text in told:
                self.notice(text)
            self.legs["server"].record_head(raw, "sent")
        return raw

    def _begin(self, head: Head) -> None:
        """Begin with a WebSocket: from here on there is something to record."""
        redactor = Redactor()
        for leg in self.legs.values():
            leg.number, leg.redactor = next(self.settings.numbers), redactor
        self._path = head.path
        self._states = {"client": ClosingState("server"), "server": ClosingState("client")}
        self.legs["client"].record_head(head.raw)

    def refused(self, head: Head) -> None:
        """Take an answer that refuses a WebSocket; the connection may go on with HTTP."""
        self._record_answer(head.raw)
        for state in self._states.values():
            state.status = head.status
        self._record_closed()

    def opened(self, head: Head) -> None:
        """Take an answer that opens a WebSocket; frames follow in both directions."""
        self._record_answer(head.raw)
        extensions = agreed_extensions(head)
        for end in SIDES:
            self._states[end].enter(Phase.OPEN)
            self.legs[end].record_opening(self._path, head.subprotocol, extensions)
        self._is_opaque = bool(extensions)
        if self._is_opaque and self.rules:
            self._tell_opaque()
        found = inflaters(head)
        for index, sender in enumerate(SIDES):
            recorders = [self._recorder(sender, sender), self._recorder(other_end(sender), sender)]
            self._watches[sender] = FrameWatch(
                recorders, self._closer(sender, *SIDES), None if found is None else found[index]
            )
        self._http = None

    def _refuse(self, status: str, text: str) -> None:
        """Answer with a refusal of the tap's own, and end TCP."""
        answer = refusal(status, text)
        if self._states:
            head = answer[: answer.index(b"\r\n\r\n") + 4]
            self.legs["client"].record_head(head, "sent")
            state = self._states.pop("client")
            state.status = int(status[:3])
            state.failed(text)
            self._states = {"client": state}
            self._record_closed()
        self._ended.update(SIDES)
        self.legs["client"].write(answer)
        self.legs["client"].transport.close()
        self.legs["server"].abort()

    # Rules

    def _rule(self, sender: Side) -> None:
        """Put a direction under the rules, while no frame is under way in it."""
        watch = self._watches[sender]
        watch.recorders = [self._recorder(sender, sender)]
        watch.on_close = self._closer(sender, sender)
        far = other_end(sender)
        self._onward[sender] = FrameWatch([self._recorder(far, sender)], self._closer(sender, far))
        way = self._ruled[sender] = RuledWay(self, sender, self.legs[sender].number)
        for frames in self._injected[far]:
            way.inject(frames)
        self._injected[far].clear()

    def _tell_opaque(self) -> None:
        if not self._told_opaque:
            self._told_opaque = True
            self.notice("An extension has changed the messages, so no rule sees them.")

    def inject(self, to: Side, frames: bytes) -> None:
        """Send an end frames of the tap's own."""
        sender = other_end(to)
        if sender not in self._ruled and self._watches[sender].unfinished():
            self._injected[to].append(frames)  # until then
            return
        if sender not in self._ruled:
            self._rule(sender)
        self._ruled[sender].inject(frames)

    def release(self, number: int | None = None, value: object = None) -> int:
        """Release what rules hold, as `RuledWay.release` does; return how many messages it was."""
        return sum(way.release(number, value) for way in self._ruled.values())

    def rule_failed(self, error: BaseException) -> None:
        """Put the error of a rule in the log; the message passes."""
        self._log.append(
            self.legs["client"].number,
            HandlerErrorRecord,
            summary="".join(traceback.format_exception_only(error)).strip(),
            traceback="".join(traceback.format_exception(error)),
        )

    # Records

    def _recorder(self, end: Side, sender: Side) -> Callable[..., None]:
        """Return what records on the leg to an end the frames of a sender."""
        return self.legs[end].recorder("received" if end == sender else "sent")

    def _closer(self, sender: Side, *ends: Side) -> Callable[[bytes], None]:
        """Return what notes on the legs to some ends that a sender has sent a CLOSE frame."""

        def note(payload: bytes) -> None:
            for end in ends:
                if end == sender:
                    self._states[end].close_received(*read_close(payload))
                else:
                    self._states[end].close_sent(*read_close(payload))

        return note

    def _record_answer(self, raw: bytes) -> None:
        self.legs["server"].record_head(raw)
        self.legs["client"].record_head(raw, "sent")

    def _record_closed(self) -> None:
        for end, state in self._states.items():
            state.enter(Phase.CLOSED)
            number = self.legs[end].number
            self._log.append(number, ClosedRecord, side=state.side, **state.facts())
        self._states = {}

    def notice(self, text: str) -> None:
        """Put a sentence in the log."""
        self.legs["client"].notice(text)
