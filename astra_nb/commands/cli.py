"""The `astra-nb` command: `lab` (notebooks in JupyterLab), `notebooks`, `exercises`, and others."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from astra_nb import __version__
from astra_nb.errors import AstraError, LocalError
from astra_nb.extras import install_command

from . import console, file_commands
from .copies import copy_notebooks, find_notebooks

if TYPE_CHECKING:
    from astra_nb.exercises.class_report import Report  # slow to import, and few commands need it

__all__ = ["main"]

DEFAULT_FOLDER = "my-notebooks"
ASSIGNMENT = "websockets"  # of the exercises, in nbgrader's words
SANITIZE = "nbval_sanitize.cfg"
INTERRUPTED = 130  # exit status after Ctrl+C, as in a shell
LOOKS_APART = 3.0  # seconds between two looks at a folder that is watched


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 not possible, 2 not understood.

    130 is an interrupt (Ctrl+C). `connect` and `open` have 3 too, as their help says.
    """
    open_streams()
    own, jupyter_options = split_arguments(sys.argv[1:] if argv is None else argv)
    arguments = build_parser().parse_args(own)
    command: Callable[[argparse.Namespace], int] = arguments.command
    arguments.jupyter_options = jupyter_options
    if isinstance(sys.stdout, TextIOWrapper):
        # A pipe may have an encoding without the letters of a name, as cp1252 has no "ł".
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = command(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except AstraError as error:
        print(f"astra-nb: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # of the output: a reader that has gone, or a full disk
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())  # Python flushes once more at its end
        if isinstance(error, BrokenPipeError):  # of `head` or a pager, which has what it wanted
            return 0
        print(f"astra-nb: {error}", file=sys.stderr)
        return 1
    return status


def open_streams() -> None:
    """Open what the caller has closed, as `command <&-` does, so that it reads and writes nothing.

    In their order, so that each gets its own descriptor again.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="astra-nb", description="WebSockets that you can see, inside a notebook."
    )
    parser.add_argument("--version", action="version", version=f"astra-nb {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    lab = commands.add_parser(
        "lab",
        help="copy the notebooks to a folder and open them in JupyterLab",
        usage="astra-nb lab [FOLDER] [JUPYTER OPTIONS]",
        description="Copy the notebooks, without their outputs, to a folder and open JupyterLab at "
        "the first one. A file that is there already is never overwritten; a newer version of a "
        "notebook is put beside it.",
        epilog="Everything from the first option on goes to JupyterLab, for example: "
        "astra-nb lab lessons --no-browser --port 9999",
    )
    lab.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(DEFAULT_FOLDER),
        metavar="FOLDER",
        help=f"where the notebooks go (default: {DEFAULT_FOLDER} in the current folder)",
    )
    lab.set_defaults(command=run_lab)

    notebooks = commands.add_parser(
        "notebooks",
        help="copy the notebooks to a folder, and open nothing",
        description="Copy what `astra-nb lab` copies, and open nothing.",
    )
    notebooks.add_argument("folder", type=Path, metavar="DIR", help="where the notebooks go")
    notebooks.set_defaults(command=run_notebooks)

    exercises = commands.add_parser(
        "exercises",
        help="copy the exercise notebooks to a folder",
        description="Copy the exercise notebooks to a folder. A file that is there already is "
        "never overwritten.",
    )
    exercises.add_argument("folder", type=Path, metavar="DIR", help="where the notebooks go")
    exercises.add_argument(
        "--with-solutions",
        action="store_true",
        help="for teachers: nbgrader's source notebooks, with solutions and hidden tests",
    )
    exercises.set_defaults(command=run_exercises)

    report = commands.add_parser(
        "report",
        help="list who did which exercise, from a class's notebooks and logs",
        description="Read the executed notebooks and exported logs in a folder; print who did "
        "which exercise, how far, and what is misunderstood most; write the same as one HTML page "
        "and as CSV for Moodle and for Canvas. Names are those of the folders and files, and "
        "nothing leaves the machine.",
    )
    report.add_argument("folder", type=Path, metavar="FOLDER", help="where the files are")
    report.add_argument("--csv", type=Path, help="CSV for Moodle (default: FOLDER/report.csv)")
    report.add_argument("--canvas", type=Path, help="CSV for Canvas (FOLDER/canvas.csv)")
    report.add_argument("--assignment", default="WebSocket exercises", help="its name in Canvas")
    report.add_argument("--html", type=Path, help="where the page goes (FOLDER/report.html)")
    report.add_argument(
        "--watch",
        action="store_true",
        help="print and write it again whenever it changes, until Ctrl+C; the page reloads itself",
    )
    report.set_defaults(command=run_report)

    sanitize = commands.add_parser(
        "sanitize-config",
        help="print what nbval leaves out of its comparison",
        description="Print a configuration for pytest --nbval-sanitize-with: what differs between "
        "two runs of a notebook with WebSockets, such as ports and masking keys. A notebook that "
        "begins with astra_nb.testing.deterministic(seed) needs none.",
    )
    sanitize.set_defaults(command=run_sanitize_config)

    console.add_commands(commands)
    file_commands.add_commands(commands)

    doctor = commands.add_parser(
        "doctor",
        help="print versions and addresses, for anyone who helps you",
        description="Print versions, where this runs, both addresses of a server, and whether the "
        "proxy is installed. No token, cookie or password is printed.",
    )
    doctor.add_argument("--port", type=int, default=8080, help="the server's port (default: 8080)")
    doctor.set_defaults(command=run_doctor)
    return parser


def split_arguments(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return our arguments and JupyterLab's, which begin at the first option after `lab`.

    argparse cannot: it would take the 9999 of `lab --port 9999` for the folder.
    """
    options = list(dropwhile(lambda argument: not argument.startswith("-"), argv))
    if argv[:1] != ["lab"] or options[:1] in (["-h"], ["--help"]):
        return list(argv), []
    ours = argv[: len(argv) - len(options)]
    return list(ours), options[1:] if options[:1] == ["--"] else options


def run_doctor(arguments: argparse.Namespace) -> int:
    from .doctor import describe

    if not 0 < arguments.port < 65536:
        raise LocalError(f"a port is a number from 1 to 65535, not {arguments.port}")
    print(describe(arguments.port))
    return 0


def run_sanitize_config(arguments: argparse.Namespace) -> int:
    print((find_notebooks() / SANITIZE).read_text(encoding="utf-8"), end="")
    return 0


def run_lab(arguments: argparse.Namespace) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        raise LocalError(
            "JupyterLab is not installed for this Python "
            f"({sys.executable}). This installs it: {install_command('lab')}"
        )
    folder: Path = arguments.folder
    print(copy_notebooks(find_notebooks(), folder).describe(folder), flush=True)
    open_jupyterlab(folder, arguments.jupyter_options)
    return 0


def run_notebooks(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.folder
    print(copy_notebooks(find_notebooks(), folder, "notebooks").describe(folder))
    return 0


def run_exercises(arguments: argparse.Namespace) -> int:
    kind = "source" if arguments.with_solutions else "release"
    source = find_notebooks("exercises", kind, ASSIGNMENT)
    copied = copy_notebooks(source, arguments.folder, "exercises", without_outputs=False)
    print(copied.describe(arguments.folder))
    if arguments.with_solutions:
        print("They hold the solutions: keep them out of students' reach.")
    return 0


def run_report(arguments: argparse.Namespace) -> int:
    from astra_nb.exercises.class_report import changes

    try:
        for report in changes(arguments.folder, wait):
            try:
                write_report(report, arguments)
            except OSError as error:
                if not arguments.watch:
                    raise
                print(f"astra-nb: {error}", file=sys.stderr)  # such as a table that is open
            if not arguments.watch:
                break
            print(f"\nWatching {arguments.folder}; Ctrl+C ends it.\n", flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LocalError(f"the report cannot be made ({error})") from error
    except KeyboardInterrupt:
        print()
    return 0


def write_report(report: Report, arguments: argparse.Namespace) -> None:
    from astra_nb.recordings.files import write

    folder: Path = arguments.folder
    page, table = arguments.html or folder / "report.html", arguments.csv or folder / "report.csv"
    canvas = arguments.canvas or folder / "canvas.csv"
    write(page, report.html(renewed=arguments.watch))
    write(table, report.csv())
    write(canvas, report.canvas(arguments.assignment))
    print(report.text())
    print(f"\nThe same as a page: {page}\nand as tables, for Moodle: {table}, for Canvas: {canvas}")


def wait() -> None:
    time.sleep(LOOKS_APART)


def open_jupyterlab(folder: Path, options: Sequence[str]) -> None:
    """Run JupyterLab in this process, at the first notebook of a folder; later options win."""
    from jupyterlab.labapp import LabApp

    first = min(path.stem for path in folder.glob("*.ipynb")) + ".ipynb"
    # The only user of a container is often root, whom Jupyter refuses without this option.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    LabApp.launch_instance(
        argv=[
            f"--ServerApp.root_dir={folder.resolve()}",
            f"--LabApp.default_url=/lab/tree/{quote(first)}",
            *(["--allow-root"] if is_root else []),
            *options,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
