"""repo2docker, which builds Binder's images, takes the folder `binder/` as it is meant."""

from __future__ import annotations

import os
import re
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import REPOSITORY

BASE_IMAGE = "base/image:none"  # never fetched: nothing is built


def chosen_build_pack() -> Any:
    """The build pack that repo2docker chooses for the current folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        from repo2docker.app import Repo2Docker
    for pack in Repo2Docker().buildpacks:
        found = pack(BASE_IMAGE)
        if found.detect():
            found.platform = "linux/amd64"
            return found
    raise AssertionError("repo2docker knows no build pack for this repository")


def image_steps() -> list[str]:
    """The commands that repo2docker runs in the image once the repository is in it."""
    dockerfile = chosen_build_pack().render()
    copied = dockerfile.index("COPY --chown=1000:1000 src/ ${REPO_DIR}/")
    return re.findall(r"^RUN (.*)$", dockerfile[copied:], re.MULTILINE)


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


def test_the_python_build_pack_is_chosen() -> None:
    pack = chosen_build_pack()
    assert type(pack).__name__ == "PythonBuildPack"
    assert Path(pack.binder_dir) == Path("binder")


def test_it_takes_the_python_that_the_folder_names() -> None:
    wanted = Path("binder/runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    pack = chosen_build_pack()
    assert pack.python_version == wanted
    assert not pack.separate_kernel_env


def test_the_steps_are_the_install_and_what_comes_after() -> None:
    assert image_steps() == [
        '${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir -r "binder/requirements.txt"',
        "chmod +x binder/postBuild",
        "./binder/postBuild",
    ]
    assert os.access("binder/postBuild", os.X_OK)
    subprocess.run(["bash", "-n", "binder/postBuild"], check=True)


def test_what_is_installed_is_the_package_with_jupyterlab_and_the_proxy() -> None:
    lines = Path("binder/requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "--constraint constraints.txt",
        ".[lab]",
    ]
