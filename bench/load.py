"""The load generator: a separate process that reads commands and answers with figures.

`python -m bench.load CPU` reads one JSON object per line: `{"do": "echo", "port": ..., ...}`, with
the arguments of the function of that name. It must be much faster than any server, so every
frame is built beforehand and replies are counted by their length; how fast it can go is measured
in each run with the server "ceiling".
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from .limits import pin, raise_file_limit
from .wire import CLOSE, Connection, masked_frame, open_connection, unmasked_length

__all__ = ["main"]

RECEIVE_SIZE = 1 << 18
READ_OR_WRITE = selectors.EVENT_READ | selectors.EVENT_WRITE
SOURCES = 4  # addresses 127.0.0.1 to 127.0.0.4


class Flow:
    """A connection that always has the same number of messages in flight.

    Attributes:
        replies: Complete replies so far.
    """

    __slots__ = (
        "burst",
        "burst_size",
        "frame_size",
        "owed",
        "position",
        "received",
        "replies",
        "reply_size",
        "sock",
    )

    def __init__(
        self, sock: socket.socket, frames: bytes, frame_size: int, reply_size: int
    ) -> None:
        self.sock = sock
        # Twice the frames in flight, so that what is owed is always one slice.
        self.burst = memoryview(frames + frames)
        self.burst_size = len(frames)
        self.frame_size = frame_size
        self.reply_size = reply_size
        self.owed = len(frames)
        self.position = 0
        self.received = 0
        self.replies = 0

    def push(self) -> bool:
        """Send what is owed; return whether all of it was sent."""
        try:
            sent = self.sock.send(self.burst[self.position : self.position + self.owed])
        except BlockingIOError:
            return False
        self.owed -= sent
        self.position = (self.position + sent) % self.burst_size
        return not self.owed

    def pull(self, buffer: bytearray) -> int:
        """Receive, and owe a frame for each reply that is complete."""
        count = self.sock.recv_into(buffer)
        if not count:
            raise ConnectionError("the server closed the connection during the load")
        replies, self.received = divmod(self.received + count, self.reply_size)
        self.replies += replies
        self.owed += replies * self.frame_size
        return replies


def echo(
    port: int, connections: int, in_flight: int, payload: int, seconds: float, warm_up: float
) -> dict[str, Any]:
    """Keep `in_flight` messages of `payload` bytes under way on each connection.

    Returns:
        "messages": replies per second; "seconds": for how long they were counted; "started" and
        "ended": the wall clock, so that the server's CPU time can be read for the same span.
    """
    text = (b"The quick brown fox jumps over the lazy dog; " * (payload // 45 + 1))[:payload]
    opened = [open_connection(port) for _ in range(connections)]
    check_echo(opened, text)
    if connections == in_flight == 1:
        rate = ping_pong(opened[0].sock, text, seconds, warm_up)
    else:
        rate = many_in_flight(opened, in_flight, text, seconds, warm_up)
    finish(*(connection.sock for connection in opened))
    return rate


def finish(*socks: socket.socket) -> None:
    """Do the closing handshakes, so that the server is idle when the next load begins."""
    close = masked_frame((1000).to_bytes(2, "big"), CLOSE)
    for sock in socks:
        sock.settimeout(20)
        sock.sendall(close)
    for sock in socks:
        with sock:
            while sock.recv(RECEIVE_SIZE):
                pass


def check_echo(opened: list[Connection], text: bytes) -> None:
    """Have one message echoed on each connection and compare every byte."""
    expected = unmasked_length(len(text))
    for connection in opened:
        connection.sock.sendall(masked_frame(text))
        reply = receive_exactly(connection.sock, expected)
        if reply[0] != 0x81 or reply[-len(text) :] != text:
            raise ConnectionError(f"this is not an echo: {reply[:40]!r}")


def receive_exactly(sock: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = sock.recv(min(size, RECEIVE_SIZE))
        if not part:
            raise ConnectionError("the server closed the connection")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def ping_pong(sock: socket.socket, text: bytes, seconds: float, warm_up: float) -> dict[str, Any]:
    frames = [masked_frame(text) for _ in range(64)]
    reply_size = unmasked_length(len(text))
    sock.settimeout(20)
    clock = time.perf_counter
    took: list[float] = []
    start = clock() + warm_up
    end = start + seconds
    counting = False
    now = clock()
    while now < end:
        if not counting and now >= start:
            counting, start = True, now
            took.clear()
        before = now
        sock.sendall(frames[len(took) % 64])
        got = len(sock.recv(RECEIVE_SIZE))
        while got < reply_size:
            got += len(sock.recv(RECEIVE_SIZE))
        now = clock()
        took.append(now - before)
    elapsed = now - start
    took.sort()
    return {
        "messages": len(took) / elapsed,
        "seconds": elapsed,
        "median_us": took[len(took) // 2] * 1e6,
        "p95_us": took[int(len(took) * 0.95)] * 1e6,
    }


def many_in_flight(
    opened: list[Connection], in_flight: int, text: bytes, seconds: float, warm_up: float
) -> dict[str, Any]:
    reply_size = unmasked_length(len(text))
    clock = time.perf_counter
    with selectors.DefaultSelector() as selector:
        flows = []
        for connection in opened:
            connection.sock.setblocking(False)
            frames = [masked_frame(text) for _ in range(in_flight)]
            flow = Flow(connection.sock, b"".join(frames), len(frames[0]), reply_size)
            selector.register(connection.sock, READ_OR_WRITE, flow)
            flows.append(flow)
        exchange(selector, clock() + warm_up)
        counted = sum(flow.replies for flow in flows)
        started = clock()
        exchange(selector, started + seconds)
        elapsed = clock() - started
        counted = sum(flow.replies for flow in flows) - counted
        # Nothing new is sent; what is under way still comes.
        for flow in flows:
            flow.frame_size = 0
        wanted = sum(flow.replies for flow in flows) + len(flows) * in_flight
        while sum(flow.replies for flow in flows) < wanted:
            exchange(selector, 0)
    return {"messages": counted / elapsed, "seconds": elapsed}


def exchange(selector: selectors.BaseSelector, end: float) -> None:
    """Answer each reply with another message until the clock says `end`, at least once."""
    buffer = bytearray(RECEIVE_SIZE)
    while True:
        ready = selector.select(5)
        if not ready:
            raise TimeoutError("no reply for 5 s")
        for key, mask in ready:
            flow: Flow = key.data
            if mask & selectors.EVENT_READ:
                flow.pull(buffer)
            wanted = READ_OR_WRITE if flow.owed and not flow.push() else selectors.EVENT_READ
            if wanted != key.events:
                selector.modify(flow.sock, wanted, flow)
        if time.perf_counter() >= end:
            return


def broadcast(
    port: int, connections: int, payload: int, seconds: float, warm_up: float
) -> dict[str, Any]:
    """Ask for one broadcast after the other, each when the one before has reached everybody.

    Returns:
        "messages": messages delivered per second, over all connections; "median_us": from the
        request to the last delivery.
    """
    text = b"b" * payload
    opened = [open_connection(port) for _ in range(connections)]
    reply_size = unmasked_length(payload)
    ask = masked_frame(text)
    buffer = bytearray(RECEIVE_SIZE)
    clock = time.perf_counter
    took: list[float] = []
    first = opened[0].sock
    with selectors.DefaultSelector() as selector:
        for connection in opened:
            connection.sock.setblocking(False)
            selector.register(connection.sock, selectors.EVENT_READ)
        start = clock() + warm_up
        end = start + seconds
        counting = False
        now = clock()
        while now < end or not took:
            if not counting and now >= start:
                counting, start = True, now
                took.clear()
            before = now
            first.send(ask)
            missing = connections * reply_size
            while missing:
                ready = selector.select(10)
                if not ready:
                    raise TimeoutError(f"a broadcast is {missing} bytes short after 10 s")
                for key, _ in ready:
                    sock: socket.socket = key.fileobj  # type: ignore[assignment]
                    got = sock.recv_into(buffer)
                    if not got:
                        raise ConnectionError("the server closed the connection")
                    missing -= got
            now = clock()
            took.append(now - before)
    elapsed = now - start
    took.sort()
    finish(*(connection.sock for connection in opened))
    return {
        "messages": connections * len(took) / elapsed,
        "seconds": elapsed,
        "median_us": took[len(took) // 2] * 1e6,
    }


held: list[Connection] = []


def hold(port: int, connections: int) -> dict[str, Any]:
    """Open connections and keep them open and idle."""
    started = time.perf_counter()
    for index in range(connections):
        held.append(open_connection(port, source=f"127.0.0.{1 + index % SOURCES}"))
    return {"opened": len(held), "seconds": time.perf_counter() - started}


def ask_all(payload: int) -> dict[str, Any]:
    """Have a message echoed on each connection that is held."""
    text = b"x" * payload
    frame, size = masked_frame(text), unmasked_length(payload)
    started = time.perf_counter()
    answered = 0
    for connection in held:
        connection.sock.sendall(frame)
    for connection in held:
        answered += receive_exactly(connection.sock, size)[-payload:] == text
    return {"answered": answered, "seconds": time.perf_counter() - started}


def release() -> dict[str, Any]:
    """Close the connections that are held."""
    finish(*(connection.sock for connection in held))
    count = len(held)
    held.clear()
    return {"closed": count}


def paced(port: int, rate: float, payload: int, seconds: float, replies: bool) -> dict[str, Any]:
    """Send `rate` messages per second in small bursts, and read the echoes away.

    Returns:
        "sent" and "received": messages; "rate": what was reached, per second.
    """
    text = b"p" * payload
    connection = open_connection(port)
    sock = connection.sock
    every = 0.002
    per_burst = max(1, round(rate * every))
    burst = b"".join(masked_frame(text) for _ in range(per_burst))
    size = unmasked_length(payload)
    buffer = bytearray(RECEIVE_SIZE)
    clock = time.perf_counter
    sent = received = 0
    started = clock()
    sock.settimeout(5)
    while clock() - started < seconds:
        sock.sendall(burst)
        sent += per_burst
        wait = started + sent / rate - clock()
        if wait > 0:
            time.sleep(wait)
        if replies:
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                received += sock.recv_into(buffer)
            sock.settimeout(5)
    elapsed = clock() - started
    while replies and received < sent * size:
        received += len(sock.recv(RECEIVE_SIZE))
    finish(sock)
    return {"sent": sent, "received": received // size, "rate": sent / elapsed}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    command.__name__: command for command in (echo, broadcast, hold, ask_all, release, paced)
}


def main() -> None:
    pin(int(sys.argv[1]) if len(sys.argv) > 1 else None)
    raise_file_limit()
    for line in sys.stdin:
        arguments = json.loads(line)
        try:
            answer = COMMANDS[arguments.pop("do")](**arguments)
        except (OSError, TimeoutError) as exc:
            release()
            answer = {"error": f"{type(exc).__name__}: {exc}"}
        print(json.dumps(answer), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
