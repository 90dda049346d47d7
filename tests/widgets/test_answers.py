"""A page gets what it asks for, and nonsense does no harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from astra_nb import FrameLog, Server, connect
from astra_nb.errors import LocalError
from astra_nb.widgets import Panel, panel_of_log

from .conftest import customs, request

PING = b"\x89\x02hi"


@pytest.fixture
def log() -> FrameLog:
    return FrameLog()


def test_requests_are_answered_and_nonsense_too(log: FrameLog) -> None:
    log.append_frames(1, "server", "received", b"\x81\x02\xc3(", 1)
    panel = panel_of_log(log)
    detail = request(panel, "detail", number=1)
    assert (detail["number"], detail["frame"]["bad"]["at"]) == (1, 1)
    page = request(panel, "payload", number=1, offset=-1)
    assert (page["base64"], page["pieces"]) == ("wyg=", [["", r"\xc3"], ["bad", "("]])
    assert request(panel, "wire", number=1, offset=0) == {"hex": "8102c328"}
    assert request(panel, "copy", number=1, form="hex") == {"text": "c3 28"}
    assert request(panel, "heartbeat") == {}
    assert request(panel, "compare", one=1, other=1)["at"] == -1
    for number in (99, -1, None, "1", 10**30, True):
        for kind in ("detail", "payload", "wire", "copy"):
            with pytest.raises(LocalError, match="is no longer in the log"):
                request(panel, kind, number=number)
    wrong: tuple[Any, ...] = ([], "1", -5, 10**30)
    for value in wrong:
        request(panel, "find", after=value, below=value)
        assert request(panel, "rows", numbers=value)["rows"] == []
        assert request(panel, "rows", numbers=[value])["rows"] == []
    panel.close()


def test_two_payloads_are_compared_where_they_differ(log: FrameLog) -> None:
    for end in (b"one", b"two"):
        payload = b"x" * 70_000 + end
        log.append_frames(
            1, "server", "sent", b"\x82\x7f" + len(payload).to_bytes(8, "big") + payload, 1
        )
    panel = panel_of_log(log)
    answer = request(panel, "compare", one=1, other=2)
    assert answer["at"] == 70_000
    assert [page["offset"] for page in answer["pages"]] == [65_536, 65_536]
    with pytest.raises(LocalError, match="Record 3 is no longer"):
        request(panel, "compare", one=1, other=3)
    panel.close()


def test_a_hit_beyond_the_preview_is_shown_in_its_row_and_its_payload(log: FrameLog) -> None:
    text = b"x" * 100_000 + b"needle"
    log.append_frames(1, "server", "sent", b"\x81\x7f" + len(text).to_bytes(8, "big") + text, 1)
    log.append_frames(1, "server", "sent", PING * 2000, 2000)
    panel = panel_of_log(log)
    found, below = [], 0
    while True:
        answer = request(panel, "find", text="Needle", below=below)
        found += answer["numbers"]
        below = answer["below"]
        if below == 0:
            break
    assert found == [1]
    rows = request(panel, "rows", numbers=[1], text="Needle")
    assert rows["contexts"] == {1: 'byte 100,000: "…xxxxxxxxxxxxneedle"'}
    page = request(panel, "payload", number=1, offset=-1, text="Needle")
    assert (page["offset"], page["hit"]) == (65_536, (100_000, 100_006))
    assert page["pieces"][-1] == ["hit", "needle"]
    panel.close()


def test_a_hit_in_a_fragment_is_marked_where_it_is_in_the_whole_message(log: FrameLog) -> None:
    log.append_frames(1, "server", "sent", b"\x01\x04one \x00\x04two \x80\x05three", 3)
    panel = panel_of_log(log)
    for number, whole, pieces in (
        (3, False, [["", "t"], ["hit", "hr"], ["", "ee"]]),
        (3, True, [["", "one two t"], ["hit", "hr"], ["", "ee"]]),
        (1, True, [["", "one two three"]]),
    ):
        page = request(panel, "payload", number=number, whole=whole, offset=-1, text="hr")
        assert page["pieces"] == pieces
    panel.close()


def test_connections_are_all_there(server: Server, panel: Panel) -> None:
    with connect(server.url) as client, connect(server.url):
        server.log.wait_for(kind="opened", count=2)
        panel.send_ping(b"x", to=1)
        client.recv(5)
        server.log.wait_for(type="pong")
        found = request(panel, "connections")["connections"]
        assert [(one["id"], one["state"], one["path"]) for one in found] == [
            (1, "open", "/"), (2, "open", "/"),
        ]  # fmt: skip
        assert found[0]["rtt"] is not None
        assert found[1]["rtt"] is None


def test_a_log_is_saved_and_a_file_is_shown_in_its_place(
    server: Server, panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request(panel, "save", form="jsonl")
    assert "Saved as" in panel.sentence
    assert panel.code.startswith("log.save('frames-")
    for form in ("html", "har", "pcapng"):
        request(panel, "save", form=form)
        assert f".{form}" in panel.sentence
    with pytest.raises(LocalError, match="the suffix names the format"):
        request(panel, "save", form="../x")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [
        ".har", ".html", ".jsonl", ".pcapng",
    ]  # fmt: skip
    other = FrameLog()
    other.append_frames(7, "server", "sent", PING, 1)
    other.save("other.jsonl")
    key = request(panel, "open")["log"]
    request(panel, "load", path="other.jsonl")
    assert customs(panel)[-2] == {"kind": "reset"}
    shown = request(panel, "open")
    assert (shown["spans"], shown["status"]["state"]) == ([(1, 1)], "log")
    assert (shown["status"]["sends"], shown["status"]["note"]) == (
        False, "This is the file other.jsonl.",
    )  # fmt: skip
    assert shown["log"] != key
    request(panel, "load", path="")
    assert request(panel, "open")["status"]["state"] == "listening"
    for path in ("nowhere.jsonl", "\x00", "frames"):
        with pytest.raises(LocalError, match="cannot be shown"):
            request(panel, "load", path=path)
    monkeypatch.setattr(FrameLog, "save", lambda self, path: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(LocalError, match="cannot be written: full"):
        request(panel, "save", form="jsonl")
