"""Faults: bytes that break RFC 6455, each with the rule and what the other end must do then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from astra_nb.wire.frames import apply_mask

__all__ = ["FAULTS", "Fault"]

Sender = Literal["server", "client"]

KEY = bytes([0x37, 0xFA, 0x21, 0x3D])  # the masking key of the RFC's own example, section 5.7
FIN = 0x80
MASK = 0x80


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break the protocol.

    Attributes:
        name: Short name.
        makes: The bytes for a sender; None when there is nothing to send, but TCP to drop.
        breaks: The rule that it breaks, as one sentence.
        answer: What the other end must do, as one sentence.
        section: The section of RFC 6455 that says so.
        code: The close code the other end should send; None when there is none.
    """

    name: str
    makes: Callable[[Sender], bytes] | None
    breaks: str
    answer: str
    section: str
    code: int | None


def frame(
    sender: Sender,
    payload: bytes,
    *,
    opcode: int = 0x1,
    first_bits: int = FIN,
    masked: bool | None = None,
    declared: int | None = None,
) -> bytes:
    """Build a frame as `sender` would, except for what is given; up to 65,535 bytes."""
    is_masked = (sender == "client") if masked is None else masked
    length = len(payload) if declared is None else declared
    mask = MASK if is_masked else 0
    header = bytes([first_bits | opcode])
    if length < 126:
        header += bytes([mask | length])
    else:
        header += bytes([mask | 126]) + length.to_bytes(2, "big")
    return header + KEY + apply_mask(payload, KEY) if is_masked else header + payload


def wrong_mask(sender: Sender) -> bytes:
    return frame(sender, b"Hello", masked=sender == "server")


FAULTS: tuple[Fault, ...] = (
    Fault(
        "wrong masking",
        wrong_mask,
        "A client must mask every frame, and a server must mask none.",
        "The other end must close the connection; it may send 1002.",
        "5.1",
        1002,
    ),
    Fault(
        "reserved opcode",
        lambda sender: frame(sender, b"", opcode=0x3),
        "Opcodes 3 to 7 and 11 to 15 are reserved.",
        "The other end must fail the connection, with 1002.",
        "5.2",
        1002,
    ),
    Fault(
        "RSV1 bit",
        lambda sender: frame(sender, b"Hello", first_bits=FIN | 0x40),
        "RSV1 must be 0 where no extension gave it a meaning.",
        "The other end must fail the connection, with 1002.",
        "5.2",
        1002,
    ),
    Fault(
        "broken UTF-8",
        lambda sender: frame(sender, b"caf\xc3\x28"),
        "A text message is UTF-8; here byte c3 begins a character that does not go on.",
        "The other end must fail the connection, with 1007.",
        "8.1",
        1007,
    ),
    Fault(
        "long control frame",
        lambda sender: frame(sender, bytes(126), opcode=0x9),
        "A control frame carries at most 125 bytes; this PING has 126.",
        "The other end must fail the connection, with 1002.",
        "5.5",
        1002,
    ),
    Fault(
        "fragmented control frame",
        lambda sender: frame(sender, b"Hello", opcode=0x9, first_bits=0),
        "A control frame must not be fragmented; this PING has FIN = 0.",
        "The other end must fail the connection, with 1002.",
        "5.5",
        1002,
    ),
    Fault(
        "continuation of nothing",
        lambda sender: frame(sender, b"Hello", opcode=0x0),
        "A continuation frame goes on with a message, and none was begun.",
        "The other end must fail the connection, with 1002.",
        "5.4",
        1002,
    ),
    Fault(
        "lying length",
        lambda sender: frame(sender, b"Hello", declared=10),
        "The header declares ten bytes, and five follow.",
        "The other end waits for the rest: the next frame's first five bytes are taken for it, "
        "and then nothing fits.",
        "5.2",
        None,
    ),
    Fault(
        "1005 on the wire",
        lambda sender: frame(sender, (1005).to_bytes(2, "big"), opcode=0x8),
        "Close code 1005 is only reported, and never put into a CLOSE frame.",
        "The other end should fail the connection, with 1002.",
        "7.4.1",
        1002,
    ),
    Fault(
        "half a close code",
        lambda sender: frame(sender, b"\x03", opcode=0x8),
        "A CLOSE payload is empty or begins with a code of two bytes; this one has one byte.",
        "The other end should fail the connection, with 1002.",
        "5.5.1",
        1002,
    ),
    Fault(
        "dropped TCP",
        None,
        "An endpoint should close with a CLOSE frame before TCP ends.",
        "The other end can only report 1006, abnormal closure.",
        "7.1.5",
        None,
    ),
)
