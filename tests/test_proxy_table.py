"""Notebook 9's table of what a proxy changes, row by row against the installed proxy.

The table in the notebook is the one place where these sentences stand. Each row's left side names
a measurement here; what it yields is the row's right side, word for word. A newer proxy that does
better turns a row red: then correct the notebook's line, and what test_proxy_facts.py says of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import nbformat
import pytest

from astra_nb import ConnectionClosed, WebSocket
from tests.helpers import REPOSITORY, wait_until
from tests.test_proxy_facts import LIMIT, Scene, end_of, jupyter, read, scene

__all__ = ["jupyter", "scene"]

NOTEBOOK = "notebooks/09-in-the-browser.ipynb"
CELL = "proxy"


def rows() -> dict[str, str]:
    """The table of the notebook: what one end does, and what the other end sees."""
    cells = nbformat.read(REPOSITORY / NOTEBOOK, as_version=4).cells
    [text] = [cell.source for cell in cells if cell.id == CELL]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cut = [[part.strip() for part in line.strip("|").split("|")] for line in lines]
    assert {len(row) for row in cut} == {2}
    return {row[0]: row[1] for row in cut[2:]}


def one_of(found: Iterable[str]) -> str:
    """What several measurements yield: one sentence when they agree."""
    return " or ".join(sorted(set(found)))


def words(code: int, reason: str) -> str:
    return f"{code}, {reason or 'no reason'}"


# One function for each row: it does what the left side says, and gives the right side.


def closes(scene: Scene) -> str:
    found = []
    for code, reason in ((1000, "Done"), (1008, "policy"), (4000, "bye")):

        def close(socket: WebSocket, code: int = code, reason: str = reason) -> None:
            socket.send_close(code, reason)

        with scene(close).through() as client:
            ended = end_of(client)
            found.append(words(ended.code, ended.reason))
        if code != 1008:  # which no page may send
            both = scene(read)
            with both.through() as client:
                client.send_close(code, reason)
                received = both.log.wait_for(kind="closed").received
                found.append(words(received.code, received.reason))
    return one_of(found)


def drops(scene: Scene) -> str:
    with scene(lambda socket: socket.drop()).through() as client:
        found = [str(end_of(client).code)]
    both = scene(read)
    client = both.through()
    both.log.wait_for(kind="opened")
    client.drop()
    found.append(str(both.log.wait_for(kind="closed").code))
    return one_of(found)


def fragments(scene: Scene) -> str:
    def send(socket: WebSocket) -> None:
        socket.send_fragments("text", ["Hel", "lo"])
        read(socket)

    both = scene(send)
    with both.through() as client:
        client.recv(20)
        client.send_fragments("text", ["a", "b"])
        both.log.wait_for(
            direction="received", predicate=lambda r: r.kind == "frame" and r.frame.fin
        )
        counts = [
            len(log.filter(type=["text", "continuation"], direction="received"))
            for log in (client.log, both.log)
        ]
    return one_of("one frame" if count == 1 else f"{count} frames" for count in counts)


def ping(scene: Scene) -> str:
    both = scene(read)
    with both.through(automatic_pong=False) as client:
        both.log.wait_for(kind="opened")
        both.server.connections[0].send_ping(b"there?")
        arrived = client.recv(20).type == "ping"
        both.log.wait_for(type="pong", direction="received", timeout=20)
        answered = len(client.log.filter(type="pong", direction="sent"))
    return f"{'a ping' if arrived else 'nothing'}{'' if answered else ', which the proxy answers'}"


def pong(scene: Scene) -> str:
    def send(socket: WebSocket) -> None:
        socket.send_pong(b"unasked")
        socket.send_text("after it")
        read(socket)

    with scene(send).through() as client:
        first = client.recv(20).type
    return "nothing" if first == "text" else f"a {first}"


def refuses(scene: Scene) -> str:
    with scene(read).through("nowhere") as client:
        try:
            client.recv(20)
        except ConnectionClosed as ended:
            code = ended.code
        else:
            code = client.wait_closed(20) or client.close_code
    return f"the page sees `open`, then {code}"


def subprotocol(scene: Scene) -> str:
    both = scene(read, subprotocols=["second"])
    with both.through(subprotocols=["first", "second"]) as client:
        assert both.log.wait_for(kind="opened").subprotocol == "second"
        told = {"first": "the first one that it offered", "second": "what the server chose"}
        return f"the page is told {told.get(client.subprotocol or '', 'none')}"


def large(scene: Scene) -> str:
    both = scene(read)
    both.server.max_message_size = None
    with both.through() as client:
        client.send_bytes(bytes(LIMIT + 1))
        both.log.wait_for(
            predicate=lambda r: r.kind == "closed" or getattr(r, "type", "") == "bytes", timeout=60
        )
        arrived = len(both.log.filter(type="bytes"))
    return "the message" if arrived else "the connection ends"


def connects(scene: Scene) -> str:
    seen: list[str] = []

    def look(socket: WebSocket) -> None:
        headers = socket.request_with_secrets.headers
        seen.extend(headers.get(name, "") for name in ("Cookie", "Authorization"))
        read(socket)

    both = scene(look)
    with both.through(headers={"Cookie": "session=s3cret"}):
        wait_until(lambda: len(seen) == 2)
    secrets = ["session=s3cret", f"token {both.jupyter.token}"]
    names = [n for n, v, s in zip(("cookies", "token"), seen, secrets, strict=True) if v == s]
    hidden = not any(secret in both.log.to_jsonl() for secret in ("s3cret", both.jupyter.token))
    sees = f"the server sees the user's {' and '.join(names)}" if names else "no secret"
    return f"{sees}; this toolkit {'hides' if hidden else 'shows'} them"


MEASUREMENTS: dict[str, Callable[[Scene], str]] = {
    "closes with any code and reason": closes,
    "drops TCP": drops,
    "page or server: sends fragments": fragments,
    "server: sends a ping": ping,
    "server: sends a pong that nobody asked for": pong,
    "server: refuses the opening handshake": refuses,
    "server: chooses a subprotocol": subprotocol,
    "page: sends a message of more than about 10 MiB": large,
    "page: connects": connects,
}


def test_each_row_has_a_measurement_and_each_measurement_a_row() -> None:
    assert list(rows()) == list(MEASUREMENTS)


@pytest.mark.parametrize("does", MEASUREMENTS)
def test_the_notebooks_row_is_what_the_proxy_does(scene: Scene, does: str) -> None:
    measured, told = MEASUREMENTS[does](scene), rows()[does]
    assert measured == told, (
        f'{NOTEBOOK}, cell "{CELL}": the line "| {does} | {told} |" is no longer true; '
        f'the proxy that is installed does "{measured}"'
    )
