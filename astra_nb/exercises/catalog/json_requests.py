"""A small protocol: requests in JSON, and a reply to each, with a result or an error."""

from __future__ import annotations

import json
import math
from typing import Any

from astra_nb.exercises.client import Client
from astra_nb.exercises.comparing import how_differs
from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.history import describe
from astra_nb.exercises.manners import CONTROL, leave_without_a_code, send_all
from astra_nb.exercises.script import Talk

__all__ = ["json_requests"]

NOTEBOOK = "3-protocols"


def sums(args: list[Any]) -> dict[Any, str]:
    """What people add up instead, and what to say about it."""
    found: dict[Any, str] = {}
    if not args or not all(isinstance(each, (int, float)) for each in args):
        return found
    for number, said in (
        (sum(args[:2]), "only the first two arguments are added; there may be any number"),
        (sum(args[1:]), "the first argument is left out"),
        (sum(args[:-1]), "the last argument is left out"),
        (args[0], "that is the first argument alone"),
        (args[-1], "that is the last argument alone"),
        (math.prod(args), "that is the product"),
        (len(args), "that is how many arguments there are"),
        (sum(map(int, args)), "the arguments became whole numbers before they were added"),
        (sum(map(abs, args)), "the signs of the arguments are lost"),
    ):
        found.setdefault(number, said)
    found.pop(sum(args), None)
    return found


def reply_mistakes(expected: dict[str, Any], args: list[Any]) -> Any:
    """Return what looks at a wrong reply to a request with these arguments."""

    def look(came: Any) -> str | None:
        if not isinstance(came, dict):
            twice = isinstance(came, str) and came.lstrip().startswith("{")
            if twice:
                return "The reply is a string in which JSON stands: it was put into JSON twice."
            return f"The reply is {came!r:.60}, and no JSON object: a reply has keys."
        if "id" not in came:
            return "The reply has no id, so nobody knows which request it belongs to."
        if came["id"] != expected["id"] or type(came["id"]) is not type(expected["id"]):
            return f"The id of the reply is {came['id']!r:.40}; that of the request was not."
        if "error" in expected and "error" not in came:
            why = {
                "unknown op": "its op is neither add nor upper",
                "bad arguments": f"its op cannot use the arguments {json.dumps(args)}",
            }.get(expected["error"], "it is no JSON")
            return f"This request fails, {why}; so its reply has an error and no result."
        if "error" not in expected and "error" in came:
            return "This request is a good one, so its reply has a result and no error."
        if set(came) - set(expected):
            return f"The reply has a key too many: {', '.join(sorted(set(came) - set(expected)))}."
        if "result" in expected:
            mine, right = came.get("result"), expected["result"]
            if type(mine) is not type(right) and str(mine) == str(right):
                return "The result has the right value as another type: a number is no string."
            if mine == [right]:
                return "The right result stands in a list; it is asked for alone."
            how = how_differs(mine, right)
            if isinstance(mine, (int, float)) and mine in sums(args):
                how = f"it is {mine}, and {right} is right: {sums(args)[mine]}"
            return f"The result is not the right one: {how}."
        how = how_differs(came["error"], expected["error"])
        return f"The error has another text than the one asked for: {how}."

    return look


async def ask(client: Client, request: object, expected: dict[str, Any]) -> None:
    text = request if isinstance(request, str) else json.dumps(request)
    await client.send("text", text)
    args = request["args"] if isinstance(request, dict) else []
    await client.expect_json(expected, mistakes=reply_mistakes(expected, args))


async def good_requests(talk: Talk) -> None:
    """Good requests."""
    client = await talk.connect()
    number = talk.random.randrange(10, 1000)
    one, other = talk.random.randrange(2, 50), talk.random.randrange(2, 50)
    word = talk.word()
    await ask(
        client,
        {"id": number, "op": "add", "args": [one, other]},
        {"id": number, "result": one + other},
    )
    await ask(
        client, {"id": "a", "op": "upper", "args": [word]}, {"id": "a", "result": word.upper()}
    )
    await ask(client, {"id": 0, "op": "add", "args": [1, 2, 3, 4]}, {"id": 0, "result": 10})


async def bad_requests(talk: Talk) -> None:
    """Bad requests."""
    client = await talk.connect()
    number = talk.random.randrange(10, 1000)
    await ask(
        client,
        {"id": number, "op": talk.word(), "args": []},
        {"id": number, "error": "unknown op"},
    )
    await ask(client, "{" + talk.word(), {"id": None, "error": "not JSON"})
    await ask(client, {"id": 7, "op": "add", "args": [1, "x"]}, {"id": 7, "error": "bad arguments"})
    await ask(client, {"id": 8, "op": "add", "args": [2, 2]}, {"id": 8, "result": 4})


async def numbers_of_all_kinds(talk: Talk) -> None:
    """Numbers and texts of all kinds."""
    client = await talk.connect()
    big = 10**15 + talk.random.randrange(1000)
    for args in ([1.5, 2.25], [-3, 1], [2, -2], [0], [], [4], [big, 1], [0.5], [1] * 20):
        await ask(client, {"id": 1, "op": "add", "args": args}, {"id": 1, "result": sum(args)})
    for id in (0, -1, "", "7", "Grüße"):
        for word in ("", "Grüße", "Hello, World 1!", '"{x}" %s'):
            request = {"args": [word], "op": "upper", "id": id}
            await ask(client, request, {"id": id, "result": word.upper()})


async def arguments_of_no_use(talk: Talk) -> None:
    """Arguments of no use, and texts that are no JSON."""
    client = await talk.connect()
    word = talk.word()
    useless: tuple[tuple[str, list[Any]], ...] = (
        ("add", ["2"]),
        ("add", [1, "2", 3]),
        ("add", ["a", "b"]),
        ("add", [1, None]),
        ("add", [[1], [2]]),
        ("upper", []),
        ("upper", [word, word]),
        ("upper", ["a", "b", "c"]),
        ("upper", [7]),
        ("upper", [None]),
        ("upper", [["a"]]),
    )
    for op, args in useless:
        id = talk.random.randrange(1000)
        request = {"id": id, "op": op, "args": args}
        await ask(client, request, {"id": id, "error": "bad arguments"})
    for op in ("lower", "sub", "Add", "UPPER", "", "add ", "None", "__class__", "unknown op"):
        await ask(client, {"id": "a", "op": op, "args": [1]}, {"id": "a", "error": "unknown op"})
    good = json.dumps({"id": 1, "op": "add", "args": [1]})
    for text in ("", " ", word, good[:-1], good + "}", good.replace('"', "'"), "{}{}", "ping"):
        await ask(client, text, {"id": None, "error": "not JSON"})
    await ask(client, f"\n {good}\t", {"id": 1, "result": 1})


async def asked_in_a_row(talk: Talk) -> None:
    """Several requests in a row, one of them twice."""
    client = await talk.connect()
    word = talk.word()
    calls: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"id": 1, "op": "add", "args": [20, 3]}, {"id": 1, "result": 23}),
        ({"id": 1, "op": "add", "args": [20, 3]}, {"id": 1, "result": 23}),
        ({"id": 2, "op": word, "args": []}, {"id": 2, "error": "unknown op"}),
        ({"id": 3, "op": "upper", "args": [word]}, {"id": 3, "result": word.upper()}),
    ]
    await send_all(client, [("text", json.dumps(request)) for request, _ in calls])
    for request, reply in calls:
        await client.expect_json(reply, mistakes=reply_mistakes(reply, request["args"]))
    request, reply = calls[0]
    await client.send("pong", word.encode())
    await client.send("ping", data := talk.octets(5))
    await talk.until(client.arrived)
    heard = client.arrived()
    if heard is not None and heard.close is None and heard.payload != data:
        client.fail(
            "answered-control",
            f"The client sent a PONG that nobody asked for, and a PING; {heard} came.",
            describe("pong", data),
            heard,
            advice=CONTROL,
        )
    await client.expect("pong", data)
    await ask(client, request, reply)
    await leave_without_a_code(client)


async def two_askers(talk: Talk) -> None:
    """Two clients, with the same ids."""
    one, other = await talk.connect(), await talk.connect()
    for client in (one, other, one):
        numbers = [talk.random.randrange(100) for _ in range(talk.random.randrange(1, 5))]
        await ask(
            client, {"id": 1, "op": "add", "args": numbers}, {"id": 1, "result": sum(numbers)}
        )


json_requests = HandlerExercise(
    name="json_requests",
    title="Requests and replies in JSON",
    rfc="section 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "Each text is a request in JSON, and gets one reply in JSON, as text. "
        '`{"id": 7, "op": "add", "args": [1, 2]}` gets `{"id": 7, "result": 3}`. The op `add` '
        "sums its arguments (0 when there are none), `upper` gives its only one, a string, in "
        "capitals. What fails gets an error in "
        'place of a result: `{"id": 7, "error": "unknown op"}`, or `"bad arguments"` when add or '
        'upper cannot use them. What is no JSON at all gets `{"id": null, "error": "not JSON"}`. '
        "Replies come in the order of the requests, and the connection stays open. Pings and pongs "
        "get no answer of yours."
    ),
    stub="import json\n\n\n" + HANDLER_STUB,
    hints=[
        "json.loads(message.value) reads a request, json.dumps({...}) writes a reply.",
        "json.loads raises ValueError for what is no JSON: try, and reply in the except.",
        "sum(args) raises TypeError when an argument is no number.",
        'Copy the id from the request: reply = {"id": request["id"]}.',
    ],
    solution_text="""\
import json


def handle_socket(socket):
    def result_of(request):
        if request["op"] == "add":
            return {"result": sum(request["args"])}
        if request["op"] == "upper":
            [word] = request["args"]
            return {"result": word.upper()}
        return {"error": "unknown op"}

    for message in socket:
        if message.type != "text":
            continue
        reply = {"id": None}
        try:
            request = json.loads(message.value)
            reply["id"] = request["id"]
            reply.update(result_of(request))
        except json.JSONDecodeError:
            reply["error"] = "not JSON"
        except (TypeError, ValueError, AttributeError):
            reply["error"] = "bad arguments"
        socket.send_text(json.dumps(reply))
""",
    scenarios=[
        good_requests,
        bad_requests,
        numbers_of_all_kinds,
        arguments_of_no_use,
        asked_in_a_row,
        two_askers,
    ],
    advice={
        "raised": "A bad request gets a reply with an error; it does not end the handler.",
        "closed-early": "A bad request gets a reply with an error; the connection stays open.",
        "nothing": "Every request gets a reply, also one that fails.",
        "as-bytes": "JSON goes as text: send_text(json.dumps(...)).",
    },
)
