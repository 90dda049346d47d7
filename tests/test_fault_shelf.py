"""Each fault of the shelf at both ends: what the end that lies and the other one have on record."""

from __future__ import annotations

import re
from typing import Any

import pytest

from astra_nb import FrameLog, Message, Server, WebSocket, connect, connect_async, faults
from astra_nb.errors import ConnectionClosed, HandshakeFailed, LocalError
from astra_nb.faults import FAULTS, Fault
from astra_nb.log.records import FrameRecord, NoticeRecord
from astra_nb.wire.faults import KEY
from tests import records
from tests.helpers import REPOSITORY, wait_until
from tests.servers import KINDS, echo, handler_of, run_async, serving

both_kinds = pytest.mark.parametrize("kind", KINDS)


def of_stage(stage: str) -> list[Any]:
    return [pytest.param(fault, id=fault.name) for fault in FAULTS if fault.stage == stage]


def notices(log: FrameLog) -> list[str]:
    return [each.text for each in log.filter(kind="notice") if isinstance(each, NoticeRecord)]


def told(log: FrameLog, fault: Fault) -> bool:
    return any(text.startswith(f"On purpose: {fault.name}. ") for text in notices(log))


def closed(log: FrameLog) -> Any:
    return log.wait_for(kind="closed", timeout=records.DEADLINE)


# ------------------------------------------------------ before the 101: client


@pytest.mark.parametrize("fault", of_stage("request"))
@both_kinds
def test_a_wrong_request(fault: Fault, kind: str) -> None:
    log = FrameLog()
    with serving(handler_of(kind, echo), subprotocols=["chat"]) as server:
        if fault.code is not None:
            with pytest.raises(HandshakeFailed) as caught:
                connect(server.url, faults=[fault.name], log=log)
            assert caught.value.status == fault.code
            assert closed(server.log).status == fault.code
            assert closed(server.log).detail
            assert closed(log).status == fault.code
        else:
            with connect(server.url, faults=[fault], log=log) as client:
                if fault.name == "data before the answer":
                    assert client.recv(10) == Message("text", "Hello")
                client.send_text("a")
                assert client.recv(10).value == "a"
            closed(server.log)
        heads = [each.raw for each in server.log.filter(kind="handshake")[:1]]  # type: ignore[union-attr]
        sent = [each.raw for each in log.filter(kind="handshake")[:1]]  # type: ignore[union-attr]
        assert heads == sent  # what was sent is what came
        if fault.name == "doubled subprotocols":
            assert "offers a subprotocol more than once" in notices(server.log)[-1]
        if fault.name == "data before the answer":
            assert any("before it had the answer" in text for text in notices(server.log))
            frame = log.filter(kind="frame")[0]
            assert isinstance(frame, FrameRecord)
            assert (frame.direction, frame.payload) == ("sent", b"Hello")
    assert told(log, fault)


def test_a_server_cannot_notice_the_same_key() -> None:
    with serving(handler_of("def", echo)) as server:
        for _ in range(2):
            connect(server.url, faults=["same key each time"]).close()
        records.closed(server.log)
        keys = [
            value
            for each in server.log.filter(kind="handshake")
            for name, value in each.headers  # type: ignore[union-attr]
            if name == "Sec-WebSocket-Key"
        ]
    assert keys == ["dGhlIHNhbXBsZSBub25jZQ=="] * 2


def test_the_awaitable_client_lies_as_well() -> None:
    with serving(handler_of("def", echo)) as server:
        with pytest.raises(HandshakeFailed) as caught:
            run_async(connect_async(server.url, faults=["key of 13 bytes"])._connect())
    assert caught.value.status == 400


# ------------------------------------------------------ before the 101: server


@pytest.mark.parametrize("fault", [each for each in of_stage("answer") if "late" not in each.id])
@both_kinds
def test_a_wrong_answer(fault: Fault, kind: str) -> None:
    log = FrameLog()
    with serving(handler_of(kind, echo), faults=[fault.name]) as server:
        if fault.name == "frame in the packet of the answer":
            with connect(server.url, log=log) as client:
                assert client.recv(10) == Message("text", "Hello")
        else:
            with pytest.raises(HandshakeFailed) as caught:
                connect(server.url, log=log)
            assert closed(log).detail
            assert not log.filter(kind="opened")[:]
            status = {
                "answer that is not HTTP": None,
                "bytes before the answer": None,
                "another status": 200,
            }
            assert caught.value.status == status.get(fault.name, 101)
        assert closed(server.log).code in (1000, 1006)
        assert told(server.log, fault)
        answers = [each.raw for each in server.log.filter(kind="handshake")][1:]  # type: ignore[union-attr]
        came = [each.raw for each in log.filter(kind="handshake")][1:]  # type: ignore[union-attr]
        # A client that finds no status line reads no further than it has to.
        assert answers[0].startswith(came[0])


@both_kinds
@pytest.mark.parametrize("by", ["route", "hook"])
def test_a_late_answer(kind: str, by: str) -> None:
    def options(seconds: float) -> dict[str, Any]:
        late = [faults.named("late answer", seconds=seconds)]
        if by == "route":
            return {"faults": late}
        return {"handshake": lambda handshake: handshake.accept(faults=late)}

    with serving(handler_of(kind, echo), **options(60)) as server:
        with pytest.raises(HandshakeFailed, match=r"no answer came within 0\.5 s"):
            connect(server.url, timeout=0.5)
        assert closed(server.log).status is None
        assert not server.log.filter(kind="opened")[:]
    with serving(handler_of(kind, echo), **options(0.01)) as server:
        with connect(server.url) as client:
            client.send_text("a")
            assert client.recv(10).value == "a"
        assert told(server.log, faults.named("late answer"))


# ------------------------------------------------------------ after the 101


def at(
    end: str, name: str | Fault, kind: str = "def", *, close_timeout: float = 0.2
) -> tuple[Server, WebSocket]:
    """Run a server and connect to it; this end commits a fault from the beginning."""
    server = Server(port=0)
    server.close_timeout = close_timeout
    lies = [name]
    server.websocket("/", handler_of(kind, echo), faults=lies if end == "server" else [])
    server.run()
    client = connect(
        server.url, close_timeout=close_timeout, faults=lies if end == "client" else []
    )
    wait_until(lambda: len(server.connections) == 1)
    return server, client


def close_from_the_honest_end(end: str, server: Server, client: WebSocket) -> Any:
    """Close, and return what the honest end has on record."""
    if end == "server":
        client.close()
        return closed(client.log)
    server.connections[0].send_close(1000)
    return closed(server.log)


ENDS = pytest.mark.parametrize("end", ["server", "client"])


@ENDS
@both_kinds
@pytest.mark.parametrize("name", ["CLOSE not answered", "reading that stops"])
def test_a_close_that_is_not_answered(end: str, kind: str, name: str) -> None:
    server, client = at(end, name, kind)
    with server:
        record = close_from_the_honest_end(end, server, client)
        assert (record.sent.code, record.received, record.tcp) == (1000, None, "timeout")
        assert record.code == 1006
        client.drop()
        client.wait_closed(10)
        assert told(server.log if end == "server" else client.log, faults.named(name))


@ENDS
def test_an_end_that_keeps_its_close_gives_it_to_its_handler(end: str) -> None:
    server, client = at(end, "CLOSE not answered")
    with server:
        if end == "client":
            server.connections[0].send_close(3000)
            assert client.recv(10).type == "close"
            with pytest.raises(ConnectionClosed):
                client.recv(10)
        client.drop()
        client.wait_closed(10)


@ENDS
@both_kinds
def test_a_late_close(end: str, kind: str) -> None:
    server, client = at(end, faults.named("late CLOSE", seconds=0.01), kind, close_timeout=20)
    with server:
        record = close_from_the_honest_end(end, server, client)
        assert (record.received.code, record.tcp) == (1000, "closed")
    server, client = at(end, faults.named("late CLOSE", seconds=30), kind)
    with server:
        record = close_from_the_honest_end(end, server, client)
        assert (record.received, record.tcp) == (None, "timeout")


@ENDS
@both_kinds
def test_tcp_that_is_left_open(end: str, kind: str) -> None:
    server, client = at(end, "TCP left open", kind)
    with server:
        record = close_from_the_honest_end(end, server, client)
        assert (record.sent.code, record.received.code, record.tcp) == (1000, 1000, "timeout")
        client.drop()
        client.wait_closed(10)


@ENDS
@both_kinds
def test_a_pong_with_another_payload(end: str, kind: str) -> None:
    server, client = at(end, "PONG with another payload", kind)
    with server:
        honest = client.log if end == "server" else server.log
        sender = client if end == "server" else server.connections[0]
        sender.send_ping(b"a")
        pong = honest.wait_for(kind="frame", type="pong", timeout=records.DEADLINE)
        assert isinstance(pong, FrameRecord)
        assert pong.payload == b"another payload"
        assert sender.latency is None  # nothing came for its PING
        client.close()


@both_kinds
def test_the_same_masking_key_each_time(kind: str) -> None:
    server, client = at("client", "same masking key each time", kind)
    with server:
        for _ in range(3):
            client.send_text("Hello")
            assert client.recv(10).value == "Hello"
        client.close()
        received = records.frames(server.log, direction="received")
        assert {frame.frame.masking_key for frame in received} == {KEY}
        assert [frame.payload for frame in received][:3] == [b"Hello"] * 3


@ENDS
def test_reading_may_go_on_after_a_while(end: str) -> None:
    server, client = at(end, faults.named("reading that stops", seconds=0.01), close_timeout=20)
    with server:
        record = close_from_the_honest_end(end, server, client)
        assert (record.received.code, record.tcp) == (1000, "closed")


# ------------------------------------------------- on an open connection


@ENDS
@pytest.mark.parametrize("name", ["reserved opcode", "broken UTF-8", "dropped TCP"])
def test_a_frame_that_breaks_a_rule(end: str, name: str) -> None:
    with serving(handler_of("def", echo)) as server, connect(server.url) as client:
        wait_until(lambda: server.connections)
        liar = server.connections[0] if end == "server" else client
        liar.break_rule(name)
        record = closed(client.log if end == "server" else server.log)
        code = faults.named(name).code
        assert (record.sent and record.sent.code) == code
        with pytest.raises(ConnectionClosed):
            liar.wait_closed(10)
            liar.break_rule("reserved opcode")


def test_an_awaitable_socket_breaks_rules_as_well() -> None:
    async def handle(socket: Any) -> None:
        await socket.break_rule("PONG with another payload")
        await socket.recv()
        if socket.request.path == "/?drop":
            await socket.break_rule("dropped TCP")
        else:
            await socket.break_rule("reserved opcode")
        async for _ in socket:
            pass

    with serving(handle) as server:
        with connect(server.url) as client:
            client.send_ping(b"a")
            assert client.recv(10) == Message("pong", b"another payload")
            assert closed(client.log).sent.code == 1002
        with connect(server.url + "?drop") as client:
            client.send_ping(b"a")
            client.wait_closed(10)
            assert client.close_code == 1006


def test_what_is_not_a_rule_to_break_here() -> None:
    with serving(handler_of("def", echo)) as server, connect(server.url) as client:
        for name in ("nothing", "answer that is not HTTP", 7):
            with pytest.raises(LocalError, match="no fault has the name"):
                client.break_rule(name)  # type: ignore[arg-type]
        with pytest.raises(LocalError, match="no fault has the name"):
            server.connections[0].break_rule("same masking key each time")
    with pytest.raises(LocalError, match="no fault has the name 'answer that is not HTTP'"):
        connect("ws://127.0.0.1:9/", faults=["answer that is not HTTP"])
    with pytest.raises(LocalError, match="no fault has the name 'two keys'"):
        Server().websocket("/", handler_of("def", echo), faults=["two keys"])


# ------------------------------------------------------------------ the shelf


def test_the_shelf_as_text() -> None:
    shelf = faults.shelf()
    assert (
        "late CLOSE (conduct; server or client; RFC 6455, section 5.5.1)\n"
        "    An end answers a CLOSE frame as soon as practical, and this one waits.\n"
        "    The other end waits for a while, and may close TCP before the answer comes.\n"
    ) in shelf
    assert all(f"{fault.name} (" in shelf for fault in FAULTS)
    assert faults.named("late CLOSE", seconds=3).seconds == 3
    assert faults.named("late CLOSE").seconds == 1.0
    with pytest.raises(KeyError, match="no fault has the name"):
        faults.named("nothing")


PAGE = (REPOSITORY / "docs" / "faults.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)


def test_each_row_of_the_rfc_is_broken_by_a_call() -> None:
    """The numbers are those of the rows that an endpoint can break, sections 4 to 10."""
    assert [int(row[0]) for row in ROWS] == list(range(1, 30))
    names = {fault.name for fault in FAULTS}
    calls = "\n".join(row[3] for row in ROWS)
    assert set(re.findall(r'(?:faults=\[|break_rule\()"([^"]+)"', calls)) <= names
    assert names - set(re.findall(r'"([^"]+)"', calls)) == set()


@both_kinds
@pytest.mark.parametrize("liar", ["client", "server"])
def test_data_after_a_close_frame_is_ignored_and_on_record(liar: str, kind: str) -> None:
    with serving(handler_of(kind, echo)) as server, connect(server.url) as client:
        if liar == "client":
            client.break_rule("data after CLOSE")
        else:
            [socket] = server.connections
            socket.break_rule("data after CLOSE")
        client.wait_closed(records.DEADLINE)
        closed(server.log)
        honest, own = (server.log, client.log) if liar == "client" else (client.log, server.log)
        verdicts = [
            record.verdict
            for record in honest.filter(type="text", direction="received")
            if isinstance(record, FrameRecord)
        ]
        assert verdicts == ["ignored: it came after the CLOSE frame"]
        sent = own.filter(kind="frame", direction="sent")
        assert [each.type for each in sent if isinstance(each, FrameRecord)] == ["close", "text"]
        assert closed(honest).first == liar
