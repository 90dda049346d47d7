"""Redaction of secrets in heads of the opening handshake, in paths and in addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_plus

__all__ = ["HIDDEN", "is_secret", "redact", "redact_headers", "redact_path"]

HIDDEN = "<hidden>"
MAX_LINES = 1000  # that are looked at for secrets

SECRET_HEADERS = frozenset({"cookie", "cookie2", "set-cookie", "set-cookie2"})
# Their names look like those of secrets, or their values like a query, and they are neither.
OPEN_HEADERS = frozenset(
    "proxy-authenticate sec-websocket-accept sec-websocket-extensions sec-websocket-key "
    "sec-websocket-version www-authenticate".split()
)
SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|session|credential|signature|xsrf|csrf|jwt|bearer"
    r"|assertion|saml|oidc|cert(?!ain)"
    r"|auth(?!ors?$)|key(?!board|word)|^(pass|pwd|pin|otp|sig|sid|ticket)$",
    re.IGNORECASE,
)
# A token without a name: a JSON Web Token, or the subprotocol that carries one.
# It begins after a character that cannot be part of it, or a long line would be searched again
# from each of its characters.
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
# A lone carriage return ends a line here too, so that no header can be hidden after one.
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|$)")


def redact(head: bytes) -> bytes:
    """Return a head with each secret replaced by `<hidden>`, whatever its length.

    Hidden are the values of headers that carry credentials; everywhere else the query values
    whose names look like those of secrets, the user in an address, and tokens without a name.
    Everything else stays byte for byte. The head may be cut anywhere. Everything from line 1,001
    on is hidden: no server reads so many headers, and searching each line costs time.
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
    """Return a path with its query, or a whole address, with its secrets hidden."""
    return redact_text(path)


def redact_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with their secrets hidden, as `redact` does in a head."""
    return [
        (name, redact_header(f"{name}: {value}")[0][len(name) + 2 :]) for name, value in headers
    ]


def is_secret(name: str) -> bool:
    """Return whether a header of this name holds a secret, judged by the name alone."""
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
    """Return a header line without its secrets, and whether all of its value was one."""
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
    """Return whether a value is itself an address with a secret in it."""
    return any(
        pair["value"] and SECRET_NAME.search(pair["name"])
        for pair in QUERY_PAIR.finditer(value)
        if pair["before"]
    )


def unquoted(text: str) -> str:
    """Return a text without percent encoding, also where it was encoded several times."""
    for _ in range(4):
        plain = unquote_plus(text)
        if plain == text:
            break
        text = plain
    return text
