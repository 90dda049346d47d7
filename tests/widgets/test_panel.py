"""The panel tells a page what is new, answers what it asks, and ends with its server."""

from __future__ import annotations

import gc
import threading
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ipywidgets.widgets import widget as widgets

from astra_nb import FrameLog, Server, connect
from astra_nb.errors import LocalError
from astra_nb.log.records import ClosedRecord, NoticeRecord
from astra_nb.widgets import Panel, panel_of_client, panel_of_log, panel_of_server
from astra_nb.widgets.panel import LATE, MOST_TAIL, TAIL
from tests.helpers import wait_until

from .conftest import published, request

PING = b"\x89\x02hi"


@pytest.fixture
def log() -> FrameLog:
    return FrameLog()


def numbers(content: dict[str, Any]) -> list[int]:
    at = content["fields"].index("number")
    return [row[at] for row in content["rows"]]


def shows(panel: Panel, text: str) -> bool:
    return text in str(panel)


def news_of(panel: Panel) -> list[dict[str, Any]]:
    return [content for content in panel.comm.custom("news") if "spans" in content]


# What is pushed


def test_new_rows_are_pushed_in_order(log: FrameLog) -> None:
    panel = panel_of_log(log)
    log.append_frames(1, "server", "sent", PING, 1)
    wait_until(lambda: len(news_of(panel)) == 1)
    log.append(0, NoticeRecord, text="two")
    wait_until(lambda: news_of(panel)[-1]["spans"] == [(1, 2)])
    assert [number for content in news_of(panel) for number in numbers(content)] == [1, 2]
    panel.close()


def test_a_flood_is_cut_to_the_newest_rows_and_every_row_can_be_asked_for(log: FrameLog) -> None:
    panel = panel_of_log(log)
    log.append_frames(1, "server", "sent", PING * 5000, 5000)
    wait_until(lambda: news_of(panel) != [])
    content = news_of(panel)[0]
    assert (content["spans"], numbers(content)) == ([(1, 5000)], list(range(5001 - TAIL, 5001)))
    assert numbers(request(panel, "rows", numbers=[1, 2500, 5000])) == [1, 2500, 5000]
    panel.close()


def test_a_page_is_pushed_as_many_rows_as_it_draws(log: FrameLog) -> None:
    panel = panel_of_log(log)

    def rows_pushed(drawn: object) -> int:
        panel._handle_custom_msg({"kind": "sight", "page": "p", "rows": drawn}, [])
        before = len(news_of(panel))
        log.append_frames(1, "server", "sent", PING * 5000, 5000)
        wait_until(lambda: len(news_of(panel)) > before)
        return len(numbers(news_of(panel)[-1]))

    assert [rows_pushed(drawn) for drawn in (40, 10, "x", 10**6)] == [40, 40, 40, MOST_TAIL]
    panel.close()


def test_a_late_page_gets_all_that_it_needs_at_once(log: FrameLog) -> None:
    log.append_frames(1, "server", "sent", PING * 100_000, 100_000)
    log.append_frames(1, "server", "received", b"\x83\x00", 1, "refused: reserved opcode")
    panel = panel_of_log(log)
    all_ = request(panel, "open")
    assert (all_["spans"], all_["dropped"], all_["errors"]) == ([(2, 100_001)], 1, [100_001])
    assert numbers(all_) == list(range(100_002 - LATE, 100_002))
    panel.close()


def test_errors_and_the_status_are_pushed_when_they_change(server: Server, panel: Panel) -> None:
    with connect(server.url) as client:
        wait_until(lambda: any(
            content.get("status", {}).get("open") == 1 for content in panel.comm.custom("news")
        ))  # fmt: skip
        client.send_raw(b"\x83\x80\x00\x00\x00\x00")
        wait_until(lambda: [e for content in news_of(panel) for e in content["errors"]] != [])
    server.shutdown()
    wait_until(lambda: any(
        content.get("status", {}).get("state") == "stopped" for content in panel.comm.custom("news")
    ))  # fmt: skip


@pytest.mark.parametrize("kind", ["find", "detail", "connections", "open"])
def test_every_page_is_told_each_error_once_whatever_one_requests(log: FrameLog, kind: str) -> None:
    panel = panel_of_log(log)
    panel._throttle.stop()
    log.append_frames(1, "server", "received", b"\x83\x00", 1, "refused: reserved opcode")
    answer = request(panel, kind, number=1)
    panel._update(False)
    assert [number for content in news_of(panel) for number in content["errors"]] == [1]
    assert answer.get("errors", []) == []  # else a page that opens would have it twice
    assert request(panel, "open")["errors"] == [1]
    panel.close()


def test_the_snapshot_holds_the_newest_rows_when_it_is_quiet(log: FrameLog) -> None:
    panel = panel_of_log(log)
    assert numbers(panel.snapshot) == []
    log.append_frames(1, "server", "sent", PING * 3, 3)
    wait_until(lambda: numbers(panel.snapshot) == [1, 2, 3])
    panel.close()


def test_the_table_of_a_file_is_not_named_after_the_server(
    server: Server, panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server.log.save("frames.jsonl")
    headings: list[str] = []
    monkeypatch.setattr(panel._copy, "update", lambda heading, table: headings.append(heading))
    request(panel, "open")
    panel._throttle.stop()
    for path in (None, "frames.jsonl"):
        panel.show_file(path)
        panel._update(True)
    assert headings[-2:] == [
        f"The log of {server.url} as it last was.", "This is the file frames.jsonl.",
    ]  # fmt: skip


def test_several_panels_of_one_server(server: Server) -> None:
    panels = [panel_of_server(server), server.panel(bits=True)]
    assert [panel.bits for panel in panels] == [False, True]
    panels[0].connect("/")
    panels[0].send_text("Hello", by=1)
    for each in panels:
        wait_until(partial(shows, each, "Hello"))
    panels[0].close()
    assert panels[1].comm is not None
    panels[1].close()


# The three kinds of panels


def test_the_panel_of_a_client(server: Server) -> None:
    client = connect(server.url)
    panel = client.panel()
    state = request(panel, "open")["status"]
    assert (state["state"], state["of_server"], state["sends"]) == ("open", False, True)
    assert (state["url"], [one["id"] for one in state["targets"]]) == (server.url, [client.id])
    assert state["open"] == 1
    assert panel.send_text("Hello") == f"Sent text from the client of #{client.id}."
    client.close()
    wait_until(lambda: request(panel, "open")["status"]["state"] == "closed")
    assert repr(panel) == f"<Panel of {server.url}>"
    panel.close()


def test_a_panel_keeps_its_client(server: Server) -> None:
    panel = panel_of_client(connect(server.url))
    gc.collect()
    assert panel.send_text("Hello").startswith("Sent text")
    panel.close()


def test_the_panel_of_a_log(log: FrameLog) -> None:
    log.append_frames(1, "server", "received", b"\x81\x08<script>", 1)
    panel = log.panel()
    state = request(panel, "open")["status"]
    assert (state["state"], state["sends"], state["targets"]) == ("log", False, [])
    bundle = panel._repr_mimebundle_()
    assert repr(panel) == bundle["text/plain"] == "<Panel of a log>"
    assert "&lt;script&gt;" in bundle["text/html"]
    assert "<script>" not in bundle["text/html"]
    assert '"<script>"' in str(panel)
    panel.close()


def test_the_panel_of_a_server(server: Server, panel: Panel) -> None:
    assert repr(panel) == f"<Panel of {server.url}>"
    assert panel._repr_mimebundle_()["text/plain"] == repr(panel)
    assert "Listening at" in str(panel)
    assert panel.addresses["url"] == server.url


def test_it_takes_two_comms(server: Server) -> None:
    before = set(widget_instances())
    panel = server.panel()
    assert len(set(widget_instances()) - before) == 2
    panel.close()
    assert set(widget_instances()) == before


# Life


def test_a_closed_panel_hears_nothing_and_leaves_no_thread(log: FrameLog) -> None:
    panel = panel_of_log(log)
    log.append_frames(1, "server", "sent", PING, 1)
    recording = panel.comm
    published(panel, "news")
    panel.close()
    assert not [t for t in threading.enumerate() if t.name == "astra_nb view"]
    count = len(recording.published)
    assert len(log) == 1  # reading arms the log's subscribers: there is none any more
    assert not log._subscriptions.armed
    log.append_frames(1, "server", "sent", PING, 1)
    assert not [t for t in threading.enumerate() if t.name == "astra_nb view"]
    assert len(recording.published) == count
    for kind in ("detail", "find"):
        with pytest.raises(LocalError, match=r"The log is gone"):
            getattr(panel, f"_on_{kind}")(bridge_message())


def bridge_message() -> Any:
    from astra_nb.widgets.bridge import Message

    return Message("p", {"number": 1})


def test_closing_the_panel_closes_its_clients_and_not_the_server(server: Server) -> None:
    panel = panel_of_server(server)
    panel.connect("/")
    panel.close()
    closed = server.log.wait_for(kind="closed")
    assert isinstance(closed, ClosedRecord)
    assert closed.code == 1000
    assert server.running


@pytest.mark.filterwarnings("ignore:the server at:ResourceWarning")
@pytest.mark.parametrize("run", [True, False], ids=["run", "never run"])
def test_a_panel_of_a_server_that_is_gone_closes_with_all_its_parts(run: bool) -> None:
    before = set(widget_instances())
    server = Server(port=0)
    if run:
        server.run()
    log_gone = weakref.ref(server.log)
    server.panel()
    server.panel()
    assert len(widget_instances()) - len(before) == 4
    del server
    gc.collect()
    wait_until(lambda: set(widget_instances()) == before)
    wait_until(lambda: gc.collect() is not None and log_gone() is None)


def test_a_panel_stays_when_its_server_runs_again_and_goes_when_another_replaces_it() -> None:
    before = set(widget_instances())
    server = Server(port=0)
    server.websocket("/", lambda socket: [*socket])
    server.run()
    panel = server.panel()
    panel.connect("/")
    server.run()
    assert panel.comm is not None
    with Server(port=server.port):
        assert panel.comm is None
        assert set(widget_instances()) == before


def widget_instances() -> dict[str, Any]:
    """The widgets that ipywidgets keeps."""
    return dict(widgets._instances)
