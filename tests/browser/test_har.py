"""HAR files that Chromium writes, through Playwright, beside ours of the same session."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from astra_nb import FrameLog, Server, WebSocket
from tests import records

SECRET = "planted-7c1f"
SCRIPT = """async (url) => {
  const socket = new WebSocket(url, ["chat", "chat.v2"]);
  socket.binaryType = "arraybuffer";
  const next = () => new Promise((resolve) => (socket.onmessage = resolve));
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("not connected"));
  });
  for (const value of ["Hello", "grün <b>", "x".repeat(2000), new Uint8Array([0, 88, 255])]) {
    const answer = next();
    socket.send(value);
    await answer;
  }
  const closed = new Promise((resolve) => (socket.onclose = resolve));
  socket.close(3000, "done");
  await closed;
}"""


def echo_until_closed(socket: WebSocket) -> None:
    for message in socket:
        if isinstance(message.value, str):
            socket.send_text(message.value)
        elif isinstance(message.value, bytes) and message.type == "bytes":
            socket.send_bytes(message.value)


def recorded(chromium: Browser, tmp_path: Path) -> tuple[Path, FrameLog]:
    """A session of a page with a server: Chromium's HAR, and the server's log."""
    server = Server(port=0)
    policy = {"Content-Security-Policy": "connect-src *"}
    server.get("/", lambda: "<title>page</title>", headers=policy)
    server.websocket("/room", echo_until_closed, subprotocols=["chat"])
    path = tmp_path / "chromium.har"
    with server:
        context = chromium.new_context(record_har_path=path, record_har_content="embed")
        page = context.new_page()
        address = server.url.partition("//")[2].partition("/")[0]
        page.goto(f"http://{address}/")
        page.evaluate(SCRIPT, f"ws://{address}/room?who=x&token={SECRET}")
        number = server.log.filter(kind="opened")[0].connection
        records.closed(server.log, connection=number)
        context.close()
    return path, server.log


def of_the_socket(path: Path) -> dict[str, Any]:
    entries = json.loads(path.read_text())["log"]["entries"]
    (entry,) = [each for each in entries if each.get("_resourceType") == "websocket"]
    return dict(entry)


def names(part: dict[str, Any]) -> list[str]:
    """The names of headers; Chromium gives them in another order than that on the wire."""
    return sorted(header["name"].lower() for header in part["headers"])


def test_a_har_of_chromium_opens_and_ours_has_its_fields(chromium: Browser, tmp_path: Path) -> None:
    began = time.time()
    path, log = recorded(chromium, tmp_path)
    opened = FrameLog.open(path)
    said = log.filter(connection=log.filter(kind="opened")[0].connection)

    def messages(view: Any) -> list[Any]:
        found = [each for each in view.messages if each.type in ("text", "bytes")]
        return [
            ((each.side == "client") == (each.direction == "sent"), each.type, each.value)
            for each in found
        ]

    assert messages(opened) == messages(said)
    assert len(messages(opened)) == 8
    # Seconds and milliseconds are not mistaken for each other: the times are those of the session.
    assert all(began - 60 < record.time < time.time() + 60 for record in opened)
    assert [record.time for record in opened] == sorted(record.time for record in opened)
    theirs_opened = opened.filter(kind="opened")[0]
    ours_opened = said.filter(kind="opened")[0]
    for name in ("path", "subprotocol", "extensions"):
        assert getattr(theirs_opened, name) == getattr(ours_opened, name)
    assert SECRET in path.read_text()
    assert SECRET not in opened.to_jsonl() + str(opened)

    ours_path = tmp_path / "ours.har"
    said.save(ours_path)
    theirs, ours = of_the_socket(path), of_the_socket(ours_path)
    assert SECRET not in ours_path.read_text()
    assert set(theirs) - set(ours) <= {"pageref", "_frameref", "_monotonicTime"}
    for part in ("request", "response"):
        assert set(theirs[part]) - set(ours[part]) == set()
        assert names(ours[part]) == names(theirs[part])
    for field in ("method", "httpVersion"):
        assert ours["request"][field] == theirs["request"][field]
    assert ours["request"]["url"] == theirs["request"]["url"].replace(SECRET, "<hidden>")
    for field in ("status", "statusText", "httpVersion"):
        assert ours["response"][field] == theirs["response"][field]
    assert set(theirs["timings"]) <= set(ours["timings"])

    def content(entry: dict[str, Any]) -> list[Any]:
        return [
            [message[name] for name in ("type", "opcode", "data")]
            for message in entry["_webSocketMessages"]
        ]

    assert content(ours) == content(theirs)
    assert set(ours["_webSocketMessages"][0]) == set(theirs["_webSocketMessages"][0])
    control = [each["opcode"] for each in ours["_webSocketControlFrames"]]
    assert control == [8, 8]
    assert ours["_webSocketClose"]["client"] == {"code": 3000, "reason": "done"}
    assert list(FrameLog.open(ours_path)) == list(said)
