"""A log as one HTML page: all of it is data, nothing of it is markup, and nothing is requested."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from astra_nb import FrameLog, Server, connect
from astra_nb.widgets import html_page as module
from astra_nb.widgets.html_page import html_page
from astra_nb.wire.frames import encode


def content_of(page: str) -> dict[str, Any]:
    [packed] = re.findall(r'id="log">([^<]*)</script>', page)
    content: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return content


def test_the_page_holds_every_record_and_hides_secrets(server: Server, tmp_path: Path) -> None:
    with connect(server.url, headers={"Cookie": "sid=swordfish"}) as client:
        client.send_text("</script><img src=x onerror=alert(1)>")
        client.recv(5)
        client.send_fragments("text", ["one ", "two"])
        client.recv(5)
    server.log.wait_for(kind="closed")
    server.log.save(tmp_path / "log.HTML")
    page = (tmp_path / "log.HTML").read_text(encoding="utf-8")
    content = content_of(page)
    assert len(content["rows"]) == len(content["records"]) == len(server.log)
    assert "swordfish" not in json.dumps(content)
    assert "onerror" not in page.split('id="log"')[0]
    assert page.count("</script>") == 2
    assert not re.findall(r"https?://(?!www\.w3\.org)", page)
    whole = [each["whole"]["pieces"] for each in content["records"] if each["whole"]]
    assert [["", "one two"]] in whole
    [one] = content["connections"]
    assert (one["state"], one["sent"][0]) == ("closed", 3)


def test_only_the_newest_records_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RECORDS", 3)
    log = FrameLog()
    for number in range(5):
        log.append_frames(1, "server", "sent", encode(1, str(number).encode()), 1)
    content = content_of(html_page(log))
    assert content["spans"] == [[3, 5]]
    assert content["note"] == "2 older records are not in this page."
    assert content_of(html_page(FrameLog()))["rows"] == []
    assert content_of(html_page(log.filter(text="4")))["spans"] == [[5, 5]]


def test_of_a_long_payload_the_page_holds_the_beginning_and_says_so() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", encode(1, ("x" + 40_000 * "\u00fc").encode()), 1)
    [record] = content_of(html_page(log))["records"]
    assert record["payload"]["total"] == 80_001
    assert record["payload"]["pieces"] == [["", "x" + 32_768 * "\u00fc"]]


def test_a_page_is_saved_and_not_opened_as_a_log(tmp_path: Path) -> None:
    FrameLog().save(tmp_path / "log.html")
    with pytest.raises(ValueError, match=r"the suffix names the format: \.jsonl"):
        FrameLog.open(tmp_path / "log.html")
