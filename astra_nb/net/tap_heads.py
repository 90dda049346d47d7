"""Heads of HTTP on their way through a tap: what they ask for, and what has to be rewritten.

Pure: bytes in, bytes out. What is not rewritten stays byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeaderFormat
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.headers import parse_extension

from astra_nb.wire.handshake import parse_head
from astra_nb.wire.redaction import redact_path
from astra_nb.wire.text import visible

from .negotiation import SUBPROTOCOL, asks_for_websocket, lenient_headers

__all__ = ["Head", "Rewriting", "agreed_extensions", "inflaters", "refusal"]

EXTENSIONS = "sec-websocket-extensions"
# An element of the header begins with the name of an extension.
DEFLATE = re.compile(r"\s*(?:permessage-deflate|x-webkit-deflate-frame)\s*(?:;|$)", re.IGNORECASE)
STATUS = re.compile(r"HTTP/1\.[01] (\d{3})(?: |$)")
NO_DEFLATE = (
    "The tap has rules, so the offer of permessage-deflate was removed: its window spans all "
    "messages of a connection (RFC 7692, section 7.1.1)."
)
LONGEST = 200  # characters of a value in a record
MAX_BITS = 15


@dataclass(frozen=True, slots=True)
class Head:
    """A request's or a response's head, read."""

    raw: bytes  # the empty line at its end included
    start_line: str
    headers: Headers

    @classmethod
    def read(cls, raw: bytes) -> Head:
        """Read a head, whatever is in it."""
        start_line, pairs = parse_head(raw)
        return cls(raw, start_line, lenient_headers(pairs))

    @property
    def is_request(self) -> bool:
        """Whether it is a request of HTTP/1."""
        return self.start_line.rpartition(" ")[2].startswith("HTTP/1.")

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.start_line.partition(" ")[0]

    @property
    def path(self) -> str:
        """The target of a request."""
        return self.start_line.partition(" ")[2].rpartition(" ")[0]

    @property
    def status(self) -> int | None:
        """The status code of a response; None where it is not one of HTTP/1."""
        found = STATUS.match(self.start_line)
        return None if found is None else int(found[1])

    @property
    def upgrades(self) -> bool:
        """Whether a request asks for a WebSocket."""
        return asks_for_websocket(self.headers)

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that a response names."""
        return ", ".join(self.headers.get_all(SUBPROTOCOL)) or None

    @property
    def hosts(self) -> list[str]:
        """The value of each `Host` header."""
        return self.headers.get_all("Host")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is rewritten in each request."""

    authority: str = ""  # host and port of the upstream server, for `Host`; "" leaves it
    origin: str = ""  # its origin, in place of the tap's own; "" leaves it

    def rewrite(self, head: Head, *, without_deflate: bool) -> tuple[bytes, list[str]]:
        """Return a request as it goes on, and a sentence for each thing that is another."""
        told: list[str] = []
        own = {f"{scheme}://{host}".lower() for scheme in ("http", "https") for host in head.hosts}
        lines = []
        for line in header_lines(head.raw):
            name, _, rest = line.partition(b":")
            key, value = name.decode("latin-1").strip(), rest.decode("latin-1").strip()
            new: str | None = value
            if key.lower() == "host" and self.authority:
                new = self.authority
            elif key.lower() == "origin" and self.origin and value.lower() in own:
                new = self.origin
            elif key.lower() == EXTENSIONS and without_deflate:
                new = _without_deflate(value)
            if new == value:
                lines.append(line)
                continue
            if key.lower() == EXTENSIONS:
                told.append(NO_DEFLATE)
            else:
                told.append(
                    f"The tap rewrote {key}: {shown(value)} became {shown(new or '')}, the name of "
                    f"the server behind it."
                )
            if new is not None:
                end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
                lines.append(name + b": " + new.encode("latin-1") + end)
        return b"".join(lines), told


def _without_deflate(value: str) -> str | None:
    """Return a list of extensions without those that compress; None when nothing is left."""
    elements = value.split(",")
    kept = [each.strip() for each in elements if not DEFLATE.match(each)]
    return value if len(kept) == len(elements) else ", ".join(kept) or None


def header_lines(head: bytes) -> Iterator[bytes]:
    """Yield the lines of a head with their ends, a value that goes on in more lines in one."""
    waiting = b""
    for line in head.splitlines(keepends=True):
        if line[:1] in (b" ", b"\t") and waiting:
            waiting += line
            continue
        if waiting:
            yield waiting
        waiting = line
    yield waiting


def shown(value: str) -> str:
    return f'"{visible(redact_path(value), LONGEST)}"'


def agreed_extensions(head: Head) -> tuple[str, ...]:
    """Return the names of the extensions that a response agrees to."""
    names = []
    for value in head.headers.get_all(EXTENSIONS):
        names += [each.partition(";")[0].strip() for each in value.split(",")]
    return tuple(filter(None, names))


def inflaters(head: Head) -> tuple[PerMessageDeflate, PerMessageDeflate] | None:
    """Return what decompresses the client's and the server's messages (RFC 7692).

    None where the response does not agree to permessage-deflate alone, or not readably.
    """
    if agreed_extensions(head) != (PerMessageDeflate.name,):
        return None
    try:
        [(_, parameters)] = parse_extension(head.headers.get_all(EXTENSIONS)[0])
        found = dict(parameters)
        bits = {
            side: int(found.get(f"{side}_max_window_bits") or MAX_BITS)
            for side in ("client", "server")
        }
        client, server = (
            PerMessageDeflate(f"{side}_no_context_takeover" in found, True, bits[side], MAX_BITS)
            for side in ("client", "server")
        )
    except (InvalidHeaderFormat, ValueError, AssertionError):
        return None
    return client, server


def refusal(status: str, text: str) -> bytes:
    """Return a whole response of the tap's own, after which TCP ends."""
    body = f"{status}: {text}\n".encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nX-Content-Type-Options: nosniff\r\n"
        f"Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode("latin-1") + body
