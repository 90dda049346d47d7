"""Faults: bytes that break RFC 6455, each with the rule and what the other end must do then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from astra_nb.wire.frames import encode

__all__ = ["FAULTS", "Fault"]

Sender = Literal["server", "client"]

KEY = bytes([0x37, 0xFA, 0x21, 0x3D])  # the masking key of the RFC's own example, section 5.7
TEXT, CLOSE, PING = 0x1, 0x8, 0x9

FAILS = "The other end must fail the connection, with {code}."
SHOULD_FAIL = "The other end should fail the connection, with {code}."


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break the protocol.

    Attributes:
        name: Short name.
        section: The section of RFC 6455 that has the rule.
        code: The close code the other end should send; None when there is none.
        breaks: The rule that it breaks, as one sentence.
        answer: What the other end must do, as one sentence.
        makes: The bytes for a sender; None when there is nothing to send, but TCP to drop.
    """

    name: str
    section: str
    code: int | None
    breaks: str
    answer: str
    makes: Callable[[Sender], bytes] | None


def fault(
    name: str, section: str, code: int | None, breaks: str, answer: str, *parts: Any, **options: Any
) -> Fault:
    """Make a fault that is a frame with these parts, masked as its sender must."""

    def makes(sender: Sender) -> bytes:
        return encode(*parts, key=KEY if sender == "client" else None, **options)

    return Fault(name, section, code, breaks, answer.format(code=code), makes if parts else None)


FAULTS: tuple[Fault, ...] = (
    Fault(
        "wrong masking",
        "5.1",
        1002,
        "A client must mask every frame, and a server must mask none.",
        "The other end must close the connection; it may send 1002.",
        lambda sender: encode(TEXT, b"Hello", key=KEY if sender == "server" else None),
    ),
    fault(
        "reserved opcode", "5.2", 1002,
        "Opcodes 3 to 7 and 11 to 15 are reserved.", FAILS, 0x3,
    ),
    fault(
        "RSV1 bit", "5.2", 1002,
        "RSV1 must be 0 where no extension gave it a meaning.", FAILS, TEXT, b"Hello", rsv=4,
    ),
    fault(
        "broken UTF-8", "8.1", 1007,
        "A text message is UTF-8; here byte c3 begins a character that does not go on.",
        FAILS, TEXT, b"caf\xc3\x28",
    ),
    fault(
        "long control frame", "5.5", 1002,
        "A control frame carries at most 125 bytes; this PING has 126.", FAILS, PING, bytes(126),
    ),
    fault(
        "fragmented control frame", "5.5", 1002,
        "A control frame must not be fragmented; this PING has FIN = 0.",
        FAILS, PING, b"Hello", fin=False,
    ),
    fault(
        "continuation of nothing", "5.4", 1002,
        "A continuation frame goes on with a message, and none was begun.", FAILS, 0x0, b"Hello",
    ),
    fault(
        "lying length", "5.2", None,
        "The header declares ten bytes, and five follow.",
        "The other end waits for the rest: the next frame's first five bytes are taken for it, "
        "and then nothing fits.",
        TEXT, b"Hello", length=10,
    ),
    fault(
        "1005 on the wire", "7.4.1", 1002,
        "Close code 1005 is only reported, and never put into a CLOSE frame.",
        SHOULD_FAIL, CLOSE, (1005).to_bytes(2, "big"),
    ),
    fault(
        "half a close code", "5.5.1", 1002,
        "A CLOSE payload is empty or begins with a code of two bytes; this one has one byte.",
        SHOULD_FAIL, CLOSE, b"\x03",
    ),
    fault(
        "dropped TCP", "7.1.5", None,
        "An endpoint should close with a CLOSE frame before TCP ends.",
        "The other end can only report 1006, abnormal closure.",
    ),
)  # fmt: skip
