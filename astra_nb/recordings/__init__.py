"""Logs as files, in and out; importing this package gives the logs their formats."""

from astra_nb.log import LogView

from . import jsonl

__all__ = ["jsonl"]

LogView.jsonl = jsonl
