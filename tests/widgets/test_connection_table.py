"""A row for each connection of a log, as JSON in which nothing acts on a page."""

from __future__ import annotations

import json

from astra_nb import FrameLog, Server, connect
from astra_nb.log.records import OpenedRecord
from astra_nb.widgets import connection_table
from astra_nb.widgets.connection_table import connection_rows


def test_a_row_counts_both_directions_and_says_why_it_closed(server: Server) -> None:
    with connect(server.url) as client:
        client.send_text("Hello")
        client.recv(5)
        [row] = connection_rows(server.log)
        assert (row["state"], row["path"], row["rtt"]) == ("open", "/", None)
        assert row["received"] == [1, 11]
        assert row["sent"] == [1, 7]
    server.log.wait_for(kind="closed")
    [row] = connection_rows(server.log)
    assert row["state"] == "closed"
    assert row["why"].startswith("The client closed first with 1000")
    assert json.loads(json.dumps(row)) == row


def test_a_path_is_cut_and_made_visible() -> None:
    log = FrameLog()
    path = "/\u202e" + "x" * 500
    log.append(1, OpenedRecord, side="server", peer="127.0.0.1:5", path=path)
    [row] = connection_rows(log)
    assert row["path"] == r"/\u202e" + "x" * (connection_table.LONGEST - 2) + "…"


def test_without_a_log_there_are_no_rows() -> None:
    assert connection_rows(None) == connection_rows(FrameLog()) == []
