"""Run the unit tests with exactly the lower bounds of pyproject.toml.

Run by `make lowest`. uv resolves to the oldest release that each bound allows, on the oldest Python
that the project does; a bound that another dependency lifts is an error: it was never tested. Tests
that need a browser are left out, as the browser is not the package's.

Usage: python tools/lowest.py [pytest options]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TESTED = ("files", "lua", "socks", "tls", "lab", "grading", "test")  # extras


def lower_bounds(python: Version) -> dict[str, Version]:
    """Return the lower bound of each requirement that holds for a version of Python."""
    extras = [line for extra in TESTED for line in PROJECT["optional-dependencies"][extra]]
    bounds: dict[str, Version] = {}
    for line in [*PROJECT["dependencies"], *extras]:
        requirement = Requirement(line)
        marker = requirement.marker
        here = marker is None or marker.evaluate({"python_version": str(python)})
        versions = [Version(s.version) for s in requirement.specifier if s.operator == ">="]
        if here and versions:
            [bounds[canonicalize_name(requirement.name)]] = versions
    return bounds


def installed(python: Path) -> dict[str, Version]:
    command = (sys.executable, "-m", "uv", "pip", "list", "--python", python, "--format", "json")
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {canonicalize_name(entry["name"]): Version(entry["version"]) for entry in listed}


def main() -> int:
    [bound] = SpecifierSet(PROJECT["requires-python"])
    oldest = Version(bound.version)
    with tempfile.TemporaryDirectory() as folder:
        uv, python = (sys.executable, "-m", "uv"), Path(folder, "bin", "python")
        resolution = ("--resolution", "lowest-direct", "--editable", ".[test]")
        for command in (
            (*uv, "venv", "--quiet", "--python", str(oldest), folder),
            (*uv, "pip", "install", "--quiet", "--python", str(python), *resolution),
        ):
            subprocess.run(command, cwd=REPOSITORY, check=True)
        bounds, found = lower_bounds(oldest), installed(python)
        lifted = {name: found.get(name) for name in bounds if found.get(name) != bounds[name]}
        for name, version in lifted.items():
            print(f"lowest: {name}>={bounds[name]} cannot be tested: {version} is installed")
        if lifted:
            return 1
        print(f"lowest: Python {oldest}, {', '.join(f'{n} {v}' for n, v in bounds.items())}")
        sys.stdout.flush()
        marks = "not browser and not hub and not book"
        tests = [str(python), "-m", "pytest", "-q", "-m", marks, *sys.argv[1:]]
        environment = {**os.environ, "PYTHONPATH": ""}
        return subprocess.run(tests, cwd=REPOSITORY, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
