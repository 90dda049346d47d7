"""What a fault is, and the faults that are frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .frames import apply_mask, encode
from .messages import Side

__all__ = ["FRAMES", "KEY", "Fault", "Stage"]

Stage = Literal["request", "answer", "frame", "conduct"]

KEY = bytes([0x37, 0xFA, 0x21, 0x3D])  # the masking key of the RFC's own example, section 5.7
CONTINUATION, TEXT, CLOSE, PING = 0x0, 0x1, 0x8, 0x9

FAILS = "The other end must fail the connection, with {code}."
SHOULD_FAIL = "The other end should fail the connection, with {code}."


@dataclass(frozen=True, slots=True, repr=False)
class Fault:
    """One way to break the protocol.

    Attributes:
        section: The section of RFC 6455 that has the rule.
        code: The close code the other end should send, or for a request the HTTP status of its
            answer; None when there is none.
        breaks: The rule that it breaks, as one sentence.
        answer: What the other end must do, as one sentence.
        makes: The bytes of a frame for a sender; None for TCP that is dropped, and for a fault
            that is not a frame.
        stage: What is wrong: the "request" or the "answer" of the opening handshake, a "frame",
            or the "conduct" of an end while the connection is open.
        senders: The ends that can commit it.
        change: Makes the bytes of a wrong request or answer of those of a right one.
        seconds: How late something comes, or how long something lasts; None for ever.
    """

    name: str
    section: str
    code: int | None
    breaks: str
    answer: str
    makes: Callable[[Side], bytes] | None = None
    stage: Stage = "frame"
    senders: tuple[Side, ...] = ("server", "client")
    change: Callable[[bytes], bytes] | None = None
    seconds: float | None = None

    def __repr__(self) -> str:
        return f"<Fault {self.name!r} ({self.stage}; {self.who}): {self.breaks}>"

    @property
    def who(self) -> str:
        """The ends that can commit it, in words."""
        return " or ".join(self.senders)


def fault(
    name: str, section: str, code: int | None, breaks: str, answer: str, *parts: Any, **options: Any
) -> Fault:
    """Make a fault that is a frame with these parts, masked as its sender must."""

    def makes(sender: Side) -> bytes:
        return encode(*parts, key=KEY if sender == "client" else None, **options)

    return Fault(name, section, code, breaks, answer.format(code=code), makes if parts else None)


def several(*each: tuple[int, bytes, bool]) -> Callable[[Side], bytes]:
    """Return what makes several frames, each of an opcode, a payload and FIN."""

    def makes(sender: Side) -> bytes:
        key = KEY if sender == "client" else None
        return b"".join(encode(opcode, data, fin=fin, key=key) for opcode, data, fin in each)

    return makes


def long_form(sender: Side) -> bytes:
    masked = sender == "client"
    start = bytes((0x81, masked << 7 | 126, 0, 5))
    return start + (KEY + apply_mask(b"Hello", KEY) if masked else b"Hello")


def top_bit(sender: Side) -> bytes:
    return bytes((0x82, (sender == "client") << 7 | 127, 0x80, *bytes(7))) + KEY


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return code.to_bytes(2, "big") + reason


FRAMES: tuple[Fault, ...] = (
    Fault(
        "wrong masking", "5.1", 1002,
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
        "A text message is UTF-8; here byte c3 begins a character that is never completed.",
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
        "A continuation frame continues a message, and none has begun.",
        FAILS, CONTINUATION, b"Hello",
    ),
    fault(
        "lying length", "5.2", None,
        "The header declares ten bytes, and five follow.",
        "The other end waits for the rest: it takes the next frame's first five bytes for it, and "
        "then nothing fits.",
        TEXT, b"Hello", length=10,
    ),
    fault(
        "1005 on the wire", "7.4.1", 1002,
        "Close code 1005 is only reported, never put into a CLOSE frame.",
        SHOULD_FAIL, CLOSE, close_payload(1005),
    ),
    fault(
        "half a close code", "5.5.1", 1002,
        "A CLOSE payload is empty or begins with a code of two bytes; this one has one byte.",
        SHOULD_FAIL, CLOSE, b"\x03",
    ),
    fault(
        "dropped TCP", "7.1.5", None,
        "An endpoint should send a CLOSE frame before it closes TCP.",
        "The other end can only report 1006, abnormal closure.",
    ),
    Fault(
        "length not in its shortest form", "5.2", 1002,
        "The shortest form of the payload length must be used; here two bytes say 5.",
        FAILS.format(code=1002), long_form,
    ),
    Fault(
        "length with its highest bit", "5.2", 1002,
        "The highest bit of a length of eight bytes must be 0.", FAILS.format(code=1002), top_bit,
    ),
    Fault(
        "message inside a message", "5.4", 1002,
        "The fragments of one message must not be mixed with those of another.",
        FAILS.format(code=1002), several((TEXT, b"Hel", False), (TEXT, b"lo", True)),
    ),
    fault(
        "reserved close code", "7.4.2", 1002,
        "Close codes 1016 to 2999 are reserved, and those below 1000 are not used.",
        SHOULD_FAIL, CLOSE, close_payload(1016),
    ),
    fault(
        "close code above 4999", "7.4.2", 1002,
        "Close codes end at 4999; this CLOSE frame says 5000.",
        SHOULD_FAIL, CLOSE, close_payload(5000),
    ),
    fault(
        "close reason not in UTF-8", "5.5.1", 1007,
        "The reason of a CLOSE frame is UTF-8.", FAILS, CLOSE, close_payload(1000, b"caf\xc3\x28"),
    ),
    Fault(
        "data after CLOSE", "5.5.1", None,
        "An end must not send data frames after its CLOSE frame.",
        "The other end answers the CLOSE frame, and does not read the data frame.",
        several((CLOSE, close_payload(1000), True), (TEXT, b"Hello", True)),
    ),
)  # fmt: skip
