"""Widgets without a front end: what they publish is kept, and all of them are closed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import comm
import ipywidgets
import pytest
from comm.base_comm import BaseComm

from astra_nb import Server, WebSocket
from astra_nb.errors import LocalError
from astra_nb.widgets import Panel, panel_of_server
from tests.helpers import wait_until


class RecordingComm(BaseComm):
    """A comm that keeps what was published, as a page would get it."""

    published: list[dict[str, Any]]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.published = []
        super().__init__(*arguments, **options)

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        if msg_type == "comm_msg":
            self.published.append(data)

    def custom(self, kind: str) -> list[dict[str, Any]]:
        """The custom messages of one kind."""
        return [
            data["content"]
            for data in list(self.published)
            if data["method"] == "custom" and data["content"].get("kind") == kind
        ]


@pytest.fixture(autouse=True)
def recording_comms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every widget of a test publishes to a comm that keeps it; all are closed at the end."""
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    yield
    ipywidgets.Widget.close_all()


def echo(socket: WebSocket) -> None:
    for message in socket:
        if message.type == "text":
            assert isinstance(message.value, str)
            socket.send_text(message.value)


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server that sends each text back."""
    server = Server(port=0)
    server.websocket("/", echo)
    with server:
        yield server


@pytest.fixture
def panel(server: Server) -> Iterator[Panel]:
    """A panel of that server."""
    panel = panel_of_server(server)
    yield panel
    panel.close()


def published(widget: Any, kind: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait until a widget has published so many custom messages of a kind; return all of them."""
    recording: RecordingComm = widget.comm
    wait_until(
        lambda: len(recording.custom(kind)) >= count,
        what=f"{count} published messages of the kind {kind}",
    )
    return recording.custom(kind)


def customs(widget: Any) -> list[dict[str, Any]]:
    """Return all custom messages that a widget published, oldest first."""
    return [data["content"] for data in widget.comm.published if data["method"] == "custom"]


def request(widget: Any, kind: str, *, page: str = "p", **fields: Any) -> dict[str, Any]:
    """Send a request as a page does; return the value of its answer.

    Raises:
        LocalError: The answer is an error.
    """
    number = len(widget.comm.published)
    widget._handle_custom_msg({"kind": kind, "page": page, "id": number, **fields}, [])
    [answer] = [
        content
        for content in widget.comm.custom("answer")
        if (content["page"], content["id"]) == (page, number)
    ]
    if "error" in answer:
        raise LocalError(answer["error"])
    value: dict[str, Any] = answer["value"]
    return value


def notify(widget: Any, kind: str, *, page: str = "p", **fields: Any) -> None:
    """Send a notice as a page does."""
    widget._handle_custom_msg({"kind": kind, "page": page, **fields}, [])
