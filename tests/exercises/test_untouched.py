"""A stub that was left as it was is told from an answer, however it is spelled."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from astra_nb.exercises.untouched import is_untouched
from tests.exercises.answers import EXERCISES

STUB = "def handle_socket(socket):\n    ...\n"


def function(source: str) -> Any:
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    return [value for name, value in namespace.items() if name != "__builtins__"][-1]


@pytest.mark.parametrize(
    "body", ["...", "pass", "return", "return None", '"""Echo."""', "# YOUR CODE HERE\n    pass"]
)
@pytest.mark.parametrize("start", ["def handle_socket(socket)", "async def other(s, name=None)"])
def test_a_function_without_a_body_is_untouched(start: str, body: str) -> None:
    assert is_untouched(function(f"{start}:\n    {body}\n"), STUB)


@pytest.mark.parametrize(
    "source",
    [
        "def handle_socket(socket):\n    socket.recv()\n",
        "def handle_socket(socket):\n    return 1\n",
        "def handle_socket(socket):\n    raise ValueError\n",
        "async def handle_socket(socket):\n    await socket.recv()\n",
        "def handle_socket(socket):\n    def inner():\n        return 1\n",
    ],
)
def test_a_function_with_a_body_is_not(source: str) -> None:
    assert not is_untouched(function(source), STUB)


def test_a_stub_with_a_body_of_its_own_is_known_again() -> None:
    stub = (
        "def join(frames):\n    found = []\n    for frame in frames:\n        pass\n"
        "    return found\n"
    )
    renamed = stub.replace("found", "messages").replace("frame in", "each in")
    commented = stub.replace("    found = []", '    """Join them."""\n    found = []  # all')
    touched = stub.replace("pass", "found.append(frame)")
    assert is_untouched(function(stub), stub)
    assert is_untouched(function(renamed), stub)
    assert is_untouched(function(commented), stub)
    assert not is_untouched(function(touched), stub)
    assert not is_untouched(function(stub), STUB)


def test_an_inner_function_counts() -> None:
    stub = "def make(value):\n    def inner():\n        return value\n    return inner\n"
    assert is_untouched(function(stub), stub)
    assert not is_untouched(function(stub.replace("return value", "return value + 1")), stub)


def test_what_is_not_a_function() -> None:
    class Handlers:
        def handle(self, socket: object) -> None: ...

    assert is_untouched(..., STUB)
    assert is_untouched(Handlers().handle, STUB)
    for other in (None, "...", 3, print, Handlers, functools.partial(print, 1)):
        assert not is_untouched(other, STUB)


@pytest.mark.parametrize("name", EXERCISES)
def test_each_stub_is_untouched_and_each_solution_is_not(name: str) -> None:
    exercise = EXERCISES[name]
    for source, untouched in ((exercise.stub, True), (exercise.solution_text, False)):
        namespace: dict[str, Any] = {}
        exec(source, namespace)
        assert is_untouched(namespace[exercise.function], exercise.stub) is untouched


def test_a_stub_that_is_not_python_is_the_teachers_error() -> None:
    with pytest.raises(SyntaxError):
        is_untouched(lambda socket: 1, "def handle_socket(socket)\n    ...\n")
