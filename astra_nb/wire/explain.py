"""Explanation of a frame: its bits, fields, mask and text, and the rules that it breaks."""

from __future__ import annotations

from collections.abc import Iterator

from . import close_codes
from .fields import fields
from .figure import figure
from .frames import MAX_CLOSE_REASON, MAX_CONTROL_PAYLOAD, Frame
from .handshake import accept_steps
from .opcodes import CLOSE, TEXT
from .text import ascii_text, counted, hexdump, invalid_utf8, visible_utf8

__all__ = [
    "accept_steps",
    "explain",
    "explain_close",
    "explain_utf8",
    "fields",
    "figure",
    "problems",
]

SHOWN_BYTES = 64  # of a payload
MASK_ROW = 16  # bytes side by side
CONTEXT = 24  # bytes shown before the place where UTF-8 breaks


def explain(frame: Frame, sender: str = "", message: bytes | None = None) -> str:
    """Return an explanation of a frame bit by bit, as text of several lines.

    Args:
        frame: The frame.
        sender: The end that sent it, "client" or "server", so that masking can be judged; "" when
            it is not known.
        message: The payload after decompression, or None when no extension had changed it.
    """
    found = [f"- {rule}" for rule in problems(frame, sender, extended=message is not None)]
    parts = [figure(frame), field_lines(frame)]
    if frame.masking_key and frame.payload:
        parts.append(mask_lines(frame, frame.masking_key))
    elif frame.payload:
        parts.append(payload_lines("Payload", frame.payload))
    if message is not None:
        parts.append(payload_lines("Payload after decompression", message))
    parts += [explain_utf8(frame), explain_close(frame)]
    if found:
        parts.append("\n".join(["Rules that this frame breaks:", *found]))
    return "\n\n".join(filter(None, parts))


def field_lines(frame: Frame) -> str:
    found = fields(frame)
    name_width = max(len(part.name) for part in found)
    value_width = max(len(part.value) for part in found if part.name != "payload")
    lines = []
    for part in found:
        where = f"{part.start}" if part.end - part.start == 1 else f"{part.start}-{part.end - 1}"
        lines.append(
            f"byte {where:<5} {part.name:<{name_width}}  {part.value:<{value_width}}  "
            f"{part.meaning} (section {part.section})"
        )
    return "\n".join(lines)


def mask_lines(frame: Frame, key: bytes) -> str:
    lines = ["Unmasking: masked XOR key, byte by byte (RFC 6455, section 5.3)"]
    for start in range(0, min(len(frame.payload), SHOWN_BYTES), MASK_ROW):
        unmasked = frame.payload[start : start + MASK_ROW]
        offsets = range(start, start + len(unmasked))
        lines += [
            f"{'byte':<10}" + " ".join(f"{offset:>2}" for offset in offsets),
            f"{'masked':<10}" + frame.masked_payload[start : start + MASK_ROW].hex(" "),
            f"{'key':<10}" + " ".join(f"{key[offset % 4]:02x}" for offset in offsets),
            f"{'unmasked':<10}" + unmasked.hex(" "),
            f"{'as ASCII':<10} " + "  ".join(ascii_text(unmasked)),
        ]
    return "\n".join(lines + left_out(len(frame.payload)))


def payload_lines(title: str, payload: bytes) -> str:
    lines = [f"{title}, {counted(len(payload), 'byte')}"]
    if payload:
        lines.append(hexdump(payload[:SHOWN_BYTES]))
    return "\n".join(lines + left_out(len(payload)))


def left_out(length: int) -> list[str]:
    return [f"and {length - SHOWN_BYTES:,} more bytes"] if length > SHOWN_BYTES else []


def explain_utf8(frame: Frame) -> str:
    """Return whether the payload of a TEXT frame is UTF-8, and where it breaks, as a sentence.

    Returns:
        "" for other frames, for a compressed payload, and where there is no payload to judge.
    """
    if frame.opcode != TEXT or frame.rsv1 or not (frame.payload or frame.complete):
        return ""
    broken = invalid_utf8(frame.payload)
    if broken is None:
        characters = len(frame.payload.decode())
        return (
            f"The payload is UTF-8: {counted(characters, 'character')} "
            f"in {counted(len(frame.payload), 'byte')}."
        )
    offset, fault, is_cut = broken
    if is_cut and not (frame.fin and frame.complete):
        return (
            f"The payload is UTF-8 up to byte {offset}, where an incomplete character begins; the "
            f"rest of it must come next (RFC 6455, section 5.6)."
        )
    before = visible_utf8(frame.payload[max(offset - CONTEXT, 0) : offset])
    after = f', after "{before}"' if before else ""
    return (
        f"UTF-8 breaks at byte {offset} of the payload{after}: {fault} (RFC 3629, section 3). "
        f"The other end must fail the connection (RFC 6455, section 8.1); the code for that is "
        f"1007 (section 7.4.1)."
    )


def explain_close(frame: Frame) -> str:
    """Return the close code and reason of a CLOSE frame as sentences; "" for other frames."""
    if frame.opcode != CLOSE:
        return ""
    if not frame.payload:
        return (
            "The CLOSE frame is empty. The other end reports 1005 (no status received), "
            "which is never on the wire (RFC 6455, section 7.1.5)."
        )
    close = frame.close
    if close is None:
        return "The payload has one byte, which is half a close code."
    known = close_codes.CLOSE_CODES.get(close.code) or close_codes.range_of(close.code)
    meaning = "The codes end at 4999." if known is None else known.meaning
    code = f"{frame.payload[:2].hex(' ')} = {close.code} ({close_codes.name(close.code)})"
    reason = frame.payload[2:]
    said = "none."
    if reason:
        said = f'"{visible_utf8(reason)}", {len(reason)} of at most {MAX_CLOSE_REASON} bytes.'
    return f"Close code: {code}. {meaning}\nClose reason: {said}"


def problems(frame: Frame, sender: str = "", *, extended: bool = False) -> list[str]:
    """Return the rules of RFC 6455 that a frame breaks by itself, as sentences.

    Its place among other frames is not judged.

    Args:
        frame: The frame.
        sender: The end that sent it, "client" or "server"; "" leaves masking unjudged.
        extended: Whether an extension explains RSV1.
    """
    return list(broken_rules(frame, sender, extended))


def broken_rules(frame: Frame, sender: str, extended: bool) -> Iterator[str]:
    short = frame.raw[1] & 0x7F if len(frame.raw) > 1 else 0
    form = (short, len(frame.header) - 2 - len(frame.masking_key or b""))
    length = frame.payload_length
    if (frame.rsv1 and not extended) or frame.rsv2 or frame.rsv3:
        yield "An RSV bit is 1, and no extension gave it a meaning (section 5.2)."
    if frame.type == "reserved":
        yield f"Opcode {frame.opcode:#x} is reserved (section 5.2)."
    if frame.is_control and not frame.fin:
        yield "A control frame must not be fragmented: FIN must be 1 (section 5.5)."
    if frame.is_control and length > MAX_CONTROL_PAYLOAD:
        yield (
            f"A control frame carries at most {MAX_CONTROL_PAYLOAD} bytes, "
            f"this one declares {length:,} (section 5.5)."
        )
    if (form == (126, 2) and length < 126) or (form == (127, 8) and length < 65536):
        yield f"The length {length:,} is not in its shortest form (section 5.2)."
    if length >= 2**63:
        yield "The most significant bit of a 64-bit length must be 0 (section 5.2)."
    if sender == "client" and len(frame.raw) > 1 and not frame.masked:
        yield "A client must mask every frame (section 5.1)."
    if sender == "server" and frame.masked:
        yield "A server must not mask any frame (section 5.1)."
    if not frame.complete:
        yield f"It is cut after {counted(len(frame.raw), 'byte')}; the rest never came."
    elif frame.opcode == TEXT and frame.fin and not frame.rsv1 and invalid_utf8(frame.payload):
        yield "The text is not UTF-8 (section 8.1)."
    elif frame.opcode == CLOSE and len(frame.payload) == 1:
        yield "A CLOSE payload of one byte holds no close code (section 5.5.1)."
    elif close := frame.close:
        if not close_codes.is_valid_on_wire(close.code):
            yield f"Close code {close.code} must not be on the wire (section 7.4)."
        if invalid_utf8(frame.payload[2:]):
            yield "The close reason is not UTF-8 (section 5.5.1)."
