"""`astra-nb open` and `astra-nb convert`: logs as files, in a terminal and in scripts."""

from __future__ import annotations

import argparse
import json
import re
import sys
from functools import partial
from typing import Any, get_args

from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.log.criteria import KINDS
from astra_nb.log.table import COLUMNS
from astra_nb.recordings.jsonl import to_line
from astra_nb.wire.opcodes import FrameType

__all__ = ["add_commands", "save"]


def add_commands(commands: Any) -> None:
    """Add `open` and `convert` to the command line."""
    opening = commands.add_parser(
        "open",
        help="print a log that was saved as a file",
        description="Print the records of a file: JSON Lines, HAR, pcapng or pcap, by its suffix.",
        epilog="Filters may be given several times. Exit status: 0 done, 1 the file cannot be "
        "read, 2 not understood, 3 no record matches.",
    )
    opening.add_argument("file", metavar="FILE")
    opening.add_argument("-k", "--kind", action="append", choices=KINDS)
    opening.add_argument("-t", "--type", action="append", choices=get_args(FrameType))
    opening.add_argument("-d", "--direction", choices=("received", "sent"))
    opening.add_argument("-c", "--connection", action="append", type=number, metavar="NUMBER")
    opening.add_argument("--text", help="only records that hold this text")
    opening.add_argument(
        "--regex", type=pattern, help="only records in which this pattern is found"
    )
    opening.add_argument("--columns", nargs="+", choices=list(COLUMNS), metavar="NAME",
        help=f"any of {', '.join(COLUMNS)}")  # fmt: skip
    opening.add_argument("-l", "--limit", type=number, help="the newest records only")
    how = opening.add_mutually_exclusive_group()
    how.add_argument("--sequence", action="store_true", help="print a sequence diagram")
    how.add_argument("--json", action="store_true", help="print JSON Lines")
    opening.set_defaults(command=run_open)

    converting = commands.add_parser(
        "convert",
        help="write a log in the format of another file",
        description="Read a log and write it in the format that the other file's suffix names: "
        ".jsonl, .har, .pcapng or .html. An existing file is replaced once all is written.",
        epilog="Exit status: 0 done, 1 not possible, 2 not understood.",
    )
    converting.add_argument("source", metavar="A")
    converting.add_argument("target", metavar="B")
    converting.add_argument("--json", action="store_true", help="print what was done as JSON")
    converting.set_defaults(command=run_convert)


def pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a pattern: {error}") from None


def number(text: str) -> int:
    found = int(text)
    if found < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 0")
    return found


def opened(path: str) -> FrameLog:
    """Return the log of a file; raise `LocalError` if it cannot be read, or is broken."""
    try:
        return FrameLog.open(path)
    except (ValueError, OSError, ImportError) as error:
        raise LocalError(f"{path} cannot be opened: {error}") from error


def save(log: FrameLog, path: str) -> None:
    """Write a log to a file; raise `LocalError` if it cannot, or the suffix names no format."""
    try:
        log.save(path)
    except (ValueError, OSError, ImportError) as error:
        raise LocalError(f"{path} cannot be written: {error}") from error


def run_open(arguments: argparse.Namespace) -> int:
    """Run `astra-nb open` and return its exit status."""
    view = opened(arguments.file).filter()
    wanted = {
        name: getattr(arguments, name)
        for name in ("kind", "type", "direction", "connection", "text")
        if getattr(arguments, name) is not None
    }
    if wanted:
        view = view.filter(**wanted)
    if arguments.regex is not None:
        view = view.filter(text=arguments.regex)
    records = view.since(0, arguments.limit)
    if arguments.json:
        sys.stdout.writelines(map(to_line, records))
    else:
        text = view.sequence if arguments.sequence else partial(view.text, arguments.columns)
        sys.stdout.write(f"{text(arguments.limit)}\n")
    return 0 if records else 3


def run_convert(arguments: argparse.Namespace) -> int:
    """Run `astra-nb convert` and return its exit status."""
    log = opened(arguments.source)
    save(log, arguments.target)
    counts = {"frames": len(log.frames), "records": len(log), "dropped": log.dropped}
    done = {"from": arguments.source, "to": arguments.target, **counts}
    said = f"{arguments.source} -> {arguments.target}: {counts['frames']:,} frames"
    sys.stdout.write(f"{json.dumps(done) if arguments.json else said}\n")
    return 0
