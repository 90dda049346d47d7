"""The view tells a page what is new, answers what it asks, and ends with its log or its close."""

from __future__ import annotations

import gc
import threading
import weakref
from functools import partial
from typing import Any

import pytest

from astra_nb import FrameLog, Server, connect
from astra_nb.errors import LocalError
from astra_nb.log.records import NoticeRecord
from astra_nb.widgets import FrameLogView
from astra_nb.widgets.frame_log_view import BACKFILL_ROWS, BATCH_ROWS
from tests.helpers import wait_until

from .conftest import published, request

PING = b"\x89\x02hi"


def numbers(content: dict[str, Any]) -> list[int]:
    at = content["fields"].index("number")
    return [row[at] for row in content["rows"]]


@pytest.fixture
def log() -> FrameLog:
    return FrameLog()


def has_shown(view: FrameLogView, number: int) -> bool:
    batches = view.comm.custom("rows")
    return bool(batches) and batches[-1][0]["to"] == number


def test_new_rows_are_published_in_order(log: FrameLog) -> None:
    view = FrameLogView(log)
    log.append_frames(1, "server", "sent", PING, 1)
    rows = published(view, "rows")
    log.append(0, NoticeRecord, text="two")
    wait_until(lambda: view.comm.custom("rows")[-1][0]["to"] == 2)
    assert [n for content, _ in view.comm.custom("rows") for n in numbers(content)] == [1, 2]
    assert rows[0][0]["after"] == 0
    view.close()


def test_a_flood_is_cut_to_the_newest_rows_and_says_so(log: FrameLog) -> None:
    view = FrameLogView(log)
    log.append_frames(1, "server", "sent", PING * 5000, 5000)
    content, _ = published(view, "rows")[0]
    assert (content["after"], content["to"], len(content["rows"])) == (0, 5000, BATCH_ROWS)
    assert numbers(content) == list(range(5001 - BATCH_ROWS, 5001))
    view.close()


def test_a_late_page_gets_what_it_lacks(log: FrameLog) -> None:
    log.append_frames(1, "server", "sent", PING * 3000, 3000)
    view = FrameLogView(log)
    assert request(view, "backfill", after=2500) == ({}, [])
    late = [content for content, _ in published(view, "rows") if content["after"] == 2500]
    assert numbers(late[0]) == list(range(2501, 3001))
    request(view, "backfill", page="q", after=0)
    first, _ = view.comm.custom("rows")[-1]
    assert len(first["rows"]) == BACKFILL_ROWS
    assert first["to"] == 3000
    view.close()


def test_the_snapshot_holds_the_newest_rows_when_it_is_quiet(log: FrameLog) -> None:
    view = FrameLogView(log)
    assert numbers(view.snapshot["rows"]) == []
    log.append_frames(1, "server", "sent", PING * 3, 3)
    wait_until(lambda: numbers(view.snapshot["rows"]) == [1, 2, 3])
    view.close()


def test_requests_are_answered_and_nonsense_too(log: FrameLog) -> None:
    log.append_frames(1, "server", "received", b"\x81\x02\xc3(", 1)
    view = FrameLogView(log)
    detail, buffers = request(view, "detail", number=1)
    assert (detail["kind"], detail["bad_byte"], detail["payload_size"]) == ("frame", 0, 2)
    assert buffers == [b"\x81\x02\xc3(", b"\xc3(", b""]
    assert request(view, "bytes", number=1, offset=2, length=99)[1] == [b"\xc3("]
    assert request(view, "heartbeat") == ({}, [])
    for number in (99, -1, None, "1", 10**30, True):
        for kind in ("detail", "bytes"):
            with pytest.raises(LocalError, match="is no longer on the log"):
                request(view, kind, number=number)
    wrong: tuple[Any, ...] = ([], "1", -5, 10**30)
    for after in wrong:
        request(view, "backfill", after=after)
        request(view, "search", after=after, below=after)
    view.close()


def test_the_whole_log_is_searched_for_a_filter(log: FrameLog) -> None:
    text = b"x" * 5000 + b"needle"
    log.append_frames(1, "server", "sent", b"\x81\x7e" + len(text).to_bytes(2, "big") + text, 1)
    log.append_frames(1, "server", "sent", PING * 9000, 9000)
    view = FrameLogView(log)
    numbers_found: list[int] = []
    below = 0
    while True:
        answer, _ = request(view, "search", text="Needle", below=below)
        numbers_found += numbers(answer)
        context = 'byte 5,000: "…xxxxxxxxxxxxneedle"'
        assert (answer["contexts"], answer["to"]) == ([context] * len(answer["rows"]), 9001)
        below = answer["below"]
        if below == 0:
            break
    assert numbers_found == [1]
    assert request(view, "search", text="Needle", after=1)[0]["rows"] == []
    view.close()


def test_a_fragment_comes_with_its_whole_message(log: FrameLog) -> None:
    log.append_frames(1, "server", "sent", b"\x01\x03one", 1)
    log.append_frames(2, "server", "sent", b"\x81\x05other", 1)
    log.append_frames(1, "server", "sent", b"\x89\x00", 1)
    log.append_frames(1, "server", "sent", b"\x80\x04 two", 1)
    log.append_frames(1, "server", "sent", b"\x02\x01\x00", 1)
    view = FrameLogView(log)
    for number in (1, 4):
        detail, buffers = request(view, "detail", number=number)
        whole = detail["whole"]
        assert (whole["type"], whole["text"], whole["numbers"]) == ("text", "one two", (1, 4))
        assert (whole["count"], whole["size"], buffers[2]) == (2, 7, b"one two")
    for number in (2, 3, 5):
        assert request(view, "detail", number=number)[0]["whole"] is None
    log.append_frames(1, "server", "sent", b"\x80\x01\x01", 1)
    assert request(view, "detail", number=5)[0]["whole"]["text"].startswith("000000")
    view.close()


def test_a_large_frame_goes_in_pages(log: FrameLog) -> None:
    size = 10 * 2**20
    log.append_frames(1, "server", "sent", b"\x82\x7f" + size.to_bytes(8, "big") + bytes(size), 1)
    view = FrameLogView(log)
    detail, buffers = request(view, "detail", number=1)
    assert detail["size"] == size + 10
    assert sum(map(len, buffers)) < 10_000
    assert len(request(view, "bytes", number=1, offset=5_000_000, length=2**30)[1][0]) == 1024
    view.close()


def test_a_response_is_shown_with_the_steps_from_its_requests_key(server: Server) -> None:
    with connect(server.url):
        opened = server.log.wait_for(kind="opened")
    view = FrameLogView(server.log, server)
    response, _ = request(view, "detail", number=opened.number - 1)
    accept = [h["value"] for h in response["headers"] if h["name"] == "Sec-WebSocket-Accept"]
    assert [response["steps"][-1][1]] == accept
    view.close()


def test_status_follows_the_server(server: Server) -> None:
    view = FrameLogView(server.log, server)
    opened: list[int] = []
    view.on_connections = lambda: opened.append(len(server.connections))
    with connect(server.url):
        wait_until(lambda: opened == [1])
        assert published(view, "status")[-1][0]["open"][0]["id"] == 1
    wait_until(lambda: opened == [1, 0])
    server.shutdown()
    wait_until(lambda: view.comm.custom("status")[-1][0]["state"] == "stopped")
    view.close()


def test_several_views_of_one_log(log: FrameLog) -> None:
    views = [FrameLogView(log) for _ in range(3)]
    for number in range(1, 4):
        log.append_frames(1, "server", "sent", PING, 1)
        for view in views:
            wait_until(partial(has_shown, view, number))
    for view in views:
        view.close()


def test_a_closed_view_hears_nothing_and_leaves_no_thread(log: FrameLog) -> None:
    view = FrameLogView(log)
    log.append_frames(1, "server", "sent", PING, 1)
    recording = view.comm
    published(view, "rows")
    view.close()
    assert not [t for t in threading.enumerate() if t.name == "astra_nb view"]
    count = len(recording.published)
    assert len(log) == 1  # reading arms the log's subscribers: there is none any more
    assert not log._subscriptions.armed
    log.append_frames(1, "server", "sent", PING, 1)
    assert not [t for t in threading.enumerate() if t.name == "astra_nb view"]
    assert len(recording.published) == count


def test_a_view_keeps_no_server_alive_but_shows_its_last_state() -> None:
    server = Server(port=0)
    server.log.append(0, NoticeRecord, text="only this")
    gone = weakref.ref(server)
    log_gone = weakref.ref(server.log)
    view = FrameLogView(server.log, server)
    del server
    gc.collect()
    wait_until(lambda: gone() is None and log_gone() is None)
    assert numbers(view.snapshot["rows"]) == [1]
    assert "server is gone" in view.snapshot["status"]["note"]
    for kind in ("detail", "search"):
        with pytest.raises(LocalError, match=r"no longer on the log|gone with its server"):
            request(view, kind, number=1)
    assert request(view, "backfill") == ({}, [])
    view.close()


def test_its_other_forms_need_no_page(log: FrameLog) -> None:
    log.append_frames(1, "server", "received", b"\x81\x08<script>", 1)
    view = FrameLogView(log)
    bundle = view._repr_mimebundle_()
    assert repr(view) == bundle["text/plain"] == "<FrameLogView of a log>"
    assert "&lt;script&gt;" in bundle["text/html"]
    assert "<script>" not in bundle["text/html"]
    assert '"<script>"' in str(view)
    view.close()
