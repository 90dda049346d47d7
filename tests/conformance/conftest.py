"""The end under test, opened once for all the cases of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .ends import ENDS, End


@pytest.fixture(scope="module", params=list(ENDS))
def end(request: pytest.FixtureRequest) -> Iterator[End]:
    with ENDS[request.param]() as open_peer:
        yield open_peer
