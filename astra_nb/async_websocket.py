"""The socket whose calls are awaited, on the event loop that owns the connection."""

from __future__ import annotations

import asyncio
from asyncio import _get_running_loop
from collections.abc import Iterable
from typing import Any, Self

from .errors import ConnectionClosed, EndlessLoop
from .net.base_socket import REST, BaseSocket
from .net.connection import Connection
from .net.inbox import TaskInbox
from .payloads import BytesValue, CloseValue, check_type, encode_bytes, encode_close, encode_text
from .quantities import check_wait
from .wire.faults import Fault
from .wire.messages import Message
from .wire.opcodes import BINARY, TEXT

__all__ = ["AsyncWebSocket"]


class AsyncWebSocket(BaseSocket[TaskInbox]):
    """A connection whose calls are awaited, on the event loop that owns it.

    In another thread or event loop each call raises `WrongThread` and does nothing.

    A send returns at once while the other end reads fast enough; else it waits until it does.
    """

    def __init__(self, connection: Connection, inbox: TaskInbox, log: Any) -> None:
        super().__init__(connection, inbox, log)
        inbox.on_idle = connection.answer_close
        self._sender = connection.sender
        self._loop = connection.loop  # looked at here too: a call for each message would cost more

    async def recv(self, timeout: float | None = None) -> Message:
        """Return the next message; wait for it if need be. See `WebSocket.recv`."""
        if _get_running_loop() is not self._loop:
            self._sender.check_loop()
        inbox = self._inbox
        messages = inbox.messages
        if messages:
            message = messages.popleft()
            if inbox.paused:
                inbox.caught_up()
            return message
        self._sender.flush()  # the answers to what has come, without another turn of the loop
        if timeout is None:
            await inbox.wait()
        else:
            timeout = check_wait(timeout)
            try:
                async with asyncio.timeout(timeout):
                    await inbox.wait()
            except TimeoutError:
                raise self._no_message(timeout) from None
        if not inbox.messages:
            error = self._closed()
            if isinstance(error, EndlessLoop):
                await asyncio.sleep(REST)  # so that other tasks get their turn
            raise error
        return inbox.messages.popleft()

    def __aiter__(self) -> Self:
        """Iterate over the messages; the close is the last one."""
        return self

    async def __anext__(self) -> Message:
        inbox = self._inbox
        messages = inbox.messages
        if messages and not inbox.paused and _get_running_loop() is self._loop:
            return messages.popleft()  # as in `recv`, which would cost a coroutine more
        try:
            return await self.recv()
        except ConnectionClosed:
            raise StopAsyncIteration from None

    async def send(self, type: str, value: object = None, reason: str | None = None) -> None:
        """Send a message: the type first, then what it carries. See `WebSocket.send`."""
        if check_type(type) == "close":
            await self.send_close(value, reason)  # type: ignore[arg-type]
        else:
            await self._send(*self._frame(type, value))

    async def send_text(self, value: str) -> None:
        """Send a text message in one TEXT frame. See `WebSocket.send_text`."""
        payload = encode_text(value)
        sender = self._sender
        if _get_running_loop() is not self._loop:
            sender.check_loop()
        sent = sender.send_message(TEXT, payload)
        if sent is None:
            self._check_data("text")
            await self._wait_writable()
            sent = sender.send(TEXT, payload)
        if sent:
            # A handler that only sends would otherwise never let the loop have its turn.
            await asyncio.sleep(0)

    async def send_bytes(self, value: BytesValue) -> None:
        """Send a binary message in one BINARY frame. See `WebSocket.send_bytes`."""
        payload = encode_bytes(value)
        sender = self._sender
        if _get_running_loop() is not self._loop:
            sender.check_loop()
        sent = sender.send_message(BINARY, payload)
        if sent is None:
            self._check_data("bytes")
            await self._wait_writable()
            sent = sender.send(BINARY, payload)
        if sent:
            await asyncio.sleep(0)

    async def send_ping(self, value: BytesValue = b"") -> None:
        """Send a PING frame. See `WebSocket.send_ping`."""
        await self._send(*self._frame("ping", value))

    async def send_pong(self, value: BytesValue = b"") -> None:
        """Send a PONG frame. See `WebSocket.send_pong`."""
        await self._send(*self._frame("pong", value))

    async def send_close(self, code: CloseValue = None, reason: str | None = None) -> None:
        """Start the closing handshake with a CLOSE frame. See `WebSocket.send_close`."""
        self._sender.check_loop()
        self._connection.close_in_turn(*self._close_arguments(code, reason))

    async def send_fragment(self, value: BytesValue, *, type: str | None = None, fin: bool) -> None:
        """Send one fragment of a message by hand. See `WebSocket.send_fragment`."""
        self._sender.check_loop()
        await self._wait_writable()  # first: a wait that is cancelled leaves no fragment out
        opcode, payload = self._fragment(type, value, fin)
        await self._send(opcode, payload, fin)

    async def send_fragments(self, type: str, parts: Iterable[BytesValue]) -> None:
        """Send one message, each part in a frame of its own. See `WebSocket.send_fragments`."""
        fragments = self._fragments(type, parts)
        self._sender.check_loop()
        if not self._sender.is_writable:
            await self._wait_writable()
            self._check_data("message")
        size = sum(len(payload) for _, payload, _ in fragments)
        self._sender.submit(self._sender.send_fragments, fragments, size=size, wait=False)
        await asyncio.sleep(0)  # as after any send of much

    async def send_raw(self, data: BytesValue) -> None:
        """Put bytes on the wire as they are. See `WebSocket.send_raw`."""
        payload = encode_bytes(data)
        self._sender.check_loop()
        if self._sender.outbox.is_full:
            await self._sender.wait_writable()
        if self._connection.state.has_ended:
            raise self._closed()
        wait = not self._sender.outbox.is_full
        self._sender.submit(self._sender.send_raw, payload, size=len(payload), wait=wait)
        await self._sender.wait_writable()

    async def break_rule(self, fault: str | Fault) -> None:
        """Break a rule of RFC 6455 on purpose. See `WebSocket.break_rule`."""
        self._sender.check_loop()
        found = self._fault(fault)
        if found.stage == "conduct":
            self._sender.submit(self._connection.lie, found, wait=False)
        elif found.makes is None:
            await self.drop()
        else:
            await self.send_raw(found.makes(self._connection.side))

    async def drop(self) -> None:
        """End the TCP connection without a closing handshake; the other end reports 1006."""
        self._sender.check_loop()
        if not self._connection.state.has_ended:
            self._connection.drop()

    async def close(self, code: CloseValue = 1000, reason: str | None = None) -> None:
        """Close, if it is not closed yet, and wait until TCP has ended."""
        arguments = encode_close(code, reason)
        self._sender.check_loop()
        if self._may_send():
            self._connection.close_in_turn(*arguments)
        await self.wait_closed()

    async def wait_closed(self, timeout: float | None = None) -> None:
        """Wait until the TCP connection has ended. See `WebSocket.wait_closed`."""
        self._sender.check_loop()
        if timeout is not None:
            check_wait(timeout)
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._connection.lost)
        except TimeoutError:
            raise self._still(timeout) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _send(self, opcode: int, payload: bytes, fin: bool = True) -> None:
        self._sender.check_loop()
        await self._wait_writable()
        if self._sender.send(opcode, payload, fin):
            await asyncio.sleep(0)

    async def _wait_writable(self) -> None:
        # Before the frame is queued, so that a loop of sends cannot outrun the peer.
        if not self._sender.is_writable:
            await self._sender.wait_writable()
            self._check_open("frame")  # it may have closed in the meantime
