"""Each fault makes a correct endpoint do what the fault says, in both directions."""

from __future__ import annotations

import pytest

from astra_nb import ConnectionClosed, FrameLog, Server, connect
from astra_nb.log.records import ClosedRecord
from astra_nb.widgets.faults import FAULTS, Fault

CODED = [fault for fault in FAULTS if fault.code is not None]


@pytest.mark.parametrize("fault", CODED, ids=lambda fault: fault.name)
def test_a_server_fails_the_connection_of_a_faulty_client(server: Server, fault: Fault) -> None:
    assert fault.makes is not None
    with connect(server.url) as client:
        client.send_raw(fault.makes("client"))
        closed = server.log.wait_for(kind="closed")
    assert isinstance(closed, ClosedRecord)
    assert closed.sent is not None
    assert closed.sent.code == fault.code


@pytest.mark.parametrize("fault", CODED, ids=lambda fault: fault.name)
def test_a_client_fails_the_connection_of_a_faulty_server(server: Server, fault: Fault) -> None:
    assert fault.makes is not None
    log = FrameLog()
    with connect(server.url, log=log) as client:
        server.log.wait_for(kind="opened")
        server.connections[0].send_raw(fault.makes("server"))
        closed = log.wait_for(kind="closed")
        with pytest.raises(ConnectionClosed):
            client.recv()
    assert isinstance(closed, ClosedRecord)
    assert closed.sent is not None
    assert closed.sent.code == fault.code


def test_a_lying_length_makes_the_other_end_wait(server: Server) -> None:
    fault = next(fault for fault in FAULTS if fault.name == "lying length")
    assert fault.makes is not None
    with connect(server.url) as client:
        client.send_raw(fault.makes("client"))
        client.send_raw(b"12345")  # the rest that was declared
        assert server.log.wait_for(type="text").payload[:5] == b"Hello"  # type: ignore[union-attr]


def test_each_fault_says_what_to_expect() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)
    for fault in FAULTS:
        assert fault.breaks.endswith(".")
        assert fault.answer.startswith("The other end ")
        assert fault.code is None or str(fault.code) in fault.answer
