"""Picture of a fan-out: one message comes in, and is sent to many."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from astra_nb.wire.messages import other_end
from astra_nb.wire.svg import Drawing, Picture
from astra_nb.wire.text import counted, preview, shortened

from .joiner import JoinedMessage
from .pictures import LINE, WIDTH, nothing
from .sequence import name_of

__all__ = ["RECENT", "fan_out"]

RECENT = 10_000  # newest data frames that are looked at
CANDIDATES = 50  # newest messages that came, and may be the one
LONGEST = 8192  # characters or bytes of a message in which another one is looked for
SHOWN = 12  # first ones that it was sent to
LABEL = 34  # characters on an arrow
LEFT, OWN, RIGHT, BOX = 8, 360, 678, 114  # pixels: where the boxes are, and how wide
ROW = LINE * 2


def fan_out(messages: Sequence[JoinedMessage]) -> Picture:
    """Draw the newest message that came and was sent on, with all whom it was sent to.

    A log does not tell why something was sent. A message was sent on if its text or its bytes are
    in one that was sent later; all that are like the first such one belong to it.
    """
    if not messages:
        return nothing("text or binary message")
    source, copies = find(messages)
    chosen = source or copies[0]
    own, far = chosen.side, other_end(chosen.side)
    begin = chosen.time
    rows = [
        (f"{far} #{copy.connection}", f"after {(copy.time - begin) * 1000:,.2f} ms")
        for copy in copies[:SHOWN]
    ]
    more = copies[SHOWN:]
    last = f", the last one after {(more[-1].time - begin) * 1000:,.2f} ms" if more else ""
    left_out = [f"and {counted(len(more), 'more message')}{last}"] if more else []
    sender = "" if source is None else f"{far} #{source.connection}"
    title = f"Fan-out of a message of {sender or f'the {own}'}"
    count = f"{'1' if source else 'No'} message in, {len(copies):,} out."
    notes = [count, *remarks(source, copies)]
    message = "" if source is None else shortened(label(source, LABEL - 8), LABEL)
    arrow = f"{sender} -- {message} --> " if source else ""
    margin = " " * len(arrow)
    text = [title, "", f"{arrow}{own}"]
    text += [f"{margin}  |-- {time} --> {name}" for name, time in rows]
    text += [f"{margin}  {line}" for line in left_out]
    text += ["", *(line for note in notes for line in textwrap.wrap(note, 76))]
    drawing = draw(sender, message, own, rows, [*left_out, *notes])
    sent = "; ".join(f"to {name} {time}" for name, time in rows)
    description = " ".join([f"{arrow}{own}.", f"Sent {sent}.", *left_out, *notes])
    return drawing.picture(title, description, "\n".join(text))


def find(
    messages: Sequence[JoinedMessage],
) -> tuple[JoinedMessage | None, list[JoinedMessage]]:
    """Return the message that came, if one did, and those that were sent because of it."""
    came = [at for at, message in enumerate(messages) if message.direction == "received"]
    for at in reversed(came[-CANDIDATES:]):
        source, after = messages[at], messages[at + 1 :]
        first = next((each for each in after if carries(each, source)), None)
        if first is not None:
            return source, alike(first, after)
    sent = [message for message in messages if message.direction == "sent"]
    return (None, alike(sent[-1], sent)) if sent else (messages[-1], [])


def carries(sent: JoinedMessage, source: JoinedMessage) -> bool:
    """Return whether a message holds another one, of the same type, whole."""
    if sent.direction != "sent" or (sent.type, sent.side) != (source.type, source.side):
        return False
    if sent.value == source.value:
        return True
    assert isinstance(sent.value, (str, bytes))
    assert isinstance(source.value, (str, bytes))
    return 0 < len(source.value) < len(sent.value) <= LONGEST and source.value in sent.value  # type: ignore[operator]


def alike(first: JoinedMessage, messages: Sequence[JoinedMessage]) -> list[JoinedMessage]:
    same = (first.direction, first.side, first.type, first.value)
    return [m for m in messages if (m.direction, m.side, m.type, m.value) == same]


def remarks(source: JoinedMessage | None, copies: Sequence[JoinedMessage]) -> list[str]:
    if source is None:
        return [f"No received message is part of {label(copies[0])}."]
    if not copies:
        return ["No message sent after it contains it."]
    names = [copy.connection for copy in copies]
    remarks = ["The sender received it too."] if source.connection in names else []
    if copies[0].value != source.value:
        remarks.append(f"It was passed on as {label(copies[0])}.")
    return remarks


def label(message: JoinedMessage, limit: int = 60) -> str:
    payload = message.value.encode() if isinstance(message.value, str) else message.value
    assert isinstance(payload, bytes)
    return f"{name_of(message.type)} {preview(payload, message.type, limit)}"


def draw(
    sender: str,
    message: str,
    own: str,
    rows: Sequence[tuple[str, str]],
    below: Sequence[str],
) -> Drawing:
    drawing = Drawing(WIDTH)
    height = ROW * max(len(rows), 1)
    drawing.box(OWN, 4, BOX, height - 8)
    drawing.words(OWN + BOX / 2, height / 2 + 4, own, anchor="middle", bold=True)
    if sender:
        middle = height / 2
        drawing.box(LEFT, middle - LINE + 4, BOX, ROW - 8)
        drawing.words(LEFT + BOX / 2, middle + 4, sender, anchor="middle")
        drawing.line((LEFT + BOX, middle), (OWN, middle), arrow=True)
        drawing.words((LEFT + BOX + OWN) / 2, middle - 6, message, anchor="middle")
    for row, (name, time) in enumerate(rows):
        middle = ROW * (row + 0.5)
        drawing.box(RIGHT, middle - LINE + 4, BOX, ROW - 8)
        drawing.words(RIGHT + BOX / 2, middle + 4, name, anchor="middle")
        drawing.line((OWN + BOX, middle), (RIGHT, middle), arrow=True)
        drawing.words((OWN + BOX + RIGHT) / 2, middle - 6, time, anchor="middle")
    for row, line in enumerate(below, 1):
        drawing.words(LEFT, height + LINE * row, line)
    return drawing
