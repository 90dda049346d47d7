"""What an end makes of received bytes does not depend on how TCP cuts them."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from astra_nb.log.records import FrameRecord
from fuzz.memory import Outcome, feed, opening
from tests.conformance.octets import frame, mask_all

TEXTS = st.text(max_size=200).map(str.encode)
WHOLE = st.one_of(
    st.builds(frame, st.just(1), TEXTS),
    st.builds(frame, st.just(2), st.binary(max_size=200)),
    st.builds(frame, st.sampled_from([9, 10]), st.binary(max_size=125)),
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message in one frame, or in fragments with a control frame between them."""
    if draw(st.booleans()):
        return draw(WHOLE)
    parts = draw(st.lists(st.binary(max_size=50), min_size=2, max_size=4))
    frames = [
        frame(0 if index else 2, part, fin=index == len(parts) - 1)
        for index, part in enumerate(parts)
    ]
    return frame(9, draw(st.binary(max_size=125))).join(frames)


CLOSES = st.sampled_from([b"", frame(8, b""), frame(8, b"\x03\xe8bye"), frame(8, b"\x0f\xa0")])
# Broken ones: a reserved opcode, RSV1, half a PING, bytes that are not UTF-8, a long length form.
BROKEN = st.sampled_from(
    [b"", b"\x83\x00", b"\xc1\x00", b"\x09\x00", b"\x81\x02\xc3\x28", b"\x81\x7e\x00\x05Hello"]
)


def told(outcome: Outcome) -> list[tuple[bytes, str]]:
    """The bytes and the verdict of each frame up to the first that was refused."""
    records = [
        record
        for record in outcome.records
        if isinstance(record, FrameRecord) and record.direction == "received"
    ]
    return [(record.frame.raw, record.verdict) for record in records if not record.verdict]


@given(
    parts=st.lists(messages(), max_size=5),
    end=st.tuples(BROKEN, CLOSES),
    data=st.data(),
)
def test_each_chunking_gives_the_same_records(
    parts: list[bytes], end: tuple[bytes, bytes], data: st.DataObject
) -> None:
    stream = mask_all(b"".join([*parts, *end]))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(stream) - 1)), max_size=20)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(edges) if a < b]
    head = opening("server", compressed=False)

    async def both() -> tuple[Outcome, Outcome]:
        return (
            await feed("server", head, [stream] if stream else [], compressed=False),
            await feed("server", head, chunks, compressed=False),
        )

    whole, cut = asyncio.run(both())
    assert told(cut) == told(whole)
    assert cut.messages == whole.messages
    assert cut.written == whole.written
