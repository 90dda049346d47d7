"""Commands: what a panel can do with a socket, each with the code that does the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from astra_nb.errors import InvalidMessage
from astra_nb.log.records import FrameRecord
from astra_nb.payloads import encode_bytes
from astra_nb.websocket import WebSocket
from astra_nb.wire.text import shortened

__all__ = [
    "Command",
    "close_command",
    "fragments_command",
    "frame_command",
    "message_command",
    "raw_command",
]

SHOWN = 200  # characters of a value in a line of code

Payload = str | bytes | list[int]
Call = tuple[str, tuple[object, ...], dict[str, object]]  # a method's name and its arguments


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do with a socket.

    Attributes:
        code: Calls of the socket's methods, such as `send_text("Hello")`.
        perform: Does it.
        remark: The sentence for when it was done, "" for the usual one.
        ends: Whether it ends the connection, and so never waits for a peer that does not read.
    """

    code: tuple[str, ...]
    perform: Callable[[WebSocket], object]
    remark: str = ""
    ends: bool = False


def command_of(*calls: Call, remark: str = "", ends: bool = False) -> Command:
    """Return the command that makes some calls, with their code."""

    def perform(socket: WebSocket) -> None:
        for name, arguments, options in calls:
            getattr(socket, name)(*arguments, **options)

    return Command(tuple(code_of(*each) for each in calls), perform, remark, ends)


def call(name: str, *arguments: object, **options: object) -> Call:
    return name, arguments, options


def code_of(name: str, arguments: tuple[object, ...], options: dict[str, object]) -> str:
    values = [shortened(repr(value), SHOWN) for value in arguments]
    return f"{name}({', '.join([*values, *(f'{key}={options[key]!r}' for key in options)])})"


def message_command(type: str, payload: Payload) -> Command:
    """Send a message of one of the first four types.

    Raises:
        InvalidMessage: A text that is not UTF-8.
    """
    return command_of(call(f"send_{type}", as_text(payload) if type == "text" else payload))


def close_command(code: int, reason: str = "") -> Command:
    """Have the other end report a close code."""
    if code == 1005:
        return command_of(
            call("send_close"),
            remark="An empty CLOSE frame was sent: the other end reports 1005, no status received.",
            ends=True,
        )
    if code == 1006:
        return command_of(
            call("drop"),
            remark="The TCP connection was dropped without a CLOSE frame: "
            "the other end reports 1006.",
            ends=True,
        )
    arguments = (code, reason) if reason else (code,)
    return command_of(call("send_close", *arguments), ends=True)


def fragments_command(
    type: str, payload: Payload, count: int, ping: bool, cuts: Sequence[int] = ()
) -> Command:
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
        return command_of(call("send_fragments", type, parts))
    return command_of(
        call("send_fragment", parts[0], type=type, fin=False),
        call("send_ping", b"between"),
        *(call("send_fragment", part, fin=False) for part in parts[1:-1]),
        call("send_fragment", parts[-1], fin=True),
    )


def check_cuts(cuts: Sequence[int], size: int) -> None:
    for before, cut in pairwise((0, *cuts)):
        if not before <= cut <= size:
            raise InvalidMessage(
                f"there is no cut before byte {cut}: cuts rise, and the payload has {size} bytes; "
                f"write such as 3, 7, or leave the field empty for fragments of the same length"
            )


def raw_command(data: bytes) -> Command:
    """Put bytes on the wire as they are."""
    return command_of(call("send_raw", data))


def frame_command(record: FrameRecord) -> Command:
    """Send the payload of a frame on the log again.

    Raises:
        InvalidMessage: The frame is only a part of a message.
    """
    if record.type == "close":
        close = record.frame.close
        return close_command(1005) if close is None else close_command(close.code, close.reason)
    if record.type in ("text", "bytes", "ping", "pong") and record.frame.fin:
        return message_command(record.type, record.payload)
    raise InvalidMessage(
        f"frame {record.number} is not a whole message; "
        f"choose one that is whole, or send its payload from the field below"
    )


def as_text(value: Payload) -> str:
    """Return the text that bytes in UTF-8 are.

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
            f"byte {exc.start} of the payload, 0x{data[exc.start]:02x}, is not UTF-8, so it cannot "
            f"be a text message; send it as bytes"
        ) from exc
