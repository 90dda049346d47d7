"""What `astra-nb doctor` prints, and what it never prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from astra_nb import Server
from astra_nb.commands.cli import main
from astra_nb.commands.doctor import describe, installed
from tests.helpers import free_port, held_port

SECRET = "s3cr3tV4lue"


def test_it_prints_versions_addresses_and_the_proxy(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert main(["doctor", "--port", str(port)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^astra-nb \d+\.\d+\.\d+, Python 3\.\d+", said)
    assert re.search(r"websockets \d+", said)
    assert "Place: this machine" in said
    assert "one was started and reached in this process" in said
    assert f"Port {port}: free" in said
    assert f"Address for the browser: ws://127.0.0.1:{port}/" in said
    assert re.search(r"Proxy: jupyter-server-proxy \d+.* is installed", said)


def test_behind_a_hub_it_prints_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/jane/")
    said = describe(8080)
    assert "Place: a JupyterHub" in said
    assert "Address for the browser: /user/jane/proxy/8080/" in said
    assert "The part before this path is in the browser's address bar." in said


def test_a_port_that_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    with held_port() as port:
        assert f"Port {port}: something listens there" in describe(port)


def test_nothing_secret_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "JUPYTERHUB_API_TOKEN": SECRET,
        "JUPYTER_TOKEN": SECRET,
        "JPY_API_TOKEN": SECRET,
        "VSCODE_PROXY_URI": f"https://jane:{SECRET}@code.example/{{{{port}}}}/?token={SECRET}",
        "JUPYTERHUB_PUBLIC_URL": f"https://hub.example/?token={SECRET}",
        "BINDER_LAUNCH_HOST": f"https://jane:{SECRET}@mybinder.example/\x1b[31m",
    }.items():
        monkeypatch.setenv(name, value)
    said = describe(8080)
    assert SECRET not in said
    assert "\x1b" not in said
    assert "code.example" in said


def test_a_wrong_setting_is_reported_and_the_rest_still_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASTRA_NB_BROWSER_URL", "nonsense")
    said = describe(8080)
    assert "is an address with {port}" in said
    assert "Proxy:" in said


def test_colab_and_a_missing_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    monkeypatch.setattr("astra_nb.commands.doctor.installed", lambda name: "")
    said = describe(8080)
    assert "Address for the browser: none; Google Colab" in said
    assert "pip install jupyter-server-proxy" in said
    assert "websockets not installed" in said


def test_jupyters_own_base_url_is_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("JPY_PARENT_PID", "42")
    (tmp_path / "jpserver-42.json").write_text('{"base_url": "/lab/x"}')
    said = describe(8080)
    assert "Jupyter's base URL is /lab/x/" in said
    assert "Address for the browser: ws://127.0.0.1:8080/" in said
    assert "\nor /lab/x/proxy/8080/" in said


def test_in_jupyterlite_no_server_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "emscripten")
    said = describe(8080)
    assert "Place: JupyterLite" in said
    assert "Server: in JupyterLite Python runs inside the browser" in said


def test_a_server_that_cannot_be_reached_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Server) -> None:
        raise OSError("no sockets here")

    monkeypatch.setattr(Server, "run", refuse)
    assert "could not be started and reached: no sockets here" in describe(8080)


def test_a_package_that_is_missing_has_no_version() -> None:
    assert installed("websockets")
    assert installed("astra-nb-is-not-this-name") == ""
