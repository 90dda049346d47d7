"""Clients are let in one at a time, also after errors, and none after the end."""

from __future__ import annotations

import asyncio
import errno
import socket as sockets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from astra_nb.certificates import make_certificates
from astra_nb.errors import AddressInUse
from astra_nb.net import accepting
from astra_nb.net.accepting import Acceptor

from .memory import until

CLIENTS = 3


class Site:
    """An acceptor on a free port, and the protocols it has made."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.made: list[asyncio.Protocol] = []
        self.dismissed: list[asyncio.Protocol] = []
        self.notices: list[str] = []
        self.acceptor = Acceptor(
            self.make, self.notices.append, dismiss=self.dismissed.append, tls=tls
        )
        self.port = self.acceptor.bind("127.0.0.1", 0)
        self.clients: list[sockets.socket] = []

    def make(self) -> asyncio.Protocol:
        self.made.append(Greeting())
        return self.made[-1]

    def connect(self) -> None:
        self.clients.append(sockets.create_connection(("127.0.0.1", self.port), 10))


class Greeting(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"in")
        transport.close()


@asynccontextmanager
async def site(tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    found = Site(tls)
    try:
        yield found
    finally:
        await found.acceptor.stop()
        for client in found.clients:
            client.close()


def run(test: Callable[[Site], Any], tls: ssl.SSLContext | None = None) -> None:
    async def main() -> None:
        async with site(tls) as found:
            await asyncio.wait_for(test(found), 20)

    asyncio.run(main())


def accept_with(
    monkeypatch: pytest.MonkeyPatch, name: str, errors: list[OSError], calls: list[object]
) -> None:
    """Have a method of the running loop raise these errors first."""
    loop = asyncio.get_running_loop()
    method = getattr(loop, name)

    async def replaced(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments[-1])
        if errors:
            raise errors.pop(0)
        return await method(*arguments, **options)

    monkeypatch.setattr(loop, name, replaced)


async def all_come_in(found: Site) -> None:
    for _ in range(CLIENTS):
        found.connect()
    await until(lambda: len(found.made) >= CLIENTS)
    for client in found.clients:
        assert await asyncio.to_thread(client.recv, 2) == b"in"


def test_clients_that_wait_and_those_that_come_are_let_in() -> None:
    async def test(found: Site) -> None:
        found.connect()  # the system keeps it until someone accepts
        found.acceptor.start()
        await until(lambda: found.made)
        await all_come_in(found)
        assert found.notices == []

    run(test)


def test_a_client_that_has_gone_again_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(found: Site) -> None:
        accept_with(monkeypatch, "sock_accept", [ConnectionAbortedError()] * 3, [])
        found.acceptor.start()
        await all_come_in(found)
        assert found.notices == []

    run(test)


def test_an_error_is_told_once_and_tried_again_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accepting, "RETRY", 0.01)

    async def test(found: Site) -> None:
        full = OSError(errno.EMFILE, "Too many open files")
        accept_with(monkeypatch, "sock_accept", [full] * 3, [])
        found.acceptor.start()
        await all_come_in(found)
        [notice] = found.notices
        assert "could not be accepted (Too many open files)" in notice

    run(test)


def test_a_handler_that_cancels_all_tasks_does_not_end_it() -> None:
    async def test(found: Site) -> None:
        found.acceptor.start()
        await all_come_in(found)
        tasks = list(found.acceptor._tasks)
        assert len(tasks) == 1
        for task in tasks:
            task.cancel()
        for client in found.clients:
            client.close()
        found.clients.clear()
        found.made.clear()
        await all_come_in(found)

    run(test)


def test_a_client_whose_transport_cannot_be_made_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    async def test(found: Site) -> None:
        accept_with(monkeypatch, "connect_accepted_socket", [OSError("gone")], calls)
        found.acceptor.start()
        found.connect()
        await until(lambda: calls)
        await until(lambda: calls[0].fileno() == -1)
        with found.clients.pop() as client:
            assert await asyncio.to_thread(client.recv, 2) == b""
        await all_come_in(found)

    run(test)


def test_after_the_end_the_port_is_free_and_who_was_accepted_is_served() -> None:
    async def test(found: Site) -> None:
        found.acceptor.start()
        await all_come_in(found)
        with pytest.raises(AddressInUse):
            Acceptor(found.make, print).bind("127.0.0.1", found.port)
        found.connect()
        await asyncio.sleep(0)  # the task has accepted it, and goes on in the next turn
        await found.acceptor.stop()
        served = len(found.made) > CLIENTS
        with pytest.raises(ConnectionRefusedError):
            found.connect()
        again = Acceptor(found.make, print)
        assert again.bind("127.0.0.1", found.port) == found.port
        again.close()
        last = found.clients[-1]
        if served:
            assert await asyncio.to_thread(last.recv, 2) == b"in"

    run(test)


def test_what_never_started_can_be_closed() -> None:
    Acceptor(asyncio.Protocol, print).close()


def test_a_loop_that_ends_after_the_port_was_given_back_leaves_no_task() -> None:
    async def main() -> None:
        found = Site()
        found.acceptor.start()
        found.acceptor.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_clients_begin_tls_each_in_its_own_time() -> None:
    certificates = make_certificates()

    async def test(found: Site) -> None:
        found.acceptor.start()
        found.connect()  # says nothing, and holds up nobody
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", found.port, ssl=certificates.client
        )
        assert await reader.read() == b"in"
        writer.close()
        found.connect()
        found.clients[-1].sendall(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: found.dismissed)
        assert found.notices == [
            "A client did not begin TLS (http request); the address of this server begins with "
            "wss://, and the client has to trust its certificate."
        ]
        await found.acceptor.stop()
        assert len(found.dismissed) == 2  # the silent one as well

    run(test, certificates.server)


def test_without_other_words_nobody_is_told_who_was_dismissed() -> None:
    acceptor = Acceptor(asyncio.Protocol, print)
    assert acceptor.dismiss(asyncio.Protocol()) is None
    assert acceptor.tls_timeout() == 10.0


def test_an_acceptor_that_has_given_its_port_back_starts_no_more() -> None:
    async def closed(found: Site) -> None:
        found.acceptor.close()
        before = asyncio.all_tasks()
        found.acceptor.start()
        assert asyncio.all_tasks() == before

    run(closed)
