"""Record a scenario as data: what its clients send, what they expect, and how they leave.

A scenario is a plain function that gets a `Script`. It calls what the clients are to do, in their
order; nothing happens then. The check plays the recorded steps against the student's handler.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from astra_nb.wire.messages import CloseFrame

from .diagnosis.evidence import Said, Wanted

__all__ = ["Client", "Heard", "Scenario", "ScenarioError", "Script", "Step"]

Scenario = Callable[["Script"], None]
Payload = str | bytes
Value = Payload | Callable[[], Payload]  # a call gives what only the play knows
Judge = Callable[["Heard"], str | None]

WORDS = ("plum", "pear", "lemon", "cherry", "apple", "quince", "grape", "melon", "lime", "mango")
TYPES = ("text", "bytes", "ping", "pong")
MANY = 130  # more messages than anyone takes for enough
ODD = [
    "Grüße, 世界", "", "ping", "close", "None", "0", "exit", "{name}", "%s", 'it\'s "it"', " x",
    '{"type": "text"}', "a  Ada\tKING \n", "x" * 66_000,
]  # fmt: skip
FORGOTTEN = "a scenario is a plain function, def NAME(script): ..., without async, await or yield"


class ScenarioError(Exception):
    """A scenario cannot be played; names the exercise, the scenario and its line."""


@dataclass
class Heard:
    """What came where something was expected; filled when the scenario is played.

    `calls` has what the handler called so far: name, message (`said`), and the times of
    `time.perf_counter()` at which the call began and ended.
    """

    payload: bytes = b""
    calls: tuple[Any, ...] = ()

    @property
    def text(self) -> str:
        return self.payload.decode("utf-8", "replace")


class Step(NamedTuple):
    """One thing that a client does or expects: a method of `Play`, and its arguments."""

    method: str
    client: int
    arguments: tuple[Any, ...] = ()


def octets(value: object) -> bytes:
    if isinstance(value, (str, bytes, bytearray, list)):
        return value.encode() if isinstance(value, str) else bytes(value)
    raise TypeError(f"a payload is a str or bytes, not {value!r:.60}")


def known(type: str) -> str:
    if type not in TYPES:
        raise ValueError(f"the type of a message is one of {', '.join(TYPES)}, not {type!r}")
    return type


class Script:
    """What a scenario records its steps in; what is shaped by chance has the seed's `random`."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.steps: list[Step] = []
        self._clients = 0

    def word(self) -> str:
        """Return a word that hardly any other step has."""
        return self.words(1)[0]

    def words(self, count: int) -> list[str]:
        """Return several words, each another."""
        numbers = self.random.sample(range(100, 1000), count)
        return [f"{self.random.choice(WORDS)}-{number}" for number in numbers]

    def octets(self, count: int) -> bytes:
        """Return bytes by chance that are not UTF-8, and that no blank ends."""
        return b"\xff\x00"[:count] + self.random.randbytes(max(0, count - 3)) + b"\xff"[: count - 2]

    def messages(self, *types: str) -> list[tuple[str, Payload]]:
        """Return messages of these types: usual, odd, empty and long ones, and one twice."""
        texts = [*self.words(3), *ODD]
        sizes = (6, 1, 125, 126, 127, 65_535, 65_536)
        tables = [*map(self.octets, sizes), b"a \n", bytes(4), b" \n\t", b"", b"Hello"]
        found: list[tuple[str, Payload]] = []
        for type in types:
            control = [table for table in tables if len(table) <= 125]
            values: Any = {"text": texts, "bytes": tables}.get(type, control)
            found += [(type, value) for value in (*values, values[0], values[0])]
        return found

    def client(self, path: str = "", *, automatic_pong: bool = True) -> Client:
        """Open a connection; the path is added to the server's address, without the first slash.

        With automatic pong this client answers PING frames by itself.
        """
        client = Client(self, self._clients)
        self._clients += 1
        client.add("open", path, automatic_pong)
        return client

    def pause(self) -> None:
        """Pass a long silence, in which each recv() with a timeout ends."""
        self.steps.append(Step("pause", 0))

    def hold(self, *clients: Client) -> None:
        """Hold sends to these clients, as when a buffer is full, until `release`.

        What a client sends meanwhile is waited for until a handler waits in such a send: what
        comes next happens in the middle of it.
        """
        self.steps += [Step("hold", client.number, (True,)) for client in clients]

    def one_leaves_between(self) -> None:
        """Release one send that is held; its client leaves while the next one is held.

        Which client that is depends on the handler. What is expected of it later is passed over.
        """
        self.steps.append(Step("one_leaves_between", 0))

    def release(self) -> None:
        """Release the sends that are held."""
        self.steps.append(Step("release", 0))

    def expect(
        self, clients: Iterable[Client], *messages: tuple[str, Payload], why: str = ""
    ) -> None:
        """Expect these messages, in their order, at each of the clients."""
        for client in clients:
            client.expect_all(messages, why)

    def expect_nothing(self, *clients: Client, why: str = "") -> None:
        """Expect that nothing comes to any of them for a moment; `why` says what if it does."""
        for client in clients:
            client.expect_nothing(why)


class Client:
    """One client of a scenario. Each method records one step or several."""

    def __init__(self, script: Script, number: int) -> None:
        self.number = number
        self._script = script

    def add(self, method: str, *arguments: Any) -> None:
        """Record a step: a method of `Play`, and its arguments."""
        self._script.steps.append(Step(method, self.number, arguments))

    def send(self, type: str, value: Value = b"", *, unanswered: bool = False) -> None:
        """Send a message, which is to get an answer or not; a callable value is called then."""
        self.send_all([(type, value)], unanswered=unanswered)

    def send_all(self, messages: Iterable[tuple[str, Value]], *, unanswered: bool = False) -> None:
        """Send several messages in a row, before any answer is looked at."""
        values = [(known(type), v if callable(v) else octets(v)) for type, v in messages]
        self.add("send", values, unanswered)

    def send_fragments(self, type: str, parts: Iterable[Payload]) -> None:
        """Send one message in several fragments."""
        self.add("send", [(known(type), tuple(map(octets, parts)))], False)

    def expect(
        self, type: str, value: Payload | None = None, *, judge: Judge | None = None,
        mistakes: Mapping[Any, str] | None = None, why: str = "",
    ) -> Heard:  # fmt: skip
        """Expect a message from the server; return what came, once the scenario is played.

        Args:
            type: Its type.
            value: Its payload; None for any. With a judge it is only shown.
            judge: Called with what came, when the type is right, in place of a comparison; returns
                what is wrong, or None.
            mistakes: Payloads that people send instead, each with what to say about it. One that
                equals the right value is passed over.
            why: Advice when anything else comes, or nothing.
        """
        said, heard = Said(known(type), b"" if value is None else octets(value)), Heard()
        wrong = tuple((octets(each), what) for each, what in (mistakes or {}).items())
        self.add("expect", Wanted("message", said, value is None, wrong, why), judge, heard)
        return heard

    def exchange(
        self,
        messages: Iterable[tuple[str, Payload]],
        answer: Callable[[str, Any], tuple[str, Payload]] = lambda type, value: (type, value),
        mistakes: Callable[[str, Any], Mapping[Any, str]] = lambda type, value: {},
        *,
        at_once: bool = False,
    ) -> None:
        """Send each message and expect its answer before the next one, unless all go at once.

        Args:
            messages: Types and values.
            answer: Returns type and payload of the right answer; by default the message itself.
            mistakes: Returns the likely mistakes for a message, as for `expect`.
            at_once: Whether all are sent before the first answer is looked at.
        """
        messages = list(messages)
        for row in [messages] if at_once else [[message] for message in messages]:
            self.send_all(row)
            for type, value in row:
                self.expect(*answer(type, value), mistakes=mistakes(type, value))

    def expect_all(self, messages: Iterable[tuple[str, Payload]], why: str = "") -> None:
        """Expect several messages in their order."""
        for type, value in messages:
            self.expect(type, value, why=why)

    def expect_nothing(self, why: str = "") -> None:
        """Expect that nothing comes for a moment."""
        self.add("expect", Wanted("nothing", why=why))

    def expect_close(self, code: int, reason: str | None = None) -> None:
        """Expect that the server closes, with this code, and with this reason unless None."""
        CloseFrame(code, reason or "")  # raises where there is no such frame
        said = Said("close", code.to_bytes(2, "big") + (reason or "").encode())
        self.add("expect", Wanted("close", said, any_payload=reason is None))

    def control_between(
        self, message: tuple[str, Payload], answer: tuple[str, Payload] | None
    ) -> None:
        """Send a PONG that nobody asked for, a PING and a message; only the message is answered.

        For servers with automatic pong. The answer is None where this client gets none.
        """
        unasked, asking = self._script.random.randbytes(11), self._script.random.randbytes(13)
        self.send_all([("pong", unasked), ("ping", asking)], unanswered=True)
        self.send(*message)
        self.expect_all([("pong", asking), *([answer] if answer else [])])

    def expect_sends(self, at_most: int, why: str) -> None:
        """Expect that no more sends than that wait for this client; `why` says what if more do."""
        self.add("expect_sends", at_most, why)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, and see that the handler ends with it."""
        self.add("leave", code, reason)

    def close_without_code(self) -> None:
        """Close with an empty CLOSE frame, and see that the handler ends with it."""
        self.add("leave", 1005)

    def vanish(self) -> None:
        """End TCP without a CLOSE frame, and see that the handler ends with it."""
        self.add("leave", 1006)

    def forget(self) -> None:
        """End TCP, wherever it stands; neither what came nor its handler's end is looked at."""
        self.add("leave", 1006, "", True)

    def stop_reading(self) -> None:
        """Stop reading: sends to it wait, as when every buffer is full, until `release`."""
        self.add("hold", False)


def record(scenario: Scenario, seed: str) -> Script:
    """Run a scenario, and return what it recorded.

    Raises:
        ScenarioError: It raised, or it is not a plain function.
    """
    script = Script(seed)
    played: Callable[[Script], Any] = scenario
    name = getattr(scenario, "__name__", repr(scenario))
    try:
        result: Any = played(script)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f", line {frame.lineno}" for frame in frames if frame.filename != __file__]
        said = f"scenario {name}{lines[-1] if lines else ''}: {type(error).__name__}: {error}"
        raise ScenarioError(said) from error
    if result is not None:
        if hasattr(result, "close"):
            result.close()  # a coroutine or a generator, none of whose lines has run
        raise ScenarioError(f"scenario {name}: {FORGOTTEN}")
    if not script.steps:
        raise ScenarioError(f"scenario {name} does nothing: script.client() opens a connection")
    return script
