"""A plain table beside a live view, for people who read the notebook without a kernel.

It is a separate output, because a front end that can show widgets shows nothing else of an
output that has one, and says "model not found" when the kernel is gone. While the view is alive
the page hides the table.
"""

from __future__ import annotations

import html

from IPython.core.getipython import get_ipython
from IPython.display import display

__all__ = ["StaticCopy"]

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
        self._show(EMPTY)
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
        self._show(text, update=True)

    def _show(self, text: str, **options: bool) -> None:
        forms = {"text/html": text, "text/plain": ""}
        display(forms, raw=True, display_id=self.key, **options)  # type: ignore[no-untyped-call]
