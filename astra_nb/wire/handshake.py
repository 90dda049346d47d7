"""The opening handshake: reading its heads, hiding its secrets, and the accept key by hand."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from .headers import HeaderNote, explain_headers
from .records import HandshakeRecord

__all__ = [
    "GUID",
    "HIDDEN",
    "AcceptStep",
    "HeaderNote",
    "accept_key",
    "accept_steps",
    "explain_headers",
    "head_end",
    "is_secret",
    "parse_head",
    "record",
    "redact",
    "redact_headers",
    "redact_path",
]

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
HIDDEN = "<hidden>"
MAX_LINES = 1000  # that are looked at for secrets

SECRET_HEADERS = frozenset({"cookie", "cookie2", "set-cookie", "set-cookie2"})
# Their names sound like secrets, or their values like a query, and they are neither.
OPEN_HEADERS = frozenset(
    {
        "proxy-authenticate",
        "sec-websocket-accept",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-version",
        "www-authenticate",
    }
)
SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|session|credential|signature|xsrf|csrf|jwt|bearer"
    r"|assertion|saml|oidc|cert(?!ain)"
    r"|auth(?!ors?$)|key(?!board|word)|^(pass|pwd|pin|otp|sig|sid|ticket)$",
    re.IGNORECASE,
)
# A token that stands alone: a JSON Web Token, or the subprotocol that carries one.
# It begins behind what could not be part of it, or a long line would be searched again and again.
BARE_TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]{6,}(?:\.[\w-]*){1,4}|\bbase64url\.bearer\.[^\s,;&]+")
# What proxies and clients write into a value besides a query: `Bearer abc`, `"token": "abc"`.
SCHEME = re.compile(r"\b(bearer|basic|token|negotiate)[ \t]+[\w.~+/=-]+", re.IGNORECASE)
NAMED = re.compile(
    r"((?:token|secret|passw|api[-_]?key)[\w-]{0,30}[\"']?[ \t]{0,3}[:=][ \t]{0,3}[\"']?)"
    r"[^\s\"',;&#}<]+",
    re.IGNORECASE,
)
# A subprotocol that carries a token, as Jupyter's own `v1.token.websocket.jupyter.org.abc`.
IN_SUBPROTOCOL = re.compile(r"((?:token|bearer|secret)[\w-]{0,30})\.[^\s,;]+", re.IGNORECASE)
QUERY_PAIR = re.compile(r"(?P<before>^|[?&;#])(?P<name>[^=&;#?]*)=(?P<value>[^&;#]*)")
USER_INFO = re.compile(r"//[^/?#\s]*@")
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
# A lone carriage return ends a line here, so that nothing can hide behind one.
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|$)")


# Reading


def head_end(data: bytes | bytearray) -> int | None:
    """Find where a head ends: the offset behind its empty line, or None when it is not there."""
    match = END_OF_HEAD.search(data)
    return None if match is None else match.end()


def parse_head(head: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Read a head into its start line and its headers, whatever is in it.

    Bytes are read as Latin-1. A line without a colon becomes a header without a value; a line
    that begins with a blank continues the value before it.
    """
    lines = [line.rstrip("\r") for line in head.decode("latin-1").split("\n")]
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        if not line:
            break
        if line[0] in " \t" and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}".strip())
        else:
            name, _, value = line.partition(":")
            headers.append((name.strip(), value.strip()))
    return lines[0], headers


# Hiding secrets


def record(*, raw: bytes, **fields: Any) -> HandshakeRecord:
    """Make the record of a head, taken apart.

    Args:
        raw: The head, redacted already.
        fields: The other fields of the record.
    """
    start_line, headers = parse_head(raw)
    status: int | None = None
    if start_line.startswith("HTTP/"):
        digits = start_line.split(" ")[1:2]
        status = int(digits[0]) if digits and digits[0].isdecimal() else None
    return HandshakeRecord(
        raw=raw, start_line=start_line, headers=tuple(headers), status=status, **fields
    )


def redact(head: bytes) -> bytes:
    """Hide the secrets of a head: what stands for each is `<hidden>`, whatever its length.

    Hidden are the values of headers that carry credentials; everywhere else the query values
    whose names sound like secrets, the user in an address, and tokens that stand alone.
    Everything else stays byte for byte. The head may be cut anywhere. From line 1,001 on all is
    hidden: no server reads so many headers, and the look at each line costs time.
    """
    redacted: list[bytes] = []
    hiding = False
    lines = LINE.findall(head)
    for line in lines[:MAX_LINES]:
        content = line.rstrip(b"\r\n")
        ending = line[len(content) :]
        text = content.decode("latin-1")
        if not redacted:
            text = redact_start_line(text)
        elif text[:1] in (" ", "\t"):
            # It goes on with the value of the line before (RFC 9112, section 5.2).
            if hiding:
                continue
            text = redact_text(text)
        elif text:
            text, hiding = redact_header(text)
        redacted.append(text.encode("latin-1") + ending)
    if len(lines) > MAX_LINES + 1:  # the last one is what follows the last line break: nothing
        redacted.append(HIDDEN.encode())
    return b"".join(redacted)


def redact_path(path: str) -> str:
    """Hide the secrets in a path and its query, or in a whole address."""
    return redact_text(path)


def redact_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Hide the secrets in the names and values of headers, as `redact` does in a head."""
    return [
        (name, redact_header(f"{name}: {value}")[0][len(name) + 2 :]) for name, value in headers
    ]


def is_secret(name: str) -> bool:
    """Tell whether the name of a header sounds as if its value were a secret."""
    key = name.strip().lower()
    return key in SECRET_HEADERS or (
        key not in OPEN_HEADERS and SECRET_NAME.search(key) is not None
    )


def redact_start_line(line: str) -> str:
    method, blank, rest = line.partition(" ")
    target, last_blank, version = rest.rpartition(" ")
    if not last_blank or not version.startswith("HTTP/"):
        target, last_blank, version = rest, "", ""
    return f"{method}{blank}{redact_text(target)}{last_blank}{version}"


def redact_header(line: str) -> tuple[str, bool]:
    """Give the line without its secrets, and whether all of its value was one."""
    name, colon, value = line.partition(":")
    if is_secret(name) and colon:
        return f"{name}: {HIDDEN}", True
    if name.strip().lower() in OPEN_HEADERS:
        return line, False
    if name.strip().lower() == "sec-websocket-protocol":
        value = IN_SUBPROTOCOL.sub(rf"\1.{HIDDEN}", value)
    return f"{name}{colon}{redact_text(value)}", False


def redact_text(text: str) -> str:
    text = USER_INFO.sub(f"//{HIDDEN}@", text)
    text = QUERY_PAIR.sub(redact_pair, text)
    text = BARE_TOKEN.sub(HIDDEN, text)
    text = SCHEME.sub(rf"\1 {HIDDEN}", text)
    return NAMED.sub(rf"\1{HIDDEN}", text)


def redact_pair(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    if value and (SECRET_NAME.search(unquoted(name)) or holds_secret(unquoted(value))):
        return f"{match['before']}{name}={HIDDEN}"
    return match[0]


def holds_secret(value: str) -> bool:
    """Tell whether a value is itself an address with a secret in it."""
    return any(
        pair["value"] and SECRET_NAME.search(pair["name"])
        for pair in QUERY_PAIR.finditer(value)
        if pair["before"]
    )


def unquoted(text: str) -> str:
    """Undo percent encoding, also where it was done more than once."""
    for _ in range(4):
        plain = unquote_plus(text)
        if plain == text:
            break
        text = plain
    return text


# The accept key


class AcceptStep(NamedTuple):
    """One step of computing `Sec-WebSocket-Accept`."""

    step: str
    value: str


def accept_steps(key: str) -> list[AcceptStep]:
    """Compute `Sec-WebSocket-Accept` from a `Sec-WebSocket-Key`, step by step.

    RFC 6455, section 4.2.2, item 5.4. The last step's value is the answer.
    """
    key = key.strip()
    joined = key + GUID
    digest = hashlib.sha1(joined.encode("utf-8", "replace"), usedforsecurity=False)
    return [
        AcceptStep("take Sec-WebSocket-Key as text", key),
        AcceptStep("append the GUID of RFC 6455", joined),
        AcceptStep("take the SHA-1 hash (20 bytes, here in hex)", digest.hexdigest()),
        AcceptStep("encode the hash as base64", base64.b64encode(digest.digest()).decode()),
    ]


def accept_key(key: str) -> str:
    """Compute `Sec-WebSocket-Accept` from a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2)."""
    return accept_steps(key)[-1].value
