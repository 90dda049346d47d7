"""HAR files as this package writes them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from astra_nb import FrameLog
from tests.log.samples import conversation


def har_of(log: FrameLog, path: Path) -> Any:
    log.save(path)
    return json.loads(path.read_text())["log"]


def test_an_entry_is_a_connection_in_the_form_of_chrome(tmp_path: Path, live: FrameLog) -> None:
    har = har_of(live, tmp_path / "ours.har")
    assert har["version"] == "1.2"
    assert [each["kind"] for each in har["_records"]] == ["notice"] * len(har["_records"])
    session, refused = har["entries"]
    assert refused["response"]["status"] == 404
    assert refused["_webSocketMessages"] == []
    assert session["_resourceType"] == "websocket"
    host = next(h["value"] for h in session["request"]["headers"] if h["name"] == "Host")
    assert session["request"]["url"] == f"ws://{host}/room?token=<hidden>&who=x"
    assert session["request"]["queryString"][1] == {"name": "who", "value": "x"}
    assert session["response"]["statusText"] == "Switching Protocols"
    start = datetime.fromisoformat(session["startedDateTime"]).timestamp()
    records = list(live.filter(connection=1))
    assert abs(start - records[0].time) < 0.001
    assert session["time"] == (records[-1].time - records[0].time) * 1000
    messages = session["_webSocketMessages"]
    assert messages[0] == {**messages[0], "type": "send", "opcode": 1, "data": "Hello"}
    assert [each["time"] for each in messages] == [
        each.time for each in live.messages if each.type in ("text", "bytes")
    ]
    assert messages[-1]["opcode"] == 2


def test_a_log_of_frames_alone_has_an_entry_too(tmp_path: Path) -> None:
    (entry,) = har_of(conversation().frames, tmp_path / "frames.har")["entries"]  # type: ignore[arg-type]
    assert (entry["request"]["url"], entry["response"]["status"]) == ("ws:///", 0)
    assert entry["_webSocketClose"] is None
    assert len(entry["_webSocketMessages"]) == 3


def test_control_frames_and_the_close_are_beside_the_messages(
    tmp_path: Path, live: FrameLog
) -> None:
    path = tmp_path / "ours.har"
    live.save(path)
    har = json.loads(path.read_text())
    first = next(each for each in har["log"]["entries"] if each["_webSocketMessages"])
    control = first["_webSocketControlFrames"]
    assert [(each["type"], each["opcode"], each["data"]) for each in control] == [
        ("send", 9, "AFg="),
        ("receive", 10, "AFg="),
        ("send", 8, "C7hkb25l"),
        ("receive", 8, "C7hkb25l"),
    ]
    done = {"code": 3000, "reason": "done"}
    close = first["_webSocketClose"]
    assert close == {"first": "client", "client": done, "server": done, **close}
    assert close["tcp"] == "closed"
    # Without our own list it opens as a stranger's: messages and control frames are there.
    for each in har["log"]["entries"]:
        del each["_records"]
    del har["log"]["_records"]
    path.write_text(json.dumps(har))
    again = FrameLog.open(path)

    def told(log: FrameLog) -> list[Any]:
        return [
            (each.type, each.value, (each.direction == "sent") == (each.side == "client"))
            for each in log.messages
        ]

    assert told(again) == told(live)
