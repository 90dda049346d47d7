"""Ask that each module of the lower layers is run in full by its own test file.

The tests of other modules run nearly every line too, and assert little about it. So each line is
counted for the test file during which it ran: `astra_nb/net/inbox.py` must reach 100 % of its
statements by `tests/net/test_inbox.py` alone. Misses are printed; the exit status is 1 then.

Python 3.11 does not trace a coroutine any further once an exception was thrown into it, as
`asyncio.timeout` and `task.cancel()` do: what follows such an `await` counts as not run there.

Usage: python tools/module_coverage.py [layer ...]
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import coverage
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
LAYERS = ("wire", "log", "net")
# Statements at the top of a module run once, with its first import, whichever test that is in.
IMPORTS = "imports"
# Other plugins cost seconds to load; this one knows a setting of pyproject.toml.
PLUGINS = ("-p", "pytest_timeout", "-p", "no:cacheprovider")


class ContextPerFile:
    """A pytest plugin that counts what runs for the test file it is run or collected for."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        if isinstance(collector, pytest.Module):
            self.measured.switch_context(name_of(collector.path))
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.measured.switch_context(name_of(item.path))
        return (yield)


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def modules(layers: tuple[str, ...]) -> dict[Path, Path]:
    """Return each module with the test file that it should have."""
    return {
        path: REPOSITORY / "tests" / layer / f"test_{path.stem}.py"
        for layer in layers
        for path in sorted((REPOSITORY / "astra_nb" / layer).glob("*.py"))
        if path.stem != "__init__"
    }


def run_tests(measured: coverage.Coverage, layers: tuple[str, ...]) -> int:
    """Import the modules, then run the tests of their layers; return pytest's exit status."""
    sys.path.insert(0, str(REPOSITORY))
    os.chdir(REPOSITORY)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    measured.start()
    measured.switch_context(IMPORTS)
    for path in modules(layers):
        importlib.import_module(f"astra_nb.{path.parent.name}.{path.stem}")
    folders = [f"tests/{layer}" for layer in layers]
    status = pytest.main(["--quiet", "--no-header", *PLUGINS, *folders], [ContextPerFile(measured)])
    measured.stop()
    return int(status)


def misses(measured: coverage.Coverage, layers: tuple[str, ...]) -> Iterator[str]:
    """Name each module whose test file does not run all of it, with the lines that are left."""
    for module, test in modules(layers).items():
        if not test.exists():
            yield f"{name_of(module)}: has no {name_of(test)}"
            continue
        contexts = (IMPORTS, name_of(test))
        measured.get_data().set_query_contexts([f"^{re.escape(name)}$" for name in contexts])
        lines = measured.analysis2(str(module))[-1]
        if lines:
            yield f"{name_of(module)}: {name_of(test)} does not run {lines}"


def main(layers: tuple[str, ...] = LAYERS) -> int:
    measured = coverage.Coverage(
        data_file=None, config_file=False, include=[f"{REPOSITORY}/astra_nb/*"]
    )
    # The other core notes the first time that a line runs and no later one.
    measured.set_option("run:core", "ctrace")
    status = run_tests(measured, layers)
    if status != 0:
        return status
    found = list(misses(measured, layers))
    print(*found, sep="\n", end="\n" * bool(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or LAYERS))
