"""HTTP passes message by message, and the tap knows when a WebSocket begins."""

from __future__ import annotations

import pytest

from astra_nb.net import tap_http
from astra_nb.net.tap_heads import Head
from astra_nb.net.tap_http import HttpWays
from astra_nb.wire.messages import Side

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class Line:
    """Notes what the ways ask of it."""

    def __init__(self) -> None:
        self.passed: dict[Side, bytes] = {"client": b"", "server": b""}
        self.frames: dict[Side, bytes] = {"client": b"", "server": b""}
        self.happened: list[str] = []
        self.refuses = False
        self.ways = HttpWays(self)

    def admit(self, head: Head) -> bytes | None:
        self.happened.append(f"asked {head.path}")
        return None if self.refuses else head.raw

    def opened(self, head: Head) -> None:
        self.happened.append("opened")

    def refused(self, head: Head) -> None:
        self.happened.append(f"refused {head.status}")

    def forward(self, sender: Side, data: bytes) -> None:
        self.passed[sender] += data

    def received(self, sender: Side, data: bytes) -> None:
        self.frames[sender] += data

    def hold_up(self, sender: Side, *, held_up: bool) -> None:
        self.happened.append(f"{'hold up' if held_up else 'let'} {sender}")

    def notice(self, text: str) -> None:
        self.happened.append(text)

    def take(self, sender: Side, data: bytes, size: int = 2**20) -> None:
        for start in range(0, len(data), size):
            self.ways.take(sender, data[start : start + size])


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_requests_and_answers_in_any_chunks(size: int) -> None:
    line = Line()
    post = b"\r\nPOST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    asked = GET + post + b"HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n"
    answers = (
        OK + b"HTTP/1.1 100 Continue\r\n\r\n" + OK
        + b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
    )  # fmt: skip
    line.take("client", asked, size)
    line.take("server", answers, size)
    assert line.passed == {"client": asked, "server": answers}
    assert line.happened == ["asked /", "asked /p", "asked /h"]


def test_a_websocket_begins_with_101() -> None:
    line = Line()
    line.take("client", UPGRADE + b"early")
    assert line.passed["client"] == UPGRADE
    line.take("server", SWITCHING + b"frames")
    line.take("client", b" more")
    assert line.passed["server"] == SWITCHING
    assert line.frames == {"client": b"early more", "server": b"frames"}
    assert line.happened == ["asked /ws", "opened", "let client"]


def test_a_refusal_is_told_and_http_goes_on() -> None:
    line = Line()
    line.take("client", UPGRADE + GET)
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    line.take("server", refusal + OK)
    assert line.passed == {"client": UPGRADE + GET, "server": refusal + OK}
    assert line.happened == ["asked /ws", "refused 403", "let client", "asked /"]


def test_a_client_that_does_not_wait_has_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_http, "MAX_EARLY", 10)
    line = Line()
    line.take("client", UPGRADE + b"x" * 11)
    assert line.happened[-1] == "hold up client"


def test_nothing_is_read_after_a_request_that_the_tap_refused() -> None:
    line = Line()
    line.refuses = True
    line.take("client", GET + GET)
    assert line.happened == ["asked /"]
    assert line.passed["client"] == b""


def test_an_answer_that_nobody_asked_for_passes() -> None:
    line = Line()
    line.take("server", OK + OK)
    assert line.passed["server"] == OK + OK


@pytest.mark.parametrize(
    ("sender", "data", "why"),
    [
        ("client", b"SSH-2.0-x\r\n\r\nmore", "what it sent is not a request of HTTP/1"),
        ("server", b"+PONG\r\n\r\nmore", "what it sent is not a response of HTTP/1"),
        ("client", b"CONNECT a:1 HTTP/1.1\r\n\r\nmore", "it asks for a tunnel"),
        ("client", b"x" * 101, "the head of its message is too long"),
        ("client", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
         "it is not clear where the body of its message ends"),
        ("server", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nmore",
         "it is not clear where the body of its message ends"),
        ("server", SWITCHING + b"more", "it changes to a protocol that is not WebSocket"),
    ],
)  # fmt: skip
def test_what_is_not_understood_passes_unread(
    sender: Side, data: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap_http, "MAX_HEAD", 100)
    line = Line()
    line.take(sender, data)
    assert line.passed[sender] == data
    assert any(why in said for said in line.happened)
    line.take("client", b"\x00and more")
    line.take("server", b"\x00and more")
    assert line.passed[sender] == data + b"\x00and more"


def test_what_waits_for_an_answer_passes_when_that_is_not_understood() -> None:
    line = Line()
    line.take("client", UPGRADE + b"early")
    line.take("server", b"nonsense\r\n\r\n")
    assert line.passed == {"client": UPGRADE + b"early", "server": b"nonsense\r\n\r\n"}


def test_a_head_that_breaks_off_passes_with_the_end_of_tcp() -> None:
    line = Line()
    line.take("client", GET[:10])
    assert line.passed["client"] == b""
    line.ways.finish("client")
    line.ways.finish("server")
    assert line.passed["client"] == GET[:10]
