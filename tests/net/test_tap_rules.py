"""Rules see whole messages, and what they say is done to the bytes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from astra_nb.errors import InvalidMessage, LocalError
from astra_nb.net import tap_rules
from astra_nb.net.message_rule import Rule
from astra_nb.net.tap_message import Passing
from astra_nb.net.tap_rules import End, RuledWay, RuleFunction
from astra_nb.wire.frames import decode, encode, split
from astra_nb.wire.messages import CloseFrame, Side


class Clock:
    """A loop whose time a test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> None:
        self.calls.append((when, call))

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        due = [call for when, call in self.calls if when <= self.now]
        self.calls = [each for each in self.calls if each[0] > self.now]
        for call in due:
            call()


class Scene:
    """A way from a sender, and all that came of it."""

    def __init__(self, *rules: RuleFunction, sender: Side = "server") -> None:
        self.rules: Sequence[RuleFunction] = rules
        self.held: dict[int, Passing] = {}
        self.held_numbers: Iterator[int] = itertools.count(1)
        self.clock = Clock()
        self.loop: asyncio.AbstractEventLoop = self.clock  # type: ignore[assignment]
        self.out = b""
        self.chunks: list[bytes] = []
        self.back = b""
        self.ends: list[End] = []
        self.said: list[str] = []
        self.errors: list[BaseException] = []
        self.held_up = False
        self.was_cut = False
        self.way = RuledWay(self, sender, 1)

    def forward(self, sender: Side, data: bytes) -> None:
        self.out += data
        self.chunks.append(data)

    def finish(self, sender: Side, end: End) -> None:
        self.ends.append(end)

    def inject(self, to: Side, frames: bytes) -> None:
        self.back += frames

    def cut(self) -> None:
        self.was_cut = True

    def notice(self, text: str) -> None:
        self.said.append(text)

    def rule_failed(self, error: BaseException) -> None:
        self.errors.append(error)

    def hold_up(self, sender: Side, *, held_up: bool) -> None:
        self.held_up = held_up


def text(value: str, *, fin: bool = True, opcode: int = 1) -> bytes:
    return encode(opcode, value.encode(), fin=fin)


def on(value: object, act: Callable[[Passing], object]) -> RuleFunction:
    return lambda message: act(message) if message.value == value else None


def test_rules_see_each_message_whole() -> None:
    seen: list[Passing] = []
    scene = Scene(seen.append)
    stream = (
        text("a", fin=False) + encode(9, b"p") + text("b", opcode=0) + encode(2, b"\0")
        + encode(10, b"q") + encode(8, b"\x03\xe8bye") + encode(8) + encode(1, b"\xff")
    )  # fmt: skip
    for byte in stream:
        scene.way.take(bytes((byte,)))
    assert [(one.type, one.value, one.fragments) for one in seen] == [
        ("ping", b"p", 1), ("text", "ab", 2), ("bytes", b"\0", 1), ("pong", b"q", 1),
        ("close", CloseFrame(1000, "bye"), 1), ("close", None, 1), ("text", "\ufffd", 1),
    ]  # fmt: skip
    assert sorted(scene.out) == sorted(stream)
    assert not scene.said
    assert repr(seen[1]) == "<Passing: text from the server, 'ab'>"


def test_the_frames_of_a_chunk_leave_together_up_to_what_is_on_the_log() -> None:
    scene = Scene(on("c", lambda message: message.drop()))
    scene.way.take(b"".join(map(text, "abcde")))
    assert scene.chunks == [text("a") + text("b"), text("d") + text("e")]


def test_what_is_no_message_passes() -> None:
    scene = Scene(lambda message: message.drop())
    odd = text("no beginning", opcode=0) + encode(3, b"reserved") + encode(11, b"")
    scene.way.take(odd)
    assert scene.out == odd


def test_a_message_that_is_begun_anew_passes_as_it_is() -> None:
    seen: list[Any] = []
    scene = Scene(lambda message: seen.append(message.value))
    stream = text("a", fin=False) + text("b", fin=False) + encode(8) + text("c", opcode=0)
    scene.way.take(stream)
    assert scene.out == stream
    assert seen == [None]


def test_drop_replace_and_inject() -> None:
    def inject(message: Passing) -> None:
        message.inject("text", "before", before=True)
        message.inject("ping", b"after")
        message.inject("close", {"code": 1001}, to="server")
        message.inject("close", to="client")

    scene = Scene(
        on("a", lambda message: message.drop()),
        on("b", lambda message: message.replace("B")),
        on("B", lambda message: message.replace(b"bytes", "bytes")),
        on("c", lambda message: message.replace(1000, "close")),
        on("d", inject),
    )
    for value in "abcd":
        scene.way.take(text(value))
    assert scene.out == (
        encode(2, b"bytes") + encode(8, b"\x03\xe8") + text("before") + text("d")
        + encode(9, b"after") + encode(8)
    )  # fmt: skip
    back = decode(scene.back)
    assert back.masked
    assert back.close == CloseFrame(1001)
    assert scene.said == [
        "A rule dropped it: a text message from the server.",
        "A rule replaced it with a bytes message: a text message from the server.",
        "A rule replaced it with a close message: a text message from the server.",
        "A rule injected a text message for the client, injected a ping message for the client, "
        "injected a close message for the server, injected a close message for the client: "
        "a text message from the server.",
    ]


def test_a_way_that_is_stopped_forgets_what_waits() -> None:
    scene = Scene(lambda message: message.delay(2))
    scene.way.take(text("later"))
    scene.way.stop()
    scene.clock.pass_by(2)
    assert scene.out == b""


def test_a_replaced_message_of_a_client_is_masked() -> None:
    scene = Scene(lambda message: message.replace("x"), sender="client")
    scene.way.take(encode(1, b"a", key=b"abcd"))
    frame = decode(scene.out)
    assert (frame.masked, frame.payload) == (True, b"x")


def test_delay_holds_up_what_comes_after() -> None:
    scene = Scene(on("later", lambda message: message.delay(2)))
    scene.way.take(text("later") + text("next"))
    scene.way.take(text("more"))
    scene.way.finish("eof")
    assert scene.out == b""
    assert len(scene.clock.calls) == 1
    scene.clock.pass_by(2)
    assert scene.out == text("later") + text("next") + text("more")
    assert scene.ends == ["eof"]
    assert "delayed it by 2 s" in scene.said[0]


def test_hold_until_release() -> None:
    scene = Scene(on("hold", lambda message: message.hold()))
    scene.way.take(text("hold") + text("next") + text("hold"))
    assert scene.out == b""
    assert scene.way.release() == 2
    assert scene.out == text("hold") + text("next") + text("hold")
    assert scene.way.release() == 0
    assert "holds it" in scene.said[0]


def test_one_held_message_is_released_alone_or_changed() -> None:
    def inject(message: Passing) -> None:
        message.inject("text", "after")
        message.hold()

    scene = Scene(on("hold", inject), on(b"hold", inject), sender="client")
    key = bytes(4)
    for opcode in (1, 2, 1):
        scene.way.take(encode(opcode, b"hold", key=key))
    assert [(number, one.type) for number, one in scene.held.items()] == [
        (1, "text"), (2, "bytes"), (3, "text"),
    ]  # fmt: skip
    with pytest.raises(InvalidMessage):
        scene.way.release(1, b"not a text")
    assert scene.way.release(9) == 0
    assert scene.way.release(2, "B") == 1  # it waits for the one before it
    assert (scene.out, [*scene.held]) == (b"", [1, 3])
    assert scene.way.release(1) == 1
    assert [one.payload for one in split(scene.out)] == [b"hold", b"after", b"B", b"after"]
    assert all(one.masked for one in split(scene.out))
    assert [*scene.held] == [3]
    assert "Another bytes message goes on in place of one from the client" in scene.said[-1]
    scene.way.stop()
    assert scene.held == {}


def test_cut_ends_all() -> None:
    scene = Scene(on("cut", lambda message: message.cut(after=3)))
    scene.way.take(text("cut") + text("never"))
    assert scene.was_cut
    assert scene.out[:3] == text("cut")[:3]
    assert "ended TCP after 3 bytes of it" in scene.said[0]


def test_the_end_of_tcp_comes_after_what_there_is() -> None:
    scene = Scene(lambda message: None)
    part = text("a", fin=False) + text("b", opcode=0)[:2]
    scene.way.take(part)
    scene.way.finish("reset")
    assert scene.out == part
    assert scene.ends == ["reset"]


def test_too_much_that_waits_holds_up_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_rules, "MAX_QUEUED", 100)
    scene = Scene(on("hold", lambda message: message.hold()))
    scene.way.take(text("hold"))
    assert not scene.held_up
    scene.way.take(text("x" * 100))
    assert scene.held_up
    scene.way.release()
    assert not scene.held_up


def test_a_message_that_is_too_long_passes_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_rules, "MAX_JOINED", 100)
    scene = Scene(lambda message: message.drop())
    whole = text("x" * 200)
    fragments = text("y" * 60, fin=False) + text("y" * 60, fin=False, opcode=0)
    rest = text("y", opcode=0)
    scene.way.take(whole[:50])
    scene.way.inject(text("injected"))
    assert scene.out == whole[:50]
    scene.way.take(whole[50:])
    scene.way.take(fragments)
    scene.way.inject(text("amid"))
    assert scene.out.endswith(fragments)
    scene.way.take(rest)
    assert scene.out == whole + text("injected") + fragments + rest + text("amid")
    scene.way.inject(text("at once"))
    scene.way.take(text("dropped"))
    assert scene.out.endswith(text("amid") + text("at once"))
    assert scene.said[0].startswith("A message of more than 0 MiB from the server passes as it is")
    first = encode(2, b"z" * 200, fin=False)
    scene.way.take(first)
    scene.way.take(encode(9, b"p") + encode(0, b"end") + text("dropped"))
    assert scene.out.endswith(first + encode(0, b"end"))  # and the PING was dropped


def test_an_error_of_a_rule_lets_the_message_pass() -> None:
    scene = Scene(lambda message: message.delay(-1), lambda message: message.inject("text", 5))
    scene.way.take(text("a"))
    assert scene.out == text("a")
    assert [type(error) for error in scene.errors] == [LocalError, InvalidMessage]


def exits(passing: Passing) -> None:
    if passing.value == "exit":
        raise SystemExit(3)


def test_a_rule_that_exits_holds_up_nothing_and_repeats_nothing() -> None:
    seen: list[object] = []
    scene = Scene(lambda passing: seen.append(passing.value), exits)
    frames = [encode(1, each) for each in (b"one", b"exit", b"two")]
    scene.way.take(b"".join(frames))
    scene.way.take(encode(1, b"three"))
    assert [each.payload for each in split(scene.out)] == [b"one", b"exit", b"two", b"three"]
    assert seen == ["one", "exit", "two", "three"]
    assert [type(each) for each in scene.errors] == [SystemExit]


async def awaited(passing: Passing) -> None:
    passing.drop()


def yielding(passing: Passing) -> Iterator[None]:
    passing.drop()
    yield


@pytest.mark.parametrize("rule", [awaited, lambda passing: awaited(passing), yielding])
def test_a_rule_none_of_whose_lines_has_run_is_an_error(rule: RuleFunction) -> None:
    scene = Scene(rule)
    scene.way.take(encode(1, b"Hello"))
    assert scene.out == encode(1, b"Hello")
    assert "nothing awaits it; this one returned" in str(scene.errors[0])


def test_rules_of_any_iterable_are_a_list() -> None:
    rules = exits, Rule("drop")
    assert tap_rules.checked_rules(iter(rules)) == [*rules]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([awaited], r"^a rule is a plain def.*, not <function awaited"),
        ([yielding], "take the yield out"),
        ([lambda: None], "cannot be called with the message alone"),
        (["drop"], "a rule is a function that takes a message"),
        ([3], "a rule is a function that takes a message, not int 3"),
        (exits, "^rules is a list"),
        ("drop", r"^rules is a list, like \[rule\], not 'drop'$"),
    ],
)
def test_what_is_not_a_list_of_rules(rules: Any, said: str) -> None:
    with pytest.raises(LocalError, match=said):
        tap_rules.checked_rules(rules)
