"""Where the bodies of HTTP messages end (RFC 9112, section 6), found by `h11`.

The bytes themselves pass on as they are. No I/O, no clock, no thread.
"""

from __future__ import annotations

from typing import Any

from .tap_heads import Head

__all__ = ["Body", "UnclearBody", "request_body", "response_body"]

FRAMING = ("content-length", "transfer-encoding")


class UnclearBody(Exception):
    """Two readers could disagree about where a body ends."""


class Body:
    """A body under way, of a message whose head an `h11.Connection` has read."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def take(self, data: bytes) -> int | None:
        """Take the next bytes, b"" when there is nothing yet.

        Return how many of them belong to the body, which ends there; None when it goes on. Raise
        `UnclearBody` where they are not what the head announces.
        """
        import h11  # loaded when HTTP passes, not with the package

        if data:
            self._reader.receive_data(data)
        try:
            while True:
                event = self._reader.next_event()
                if event is h11.NEED_DATA:
                    return None
                if isinstance(event, h11.EndOfMessage):
                    return len(data) - len(self._reader.trailing_data[0])
        except h11.RemoteProtocolError as exc:
            raise UnclearBody(str(exc)) from exc


def request_body(head: Head) -> Body:
    """Return the body of a request; raise `UnclearBody` unless its head announces one length."""
    import h11

    reader = h11.Connection(h11.SERVER)
    return _begun(reader, f"{head.method} / HTTP/1.1\r\nHost: tap\r\n", head)


def response_body(head: Head, method: str) -> Body:
    """Return the body of a response to a request with this method, as `request_body` does."""
    import h11

    reader = h11.Connection(h11.CLIENT)
    try:
        reader.send(h11.Request(method=method, target="/", headers=[("Host", "tap")]))
    except h11.LocalProtocolError as exc:
        raise UnclearBody(str(exc)) from exc
    reader.send(h11.EndOfMessage())
    return _begun(reader, f"HTTP/1.1 {head.status} \r\n", head)


def _begun(reader: Any, start_line: str, head: Head) -> Body:
    import h11

    # Nothing but what tells the length: the rest of a head is for its receiver to judge.
    lines = [
        f"{name}: {value}\r\n"
        for name, value in head.headers.raw_items()
        if name.lower() in FRAMING
    ]
    try:
        reader.receive_data("".join([start_line, *lines, "\r\n"]).encode("latin-1"))
        reader.next_event()
    except h11.RemoteProtocolError as exc:
        raise UnclearBody(str(exc)) from exc
    return Body(reader)
