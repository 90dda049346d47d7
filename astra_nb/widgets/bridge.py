"""The bridge between a page and its widget in the kernel: requests, answers, notices, pushes.

A page sends `{"kind": ..., "page": ..., "id": ..., <fields>}`. Each request gets one answer with
its page and id: `{"kind": "answer", "page": ..., "id": ..., "value": {...}}`, or `"error"`, a
sentence, instead of `"value"`. A notice has no id and gets no answer. `static/js/bridge.js` is the
page's end and has the types of the fields; the tables below name every kind there is.

JupyterLab sends a widget's messages to a subshell of the kernel, which works beside a running
cell. But ipykernel then hands each one to the shell that last *published* for that widget, and
what a cell or a thread publishes counts for the main shell, where the message waits for the cell
to end. So these widgets publish without a parent, which counts for no shell, except for the answer
to a page's "hello": published with that as the parent, it points the way to the hello's subshell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ipywidgets

from astra_nb.errors import AstraError

__all__ = ["NOTICES", "PUSHES", "REQUESTS", "Answer", "BridgedWidget", "Message", "Reachable"]

REQUESTS = {
    "hello": "a page is there; answers whether it came through a subshell",
    # The frame log
    "heartbeat": "answers that the kernel is alive",
    "backfill": "push the status and the rows after a number, then answer",
    "detail": "answers everything about one record, for the inspector",
    "bytes": "answers some bytes of a record, as they were on the wire",
    "search": "answers the records of a piece of the log that match a filter",
    "connections": "answers a summary of each connection",
    "resend": "send the payload of a frame again",
    # The address line
    "page": "where the page is, which lets it in; answers the number of the last record",
    "position": "answers the number of the last record",
    "refusal": "answers how the page's newest request was refused",
    # The browser client
    "connect": "the page is about to connect; answers the number of the last record",
}
NOTICES = {
    "checked": "what the page's check of the addresses found",
    "event": "what happened to the page's WebSocket",
}
PUSHES = {
    "answer": "to one request of one page",
    "hello": "points the way to a subshell; carries nothing",
    "rows": "new records of the log",
    "status": "the state of the server",
    "comparison": "what both ends of a page's connection sent and got",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a notice of a page, which may hold anything.

    Attributes:
        page: The page's own name.
        fields: All that it sent.
    """

    page: str
    fields: Mapping[str, Any]

    def integer(self, name: str) -> int:
        """Return a field that is an integer, 0 for anything else."""
        value = self.fields.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    def text(self, name: str) -> str:
        """Return a field that is text, "" for anything else."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with: JSON, and binary buffers beside it."""

    value: Mapping[str, Any] = field(default_factory=dict)
    buffers: list[bytes] = field(default_factory=list)


class Reachable(ipywidgets.Widget):  # type: ignore[misc]  # ipywidgets has no types
    """A widget that a page can reach while a cell runs, where the front end has subshells.

    Handlers may then run in a subshell's thread, at the same time as a cell.
    """

    def _send(self, msg: dict[str, Any], buffers: Any = None) -> None:
        comm = self.comm
        kernel = getattr(comm, "kernel", None)
        if comm is None or kernel is None or kernel.session is None:
            super()._send(msg, buffers)
            return
        kernel.session.send(
            kernel.iopub_socket,
            "comm_msg",
            {"data": msg, "comm_id": comm.comm_id},
            metadata={},
            ident=comm.topic,
            buffers=buffers,
        )

    def publish_here(self, content: dict[str, Any]) -> None:
        """Publish with the message being handled as the parent.

        From then on ipykernel hands what pages send to this widget to the shell that runs now.
        """
        super()._send({"method": "custom", "content": content})


class BridgedWidget(Reachable):
    """A widget whose page sends requests and notices, and is pushed what is new.

    Attributes:
        companions: Widgets without their own page, which a hello makes reachable too.
    """

    companions: tuple[Reachable, ...] = ()

    def handlers(self) -> dict[str, Callable[[Message], Answer | None]]:
        """Return what handles each kind of request and notice, apart from the hello.

        An exception of a handler becomes an answer with an error: the text of an `AstraError`,
        which is written for readers, and only the class of any other one.
        """
        return {}

    def push(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Send something to every page of this widget."""
        self.send({"kind": kind, **fields})

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        kind, page, number = (content.get(name) for name in ("kind", "page", "id"))
        if not isinstance(kind, str) or not isinstance(page, str):
            return
        about = {"kind": "answer", "page": page, "id": number}
        wants_answer = isinstance(number, int) and not isinstance(number, bool)
        if kind == "hello":
            if wants_answer:
                self._answer_hello(about)
            return
        outcome, replies = self._handle(kind, Message(page, content))
        if wants_answer and kind not in NOTICES:
            self.send({**about, **outcome}, replies)

    def _answer_hello(self, about: dict[str, Any]) -> None:
        by_subshell = in_subshell(self)
        self.publish_here({**about, "value": {"subshell": by_subshell}})
        if by_subshell:
            for companion in self.companions:
                companion.publish_here({"kind": "hello"})

    def _handle(self, kind: str, message: Message) -> tuple[dict[str, Any], list[bytes]]:
        """Call the handler; the outcome is a value or an error."""
        handler = self.handlers().get(kind)
        if handler is None:
            return {"error": f"This widget has no answer to {kind[:40]!r}."}, []
        try:
            answer = handler(message) or Answer()
        except AstraError as exc:
            return {"error": str(exc)}, []
        except Exception as exc:
            self.log.debug("request %r failed", kind, exc_info=True)
            return {"error": f"The kernel failed at {kind!r}: {type(exc).__name__}."}, []
        return {"value": dict(answer.value)}, answer.buffers


def in_subshell(widget: ipywidgets.Widget) -> bool:
    """Return whether the message being handled came through a subshell, beside a running cell."""
    kernel = getattr(widget.comm, "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    return bool(parent.get("header", {}).get("subshell_id"))
