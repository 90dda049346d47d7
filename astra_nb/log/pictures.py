"""Pictures of records: the opening handshake, pings on a time line, states, UTF-8 bit by bit."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from astra_nb.wire.handshake import accept_steps
from astra_nb.wire.messages import other_end
from astra_nb.wire.svg import CHARACTER, Drawing, Picture
from astra_nb.wire.text import counted, preview, shortened, visible

from .records import FrameRecord, HandshakeRecord, Record
from .replies import Reply, replies

__all__ = ["handshake", "pings"]

LINE = 18  # pixels
WIDTH = 800
COLUMN = 50  # characters of a header; "Sec-WebSocket-Accept: " and its value have as many
HEADERS = 14  # of one head that are shown
ENDS = {"client": "sec-websocket-key", "server": "sec-websocket-accept"}
PINGS = 8  # newest ones that are shown
Lines = Sequence[tuple[str, bool]]  # each with whether an arrow leads from or to it
Step = tuple[str, str]
CLOCK = "The times were taken at the end that keeps this log; how long each way took is not known."


def nothing(what: str) -> Picture:
    drawing = Drawing(WIDTH)
    text = f"(no {what} in this log)"
    drawing.words(8, LINE, text)
    return drawing.picture(text, "There is nothing to draw.", text)


def handshake(records: Sequence[Record]) -> Picture:
    """Draw the newest request with its response, and how the accept key came from the key."""
    heads = [record for record in records if isinstance(record, HandshakeRecord)]
    requests = [record for record in heads if record.sender == "client"]
    if not requests:
        return nothing("request of an opening handshake")
    request = requests[-1]
    answers = [
        record
        for record in heads
        if record.sender == "server"
        and (record.connection, record.side) == (request.connection, request.side)
        and record.number > request.number
    ]
    answer = answers[-1] if answers else None
    key = value_of(request, ENDS["client"])
    steps = [(step, shortened(visible(value), 60)) for step, value in accept_steps(key or "")]
    steps = steps if key is not None else []
    heads_shown = head_lines(request), head_lines(answer)
    title = f"Opening handshake of connection {request.connection}"
    verdict = judge(key, answer)
    drawing = draw_handshake(heads_shown, steps, verdict)
    description = f"On the left the client's request, on the right the server's response. {verdict}"
    text = f"{title}\n\n{handshake_text(heads_shown, steps, verdict)}"
    return drawing.picture(title, description, text)


def value_of(record: HandshakeRecord, name: str) -> str | None:
    return next((value for each, value in record.headers if each.strip().lower() == name), None)


def head_lines(record: HandshakeRecord | None) -> Lines:
    if record is None:
        return [("(no response in this log)", False)]
    lines = [(shortened(visible(record.start_line), COLUMN), False)]
    wanted = ENDS[record.sender]
    names = [name.strip().lower() for name, _ in record.headers]
    end = names.index(wanted) if wanted in names else None
    for index, (name, value) in enumerate(record.headers):
        # A head of a stranger may have hundreds.
        if index < HEADERS or index == end:
            lines.append((shortened(visible(f"{name}: {value}"), COLUMN), index == end))
    left_out = len(names) + 1 - len(lines)
    if left_out:
        lines.append((f"and {counted(left_out, 'more header')}", False))
    return lines


def judge(key: str | None, answer: HandshakeRecord | None) -> str:
    if key is None:
        return "The request has no Sec-WebSocket-Key."
    if answer is None:
        return "No response is in this log."
    accept = value_of(answer, ENDS["server"])
    if accept is None:
        return "The response has no Sec-WebSocket-Accept."
    if accept.strip() == accept_steps(key)[-1].value:
        return "The server sent this value as Sec-WebSocket-Accept, so it read the key."
    return (
        "The server sent another value as Sec-WebSocket-Accept, so the client must fail the "
        "connection (RFC 6455, section 4.1)."
    )


def handshake_text(heads: tuple[Lines, Lines], steps: Sequence[Step], verdict: str) -> str:
    left, right = (
        [end, *(f"{'*' if is_end else ' '} {line}" for line, is_end in lines)]
        for end, lines in zip(ENDS, heads, strict=True)
    )
    width = max(map(len, left))
    lines = [f"{a:{width}}   {b}".rstrip() for a, b in zip_longest(left, right, fillvalue="")]
    labels = max((len(step) for step, _ in steps), default=0)
    chain = [f"  {'->' if i else '* '} {s:{labels}}  {v}" for i, (s, v) in enumerate(steps)]
    return "\n".join([*lines, "", *chain, "", *textwrap.wrap(verdict, 76)])


def draw_handshake(heads: tuple[Lines, Lines], steps: Sequence[Step], verdict: str) -> Drawing:
    drawing = Drawing(WIDTH)
    bottom = LINE * (max(map(len, heads)) + 2.5)
    ends: list[float | None] = []
    for x, end, lines in zip((24, 408), ENDS, heads, strict=True):
        drawing.words(x, LINE, end, bold=True)
        drawing.box(x, LINE * 1.5, 368, bottom - LINE * 1.5)
        for row, (line, is_end) in enumerate(lines):
            drawing.words(x + 10, LINE * (row + 2.5), line, bold=is_end)
        rows = [LINE * (row + 2.5) - 4 for row, (_, is_end) in enumerate(lines) if is_end]
        ends.append(rows[0] if rows else None)
    top = bottom + LINE
    if steps:
        drawing.box(44, top, 712, LINE * (len(steps) + 0.5))
        for row, (step, value) in enumerate(steps):
            drawing.words(56, top + LINE * (row + 1), step)
            drawing.words(346, top + LINE * (row + 1), value, bold=row in (0, len(steps) - 1))
        first, last = top + LINE - 4, top + LINE * len(steps) - 4
        key, accept = ends
        if key is not None:
            drawing.line((24, key), (10, key), (10, first), (44, first), arrow=True)
        if accept is not None:
            drawing.line((756, last), (790, last), (790, accept), (776, accept), arrow=True)
        top += LINE * (len(steps) + 0.5)
    drawing.words(44, top + LINE * 1.2, verdict)
    return drawing


def pings(records: Sequence[Record]) -> Picture:
    """Draw the newest PING frames with the PONG frames that answer them, and their times."""
    frames = [r for r in records if isinstance(r, FrameRecord) and not r.verdict]
    asked = [record for record in frames if record.type == "ping"]
    if not asked:
        return nothing("PING frame")
    answers = {reply.ping: reply for reply in replies(frames)}
    shown = asked[-PINGS:]
    longest = max((answers[p.number].seconds for p in shown if p.number in answers), default=0)
    left_out = len(asked) - len(shown)
    lines = [f"{counted(left_out, 'earlier PING')} not shown."] if left_out else []
    drawing = Drawing(WIDTH)
    for line in lines:
        drawing.words(8, LINE, line)
    top = LINE * (len(lines) + 0.5)
    for ping in shown:
        lines.append(draw_ping(drawing, top, ping, answers.get(ping.number), longest))
        top += LINE * 5
    title = f"{counted(len(shown), 'PING')} on a time line"
    drawing.words(8, top + LINE * 0.5, CLOCK)
    ends = (
        "Each line is one PING frame: who sent it, its payload, and the time until its PONG frame."
    )
    return drawing.picture(
        title, f"{ends} {'; '.join(lines)}", "\n".join([title, "", *lines, "", CLOCK])
    )


def draw_ping(
    drawing: Drawing, top: float, ping: FrameRecord, reply: Reply | None, longest: float
) -> str:
    """Draw both ends as lines from left to right, and what passed between them; return it as text.

    Only the end that keeps the log has a clock here: when a frame left or reached the other end is
    not known, and drawn in the middle.
    """
    payload = shortened(preview(ping.payload, "ping") or "no payload", 60)
    label, measure = f"#{ping.connection} {ping.sender}: PING {payload}", "no PONG"
    if reply is not None:
        what = "round-trip time" if reply.round_trip else "answered after"
        measure = f"{what} {reply.seconds * 1000:,.2f} ms"
    here, there = top + LINE * 2.2, top + LINE * 4
    start, end = 160.0, 160.0
    drawing.words(8, top + LINE * 0.8, label, bold=True)
    for y, side in ((here, ping.side), (there, other_end(ping.side))):
        drawing.words(8, y + 4, side)
        drawing.line((60, y), (WIDTH - 10, y), dashed=True)
    sent = ping.direction == "sent"
    if reply is not None:
        end += 80 + 340 * (reply.seconds / longest if longest else 0)
    far = (start + end) / 2 if reply is not None else start + 60
    ask = ((start, here), (far, there)) if sent else ((start - 60, there), (start, here))
    drawing.line(*ask, arrow=True)
    middle = (here + there) / 2 + 4
    beside = 8 if sent else 46
    drawing.words(start - beside, middle, "PING", anchor="end")
    if reply is None:
        drawing.words(start + 70, here - 6, measure)
        return f"{label}  |-- {measure}"
    answer = ((far, there), (end, here)) if sent else ((end, here), (end + 60, there))
    drawing.line(*answer, arrow=True)
    drawing.words(end + beside, middle, "PONG")
    mark = here - 9
    drawing.line((start, mark), (end, mark))
    for x in (start, end):
        drawing.line((x, mark - 4), (x, here))
    drawing.words(end + CHARACTER, mark + 4, measure)
    return f"{label}  |-- {measure} -->| PONG"
