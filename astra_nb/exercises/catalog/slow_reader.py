"""A broadcast in which one client stops reading, and the others do not notice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

from astra_nb.exercises.client import Client
from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.history import describe
from astra_nb.exercises.manners import (
    expect_past_control,
    see_order,
    see_others_open,
    send_all,
    send_between_control_frames,
    vanish,
)
from astra_nb.exercises.script import Talk

__all__ = ["slow_reader"]

NOTEBOOK = "3-protocols"

BUFFER = 4096  # bytes; what the kernel may keep of them at either end is some times that
SIZE = 8192  # bytes of a message
COUNT = 150  # so many of them fill every buffer on the way, and a queue of 100 places
THREADS = 12  # begun since one client stopped reading, and many more than any plan asks for
LOST = "A message before this one is missing, though this client reads: {count} came in a row."
ROOM = (
    "Give each client a queue with room for several messages, and a thread that takes them out and "
    "sends them. Only who does not read may lose some."
)


def narrow(talk: Talk, client: Client) -> None:
    """Make the buffers small on the way from the server to a client."""
    run = talk.stage.watch.runs.get(client.number)
    ends = [(client.socket, socket.SO_RCVBUF)]
    if run is not None:
        ends.append((run.socket, socket.SO_SNDBUF))
    for end, option in ends:
        tcp = end._connection.transport.get_extra_info("socket")
        tcp.setsockopt(socket.SOL_SOCKET, option, BUFFER)


async def expect_row(talk: Talk, client: Client, row: Sequence[tuple[str, str | bytes]]) -> None:
    """Expect all messages that were sent in a row."""
    for index, (type, value) in enumerate(row):
        if await talk.until(client.arrived) is None and index and client.handler_waits:
            client.fail(
                "lost",
                f"Of {len(row)} messages that were sent in a row {index} came here and no more, "
                "though this client reads.",
                describe(type, value),
                advice=ROOM,
            )
        said = LOST.format(count=len(row))
        later = {other: said for _, other in row[index + 1 :] if other != value}
        await see_order(client, (type, value), row[index + 1 :], said)
        await client.expect(type, value, mistakes=later)


async def nobody_is_slow(talk: Talk) -> None:
    """Nobody is slow."""
    speaker, *listeners = [await talk.connect() for _ in range(3)]
    for text in talk.words(3):
        await speaker.send("text", text)
        for listener in listeners:
            await listener.expect("text", text)
    word, data = talk.word(), talk.octets(4)
    row: list[tuple[str, str | bytes]] = [("text", f"{word} {number}") for number in range(8)]
    await send_all(speaker, row)
    for listener in listeners:
        await expect_row(talk, listener, row)
    row = [("text", ""), ("bytes", data), ("text", word), ("text", word), ("bytes", b"")]
    await send_all(listeners[0], row)
    for listener in (speaker, listeners[1]):
        await expect_row(talk, listener, row)
    await send_between_control_frames(speaker, ("text", word), None)
    for listener in listeners:
        await expect_past_control(listener, word)


async def one_is_slow(talk: Talk) -> None:
    """One does not read."""
    speaker, sleeper, listener = [await talk.connect() for _ in range(3)]
    narrow(talk, sleeper)
    text = talk.word()
    threads = threading.active_count()
    await speaker.send("text", text)
    await listener.expect("text", text)
    sleeper.stop_reading()
    data = talk.octets(SIZE)
    for number in range(COUNT):
        payload = data + number.to_bytes(2, "big")
        await speaker.send("bytes", payload)
        await listener.expect("bytes", payload)
        if speaker.arrived() is not None:
            await speaker.expect_nothing("to-itself", "The sender got its own message back.")
        more = threading.active_count() - threads
        if more > THREADS:
            speaker.fail(
                "threads-pile-up",
                f"{more} threads were begun since one client stopped reading, and still wait for "
                "it.",
            )
    for word in talk.words(2):
        await listener.send("text", word)
        await speaker.expect("text", word)
    latecomer = await talk.connect()
    await latecomer.send("text", text)
    for client in (speaker, listener):
        await client.expect("text", text)
    await talk.forget(sleeper)
    await speaker.send("text", text)
    for client in (listener, latecomer):
        await client.expect("text", text)
    await latecomer.close(1001)
    await see_others_open(latecomer, [speaker, listener])
    await vanish(listener)
    await see_others_open(listener, [speaker])


slow_reader = HandlerExercise(
    name="slow_reader",
    title="Survive a slow reader",
    rfc="section 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "A broadcast once more: what one client sends goes to all others, text and bytes, in "
        "order. But now one of them stops reading, and `send` waits when the other end does not "
        "read. The others must not notice: whoever reads gets every message, several in a row too. "
        "Only who reads too slowly may lose messages, or the connection. Pings and pongs "
        "go to nobody."
    ),
    stub="import queue\nimport threading\n\noutboxes = {}\n\n\n" + HANDLER_STUB,
    hints=[
        "Whoever reads must not send: between the two belongs a queue for each client.",
        "Give each connection a queue.Queue(maxsize=32) and a thread that takes messages from it "
        "and sends them.",
        "put_nowait() raises queue.Full when someone does not keep up: drop that client.",
        "socket.drop() also works while a send waits; the thread's send then raises "
        "ConnectionClosed.",
    ],
    solution_text="""\
import queue
import threading

outboxes = {}


def handle_socket(socket):
    outbox = outboxes[socket] = queue.Queue(maxsize=32)

    def send_all():
        try:
            while (message := outbox.get()) is not None:
                socket.send(message.type, message.value)
        except Exception:
            socket.drop()

    threading.Thread(target=send_all, daemon=True).start()
    try:
        for message in socket:
            if message.type not in ("text", "bytes"):
                continue
            for member, waiting in list(outboxes.items()):
                try:
                    if member is not socket:
                        waiting.put_nowait(message)
                except queue.Full:
                    member.drop()
    finally:
        del outboxes[socket]
        if outbox.full():
            outbox.get()
        outbox.put(None)
""",
    scenarios=[one_is_slow, nobody_is_slow],
    advice={
        "slow-send": (
            "This send waits for the client that does not read, and meanwhile nobody else gets "
            "anything. Who reads messages should not be the one who sends them."
        ),
        "nothing": (
            "Since one client stopped reading, the others get nothing. Where does a handler wait?"
        ),
        "not-passed-on": "What another client sent, text or bytes, should have come here, at "
        "once. What waits for the client that does not read, or for an empty queue, passes nothing "
        "on meanwhile; and what one thread takes out of a queue no other gets.",
        "behind": "Messages must stay in their order: one queue and one thread for each client.",
        "wrong-value": "Messages must stay in their order: one queue and one thread for each "
        "client; only who does not read may lose some.",
        "known-mistake": ROOM,
        "stuck": "Who reads messages may not wait for a client that does not read: not in send, "
        "not in a queue's put(), and not in close(), which waits for the closing handshake. "
        "put_nowait() and drop() wait for nobody.",
        "dropped": "Drop who does not keep up, and no one else.",
        "sent-to-gone": "Sending to someone who has left raises ConnectionClosed; catch it there.",
        "to-itself": "Skip the sender, and send to each of the others; each client has a queue "
        "of its own.",
        "too-many": "Each message goes to each other client once, and not back to its sender.",
        "threads-pile-up": "A thread for each message has no end, and the order gets lost: one "
        "queue and one thread for each client.",
    },
)
