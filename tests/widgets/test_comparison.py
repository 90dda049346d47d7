"""Both ends of a connection compared: what counts as changed, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from astra_nb import FrameLog, WebSocket, connect
from astra_nb.errors import HandshakeFailed
from astra_nb.log.records import Record
from astra_nb.widgets.bridge import Message
from astra_nb.widgets.comparison import PageEvent, Point, compare, whole_messages
from tests.servers import serving

HELLO = b"Hello".hex()


def event(name: str, **fields: object) -> PageEvent:
    return PageEvent.from_page(Message("p", {"name": name, **fields}))


def account_of(
    handler: Callable[[WebSocket], None], act: Callable[[WebSocket], None]
) -> list[Record]:
    """Have a client act on a connection; return the server's account of it."""
    with serving(handler, subprotocols=["chat"]) as server:
        with connect(server.url, subprotocols=["chat"]) as client:
            act(client)
            client.wait_closed(5)
        server.log.wait_for(kind="closed")
        return read_account(server.log)


def read_account(log: FrameLog) -> list[Record]:
    return list(log.filter(connection=1))


def read(socket: WebSocket) -> None:
    for _ in socket:
        pass


def points(
    events: list[PageEvent], account: list[Record], *, proxied: bool = False
) -> dict[str, Point]:
    return {
        f"{each.what} of {each.sender}": each for each in compare(events, account, proxied=proxied)
    }


def test_the_pages_close_as_it_arrives_without_and_with_a_proxy() -> None:
    direct = account_of(read, lambda client: client.send_close(4000, "bye"))
    asked = [event("open", protocol="chat"), event("asked", code=4000, reason="bye")]
    point = points(asked, direct)["close code and reason of the page"]
    assert (point.sent, point.arrived, point.changed) == ('4000 "bye"', '4000 "bye"', False)

    through_proxy = account_of(read, lambda client: client.send_close())
    point = points(asked, through_proxy, proxied=True)["close code and reason of the page"]
    assert (point.sent, point.arrived, point.changed) == ('4000 "bye"', "1005 (no code)", True)


def test_the_servers_close_as_it_arrives() -> None:
    def close(socket: WebSocket) -> None:
        socket.send_close(4001, "no")

    account = account_of(close, lambda client: None)
    same = points([event("close", code=4001, reason="no")], account)
    assert not same["close code and reason of the server"].changed
    other = points([event("close", code=1005)], account)["close code and reason of the server"]
    assert (other.sent, other.arrived, other.changed) == ('4001 "no"', "1005 (no code)", True)


def test_an_empty_close_is_1005_at_both_ends() -> None:
    account = account_of(read, lambda client: client.send_close())
    point = points([event("asked"), event("close", code=1005)], account)
    assert not point["close code and reason of the page"].changed


def test_a_dropped_connection_is_1006_or_it_was_changed() -> None:
    account = account_of(lambda socket: socket.drop(), lambda client: None)
    assert not points([event("close", code=1006)], account)["TCP dropped of the server"].changed
    assert points([event("close", code=1005)], account)["TCP dropped of the server"].changed


def test_messages_are_compared_by_type_size_and_bytes() -> None:
    def send_and_close(client: WebSocket) -> None:
        client.send_text("Hello")
        client.send_close()

    account = account_of(read, send_and_close)
    sent = event("send", type="text", size=5, head=HELLO)
    assert not points([sent], account)["messages of the page"].changed
    for wrong in (
        event("send", type="bytes", size=5, head=HELLO),
        event("send", type="text", size=6, head=HELLO),
        event("send", type="text", size=5, head="00"),
    ):
        assert points([wrong], account)["messages of the page"].changed
    under_way = points([sent, sent], account)["messages of the page"]
    assert not under_way.changed
    assert "under way" in under_way.note


def test_fragments_are_joined() -> None:
    def fragments(socket: WebSocket) -> None:
        socket.send_fragments("text", ["Hel", "lo"])
        socket.send_ping("x")
        socket.recv()

    def read_both(client: WebSocket) -> None:
        client.recv(5)
        client.recv(5)

    account = account_of(fragments, read_both)
    assert whole_messages(account, "sent") == [(("text", 5, HELLO), 2)]
    got = points([event("message", type="text", size=5, head=HELLO)], account, proxied=True)
    assert not got["messages of the server"].changed
    assert (got["fragments of the server"].sent, got["fragments of the server"].arrived) == (
        "2 frames",
        "1 message",
    )
    assert "from the proxy" in got["PING frames of the server"].note
    direct = points([], account)["PING frames of the server"]
    assert "from the browser" in direct.note


def test_the_subprotocol_the_page_was_told() -> None:
    account = account_of(read, lambda client: client.send_close())
    assert not points([event("open", protocol="chat")], account)[
        "subprotocol of the server"
    ].changed
    assert points([event("open", protocol="other")], account)["subprotocol of the server"].changed


@pytest.mark.parametrize("opened", [True, False])
def test_a_refused_handshake(opened: bool) -> None:
    with serving(read) as server:
        with pytest.raises(HandshakeFailed):
            connect(server.url + "nope")
        server.log.wait_for(kind="closed")
        account = read_account(server.log)
    events = [event("open")] * opened + [event("close", code=1006)]
    point = points(events, account)["opening handshake of the server"]
    assert (point.sent, point.changed) == ("HTTP status 404", opened)


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert compare([event("open"), event("close", code=1000)], []) == []


@pytest.mark.parametrize(
    "told", [{}, {"name": 7, "code": True, "size": "x"}, {"reason": "x" * 9000}]
)
def test_a_page_may_say_anything(told: dict[str, object]) -> None:
    heard = PageEvent.from_page(Message("p", told))
    assert heard.code is None
    assert heard.size == 0
    assert len(heard.reason) <= 500
