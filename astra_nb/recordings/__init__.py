"""Logs as files, in and out; importing this package gives the logs their formats."""

from astra_nb.log import LogView

from . import formats

__all__ = ["formats"]

LogView.files = formats
