"""What a browser's "Copy as cURL" says about a WebSocket, as the arguments of `connect`."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator
from typing import Any

from astra_nb.errors import LocalError

from .options import ConnectOptions

__all__ = ["parse_curl"]

# What `connect` makes anew, or has an option for.
OWN_HEADERS = frozenset(
    "connection sec-websocket-extensions sec-websocket-key sec-websocket-protocol "
    "sec-websocket-version origin upgrade".split()
)
# They change nothing here: how much curl tells, how it decodes, which HTTP it speaks.
WITHOUT_MEANING = frozenset(
    "--compressed --fail --globoff --http1.1 --include --no-buffer --no-progress-meter --silent "
    "--show-error --verbose -# -0 -S -N -f -g -i -s -v".split()
)
LONG = {
    "-A": "--user-agent", "-b": "--cookie", "-e": "--referer", "-E": "--cert", "-H": "--header",
    "-k": "--insecure", "-L": "--location", "-m": "--max-time", "-u": "--user", "-x": "--proxy",
    "-X": "--request",
}  # fmt: skip
WITHOUT_VALUE = ("--insecure", "--location")
WITH_VALUE = frozenset(
    "--cacert --cert --connect-timeout --cookie --header --key --max-redirs --max-time --proxy "
    "--referer --request --unix-socket --url --user --user-agent".split()
)
CURL_REDIRECTS = 50
# A password follows the file's name; a colon in the second place is that of a drive.
CERTIFICATE = re.compile(r"(?P<file>(?:[A-Za-z]:[\\/])?+[^:]+):(?P<password>.*)", re.DOTALL)
NUMBER = re.compile(r"-1|[0-9]+(?:\.[0-9]*)?")
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{1,4}|x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
LETTERS = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def parse_curl(command: str) -> tuple[str, ConnectOptions]:
    """Return the address and the options that a command for bash or Windows' command line means.

    Raises:
        LocalError: It is not such a command, or has an option that means nothing here. No value
            is repeated: it may be a secret.
    """
    addresses, headers, cookies = [], [], []
    options: ConnectOptions = {}
    certificate: dict[str, str] = {}
    for name, value in _found(_words(command)):
        if name in ("", "--url"):
            addresses.append(value)
        elif name == "--header":
            key, colon, text = value.partition(":")
            if colon and text.strip():  # without a value curl leaves the header out
                headers.append((key.strip(), text.strip()))
        elif name == "--cookie":
            if "=" not in value:
                raise _wrong("--cookie names a file; give the cookies themselves: cookies={...}")
            cookies.append(value)
        elif name in ("--user-agent", "--referer"):
            headers.append(("Referer" if name == "--referer" else "User-Agent", value))
        elif name == "--user":
            token = base64.b64encode(value.encode()).decode()
            headers.append(("Authorization", f"Basic {token}"))
        elif name == "--request":
            if value != "GET":
                raise _wrong("--request: a WebSocket is requested with GET")
        elif name == "--cert":
            found = CERTIFICATE.fullmatch(value)
            certificate[name] = value if found is None else found["file"]
            if found is not None:
                certificate["password"] = found["password"]
        elif name == "--key":
            certificate[name] = value
        else:
            _set(options, name, value)
    if cookies:
        headers.append(("Cookie", "; ".join(cookies)))
    if len(addresses) != 1:
        raise _wrong(f"there are {len(addresses)} addresses in it, but there should be one")
    if certificate:
        if "password" in certificate:  # without --key, the key is in the same file
            certificate.setdefault("--key", certificate["--cert"])
        names = ("--cert", "--key", "password")
        options["client_certificate"] = [certificate[name] for name in names if name in certificate]
    _set_headers(options, headers)
    address = addresses[0]
    return address if "://" in address else f"http://{address}", options


def _set(options: ConnectOptions, name: str, value: str) -> None:
    if name == "--insecure":
        options["ssl"] = False
    elif name == "--cacert":
        options["ssl"] = value
    elif name == "--proxy":
        options["proxy"] = (value if "://" in value else f"http://{value}") if value else None
    elif name == "--unix-socket":
        options["unix"] = value
    elif name == "--location":
        options.setdefault("redirects", CURL_REDIRECTS)
    else:  # --max-redirs, --max-time, --connect-timeout
        if not NUMBER.fullmatch(value):
            raise _wrong(f"{name} needs a number after it")
        number = float(value)
        if name != "--max-redirs":
            options["timeout"] = number or None  # 0 is no limit
        else:  # and so is -1
            most = CURL_REDIRECTS if number < 0 else min(number, CURL_REDIRECTS)
            options["redirects"] = int(most)


def _set_headers(options: ConnectOptions, headers: list[tuple[str, str]]) -> None:
    options["headers"] = [pair for pair in headers if pair[0].lower() not in OWN_HEADERS]
    for name, value in headers:
        key = name.lower()
        if key == "origin":
            options["origin"] = value
        elif key == "sec-websocket-protocol":
            names = [each.strip() for each in value.split(",")]
            options["subprotocols"] = [*options.get("subprotocols", ()), *names]
        elif key == "sec-websocket-extensions" and "permessage-deflate" in value:
            options["compression"] = "deflate"


def _found(words: list[str]) -> list[tuple[str, str]]:
    """Return the options of curl and their values; "" for those without."""
    found: list[tuple[str, str]] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            found.append(("", word))
            continue
        for name, value in _options(word):
            if name in WITHOUT_MEANING:
                continue
            if name in WITHOUT_VALUE:
                found.append((name, ""))
            elif name in WITH_VALUE:
                try:
                    found.append((name, value or next(rest)))
                except StopIteration:
                    raise _wrong(f"nothing follows {name}") from None
            else:
                shown = name.partition("=")[0][:40]
                raise _wrong(f"the option {shown!r} means nothing to a WebSocket; leave it out")
    return found


def _options(word: str) -> Iterator[tuple[str, str]]:
    """Yield the options of a word, and what follows each in it: -sSL has three, -HA:b has one."""
    if word.startswith("--"):
        yield word, ""
        return
    for end, letter in enumerate(word[1:], start=2):
        name = LONG.get(f"-{letter}", f"-{letter}")
        if name in WITHOUT_MEANING or name in WITHOUT_VALUE:
            yield name, ""
        else:
            yield name, word[end:]
            return


def _words(command: Any) -> list[str]:
    if not isinstance(command, str):
        raise LocalError(
            f"from_curl takes a str such as \"curl 'wss://example.org/'\", not "
            f"{type(command).__name__}"
        )
    text = command.strip().rstrip("\\^")  # copied with the end of its last line
    if '^"' in text or re.search(r"\^\r?\n", text):  # Windows' command line
        text = re.sub(r"\^(\r?\n|.)", lambda match: match[1].strip("\r\n"), text)
    else:
        text = re.sub(r"\$('(?:[^'\\]|\\.)*')", _unescaped, text, flags=re.DOTALL)
    try:
        first, *words = shlex.split(text)
    except ValueError:
        raise _wrong("it is empty, or a quote has no end") from None
    if first not in ("curl", "curl.exe"):
        raise _wrong("it does not begin with curl")
    return [word for word in words if not word.isspace()]


def _unescaped(match: re.Match[str]) -> str:
    """Return a string in bash's form $'...' in quotes that every shell reads."""

    def character(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "ux" and len(code) > 1:
            return chr(int(code[1:], 16))
        return chr(int(code, 8)) if code.isdigit() else LETTERS.get(code, code)

    return shlex.quote(ESCAPE.sub(character, match[1][1:-1]))


def _wrong(why: str) -> LocalError:
    return LocalError(
        f"this curl command does not say how to connect: {why}. In a browser's network tab, "
        f'choose the WebSocket, then "Copy as cURL"'
    )
