"""From the bytes that arrive to records and messages.

`websockets`' protocol parses and judges the frames. Here they are recorded with the bytes they
had on the wire, joined to messages, and checked for what the protocol leaves to its user: UTF-8
(RFC 6455, section 8.1) and the shortest length form (section 5.2).

No I/O, no clock, no thread.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol as SansIOProtocol
from websockets.protocol import Side as SansIOSide

from astra_nb.log.pieces import Pieces
from astra_nb.wire.frames import apply_mask, decode, frame_length
from astra_nb.wire.messages import CloseFrame, Message
from astra_nb.wire.opcodes import CLOSE, CONTINUATION, TEXT

__all__ = ["Failure", "Receiver", "Record", "whole_frames"]

_TEXT = Opcode.TEXT  # looked up once: an enumeration's member costs more than a global

CUT = "cut: the TCP connection ended inside this frame"
AFTER_FAILURE = "ignored: the connection has failed"
AFTER_CLOSE = "ignored: it came after the CLOSE frame"

MAX_LATE = 64 * 1024  # bytes put on record that come when nobody reads them any more
LONGEST_HEADER = 14  # bytes, masking key included
RSV = 0x70  # the bits RSV1 to RSV3
LONG_FORM = "payload length is not in its shortest form (RFC 6455, section 5.2)"
TOP_BIT = "most significant bit of the payload length is not 0 (RFC 6455, section 5.2)"


class Record(Protocol):
    """Records a run of received frames: their bytes, how many, a verdict, their payloads."""

    def __call__(
        self,
        data: bytes | Pieces,
        count: int,
        verdict: str = "",
        messages: tuple[bytes | None, ...] | None = None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the connection has to be failed, where the protocol sees no reason to.

    Attributes:
        code: Close code to send.
        reason: Close reason to send.
        kept_replies: How many of the protocol's replies to the last chunk answer frames before
            the bad one; it has seen the whole chunk and may have answered frames behind it.
    """

    code: int
    reason: str
    kept_replies: int


class Receiver:
    """What one end makes of the bytes it receives after the opening handshake.

    Args:
        protocol: Is fed with the bytes.
        record: Called with each run of frames, in their order.
        on_pong: Called with the payload of each PONG frame.

    Attributes:
        failure: Set when the connection has to be failed; nothing is delivered after that.
        refusal: Why the connection was failed, by the protocol or here; "" while it was not.
        interrupted: The payload of a CLOSE frame that came inside a fragmented message.
        unrecorded: Bytes that came when nobody read them any more, too many to put on record.
    """

    __slots__ = (
        "_compressed",
        "_decoder",
        "_early",
        "_early_size",
        "_late",
        "_late_room",
        "_long",
        "_medium",
        "_on_pong",
        "_parts",
        "_protocol",
        "_record",
        "_refused_rest",
        "_short",
        "_tail",
        "failure",
        "interrupted",
        "refusal",
        "unrecorded",
    )

    def __init__(
        self, protocol: SansIOProtocol, record: Record, on_pong: Callable[[bytes], None]
    ) -> None:
        self.failure: Failure | None = None
        self.refusal = ""
        self.interrupted: bytes | None = None
        self.unrecorded = 0
        self._late = ""  # the verdict on what nobody reads any more; "" as long as all is read
        self._late_room = MAX_LATE
        self._refused_rest = 0  # bytes of the refused frame that have not come yet
        self._protocol = protocol
        self._record = record
        self._on_pong = on_pong
        self._compressed = bool(protocol.extensions)
        self._tail = bytearray()  # received, but not a whole frame yet
        self._parts: list[Any] | None = None  # of a fragmented message
        self._decoder: codecs.IncrementalDecoder | None = None  # of a fragmented text
        self._early: codecs.IncrementalDecoder | None = None  # of a text frame still arriving
        self._early_size = 0  # bytes of that frame's payload it has seen
        # Bytes of a header, by the payload's length, masking key included.
        key = 4 if protocol.side is SansIOSide.SERVER else 0
        self._short, self._medium, self._long = 2 + key, 4 + key, 10 + key

    def receive(self, data: bytes) -> list[Message]:
        """Take a chunk of any length; give the messages that are complete with it."""
        protocol = self._protocol
        try:
            protocol.receive_data(data)
        except EOFError:
            return []
        frames = cast(list[Frame], protocol.events_received())
        messages: list[Message] = []
        size = 0
        for frame in frames:
            payload = frame.data
            length = len(payload)
            size += length + (
                self._short if length < 126 else self._medium if length < 65536 else self._long
            )
            try:
                # The protocol lets no TEXT frame through inside a fragmented message.
                if frame.opcode is _TEXT and frame.fin:
                    messages.append(Message("text", payload.decode()))  # type: ignore[union-attr]
                else:
                    message = self._message(frame)
                    if message is not None:
                        messages.append(message)
            except UnicodeDecodeError as exc:
                good = self._refuse_text(data, frames, frame, exc)
                return messages[: _complete(frames[:good])]
        # The usual case: the chunk is these frames and nothing else, each length in its
        # shortest form, because a longer form would leave bytes over.
        if size == len(data) and not self._tail and not self._compressed and not self.refusal:
            if frames:
                self._record(data, len(frames))
            return messages
        return self._record_unaligned(data, frames, messages)

    def end(self) -> None:
        """The TCP connection has ended; what there is of a last frame stays cut."""
        if self._tail:
            self._record(bytes(self._tail), 1, self._late or CUT)
            self._tail.clear()

    # Messages

    def _message(self, frame: Frame) -> Message | None:
        """Give the message that this frame completes, if it completes one.

        Raises:
            UnicodeDecodeError: A text message is not UTF-8.
        """
        opcode, payload = frame.opcode, bytes(frame.data)
        if opcode is Opcode.BINARY and frame.fin:
            return Message("bytes", payload)
        if opcode is Opcode.PING:
            return Message("ping", payload)
        if opcode is Opcode.PONG:
            self._on_pong(payload)
            return Message("pong", payload)
        if opcode is Opcode.CLOSE:
            close = Close.parse(payload)
            return Message("close", CloseFrame(int(close.code), close.reason) if payload else None)
        if opcode is Opcode.TEXT:
            self._decoder = codecs.getincrementaldecoder("utf-8")()
        if opcode is not Opcode.CONT:
            self._parts = []
        parts = cast(list[Any], self._parts)
        if self._decoder is None:
            parts.append(payload)
        else:
            parts.append(self._decoder.decode(payload, frame.fin))
        if not frame.fin:
            return None
        is_text = self._decoder is not None
        self._parts = self._decoder = None
        return Message("text", "".join(parts)) if is_text else Message("bytes", b"".join(parts))

    # Records of what is not just a run of whole, good frames

    def _record_unaligned(
        self, data: bytes, frames: Sequence[Frame], messages: list[Message]
    ) -> list[Message]:
        if frames:
            self._early, self._early_size = None, 0
            good = self._record_whole(data, frames)
            if good < len(frames):
                # A CLOSE or PING behind it may have been answered; that is not to be sent.
                self._refuse_length(LONG_FORM, frames[:good])
                return messages[: _complete(frames[:good])]
        else:
            self._tail += data
        tail = self._tail
        if self._late:
            self._record_late()
        elif self._is_refused():
            self._record_refused()
        elif tail and self._is_interrupted():
            if _is_shortest(tail, 0):
                messages.append(self._take_interrupting_close())
            else:
                self._refuse_length(LONG_FORM, frames)
        elif self._protocol.close_rcvd is not None:
            self._late = AFTER_CLOSE
            self._record_late()
        elif tail:
            self._check_arriving(frames)
        return messages

    def _is_interrupted(self) -> bool:
        # The protocol raises after it has read a good CLOSE frame for one reason only: a
        # fragmented message was not complete. But a CLOSE frame is a control frame, and those
        # may come between fragments (RFC 6455, section 5.4).
        protocol = self._protocol
        return (
            self.interrupted is None
            and protocol.close_rcvd is not None
            and protocol.parser_exc is not None
        )

    def _take_interrupting_close(self) -> Message:
        frame = decode(bytes(self._tail))
        self.interrupted = frame.payload
        self._record(frame.raw, 1)
        del self._tail[: len(frame.raw)]
        self._late = AFTER_CLOSE
        self._record_late()
        return Message("close", frame.close)

    def _record_whole(self, data: bytes, frames: Sequence[Frame]) -> int:
        """Record the frames the protocol has read, up to one with a needlessly long length.

        The rest of `data` becomes the tail.

        Returns:
            How many there were before that one.
        """
        tail = self._tail
        cut, count = 0, 0
        if tail and frames:
            # The frame that was cut: only its header is put together here.
            header = bytes(tail[:LONGEST_HEADER]) + data[:LONGEST_HEADER]
            if _is_shortest(header, 0):
                cut, count = cast(int, frame_length(header)) - len(tail), 1
        if count or not tail:
            for _ in frames[count:]:
                length = frame_length(data, cut)
                assert length is not None, "the protocol has read this frame"
                if not _is_shortest(data, cut):
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
        # Joined by whoever looks; but a chunk is not kept for the little that is used of it.
        worth_it = 2 * cut > len(data)
        whole = Pieces(bytes(tail), data, cut) if worth_it else bytes(tail) + data[:cut]
        self._record(whole, count, "", payloads)
        self._tail = bytearray(memoryview(data)[cut:])
        return count

    def _record_refused(self) -> None:
        """Record the frame that the connection was failed for, and what lies behind it."""
        tail = self._tail
        length = frame_length(tail)
        end = len(tail) if length is None else min(length, len(tail))
        if end:
            self._record(bytes(tail[:end]), 1, f"refused: {self.refusal}")
        del tail[:end]
        self._refused_rest = 0 if length is None else length - end
        self._late = AFTER_FAILURE
        self._record_late()

    def _record_late(self) -> None:
        """Record whole frames that nobody reads any more, up to a bound; count the rest."""
        tail = self._tail
        rest = min(self._refused_rest, len(tail))
        self._refused_rest -= rest
        self.unrecorded += rest
        del tail[:rest]
        cut, count = whole_frames(tail)
        if max(cut, len(tail) - cut) > self._late_room:
            self.unrecorded += len(tail)
            tail.clear()
            self._late_room = 0
        elif count:
            self._record(bytes(tail[:cut]), count, self._late)
            self._late_room -= cut
            del tail[:cut]

    # Failing

    def _is_refused(self) -> bool:
        protocol = self._protocol
        exc = protocol.parser_exc
        if exc is None or isinstance(exc, EOFError) or protocol.close_rcvd is not None:
            return bool(self.refusal)
        if not self.refusal:
            self.refusal = str(exc)
            if isinstance(exc, PayloadTooBig):
                self.refusal += "; the limit is max_message_size"
        return bool(self.refusal)

    def _refuse(self, code: int, reason: str, refusal: str, answered: Sequence[Frame]) -> None:
        """Ask for the failure, and record the frame at the head of the tail as its cause."""
        replies = sum(1 for frame in answered if frame.opcode in (Opcode.PING, Opcode.CLOSE))
        self.failure = Failure(code, reason, replies)
        self.refusal = refusal
        self._record_refused()

    def _refuse_length(self, refusal: str, answered: Sequence[Frame]) -> None:
        self._refuse(1002, refusal.partition(" (")[0], f"the {refusal}", answered)

    def _refuse_text(
        self, data: bytes, frames: Sequence[Frame], culprit: Frame, fault: UnicodeDecodeError
    ) -> int:
        """Refuse a text that is not UTF-8, or what is wrong in or before its frame.

        Returns:
            How many frames were good.
        """
        index = next(i for i, frame in enumerate(frames) if frame is culprit)
        good = self._record_whole(data, frames[:index])
        if good < index or not _is_shortest(self._tail, 0):
            self._refuse_length(LONG_FORM, frames[:good])
            return good
        self._refuse(
            1007,
            "invalid UTF-8",
            f"the text is not UTF-8: {fault.reason} at byte {fault.start} (RFC 6455, section 8.1)",
            frames[:index],
        )
        return good

    def _check_arriving(self, before: Sequence[Frame]) -> None:
        """Refuse a frame by what has arrived of it: waiting for the rest would only take time.

        Args:
            before: The whole frames that came before it in this chunk.
        """
        tail = self._tail
        if frame_length(tail) is None:
            return
        if not _is_shortest(tail, 0):
            self._refuse_length(LONG_FORM, before)
        elif tail[1] & 0x7F == 127 and tail[2] & 0x80:
            self._refuse_length(TOP_BIT, before)
        elif not tail[0] & RSV:  # a frame with such a bit will be refused for that
            self._check_text(before)

    def _check_text(self, before: Sequence[Frame]) -> None:
        """Refuse a text frame that cannot become UTF-8 any more before all of it has arrived."""
        tail = self._tail
        opcode = tail[0] & 0x0F
        if opcode == CONTINUATION:
            in_text = self._decoder is not None
        else:
            in_text = opcode == TEXT and self._parts is None
        if self._compressed or not in_text:
            return
        form = tail[1] & 0x7F
        masked = bool(tail[1] & 0x80)
        header = 2 + (0 if form < 126 else 2 if form == 126 else 8) + (4 if masked else 0)
        seen = self._early_size
        new = bytes(tail[header + seen :])
        if not new:
            return
        if masked:
            key = bytes(tail[header - 4 : header])
            new = apply_mask(new, key[seen % 4 :] + key[: seen % 4])
        if self._early is None:
            self._early = codecs.getincrementaldecoder("utf-8")()
            if self._decoder is not None:
                self._early.setstate(self._decoder.getstate())
        try:
            self._early.decode(new)
        except UnicodeDecodeError as exc:
            refusal = f"the text is not UTF-8: {exc.reason} (RFC 6455, section 8.1)"
            self._refuse(1007, "invalid UTF-8", refusal, before)
            return
        self._early_size += len(new)


def whole_frames(data: bytes | bytearray) -> tuple[int, int]:
    """Give where the last whole frame in these bytes ends, and how many there are."""
    cut = count = 0
    while (length := frame_length(data, cut)) is not None and cut + length <= len(data):
        cut += length
        count += 1
    return cut, count


def _complete(frames: Sequence[Frame]) -> int:
    """How many messages these frames complete; each control frame is one."""
    return sum(1 for frame in frames if frame.fin)


def _is_shortest(data: bytes | bytearray, offset: int) -> bool:
    """Tell whether a payload length has its shortest form (RFC 6455, section 5.2)."""
    form = data[offset + 1] & 0x7F
    if form == 126:
        return int.from_bytes(data[offset + 2 : offset + 4], "big") >= 126
    if form == 127:
        return int.from_bytes(data[offset + 2 : offset + 10], "big") >= 65536
    return True
