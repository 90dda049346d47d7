"""The kernel's end of the browser client, without a page."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from astra_nb import Server, connect, errors
from astra_nb.widgets.browser_client import BrowserClient, BrowserClientView
from astra_nb.widgets.log_widget import describe_addresses
from tests.helpers import wait_until
from tests.widgets.conftest import notify, published, request

ORIGIN = "http://127.0.0.1:8888"
PAGE = {"origin": ORIGIN, "host": "127.0.0.1:8888", "base_url": "/"}


@pytest.fixture
def client(server: Server) -> Iterator[BrowserClient]:
    client = server.browser_client()
    yield client
    client.close()


def event(client: BrowserClient, name: str, *, page: str = "p", **fields: Any) -> None:
    notify(client.client, "event", page=page, name=name, **fields)


def comparison(client: BrowserClient, page: str = "p") -> dict[str, Any]:
    """The newest comparison for a page."""
    found = [each for each in published(client.client, "comparison") if each["page"] == page]
    return found[-1] if found else {}


def has_number(client: BrowserClient, page: str, number: int) -> bool:
    """Whether the comparison for a page has found this connection."""
    return bool(comparison(client, page)["number"] == number)


def test_a_page_that_tells_where_it_is_gets_in_and_gets_both_addresses(
    server: Server, client: BrowserClient
) -> None:
    request(client.client, "page", **PAGE)
    assert server.origins == [ORIGIN]
    addresses = client.client.addresses
    assert addresses["url"] == server.url
    assert [each["url"] for each in addresses["candidates"]] == [
        server.url,
        f"ws://127.0.0.1:8888/proxy/{server.port}/",
    ]
    assert (addresses["running"], addresses["answer"]) == (True, server.check_answer)


@pytest.mark.parametrize("origin", ["null", "*", None, 7, "https://a.example/x"])
def test_a_page_that_names_no_site_stays_outside(
    server: Server, client: BrowserClient, origin: object
) -> None:
    page: dict[str, Any] = {**PAGE, "origin": origin}
    request(client.client, "page", **page)
    assert server.origins == []


def test_both_ends_of_a_connection_are_found(server: Server, client: BrowserClient) -> None:
    request(client.client, "page", **PAGE)
    request(client.client, "connect", after=0)
    with connect(server.url), connect(server.url, origin=ORIGIN) as end:
        event(client, "open", protocol="")
        end.send_text("Hello")
        event(client, "send", type="text", size=5, head="48656c6c6f")
        end.recv(5)
        wait_until(lambda: comparison(client).get("number") == 2)
        wait_until(lambda: len(comparison(client)["points"]) == 2)
    messages = {point["sender"]: point["arrived"] for point in comparison(client)["points"]}
    assert messages == {"the page": "1, unchanged", "the server": "0, unchanged"}
    assert not [point for point in comparison(client)["points"] if point["changed"]]
    event(client, "asked", code=4000, reason="x")
    wait_until(lambda: [each for each in comparison(client)["points"] if each["changed"]])


def test_connections_that_cannot_be_told_apart_are_not_guessed(
    server: Server, client: BrowserClient
) -> None:
    request(client.client, "page", **PAGE)
    with connect(server.url, origin=ORIGIN), connect(server.url, origin=ORIGIN):
        server.log.wait_for(kind="opened", count=2)
        # The kernel was busy and hears of it now.
        request(client.client, "connect", after=1)
        event(client, "open")
        wait_until(lambda: "not certain" in comparison(client)["doubt"])
        assert comparison(client)["number"] == 0


def test_two_pages_have_a_connection_each(server: Server, client: BrowserClient) -> None:
    request(client.client, "page", **PAGE)
    for number, page in enumerate("ab", start=1):
        request(client.client, "connect", page=page, after=server.log.last_number)
        with connect(server.url, origin=ORIGIN):
            server.log.wait_for(kind="opened", count=number)
            event(client, "open", page=page)
            wait_until(functools.partial(has_number, client, page, number))


def test_a_flood_is_not_compared(
    server: Server, client: BrowserClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astra_nb.widgets.browser_client.MOST_RECORDS", 10)
    request(client.client, "page", **PAGE)
    request(client.client, "connect", after=server.log.last_number)
    with connect(server.url, origin=ORIGIN) as end:
        event(client, "open")
        wait_until(lambda: comparison(client).get("number") == 1)
        for _ in range(30):
            end.send_bytes(b"x")
        wait_until(lambda: "too many to compare" in comparison(client)["doubt"])


def test_a_refusal_is_found_for_the_check(server: Server, client: BrowserClient) -> None:
    def refused(after: int) -> int:
        status: int = request(client.client, "refusal", after=after)["status"]
        return status

    request(client.client, "page", **PAGE)
    assert refused(0) == 0
    with pytest.raises(errors.HandshakeFailed):
        connect(server.url, origin="https://evil.example")
    server.log.wait_for(kind="closed")
    assert refused(0) == 0, "another page's refusal is not this one's"
    with pytest.raises(errors.HandshakeFailed):
        connect(server.url + "nowhere", origin=ORIGIN)
    server.log.wait_for(kind="closed", count=2)
    assert refused(0) == 404
    last = request(client.client, "position")["last"]
    assert last == server.log.last_number
    assert refused(last) == 0, "an earlier refusal is not this check's"


def test_what_the_check_found_is_known_in_the_kernel(client: BrowserClient) -> None:
    notify(client.client, "checked", result={"state": "reached"})
    assert client.client.check == {"state": "reached"}
    notify(client.client, "checked", result="nonsense")
    assert client.client.check == {"state": "reached"}


@pytest.mark.parametrize("value", [None, 7, [], {}, "x" * 9000])
def test_nonsense_from_a_page_does_no_harm(client: BrowserClient, value: object) -> None:
    names = ("origin", "host", "base_url", "after", "proxied", "result", "name", "code", "size")
    fields: dict[str, Any] = dict.fromkeys(names, value)
    for kind in ("page", "position", "refusal", "connect"):
        request(client.client, kind, **fields)
    for kind in ("checked", "event"):
        notify(client.client, kind, **fields)


def test_a_server_that_stops_is_told(server: Server, client: BrowserClient) -> None:
    server.shutdown()
    wait_until(lambda: client.client.addresses["running"] is False)


def test_the_client_keeps_no_server_alive() -> None:
    server = Server(port=0)
    view = BrowserClientView(server)
    del server
    import gc

    gc.collect()
    wait_until(lambda: view.addresses["why_not"] == "The server is gone.")
    for kind in ("page", "position", "refusal", "connect"):
        with pytest.raises(errors.LocalError, match="The server is gone"):
            request(view, kind, **PAGE)
    notify(view, "event", name="open")
    view.close()
    assert describe_addresses(None)["candidates"] == []


def test_the_path_is_told_to_a_page_that_asks_and_is_in_no_notebook(server: Server) -> None:
    client = server.browser_client("/?token=s3cr3t")
    try:
        for kind in ("page", "position", "connect"):
            value = request(client.client, kind, **PAGE)
            assert value["path"] == "/?token=s3cr3t"
        stored = repr(client.client.get_state()) + repr(client._repr_mimebundle_()) + repr(client)
        assert "s3cr3t" not in stored
    finally:
        client.close()


@pytest.mark.parametrize("path", ["", "x", 7])
def test_a_path_begins_with_a_slash(server: Server, path: Any) -> None:
    with pytest.raises(errors.LocalError, match="begins with"):
        server.browser_client(path)


def test_its_plain_form_is_stable_and_the_log_stands_beside_it(
    server: Server, client: BrowserClient
) -> None:
    bundle = client._repr_mimebundle_()
    assert bundle["text/plain"] == f"<BrowserClient of {server.url}>"
    assert "http://" not in BrowserClientView._esm.replace("http://www.w3.org", "")


def test_a_panel_shows_both_addresses_and_lets_its_page_in(server: Server) -> None:
    panel = server.panel()
    try:
        assert panel.addresses["url"] == server.url
        request(panel, "page", **PAGE)
        assert server.origins == [ORIGIN]
    finally:
        panel.close()
