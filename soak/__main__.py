"""`python -m soak`: messages through a faulty proxy; exit status 1 if one goes wrong.

Clients of all kinds echo numbered messages with handlers of all kinds. Every message must come
once, whole and in order, and for each connection the two logs must tell the same: what one end has
received is what the other has sent, up to where TCP was reset.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from astra_nb import AsyncWebSocket, ConnectionClosed, FrameLog, Server, WebSocket, connect
from astra_nb.client import connect_async
from astra_nb.log.records import ClosedRecord, FrameRecord, OpenedRecord, Record

from .proxy import FaultyProxy

__all__ = ["main", "soak"]

EACH = 500  # messages on a connection
AHEAD = 20  # messages that are under way at once
CROWD = 16  # connections at once
PATIENCE = 60.0  # seconds for one connection
PATHS = ("/def", "/async", "/deflate")


class Problem(AssertionError):
    """Something is not true that must be."""


@dataclass
class Session:
    """One connection: its number tells its messages apart from those of all others."""

    number: int
    path: str
    blocking: bool
    payloads: list[str]
    log: FrameLog
    received: int = 0
    reset: bool = False


def require(truth: object, what: str) -> None:
    if not truth:
        raise Problem(what)


def echo(socket: WebSocket) -> None:
    for message in socket:
        if message.type == "text":
            socket.send_text(str(message.value))


async def echo_async(socket: AsyncWebSocket) -> None:
    async for message in socket:
        if message.type == "text":
            await socket.send_text(str(message.value))


def make_session(number: int, count: int, rng: random.Random) -> Session:
    def payload(index: int) -> str:
        return f"{number}:{index}:" + "é" * rng.choice((0, 0, 1, 58, 60, 500, 5000))

    return Session(
        number=number,
        path=PATHS[number % len(PATHS)],
        blocking=number % 2 == 0,
        payloads=[payload(index) for index in range(count)],
        log=FrameLog(max_bytes=2**30),
    )


def take(session: Session, value: object) -> None:
    wanted = session.payloads[session.received]
    require(value == wanted, f"{value!r:.60} came, not {wanted!r:.60}")
    session.received += 1


async def talk(session: Session, url: str) -> None:
    async with connect_async(url, log=session.log, **options(session)) as socket:
        for index, payload in enumerate(session.payloads):
            await socket.send_text(payload)
            if index >= AHEAD:
                take(session, (await socket.recv(PATIENCE)).value)
        while session.received < len(session.payloads):
            take(session, (await socket.recv(PATIENCE)).value)


def talk_blocking(session: Session, url: str) -> None:
    with connect(url, log=session.log, **options(session)) as socket:
        for index, payload in enumerate(session.payloads):
            socket.send_text(payload)
            if index >= AHEAD:
                take(session, socket.recv(PATIENCE).value)
        while session.received < len(session.payloads):
            take(session, socket.recv(PATIENCE).value)


def options(session: Session) -> dict[str, Any]:
    return {"compression": "deflate"} if session.path == "/deflate" else {}


async def run_session(session: Session, url: str) -> None:
    try:
        if session.blocking:
            await asyncio.to_thread(talk_blocking, session, url)
        else:
            await talk(session, url)
    except ConnectionClosed as exc:
        closed = exc.sent is not None and exc.received is not None
        require(not closed, f"session {session.number} was closed: {exc}")
        session.reset = True


def by_connection(log: FrameLog) -> dict[int, list[Record]]:
    grouped: dict[int, list[Record]] = {}
    for record in log:
        grouped.setdefault(record.connection, []).append(record)
    return grouped


def number_of(records: list[Record]) -> int:
    """Return the number of the session that a connection of the server's log is; -1 for none."""
    for record in records:
        if isinstance(record, OpenedRecord):
            return int(record.path.partition("=")[2])
    return -1


def texts(records: list[Record], direction: str) -> list[str]:
    return [
        record.payload.decode()
        for record in records
        if isinstance(record, FrameRecord)
        and record.direction == direction
        and record.type == "text"
        and not record.verdict
    ]


def compare(session: Session, own: list[Record], servers: list[Record]) -> None:
    """Compare what the two logs tell of one connection."""
    sent, received = texts(own, "sent"), texts(own, "received")
    arrived, answered = texts(servers, "received"), texts(servers, "sent")
    who = f"session {session.number} on {session.path}"
    require(sent == session.payloads[: len(sent)], f"{who}: sent something else")
    require(arrived == sent[: len(arrived)], f"{who}: what was sent is not what arrived")
    require(answered == arrived[: len(answered)], f"{who}: an answer is wrong")
    require(received == answered[: len(received)], f"{who}: what was answered did not come back")
    for records in (own, servers):
        ends = [each for each in records if isinstance(each, ClosedRecord)]
        require(len(ends) == 1, f"{who}: {len(ends)} closed records")
        clean = ends[0].sent is not None and ends[0].received is not None
        require(clean or session.reset, f"{who}: an end without a reset: {ends[0].why_closed}")
        errors = [each for each in records if each.kind == "error"]
        require(not errors, f"{who}: {errors[:1]}")
    if not session.reset:
        require(received == session.payloads, f"{who}: {len(received)} came back")


async def soak(
    messages: int,
    seconds: float,
    seed: int,
    resets: float,
    say: Callable[[str], None] = print,
) -> int:
    """Run sessions until enough messages came back or the time is over; return how many came."""
    rng = random.Random(seed)
    started = time.monotonic()
    came = number = told = 0
    while came < messages and time.monotonic() - started < seconds:
        # A server for each crowd, so that its log holds all of it.
        server = Server(port=0)
        server.log.max_frames, server.log.max_bytes = 10**6, 2**30
        server.websocket("/def", echo)
        server.websocket("/async", echo_async)
        server.websocket("/deflate", echo_async, compression="deflate")
        each = min(EACH, -(-messages // CROWD))
        crowd = [make_session(number + index, each, rng) for index in range(CROWD)]
        number += CROWD
        await asyncio.to_thread(server.run)
        try:
            async with FaultyProxy(server.port, rng.randrange(2**32), resets) as proxy:
                url = f"ws://127.0.0.1:{proxy.port}"
                await asyncio.gather(
                    *(run_session(one, f"{url}{one.path}?number={one.number}") for one in crowd)
                )
        finally:
            await asyncio.to_thread(server.shutdown)
        servers = {number_of(records): records for records in by_connection(server.log).values()}
        for session in crowd:
            compare(session, list(session.log), servers[session.number])
            came += session.received
        if came // 20_000 > told:
            told = came // 20_000
            say(
                f"{came:,} messages came back on {number:,} connections; the last {CROWD}: "
                f"{proxy.cuts:,} cuts, {proxy.stalls:,} stalls, {proxy.resets} resets"
            )
    return came


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000, help="default 200,000")
    parser.add_argument("--seconds", type=float, default=1800, help="at most; default 1800")
    parser.add_argument("--seed", type=int, default=6455, help="of messages and faults")
    parser.add_argument("--resets", type=float, default=0.1, help="share of connections; 0.1")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    print(f"soak: seed {arguments.seed}")
    try:
        came = asyncio.run(
            soak(arguments.messages, arguments.seconds, arguments.seed, arguments.resets)
        )
    except Exception as exc:  # noqa: BLE001  (anything that comes out is what is looked for)
        print(f"soak: {exc!r}; run it again with --seed {arguments.seed}")
        return 1
    print(f"soak: {came:,} messages, each whole and in order, and both logs agree")
    return 0 if came >= arguments.messages else 1


if __name__ == "__main__":
    sys.exit(main())
