"""Function exercises: what is called, what counts as right, and what is said of the rest."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import pytest

from astra_nb.exercises import (
    NOTEBOOKS,
    Call,
    FunctionExercise,
    compute_key,
    join_fragments,
    masked_frame,
    read_frame,
    who_closed,
)  # fmt: skip
from astra_nb.exercises.cards import Answer
from astra_nb.exercises.scenario import ScenarioError
from astra_nb.log.records import CheckRecord
from tests.exercises.answers import answer_of
from tests.helpers import run_python, wait_until

SOLUTION = "def double(numbers):\n    return [2 * number for number in numbers]\n"


def calls(chance: Any) -> list[Call]:
    lists = [[1, 2], [], [chance.randrange(100, 10**6), 3]]
    return [Call((each,), [2 * number for number in each]) for each in lists]


def make(**options: Any) -> FunctionExercise:
    given: dict[str, Any] = {
        "name": "double",
        "title": "Double",
        "rfc": "section 5.2",
        "prompt": "Write `double(numbers)`.",
        "stub": "def double(numbers):\n    ...\n",
        "hints": ["Two", "Three"],
        "solution_text": SOLUTION,
        "function": "double",
        "calls": calls,
    }
    return FunctionExercise(**given | options)


def checked(source: str, **options: Any) -> Answer:
    exercise = make(**options)
    return exercise.check(answer_of(exercise, source))


def headline(answer: Answer) -> str:
    assert answer.outcome == "not yet", str(answer)
    assert answer.finding is not None
    return answer.finding.headline


def test_the_solution_is_right_and_leaves_a_record() -> None:
    answer = checked(SOLUTION)
    assert answer.right, str(answer)
    assert answer.log is not None
    [record] = [each for each in answer.log.records() if isinstance(each, CheckRecord)]
    assert (record.exercise, record.outcome, record.misconception) == ("double", "right", "")


@pytest.mark.parametrize(
    ("body", "key", "says"),
    [
        ("print(numbers)", "returned-none", "double returned None."),
        ("return 3", "wrong-result-type", "double returned int where list was expected."),
        (
            "return [2 * n for n in numbers][:1]",
            "wrong-value",
            "it has 1 item, not 2; it lacks item 1.",
        ),
        ("return [2, 4]", "wrong-value", "it has an extra item 0"),
        ("return (2 * n for n in numbers)", "wrong-result-type", "double returned generator where"),
        ("return numbers[9]", "raised", "IndexError: list index out of range, at line 2: return"),
        ("exit(3)", "forbidden", "double raised SystemExit: 3, at line 2: exit(3)"),
        ("import os; os._exit(3)", "forbidden", "double raised SystemExit, at line 2"),
        ("import os; os.fork()", "forbidden", "double tried to call os.fork, at line 2"),
        ("while True: pass", "stuck", "it was still at line 2: while True: pass"),
    ],
)
def test_what_is_wrong_is_said(body: str, key: str, says: str) -> None:
    answer = checked(f"def double(numbers):\n    {body}\n")
    assert says in headline(answer)
    assert answer.key == key


@pytest.mark.parametrize("keys", ["raised", "wrong-value raised"])
def test_the_advice_of_an_exercise_on_errors_comes_before_the_general_one(keys: str) -> None:
    answer = checked("def double(numbers):\n    return number\n", advice={keys: "Look again."})
    assert answer.finding is not None
    assert (answer.key, answer.finding.advice) == ("raised", "Look again.")


def test_a_slow_function_is_not_told_that_it_never_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astra_nb.exercises.function_exercise.ALL_CALLS", 0.1)
    slow = "import time\n\ndef double(numbers):\n    end = time.monotonic() + 9\n"
    slow += "    while time.monotonic() < end:\n        pass\n"
    answer = checked(f"{slow}    return [2 * n for n in numbers]\n")
    assert answer.key == "stuck"
    assert headline(answer).startswith("Your function takes too long; it was still at line ")


def test_what_is_expected_and_what_came_stand_side_by_side() -> None:
    finding = checked("def double(numbers):\n    return numbers\n").finding
    assert finding is not None
    assert (finding.expected, finding.came) == ("[2, 4]", "[1, 2]")
    assert finding.where == "double([1, 2])"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("x", "A function is checked here, not 'x'."),
        (None, "A function is checked here, not None."),
        (asyncio.sleep, "An async def function returns a coroutine; write def double(...)."),
        (lambda: 1, "double cannot be called with these arguments: <lambda>() takes 0"),
        (lambda one, two: 1, "missing 1 required positional argument: 'two'"),
    ],
)
def test_what_is_not_a_function_of_these_arguments(answer: Any, says: str) -> None:
    found = make().check(answer)
    assert says in headline(found)
    assert found.key == "no-function"


def test_a_function_without_a_signature_is_called() -> None:
    numbers = [Call((each,), each) for each in ("3", "4")]
    assert make(calls=lambda chance: numbers).check(str).right


@pytest.mark.parametrize("error", ["NotImplementedError", "NotImplementedError()"])
def test_what_says_that_it_is_not_written_is_not_attempted(error: str) -> None:
    assert checked(f"def double(numbers):\n    raise {error}\n").outcome == "not attempted"


# Mistakes


MUTATIONS = [
    ("2 *", "2 +", "Two is added."),
    ("[2", "1 / 0 or [2", "It divides by zero."),
    ("numbers]", "numbers][:2]", "Only two are there."),
]


def test_a_mutation_of_the_solution_is_told_by_its_result() -> None:
    plus = "def double(values):\n    return list(map(lambda value: value + 2, values))\n"
    assert headline(checked(plus, mutations=MUTATIONS)) == "Two is added."
    assert checked(SOLUTION, mutations=MUTATIONS).right
    times = SOLUTION.replace("2 *", "5 *")
    assert checked(times, mutations=MUTATIONS).key == "wrong-value"


def test_selftest_says_what_can_never_be_told() -> None:
    unsaid = [
        "double: 'It divides by zero.' can never be said.",
        "double: 'Only two are there.' can never be said.",
    ]
    assert sorted(make(mutations=MUTATIONS).selftest()) == unsaid
    assert make(mutations=MUTATIONS[:1]).selftest() == []


def test_of_two_mistakes_with_one_result_the_second_can_never_be_told() -> None:
    twice = [("2 *", "2 +", "Two is added."), ("2 * number", "number + 2", "It is two more.")]
    unsaid = ["double: 'It is two more.' can never be said."]
    assert make(mutations=twice).selftest() == unsaid


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (lambda chance: [], "double: calls yields nothing, so any answer would be right"),
        (lambda chance: [None], "calls yields None, not Call"),
        (lambda chance: [([1], [2])], r"calls yields \(\[1\], \[2\]\), not Call\("),
    ],
)
def test_calls_that_are_none_are_the_teachers_mistake(calls: Any, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        checked("def double(numbers):\n    return 7\n", calls=calls)
    assert len(make(calls=calls).selftest()) == 1


def test_the_arguments_of_a_call_are_a_tuple() -> None:
    with pytest.raises(ScenarioError, match=r"a tuple, such as \(b'bye',\)"):
        Call(b"bye", 3)  # type: ignore[arg-type]


def test_a_stub_of_another_function_is_told() -> None:
    assert make(stub="def handle_socket(socket): ...\n").selftest() == [
        "double: the stub does not run: NameError: it defines no 'double'."
    ]


def test_a_mutation_that_is_no_python_is_an_error() -> None:
    with pytest.raises(SyntaxError, match=r"double, '2 2' in place of '2 \*'"):
        make(mutations=[("2 *", "2 2", "x")])


def test_a_mutation_of_what_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="the solution has no '7 \\*' to mutate"):
        make(mutations=[("7 *", "2 +", "x")])


def test_of_a_dict_the_first_wrong_item_is_told() -> None:
    solution = "def double(numbers):\n    return {'sum': sum(numbers), 'count': len(numbers)}\n"
    expected = {"sum": 11, "count": 2}
    mutations = [("sum(numbers)", "max(numbers)", "The sum is the greatest.")]
    options = {"solution_text": solution, "calls": lambda _: [Call(([5, 6],), expected)]}
    wrong = "def double(numbers):\n    return {'count': 2, 'sum': max(numbers)}\n"
    assert headline(checked(wrong, **options, mutations=mutations)) == "The sum is the greatest."
    wrong = "def double(numbers):\n    return {'sum': 3, 'count': 2}\n"
    assert headline(checked(wrong, **options, mutations=mutations)) == (
        "double returned a different result: item 'sum' is 3, but 11 is right."
    )


def test_what_is_wrong_is_said_of_a_part() -> None:
    def parts(numbers: list[int]) -> dict[str, Any]:
        return {"count": len(numbers), "sum": sum(numbers)}

    for result, says in {
        "[7]": "'count' is 1, but 2 is right.",
        "[4, 2]": "item 0 is 4, but 2 is right.",  # the parts are the same
        "['2', 4]": "item 0 is '2', but 2 is right: only the type differs.",  # there is no sum
        "'abc'": "double returned str where list was expected.",
    }.items():
        assert says in headline(checked(f"def double(n):\n    return {result}\n", parts=parts))


# State, chance, and what was known before


@pytest.mark.parametrize(
    "source",
    [
        "import random\ndef double(numbers):\n    return [random.random()]\n",
        "kept = []\ndef double(numbers):\n    kept.extend(2 * n for n in numbers)\n"
        "    return kept[:]\n",
        "def double(numbers):\n    return [object()]\n",
        "class Odd:\n    def __eq__(self, other): 1 / 0\n\n"
        "def double(n):\n    n[0] = Odd()\n    return n\n",
    ],
)
def test_what_keeps_a_state_or_is_random_is_wrong(source: str) -> None:
    assert checked(source).key == "wrong-value"


def test_arguments_may_be_changed_when_the_result_is_right() -> None:
    source = (
        "def double(numbers):\n    found = []\n    while numbers:\n"
        "        found.append(2 * numbers.pop(0))\n    return found\n"
    )
    assert checked(source).right
    assert checked(source.replace("2 *", "3 *")).key == "wrong-value"


def test_values_known_by_heart_are_found_out() -> None:
    exercise = make()
    solution = answer_of(exercise, SOLUTION)
    seen: dict[str, Any] = {}

    def collect(numbers: Any) -> Any:
        return seen.setdefault(str(numbers), solution(numbers))

    assert exercise.check(collect, seed="ada").right
    known = dict(list(seen.items())[:3])
    answer = exercise.check(lambda numbers: known.get(str(numbers), [2, 4]), seed="ada")
    assert answer.key == "wrong-value"


@pytest.mark.parametrize("exercise", NOTEBOOKS["4-by-hand"], ids=lambda each: each.name)
def test_the_seed_shapes_the_values(exercise: FunctionExercise) -> None:
    solution = answer_of(exercise, exercise.solution_text)

    def seen(seed: str) -> list[str]:
        found: list[str] = []

        def collect(*arguments: Any) -> Any:
            result = solution(*arguments)
            found.append(repr(result))
            return result

        assert exercise.check(collect, seed=seed).right
        return found

    ada, again, bob = seen("ada"), seen("ada"), seen("bob")
    half = len(ada) // 2
    assert ada[:half] == again[:half]
    assert ada[:half] != bob[:half]
    assert ada[half:] != again[half:]


# What a function may do to the check


def test_a_value_that_cannot_be_compared_or_shown_is_only_wrong() -> None:
    source = (
        "class Odd:\n    def __eq__(self, other): raise RuntimeError\n"
        "    def __repr__(self): raise RuntimeError\n\n"
        "def double(numbers):\n    return {}\n"
    )
    for value in ("Odd()", "[Odd(), Odd()]", "[Odd]"):
        assert checked(source.format(value)).outcome == "not yet"


@pytest.mark.parametrize(
    ("body", "key"), [("os._exit(7)", "forbidden"), ("while True: pass", "stuck")]
)
def test_what_a_value_does_when_it_is_shown_is_guarded_too(body: str, key: str) -> None:
    source = f"import os\n\nclass Odd:\n    def __repr__(self):\n        {body}\n\n"
    assert checked(f"{source}def double(numbers):\n    return Odd()\n").key == key


def test_what_it_prints_is_kept_for_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    answer = checked("def double(numbers):\n    print('<b>here</b>')\n")
    assert answer.printed == "<b>here</b>\n"
    assert capsys.readouterr().out == ""


def test_one_that_swallows_what_stops_it_is_stopped() -> None:
    before = set(threading.enumerate())
    source = (
        "def double(numbers):\n    while True:\n        try:\n            sum(range(1000))\n"
        "        except BaseException:\n            pass\n"
    )
    assert checked(source).key == "stuck"
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_one_that_waits_is_guarded_until_it_ends() -> None:
    lock = threading.Lock()
    guarded: list[bool] = []

    def double(numbers: Any) -> None:
        try:
            try:
                lock.acquire()  # nothing can stop that
            except BaseException:  # noqa: BLE001
                guarded.clear()  # it is raised once more here
        except BaseException:  # noqa: BLE001
            try:
                os._exit(7)
            except SystemExit:
                guarded.append(True)

    with lock:
        answer = make().check(double)
    assert "lock.acquire()" in headline(answer)
    assert answer.key == "stuck"
    wait_until(lambda: not any("check" in thread.name for thread in threading.enumerate()))
    assert guarded == [True]


def test_a_thread_that_it_starts_cannot_end_python() -> None:
    source = (
        "import os, threading\n"
        "from astra_nb.exercises import compute_key\n"
        "def accept(key):\n"
        "    thread = threading.Thread(target=os._exit, args=(7,))\n"
        "    thread.start()\n    thread.join()\n    return key\n"
        "print(compute_key.check(accept).outcome, os._exit.__module__)\n"
    )
    ended = run_python("-c", source)
    assert ended.returncode == 0, ended.stderr
    assert "not yet" in ended.stdout


# The exercises by hand


@pytest.mark.parametrize("exercise", NOTEBOOKS["4-by-hand"], ids=lambda each: each.name)
def test_each_tells_all_that_it_can_tell(exercise: FunctionExercise) -> None:
    assert exercise.selftest() == []


@pytest.mark.parametrize("exercise", NOTEBOOKS["4-by-hand"], ids=lambda each: each.name)
def test_each_mutation_of_a_solution_is_caught_and_named(exercise: FunctionExercise) -> None:
    said = {said for _, _, said in exercise.mutations}
    for part, instead, _ in exercise.mutations:
        answer = exercise.check(answer_of(exercise, exercise.solution_text.replace(part, instead)))
        assert answer.outcome == "not yet", instead
        assert answer.key in ("known-mistake", "raised"), str(answer)
        assert answer.key == "raised" or headline(answer) in said


def test_the_notebook_has_them_in_this_order() -> None:
    order = [read_frame, masked_frame, compute_key, join_fragments, who_closed]
    assert NOTEBOOKS["4-by-hand"] == order


@pytest.mark.parametrize(
    ("exercise", "says"), [(join_fragments, "<Frame: text, FIN 1"), (who_closed, "received text")]
)
def test_what_an_answer_was_called_with_is_on_the_card(
    exercise: FunctionExercise, says: str
) -> None:
    finding = exercise.check(lambda given: [("text", b"")]).finding
    assert finding is not None
    [table] = finding.tables
    assert table.caption == "What it was called with"
    assert says in table.rows[0][0]
