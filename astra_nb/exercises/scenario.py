"""Scenarios: what the clients of a check do and expect, as plain functions that get a `Script`."""

from __future__ import annotations

import contextlib
import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from astra_nb.errors import AstraError

from . import scripted_client, stage
from .harness import Harness
from .patience import Patience, TooBusy
from .scripted_client import FORGET, Client, Payload
from .stage import NotYet, Stage

__all__ = ["Client", "Payload", "Scenario", "ScenarioError", "Script", "play"]

Scenario = Callable[["Script"], None]

WORDS = ("plum", "pear", "lemon", "cherry", "apple", "quince", "grape", "melon", "lime", "mango")
MANY = 130  # more messages than anyone takes for enough
ODD = [
    "Grüße, 世界", "", "ping", "close", "None", "0", "exit", "{name}", "%s", 'it\'s "it"', " x",
    '{"type": "text"}', "a  Ada\tKING \n", "x" * 66_000,
]  # fmt: skip
SILENCE = 0.6  # seconds, as this process was given them, of a long silence
LONG_SILENCE = 3600.0  # seconds that pass in it on the clock of the handlers' loop
FORGOTTEN = "a scenario is a plain function, def NAME(script): ..., without async, await or yield"


class ScenarioError(Exception):
    """A scenario cannot be played; names the exercise, the scenario and its line."""


class Script(Stage):
    """What a scenario gets: clients, and values by chance, which are those of the seed."""

    def __init__(self, harness: Harness, patience: Patience, title: str, seed: str) -> None:
        super().__init__(harness, patience, title)
        self.random = random.Random(seed)

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
        return Client(self, path, automatic_pong)

    def pause(self) -> None:
        """Pass a long silence, in which each recv() with a timeout ends."""
        self.harness.runs.silences += 1
        self.harness.pass_time(LONG_SILENCE)
        self.until(lambda: None, SILENCE, SILENCE)

    def hold(self, *clients: Client) -> None:
        """Hold sends to these clients, as when a buffer is full, until `release`.

        What a client sends meanwhile is waited for until a handler waits in such a send: what
        comes next happens in the middle of it.
        """
        self.harness.runs.held |= {client.run.number for client in clients}
        self.is_holding = True

    def one_leaves_between(self) -> None:
        """Release one send that is held; its client leaves while the next one is held.

        Which client that is depends on the handler. What is expected of it later is passed over.
        """
        held = self.harness.runs.held
        waiting = [each for each in self.clients if self.sends_to(held & {each.run.number})]
        for self.left in waiting[:1]:
            held.remove(self.left.run.number)
            self.until(lambda: waiting[0].pending and self.sends_to(held), FORGET)
            self.left.forget()

    def release(self) -> None:
        """Release the sends that are held."""
        self.harness.runs.held.clear()
        self.is_holding = False

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

    def end(self) -> None:
        """See that nothing more came, and that a handler ends with its connection."""
        left = [client for client in self.clients if not client.leaving and not client.ended]
        for client in left:
            client.see_no_more()
        for client in left[:1]:  # what others hear of it is the exercise's matter
            client.close()

    def clear(self) -> None:
        """Drop all connections, wherever they stand."""
        for client in self.clients:
            client.reader.cancel()
            with contextlib.suppress(AstraError, RuntimeError, TimeoutError):  # it floods
                self.begin(client.socket.drop()).result(FORGET)


def play(scenario: Scenario, harness: Harness, patience: Patience, seed: str) -> Counter[str]:
    """Play a scenario, and see that each handler ends with its connection.

    Returns:
        What would be said of mistakes, and of each how often it is one where it stands.

    Raises:
        NotYet: Something was not as expected.
        TooBusy: The machine gave this process too little time.
        ScenarioError: The scenario itself raised, or is not a plain function.
    """
    name = getattr(scenario, "__name__", repr(scenario))
    title = (scenario.__doc__ or name.replace("_", " ").capitalize()).strip().rstrip(".")
    script = Script(harness, patience, title, f"{seed} {name}")
    played: Callable[[Script], Any] = scenario
    try:
        if (result := played(script)) is not None:
            if hasattr(result, "close"):
                result.close()  # a coroutine or a generator, none of whose lines has run
            raise TypeError(FORGOTTEN)
        if not script.clients:
            raise TypeError("it does nothing: script.client() opens a connection")
        script.end()
    except (NotYet, TooBusy):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = (__file__, scripted_client.__file__, stage.__file__)
        lines = [f", line {frame.lineno}" for frame in frames if frame.filename not in own]
        said = f"scenario {name}{lines[-1] if lines else ''}: {type(error).__name__}: {error}"
        raise ScenarioError(said) from error
    finally:
        script.clear()
    # Handlers share what is outside of them with those of the next scenario.
    script.until(lambda: all(each.run.ended for each in script.clients), FORGET, FORGET)
    return script.sayable
