"""Picture of the states of both ends of a connection, beside what moved them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from astra_nb.wire.messages import Side, other_end
from astra_nb.wire.svg import Drawing, Picture
from astra_nb.wire.text import counted, preview, shortened, visible
from astra_nb.wire.why_closed import end_of_tcp

from .pictures import LINE, WIDTH, nothing
from .records import ClosedRecord, FrameRecord, HandshakeRecord, OpenedRecord, Record
from .sequence import arrow
from .table import details

__all__ = ["states"]

LABEL = 72  # characters on an arrow
STEPS = 12  # newest ones that are shown
LEFT, RIGHT, BOX = 24, 666, 110  # pixels: where the states of the client and of the server are
ENDS: tuple[Side, Side] = ("client", "server")
UNSEEN = "? marks a state that the standard leads to but that this log does not show."


Moving = HandshakeRecord | OpenedRecord | FrameRecord | ClosedRecord


@dataclass(frozen=True, slots=True)
class Step:
    """What moved an end, and the states of both after it."""

    label: str
    sender: Side | None  # None for the end of TCP
    states: tuple[str, str]  # of client and server
    dashed: bool  # that of a frame with a verdict, as in the panel


def steps_of(records: Sequence[Moving], is_heard: bool) -> list[Step]:
    """Return the steps of one connection, seen from one end, which heard the other one or not."""
    side = records[0].side
    peer = other_end(side)
    frames = [record for record in records if isinstance(record, FrameRecord)]
    # An end that sends frames was open, and one that sends CLOSE has started to close.
    unseen = "" if any(frame.sender == peer for frame in frames) else "?"
    has_opened = bool(frames) or any(isinstance(record, OpenedRecord) for record in records)
    begins = isinstance(records[0], HandshakeRecord)
    now: dict[Side, str] = dict.fromkeys(ENDS, "CONNECTING" if begins else "OPEN")
    steps = []
    for record in records:
        sender: Side | None = None
        match record:
            case HandshakeRecord():
                label, sender = details(record), record.sender
                if record.status == 101:
                    now[peer] = "OPEN" if is_heard or peer == "server" else "OPEN?"
                    now[side] = "OPEN" if has_opened else now[side]
            case FrameRecord():
                sender = record.sender
                note = f" [{visible(record.verdict)}]" if record.verdict else ""
                label = f"CLOSE {preview(record.payload, 'close')}{note}"
                reader = other_end(sender)
                now[sender] = "CLOSING"
                if reader == peer and not now[peer].startswith("CLOSING"):
                    now[peer] = f"CLOSING{unseen}"
                elif reader == side and not record.verdict:
                    now[side] = "CLOSING"
            case ClosedRecord():
                label = end_of_tcp(record.tcp, side)
                is_seen = record.tcp in ("closed", "reset", f"dropped by {peer}")
                now = {side: "CLOSED", peer: "CLOSED" if is_seen else "CLOSED?"}
            case OpenedRecord():
                continue
        dashed = isinstance(record, FrameRecord) and bool(record.verdict)
        steps.append(Step(shortened(label, LABEL), sender, (now["client"], now["server"]), dashed))
    return steps


def moves(record: Record) -> TypeGuard[Moving]:
    if isinstance(record, FrameRecord):
        return record.type == "close"
    return isinstance(record, HandshakeRecord | OpenedRecord | ClosedRecord)


def states(records: Sequence[Record], received: Iterable[Record]) -> Picture:
    """Draw the states of both ends of the newest connection (RFC 6455, sections 4.1 and 7.1).

    The records are those of all connections, but for frames that move nothing; of the frames that
    the ends with the log have received, as many are read as needed.
    """
    moving = [record for record in records if moves(record)]
    if not moving:
        return nothing("handshake, CLOSE frame or end of a connection")
    newest = moving[-1]
    key = newest.connection, newest.side
    own = [record for record in moving if (record.connection, record.side) == key]
    is_heard = any((r.connection, r.side) == key for r in received if isinstance(r, FrameRecord))
    steps = steps_of(own, is_heard)
    left_out, shown = max(len(steps) - STEPS, 0), steps[-STEPS:]
    notes = [newest.why_closed] if isinstance(newest, ClosedRecord) else []
    if any("?" in state for step in shown for state in step.states):
        notes.insert(0, UNSEEN)
    title = f"States of both ends of connection {newest.connection}"
    above = [f"{counted(left_out, 'earlier step')} not shown."] if left_out else []
    text = [title, "", *above, *step_lines(shown), "", *wrapped(notes, 76)]
    sentences = [*above, *map(sentence, shown), *notes]
    drawing = draw(above, shown, wrapped(notes, 110))
    return drawing.picture(title, " ".join(sentences), "\n".join(text).rstrip())


def wrapped(notes: Sequence[str], width: int) -> list[str]:
    return [line for note in notes for line in textwrap.wrap(note, width)]


def sentence(step: Step) -> str:
    who = f"{step.sender} sends {step.label}" if step.sender else step.label
    return f"{who}: client {step.states[0]}, server {step.states[1]}."


def step_lines(steps: Sequence[Step]) -> list[str]:
    width = max(len(step.label) for step in steps) + 8
    lines = [f"{'client':12}{'':{width}}  server"]
    for step in steps:
        client, server = step.states
        moved = arrow(step.label, step.sender, width) if step.sender else f"{step.label:^{width}}"
        lines.append(f"{client:12}{moved}  {server}")
    return lines


def draw(above: Sequence[str], steps: Sequence[Step], below: Sequence[str]) -> Drawing:
    drawing = Drawing(WIDTH)
    y = LINE
    for line in above:
        drawing.words(LEFT, y, line)
        y += LINE
    for x, end in zip((LEFT, RIGHT), ENDS, strict=True):
        drawing.words(x + BOX / 2, y, end, anchor="middle", bold=True)
    before = ("", "")
    for step in steps:
        y += LINE * 2
        for x, state, last in zip((LEFT, RIGHT), step.states, before, strict=True):
            drawing.box(x, y - LINE, BOX, LINE * 1.5, tinted=state != last)
            drawing.words(x + BOX / 2, y, state, anchor="middle", bold=state != last)
        drawing.words(WIDTH / 2, y - 4, step.label, anchor="middle")
        ends = [(LEFT + BOX + 8, y + 4), (RIGHT - 8, y + 4)]
        if step.sender is not None:
            points = ends if step.sender == "client" else reversed(ends)
            drawing.line(*points, arrow=True, dashed=step.dashed)
        before = step.states
    y += LINE
    for line in below:
        y += LINE
        drawing.words(LEFT, y, line)
    return drawing
