"""What every end of a connection has before a frame comes: transport, timer, records."""

from __future__ import annotations

import asyncio
from typing import Any

from astra_nb import FrameLog, seeded
from astra_nb.net.endpoint import LARGE, SMALL, Endpoint
from astra_nb.wire.frames import encode
from astra_nb.wire.messages import Side
from fuzz.memory import MemoryTransport

from .memory import in_memory

HEAD = b"GET /?token=abc HTTP/1.1\r\nCookie: a=b\r\n\r\n"
HELLO = encode(1, b"Hello")


class Bare(Endpoint):
    """An endpoint whose inner steps a test may call, as its subclasses do."""

    __slots__ = ("side",)

    def __init__(self, side: Side, tap: FrameLog) -> None:
        self.side = side
        super().__init__(3, tap)

    set_timer = Endpoint._set_timer
    adapt_reads = Endpoint._adapt_reads


@in_memory
async def test_what_is_recorded_hides_secrets() -> None:
    log = FrameLog()
    end = Bare("server", log)
    end.connection_made(MemoryTransport())
    end.record_head(HEAD)
    end.record_opening("/?token=abc", "chat", [])
    end.recorder("sent")(HELLO, 1)
    end.notice("a sentence")
    head, opened, frame, notice = log
    assert [each.connection for each in log] == [3] * 4
    assert (head.kind, opened.kind, frame.kind, notice.kind) == (
        "handshake",
        "opened",
        "frame",
        "notice",
    )
    assert (head.direction, head.raw.count(b"<hidden>")) == ("received", 2)  # type: ignore[union-attr]
    assert (opened.peer, opened.path, opened.subprotocol) == (  # type: ignore[union-attr]
        end.peer,
        "/?token=<hidden>",
        "chat",
    )


@in_memory
async def test_without_a_log_nothing_is_recorded() -> None:
    log = FrameLog(recording=False)
    end = Bare("client", log)
    end.connection_made(MemoryTransport())
    end.record_head(HEAD)
    end.record_opening("/", None, [])
    end.notice("a sentence")
    end.recorder("sent")(HELLO, 1)
    assert list(log) == []


@in_memory
async def test_a_timer_takes_the_place_of_the_one_before() -> None:
    end, done = Bare("server", FrameLog()), asyncio.Event()
    called: list[str] = []
    end.set_timer(0, lambda: called.append("first"))
    end.set_timer(0, done.set)
    await done.wait()
    end.set_timer(0, lambda: called.append("third"))
    end.set_timer(None)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert called == []


@in_memory
async def test_with_a_seed_a_server_leaves_the_port_of_a_client_out() -> None:
    before, seeded.current = seeded.current, seeded.Seeded(7)
    try:
        peers = []
        sides: tuple[Side, ...] = ("server", "client")
        for side in sides:
            end = Bare(side, FrameLog())
            end.connection_made(MemoryTransport())
            peers.append(end.peer)
    finally:
        seeded.current = before
    assert peers[0] == peers[1].rpartition(":")[0]


@in_memory
async def test_reads_are_large_while_much_comes() -> None:
    transport: Any = MemoryTransport()
    transport.max_size = LARGE  # as asyncio begins
    end = Bare("server", FrameLog())
    end.connection_made(transport)
    for came, then in (
        (64, SMALL),
        (SMALL - 1, SMALL),
        (SMALL, LARGE),  # filled: there may be more
        (SMALL + 1, LARGE),
        (LARGE, LARGE),
        (SMALL, SMALL),
        (64, SMALL),
    ):
        end.adapt_reads(came)
        assert (end._read_size, transport.max_size) == (then, then)


@in_memory
async def test_a_transport_of_another_kind_decides_for_itself() -> None:
    for came, then in (64, SMALL), (LARGE, LARGE):
        end = Bare("server", FrameLog())
        end.connection_made(MemoryTransport())
        end.adapt_reads(came)
        assert end._read_size == then
        assert not hasattr(end.transport, "max_size")
