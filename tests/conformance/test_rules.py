"""Every rule in `cases`, from both ends, with the bytes whole and in pieces."""

from __future__ import annotations

import pytest

from .cases import CASES, Case
from .ends import End, Options
from .exchange import run

SMALL = 3000  # bytes that are also sent one at a time
PLAIN = Options()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_whole(end: End, case: Case) -> None:
    with end(PLAIN) as peer:
        run(peer, case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_in_pieces(end: End, case: Case) -> None:
    with end(PLAIN) as peer:
        run(peer, case, 1 if len(case.sends) < SMALL else 997)
