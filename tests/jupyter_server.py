"""A real Jupyter server in a folder of its own, started, asked until it answers, and ended."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from tests.helpers import python_environment, wait_until

JUPYTERLAB = (sys.executable, "-m", "jupyterlab")
START_TIMEOUT = 90.0  # seconds; JupyterLab's first start on a busy machine
STOP_TIMEOUT = 20.0

# Quiet, the same on every machine, and without a word to the network.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


class JupyterServer:
    """A Jupyter server process that knows nothing of this machine's user.

    Its settings, data, runtime files and IPython profile lie in `home`; it serves `root` on a
    free port of the loopback address.

    Args:
        folder: An empty folder; `home` and, unless given, `root` are made in it.
        command: What starts the server; its options come after.
        options: Further options for the server.
        root: The folder that is served.
        environment: Further environment variables for the server and its kernels.
    """

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str] = JUPYTERLAB,
        options: Sequence[str] = (),
        root: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.home = folder / "home"
        self.root = root or folder / "root"
        self._makes_root = root is None
        self.token = secrets.token_hex(16)
        self.url = ""  # ends in a slash; known once the server runs
        self.info: dict[str, Any] = {}
        self.kept: set[str] = set()  # notebooks that stay open from test to test
        self._runtime = self.home / "runtime"
        self._output = folder / "jupyter.log"
        self._command = [
            *command,
            "--no-browser",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            f"--IdentityProvider.token={self.token}",
            *(["--ServerApp.allow_root=True"] if command is JUPYTERLAB else []),
            *([] if root else [f"--ServerApp.root_dir={self.root}"]),
            *options,
        ]
        self._environment = python_environment(
            JUPYTER_CONFIG_DIR=str(self.home / "config"),
            JUPYTER_DATA_DIR=str(self.home / "data"),
            JUPYTER_RUNTIME_DIR=str(self._runtime),
            JUPYTERLAB_SETTINGS_DIR=str(self.home / "settings"),
            JUPYTERLAB_WORKSPACES_DIR=str(self.home / "workspaces"),
            JUPYTER_PREFER_ENV_PATH="1",
            IPYTHONDIR=str(self.home / "ipython"),
            **(environment or {}),
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._runtime.mkdir(parents=True)
        if self._makes_root:
            self.root.mkdir(parents=True)
        for plugin, values in SETTINGS.items():
            self.set_setting(plugin, values)
        # Installed for the grading tests; students' JupyterLab does not have it.
        page_config = self.home / "config" / "labconfig" / "page_config.json"
        page_config.parent.mkdir(parents=True)
        page_config.write_text(json.dumps({"disabledExtensions": {"@jupyter/nbgrader": True}}))
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._answers, START_TIMEOUT, "an answer of the Jupyter server")
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.output()}") from error

    def stop(self) -> None:
        """End the server and its kernels, and wait until each is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        family = self._family(process)
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT)
        for left in alive:
            left.kill()
        psutil.wait_procs(alive, timeout=STOP_TIMEOUT)
        if alive:
            raise AssertionError(f"processes outlived the Jupyter server: {alive}")

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Ask the server's REST API and give what its JSON says; None for an empty answer."""
        request = urllib.request.Request(
            urllib.parse.urljoin(self.url, path),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = response.read()
        return json.loads(answer) if answer else None

    def shut_down_sessions(self) -> None:
        """End every kernel, apart from those of the notebooks in `kept`."""
        sessions = self.request("GET", "api/sessions")
        kept = {each["kernel"]["id"] for each in sessions if each["path"] in self.kept}
        for kernel in self.request("GET", "api/kernels"):
            if kernel["id"] not in kept:
                self.request("DELETE", f"api/kernels/{kernel['id']}")

    def set_setting(self, plugin: str, values: Mapping[str, Any]) -> None:
        """Set a plugin's settings, as if a person had; a page sees them when it loads."""
        path = self.home / "settings" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dict(values)))

    def output(self) -> str:
        """What the server printed so far."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the Jupyter server ended with {self._process.returncode}")
        for path in self._runtime.glob("jpserver-*.json"):
            try:
                self.info = json.loads(path.read_text())
                self.url = self.info["url"]
                self.request("GET", "api/status")
            except (ValueError, urllib.error.URLError):
                return False  # half written, or not listening yet
            return True
        return False

    @staticmethod
    def _family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
        try:
            return psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
