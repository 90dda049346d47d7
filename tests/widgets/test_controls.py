"""Each control publishes past the shell of the cell, so that a click comes through."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from astra_nb.widgets import controls
from astra_nb.widgets.bridge import Reachable


@pytest.mark.parametrize("name", controls.__all__)
def test_it_publishes_without_a_parent(name: str) -> None:
    control = getattr(controls, name)()
    assert isinstance(control, Reachable)
    sent: list[tuple[Any, ...]] = []
    session = SimpleNamespace(send=lambda *arguments, **options: sent.append((arguments, options)))
    control.comm.kernel = SimpleNamespace(session=session, iopub_socket="iopub")
    control.comm.topic = b"comm"
    control.send({"x": 1}, [b"buffer"])
    content = {"data": {"method": "custom", "content": {"x": 1}}, "comm_id": control.comm.comm_id}
    options = {"metadata": {}, "ident": b"comm", "buffers": [b"buffer"]}
    assert sent == [(("iopub", "comm_msg", content), options)]
    assert control.comm.published == []
    control.publish_here({"kind": "hello"})
    assert len(sent) == 1
    assert control.comm.custom("hello") == [({"kind": "hello"}, [])]
    control.comm.kernel = None
