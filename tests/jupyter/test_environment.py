"""Where a kernel finds out that it runs, from its environment and from Jupyter's own file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from astra_nb.jupyter.environment import Environment, base_url_of_jupyter

HUB = {"JUPYTERHUB_SERVICE_PREFIX": "/user/jane/"}
BINDER = {**HUB, "BINDER_LAUNCH_HOST": "https://mybinder.example/"}
CODESPACE = {"CODESPACE_NAME": "fuzzy-train"}


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, "this machine"),
        (HUB, "a JupyterHub"),
        (BINDER, "Binder"),
        (CODESPACE, "GitHub Codespaces"),
        ({"VSCODE_PROXY_URI": "./proxy/{{port}}"}, "VS Code in a browser"),
        ({"COLAB_GPU": ""}, "Google Colab"),
        ({"BINDER_REPO_URL": "https://github.example/o/r"}, "Binder"),
        ({**CODESPACE, "VSCODE_PROXY_URI": "./{{port}}"}, "GitHub Codespaces"),
    ],
)
def test_the_place(environment: dict[str, str], place: str) -> None:
    assert Environment(environment).place == place


@pytest.mark.parametrize("platform", ["emscripten", "wasi"])
def test_python_in_a_browser_is_jupyterlite_whatever_else_is_set(platform: str) -> None:
    around = Environment(BINDER, platform=platform)
    assert around.is_lite
    assert around.place == "JupyterLite"


@pytest.mark.parametrize(
    ("prefix", "path"), [("/user/jane", "/user/jane/"), ("/a b/", None), (None, None)]
)
def test_a_hubs_prefix_is_a_path_or_none(prefix: str | None, path: str | None) -> None:
    environment = {} if prefix is None else {"JUPYTERHUB_SERVICE_PREFIX": prefix}
    assert Environment(environment).hub_prefix == path


def test_here_is_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESPACE_NAME", "fuzzy-train")
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    around = Environment.here()
    assert around.place == "GitHub Codespaces"
    assert (around.jupyter_base_url, around.platform) == (None, sys.platform)


def test_the_base_url_is_read_from_jupyters_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "jpserver-42.json").write_text(
        json.dumps({"base_url": "/user/jane-xyz", "token": "s3cret"})
    )
    assert base_url_of_jupyter({"JPY_PARENT_PID": "42"}) == "/user/jane-xyz/"
    monkeypatch.setenv("JPY_PARENT_PID", "42")
    assert "s3cret" not in repr(Environment.here().jupyter_base_url)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"base_url": 7}'])
def test_a_file_without_a_base_url_is_not_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "jpserver-42.json").write_text(content)
    assert base_url_of_jupyter({"JPY_PARENT_PID": "42"}) is None
    assert base_url_of_jupyter({"JPY_PARENT_PID": "../42"}) is None
    assert base_url_of_jupyter({}) is None
