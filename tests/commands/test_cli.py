"""The `astra-nb` command: what it copies, what it leaves, and JupyterLab at the first notebook."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

import pytest

from astra_nb import extras
from astra_nb.commands import cli, copies
from astra_nb.commands.copies import find_notebooks
from tests.helpers import REPOSITORY, python_environment, run_python
from tests.jupyter_server import JupyterServer

NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize(
    ("argv", "ours", "jupyters"),
    [
        (["lab"], ["lab"], []),
        (["lab", "lessons"], ["lab", "lessons"], []),
        (["lab", "--port", "9999"], ["lab"], ["--port", "9999"]),
        (["lab", "a", "--no-browser", "-y"], ["lab", "a"], ["--no-browser", "-y"]),
        (["lab", "a", "--", "--help"], ["lab", "a"], ["--help"]),
        (["lab", "--help"], ["lab", "--help"], []),
        (["lab", "--port", "9", "--help"], ["lab"], ["--port", "9", "--help"]),
        (["--version"], ["--version"], []),
    ],
)
def test_options_after_the_folder_are_jupyters(
    argv: list[str], ours: list[str], jupyters: list[str]
) -> None:
    assert cli.split_arguments(argv) == (ours, jupyters)


def test_the_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == "astra-nb 0.1.0\n"


def test_without_jupyterlab_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    blocked = (
        "import importlib.util, sys\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, *a: None if n == 'jupyterlab' else real(n, *a)\n"
        "from astra_nb.commands.cli import main\n"
        "sys.exit(main(['lab']))\n"
    )

    run = run_python("-c", blocked, cwd=tmp_path)

    assert run.returncode == 1
    assert run.stderr == (
        f"astra-nb: JupyterLab is not installed for this Python ({sys.executable}). "
        f"This installs it: {extras.install_command('lab')}\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_command_opens_jupyterlab_at_the_first_notebook(tmp_path: Path) -> None:
    folder = tmp_path / "lessons"
    server = JupyterServer(
        tmp_path,
        command=[sys.executable, "-m", "astra_nb.commands.cli", "lab", str(folder)],
        root=folder,
    )

    with server:
        listed = {entry["name"] for entry in server.request("GET", "api/contents")["content"]}
        start = urllib.request.Request(
            server.url, headers={"Authorization": f"token {server.token}"}
        )
        with urllib.request.urlopen(start, timeout=30) as answer:
            page = answer.url

    first = min(path.name for path in find_notebooks().glob("*.ipynb"))
    assert first in listed
    assert page == f"{server.url}lab/tree/{first}"
    assert f"to {folder}." in server.output()


def test_jupyterlab_gets_the_users_options_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(
        "jupyterlab.labapp.LabApp.launch_instance", lambda argv: started.append(argv)
    )
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    folder = tmp_path / "lessons"

    assert cli.main(["lab", str(folder), "--port", "9999"]) == 0

    assert capsys.readouterr().out.startswith("Copied ")
    [argv] = started
    assert argv[0] == f"--ServerApp.root_dir={folder.resolve()}"
    assert argv[1].startswith("--LabApp.default_url=/lab/tree/01-")
    assert argv[2:] == ["--port", "9999"]
    monkeypatch.setattr("os.geteuid", lambda: 0)
    cli.main(["lab", str(folder), "--no-browser"])
    assert started[1][2:] == ["--allow-root", "--no-browser"]


def test_without_jupyterlab_nothing_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["lab", str(tmp_path / "lessons")]) == 1
    assert "JupyterLab is not installed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("options", "kind"), [([], "release"), (["--with-solutions"], "source")])
def test_exercises_are_copied_and_never_overwritten(
    options: list[str], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "networks" / "source"
    assert cli.main(["exercises", *options, str(folder)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Copied 4 files to {folder}.\n")
    assert ("keep them out of students' reach" in said) == bool(options)

    stored = REPOSITORY / "notebooks" / "exercises" / kind / "websockets"
    copies = sorted(folder.iterdir())
    assert [path.name for path in copies] == [path.name for path in sorted(stored.iterdir())]
    assert all(path.read_bytes() == (stored / path.name).read_bytes() for path in copies)
    assert ("### BEGIN SOLUTION" in copies[0].read_text("utf-8")) == bool(options)

    copies[0].write_text("my own work")
    assert cli.main(["exercises", *options, str(folder)]) == 0
    said = capsys.readouterr().out
    assert f"Kept yours where it differs: {copies[0].name}." in said
    assert "astra-nb exercises FOLDER" in said
    assert copies[0].read_text() == "my own work"


def test_exercises_that_are_gone_are_named_with_the_way_to_bring_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01-first.ipynb").write_text(NOTEBOOK)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(copies, "__file__", str(tmp_path / "astra_nb" / "commands" / "copies.py"))
    assert cli.main(["exercises", str(tmp_path / "mine")]) == 1
    assert "git checkout -- notebooks" in capsys.readouterr().err


def test_notebooks_are_copied_without_opening_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    assert cli.main(["notebooks", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("Copied ")
    assert (folder / "01-websocket-server.ipynb").is_file()
    (folder / "01-websocket-server.ipynb").write_text("my own work")
    assert cli.main(["notebooks", str(folder)]) == 0
    assert capsys.readouterr().out == (
        f"The notebooks are in {folder}.\n"
        "Newer versions, beside yours: 01-websocket-server-newer.ipynb.\n"
    )
    assert (folder / "01-websocket-server.ipynb").read_text() == "my own work"


def test_jupyterlab_opens_the_users_own_notebook_not_the_newer_one_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(
        "jupyterlab.labapp.LabApp.launch_instance", lambda argv: started.append(argv)
    )
    (tmp_path / "01-websocket-server.ipynb").write_text(NOTEBOOK)
    cli.main(["lab", str(tmp_path)])
    assert (tmp_path / "01-websocket-server-newer.ipynb").is_file()
    assert started[0][1] == "--LabApp.default_url=/lab/tree/01-websocket-server.ipynb"


def test_without_a_name_the_folder_is_my_notebooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", lambda argv: None)
    monkeypatch.chdir(tmp_path)
    cli.main(["lab"])
    assert [path.name for path in tmp_path.iterdir()] == ["my-notebooks"]
    assert "/my-notebooks/" in (REPOSITORY / ".gitignore").read_text().splitlines()


def test_a_report_is_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ada.ipynb").write_text(NOTEBOOK)

    assert cli.main(["report", str(tmp_path), "--csv", str(tmp_path / "marks.csv")]) == 0

    said = capsys.readouterr().out
    assert f"The same as a page: {tmp_path / 'report.html'}" in said
    assert "ada" in (tmp_path / "marks.csv").read_text()
    assert "<html" in (tmp_path / "report.html").read_text()


def test_a_report_of_a_missing_folder_is_an_error_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", str(tmp_path / "nowhere")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("astra-nb: the report cannot be made (")
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_the_doctor_refuses_a_number_that_is_not_a_port(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["doctor", f"--port={port}"]) == 1
    assert "1 to 65535" in capsys.readouterr().err


def test_the_doctor_describes_the_port_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astra_nb.commands.doctor.describe", lambda port: f"about {port}")
    assert cli.main(["doctor", "--port", "9001"]) == 0
    assert capsys.readouterr().out == "about 9001\n"


def test_an_unknown_command_is_refused() -> None:
    run = run_python("-m", "astra_nb.commands.cli", "fly", environment=python_environment())

    assert run.returncode == 2
    assert "invalid choice: 'fly'" in run.stderr


def test_the_configuration_that_nbval_takes_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sanitize-config"]) == 0
    printed = capsys.readouterr().out
    assert printed == (REPOSITORY / "notebooks" / "nbval_sanitize.cfg").read_text()
    assert "[masking key]" in printed
