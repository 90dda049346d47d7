"""Commands that errors print can be run: they name what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib

import pytest

from astra_nb import __version__, extras
from tests.helpers import REPOSITORY
from tests.test_repository import tracked_files

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# A name without a path or a version is looked up on an index, where the package is not.
ON_AN_INDEX = re.compile(r"""pip (?:install|download|wheel)[^\n`]*["'\s]astra[-_]nb(?![-_.\w])""")
NOT_PRINTED = {"CHANGELOG.md", "tests"}


@pytest.mark.parametrize("extra", extras.NEEDS)
def test_an_extra_needs_what_the_project_says(extra: str) -> None:
    said = PROJECT["optional-dependencies"][extra]

    assert [line for line in said if not line.startswith("astra-nb[")] == list(extras.NEEDS[extra])


def test_a_command_is_one_line_for_a_shell() -> None:
    assert extras.install_command("lua") == 'pip install "lupa>=2.8"'
    assert extras.install_command("lab") == (
        'pip install "jupyterlab>=4.6" "notebook>=7.6" "jupyter-server-proxy>=4.6"'
    )


def test_no_text_installs_the_package_from_an_index() -> None:
    found = []
    for path in tracked_files():
        place = path.relative_to(REPOSITORY)
        if place.parts[0] in NOT_PRINTED or path.suffix not in {".md", ".py", ".ipynb", ".js"}:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if ON_AN_INDEX.search(line.replace('\\"', '"')) and "--no-index" not in line:
                found.append(f"{place}: {line.strip()}")

    assert found == []


def test_documents_name_the_wheel_of_this_version() -> None:
    documents = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    named = [
        version
        for path in documents
        for version in re.findall(r"astra_nb-([\d.]+)-py3", path.read_text(encoding="utf-8"))
    ]

    assert named
    assert set(named) == {__version__}
