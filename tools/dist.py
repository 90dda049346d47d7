"""Build the sdist and the wheel, check them, and try them as strangers would.

Run by `make dist`. The wheel is built from the sdist, and must hold what a wheel of the tree holds.
It is installed into a clean environment for every Python of 3.11 to 3.14 on this machine, without
an extra, with `[lab]` and with `[grading]`. In each, `astra-nb lab` has to answer,
`astra-nb doctor` to print, and a server, an exercise and a Lua cell to run (tools/installed.py).
Where a package is missing, the command that the error names is run, and has to help. Last, each
line of the documents that installs something is run, by pip, in an environment of its own.

Usage: python tools/dist.py [--build-only] [--python 3.12]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.jupyter_server import JupyterServer  # noqa: E402

DIST = REPOSITORY / "dist"
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
# What has to be missing at first: an error names the command that installs it.
MISSING = {"": {"lab", "lua"}, "lab": set(), "grading": {"lua"}}
NOT_IN_SDIST = (".ci/", "binder/")
DOCUMENTS = ("README.md", "docs/*.md", "notebooks/*.ipynb")
NAMED_COMMAND = re.compile(r'pip install (?:"[^"\n]+" ?)+')
MINUTE = 60


class Failed(Exception):
    """A command failed; the text is what it printed."""


def run(*command: str | Path, cwd: Path = REPOSITORY, path: str = "") -> str:
    """Run a command without this process's packages; return what it printed.

    Raises:
        Failed: Its exit status is not 0.
    """
    environment = {**os.environ, "PYTHONPATH": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment["PATH"] = path + os.pathsep + environment["PATH"] if path else environment["PATH"]
    done = subprocess.run(
        command, cwd=cwd, env=environment, text=True, timeout=15 * MINUTE, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"$ {shlex.join(map(str, command))}\n{done.stdout}")
    return done.stdout


# ------------------------------------------------------------------------ build


def build() -> Path:
    """Build both into dist/, and check them; return the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST)  # the sdist, and of it the wheel
    run(sys.executable, "-m", "twine", "check", "--strict", *DIST.iterdir())
    [wheel], [sdist] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
        if contents(wheel) != contents(Path(folder, wheel.name)):
            raise Failed("the wheel of the sdist and the wheel of the tree differ")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    expected = {name for name in tracked() if not name.startswith(NOT_IN_SDIST)} | {"PKG-INFO"}
    if inside != expected:
        raise Failed(f"in the sdist or in the tree only: {sorted(inside ^ expected)}")
    return wheel


def contents(wheel: Path) -> dict[str, int]:
    """Return each file of a wheel with its checksum."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def tracked() -> list[str]:
    """Return the files that a clone would have, and those that are not committed yet."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return [name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()]


# -------------------------------------------------------------------- try it out


def pythons() -> Iterator[tuple[str, Path]]:
    """Return each version of Python that this machine has, with its program."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in VERSIONS:
        on_path = shutil.which(f"python{version}")
        candidates = [Path(on_path)] if on_path else []
        for candidate in [*candidates, *sorted(pyenv.glob(f"versions/{version}.*/bin/python"))]:
            try:  # a shim of pyenv may lead nowhere; Debian's Python may lack ensurepip
                said = run(candidate, "-c", "import ensurepip, sys; print(sys.version)")
            except Failed:
                continue
            if said.startswith(version):
                yield version, candidate
                break


class CleanEnvironment:
    """A virtual environment in a folder, with nothing but pip."""

    def __init__(self, python: Path, folder: Path) -> None:
        run(python, "-m", "venv", folder / "venv")
        self.folder = folder
        self.bin = folder / "venv" / "bin"

    def shell(self, line: str, cwd: Path | None = None) -> str:
        """Run a line as a person types it once the environment is activated."""
        return run("sh", "-c", line, cwd=cwd or self.folder, path=str(self.bin))

    def install(self, requirement: str) -> None:
        """Install by uv, which takes seconds where pip takes a minute."""
        run(
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--python",
            self.bin / "python",
            requirement,
        )

    def try_package(self) -> None:
        self.shell(shlex.join(["python", "-I", str(REPOSITORY / "tools" / "installed.py")]))

    def try_lab(self) -> None:
        """Start `astra-nb lab` and ask for its notebooks and its page."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            lessons = Path(folder) / "lessons"
            server = JupyterServer(
                Path(folder),
                command=[str(self.bin / "astra-nb"), "lab", str(lessons)],
                root=lessons,
                environment={"PYTHONPATH": ""},
            )
            try:
                with server:
                    listed = server.request("GET", "api/contents")["content"]
            except AssertionError as error:
                raise Failed(str(error)) from error
            if not any(entry["name"].startswith("01-") for entry in listed):
                raise Failed(f"the notebooks are not in {listed}")

    def works_at_last(self, attempt: Callable[[], None]) -> bool:
        """Whether something works at once; if not, the command that its error names must help."""
        try:
            attempt()
            return True
        except Failed as error:
            if not (named := NAMED_COMMAND.search(str(error))):
                raise
        self.shell(named.group())
        attempt()
        return False


def try_wheel(wheel: Path, extra: str, python: Path) -> None:
    """Install the wheel with an extra into a clean environment, and use it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = CleanEnvironment(python, Path(folder))
        environment.install(f"{wheel}[{extra}]" if extra else str(wheel))
        doctor = environment.shell("astra-nb doctor")
        if "one was started and reached in this process" not in doctor:
            raise Failed(doctor)
        attempts = {"lua": environment.try_package, "lab": environment.try_lab}
        missing = {name for name, act in attempts.items() if not environment.works_at_last(act)}
        if missing != MISSING[extra]:
            raise Failed(f"[{extra}] lacks {missing}, and should lack {MISSING[extra]}")
        if extra == "grading":
            environment.shell("astra-nb exercises --with-solutions networks/source/websockets")
            environment.shell("cd networks && nbgrader generate_assignment websockets --create")


# ---------------------------------------------------------- what the documents say


def documented() -> list[str]:
    """Return each command of the documents that installs something, in order, once."""
    paths = [path for pattern in DOCUMENTS for path in sorted(REPOSITORY.glob(pattern))]
    found = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
        found += re.findall(r"^pip (?:install|wheel) .*", text, re.MULTILINE)
        found += re.findall(r"(?<!`)`(pip (?:install|wheel) [^`]+)`", text)
    lines = [shlex.join(shlex.split(command, comments=True)) for command in found]
    return list(dict.fromkeys(lines))


def try_documents(wheel: Path, python: Path) -> None:
    """Run each documented line in a clean environment, in a clone that has the wheel in it."""
    with tempfile.TemporaryDirectory() as place:
        clone = Path(place, "clone")
        for name in tracked():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, clone / name)
        shutil.copy(wheel, clone)
        for number, line in enumerate(documented()):
            with timed(line):
                environment = CleanEnvironment(python, Path(place, str(number)))
                environment.shell(line, cwd=clone)
                if line.startswith("pip install") and ("astra" in line or ".[" in line):
                    environment.works_at_last(environment.try_package)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print what is done, and how long it took."""
    print(f"dist: {what}", end="", flush=True)
    started = time.monotonic()
    yield
    print(f" ({time.monotonic() - started:.0f} s)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the package, check it and try it.")
    parser.add_argument("--build-only", action="store_true", help="build and check, no trials")
    parser.add_argument("--python", choices=VERSIONS, help="try on this version only")
    arguments = parser.parse_args()
    try:
        with timed("sdist, and of it the wheel; metadata and contents"):
            wheel = build()
        if not arguments.build_only:
            try_all(wheel, [arguments.python] if arguments.python else VERSIONS)
    except Failed as error:
        raise SystemExit(f"\ndist: {error}") from error
    print(f"dist: {', '.join(path.name for path in sorted(DIST.iterdir()))} are in dist/")


def try_all(wheel: Path, versions: Sequence[str]) -> None:
    found = {version: python for version, python in pythons() if version in versions}
    if not found:
        raise Failed(f"no Python of {', '.join(versions)} is on this machine")
    for version in versions:
        if version not in found:
            print(f"dist: left out, there is no Python {version} here")
    for version, python in found.items():
        for extra in MISSING:
            with timed(f"Python {version}, {f'[{extra}]' if extra else 'no extra'}"):
                try_wheel(wheel, extra, python)
    try_documents(wheel, next(iter(found.values())))


if __name__ == "__main__":
    main()
