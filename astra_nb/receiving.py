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
from websockets.protocol import State

from .wire.frames import CLOSE, CONTINUATION, TEXT, apply_mask, frame_length
from .wire.messages import CloseFrame, Message

__all__ = ["Failure", "Receiver", "Record", "whole_frames"]

_TEXT = Opcode.TEXT  # looked up once: an enumeration's member costs more than a global

CUT = "cut: the TCP connection ended inside this frame"
AFTER_FAILURE = "ignored: the connection has failed"
AFTER_CLOSE = "ignored: it came after the CLOSE frame"


class Record(Protocol):
    """Records a run of received frames: their bytes, how many, a verdict, their payloads."""

    def __call__(
        self,
        data: bytes,
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
    """

    def __init__(
        self, protocol: SansIOProtocol, record: Record, on_pong: Callable[[bytes], None]
    ) -> None:
        self.failure: Failure | None = None
        self.refusal = ""
        self._protocol = protocol
        self._record = record
        self._on_pong = on_pong
        self._compressed = bool(protocol.extensions)
        self._tail = bytearray()  # received, but not a whole frame yet
        self._parts: list[Any] | None = None  # of a fragmented message
        self._decoder: codecs.IncrementalDecoder | None = None  # of a fragmented text
        self._early: codecs.IncrementalDecoder | None = None  # of a text frame still arriving
        self._early_size = 0  # bytes of that frame's payload it has seen
        self._refused_recorded = False
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
                self._refuse_text(data, frames, frame, exc)
                return messages
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
            self._record(self._take_tail(), 1, CUT)

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
        tail = self._tail
        tail += data
        if frames:
            self._early, self._early_size = None, 0
            good = self._record_whole(frames)
            if good < len(frames):
                # A CLOSE or PING behind it may have been answered; that is not to be sent.
                self._refuse(
                    1002,
                    "payload length not in its shortest form",
                    "the payload length is not in its shortest form (RFC 6455, section 5.2)",
                    frames[:good],
                )
                complete = sum(1 for frame in frames[:good] if frame.fin)
                return messages[:complete]
        if self._is_refused():
            self._record_refused()
        elif tail and self._protocol.state is State.OPEN:
            self._check_early()
        elif tail:
            self._record_pieces(self._take_tail(), AFTER_CLOSE)
        return messages

    def _record_whole(self, frames: Sequence[Frame]) -> int:
        """Record the frames the protocol has read, up to one with a needlessly long length.

        Returns:
            How many there were before that one.
        """
        cut = count = 0
        for _ in frames:
            length = frame_length(self._tail, cut)
            assert length is not None, "the protocol has read this frame"
            if not _is_shortest(self._tail, cut):
                break
            cut += length
            count += 1
        if count:
            payloads: tuple[bytes | None, ...] | None = None
            if self._compressed:
                payloads = tuple(
                    bytes(frame.data) if frame.opcode < CLOSE else None for frame in frames[:count]
                )
            self._record(bytes(self._tail[:cut]), count, "", payloads)
            del self._tail[:cut]
        return count

    def _record_refused(self) -> None:
        """Record the frame that the connection was failed for, and what lies behind it."""
        data = self._take_tail()
        if data and not self._refused_recorded:
            self._refused_recorded = True
            length = frame_length(data)
            end = len(data) if length is None else min(length, len(data))
            self._record(data[:end], 1, f"refused: {self.refusal}")
            data = data[end:]
        self._record_pieces(data, AFTER_FAILURE)

    def _record_pieces(self, data: bytes, verdict: str) -> None:
        """Record bytes that the protocol has not read: whole frames together, then the rest."""
        cut, count = whole_frames(data)
        if count:
            self._record(data[:cut], count, verdict)
        if cut < len(data):
            self._record(data[cut:], 1, verdict)

    def _take_tail(self) -> bytes:
        data = bytes(self._tail)
        self._tail.clear()
        return data

    # Failing

    def _is_refused(self) -> bool:
        exc = self._protocol.parser_exc
        if not self.refusal and exc is not None and not isinstance(exc, EOFError):
            self.refusal = str(exc)
            if isinstance(exc, PayloadTooBig):
                self.refusal += "; the limit is max_message_size"
        return bool(self.refusal)

    def _refuse(self, code: int, reason: str, refusal: str, answered: Sequence[Frame] = ()) -> None:
        """Ask for the failure, and record the frame at the head of the tail as its cause."""
        replies = sum(1 for frame in answered if frame.opcode in (Opcode.PING, Opcode.CLOSE))
        self.failure = Failure(code, reason, replies)
        self.refusal = refusal
        self._record_refused()

    def _refuse_text(
        self, data: bytes, frames: Sequence[Frame], culprit: Frame, fault: UnicodeDecodeError
    ) -> None:
        index = next(i for i, frame in enumerate(frames) if frame is culprit)
        self._tail += data
        self._record_whole(frames[:index])
        self._refuse(
            1007,
            "invalid UTF-8",
            f"the text is not UTF-8: {fault.reason} at byte {fault.start} (RFC 6455, section 8.1)",
            frames[:index],
        )

    def _check_early(self) -> None:
        """Refuse a text frame that cannot become UTF-8 any more before all of it has arrived.

        Waiting for the rest of a payload that is useless already would only take time.
        """
        tail = self._tail
        opcode = tail[0] & 0x0F
        in_text = opcode == TEXT or (opcode == CONTINUATION and self._decoder is not None)
        if self._compressed or not in_text or frame_length(tail) is None:
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
            self._refuse(1007, "invalid UTF-8", refusal)
            return
        self._early_size += len(new)


def whole_frames(data: bytes) -> tuple[int, int]:
    """Give where the last whole frame in these bytes ends, and how many there are."""
    cut = count = 0
    while (length := frame_length(data, cut)) is not None and cut + length <= len(data):
        cut += length
        count += 1
    return cut, count


def _is_shortest(data: bytearray, offset: int) -> bool:
    """Tell whether a payload length has its shortest form (RFC 6455, section 5.2)."""
    form = data[offset + 1] & 0x7F
    if form == 126:
        return int.from_bytes(data[offset + 2 : offset + 4], "big") >= 126
    if form == 127:
        return int.from_bytes(data[offset + 2 : offset + 10], "big") >= 65536
    return True
