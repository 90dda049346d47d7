"""A scenario at work: its connections, its chance, its patience.

A scenario is an `async def` that gets a `Talk`. It opens connections, sends, and expects. The
first thing that is not as expected ends it with a finding.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from astra_nb.client import connect_async
from astra_nb.errors import ConnectFailed, HandshakeFailed

from .client import Client
from .finding import Finding, NotYet
from .history import History, describe
from .stage import Stage

__all__ = ["Scenario", "Talk"]

Scenario = Callable[["Talk"], Awaitable[None]]
T = TypeVar("T")

STUCK_LOOKS = 15  # times a handler is seen at one line until it counts as stuck there
TICK = 0.02  # seconds
LONGEST_TICK = 0.05  # seconds that one tick may count for: a busy machine is nobody's fault
PATIENCE = 1.2  # seconds until a wait for an answer ends
BUDGET = 3.2  # seconds for all scenarios of a check
REST = 0.4  # seconds until a wait ends in which every handler waits too
SETTLING = 0.3  # seconds in which a new handler comes to wait for a message
WORDS = ("plum", "pear", "lemon", "cherry", "apple", "quince", "grape", "melon", "lime", "mango")


class Talk:
    """One scenario at work.

    Args:
        stage: The server of the check.
        title: What the scenario is about, for the finding.
        seed: Of everything in it that is shaped by chance.

    Attributes:
        random: The source of chance, seeded for this scenario.
        left: Seconds left for the whole check, as this process experienced them.
        steps: How many messages were waited for.
        speaking: Whether something was sent since then.
        spoke: The first message that was, as `describe` says it.
        spoke_after: Number of the newest record on the log before that message.
    """

    def __init__(
        self,
        stage: Stage,
        history: History,
        title: str,
        seed: str,
        left: float,
    ) -> None:
        self.stage = stage
        self.history = history
        self.title = title
        self.random = random.Random(seed)
        self.left = left
        self.steps = 0
        self.speaking = False
        self.spoke = ""
        self.spoke_after = 0
        self._busy: set[int] = set()
        self._readers: list[asyncio.Task[None]] = []
        self.clients: list[Client] = []

    # Chance

    def word(self) -> str:
        """A word that no other step has."""
        return f"{self.random.choice(WORDS)}-{self.random.randrange(100, 1000)}"

    def words(self, count: int) -> list[str]:
        """Several words, each another."""
        found: list[str] = []
        while len(found) < count:
            word = self.word()
            if word not in found:
                found.append(word)
        return found

    def octets(self, count: int) -> bytes:
        """Bytes that are no UTF-8, where there are two or more."""
        data = self.random.randbytes(count)
        return b"\xff\x00"[:count] + data[2:]

    # Connections

    async def connect(self, path: str = "", *, automatic_pong: bool = True) -> Client:
        """Open a connection.

        Args:
            path: Added to the server's address, without the first slash.
            automatic_pong: Whether this client answers PING frames by itself.
        """
        url = self.stage.url + path
        task = asyncio.ensure_future(
            _opened(connect_async(url, automatic_pong=automatic_pong, close_timeout=1.0))
        )
        try:
            if not await self.until(task.done, self.left):
                self._no_connection("the opening handshake did not end")
            socket = task.result()
        except (ConnectFailed, HandshakeFailed) as error:
            self._no_connection(str(error))
        finally:
            task.cancel()
        local = socket._connection.transport.get_extra_info("sockname")
        peer = f"{local[0]}:{local[1]}"
        number = await self.until(lambda: self._number(peer))
        if not number:
            self._no_connection("the server did not say that the connection is open")
        client = Client(self, socket, number or 0)
        self.clients.append(client)
        self._readers.append(asyncio.ensure_future(_read(socket)))
        # So that what another client says next finds this handler where it waits for it.
        deadline = time.monotonic() + SETTLING
        while not client.handler_waits and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        return client

    def _number(self, peer: str) -> int | None:
        self.history.read()
        return self.history.peers.get(peer)

    def _no_connection(self, why: str) -> NoReturn:
        for run in self.stage.watch.runs.values():
            line = self.stage.watch.line(run)
            if line is not None and not line.waits:
                raise NotYet(
                    Finding(
                        "stuck",
                        f"No further connection could be opened: your handler is still at {line}.",
                        expected="an open connection",
                        came="nothing",
                        where=self.where,
                    )
                )
        raise NotYet(Finding("no-server", f"The check could not connect to its own server: {why}."))

    async def begin_to_speak(self, type: str, value: object) -> None:
        """Wait until handlers are idle, so that later output can be attributed to this message."""
        if self.speaking:
            return
        self.speaking = True
        deadline = time.monotonic() + SETTLING / 10
        clients = [client for client in self.clients if client.number not in self._busy]
        while any(client.handler_works for client in clients):
            if time.monotonic() > deadline:
                # Whatever that one does, it may do it for ever.
                self._busy |= {client.number for client in clients if client.handler_works}
                break
            await asyncio.sleep(0.001)
        self.stage.settle()
        payload = value if isinstance(value, (str, bytes)) else b""
        self.spoke, self.spoke_after = describe(type, payload), self.history.log.last_number

    # Waiting

    async def until(
        self, ready: Callable[[], T], patience: float = PATIENCE, rest: float = PATIENCE
    ) -> T | None:
        """Wait until `ready()` is true and give that; None when patience or time ran out.

        Time counts as this process experienced it, so that a busy machine fails nobody.

        Args:
            ready: What is waited for.
            patience: Seconds to wait at most.
            rest: Seconds to wait at most while every handler waits for a message.
        """
        patience = min(patience, self.left)
        began = before = time.monotonic()
        used = time.process_time()
        looks, stuck = 0, self._stuck_lines()
        at_rest = 0.0
        while True:
            answer = ready()
            if answer:
                return answer
            stuck &= self._stuck_lines()
            looks = looks + 1 if stuck else 0
            # Seen in one place that often, a handler does not just wait for its turn.
            if (
                patience <= 0
                or at_rest > rest
                or (looks > STUCK_LOOKS and before > began + PATIENCE)
            ):
                return None
            await self._news()
            now, now_used = time.monotonic(), time.process_time()
            # What this process works itself counts in full: a handler may spin.
            passed = min(now - before, max(LONGEST_TICK, now_used - used))
            before, used = now, now_used
            patience -= passed
            self.left -= passed
            at_rest = at_rest + passed if rest < patience and self._at_rest() else 0.0

    async def answer(self, ready: Callable[[], T]) -> T | None:
        """Wait for what a handler should send; not for long when each waits for a message."""
        return await self.until(ready, rest=REST)

    def _at_rest(self) -> bool:
        """Whether nothing can come any more: all wait for a message, and nobody works beside."""
        watch = self.stage.watch
        lines = [watch.line(run) for run in list(watch.runs.values()) if not run.ended]
        return not watch.works_beside and all(
            line is not None and line.waits == "recv" for line in lines
        )

    def _stuck_lines(self) -> frozenset[str]:
        """Lines at which handlers are at work on what is no call on their sockets."""
        watch = self.stage.watch
        lines = [watch.line(run) for run in list(watch.runs.values())]
        return frozenset(str(line) for line in lines if line is not None and not line.waits)

    async def _news(self) -> None:
        """Wait for something new on the log, for a tick at most."""
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the check has ended
                loop.call_soon_threadsafe(news.set)

        forget = self.history.log.subscribe(wake)
        try:
            if not self.history.log.last_number > self.history.last:
                await asyncio.wait_for(news.wait(), TICK)
            else:
                await asyncio.sleep(0.001)
        except TimeoutError:
            pass
        finally:
            forget()

    @property
    def where(self) -> str:
        return f'scenario "{self.title}", step {self.steps}'

    async def finish(self) -> None:
        """Close what is still open, and see that handlers end and nothing more came."""
        for client in self.clients:
            await client.hang_up()
        for client in self.clients:
            await client.finish()
        for client in self.clients:
            client.check_log()

    def first_close(self) -> int:
        """Number of the first CLOSE frame that a client sent; 0 for none."""
        closes = [
            frame.number
            for client in self.clients
            for frame in client.passed.frames
            if frame.type == "close" and frame.direction == "received"
        ]
        return min(closes, default=0)

    async def forget(self, client: Client) -> None:
        """Drop a client that does not read; what becomes of it is not judged."""
        await client.socket.drop()
        self.clients.remove(client)
        run = self.stage.watch.runs.get(client.number)
        if run is not None and not await self.until(lambda: run.ended):
            client.fail(
                "never-ends",
                "A client is gone, and its handler still runs.",
                "the end of the handler",
            )

    async def leave(self) -> None:
        """Drop all connections, in whatever state they are."""
        for client in self.clients:
            await client.socket.drop()
        await asyncio.gather(*self._readers)


async def _read(socket: Any) -> None:
    """Take what comes, as clients do: one that leaves it lying has its CLOSE frame wait for it."""
    async for _ in socket:
        pass


async def _opened(connecting: connect_async) -> Any:
    return await connecting
