"""A broadcast in which one client stops reading, and the others do not notice."""

from __future__ import annotations

import threading

from .exercise import HandlerExercise
from .script import Talk

__all__ = ["slow_reader"]

NOTEBOOK = "3-protocols"
STUB = "def handle_socket(socket):\n    ...\n"

SIZE = 256 * 1024  # bytes of a message
COUNT = 48  # so many of them fill every buffer on the way


async def nobody_is_slow(talk: Talk) -> None:
    """Nobody is slow."""
    speaker, listener = await talk.connect(), await talk.connect()
    for text in talk.words(3):
        await speaker.send("text", text)
        await listener.expect("text", text)


async def one_is_slow(talk: Talk) -> None:
    """One does not read."""
    speaker, sleeper, listener = [await talk.connect() for _ in range(3)]
    text = talk.word()
    threads = threading.active_count()
    await speaker.send("text", text)
    await listener.expect("text", text)
    sleeper.stop_reading()
    data = talk.octets(SIZE)
    for number in range(COUNT):
        payload = data + bytes([number])
        await speaker.send("bytes", payload)
        await listener.expect("bytes", payload)
    more = threading.active_count() - threads
    if more > COUNT // 4:
        speaker.fail(
            "threads-pile-up",
            f"{more} threads were begun since one client stopped reading, and still wait for it.",
        )
    await talk.forget(sleeper)


slow_reader = HandlerExercise(
    name="slow_reader",
    title="Survive a slow reader",
    rfc="section 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "A broadcast once more: what one client sends goes to all others, text and bytes, in "
        "order. But now one of them stops reading, and `send` waits when the other end does not "
        "read. The others must not notice. Whoever reads too slowly may lose messages, or the "
        "connection."
    ),
    stub="import queue\nimport threading\n\noutboxes = {}\n\n\n" + STUB,
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
        "once. A handler that waits in recv() takes nothing out of a queue, and what one thread "
        "takes out of it no other gets: a queue and a thread for each client.",
        "behind": "Messages must stay in their order: one queue and one thread for each client.",
        "wrong-value": "Messages must stay in their order: one queue and one thread for each "
        "client; only who does not read may lose some.",
        "dropped": "Drop who does not keep up, and no one else.",
        "sent-to-gone": "Sending to someone who has left raises ConnectionClosed; catch it there.",
        "to-itself": "Skip the sender, and send to each of the others; each client has a queue "
        "of its own.",
        "too-many": "Each message goes to each other client once, and not back to its sender.",
        "threads-pile-up": "A thread for each message has no end, and the order gets lost: one "
        "queue and one thread for each client.",
    },
)
