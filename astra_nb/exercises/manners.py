"""What clients do besides sending one message and waiting for its answer.

They send several in a row, or a message in fragments with a PING inside; they send PINGs, and
PONGs that nobody asked for; and they leave in more than one way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from astra_nb.errors import AstraError

from .client import QUIET, Client
from .history import Heard, describe
from .ladder import capital

__all__ = [
    "CONTROL",
    "LOST",
    "expect_all",
    "expect_past_control",
    "expect_silence",
    "leave_without_a_code",
    "see_open",
    "see_order",
    "see_others_open",
    "send_all",
    "send_around_a_ping",
    "send_between_control_frames",
    "vanish",
]

CONTROL = (
    "The server answers a PING by itself, and a PONG needs no answer (section 5.5.3). Look at "
    "`message.type`, and let the handler do nothing for these two."
)
LOST = (
    "An answer is missing before this one: several messages came in a row, and each of them gets "
    "its own."
)


CLOSED_OTHERS = (
    "A client that leaves ends its own handler alone. Take its socket out of what the others see, "
    "and close none of theirs."
)
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


async def send_all(client: Client, messages: Sequence[tuple[str, str | bytes]]) -> None:
    """Send several messages in a row, all of them in one piece of TCP."""

    async def sending() -> None:
        for type, value in messages:
            await client.socket.send(type, value)

    await client._sent(sending())
    client.said += [_octets(value) for _, value in messages]


async def expect_all(
    client: Client, messages: Sequence[tuple[str, str | bytes]], lost: str = LOST
) -> None:
    """Expect several messages in their order.

    Args:
        messages: Their types and values.
        lost: What to say when a later one came too early.
    """
    for index, (type, value) in enumerate(messages):
        later = {other: lost for _, other in messages[index + 1 :] if other != value}
        await see_order(client, (type, value), messages[index + 1 :], lost)
        await client.expect(type, value, mistakes=later)


async def see_order(
    client: Client,
    message: tuple[str, str | bytes],
    later: Sequence[tuple[str, str | bytes]],
    lost: str,
) -> None:
    """See that none of the later messages came before this one, or in its place."""
    heard = await client.talk.answer(client.arrived)
    if heard is None or _is(heard, *message) or not any(_is(heard, *each) for each in later):
        return
    if await client.talk.until(lambda: any(_is(each, *message) for each in client.waiting), QUIET):
        client.fail(
            "another-order",
            f"{capital(str(heard))} came before {describe(*message)}, and was sent after it.",
            describe(*message),
            heard,
            advice="All came, and in another order: where does the order get lost?",
        )
    if heard.type != message[0]:
        client.fail("lost", lost, describe(*message), heard)


async def expect_silence(clients: Sequence[Client], key: str = "too-many", why: str = "") -> None:
    """Expect that nothing comes to any of them for a moment, which they share."""
    await clients[0].talk.until(lambda: any(client.arrived() for client in clients), QUIET)
    for client in clients:
        if client.arrived() is not None:
            await client.expect_nothing(key, why)


async def send_around_a_ping(
    client: Client, type: str, parts: Sequence[bytes], data: bytes
) -> None:
    """Send a message in fragments, with a PING behind the first one."""
    first, *others = parts
    await client._sent(client.socket.send_fragment(first, type=type, fin=False))
    await client.send("ping", data)
    for index, part in enumerate(others, 1):
        fin = index == len(others)
        await client._sent(client.socket.send_fragment(part, fin=fin))
    client.said.append(b"".join(parts))


async def send_between_control_frames(
    client: Client,
    message: tuple[str, str | bytes],
    answer: tuple[str, str | bytes] | None,
) -> None:
    """Send a PONG that nobody asked for, a PING, and a message; only that is answered.

    The server has automatic pong.

    Args:
        message: Type and value of the message.
        answer: Type and value of its answer; None when this client gets none, and then only the
            PONG of the server is waited for.
    """
    random = client.talk.random
    unasked, asking = random.randbytes(11), random.randbytes(13)
    await client.send("pong", unasked)
    await client.send("ping", asking)
    await client.send(*message)
    pings = 1
    while isinstance(heard := await client.talk.until(client._answer_or_end), Heard):
        if (heard.type, heard.payload) == ("pong", asking) and pings:
            await client.expect("pong", asking)
            pings = 0
            if answer is None:
                return
            continue
        if heard.close is not None or (answer is not None and _is(heard, *answer)):
            break
        client.fail(
            "answered-control",
            "Before its message the client sent a PONG that nobody asked for, and a PING; "
            f"your handler answered them with {heard}.",
            describe(*answer) if answer is not None else "no such answer",
            heard,
            advice=CONTROL,
        )
    if answer is not None:
        await client.expect(*answer)
    if pings:
        await client.expect("pong", asking)


async def expect_past_control(
    client: Client, text: str, sent: str = "Another client sent a PONG and a PING"
) -> None:
    """Expect a text that came after control frames of another client, and nothing of those.

    Args:
        client: The one that gets the text.
        text: The text.
        sent: What was sent before it.
    """
    heard = await client.talk.until(client.arrived)
    if heard is not None and heard.close is None and heard.payload != text.encode():
        headline = f"{sent}, and {heard} came here."
        client.fail("control-passed-on", headline, describe("text", text), heard, advice=CONTROL)
    await client.expect("text", text)


def _is(heard: Heard, type: str, value: str | bytes) -> bool:
    return (heard.type, heard.payload) == (type, _octets(value))


def _octets(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


async def leave_without_a_code(client: Client) -> None:
    """Close with an empty CLOSE frame, and see that the handler ends with it."""
    await client._sent(client.socket.send_close())
    await client.finish()


async def vanish(client: Client) -> None:
    """End the TCP connection without a CLOSE frame, and see that the handler ends with it."""
    await client.socket.drop()
    await client.finish()


async def see_others_open(leaver: Client, others: Sequence[Client]) -> None:
    """See that nothing came of it to the other clients when one client left.

    Args:
        leaver: Who left; its handler has ended.
        others: Who did not.
    """
    for client in others:
        # What the handler did for the others before it ended comes before the PONG.
        data = client.talk.random.randbytes(5)
        with contextlib.suppress(AstraError):  # it is closing
            await client.socket.send_ping(data)
        await see_open(leaver, client)
        heard = client.arrived()
        if heard is not None and heard.type not in ("pong", "close"):
            who = ORDINALS[client.talk.clients.index(leaver)]
            headline = f"When the {who} client left, {heard} came here, which no client had sent."
            client.fail("wrong-value", headline, "nothing", heard)
        await client.expect("pong", data)


async def see_open(leaver: Client, client: Client) -> None:
    """Wait for what comes next, and see that it is no close because another client left."""
    found = await client.talk.until(client._answer_or_end)
    run = client._run
    closed = client.passed.closed is not None or (isinstance(found, Heard) and found.close)
    if closed and run is not None and not run.open_at_end:
        clients = client.talk.clients
        who, whose = (ORDINALS[clients.index(each)] for each in (leaver, client))
        client.fail(
            "closed-others",
            f"When the {who} client closed, the server closed the connection of the {whose} client "
            "too.",
            "an open connection",
            found if isinstance(found, Heard) else None,
            advice=CLOSED_OTHERS,
        )
