"""Widgets whose messages get through while a cell runs.

JupyterLab sends a widget's messages to a subshell of the kernel, which works beside a running
cell. But ipykernel then hands each one to whichever shell last *published* for that widget, and
what a cell or a thread publishes counts for the main shell, where the message waits for the cell
to end. So these widgets publish without a parent, which counts for none, except for the answer to
a page's "hello": what is published with that as the parent points the way to its subshell.
"""

from __future__ import annotations

from typing import Any

import ipywidgets

__all__ = [
    "AnswersWhileBusy",
    "Button",
    "Dropdown",
    "Greeter",
    "IntText",
    "Text",
    "ToggleButton",
    "ToggleButtons",
]


class AnswersWhileBusy(ipywidgets.Widget):  # type: ignore[misc]  # ipywidgets has no types
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

        From here on ipykernel hands what pages send to this widget to the shell that runs now.
        """
        super()._send({"method": "custom", "content": content})


def beside(widget: ipywidgets.Widget) -> bool:
    """Whether the message being handled came by a subshell, beside a running cell."""
    kernel = getattr(widget.comm, "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    return bool(parent.get("header", {}).get("subshell_id"))


class Greeter(AnswersWhileBusy):
    """A widget to which a page says hello, for itself and for others.

    Attributes:
        companions: Those that are reachable where the hello came in, from then on.
    """

    companions: tuple[AnswersWhileBusy, ...] = ()

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("event") != "hello":
            super()._handle_custom_msg(content, buffers)
            return
        by_subshell = beside(self)
        self.publish_here({"event": "hello", "beside": by_subshell})
        if by_subshell:
            for companion in self.companions:
                companion.publish_here({"event": "hello"})


class Button(AnswersWhileBusy, ipywidgets.Button):  # type: ignore[misc]
    """A button."""


class Dropdown(AnswersWhileBusy, ipywidgets.Dropdown):  # type: ignore[misc]
    """A choice of one in a list."""


class ToggleButtons(AnswersWhileBusy, ipywidgets.ToggleButtons):  # type: ignore[misc]
    """A choice of one, all in sight."""


class Text(AnswersWhileBusy, ipywidgets.Text):  # type: ignore[misc]
    """One line of text."""


class ToggleButton(AnswersWhileBusy, ipywidgets.ToggleButton):  # type: ignore[misc]
    """A button that is on or off."""


class IntText(AnswersWhileBusy, ipywidgets.BoundedIntText):  # type: ignore[misc]
    """A whole number within bounds."""
