"""What must be true of every stream, whatever its bytes are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame as OracleFrame
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from astra_nb.log.records import ClosedRecord, FrameRecord, Record
from astra_nb.wire.frames import Frame, split
from astra_nb.wire.messages import CloseFrame, Message

from .memory import MAX_MESSAGE_SIZE, Outcome, feed
from .streams import Stream, cut

__all__ = ["Problem", "check"]

CLOSE = 8
TYPES = {1: "text", 2: "bytes", 9: "ping", 10: "pong"}
# What a connection is failed with.
FAILURES = (1002, 1007, 1009)
# What astra_nb refuses although its protocol lets it through.
OWN_RULES = ("shortest form", "UTF-8")


class Problem(AssertionError):
    """A stream after which something is not true that must be."""


def require(truth: object, what: str) -> None:
    if not truth:
        raise Problem(what)


async def check(stream: Stream, rng: random.Random) -> Outcome:
    """Feed a stream and check all that can be checked.

    Raises:
        Problem: The message says what is not true.
        Exception: Whatever came out of the connection; nothing may.
    """
    outcome = await feed(stream.side, stream.head, stream.chunks, compressed=stream.compressed)
    check_end(outcome)
    if outcome.opened:
        check_received(stream, outcome)
        check_sent(stream, outcome)
        await check_other_cuts(stream, outcome, rng)
        await check_protocol_alone(stream, outcome)
    return outcome


def check_end(outcome: Outcome) -> None:
    require(outcome.closed, "the connection has no end")
    closed = [record for record in outcome.records if isinstance(record, ClosedRecord)]
    require(len(closed) == 1, f"{len(closed)} closed records")
    require(outcome.records[-1] is closed[0], "the closed record is not the last one")


def frame_records(outcome: Outcome, direction: str) -> list[FrameRecord]:
    return [
        record
        for record in outcome.records
        if isinstance(record, FrameRecord) and record.direction == direction
    ]


def accepted(outcome: Outcome) -> list[FrameRecord]:
    return [record for record in frame_records(outcome, "received") if not record.verdict]


def check_received(stream: Stream, outcome: Outcome) -> None:
    """Compare the records with the bytes, and with what the protocol alone accepts."""
    records = frame_records(outcome, "received")
    logged = b"".join(record.frame.raw for record in records)
    if any("not on record" in record.text for record in outcome.records if record.kind == "notice"):
        require(len(logged) < len(outcome.fed), "a notice of bytes that are on record")
    else:
        require(logged == outcome.fed, f"fed {outcome.fed.hex()}, on record {logged.hex()}")
    for record in records:
        (again, *more) = split(record.frame.raw)
        require(not more and again == record.frame, f"decodes to another frame: {record}")
    good = accepted(outcome)
    require([r for r in records[: len(good)] if r.verdict] == [], "accepted after a refusal")
    require(all(record.frame.complete for record in good), "a cut frame was accepted")
    wanted = oracle(stream, outcome)
    have = [(int(r.frame.opcode), r.frame.fin, r.payload) for r in good]
    if any(rule in record.verdict for record in records for rule in OWN_RULES):
        wanted = wanted[: len(have)]
    require(have == wanted, f"accepted {have}, the protocol alone {wanted}")
    require(outcome.messages == list(messages_of(good)), f"messages {outcome.messages}")


def new_oracle(side: str, *, compressed: bool) -> Protocol:
    """Make the protocol of `side` as it is after the opening handshake."""
    protocol: Protocol
    if side == "server":
        protocol = ServerProtocol(state=State.OPEN, max_size=MAX_MESSAGE_SIZE)
    else:
        uri = parse_uri("ws://127.0.0.1:9/")
        protocol = ClientProtocol(uri, state=State.OPEN, max_size=MAX_MESSAGE_SIZE)
    if compressed:
        protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]
    return protocol


def oracle(stream: Stream, outcome: Outcome) -> list[tuple[int, bool, bytes]]:
    """Return the frames that `websockets`' protocol accepts from these bytes."""
    protocol = new_oracle(stream.side, compressed=outcome.compressed)
    protocol.receive_data(outcome.fed)
    events = protocol.events_received()
    frames = [
        (int(event.opcode), event.fin, bytes(event.data))
        for event in events
        if isinstance(event, OracleFrame)
    ]
    if protocol.close_rcvd is not None and protocol.parser_exc is not None:
        # It refuses a CLOSE frame inside a fragmented message, which RFC 6455, section 5.4, allows.
        code, reason = protocol.close_rcvd.code, protocol.close_rcvd.reason.encode()
        payload = b"" if code == 1005 else int(code).to_bytes(2, "big") + reason
        frames.append((CLOSE, True, payload))
    return frames


def messages_of(records: list[FrameRecord]) -> Iterator[Message]:
    """Join the frames of the log to the messages that a handler must have received."""
    parts: list[bytes] = []
    opcode = 0
    for record in records:
        frame: Frame = record.frame
        if frame.opcode == CLOSE:
            yield Message("close", frame.close)
        elif frame.opcode > CLOSE:
            yield message(frame.opcode, frame.payload)
        else:
            opcode = frame.opcode or opcode
            parts.append(record.payload)
            if frame.fin:
                yield message(opcode, b"".join(parts))
                parts = []


def message(opcode: int, payload: bytes) -> Message:
    value: str | bytes | CloseFrame | None = payload.decode() if opcode == 1 else payload
    return Message(TYPES[opcode], value)  # type: ignore[arg-type]


def check_sent(stream: Stream, outcome: Outcome) -> None:
    """Check what the connection said: on record, right, and ended with the CLOSE frame."""
    records = frame_records(outcome, "sent")
    logged = b"".join(record.frame.raw for record in records)
    require(logged == outcome.written, f"wrote {outcome.written.hex()}, on record {logged.hex()}")
    other_side = "client" if stream.side == "server" else "server"
    other = new_oracle(other_side, compressed=outcome.compressed)
    other.receive_data(outcome.written)
    require(other.parser_exc is None, f"sent a frame that is refused: {other.parser_exc!r}")
    closes = [record for record in records if record.frame.opcode == CLOSE]
    require(len(closes) <= 1, "more than one CLOSE frame")
    require(not closes or records[-1] is closes[0], "a frame after the CLOSE frame")
    pings = [r.payload for r in accepted(outcome) if r.frame.opcode == 9]
    pongs = [r.payload for r in records if r.frame.opcode == 10]
    require(pongs == pings, f"pings {pings}, pongs {pongs}")


async def check_other_cuts(stream: Stream, outcome: Outcome, rng: random.Random) -> None:
    """Feed the same bytes, cut differently: nothing may depend on how TCP cuts them."""
    data = b"".join(stream.chunks)
    again = await feed(stream.side, stream.head, cut(data, rng), compressed=stream.compressed)
    require(again.messages == outcome.messages, f"cut otherwise: messages {again.messages}")
    ours = [record.frame for record in accepted(outcome)]
    theirs = [record.frame for record in accepted(again)]
    require(ours == theirs, f"cut otherwise: accepted {theirs}")
    closes = [closed_code(one) for one in (outcome, again)]
    require(closes[0] == closes[1], f"cut otherwise: closed with {closes}")


async def check_protocol_alone(stream: Stream, outcome: Outcome) -> None:
    """Feed the same chunks without the fast path: it decides nothing."""
    alone = await feed(
        stream.side, stream.head, stream.chunks, compressed=stream.compressed, fast_path=False
    )
    require(alone.messages == outcome.messages, f"without the fast path: {alone.messages}")
    theirs = timeless(alone.records)
    require(timeless(outcome.records) == theirs, f"without the fast path on record: {theirs}")
    wrote = [unkeyed(frame) for frame in split(alone.written)]
    require([unkeyed(frame) for frame in split(outcome.written)] == wrote, f"wrote {wrote}")


def timeless(records: list[Record]) -> list[tuple[object, ...]]:
    """Return records without their times and a client's random keys."""
    return [
        (unkeyed(record.frame), record.number, record.verdict, record.message)
        if isinstance(record, FrameRecord) and record.direction == "sent"
        else (replace(record, time=0.0),)
        for record in records
        if record.kind != "handshake"
    ]


def unkeyed(frame: Frame) -> tuple[object, ...]:
    return frame.raw[0], frame.masked, frame.payload_length, frame.payload


def closed_code(outcome: Outcome) -> tuple[int | str | None, int | None, str]:
    record = outcome.records[-1]
    assert isinstance(record, ClosedRecord)
    sent: int | str | None = record.sent.code if record.sent else None
    received = record.received.code if record.received else None
    if sent in FAILURES:
        # A frame with two faults is refused for the one that is seen first, and only one that is
        # refused for what a CLOSE frame holds makes its sender the first.
        return "failed", received, ""
    return sent, received, record.first
