"""Where the bodies of HTTP messages end (RFC 9112, section 6), found by `h11`.

The bytes themselves pass on as they are. No I/O, no clock, no thread.
"""

from __future__ import annotations

from .tap_heads import Head

__all__ = ["Body", "UnclearBody"]

FRAMING = ("content-length", "transfer-encoding")


class UnclearBody(Exception):
    """Two readers could disagree about where a body ends."""


class Body:
    """The body of a request, or of a response to one with a `method`.

    Raises:
        UnclearBody: Its head announces more than one length, or one that is not a number.
    """

    def __init__(self, head: Head, method: str = "") -> None:
        import h11  # loaded when HTTP passes, not with the package

        # Nothing but what tells the length: the rest of a head is for its receiver to judge.
        lines = [
            f"{name}: {value}"
            for name, value in head.headers.raw_items()
            if name.lower() in FRAMING
        ]
        self._reader = h11.Connection(h11.CLIENT if method else h11.SERVER)
        try:
            if method:
                asked = h11.Request(method=method, target="/", headers=[("Host", "tap")])
                self._reader.send(asked)
                self._reader.send(h11.EndOfMessage())
                lines.insert(0, f"HTTP/1.1 {head.status} ")
            else:
                lines[:0] = f"{head.method} / HTTP/1.1", "Host: tap"
            self._reader.receive_data("\r\n".join([*lines, "", ""]).encode("latin-1"))
            self._reader.next_event()
        except h11.ProtocolError as exc:
            raise UnclearBody(str(exc)) from exc

    def take(self, data: bytes) -> int | None:
        """Take the next bytes, b"" when there is nothing yet.

        Return how many of them belong to the body, which ends there; None when it goes on. Raise
        `UnclearBody` where they are not what the head announces.
        """
        import h11

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
