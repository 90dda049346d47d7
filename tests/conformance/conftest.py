"""The end under test, opened once for all the cases of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from astra_nb.net import receiving

from .ends import ENDS, End


@pytest.fixture(scope="module", params=["fast path", "protocol alone"])
def fast_path(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receiving, "fast_path", request.param == "fast path")
        yield


@pytest.fixture(scope="module", params=list(ENDS))
def end(request: pytest.FixtureRequest, fast_path: None) -> Iterator[End]:
    with ENDS[request.param]() as open_peer:
        yield open_peer
