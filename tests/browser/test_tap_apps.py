"""Apps of others run in a page through a tap, unchanged and without an error in the console."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage

from astra_nb import tap
from astra_nb.log.records import OpenedRecord
from tests.browser.lab import Lab
from tests.helpers import free_port, wait_until
from tests.real_peers import running
from tests.recordings.sessions import opens_the_same

BOKEH = """
from bokeh.layouts import column
from bokeh.models import Button, Div
from bokeh.plotting import curdoc

button, text = Button(label="press here"), Div(text="not pressed")
button.on_click(lambda: text.update(text="pressed in Python"))
curdoc().add_root(column(button, text))
"""


def test_bokeh(chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").write_text(BOKEH)
    port = free_port()
    monkeypatch.setenv("BOKEH_RESOURCES", "server")
    with tap(f"http://127.0.0.1:{port}/app") as t:
        command = [sys.executable, "-m", "bokeh", "serve", "app.py", "--port", str(port)]
        allowed = ["--address", "127.0.0.1", "--allow-websocket-origin", f"127.0.0.1:{t.port}"]
        with running([*command, *allowed], port, tmp_path):
            errors: list[str] = []

            def note(message: ConsoleMessage) -> None:
                if message.type == "error":
                    errors.append(message.text)

            page = chromium.new_page()
            page.on("console", note)
            page.on("pageerror", lambda error: errors.append(error.message))
            page.goto(t.http_url)
            page.get_by_text("press here").click()
            page.get_by_text("pressed in Python").wait_for()
            page.close()
            wait_until(lambda: len(t.log.filter(kind="closed")) == 2)
    assert errors == []
    opened = next(one for one in t.log if isinstance(one, OpenedRecord))
    assert opened.subprotocol == "bokeh"
    texts = [str(one.value) for one in t.leg("client").messages]
    assert any("pressed in Python" in text for text in texts)
    opens_the_same(t.log, tmp_path)


def test_jupyterlab_and_its_kernel(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("tapped.ipynb", ["print(6 * 7)"])
    with tap(lab.server.url) as t, monkeypatch.context() as patch:
        patch.setattr(lab.server, "url", t.http_url)
        page = lab.open("tapped.ipynb")
        page.run_all()
        assert page.cell(0).text == "42"
        page.close()
        lab.contexts.remove(page.context)
        assert page.console_errors == []
        kernel = next(
            one.connection
            for one in t.log
            if isinstance(one, OpenedRecord) and "/channels" in one.path and one.side == "server"
        )
        wait_until(lambda: len(t.log.filter(kind="closed", connection=kernel)) == 1)
    received = t.log.filter(connection=kernel)
    assert any(b'"execute_request"' in one.payload for one in received.frames)  # type: ignore[union-attr]
    assert any(b"42\\n" in one.payload for one in received.frames)  # type: ignore[union-attr]
    assert lab.server.token not in t.log.to_jsonl()
    opens_the_same(t.log, tmp_path)
