"""`http.server.new()`, the tutorial's way to make a server."""

from __future__ import annotations

import pytest

from astra_nb import Server, http


def test_a_new_server_has_the_tutorials_address_and_does_not_run() -> None:
    server = http.server.new()
    assert type(server) is Server
    assert (server.hostname, server.port, server.running) == ("127.0.0.1", 8080, False)


def test_both_parts_of_the_address_can_be_given() -> None:
    server = http.server.new("localhost", port=9001)
    assert (server.hostname, server.port) == ("localhost", 9001)


def test_each_call_makes_another_server() -> None:
    assert http.server.new() is not http.server.new()


@pytest.mark.parametrize("port", [0, 65535])
def test_any_port_may_be_named(port: int) -> None:
    assert http.server.new(port=port).port == port
