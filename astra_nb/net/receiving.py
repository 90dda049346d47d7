"""From the bytes that arrive to records and messages.

`websockets`' protocol parses and judges the frames. Here they are recorded with the bytes they
had on the wire, joined to messages, and checked for what the protocol leaves to its user: UTF-8
(RFC 6455, section 8.1) and the shortest length form (section 5.2).

No I/O, no clock, no thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import cast

from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol as SansIOProtocol
from websockets.protocol import Side as SansIOSide

from astra_nb.log.joiner import Joiner
from astra_nb.log.pieces import Recorder, keep
from astra_nb.wire.frames import decode, frame_length
from astra_nb.wire.messages import Message
from astra_nb.wire.opcodes import CLOSE
from astra_nb.wire.text import utf8_fault
from astra_nb.wire.why_closed import close_fault

from .arriving import LONG_FORM, ArrivingText, is_shortest, length_fault
from .closing import Last, parse_close
from .unread_frames import LateFrames
from .whole_frames import plain_frame_length, take_messages

__all__ = ["Receiver"]

_TEXT = Opcode.TEXT  # looked up once: an enumeration's member costs more than a global

CUT = "cut: the TCP connection ended inside this frame"
AFTER_FAILURE = "ignored: the connection has failed"
AFTER_CLOSE = "ignored: it came after the CLOSE frame"

fast_path = True  # off, every byte goes to the protocol: for tests that compare

# Empty fragments add nothing to the size of a message, which would grow for ever (RFC 6455,
# section 10.4: "a long stream of small frames that are a part of a fragmented message").
MAX_FRAGMENTS = 100_000
LONGEST_HEADER = 14  # bytes, masking key included
LONGEST_CONTROL = 6 + 125  # bytes of a control frame, masking key included
RSV = 0x70  # the bits RSV1 to RSV3


class TooManyFragments(Exception):
    """A message has so many fragments that it will not be joined."""


@dataclass(slots=True, eq=False, repr=False)
class Receiver:
    """Turns the bytes that one end receives after the opening handshake into messages."""

    protocol: SansIOProtocol
    record: Recorder  # called with each run of frames, in their order
    on_pong: Callable[[bytes], None]  # called with the payload of each PONG frame
    _tail: bytearray = field(default_factory=bytearray)  # received, but not a whole frame yet
    # Length of the frame in the tail, of which the protocol has seen nothing; 0 when it has.
    _ahead: int = 0
    _joiner: Joiner = field(default_factory=Joiner)
    _text: ArrivingText | None = None  # of the frame in the tail
    _late: LateFrames | None = None  # None while all is read
    _compressed: bool = field(init=False)
    _plain: bool = field(init=False)  # whether the usual chunk is taken apart here
    _masked: bool = field(init=False)
    _limit: float = field(init=False)

    def __post_init__(self) -> None:
        protocol = self.protocol
        self._compressed = bool(protocol.extensions)
        # A protocol that writes each frame to a logger has to see each.
        self._plain = fast_path and not (self._compressed or protocol.debug)
        self._masked = protocol.side is SansIOSide.SERVER
        size = protocol.max_message_size
        self._limit = inf if size is None else size

    def receive(self, data: bytes) -> tuple[list[Message], Last | None]:
        """Return the messages that a chunk completes, and once the last frame that is read."""
        if self._late is not None:
            self._tail += data
            self._late.take(self._tail)
            return [], None
        if not self._plain or self._joiner.under_way is not None:
            return self._receive_any(data)
        if not self._tail or self._ahead:
            return self._receive_plain(data)
        # The protocol has begun with a frame; what comes after that may be the usual again.
        header = bytes(self._tail[:LONGEST_HEADER]) + data[:LONGEST_HEADER]
        rest = (frame_length(header) or 0) - len(self._tail)
        if not 0 < rest < len(data):
            return self._receive_any(data)
        messages, last = self._receive_any(data[:rest])
        if last is not None:
            return messages, self._then_late(last, data[rest:])
        more, last = self.receive(data[rest:])
        return messages + more, last

    # The usual chunk

    def _receive_plain(self, data: bytes) -> tuple[list[Message], Last | None]:
        """Take apart a chunk that is nothing but messages, the last of them perhaps cut.

        Where it is anything else, all of it goes to the protocol, as if this had not been tried.
        """
        messages: list[Message] = []
        tail = bytes(self._tail)
        start = 0
        if tail:
            start = self._ahead - len(tail)
            if start > len(data):
                self._tail += data
                return messages, self._check_arriving()
            messages, _ = take_messages(tail + data[:start], 0, self._masked, self._limit)
            self._tail.clear()
            self._text = None
        more, end = take_messages(data, start, self._masked, self._limit)
        cut = end < len(data)
        self._ahead = plain_frame_length(data, end, self._masked, self._limit) if cut else 0
        if (tail and not messages) or (cut and self._ahead <= len(data) - end):
            self._ahead = 0
            return self._receive_any(tail + data)
        messages += more
        if messages:
            self.record(keep(tail, data, end), len(messages))
        if not cut:
            return messages, None
        self._tail += memoryview(data)[end:]
        return messages, self._check_arriving()

    # Any chunk

    def _receive_any(self, data: bytes) -> tuple[list[Message], Last | None]:
        protocol = self.protocol
        protocol.receive_data(data)
        frames = cast(list[Frame], protocol.events_received())
        messages: list[Message] = []
        size = len(frames) * (6 if self._masked else 2)  # of frames with lengths in one byte
        for frame in frames:
            payload = frame.data
            length = len(payload)
            size += length + (0 if length < 126 else 2 if length < 65536 else 8)
            try:
                # The protocol lets no TEXT frame through inside a fragmented message.
                if frame.opcode is _TEXT and frame.fin:
                    messages.append(Message("text", payload.decode()))  # type: ignore[union-attr]
                else:
                    message = self._message(frame)
                    if message is not None:
                        messages.append(message)
            except (UnicodeDecodeError, TooManyFragments) as exc:
                return self._refuse_frame(data, frames, frame, exc, messages)
        # The usual case: the chunk is these frames and nothing else, each length in its
        # shortest form, because a longer form would leave bytes over.
        if frames and size == len(data) and not self._tail and not self._compressed:
            self.record(data, len(frames))
            last = frames[-1]
            is_close = last.opcode is Opcode.CLOSE
            return messages, self._closed_by(bytes(last.data)) if is_close else None
        return self._receive_unaligned(data, frames, messages)

    def end(self) -> None:
        """Record what there is of a cut frame: called when the TCP connection has ended."""
        if self._tail:
            self.record(bytes(self._tail), 1, CUT if self._late is None else self._late.verdict)
            self._tail.clear()

    @property
    def unrecorded(self) -> int:
        """Bytes after the last frame that is read, too many to put on record."""
        return 0 if self._late is None else self._late.unrecorded

    # Messages

    def _message(self, frame: Frame) -> Message | None:
        """Return the message that this frame completes, if it completes one."""
        opcode, payload = frame.opcode, bytes(frame.data)
        if opcode is Opcode.BINARY and frame.fin:
            return Message("bytes", payload)
        if opcode is Opcode.PING:
            return Message("ping", payload)
        if opcode is Opcode.PONG:
            self.on_pong(payload)
            return Message("pong", payload)
        if opcode is Opcode.CLOSE:
            return Message("close", parse_close(payload) if payload else None)
        if self._joiner.fragments == MAX_FRAGMENTS:
            raise TooManyFragments(
                f"the message has more than {MAX_FRAGMENTS:,} fragments, "
                f"which is the limit (RFC 6455, section 10.4)"
            )
        return self._joiner.add(opcode, payload, frame.fin)

    def _closed_by(self, payload: bytes) -> Last:
        """Return the last frame, a CLOSE frame with this payload."""
        self._late = LateFrames(AFTER_CLOSE, 0, self.record)
        return Last(parse_close(payload), payload)

    # Records of what is not just a run of whole, good frames

    def _receive_unaligned(
        self, data: bytes, frames: Sequence[Frame], messages: list[Message]
    ) -> tuple[list[Message], Last | None]:
        if frames:
            self._text = None
            good = self._record_whole(data, frames)
            if good < len(frames):
                return messages[: _complete(frames[:good])], self._refuse_length(LONG_FORM)
        else:
            self._tail += data
        last = None
        has_failed = self.protocol.parser_exc is not None
        # The protocol raises after it has read a good CLOSE frame for one reason only: a fragmented
        # message was not complete. But a CLOSE frame is a control frame, and those may come between
        # fragments (RFC 6455, section 5.4).
        if self.protocol.close_rcvd is not None and has_failed:
            if not is_shortest(self._tail):
                return messages, self._refuse_length(LONG_FORM)
            last = self._take_interrupting_close(messages)
        elif self.protocol.close_rcvd is not None:
            last = self._closed_by(bytes(frames[-1].data))
        elif has_failed:
            last = self._refused_by_protocol()
        elif self._tail:
            return messages, self._check_arriving()
        return messages, self._then_late(last)

    def _take_interrupting_close(self, messages: list[Message]) -> Last:
        frame = decode(bytes(self._tail))
        self.record(frame.raw, 1)
        del self._tail[: len(frame.raw)]
        messages.append(Message("close", frame.close))
        return self._closed_by(frame.payload)

    def _record_whole(self, data: bytes, frames: Sequence[Frame]) -> int:
        """Record the frames the protocol has read, up to one with a needlessly long length.

        The rest of `data` becomes the tail. Return how many there were before that one.
        """
        tail = self._tail
        cut, count = 0, 0
        if tail and frames:
            # The frame that was cut: only its header is put together here.
            header = bytes(tail[:LONGEST_HEADER]) + data[:LONGEST_HEADER]
            if is_shortest(header):
                cut, count = cast(int, frame_length(header)) - len(tail), 1
        if count or not tail:
            for _ in frames[count:]:
                length = frame_length(data, cut)
                assert length is not None, "the protocol has read this frame"
                if not is_shortest(data, cut):
                    break
                cut += length
                count += 1
        if not count:
            tail += data
            return 0
        payloads: tuple[bytes | None, ...] | None = None
        if self._compressed:
            payloads = tuple(
                bytes(frame.data) if frame.opcode < CLOSE else None for frame in frames[:count]
            )
        self.record(keep(bytes(tail), data, cut), count, "", payloads)
        self._tail = bytearray(memoryview(data)[cut:])
        return count

    def _record_refused(self, refusal: str) -> None:
        """Record the frame that the connection is failed for; the rest is ignored."""
        tail = self._tail
        length = frame_length(tail)
        end = len(tail) if length is None else min(length, len(tail))
        if end:
            self.record(bytes(tail[:end]), 1, f"refused: {refusal}")
        del tail[:end]
        rest = 0 if length is None else length - end
        self._late = LateFrames(AFTER_FAILURE, rest, self.record)

    def _then_late(self, last: Last | None, more: bytes = b"") -> Last | None:
        """Return the last frame, if there is one, and take what came after it."""
        if self._late is not None:
            self._tail += more
            self._late.take(self._tail)
        return last

    # Failing

    def _refused_by_protocol(self) -> Last:
        protocol = self.protocol
        fault = isinstance(protocol.parser_exc, PayloadTooBig) and length_fault(self._tail)
        if fault:  # before the size that such a length seems to announce
            return self._refuse_length(fault)
        refusal = str(protocol.parser_exc)
        bad_close = ""
        if self._tail and self._tail[0] & 0x0F == CLOSE:
            bad_close = close_fault(decode(bytes(self._tail[:LONGEST_CONTROL])).payload)
            refusal = f"a CLOSE frame with {bad_close}" if bad_close else refusal
        if isinstance(protocol.parser_exc, PayloadTooBig):
            refusal += "; the limit is max_message_size"
        self._record_refused(refusal)
        return Last(None, cast(Close, protocol.close_sent).serialize(), refusal, bad_close)

    def _refuse(self, code: int, reason: str, refusal: str) -> Last:
        """Fail the connection for the frame at the head of the tail."""
        # The protocol sees no reason to, but nothing more must be read (RFC 6455, section 7.1.7).
        self.protocol.fail(code, reason)
        self._record_refused(refusal)
        self._then_late(None)
        return Last(None, Close(code, reason).serialize(), refusal)

    def _refuse_length(self, refusal: str) -> Last:
        return self._refuse(1002, refusal.partition(" (")[0], f"the {refusal}")

    def _refuse_frame(
        self,
        data: bytes,
        frames: Sequence[Frame],
        culprit: Frame,
        fault: UnicodeDecodeError | TooManyFragments,
        messages: list[Message],
    ) -> tuple[list[Message], Last]:
        """Refuse a text that is not UTF-8 or a fragment too many, or what is wrong before it."""
        index = next(i for i, frame in enumerate(frames) if frame is culprit)
        good = self._record_whole(data, frames[:index])
        messages = messages[: _complete(frames[:good])]
        if good < index or not is_shortest(self._tail):
            return messages, self._refuse_length(LONG_FORM)
        if isinstance(fault, TooManyFragments):
            return messages, self._refuse(1009, "too many fragments", str(fault))
        # A fragment's decoder counts from where the fragment before it broke off.
        where = "" if culprit.opcode is Opcode.CONT else f" at byte {fault.start}"
        refusal = f"the text is not UTF-8{where}: {utf8_fault(fault)}"
        return messages, self._refuse(1007, "invalid UTF-8", f"{refusal} (RFC 6455, section 8.1)")

    def _check_arriving(self) -> Last | None:
        """Refuse a frame by what has arrived of it: waiting for the rest would only take time."""
        tail = self._tail
        if frame_length(tail) is None:
            return None
        if fault := length_fault(tail):
            return self._refuse_length(fault)
        if tail[0] & RSV or self._compressed:  # the bit will be refused, or it is not text yet
            return None
        if self._text is None:
            self._text = ArrivingText(self._joiner)
        try:
            self._text.check(tail)
        except UnicodeDecodeError as exc:
            refusal = f"the text is not UTF-8: {utf8_fault(exc)} (RFC 6455, section 8.1)"
            return self._refuse(1007, "invalid UTF-8", refusal)
        return None


def _complete(frames: Sequence[Frame]) -> int:
    """Return how many messages these frames complete; each control frame is one."""
    return sum(1 for frame in frames if frame.fin)
