"""A broadcast in which one client stops reading, and the others do not notice."""

from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise, Wrong
from astra_nb.exercises.scenario import MANY, Script

CONTROL = "Do not pass on pings and pongs: look at message.type."
ROW = "Several messages came in a row, and this client reads: it gets each of them, in order."
PILE = "One queue and one sender for each client keep the order, and their number has a limit."


def nobody_is_slow(script: Script) -> None:
    speaker, *listeners = (script.client() for _ in range(3))
    for message in (("text", script.word()), ("bytes", script.octets(5))):
        speaker.send(*message)
        script.expect(listeners, message)
    script.expect_nothing(speaker, *listeners)
    row = [("text", text) for text in (*script.words(5), "", "again", "again")]
    speaker.send_all(row)
    script.expect(listeners, *row, why=ROW)
    speaker.control_between(("text", "bye"), None)
    script.expect(listeners, ("text", "bye"), why=CONTROL)


def one_does_not_read(script: Script) -> None:
    speaker, sleeper, listener = (script.client() for _ in range(3))
    speaker.send("text", text := script.word())
    listener.expect("text", text)
    sleeper.stop_reading()
    for _ in range(0, MANY, 5):  # more than a queue of 100 has room for
        row: list[tuple[str, bytes]] = [("bytes", script.octets(40)) for _ in range(5)]
        speaker.send_all(row)
        listener.expect_all(row)
    sleeper.expect_sends(at_most=8, why=PILE)
    listener.send("text", text)
    speaker.expect("text", text)
    latecomer = script.client()
    latecomer.send("text", text)
    script.expect((speaker, listener), ("text", text))
    sleeper.forget()
    speaker.send("text", text)
    script.expect((listener, latecomer), ("text", text))
    latecomer.close(1001)
    listener.vanish()


slow_reader = HandlerExercise(
    name="slow_reader",
    title="Survive a slow reader",
    rfc="section 5.6",
    prompt="A broadcast once more: send each text or bytes message from one client to all others, "
    "in order. But now one of them stops reading, and `send` waits when the other end does not "
    "read. The others must not notice: a client that reads gets every message, even several in "
    "a row. Only a client that reads too slowly may lose messages, or the connection. Do not "
    "pass on pings and pongs.",
    stub="import queue\nimport threading\n\noutboxes = {}\n\n\n" + HANDLER_STUB,
    hints=[
        "The code that reads messages must not send them: give each client a queue with room for "
        "several messages, and something that takes them out in order and sends them. A handler "
        "with `async def` may use asyncio.Queue and a task.",
        "A queue without a limit grows as long as its client does not read. In one with a limit, "
        "put() waits; put_nowait() does not: it raises when the queue is full.",
        "A client whose queue is full does not keep up. It alone may lose the message, or the "
        "connection: drop() waits for nobody and ends a send that waits; close() waits.",
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
    scenarios=[nobody_is_slow, one_does_not_read],
    wrong=[
        Wrong("def handle_socket(s):\n    for m in s: s.send(m.type, m.value)", "not-passed-on"),
        Wrong("def handle_socket(s):\n    for m in s: pass", "not-passed-on"),
    ],
    advice={
        "not-passed-on": "What another client sent should have come here at once. What sends must "
        "have begun, and must go on after one message. What one takes out of a queue, nobody else "
        "gets. Nothing must wait for the client that does not read.",
        "stuck": "The code that reads messages must not wait for a client that does not read: not "
        "in send, not in a queue's put(), and not in close(), which waits for the closing "
        "handshake. put_nowait() and drop() wait for nobody.",
        "repeated wrong-value": "Messages stay in order: one queue and one sender for each client.",
        "dropped": "Drop the client that does not keep up, and no other one.",
        "to-itself too-many": "Each message goes to each other client once, not to its sender.",
    },
)
