"""What can be done with a socket, each as the call and the code that says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from astra_nb.errors import InvalidMessage
from astra_nb.log.records import FrameRecord
from astra_nb.payloads import encode_bytes
from astra_nb.websocket import WebSocket

__all__ = ["Call", "close_call", "fragments_call", "frame_call", "message_call", "raw_call"]

SHOWN = 200  # characters of a value in a line of code

Payload = str | bytes | list[int]


@dataclass(frozen=True, slots=True)
class Call:
    """Something to do with a socket.

    Attributes:
        code: The calls as they follow `socket.`, such as `send_text("Hello")`.
        perform: Does it.
        remark: What to say when it was done, "" for the usual sentence.
    """

    code: tuple[str, ...]
    perform: Callable[[WebSocket], object]
    remark: str = ""


def message_call(type: str, payload: Payload) -> Call:
    """Send a message of one of the first four types.

    Raises:
        InvalidMessage: A text that is not UTF-8.
    """
    value = as_text(payload) if type == "text" else payload
    return Call((f"send_{type}({shown(value)})",), lambda socket: socket.send(type, value))


def close_call(code: int, reason: str = "") -> Call:
    """Make a close code come about at the other end."""
    if code == 1005:
        return Call(
            ("send_close()",),
            lambda socket: socket.send_close(),
            "An empty CLOSE frame was sent: the other end reports 1005, no status received.",
        )
    if code == 1006:
        return Call(
            ("drop()",),
            lambda socket: socket.drop(),
            "The TCP connection was dropped without a CLOSE frame: the other end reports 1006.",
        )
    arguments = f"{code}, {shown(reason)}" if reason else str(code)
    return Call(
        (f"send_close({arguments})",), lambda socket: socket.send_close(code, reason or None)
    )


def fragments_call(
    type: str, payload: Payload, count: int, ping: bool, cuts: Sequence[int] = ()
) -> Call:
    """Send one message in fragments, of about the same length when no cuts are given.

    A text is cut between bytes, so that a cut may go through a character; only the whole message
    must be UTF-8 (RFC 6455, section 5.6).

    Args:
        count: How many fragments.
        ping: Whether a PING frame comes after the first fragment.
        cuts: Before which bytes of the payload to cut, rising; then `count` does not matter.

    Raises:
        InvalidMessage: A text that is not UTF-8, or a cut outside of the payload.
    """
    data = encode_bytes(as_text(payload) if type == "text" else payload)
    edges = [len(data) * index // count for index in range(count + 1)]
    if cuts:
        check_cuts(cuts, len(data))
        edges = [0, *cuts, len(data)]
    parts = [data[start:end] for start, end in pairwise(edges)]
    if not ping or len(parts) < 2:
        return Call(
            (f"send_fragments({type!r}, {shown(parts)})",),
            lambda socket: socket.send_fragments(type, parts),
        )

    def send(socket: WebSocket) -> None:
        socket.send_fragment(parts[0], type=type, fin=False)
        socket.send_ping(b"between")
        for part in parts[1:-1]:
            socket.send_fragment(part, fin=False)
        socket.send_fragment(parts[-1], fin=True)

    middle = [f"send_fragment({shown(part)}, fin=False)" for part in parts[1:-1]]
    return Call(
        (
            f"send_fragment({shown(parts[0])}, type={type!r}, fin=False)",
            "send_ping(b'between')",
            *middle,
            f"send_fragment({shown(parts[-1])}, fin=True)",
        ),
        send,
    )


def check_cuts(cuts: Sequence[int], size: int) -> None:
    for before, cut in pairwise((0, *cuts)):
        if not before <= cut <= size:
            raise InvalidMessage(
                f"there is no cut before byte {cut}: cuts rise, and the payload has {size} bytes; "
                f"write such as 3, 7, or leave the field empty for fragments of the same length"
            )


def raw_call(data: bytes, remark: str = "") -> Call:
    """Put bytes on the wire as they are."""
    return Call((f"send_raw({shown(data)})",), lambda socket: socket.send_raw(data), remark)


def frame_call(record: FrameRecord) -> Call:
    """Send what a frame on the log carries once more.

    Raises:
        InvalidMessage: The frame cannot be sent as a message of its own.
    """
    if record.type == "close":
        close = record.frame.close
        return close_call(1005) if close is None else close_call(close.code, close.reason)
    if record.type in ("text", "bytes", "ping", "pong") and record.frame.fin:
        return message_call(record.type, record.payload)
    raise InvalidMessage(
        f"frame {record.number} is no message of its own; "
        f"choose one that is whole, or send its payload from the field below"
    )


def as_text(value: Payload) -> str:
    """Take bytes that are UTF-8 as text.

    Raises:
        InvalidMessage: They are not.
    """
    if isinstance(value, str):
        return value
    data = bytes(value)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidMessage(
            f"byte {exc.start} of the payload, 0x{data[exc.start]:02x}, is no UTF-8, so it cannot "
            f"be a text message; send it as bytes"
        ) from exc


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
