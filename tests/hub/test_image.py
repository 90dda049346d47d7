"""What Binder builds: the image's own steps in a fresh virtual environment, and Jupyter from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY
from tests.test_binder import image_steps

MINUTES = 60


def copy_of_repository(folder: Path) -> Path:
    """What git knows of the repository, as a clone would have it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    return folder


@pytest.mark.timeout(25 * MINUTES)
def test_notebook_and_panel_and_browser_client_work_in_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path / "image"
    repository = copy_of_repository(tmp_path / "repository")
    venv.create(prefix, with_pip=True)
    monkeypatch.chdir(repository)
    environment = {
        **os.environ,
        "KERNEL_PYTHON_PREFIX": str(prefix),
        "NB_PYTHON_PREFIX": str(prefix),
        "PATH": f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": "",
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    for step in image_steps():
        subprocess.run(step, shell=True, check=True, env=environment, timeout=10 * MINUTES)
    first = repository / "my-notebooks" / "01-websocket-server.ipynb"
    assert '"output_type"' not in first.read_text(encoding="utf-8")

    # The same tests as elsewhere, with Jupyter and the kernels of the image.
    tests = REPOSITORY / "tests" / "browser" / "test_behind_proxy.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        cwd=REPOSITORY,
        env={**os.environ, "ASTRA_NB_IMAGE": str(prefix / "bin" / "python")},
        capture_output=True,
        text=True,
        timeout=10 * MINUTES,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "4 passed" in done.stdout
