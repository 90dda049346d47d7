from __future__ import annotations

import pytest

from astra_nb import FrameLog
from tests.recordings.sessions import session


@pytest.fixture(scope="session")
def live() -> FrameLog:
    """The server's log of a session over real sockets."""
    return session()
