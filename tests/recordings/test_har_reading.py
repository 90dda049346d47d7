"""HAR files as other tools write them, and what is wrong in files of strangers."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from astra_nb import FrameLog
from astra_nb.log.records import ClosedRecord, FrameRecord, HandshakeRecord, OpenedRecord
from astra_nb.recordings import json_values
from tests.recordings.sessions import HOSTILE, SECRET

FILES = Path(__file__).parent / "files"
START = datetime(2026, 3, 4, 5, 6, 7, 250_000, tzinfo=UTC).timestamp()


def entry(**changes: Any) -> dict[str, Any]:
    """An entry as Firefox writes it: its fields, a local time, and no sizes that are known."""
    return {
        "pageref": "page_1",
        "startedDateTime": "2026-03-04T07:06:07.250+02:00",
        "request": {
            "bodySize": 0,
            "method": "GET",
            "url": f"wss://echo.example/room?who=x&token={SECRET}",
            "httpVersion": "HTTP/1.1",
            "headers": [
                {"name": "Host", "value": "echo.example"},
                {"name": "Sec-WebSocket-Protocol", "value": "chat"},
                {"name": "Authorization", "value": f"Bearer {SECRET}"},
                {"name": "Upgrade", "value": "websocket"},
            ],
            "cookies": [{"name": "id", "value": SECRET}],
            "queryString": [{"name": "who", "value": "x"}],
            "headersSize": 621,
        },
        "response": {
            "status": 101,
            "statusText": "Switching Protocols",
            "httpVersion": "HTTP/1.1",
            "headers": [
                {"name": "Sec-WebSocket-Protocol", "value": "chat"},
                {"name": "Sec-WebSocket-Extensions", "value": "permessage-deflate; a=1, x-b"},
                {"name": "Set-Cookie", "value": f"id={SECRET}"},
            ],
            "cookies": [],
            "content": {"mimeType": "text/plain", "size": 0, "text": ""},
            "redirectURL": "",
            "headersSize": 300,
            "bodySize": 0,
        },
        "cache": {},
        "timings": {"blocked": 0, "dns": 0, "connect": 9, "ssl": 0, "send": 0, "wait": 3},
        "time": 12,
        "_securityState": "secure",
        "serverIPAddress": "203.0.113.7",
        "connection": "443",
        **changes,
    }


def messages(unit: float) -> list[dict[str, Any]]:
    """Messages whose times are counted in parts of a second, `unit` of them."""
    return [
        {"type": "send", "time": (START + 0.5) * unit, "opcode": 1, "data": "Hello"},
        {"type": "receive", "time": (START + 1) * unit, "opcode": 1, "data": HOSTILE},
        {"type": "send", "time": (START + 1.5) * unit, "opcode": 2, "data": "AFj/"},
        {"type": "receive", "time": (START + 2) * unit, "opcode": 2, "data": ""},
    ]


def opened(tmp_path: Path, *entries: object) -> FrameLog:
    path = tmp_path / "other.har"
    log = {"version": "1.2", "creator": {"name": "Firefox", "version": "140"}, "pages": []}
    path.write_text(json.dumps({"log": {**log, "entries": entries}}))
    return FrameLog.open(path)


@pytest.mark.parametrize("unit", [1, 1000, 1_000_000], ids=["seconds", "thousandths", "millionths"])
def test_an_entry_with_the_fields_of_firefox(unit: float, tmp_path: Path) -> None:
    log = opened(tmp_path, entry(_webSocketMessages=messages(unit)))
    request, response, opening, *frames = log
    assert isinstance(request, HandshakeRecord)
    assert isinstance(response, HandshakeRecord)
    assert (request.direction, response.direction) == ("sent", "received")
    assert request.start_line == "GET /room?who=x&token=<hidden> HTTP/1.1"
    assert dict(request.headers)["Authorization"] == "<hidden>"
    assert response.status == 101
    assert isinstance(opening, OpenedRecord)
    assert opening.peer == "203.0.113.7:443"
    assert opening.path == "/room?who=x&token=<hidden>"
    assert opening.subprotocol == "chat"
    assert opening.extensions == ("permessage-deflate", "x-b")
    assert [each.time for each in log] == pytest.approx(
        [START] * 3 + [START + half / 2 for half in range(1, 5)], abs=1e-6
    )
    assert [each.value for each in log.messages] == ["Hello", HOSTILE, b"\0X\xff", b""]
    assert [each.direction for each in log.messages] == ["sent", "received"] * 2
    # What a client sends is masked; a HAR does not tell the key.
    assert [each.frame.masking_key for each in frames if isinstance(each, FrameRecord)] == [
        bytes(4), None, bytes(4), None,
    ]  # fmt: skip
    assert SECRET not in log.to_jsonl() + str(log)


def test_times_of_several_connections_are_one_order(tmp_path: Path) -> None:
    late = "2026-03-04T05:06:08.000Z"
    log = opened(
        tmp_path,
        entry(_webSocketMessages=messages(1)),
        entry(startedDateTime=late, _webSocketMessages=messages(1000)[1:]),
    )
    assert [each.time for each in log] == sorted(each.time for each in log)
    assert [each.number for each in log] == list(range(1, len(log) + 1))
    assert [each.connection for each in log.frames] == [1, 1, 2, 1, 2, 1, 2]


def test_messages_without_times_keep_their_order(tmp_path: Path) -> None:
    untimed = [{**message, "time": -1} for message in messages(1)]
    del untimed[1]["time"]
    log = opened(tmp_path, entry(_webSocketMessages=untimed))
    assert [each.time for each in log] == [START] * 7
    assert [each.value for each in log.messages] == ["Hello", HOSTILE, b"\0X\xff", b""]


def test_an_error_that_chrome_reports_is_a_notice(tmp_path: Path) -> None:
    error = {"type": "error", "time": START + 3, "opcode": -1, "data": "Invalid frame header"}
    log = opened(tmp_path, entry(_webSocketMessages=[*messages(1), error]))
    assert log[-1].kind == "notice"
    assert log[-1].text == "the browser reports an error: Invalid frame header"


def test_a_refused_handshake_and_what_is_not_a_websocket(tmp_path: Path) -> None:
    refused = entry(_resourceType="websocket")
    refused["response"] = {**refused["response"], "status": 403, "statusText": "Forbidden"}
    failed = entry(_resourceType="websocket", serverIPAddress="::1")
    failed["response"] = {**failed["response"], "status": 0, "statusText": ""}
    page = entry(response={"status": 200, "content": {"text": "x" * 100}})
    log = opened(tmp_path, page, refused, failed)
    assert [(each.connection, each.kind) for each in log] == [
        (1, "handshake"), (1, "handshake"), (1, "closed"), (2, "handshake"),
    ]  # fmt: skip
    closed = log[2]
    assert isinstance(closed, ClosedRecord)
    assert closed.status == 403
    (notice,) = opened(tmp_path, page, page)
    assert notice.text == "left out of this log: HTTP requests: 2"  # type: ignore[union-attr]
    assert list(opened(tmp_path)) == []


def test_a_har_of_mitmproxy() -> None:
    log = FrameLog.open(FILES / "mitmproxy.har")
    assert [(each.type, each.value) for each in log.messages] == [
        (kind, value)
        for kind, value in (("text", "Hello"), ("text", "grün <b>"), ("bytes", b"\0X\xff"))
        for _ in range(2)
    ]
    date = datetime.fromtimestamp(log[0].time, UTC)
    assert date.isoformat(timespec="seconds") == "2026-11-27T01:02:22+00:00"
    assert all(0 <= each.time - log[0].time < 1 for each in log)
    assert SECRET not in str(log) + log.to_jsonl()


def changed(path: str, value: object) -> dict[str, Any]:
    """An entry in which one value is another one; the path's parts are joined by dots."""
    har = copy.deepcopy(entry(_webSocketMessages=messages(1)))
    *parts, last = path.split(".")
    target: Any = har
    for part in parts:
        target = target[int(part) if part.isdecimal() else part]
    target[last] = value
    return har


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("_webSocketMessages", "none", "it is not a list but 'none'"),
        ("_webSocketMessages", [3], "message 1: it is not an object but 3"),
        ("_webSocketMessages.1.type", "both", "message 2: \"type\" is 'both', not 'send' or"),
        ("_webSocketMessages.0.type", None, 'message 1: "type" is None, not a string'),
        ("_webSocketMessages.0.data", ["a"], "message 1: \"data\" is ['a'], not a string"),
        ("_webSocketMessages.2.data", "%%%", "\"data\" is '%%%', not base64"),
        ("_webSocketMessages.0.opcode", 16, 'message 1: "opcode" is 16, not an integer from 0 to'),
        ("_webSocketMessages.0.opcode", True, 'message 1: "opcode" is True, not an integer'),
        ("_webSocketMessages.0.time", "now", "message 1: \"time\" is 'now', not a number"),
        (
            "_webSocketMessages.0.time",
            2**63,
            'message 1: "time" is 9223372036854775808, not a time',
        ),
        ("startedDateTime", None, '"startedDateTime" is None, not a string'),
        ("startedDateTime", "soon", "\"startedDateTime\" is 'soon', not a date and time"),
        ("startedDateTime", "9999-12-31T23:59:59Z", "not a date and time"),
        ("request", [], '"request" is [], not an object'),
        ("request.url", 7, '"url" is 7, not a string'),
        ("request.url", "ws://[::1", "Invalid IPv6 URL"),
        ("request.url", "ws://a:99999/", "Port out of range 0-65535"),
        ("request.headers", {"a": "b"}, "\"headers\" is {'a': 'b'}, not a list"),
        ("request.headers", ["a"], "\"headers\" holds 'a', not an object"),
        ("request.headers.0.name", 5, '"name" is 5, not a string'),
        ("response.status", "101", "\"status\" is '101', not an integer"),
        ("response.status", 2**40, '"status" is 1099511627776, not an HTTP status'),
        ("response.statusText", {}, '"statusText" is {}, not a string'),
        ("_records", [{"kind": "frame"}], "item 1 of \"_records\": a record of kind 'frame' needs"),
        ("_records", {}, "it is not a list but an object"),
    ],
)
def test_a_value_of_a_wrong_type(path: str, value: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^entry 2 of the HAR file is broken: ") as caught:
        opened(tmp_path, entry(), changed(path, value))
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not JSON: "),
        ("[]", "it is not an object but a list"),
        ("7", "it is not an object but 7"),
        ("{}", 'it has no "log"'),
        ('{"log": 1}', "it is not an object but 1"),
        ('{"log": {"entries": 1}}', "it is not a list but 1"),
        ('{"log": {"entries": [', "it is not JSON: "),
        ('{"log": {}} {}', "it is not JSON: "),
        ('{"log": {"x": ' + "[" * 100_000, "it is nested deeper than 100 levels"),
        ('{"log": {"entries": [' + '{"request":' * 3000, "it is nested deeper than 100 levels"),
        (
            '{"log": {"entries": [{"request": [' + "1," * 100_001,
            "one value holds more than 100,000",
        ),
        ('{"log": {"x": ' + "9" * 10_000 + "}}", "Exceeds the limit (4300 digits)"),
    ],
)
def test_a_file_that_is_not_a_har(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.har"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"(^the|^entry 1 of the) HAR file is broken: ") as caught:
        FrameLog.open(path)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_string_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "MAX_LENGTH", 300_000)
    with pytest.raises(ValueError, match="one string is longer than 300,000 bytes"):
        opened(tmp_path, entry(comment="x" * 400_000))
    assert len(opened(tmp_path, *[entry(comment="x" * 100_000)] * 5)) == 15


def test_a_file_that_begins_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "bom.har"
    text = json.dumps({"log": {"entries": [entry()]}})
    path.write_text(text, encoding="utf-8-sig")
    assert FrameLog.open(path).filter(kind="opened")


def test_a_number_with_more_digits_than_python_reads(tmp_path: Path) -> None:
    path = tmp_path / "digits.har"
    text = json.dumps({"log": {"entries": [entry()]}})
    path.write_text(text.replace('"status": 101', f'"status": {"9" * 5000}'))
    with pytest.raises(ValueError, match=r"^entry 1 of the HAR file is broken: a number in it has"):
        FrameLog.open(path)


def test_numbers_that_nobody_reads_may_be_large(tmp_path: Path) -> None:
    path = tmp_path / "large.har"
    path.write_text('{"log": {"x": [1e999999999, 99999999999999999999999999]}}')
    assert list(FrameLog.open(path)) == []


def test_line_ends_in_a_header_make_no_header(tmp_path: Path) -> None:
    har = entry()
    har["request"]["headers"] = [
        {"name": "X\r\nEvil", "value": "a\r\nCookie: b\r\n\r\nGET"},
        {"name": ":authority", "value": "of HTTP/2"},
    ]
    request = opened(tmp_path, har)[0]
    assert isinstance(request, HandshakeRecord)
    assert len(request.headers) == 1
    assert request.raw.count(b"\r\n") == 3


def test_two_records_of_one_number(tmp_path: Path, live: FrameLog) -> None:
    path = tmp_path / "ours.har"
    live.save(path)
    path.write_text(path.read_text().replace('"number": 7,', '"number": 6,'))
    with pytest.raises(ValueError, match="two records of the HAR file have the number 6"):
        FrameLog.open(path)


def test_a_handshake_comes_first_where_times_are_rounded(tmp_path: Path) -> None:
    early = [{**messages(1)[0], "time": START - 0.1}, {**messages(1)[1], "time": START - 0.1}]
    log = opened(tmp_path, entry(_webSocketMessages=early))
    assert [each.kind for each in log] == ["handshake", "handshake", "opened", "frame", "frame"]
    assert {each.time for each in log} == {START - 0.1}
