"""Messages in fragments, as a log's `redact` gets them: whole."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from astra_nb.wire.messages import Side
from astra_nb.wire.opcodes import CLOSE, CONTINUATION

from .entries import FIRST, Block, Entry, frames, joined, offsets
from .records import Direction, FrameRecord

__all__ = ["Fragments"]

# Frames that are looked through for the rest of a message. One with more fragments is hidden.
MAX_JOINED = 20_000

Sender = tuple[int, Side | None, Direction | None]  # a part of an entry


@dataclass
class Fragments:
    """Finds the fragments of messages in blocks; each entry is looked through once at most."""

    blocks: list[Block]
    first: int  # the number of the first record that is not evicted
    # Of a block, by its first number: the entries of each sender, with their first numbers.
    _entries: dict[int, dict[Sender, list[tuple[int, Entry]]]] = field(default_factory=dict)
    # Of an entry, by its first number: its bytes, and where in them each frame begins.
    _frames: dict[int, tuple[bytes, list[int]]] = field(default_factory=dict)

    def message_of(self, fragment: FrameRecord) -> list[FrameRecord]:
        """Return those fragments of a fragment's message that are here, oldest first."""
        message = [fragment]
        if fragment.frame.opcode == CONTINUATION:
            for each in self._data_frames(fragment, backwards=True):
                if each.frame.fin:
                    break
                message.append(each)
                if each.frame.opcode != CONTINUATION:
                    break
            message.reverse()
        if not fragment.frame.fin:
            for each in self._data_frames(fragment, backwards=False):
                if each.frame.opcode != CONTINUATION:
                    break
                message.append(each)
                if each.frame.fin:
                    break
        return message

    def _data_frames(self, frame: FrameRecord, *, backwards: bool) -> Iterator[FrameRecord]:
        """Decode data frames of a sender before or after this one of it, the next one first."""
        sender = frame.connection, frame.side, frame.direction
        here = bisect_right(self.blocks, frame.number, key=FIRST)
        left = MAX_JOINED
        for block in reversed(self.blocks[:here]) if backwards else self.blocks[here - 1 :]:
            entries = self._entries_of(block).get(sender, [])
            at = bisect_right(entries, frame.number, key=FIRST)
            for number, entry in reversed(entries[:at]) if backwards else entries[max(at - 1, 0) :]:
                data, offsets = self._frames_of(number, entry)
                if backwards:
                    low = max(self.first - number, 0)
                    indices = range(min(frame.number - number, entry[5]) - 1, low - 1, -1)
                else:
                    indices = range(max(frame.number - number + 1, 0), entry[5])
                for index in indices:
                    left -= 1
                    if not left:
                        return
                    if data[offsets[index]] & 0x0F < CLOSE:
                        yield from frames(entry, data, [(index, offsets[index])], number, 0)

    def _entries_of(self, block: Block) -> dict[Sender, list[tuple[int, Entry]]]:
        found = self._entries.get(block.first)
        if found is None:
            found = self._entries[block.first] = {}
            number = block.first
            for entry in block.entries:
                if entry[2] is not None:
                    found.setdefault(entry[1:4], []).append((number, entry))
                number += entry[5]
        return found

    def _frames_of(self, number: int, entry: Entry) -> tuple[bytes, list[int]]:
        found = self._frames.get(number)
        if found is None:
            data = joined(entry)
            found = self._frames[number] = data, [at for _, at in offsets(data, entry[5])]
        return found
