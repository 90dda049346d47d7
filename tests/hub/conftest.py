"""The tests of this folder take minutes and are run by `make hub-test`, not by `make test`."""

from __future__ import annotations

import pytest

from tests.browser.conftest import chromium, pytest_runtest_makereport
from tests.browser.test_behind_proxy import far_chromium

__all__ = ["chromium", "far_chromium", "pytest_runtest_makereport"]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark whatever lies in this folder."""
    item.add_marker(pytest.mark.hub)
    item.add_marker(pytest.mark.browser)
