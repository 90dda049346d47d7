"""Views of a log: filters, indexing, and forms as text, HTML, diagrams and messages.

A view is live. It holds no records; each reading looks at what the log holds now.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Unpack, overload

from . import joiner, table
from .criteria import Criteria, Predicate, Wanted, criteria
from .records import FrameRecord, Record

# What draws is loaded when someone asks for a drawing.
if TYPE_CHECKING:
    from astra_nb.wire.svg import Picture

__all__ = ["FilteredView", "LogView"]

SHOWN_ROWS = 200  # newest records in the forms that are shown unasked


class Recordings(Protocol):
    """What `recordings.formats`, in a higher layer, does for logs and views."""

    def to_text(self, records: Iterable[Record]) -> str: ...

    def write(self, path: str | PathLike[str], text: str) -> None: ...

    def read(self, source: str | PathLike[str]) -> list[Record]: ...

    def save(self, view: LogView, path: str | PathLike[str]) -> None: ...

    def load(
        self,
        log: Any,
        path: str | PathLike[str],
        progress: Callable[[int, int], object] | None,
    ) -> None: ...


class LogView(ABC):
    """The records of a log, or some of them, oldest first.

    Every method may be called from any thread, and none holds up the connections.

    Attributes:
        files: How records become files and back; set by `astra_nb.recordings`.
    """

    files: ClassVar[Recordings]

    @abstractmethod
    def records(self, after: int = 0) -> Iterator[Record]:
        """Iterate over the records that there are now with a number above `after`."""

    @property
    @abstractmethod
    def origin(self) -> float:
        """Time of the first record there was, in seconds since the epoch; 0 before there was one.

        Relative times count from it.
        """

    def matching(self, wanted: Criteria, after: int = 0) -> Iterator[Record]:
        """Iterate over those of the records with a number above `after` that meet criteria."""
        return filter(wanted.matches, self.records(after))

    def filter(self, *, predicate: Predicate | None = None, **wanted: Unpack[Wanted]) -> LogView:
        """Return a live view of those records that match all that is given.

        Args:
            predicate: A function that gets a record and returns whether it matches.
            wanted: Any of these keywords, each with a value or, but for `text`, several:
                `kind`: "frame", "handshake", "opened", "closed", "error", "output", "notice",
                "check".
                `type`: "text", "bytes", "continuation", "ping", "pong", "close", "reserved", or
                any kind but "frame".
                `direction`: "received" or "sent", seen from the end that keeps the log. Records
                without a direction do not match.
                `connection`: The number of a connection; 0 is the server itself.
                `text`: A substring of the record, or a compiled pattern to search for. A payload
                is searched as UTF-8.

        Raises:
            ValueError: A kind, type or direction that does not exist.
            TypeError: A keyword that does not exist, or a value of another type than these.
        """
        return FilteredView(self, criteria(predicate, **wanted))

    @property
    def frames(self) -> LogView:
        """The frames alone."""
        return self.filter(kind="frame")

    @property
    def messages(self) -> list[joiner.JoinedMessage]:
        """The messages, fragments put together; frames that were refused give none."""
        return joiner.join(self)

    def since(self, number: int, limit: int | None = None) -> list[Record]:
        """Return the records with a number above `number`, oldest first.

        Args:
            number: A record's number, or 0.
            limit: How many at most, the newest; None for all. Of a whole log only those are
                decoded.
        """
        return self._newest(limit, number)[0]

    def text(self, columns: Sequence[str] | None = None, limit: int | None = None) -> str:
        """Return the records as a table of plain text, one line for each.

        Args:
            columns: Columns in their order, out of "number", "time" (of day, local), "relative"
                (seconds since the log's first record), "delta" (seconds since the row before),
                "connection", "direction", "type", "fin", "rsv", "mask", "key", "length",
                "payload"; None for the usual ones. When the clock is set back, "time" goes back
                with it; "relative" and "delta" then add nothing.
            limit: How many rows at most, the newest; None for all.

        Raises:
            ValueError: A column that does not exist.
        """
        chosen = table.check_columns(columns)
        records, left_out = self._newest(limit)
        return table.text(records, chosen, self.origin, left_out)

    def html(self, columns: Sequence[str] | None = None, limit: int | None = SHOWN_ROWS) -> str:
        """Return the records as a static HTML table; everything in it is escaped.

        Args:
            columns: As for `text`.
            limit: How many rows at most, the newest; None for all.

        Raises:
            ValueError: A column that does not exist.
        """
        chosen = table.check_columns(columns)
        records, left_out = self._newest(limit)
        return table.html(records, chosen, self.origin, left_out)

    def to_jsonl(self, path: str | PathLike[str] | None = None) -> str:
        """Return the records as JSON Lines, one for each; `FrameLog.from_jsonl` reads them.

        Args:
            path: A file to write as well; an existing one is replaced once all is written.

        Raises:
            OSError: The file cannot be written; an existing one is as it was.
        """
        text = self.files.to_text(self)
        if path is not None:
            self.files.write(path, text)
        return text

    def save(self, path: str | PathLike[str]) -> None:
        """Write the records to a file, in the format that the path's suffix names.

        `.jsonl` and `.har` and `.pcapng` can be opened again with `FrameLog.open`, and nothing that
        the log shows is lost. `docs/recordings.md` describes each. `.html` is the panel as one page
        that needs no kernel and no network; it holds the newest 10,000 records.

        Args:
            path: The file; an existing one is replaced once all is written.

        Raises:
            ValueError: A suffix that names no format that can be written.
            ImportError: The format needs a package that is not installed.
            OSError: The file cannot be written; an existing one is as it was.
        """
        self.files.save(self, path)

    def sequence(self, limit: int | None = None) -> str:
        """Return a sequence diagram of the records: two life lines, and an arrow for each frame.

        Args:
            limit: How many records at most, the newest; None for all.
        """
        from . import sequence

        records, left_out = self._newest(limit)
        return sequence.draw(records, left_out)

    def handshake_picture(self) -> Picture:
        """Return a picture of the newest opening handshake, from the key to the accept key.

        RFC 6455, sections 1.3 and 4.2.2. `log.filter(connection=2)` chooses another one.
        """
        from . import pictures

        return pictures.handshake(list(self.filter(kind="handshake")))

    def ping_picture(self) -> Picture:
        """Return a picture of the newest eight PING frames, with the times to their PONG frames.

        For a PING that this end sent the time is the round-trip time; for one that it received,
        how long it took to answer (RFC 6455, sections 5.5.2 and 5.5.3).
        """
        from . import pictures

        return pictures.pings(list(self.filter(type=["ping", "pong"])))

    def state_picture(self) -> Picture:
        """Return a picture of the states of both ends of the newest connection.

        Beside CONNECTING, OPEN, CLOSING and CLOSED are the heads and CLOSE frames that led there,
        the newest twelve (RFC 6455, sections 4.1 and 7.1). A log tells of one end; where a state
        of the other one does not show in it, it has a question mark.
        """
        from . import states

        moving = list(self.filter(type=["handshake", "opened", "close", "closed"]))
        return states.states(moving, self.filter(kind="frame", direction="received"))

    def fan_out_picture(self) -> Picture:
        """Return a picture of the newest message that came and was sent on, such as in a room.

        It shows whom it was sent to, the first twelve, and how long after it had come. A log does
        not tell why something was sent: what counts is that the message is in what was sent.
        `log.filter(text="Hello")` chooses a message. If none was sent on, the picture is that of
        the newest message that was sent, such as by `server.broadcast`.
        """
        from . import fan_out

        data = self.filter(type=["text", "bytes", "continuation"])
        return fan_out.fan_out(joiner.join(data.since(0, fan_out.RECENT)))

    def utf8_picture(self) -> Picture:
        """Return a picture of the newest text frame's payload: each byte of a character in bits.

        The first sixteen characters are drawn (RFC 6455, section 5.6; RFC 3629, section 3). A byte
        that is not UTF-8 says so; a character that fragments share is one of those.
        """
        from astra_nb.wire.utf8_bits import bit_boxes

        from . import pictures

        newest = self.filter(type="text").since(0, 1)
        if not newest:
            return pictures.nothing("text frame")
        assert isinstance(newest[0], FrameRecord)
        return bit_boxes(newest[0].payload)

    def _newest(self, limit: int | None, after: int = 0) -> tuple[list[Record], int]:
        """Return the newest records above `after`, and how many were left out before them."""
        kept: deque[Record] = deque(maxlen=None if limit is None else max(limit, 0))
        count = 0
        for record in self.records(after):
            kept.append(record)
            count += 1
        return list(kept), count - len(kept)

    def __iter__(self) -> Iterator[Record]:
        return self.records(0)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return list(self)[index]
        if index < 0:
            tail = self.since(0, -index)
            if len(tail) == -index:
                return tail[0]
        else:
            for record in islice(self, index, None):
                return record
        raise IndexError(f"no record at index {index}: there are {len(self)}")

    def __str__(self) -> str:
        return self.text(limit=SHOWN_ROWS)

    def _counts(self) -> str:
        are_frames = [record.kind == "frame" for record in self]
        frames = sum(are_frames)
        return table.counts(frames, len(are_frames) - frames)

    def __repr__(self) -> str:
        # The only one: IPython takes a subclass's own __repr__ before _repr_pretty_ of its base.
        return f"<{type(self).__name__}: {self._counts()}>"

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("..." if cycle else str(self))


class FilteredView(LogView):
    """The records of another view that meet some criteria."""

    def __init__(self, parent: LogView, wanted: Criteria) -> None:
        self._parent = parent
        self._wanted = wanted

    def records(self, after: int = 0) -> Iterator[Record]:
        return self._parent.matching(self._wanted, after)

    def __bool__(self) -> bool:
        return next(self.records(), None) is not None

    @property
    def origin(self) -> float:
        return self._parent.origin
