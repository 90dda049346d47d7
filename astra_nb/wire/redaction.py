"""Redaction of secrets in heads of the opening handshake, in paths and in addresses.

Strangers choose the text, so each search is linear in its length: a quantifier that could be tried
again from each position is possessive, or begins where it cannot have begun before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

__all__ = [
    "HIDDEN",
    "SUBPROTOCOL_HEADER",
    "Redactor",
    "is_secret",
    "redact_header",
    "redact_path",
    "redact_text",
    "sounds_secret",
]

HIDDEN = "<hidden>"
MAX_LINES = 1000  # that are looked at for secrets
MAX_ENCODINGS = 4  # times that a text is percent-encoded; what is encoded more often is hidden
SHORT = 6  # characters of a secret that is looked for in an answer
LONG = 20  # characters of a subprotocol that may be a token

SUBPROTOCOL_HEADER = "sec-websocket-protocol"
# Their names look like those of secrets, or their values like a query, and they are neither.
OPEN_HEADERS = frozenset(
    "access-control-allow-credentials host proxy-authenticate sec-websocket-accept "
    "sec-websocket-extensions sec-websocket-key sec-websocket-version www-authenticate".split()
)
SECRET_NAME = re.compile(
    r"token|secret|passw|pass_?phrase|pass_?code|pwd|session|sess_?id|credential|signature|[cx]srf"
    r"|jwt|bearer|assertion|saml|oidc|cert|auth|key|cookie|dpop|hmac|pin_?code"
    r"|access_?code|(?<![a-z])(?:pass|pin|t?otp|sig|sid|sess|creds?|ticket|mfa|2fa|psk|tkn|pw)(?![a-z])"
)
# What a secret's name holds, and a text with any secret in it; most texts hold none of this.
PERHAPS = re.compile(
    r"tok|sec|pass|pw|sess|cred|sig|srf|jwt|bear|assert|saml|oidc|cert|auth|key|cook|dpop|hmac"
    r"|pin|otp|sid|tick|mfa|2fa|psk|tkn|code|[%@]|eyj|gh[oprsu]_|glpat|hf_|sk[-_]|rk_|npm_|xox|akia|pypi"
    r"|aiza|ya29|basic|negotiate|digest",
    re.IGNORECASE,
)
# Words that hold one of those and are none. What is left of a name without them is looked at.
INNOCENT = re.compile(
    r"(?:mon|don|tur|hoc|joc|lac|mic|whis|hot)key"
    r"|key_?(?:board|code|frame|press|stroke|word)|key(?:down|hole|map|note|pad|stone|up)"
    r"|tokeni[sz]|(?:max|min|new|num|total)_?tokens|tokens?_?(?:count|limit|type)"
    r"|author(?!i[sz])|authentic(?!at)|secretar|concert|certain|certif(?:y|ied)|(?:ob|pos)session"
    r"|cookies?_(?:accepted|banner|consent|policy)|(?:key|time)_signature|pass_(?:count|rate|through)"
)
WORD_ENDS = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
# A token without a name: a JSON Web Token, JSON in base64, or one whose service marks its tokens.
# It begins after a character that cannot be part of it, or a long line would be searched again
# from each of its characters.
BARE_TOKEN = re.compile(
    r"(?<![\w-])(?:eyJ[\w-]{6,}(?:\.[\w-]*){1,4}|eyJ[\w+/=-]{16,}"
    r"|(?:gh[oprsu]_|github_pat_|glpat-|hf_|npm_|pypi-|[rs]k_(?:live|test)_|sk-|xox[abprs]-|ya29\."
    r"|AKIA|AIza)[\w-]{16,})"
)
# What clients write into a value besides a query: `Bearer abc`. The other schemes are words of
# common texts too, so what follows them must look like a credential.
SCHEME = re.compile(
    r"\b((?i:bearer))[ \t]+[\w.~+/=-]+"
    r"|\b((?i:basic|token|negotiate|digest))[ \t]+(?=[^\s,;]*?(?:[\d=]|[a-z][A-Z]))[\w.~+/=-]+"
)
# A name before a colon or an equals sign, as in JSON, also where its quotes are escaped; the host
# of an address is none.
NAME = re.compile(r"(?<!//)(?<![\w.-])(?P<name>[\w.-]++)[\\\"'\s]*+[:=][\\ \t]*+")
VALUE = re.compile(
    r"\"(?:[^\"\\]|\\.)*+\"?|'[^']*+'?|[\[{].*|[^\s\"',;&#}<\[{]+",
    re.DOTALL,
)
ENCODED_WORD = re.compile(r"(?<![^\s,;])[^\s,;=&<>%]*+%[0-9A-Fa-f]{2}[^\s,;=&<>]*+(?![^\s,;])")
PORT = re.compile(r"\d{1,5}(?![\w.-])")
QUERY_PAIR = re.compile(
    r"(?P<before>^|[?&;#])(?P<name>[^=&;#?]*)=(?P<value>[^&;#]*+(?:;[^&;#=]*+(?![^&;#]))*+)"
)
INNER_PAIR = re.compile(r"[?&;#](?P<name>[^=&;#?]*)=[^&;#?]")  # of an address in a value
USER_INFO = re.compile(r"//[^/?#\s]*@")
PATH = re.compile(r"(?P<host>://[^/?#\s\"<>]*+)?(?P<path>/[^?#\s\"<>]++)")
TARGET = re.compile(r"(?P<host>://[^/?#]*+)?(?P<path>/[^?#]++)")  # may hold blanks
# A lone carriage return ends a line here too, so that no header can be hidden after one.
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|$)")


def redact_header(name: str, value: str) -> str:
    """Return the value of a header as `Redactor.head` shows it."""
    return Redactor().headers([(name, value)])[0][1]


def redact_path(path: str) -> str:
    """Return a path with its query, or a whole address, with its secrets hidden."""
    text = QUERY_PAIR.sub(redact_pair, USER_INFO.sub(f"//{HIDDEN}@", path))
    return redact_unnamed(TARGET.sub(redact_segments, text, count=1))


def is_secret(name: str) -> bool:
    """Return whether a header of this name holds a secret, judged by the name alone."""
    return name.strip().lower() not in OPEN_HEADERS and sounds_secret(name)


def sounds_secret(name: str) -> bool:
    """Return whether a name sounds like that of a secret, such as `db_pwd` or `PHPSESSID`."""
    return PERHAPS.search(name) is not None and any(
        SECRET_NAME.search(INNOCENT.sub("_", words))
        for words in (WORD_ENDS.sub("_", name).lower(), name.lower())
    )


@dataclass(slots=True, eq=False)
class Redactor:
    """Hides secrets in the opening handshake of one connection."""

    # The subprotocols that this end's route offers; a long one of them is not a token.
    offered: Collection[str] = ()
    # Those that were hidden, and as what; a response may repeat them.
    hidden: dict[str, str] = field(default_factory=dict)
    named: bool = False  # whether the last subprotocol sounded like the name of a secret,
    tailed: bool = False  # and held the secret itself

    def head(self, head: bytes) -> bytes:
        """Return a head with each secret replaced by `<hidden>`, whatever its length.

        Hidden are the values of headers that carry credentials; everywhere else the values whose
        names sound like those of secrets, the segments of a path after such a name, the user in
        an address, and tokens without a name; and subprotocols that carry one. Everything else
        stays byte for byte. The head may be cut anywhere. Everything from line 1,001 on is
        hidden: no server reads so many headers, and searching each line costs time.
        """
        redacted: list[bytes] = []
        hiding = self.named = False
        lines = LINE.findall(head)
        for line in lines[:MAX_LINES]:
            content = line.rstrip(b"\r\n")
            ending = line[len(content) :]
            text = content.decode("latin-1")
            if not redacted:
                text = redact_start_line(text)
            elif text[:1] in (" ", "\t"):
                # It goes on with the value of the line before, which no server has to accept
                # (RFC 9112, section 5.2); where that value ends is anyone's guess.
                if hiding:
                    continue
                text = text[0] + HIDDEN if text.strip() else text
            elif text:
                name, colon, value = text.partition(":")
                hiding = bool(colon) and is_secret(name)
                text = f"{name}{colon}{self.value(name, value)}"
            redacted.append(text.encode("latin-1") + ending)
        if len(lines) > MAX_LINES + 1:  # the last one is what follows the last line break: nothing
            redacted.append(HIDDEN.encode())
        return b"".join(redacted)

    def headers(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the headers of a head with their secrets hidden, as `head` does."""
        self.named = False
        return [(name, self.value(name, f" {value}")[1:]) for name, value in headers]

    def agreed(self, subprotocol: str | None) -> str | None:
        """Return the subprotocol that both ends agreed on, hidden if it carries a secret."""
        self.named = False
        return None if subprotocol is None else self.subprotocol(subprotocol)

    def without_sent(self, text: str, head: bytes) -> str:
        """Return a text, such as the body of a refusal, without secrets of the request `head`."""
        sent, shown = head.decode("latin-1"), self.head(head).decode("latin-1")
        words = {*re.split(r"[\s,;]+", sent), *re.split(r"[\s,;:&?=/\"'<>]+", sent)}
        for word in sorted(words, key=len, reverse=True):
            if len(word) >= SHORT and word not in shown:
                text = text.replace(word, HIDDEN)
        return text

    def value(self, name: str, value: str) -> str:
        """Return the value of a header with its secrets hidden."""
        key = name.strip().lower()
        if key == SUBPROTOCOL_HEADER:
            return ",".join(map(self.subprotocol, value.split(",")))
        if key in OPEN_HEADERS or not value:
            return value
        return f" {HIDDEN}" if sounds_secret(key) else redact_text(value)

    def subprotocol(self, text: str) -> str:
        """Return an element of a list of subprotocols, with its blanks, hidden by what it says."""
        name = text.strip()
        if not name:
            return text
        plain = unquoted(name)
        # One that has its secret in itself says nothing about the next one.
        hiding = self.named and not (self.tailed and name in self.offered)
        self.named = plain is None or sounds_secret(plain)
        self.tailed = False
        if hiding or name in self.hidden:
            shown = self.hidden.get(name, HIDDEN)
        elif self.named:
            shown = without_tail(name)
            self.tailed = shown != name
        elif name.lower().startswith("header-"):  # and base64, as AWS AppSync has it
            shown = f"{name[:7]}{HIDDEN}"
        elif looks_like_token(name):
            shown = name if name in self.offered else HIDDEN
        else:
            shown = redact_text(name)
        if shown != name:
            self.hidden[name] = shown
        return text.replace(name, shown)


def without_tail(name: str) -> str:
    """Return a subprotocol such as `v1.token.abc` without what follows the secret's name."""
    match = SECRET_NAME.search(name.lower())
    if match is None:
        return HIDDEN
    end = match.end()
    while end < len(name) and name[end].isalpha():
        end += 1
    shown = name[: end + (not name[end : end + 1].isalnum())]
    return shown if shown == name else HIDDEN if looks_like_token(shown) else f"{shown}{HIDDEN}"


def looks_like_token(text: str) -> bool:
    return len(text) >= LONG and any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def redact_start_line(line: str) -> str:
    method, blank, rest = line.partition(" ")
    target, last_blank, version = rest.rpartition(" ")
    if not last_blank or not version.startswith("HTTP/"):
        target, last_blank, version = rest, "", ""
    return f"{method}{blank}{redact_path(target)}{last_blank}{version}"


def redact_text(text: str) -> str:
    """Return any text of a peer with its secrets hidden."""
    if PERHAPS.search(text) is None:
        return text
    text = redact_unnamed(QUERY_PAIR.sub(redact_pair, USER_INFO.sub(f"//{HIDDEN}@", text)))
    # A word that is percent-encoded as a whole, such as an address.
    return ENCODED_WORD.sub(lambda found: HIDDEN if holds_secret(found[0]) else found[0], text)


def redact_unnamed(text: str) -> str:
    text = USER_INFO.sub(f"//{HIDDEN}@", text)
    text = PATH.sub(redact_segments, text)
    text = BARE_TOKEN.sub(HIDDEN, text)
    text = SCHEME.sub(lambda match: f"{match[1] or match[2]} {HIDDEN}", text)
    return redact_values(text)


def redact_values(text: str) -> str:
    """Hide the values after names that sound like those of secrets, as in JSON."""
    parts: list[str] = []
    end = 0
    for match in NAME.finditer(text):
        if match.start() < end or not sounds_secret(match["name"]):
            continue
        if "." in match["name"] and PORT.match(text, match.end()):
            continue  # of a host
        value = VALUE.match(text, match.end())
        if value is not None:
            quote = value[0][0] if value[0][0] in "\"'" else ""
            parts += (text[end : match.end()], quote, HIDDEN, quote)
            end = value.end()
    return "".join((*parts, text[end:]))


def redact_segments(match: re.Match[str]) -> str:
    """Hide the segments of a path after one that sounds like a secret."""
    segments = match["path"].split("/")
    for index, segment in enumerate(segments):
        plain = unquoted(segment)
        if plain is None or (plain != segment and holds_secret(segment)):
            segments[index] = plain = HIDDEN
        if sounds_secret(plain) and any(segments[index + 1 :]):
            segments[index + 1 :] = [HIDDEN]
            break
    return (match["host"] or "") + "/".join(segments)


def redact_pair(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    plain = unquoted(name)
    if value and (plain is None or sounds_secret(plain) or holds_secret(value)):
        return f"{match['before']}{name}={HIDDEN}"
    return match[0]


def holds_secret(value: str) -> bool:
    """Return whether a value holds a secret, such as an address or JSON with one in it."""
    if value.isalnum():
        return False
    plain = unquoted(value)
    return (
        plain is None
        or any(sounds_secret(pair["name"]) for pair in INNER_PAIR.finditer(plain))
        or redact_unnamed(plain) != plain
    )


def unquoted(text: str) -> str | None:
    """Return a text without percent encoding; None when it was encoded too often to tell."""
    if "%" not in text and "+" not in text:
        return text
    for _ in range(MAX_ENCODINGS):
        plain = unquote_plus(text)
        if plain == text:
            return plain
        text = plain
    return text if unquote_plus(text) == text else None
