"""JSON texts of any size, read value by value (RFC 8259)."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from .reading import needs_extra

__all__ = ["JsonValues"]

MAX_DEPTH = 100
MAX_VALUES = 100_000  # within one value that is read whole
MAX_LENGTH = 2**28  # bytes of a string; base64 of a frame as long as a log keeps, and more


class JsonValues:
    """Reads the values of a JSON text in their order.

    Each value is taken by one call: `members` or `items`, whose own values are taken during the
    iteration, or `value`, which reads it whole.

    Raises:
        ImportError: ijson is not installed.
        ValueError: From every method: the text is not JSON, or a value is not of the wanted type,
            or too deep or too large.
    """

    def __init__(self, file: BinaryIO) -> None:
        try:
            import ijson  # reads as a stream, which the standard library's json does not
        except ImportError as exc:
            raise needs_extra("ijson", "a HAR file") from exc
        self._file = file
        self._error: type[Exception] = ijson.JSONError
        self._at_start = True
        self._since = 0  # bytes read since the last event
        self._events = ijson.basic_parse(self)
        self._peeked: tuple[str, Any] | None = None
        self._depth = 0

    def read(self, size: int = -1) -> bytes:
        """Read from the file, for the parser."""
        data = self._file.read(size)
        if self._at_start and data:  # some programs of Windows begin with a byte order mark
            data, self._at_start = data.removeprefix(BOM_UTF8), False
        self._since += len(data)
        if self._since > MAX_LENGTH:
            raise ValueError(f"one string is longer than {MAX_LENGTH:,} bytes")
        return data

    def members(self) -> Iterator[str]:
        """Yield the names of an object; the caller takes each one's value."""
        self._start("start_map", "an object")
        while (event := self._next())[0] != "end_map":
            yield event[1]

    def items(self) -> Iterator[None]:
        """Yield for each item of an array, which the caller takes."""
        self._start("start_array", "a list")
        while (event := self._next())[0] != "end_array":
            self._peeked = event
            yield

    def value(self) -> Any:
        """Return the next value whole."""
        import ijson

        builder = ijson.ObjectBuilder()
        depth = self._depth - (self._peeked is not None and self._peeked[0] in STARTS)
        for _ in range(MAX_VALUES):
            event, value = self._next()
            builder.event(event, float(value) if isinstance(value, Decimal) else value)
            if self._depth == depth:
                return builder.value
        raise ValueError(f"one value holds more than {MAX_VALUES:,} others")

    def skip(self) -> None:
        """Pass over the next value, of any size."""
        depth = self._depth - (self._peeked is not None and self._peeked[0] in STARTS)
        self._next()
        while self._depth > depth:
            self._next()

    def end(self) -> None:
        """Check that the text ends here."""
        self._next()

    def _start(self, event: str, what: str) -> None:
        found, value = self._next()
        if found != event:
            raise ValueError(f"it is not {what} but {NAMES.get(found) or ascii(value):.60}")

    def _next(self) -> tuple[str, Any]:
        if self._peeked is not None:
            event, self._peeked = self._peeked, None
            return event
        try:
            event = next(self._events, ("end", None))
        except self._error as exc:
            text = str(exc).removeprefix("b'").replace("\\n", "\n").strip()
            raise ValueError(f"it is not JSON: {text.partition(chr(10))[0]:.100}") from exc
        self._since = 0
        self._depth += (event[0] in STARTS) - (event[0] in ENDS)
        if self._depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        return event


STARTS = frozenset({"start_map", "start_array"})
ENDS = frozenset({"end_map", "end_array"})
NAMES = {"start_map": "an object", "start_array": "a list", "end": "missing"}
