from __future__ import annotations

from typing import Any

import pytest

from astra_nb.log.records import ClosedRecord
from astra_nb.wire.messages import CloseFrame
from astra_nb.wire.why_closed import close_fault, describe_close, read_close, why_closed

DONE = CloseFrame(1000, "done")
EMPTY = CloseFrame(1005)
NEVER = "1005, which must not be sent (RFC 6455, section 7.4.1)"


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (
            {"side": "server", "first": "client", "sent": CloseFrame(1000), "received": DONE},
            'The client closed first with 1000 (normal closure), reason "done"; the server '
            "answered with 1000 (normal closure) (RFC 6455, section 7.1.2).",
        ),
        (
            {"side": "client", "first": "client", "sent": DONE, "received": CloseFrame(1000)},
            'The client closed first with 1000 (normal closure), reason "done"; the server '
            "answered with 1000 (normal closure) (RFC 6455, section 7.1.2).",
        ),
        (
            {"side": "server", "first": "server", "sent": CloseFrame(1001), "received": EMPTY},
            "The server closed first with 1001 (going away); the client answered with an empty "
            "CLOSE frame, which is reported as 1005 (no status received) "
            "(RFC 6455, section 7.1.2).",
        ),
        (
            {
                "side": "server",
                "first": "server",
                "sent": CloseFrame(1002, "reserved opcode"),
                "tcp": "dropped by client",
                "detail": "opcode 3 is reserved",
            },
            'The server closed first with 1002 (protocol error), reason "reserved opcode"; after '
            "that it read no CLOSE frame from the client, and the client dropped the TCP "
            "connection, so the server reports 1006 (abnormal closure) "
            "(RFC 6455, section 7.1.7). Opcode 3 is reserved.",
        ),
        (
            {"side": "client", "first": "client", "sent": CloseFrame(1002), "detail": "no"},
            "The client closed first with 1002 (protocol error); after that it read no CLOSE "
            "frame from the server, so the client reports 1006 (abnormal closure) "
            "(RFC 6455, section 7.1.7). No.",
        ),
        (
            {
                "side": "server",
                "first": "server",
                "sent": DONE,
                "tcp": "dropped by client",
            },
            'The server closed first with 1000 (normal closure), reason "done"; the client '
            "dropped the TCP connection instead of answering with a CLOSE frame, so the server "
            "reports 1006 (abnormal closure) (RFC 6455, section 7.1.5).",
        ),
        (
            {"side": "server", "first": "client", "received": DONE, "tcp": "reset"},
            'The client closed first with 1000 (normal closure), reason "done"; the TCP '
            "connection was reset before the server answered with a CLOSE frame "
            "(RFC 6455, section 7.1.2).",
        ),
        (
            {
                "side": "server",
                "first": "server",
                "sent": DONE,
                "received": DONE,
                "tcp": "timeout",
            },
            'The server closed first with 1000 (normal closure), reason "done"; the client '
            'answered with 1000 (normal closure), reason "done", and then time ran out, and the '
            "server ended the TCP connection (RFC 6455, section 7.1.2).",
        ),
        (
            {"side": "server", "received": DONE},
            'The client closed first with 1000 (normal closure), reason "done"; the server did '
            "not answer with a CLOSE frame (RFC 6455, section 7.1.2).",
        ),
        (
            {"side": "server", "tcp": "dropped by client"},
            "The client dropped the TCP connection without a CLOSE frame, so the server reports "
            "1006 (abnormal closure) (RFC 6455, section 7.1.5).",
        ),
        (
            {"side": "client", "tcp": "reset"},
            "The TCP connection was reset without a CLOSE frame, so the client reports "
            "1006 (abnormal closure) (RFC 6455, section 7.1.5).",
        ),
        (
            {"side": "server", "tcp": "timeout", "detail": "no pong came within 20 s."},
            "Time ran out, and the server ended the TCP connection without a CLOSE frame, so the "
            "server reports 1006 (abnormal closure) (RFC 6455, section 7.1.5). "
            "No pong came within 20 s.",
        ),
        (
            {"side": "server", "status": 403, "detail": "origin http://evil.example"},
            "The opening handshake ended with HTTP status 403 (Forbidden) "
            "(RFC 6455, section 4.2.2). Origin http://evil.example.",
        ),
        (
            {"side": "client", "status": 799},
            "The opening handshake ended with HTTP status 799 (RFC 6455, section 4.2.2).",
        ),
        (
            {
                "side": "server",
                "first": "server",
                "sent": DONE,
                "tcp": "dropped by server",
            },
            'The server closed first with 1000 (normal closure), reason "done"; the server dropped '
            "the TCP connection before the client answered with a CLOSE frame, so the server "
            "reports 1006 (abnormal closure) (RFC 6455, section 7.1.5).",
        ),
        (
            {"side": "server", "first": "server", "sent": DONE},
            'The server closed first with 1000 (normal closure), reason "done"; the client did '
            "not answer with a CLOSE frame, so the server reports 1006 (abnormal closure) "
            "(RFC 6455, section 7.1.5).",
        ),
        (
            {
                "side": "server",
                "first": "client",
                "sent": CloseFrame(1002, "no"),
                "received_fault": NEVER,
                "detail": f"a CLOSE frame with {NEVER}",
            },
            "The client sent a CLOSE frame with 1005, which must not be sent (RFC 6455, section "
            '7.4.1); the server failed the connection with 1002 (protocol error), reason "no", so '
            "the server reports 1006 (abnormal closure) (RFC 6455, section 7.1.7).",
        ),
        (
            {
                "side": "client",
                "first": "client",
                "sent": EMPTY,
                "sent_fault": NEVER,
                "received": CloseFrame(1002, "no"),
                "tcp": "reset",
            },
            "The client sent a CLOSE frame with 1005, which must not be sent (RFC 6455, section "
            '7.4.1); the server failed the connection with 1002 (protocol error), reason "no", and '
            "then the TCP connection was reset (RFC 6455, section 7.1.7).",
        ),
        (
            {
                "side": "client",
                "first": "client",
                "sent": EMPTY,
                "sent_fault": NEVER,
                "received": CloseFrame(1000),
            },
            "The client sent a CLOSE frame with 1005, which must not be sent (RFC 6455, section "
            "7.4.1); the server answered with 1000 (normal closure) (RFC 6455, section 7.1.2).",
        ),
        (
            {
                "side": "client",
                "first": "client",
                "sent": EMPTY,
                "sent_fault": NEVER,
                "tcp": "dropped by server",
            },
            "The client sent a CLOSE frame with 1005, which must not be sent (RFC 6455, section "
            "7.4.1); the server dropped the TCP connection instead of answering with a CLOSE "
            "frame, so the client reports 1006 (abnormal closure) (RFC 6455, section 7.1.5).",
        ),
        (
            {
                "side": "server",
                "first": "client",
                "received_fault": NEVER,
                "detail": f"a CLOSE frame with {NEVER}",
                "tcp": "reset",
            },
            "The client sent a CLOSE frame with 1005, which must not be sent (RFC 6455, section "
            "7.4.1); the TCP connection was reset before the server answered with a CLOSE frame, "
            "so the server reports 1006 (abnormal closure) (RFC 6455, section 7.1.5).",
        ),
        (
            {
                "side": "server",
                "first": "server",
                "sent": DONE,
                "received_fault": NEVER,
                "detail": f"a CLOSE frame with {NEVER}",
            },
            'The server closed first with 1000 (normal closure), reason "done"; the client sent a '
            "CLOSE frame with 1005, which must not be sent (RFC 6455, section 7.4.1), so the "
            "server reports 1006 (abnormal closure) (RFC 6455, section 7.1.7).",
        ),
    ],
)
def test_why_it_closed(facts: dict[str, Any], sentence: str) -> None:
    assert why_closed(**facts) == sentence
    assert ClosedRecord(number=1, time=0.0, connection=1, **facts).why_closed == sentence


@pytest.mark.parametrize(
    ("close", "described"),
    [
        (CloseFrame(4001, "a\n\u202e\x1b[31m"), r'4001 (private code), reason "a\n\u202e\x1b[31m"'),
        (CloseFrame(5000), "5000 (not a close code)"),
        (EMPTY, "an empty CLOSE frame, which is reported as 1005 (no status received)"),
    ],
)
def test_what_a_close_says(close: CloseFrame, described: str) -> None:
    assert describe_close(close) == described


def test_a_long_reason_or_detail_is_cut() -> None:
    sentence = why_closed(
        side="server", first="client", received=CloseFrame(1000, "x" * 10**6), detail="y" * 10**6
    )
    assert len(sentence) < 1000
    assert "x" * 300 + "…" in sentence


@pytest.mark.parametrize(
    ("payload", "close", "fault"),
    [
        (b"", EMPTY, ""),
        (b"\x03\xe8done", DONE, ""),
        (b"\x0f\xa0", CloseFrame(4000), ""),
        (
            b"\x03",
            EMPTY,
            "one byte of payload, and a close code has two (RFC 6455, section 5.5.1)",
        ),
        (b"\x03\xed", EMPTY, NEVER),
        (b"\x03\xe7", CloseFrame(999), "999, which is not a close code (RFC 6455, section 7.4.2)"),
        (b"\x03\xf8", CloseFrame(1016), "1016, which is not assigned (RFC 6455, section 7.4.2)"),
        (
            b"\x03\xe8a\xe9",
            CloseFrame(1000, "a\ufffd"),
            "1000 and a reason that is not UTF-8: at byte 1 of it, e9 begins a character of 3 "
            "bytes, and the rest is missing (RFC 6455, section 8.1)",
        ),
    ],
)
def test_what_is_wrong_in_a_close_frame(payload: bytes, close: CloseFrame, fault: str) -> None:
    assert read_close(payload) == (close, fault)
    assert close_fault(payload) == fault
