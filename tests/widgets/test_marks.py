"""Errors and connections are found without decoding the frames between them."""

from __future__ import annotations

import json

import pytest

from astra_nb import FrameLog, Server, connect
from astra_nb.errors import HandshakeFailed
from astra_nb.log.records import ClosedRecord, HandlerErrorRecord, OpenedRecord
from astra_nb.widgets import marks
from astra_nb.widgets.marks import Marks, agent

PING = b"\x89\x02hi"


def test_each_error_is_found_once() -> None:
    log, found = FrameLog(), Marks()
    log.append_frames(1, "server", "received", PING * 3, 3)
    found.update(log)
    assert found.errors == []
    log.append_frames(1, "server", "received", b"\x83\x00" * 2, 2, "refused: reserved opcode")
    log.append_frames(1, "server", "received", PING, 1, "ignored: it came after the CLOSE frame")
    log.append_frames(1, "server", "sent", b"\x83\x00", 1, "raw bytes")
    log.append(1, HandlerErrorRecord, summary="x", traceback="y")
    log.append(1, ClosedRecord, side="server", tcp="reset")
    for _ in range(2):
        found.update(log)
        assert found.errors == [4, 5, 8, 9]


def test_a_connection_is_summed_up(server: Server) -> None:
    found = Marks()
    with connect(server.url, headers={"User-Agent": "kim/5.1 x"}) as client:
        client.send_text("Hello")
        client.recv(5)
        [one] = found.count(server.log)
        assert (one.state, one.path, one.who, one.peer) == ("open", "/", "kim 5.1", one.peer)
        assert (one.received, one.sent) == ([1, 11], [1, 7])
        assert one.peer.startswith("127.0.0.1:")
    server.log.wait_for(kind="closed")
    [same] = found.count(server.log)
    assert same is one
    assert (same.state, same.received[0], same.sent[0]) == ("closed", 2, 2)
    assert same.why.startswith("The client closed first with 1000")
    assert json.loads(json.dumps(vars(same))) == vars(same)
    with pytest.raises(HandshakeFailed):
        connect(server.url + "nowhere")
    server.log.wait_for(kind="closed", count=2)
    assert [(each.state, each.path) for each in found.count(server.log)][1] == (
        "refused", "/nowhere",
    )  # fmt: skip


def test_a_connection_whose_opening_was_dropped_is_open() -> None:
    log = FrameLog()
    log.append_frames(7, "client", "sent", PING, 1)
    [one] = Marks().count(log)
    assert (one.id, one.state, one.sent, one.opened > 0) == (7, "open", [1, 4], True)


def test_of_many_those_that_are_on_the_log_no_more_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(marks, "MOST", 10)
    log, found = FrameLog(max_frames=4), Marks()
    log.append(999, OpenedRecord, side="server", peer="127.0.0.1:5", path="/")  # and stays open
    for number in range(1, 101):
        log.append(number, OpenedRecord, side="server", peer="127.0.0.1:5", path="/")
        log.append(number, ClosedRecord, side="server", tcp="reset")
        found.update(log)
        assert len(found.connections) + found.forgotten == number + 1
        assert len(found.errors) + len(found.connections) <= 12
    kept = [each.id for each in found.count(log)]
    assert (kept[0], kept[-2:], found.errors[-2:]) == (999, [99, 100], [199, 201])


def test_a_path_is_cut_and_made_visible() -> None:
    log = FrameLog()
    log.append(1, OpenedRecord, side="server", peer="127.0.0.1:5", path="/\u202e" + "x" * 500)
    [one] = Marks().count(log)
    assert one.path == r"/\u202e" + "x" * (marks.LONGEST - 2) + "…"


def test_the_name_that_tells_the_most() -> None:
    chrome = "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML) Chrome/141.0 Safari/537.36"
    assert agent(chrome) == "Chrome 141"
    assert agent(chrome + " Edg/141.0") == "Edg 141"
    assert agent("Mozilla/5.0 (X11; rv:145.0) Gecko/2010 Firefox/145.0") == "Firefox 145"
    assert agent("astra_nb/0.1") == "astra_nb 0.1"
    assert agent("\x1b[31m") == r"\x1b[31m"
