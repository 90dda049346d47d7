"""Both addresses of a server, and the page that is let in."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from astra_nb import FrameLog, Server
from astra_nb.errors import LocalError
from astra_nb.widgets.log_widget import Addressed, describe_addresses, refused_since
from tests.helpers import wait_until

from .conftest import customs, notify, request

ORIGIN = "http://127.0.0.1:8888"


@pytest.fixture
def line(server: Server) -> Iterator[Addressed]:
    line = Addressed(server.log, server, _esm="export default {};")
    yield line
    line.close()


def test_it_describes_both_addresses(server: Server, line: Addressed) -> None:
    addresses = line.addresses
    assert addresses == describe_addresses(server)
    assert (addresses["url"], addresses["running"]) == (server.url, True)
    direct = addresses["candidates"][0]
    assert (direct["url"], direct["proxied"]) == (server.url, False)
    assert f"forward this port as you did Jupyter's: ssh -L {server.port}" in direct["hint"]
    assert addresses["answer"] == server.check_answer
    assert not addresses["check_path"].startswith("/")


def test_a_page_is_let_in_and_told_the_position(server: Server, line: Addressed) -> None:
    value = request(line, "page", origin=ORIGIN, host="127.0.0.1:8888", base_url="/lab/")
    assert value == {"last": server.log.last_number} == request(line, "position")
    assert server.origins == [ORIGIN]
    urls = [each["url"] for each in line.addresses["candidates"]]
    assert any(url.endswith(f"/lab/proxy/{server.port}/") for url in urls)


def test_the_state_of_the_server_is_followed(server: Server, line: Addressed) -> None:
    server.shutdown()
    wait_until(lambda: line.addresses["running"] is False)


def test_the_check_is_a_notice_without_an_answer(line: Addressed) -> None:
    notify(line, "checked", result={"state": "blocked"})
    assert line.check == {"state": "blocked"}
    assert customs(line) == []


def test_without_a_server_requests_are_refused() -> None:
    server = Server(port=0)
    line = Addressed(server.log, server, _esm="export default {};")
    del server
    gc.collect()
    wait_until(lambda: line.addresses["why_not"] == "The server is gone.")
    with pytest.raises(LocalError, match="The server is gone"):
        request(line, "position")
    line.close()


def test_a_log_without_refusals_has_none() -> None:
    assert refused_since(FrameLog(), 0, ORIGIN) == 0
