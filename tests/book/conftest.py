"""The tests of this folder read what `make book` has built, and are run by it only."""

from __future__ import annotations

import pytest

from tests.browser.conftest import chromium, pytest_runtest_makereport

__all__ = ["chromium", "pytest_runtest_makereport"]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark whatever lies in this folder."""
    item.add_marker(pytest.mark.book)
