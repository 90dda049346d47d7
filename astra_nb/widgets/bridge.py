"""The bridge between a page and its widget in the kernel: requests, answers, notices, pushes.

A page sends `{"kind": ..., "page": ..., "id": ..., <fields>}`. Each request gets one answer with
its page and id: `{"kind": "answer", "page": ..., "id": ..., "value": {...}}`, or `"error"`, a
sentence, instead of `"value"`. A notice has no id and gets no answer. `static/js/bridge.js` is the
page's end; it names every kind there is, with the types of its fields.

JupyterLab sends a widget's messages to a subshell of the kernel, which works beside a running
cell. But ipykernel then hands each one to the shell that last *published* for that widget, and
what a cell or a thread publishes counts for the main shell, where the message waits for the cell
to end. So these widgets publish without a parent, which counts for no shell, except for the answer
to a page's "hello": published with that as the parent, it points the way to the hello's subshell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets

from astra_nb.errors import AstraError

__all__ = ["NOTICES", "BridgedWidget", "Message"]

NOTICES = ("checked", "event", "sight")


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


class BridgedWidget(ipywidgets.Widget):  # type: ignore[misc]  # ipywidgets has no types
    """A widget whose page sends requests and notices, and is pushed what is new.

    Each kind of request and notice is handled by the method `_on_<kind>`, which is given the
    message and returns the value of the answer, as JSON. An exception becomes an answer with an
    error: the text of an `AstraError`, which is written for readers, and only the class of any
    other one.

    A page can reach it while a cell runs, where the front end has subshells. Handlers may then run
    in a subshell's thread, at the same time as a cell.
    """

    def _send(self, msg: dict[str, Any], buffers: Any = None) -> None:
        comm = self.comm
        kernel: Any = getattr(comm, "kernel", None)
        session = getattr(kernel, "session", None)  # marimo's comm has a str for a kernel
        if comm is None or session is None:
            super()._send(msg, buffers)
            return
        session.send(
            kernel.iopub_socket,
            "comm_msg",
            {"data": msg, "comm_id": comm.comm_id},
            metadata={},
            ident=comm.topic,
            buffers=buffers,
        )

    def push(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Send something to every page of this widget."""
        self.send({"kind": kind, **fields})

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        kind, page, number = (content.get(name) for name in ("kind", "page", "id"))
        if not isinstance(kind, str) or not isinstance(page, str):
            return
        wants_answer = isinstance(number, int) and not isinstance(number, bool)
        about = {"kind": "answer", "page": page, "id": number}
        if kind != "hello":
            outcome = self._handle(kind, Message(page, content))
            if wants_answer and kind not in NOTICES:
                self.send({**about, **outcome})
        elif wants_answer:
            # Published with the hello as the parent: from then on ipykernel hands what pages send
            # to this widget to the shell that runs now.
            answer = {**about, "value": {"subshell": in_subshell(self)}}
            super()._send({"method": "custom", "content": answer})

    def _handle(self, kind: str, message: Message) -> dict[str, Any]:
        """Call the handler of a kind; the outcome is a value or an error."""
        handler = getattr(self, f"_on_{kind}", None)
        if handler is None:
            return {"error": f"This widget has no answer to {kind[:40]!r}."}
        try:
            return {"value": handler(message) or {}}
        except AstraError as exc:
            return {"error": str(exc)}
        except Exception as exc:
            self.log.debug("request %r failed", kind, exc_info=True)
            return {"error": f"The kernel failed at {kind!r}: {type(exc).__name__}."}


def in_subshell(widget: ipywidgets.Widget) -> bool:
    """Return whether the message being handled came through a subshell, beside a running cell."""
    kernel: Any = getattr(widget.comm, "kernel", None)
    parent = kernel.get_parent() if hasattr(kernel, "get_parent") else {}
    return bool(parent.get("header", {}).get("subshell_id"))
