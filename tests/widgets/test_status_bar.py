"""The server's status as its page shows it."""

from __future__ import annotations

import json
import weakref

from astra_nb import FrameLog, Server, connect
from astra_nb.widgets.status_bar import LONGEST_PATH, server_status


def test_a_running_server_shows_its_address_and_its_connections(server: Server) -> None:
    reference = weakref.ref(server)
    with connect(server.url + "?%E2%80%AE" + "x" * 500):
        server.log.wait_for(kind="opened")
        status = server_status(reference, server.log)
        [connection] = status["open"]
        assert (status["state"], status["url"]) == ("listening", server.url)
        peer = server.connections[0].remote_address
        assert (connection["id"], connection["peer"]) == (1, peer)
        assert len(connection["path"]) <= LONGEST_PATH
        assert json.loads(json.dumps(status))["open"][0]["id"] == 1
        assert server_status(reference, server.log) == status
    server.shutdown()
    assert server_status(reference, server.log)["state"] == "stopped"


def test_a_log_without_a_server_counts_what_it_dropped() -> None:
    log = FrameLog(max_frames=10)
    log.append_frames(1, "server", "sent", b"\x89\x00" * 50, 50)
    status = server_status(None, log)
    assert (status["state"], status["url"]) == ("log", "")
    assert status["dropped"] == log.dropped > 0
    nothing = {"state": "log", "url": "", "open": [], "dropped": 0, "note": ""}
    assert server_status(None, None) == nothing


def test_a_server_that_is_gone_says_so() -> None:
    status = server_status(weakref.ref(Server(port=0)), None)
    assert status["state"] == "stopped"
    assert status["note"].startswith("The server is gone")
