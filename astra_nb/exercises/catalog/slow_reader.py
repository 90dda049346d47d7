"""A broadcast in which one client stops reading, and the others do not notice."""

from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.scenario import MANY, Script

ROW = "Several messages came in a row, and this client reads: it gets each of them, in order."
PILE = "One queue and one sender for each client keep the order, and their number has a limit."


def nobody_is_slow(script: Script) -> None:
    speaker, *listeners = (script.client() for _ in range(3))
    for message in (("text", script.word()), ("bytes", script.octets(5))):
        speaker.send(*message)
        script.expect(listeners, message)
    script.expect_nothing(speaker, *listeners)
    speaker.send_all(row := [("text", text) for text in (*script.words(5), "", "again", "again")])
    script.expect(listeners, *row, why=ROW)
    speaker.control_between(("text", "bye"), None)
    script.expect(listeners, ("text", "bye"), why="Skip pings and pongs: look at message.type.")


def one_does_not_read(script: Script) -> None:
    speaker, sleeper, listener = (script.client() for _ in range(3))
    sleeper.stop_reading()
    for _ in range(0, MANY, 5):  # more than a queue of 100 has room for
        row = [("bytes", script.octets(40)) for _ in range(5)]
        speaker.send_all(row)
        listener.expect_all(row)
    sleeper.expect_sends(at_most=8, why=PILE)
    sleeper.forget()
    listener.send("text", word := script.word())
    speaker.expect("text", word)


slow_reader = HandlerExercise(
    name="slow_reader",
    title="Survive a slow reader",
    rfc="section 5.6",
    prompt="A broadcast once more: send each text or bytes message from one client to all others, "
    "in order. But now one of them stops reading, and `send` waits when the other end does not "
    "read. The others must not notice: a client that reads gets every message, even several in a "
    "row. Only a slow one may lose messages, or the connection. Skip pings and pongs.",
    stub="import queue\nimport threading\n\noutboxes = {}\n\n\n" + HANDLER_STUB,
    hints=[
        "The code that reads messages must not send them: give each client a queue, and a thread "
        "(or in `async def` a task) that takes the messages out in order and sends them.",
        "A queue without a limit grows while its client does not read; qsize() says how much is in "
        "it. When a queue with a limit is full, put() waits, and put_nowait() raises.",
        "drop() ends the connection of a client that does not keep up, and waits for nobody.",
    ],
    solution_text="""\
import queue
import threading

outboxes = {}


def handle_socket(socket):
    outbox = outboxes[socket] = queue.SimpleQueue()

    def send_all():
        try:
            while message := outbox.get():
                socket.send(message.type, message.value)
        except Exception:
            socket.drop()

    threading.Thread(target=send_all, daemon=True).start()
    try:
        for message in socket:
            for member, waiting in list(outboxes.items()):
                if waiting.qsize() > 30:
                    member.drop()
                elif member is not socket and message.type in ("text", "bytes"):
                    waiting.put(message)
    finally:
        del outboxes[socket]
        outbox.put(None)
""",
    scenarios=[nobody_is_slow, one_does_not_read],
    wrong=[("def handle_socket(s):\n    for m in s: pass", "not-passed-on")],
    advice={
        "not-passed-on": "This should have come here at once. What sends must have begun, and must "
        "go on after one message. What one takes out of a queue, nobody else gets.",
        "stuck": "A handler waits for messages of its own client alone: not for what sends them, "
        "nor for a client that does not read, as send, put() and close() may.",
        "repeated wrong-value": "Messages stay in order: one queue and one sender for each client.",
        "dropped": "Drop the client that does not keep up, and no other one.",
    },
)
