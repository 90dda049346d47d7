"""A tap passes what two strangers say to each other byte for byte, and keeps what it saw."""

from __future__ import annotations

import gc
import random
import re
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from astra_nb import Rule, Server, connect, errors, make_certificates, tap
from astra_nb.log.records import ClosedRecord, FrameRecord, HandshakeRecord, NoticeRecord
from astra_nb.tap import Passing, Tap
from astra_nb.widgets import Panel
from astra_nb.wire.frames import encode
from astra_nb.wire.messages import CloseFrame, Side, other_end
from tests.conformance.octets import frame, mask_all
from tests.helpers import REPOSITORY, free_port, run_python, wait_until
from tests.real_peers import http_proxy, listens, socks_proxy
from tests.tapped import REQUEST, Ends, read, read_head, read_to_end, reset, two_ends

ENDS: tuple[Side, ...] = ("client", "server")
CODES = [*range(1000, 1016), 3000, 4000, None]


def frames(t: Tap, end: Side, sender: Side) -> list[FrameRecord]:
    """Return the frames that a sender sent, as they are on record on the leg to an end."""
    return [one for one in t.leg(end) if isinstance(one, FrameRecord) and one.sender == sender]


def closed(t: Tap) -> list[ClosedRecord]:
    """Return how both legs ended, the client's first."""
    wait_until(lambda: len(t.log.filter(kind="closed")) == 2)
    records = [cast(ClosedRecord, one) for one in t.log.filter(kind="closed")]
    return sorted(records, key=lambda one: one.connection)


def notices(t: Tap) -> str:
    return "\n".join(
        one.text for one in t.log.filter(kind="notice") if isinstance(one, NoticeRecord)
    )


# Byte for byte


def random_stream(
    seed: int, count: int, sender: Side, *, deflate: bool
) -> tuple[bytes, list[bytes | None]]:
    """Return frames of all kinds as a sender sends them, and what is compressed in each."""
    chance = random.Random(seed)
    coder = PerMessageDeflate(False, False, 15, 15)
    stream = bytearray()
    plain: list[bytes | None] = []
    in_message = compressed = False

    def put(opcode: int, payload: bytes, fin: bool, rsv: int = 0) -> None:
        key = chance.randbytes(4) if sender == "client" else None
        stream.extend(encode(opcode, payload, fin=fin, rsv=rsv, key=key))

    for number in range(count):
        last = number == count - 1
        if chance.random() < 0.2 and not last:
            put(chance.choice([9, 10]), chance.randbytes(chance.randrange(126)), True)
            plain.append(None)
            continue
        size = chance.choice([0, 1, 5, 60, 125, 126, 127, 400, 3000])
        text = (b"compressible " * (size // 13 + 1))[:size]
        fin = last or chance.random() < 0.6
        opcode = 0 if in_message else chance.choice([1, 2])
        compressed = compressed if in_message else deflate and chance.random() < 0.8
        if compressed:
            made = coder.encode(Frame(Opcode(opcode), text, fin))
            put(opcode, bytes(made.data), fin, 0 if in_message else 4)
        else:
            put(opcode, text, fin)
        plain.append(text if compressed else None)
        in_message = not fin
    return bytes(stream), plain


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
def test_10_000_random_frames_arrive_as_they_left(deflate: bool) -> None:
    answered = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else ""
    with two_ends() as ends:
        ends.tap.log.max_bytes = 2**28
        ends.tap.log.redact = None  # nothing is hidden here, and much is read
        ends.upgrade(answered, answered)
        for seed, sender in enumerate(ENDS):
            stream, plain = random_stream(seed, 10_000, sender, deflate=deflate)
            assert ends.send(sender, stream) == stream
            for end in ENDS:
                on_record = frames(ends.tap, end, sender)
                assert b"".join(one.frame.raw for one in on_record) == stream
                assert [one.message for one in on_record] == plain
                assert not any(one.verdict for one in on_record)


def test_what_is_not_websocket_after_the_handshake_passes_too() -> None:
    with two_ends() as ends:
        ends.upgrade()
        for sender in ENDS:
            noise = random.Random(3).randbytes(300_000)
            assert ends.send(sender, noise) == noise
        assert len(ends.tap.log.filter(kind="frame")) > 0


def test_the_handshake_passes_untouched_and_is_on_record_on_both_legs() -> None:
    with two_ends() as ends:
        asked = "oRiGiN:  http://127.0.0.1:1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
        request, answer = ends.upgrade(asked, "X-Odd:\tyes \r\n")
        assert request.endswith(f"13\r\n{asked}\r\n".encode())
        assert answer.endswith(b"X-Odd:\tyes \r\n\r\n")
        heads = [cast(HandshakeRecord, one) for one in ends.tap.log.filter(kind="handshake")]
        assert [(one.connection, one.side, one.direction, one.raw) for one in heads] == [
            (1, "server", "received", request),
            (2, "client", "sent", request),
            (2, "client", "received", answer),
            (1, "server", "sent", answer),
        ]
        assert "rewrote" not in notices(ends.tap)


def test_what_is_forwarded_is_on_record_already() -> None:
    with two_ends() as ends:
        ends.upgrade()
        for sender in ENDS:
            for number in range(50):
                one = frame(1, b"%d" % number)
                one = mask_all(one) if sender == "client" else one
                ends.send(sender, one)
                last = frames(ends.tap, other_end(sender), sender)[-1]
                assert last.payload == b"%d" % number


@pytest.mark.parametrize(
    "status", [b"401 Unauthorized", b"403 Forbidden", b"307 Temporary Redirect"]
)
def test_a_refusal_passes_as_it_is_and_the_next_try_too(status: bytes) -> None:
    answer = (
        b"HTTP/1.1 " + status + b"\r\nWWW-Authenticate: Basic\r\nLocation: http://127.0.0.1:9/\r\n"
        b"Content-Length: 5\r\n\r\nno, 1"
    )
    with two_ends() as ends:
        ends.client.sendall(REQUEST.format(host="127.0.0.1", more="").encode())
        read_head(ends.server)
        assert ends.send("server", answer) == answer
        [one, other] = closed(ends.tap)
        assert one.status == other.status == int(status[:3])
        ends.upgrade()  # on the same TCP connection
        assert [one.connection for one in ends.tap.log.filter(kind="opened")] == [3, 4]


@pytest.mark.parametrize("sender", ENDS)
def test_close_frames_arrive_as_they_left(sender: Side) -> None:
    with two_ends() as ends:
        with (
            socket.create_server(("127.0.0.1", 0)) as listening,
            tap(f"ws://127.0.0.1:{listening.getsockname()[1]}") as t,
        ):
            for code in CODES:
                client = socket.create_connection(("127.0.0.1", t.port), 20)
                server, _ = listening.accept()
                server.settimeout(20)
                one = Ends(t, client, server)
                one.upgrade()
                payload = b"" if code is None else code.to_bytes(2, "big") + b"why"
                close = frame(8, payload)
                close = mask_all(close) if sender == "client" else close
                assert one.send(sender, close) == close
                one.sockets(sender)[0].shutdown(socket.SHUT_WR)
                assert read_to_end(one.sockets(sender)[1]) == (b"", "eof")  # and no word more
                one.close()
                wait_until(lambda: len(t.log.filter(kind="closed")) == 2)
                expected = CloseFrame(1005) if code is None else CloseFrame(code, "why")
                for record in closed(t):
                    assert record.first == sender
                    said = record.received if record.side != sender else record.sent
                    assert said == expected
                t.log.clear()
        assert ends.tap.running


@pytest.mark.parametrize("sender", ENDS)
def test_a_reset_arrives_as_a_reset_after_what_came_before(sender: Side) -> None:
    with two_ends() as ends:
        ends.upgrade()
        last = frame(8, b"\x03\xe8")
        last = mask_all(last) if sender == "client" else last
        one, other = ends.sockets(sender)
        assert ends.send(sender, last) == last
        reset(one)
        assert read_to_end(other) == (b"", "reset")
        assert [record.tcp for record in closed(ends.tap)] == ["reset", "reset"]
        assert f"The {sender} reset TCP." in notices(ends.tap)


@pytest.mark.parametrize("sender", ENDS)
def test_an_end_that_has_sent_fin_still_receives(sender: Side) -> None:
    with two_ends() as ends:
        ends.upgrade()
        one, other = ends.sockets(sender)
        one.shutdown(socket.SHUT_WR)
        assert read_to_end(other) == (b"", "eof")
        late = frame(1, b"still here")
        assert ends.send(other_end(sender), late) == late
        other.close()
        assert read_to_end(one) == (b"", "eof")
        assert {record.tcp for record in closed(ends.tap)} == {f"dropped by {sender}"}


def test_a_frame_that_breaks_off_is_on_record() -> None:
    with two_ends() as ends:
        ends.upgrade()
        cut = frame(2, b"x" * 300)[:100]
        assert ends.send("server", cut) == cut
        ends.close()
        closed(ends.tap)
        assert [one.frame.raw for one in frames(ends.tap, "client", "server")] == [cut]


# HTTP


class Pages:
    """A server of others: pages of every form, over one TCP connection at a time."""

    def __init__(self, ends: Ends) -> None:
        self.ends = ends

    def exchange(self, request: bytes, answer: bytes) -> None:
        assert self.ends.send("client", request) == request
        assert self.ends.send("server", answer) == answer


def test_http_passes_off_the_record_and_a_websocket_may_follow() -> None:
    with two_ends() as ends:
        pages = Pages(ends)
        host = b"Host: 127.0.0.1\r\n"
        pages.exchange(
            b"GET / HTTP/1.1\r\n" + host + b"\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\x81\x01a",
        )
        pages.exchange(
            b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n0\r\nTrailer: yes\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n0\r\n\r\n",
        )
        pages.exchange(
            b"HEAD / HTTP/1.1\r\n" + host + b"\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n",
        )
        pages.exchange(  # two at once
            2 * (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 2\r\n\r\nhi"),
            2 * b"HTTP/1.1 204 No Content\r\n\r\n",
        )
        assert len(ends.tap.log.filter(connection=1)) == 0
        ends.upgrade()
        assert ends.send("server", frame(1, b"a")) == frame(1, b"a")
        assert [one.payload for one in frames(ends.tap, "client", "server")] == [b"a"]


def test_a_page_whose_end_is_that_of_tcp_passes() -> None:
    with two_ends() as ends:
        Pages(ends).exchange(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n" + b"page" * 1000)
        ends.server.close()
        assert read_to_end(ends.client) == (b"", "eof")


def test_what_is_not_http_passes_unread_and_a_record_says_so() -> None:
    with two_ends() as ends:
        Pages(ends).exchange(b"SSH-2.0-client\r\n\r\n", b"SSH-2.0-server\r\n")
        assert "pass unread" in notices(ends.tap)


# Who may come, and where it leads


def test_a_foreign_host_is_refused_as_by_a_server() -> None:
    with two_ends() as ends:
        ends.client.sendall(REQUEST.format(host="evil.example:80", more="").encode())
        data, _ = read_to_end(ends.client)
        assert data.startswith(b"HTTP/1.1 421 ")
        assert b"evil" not in data
        assert read_to_end(ends.server)[0] == b""
    with two_ends(hosts=["evil.example"]) as ends:
        ends.client.sendall(REQUEST.format(host="evil.example:80", more="").encode())
        assert b"evil.example" in read_head(ends.server)


def test_a_server_that_is_not_there_is_a_502_that_says_why() -> None:
    with tap(f"ws://127.0.0.1:{free_port()}") as t:
        with pytest.raises(errors.HandshakeFailed, match="Connection refused") as failed:
            connect(t.url)
        assert failed.value.status == 502
        with pytest.raises(urllib.error.HTTPError, match="502"):
            urllib.request.urlopen(t.http_url)
        assert "The server was not reached: no TCP connection" in notices(t)
        [one] = t.log.filter(kind="closed")
        assert cast(ClosedRecord, one).status == 502


def test_tls_on_either_leg_and_the_rewriting_is_on_record(tmp_path: Any) -> None:
    certificates = make_certificates()
    server = Server(port=0, ssl=certificates.server)
    server.websocket("/", lambda socket: socket.send_text(str(socket.request.headers["Host"])))
    with server, tap(server.url, ssl=certificates.server, upstream_ssl=certificates.client) as t:
        origin = f"https://127.0.0.1:{t.port}"
        assert t.url.startswith("wss://127.0.0.1:")
        client = connect(t.url, ssl=certificates.client, origin=origin)
        assert client.recv().value == f"127.0.0.1:{server.port}"
        client.close()
        said = notices(t)
        assert f'rewrote Host: "127.0.0.1:{t.port}" became "127.0.0.1:{server.port}"' in said
        assert f'rewrote Origin: "{origin}" became "https://127.0.0.1:{server.port}"' in said
        sent = next(one for one in t.leg("server") if isinstance(one, HandshakeRecord))
        assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in sent.raw


def test_a_server_with_an_untrusted_certificate_is_a_502() -> None:
    with Server(port=0, ssl=make_certificates().server) as server:
        with tap(server.url, upstream_ssl=make_certificates().client) as t:
            with pytest.raises(errors.HandshakeFailed, match="its certificate is not valid here"):
                connect(t.url)


PROXIES = {"http": http_proxy, "socks5h": socks_proxy}


@pytest.mark.parametrize("scheme", PROXIES)
def test_a_proxy_on_the_way_to_the_server(scheme: str, tmp_path: Path) -> None:
    server = Server(port=0)
    server.websocket("/", lambda socket: socket.send_text(str(socket.recv().value)))
    with server, PROXIES[scheme](tmp_path, "me opensesame") as port:
        with tap(server.url, proxy=f"{scheme}://me:opensesame@127.0.0.1:{port}") as t:
            with connect(t.url) as client:
                client.send_text("through both")
                assert client.recv().value == "through both"
            closed(t)
            assert f"through the proxy {scheme}://127.0.0.1:{port}" in notices(t)
            assert "opensesame" not in t.log.to_jsonl()
        with tap(server.url, proxy=f"{scheme}://me:s3cr3t@127.0.0.1:{port}") as t:
            with pytest.raises(errors.HandshakeFailed, match="502") as refused:
                connect(t.url)
            assert f"the proxy {scheme}://127.0.0.1:{port} " in str(refused.value.body)
            assert "s3cr3t" not in f"{refused.value} {refused.value.body!r} {t.log.to_jsonl()}"


def test_secrets_are_hidden() -> None:
    with two_ends() as ends:
        secret = "s3cr3tv4lu3"
        request, _ = ends.upgrade(
            f"Cookie: id={secret}\r\nAuthorization: Bearer {secret}\r\n",
            f"Set-Cookie: a={secret}\r\n",
        )
        assert request.count(secret.encode()) == 2
        assert secret not in ends.tap.log.to_jsonl()
    with tap(f"ws://127.0.0.1:{free_port()}/?token={secret}") as t:
        assert t.url.endswith(f"/?token={secret}")
        assert secret not in repr(t) + t.log.to_jsonl()


# Slow ends


def test_an_end_that_does_not_read_holds_up_the_other_one() -> None:
    one = frame(2, bytes(2**16))
    with two_ends() as ends:
        ends.tap.log.max_bytes = 2**20
        ends.upgrade()
        ends.server.setblocking(False)
        sent = 0
        stuck = 0
        while stuck < 50:  # looks, each after the loop has done what it could
            try:
                sent += ends.server.send(one)
                stuck = 0
            except BlockingIOError:
                len(ends.tap.log)
                stuck += 1
            assert sent < 2**27, "a client that reads nothing has held up nobody"
        ends.server.settimeout(20)
        left = -sent % len(one)
        received = 0
        if left:
            received = len(ends.send("server", one[-left:], bytes(sent + left)))
        assert received == sent + left


def test_a_frame_beyond_all_bounds_passes_and_is_not_kept() -> None:
    size = 40 * 2**20
    head = bytes((0x82, 127)) + size.to_bytes(8, "big")
    with two_ends() as ends:
        ends.upgrade()
        assert ends.send("server", head + bytes(size)) == head + bytes(size)
        assert ends.send("server", frame(1, b"after")) == frame(1, b"after")
        [long, after] = frames(ends.tap, "client", "server")
        assert long.frame.payload_length == size
        assert len(long.frame.raw) < 2**18
        assert "not kept" in long.verdict
        assert after.payload == b"after"


# Rules


@contextmanager
def ruled(*rules: Any) -> Iterator[Ends]:
    with two_ends(rules=rules) as ends:
        ends.upgrade()
        yield ends


def text(value: str, sender: str = "server") -> bytes:
    one = frame(1, value.encode())
    return mask_all(one) if sender == "client" else one


def test_without_effect_a_rule_lets_the_bytes_be() -> None:
    seen: list[Passing] = []
    with ruled(seen.append) as ends:
        for seed, sender in enumerate(ENDS):
            stream, _ = random_stream(seed, 500, sender, deflate=False)
            # A control frame overtakes the fragments around it, which wait for their last one.
            assert len(ends.send(sender, stream)) == len(stream)
        assert {one.sender for one in seen} == {"client", "server"}
        assert max(one.fragments for one in seen) > 3
        alone = text("whole") + frame(2, b"bytes") + frame(9, b"p")
        assert ends.send("server", alone) == alone
        assert [one.value for one in seen[-3:]] == ["whole", b"bytes", b"p"]


def test_drop_and_replace_and_inject() -> None:
    def rule(message: Passing) -> None:
        if message.value == "drop":
            message.drop()
        elif message.value == "replace":
            message.replace("another")
        elif message.value == "inject":
            message.inject("text", "before", before=True)
            message.inject("ping", b"after")
            message.inject("close", 1001, to="server")

    with ruled(rule) as ends:
        sent = text("drop") + text("replace") + text("inject")
        expected = text("another") + text("before") + text("inject") + frame(9, b"after")
        assert ends.send("server", sent, expected) == expected
        back = ends.server.recv(100)
        assert back[:2] == bytes((0x88, 0x82))  # masked, as each frame of a client
        said = notices(ends.tap)
        assert "A rule dropped it: a text message from the server." in said
        assert [one.payload for one in frames(ends.tap, "server", "server")] == [
            b"drop", b"replace", b"inject",
        ]  # fmt: skip
        assert [one.payload for one in frames(ends.tap, "client", "server")] == [
            b"another", b"before", b"inject", b"after",
        ]  # fmt: skip


def test_delay_and_hold_keep_the_order() -> None:
    def rule(message: Passing) -> None:
        if message.value == "later":
            message.delay(0.05)
        if message.value == "hold":
            message.hold()

    with ruled(rule) as ends:
        sent = text("later") + text("next") + text("hold") + text("last")
        first = text("later") + text("next")
        assert ends.send("server", sent, first) == first
        later, after = frames(ends.tap, "client", "server")
        came = frames(ends.tap, "server", "server")[0]
        assert later.time - came.time >= 0.049
        assert after.time >= later.time
        ends.server.shutdown(socket.SHUT_WR)
        assert len(frames(ends.tap, "client", "server")) == 2
        assert ends.tap.release() == 1
        assert ends.tap.release() == 0
        assert read_to_end(ends.client) == (text("hold") + text("last"), "eof")


@pytest.mark.parametrize("sender", ENDS)
def test_cut_ends_tcp_within_a_frame(sender: Side) -> None:
    with ruled(lambda message: message.cut(after=3)) as ends:
        one = text("never whole", sender)
        assert ends.send(sender, one, one[:3]) == one[:3]
        assert [read_to_end(each)[1] for each in ends.sockets(sender)] == ["reset", "reset"]
        assert all("A rule of the tap ended TCP" in one.why_closed for one in closed(ends.tap))


def test_a_rule_that_fails_is_on_record_and_the_message_passes() -> None:
    def rule(message: Passing) -> None:
        message.replace(b"not a text", type="text")

    with ruled(rule) as ends:
        assert ends.send("server", text("x")) == text("x")
        [error] = ends.tap.log.filter(kind="error")
        assert "InvalidMessage: a text message takes a str" in str(error)


def test_rules_that_are_added_count_from_the_next_message() -> None:
    with two_ends() as ends:
        ends.upgrade()
        assert ends.send("server", text("x")[:2]) == text("x")[:2]
        ends.tap.rules.append(lambda message: message.drop())
        expected = text("x")[2:]
        assert ends.send("server", expected) == expected  # of a message that was under way
        ends.send("server", text("y") + frame(9, b""), b"")
        wait_until(lambda: notices(ends.tap).count("dropped it") == 2)
        ends.tap.rules.clear()
        assert ends.send("server", text("z")) == text("z")


def test_the_offer_of_compression_is_removed_for_rules_and_a_record_says_so() -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other\r\n"
    with two_ends(rules=[lambda message: None]) as ends:
        request, _ = ends.upgrade(offer)
        assert b"Sec-WebSocket-Extensions: x-other\r\n" in request
        assert "permessage-deflate was removed" in notices(ends.tap)
    with two_ends(rules=[lambda message: message.drop()]) as ends:
        agreed = "Sec-WebSocket-Extensions: x-other\r\n"
        ends.upgrade(agreed, agreed)
        assert ends.send("server", text("opaque")) == text("opaque")
        assert "no rule sees them" in notices(ends.tap)
    with two_ends() as ends:
        ends.upgrade(agreed, agreed)
        ends.tap.rules.append(Rule("drop"))  # too late for this connection
        for _ in range(2):
            assert ends.send("server", text("opaque")) == text("opaque")
        assert notices(ends.tap).count("no rule sees them") == 1


def test_one_message_that_is_held_goes_on_alone_or_changed() -> None:
    with ruled(Rule("hold", sender="server")) as ends:
        ends.server.sendall(text("a") + text("b"))
        wait_until(lambda: len(ends.tap.held) == 2)
        assert [(number, one.value) for number, one in ends.tap.held.items()] == [
            (1, "a"), (2, "b"),
        ]  # fmt: skip
        with pytest.raises(errors.InvalidMessage, match="a text message takes a str"):
            ends.tap.release(1, b"A")
        assert ends.tap.release(1, "A") == 1
        with pytest.raises(errors.LocalError, match="message 1 is not held now; held: 2"):
            ends.tap.release(1)
        with pytest.raises(errors.LocalError, match=r"one message: release\(number, value\)"):
            ends.tap.release(value="A")
        assert ends.tap.release(2) == 1
        assert read(ends.client, 6) == text("A") + text("b")
        ends.server.sendall(text("c"))
        wait_until(lambda: len(ends.tap.held) == 1)
    assert ends.tap.held == {}


# As an object


def test_unchanged_ends_of_ours() -> None:
    server = Server(port=0)

    @server.websocket("/echo/{name}", subprotocols=["chat"])
    def echo(socket: Any) -> None:
        for message in socket:
            if message.type == "text":
                socket.send_text(socket.request.path + message.value)

    with server, tap(server.url + "echo/x") as t:
        assert t.url == f"ws://127.0.0.1:{t.port}/echo/x"
        client = connect(t.url, subprotocols=["chat"])
        client.send_text("1")
        assert client.recv().value == "/echo/x1"
        client.close(4000, "done")
        assert [one.why_closed for one in closed(t)] == 2 * [
            'The client closed first with 4000 (private code), reason "done"; the server answered '
            'with 4000 (private code), reason "done" (RFC 6455, section 7.1.2).'
        ]
        assert [one.value for one in t.leg("client").messages if one.type == "text"] == [
            "1",
            "/echo/x1",
        ]
        for one, next_one in pairwise(t.log):
            assert one.number < next_one.number


def test_shutdown_resets_what_is_open_and_gives_the_port_back() -> None:
    with two_ends() as ends:
        ends.upgrade()
        assert ends.tap.running
        ends.tap.shutdown()
        ends.tap.shutdown()
        assert not ends.tap.running
        assert read_to_end(ends.client) == (b"", "reset")
        assert read_to_end(ends.server) == (b"", "reset")
        assert all("The tap was shut down" in one.why_closed for one in closed(ends.tap))
        socket.create_server(("127.0.0.1", ends.tap.port)).close()
        assert ends.tap.release() == 0


def test_a_cell_that_is_run_again_replaces_its_tap_and_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.modules["astra_nb.tap"], "current_cell", lambda: "cell")
    monkeypatch.setattr("astra_nb.server.current_cell", lambda: "cell")
    with Server(port=0) as server, tap(server.url) as outer, tap(outer.url) as inner:
        assert server.running
        assert outer.running
        assert inner.running
        with tap(server.url) as again:
            assert not outer.running
            assert again.port == outer.port
            assert inner.running
    assert capsys.readouterr().out == f"Replaced the tap that was running at {outer.url}.\n"


def test_a_tap_that_nothing_refers_to_closes() -> None:
    lost = [tap(f"ws://127.0.0.1:{free_port()}")]
    port = lost[0].port
    with pytest.warns(ResourceWarning, match="the tap at ws://"):
        lost.clear()
        gc.collect()
    wait_until(lambda: not listens(port))


def test_rules_put_in_the_place_of_others_act_on_open_connections() -> None:
    with two_ends() as ends:
        ends.upgrade()
        ends.tap.rules = [Rule("replace", "43", text="42")]
        assert ends.send("server", encode(1, b"42"), encode(1, b"43")) == encode(1, b"43")
        with pytest.raises(errors.LocalError, match="rules is a list"):
            ends.tap.rules = Rule("drop")  # type: ignore[assignment]
        ends.tap.rules = []
        assert ends.send("server", encode(1, b"42")) == encode(1, b"42")


def test_a_tap_that_does_not_check_its_server_warns() -> None:
    with pytest.warns(UserWarning, match="upstream_ssl=False: anyone on the way") as caught:
        with tap(f"wss://127.0.0.1:{free_port()}", upstream_ssl=False) as t:
            assert t.running
    assert caught[0].filename == __file__


@pytest.mark.parametrize("hostname", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_tap_before_itself_is_refused_and_replaces_nothing(hostname: str) -> None:
    with Server(port=0) as server:
        with pytest.raises(errors.LocalError, match="would stand before itself"):
            tap(server.url, hostname=hostname, port=server.port)
        assert server.running
        with tap(server.url, hostname="127.0.0.2", port=server.port) as t:
            assert t.running


def test_options_that_are_wrong_say_so() -> None:
    with pytest.raises(errors.InvalidMessage, match="not the address of a WebSocket"):
        tap("ftp://127.0.0.1/")
    with pytest.raises(errors.LocalError, match="a rule is a function"):
        tap("ws://127.0.0.1:1", rules=["drop"])  # type: ignore[list-item]
    for wrong, said in (
        ({"rules": Rule("drop")}, "rules is a list"),
        ({"hosts": "my.test"}, "hosts is a list"),
        ({"hosts": [5]}, "hosts holds 5"),
        ({"log": "my log"}, "log is a FrameLog"),
        ({"upstream_ssl": False}, "for an address that begins with wss://"),
    ):
        with pytest.raises(errors.LocalError, match=said):
            tap("ws://127.0.0.1:1", **wrong)
    with tap(f"ws://127.0.0.1:{free_port()}") as t:
        for number in ("1", True, 10**5000):
            with pytest.raises(errors.LocalError, match="held"):
                t.release(number)  # type: ignore[arg-type]
        with pytest.raises(errors.LocalError, match='a leg is the "client"'):
            t.leg("both")  # type: ignore[arg-type]
        assert repr(t).endswith(", running>")
        t.rules.append(print)
        assert repr(t).endswith(", running; 1 rule>")
        panel = t.panel()
        assert isinstance(panel, Panel)
        panel.close()
        with pytest.raises(errors.AddressInUse):
            with socket.create_server(("127.0.0.1", 0)) as taken:
                tap(t.url, port=taken.getsockname()[1])


def test_the_page_about_the_tap_keeps_its_word() -> None:
    page = (REPOSITORY / "docs" / "tap.md").read_text(encoding="utf-8")
    [(code, output)] = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    run = run_python("-W", "error", "-c", code)
    seconds = re.compile(r"\+\d\.\d{3}")
    assert run.stderr == ""
    assert seconds.sub("S", run.stdout) == seconds.sub("S", output)


def test_a_client_that_does_not_begin_tls_leaves_nothing_to_wait_for() -> None:
    with tap("ws://127.0.0.1:9", ssl=make_certificates().server) as t:
        with socket.create_connection(("127.0.0.1", t.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            wait_until(lambda: "did not begin TLS" in t.log.text(["payload"]))
        wait_until(lambda: not t._runner._lines)
