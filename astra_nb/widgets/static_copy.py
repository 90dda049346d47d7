"""A plain table beside a live view, for people who read the notebook without a kernel.

It is a separate output, because a front end that can show widgets shows nothing else of an
output that has one, and says "model not found" when the kernel is gone. While the view is alive
the page hides the table.
"""

from __future__ import annotations

import html
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

__all__ = ["StaticCopy", "with_plain_text"]

# The same in every run: notebooks are compared with the outputs that they store.
EMPTY = '<div data-astra-copy=""></div>'


class StaticCopy:
    """The output beside a view.

    Args:
        key: Tells this copy from others on a page.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self._placed = False

    def place(self) -> None:
        """Make room for the table in the output of the cell that runs."""
        if getattr(get_ipython(), "kernel", None) is None:
            return
        display(html_form(EMPTY), raw=True, display_id=self.key)  # type: ignore[no-untyped-call]
        self._placed = True

    def update(self, heading: str, table: str) -> None:
        """Put the table there as it is now; any thread may call this.

        Args:
            table: HTML in which everything is escaped.
        """
        if not self._placed:
            return
        text = (
            f'<div data-astra-copy="{html.escape(self.key)}">'
            f"<p>{html.escape(heading)}</p>{table}</div>"
        )
        display(html_form(text), raw=True, display_id=self.key, update=True)  # type: ignore[no-untyped-call]


def html_form(text: str) -> dict[str, Any]:
    return {"text/html": text, "text/plain": ""}


def with_plain_text(bundle: Any, plain: str) -> dict[str, Any]:
    """Return the forms of a widget's output, with a line of text as the plain one."""
    data = dict(bundle[0] if isinstance(bundle, tuple) else bundle or {})
    return {**data, "text/plain": plain}
