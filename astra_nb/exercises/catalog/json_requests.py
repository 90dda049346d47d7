"""A small protocol: requests in JSON, and a reply to each, with a result or an error."""

import json
from typing import Any

from astra_nb.exercises.diagnosis.difference import how_differs
from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.scenario import Client, Script

BAD_ARGUMENTS: dict[str, list[list[Any]]] = {
    "add": [["2"], [1, "x"], ["a", "b"], [1, None], [[1], [2]]],
    "upper": [[], ["a", "b"], ["a", "b", "c"], [7], [None], [["a"]]],
}


def request(op: str, args: list[Any], id: object = 1) -> str:
    return json.dumps({"id": id, "op": op, "args": args})


def expect(client: Client, asked: str, **right: Any) -> None:
    def judge(payload: bytes) -> str:
        try:
            came = json.loads(payload)
        except ValueError:
            return "The reply is not JSON: json.dumps() writes JSON, str() does not."
        if came == right and type(came["id"]) is type(right["id"]):
            return ""
        return f"To {asked} this is not the right reply: {how_differs(came, right)}."

    client.expect("text", json.dumps(right), judge=judge)


def ask(client: Client, op: str, args: list[Any], id: object = 1, **right: Any) -> None:
    client.send("text", asked := request(op, args, id))
    expect(client, asked, id=id, **right)


def good_requests(script: Script) -> None:
    client, number = script.client(), script.random.randrange(10, 1000)
    for args in ([3, number], [1, 2, 3, 4], [1.5, 2.25], [-3, 1], [2, -2], [0], [], [4]):
        ask(client, "add", args, number, result=sum(args))
    for id in ("a", 0, -1, "", "7", "Grüße"):
        for word in (script.word(), "", "Grüße", '"{x}" %s'):
            ask(client, "upper", [word], id, result=word.upper())


def bad_requests_and_then_a_good_one(script: Script) -> None:
    client, word, good = script.client(), script.word(), request("add", [1])
    for op in (word, "sub", "Add", "UPPER", "", "add ", "unknown op"):
        ask(client, op, [1], script.random.randrange(1000), error="unknown op")
    for text in (word, "{" + word, "", " ", good[:-1], good + "}", good.replace('"', "'")):
        client.send("text", text)
        expect(client, text, id=None, error="not JSON")
        client.expect_nothing("Each request gets one reply.")
    for op, lists in BAD_ARGUMENTS.items():
        for args in lists:
            ask(client, op, args, "a", error="bad arguments")
    client.send("text", f"\n {good}\t")
    expect(client, good, id=1, result=1)


def several_in_a_row(script: Script) -> None:
    client, word = script.client(), script.word()
    ops = ("add", "add", word, "add")
    client.send("pong", word, unanswered=True)
    client.send_all([("text", request(op, [20, 3], id)) for id, op in enumerate(ops)])
    for id, op in enumerate(ops):
        right: dict[str, Any] = {"result": 23} if op == "add" else {"error": "unknown op"}
        expect(client, request(op, [20, 3], id), id=id, **right)
    client.control_between(("text", request("add", [20, 3])), None)
    expect(client, request("add", [20, 3]), id=1, result=23)
    for each in (script.client(), client):
        numbers = [script.random.randrange(100) for _ in range(3)]
        ask(each, "add", numbers, result=sum(numbers))
    client.close_without_code()


json_requests = HandlerExercise(
    name="json_requests",
    title="Requests and replies in JSON",
    rfc="section 5.6",
    prompt='Each text is a request in JSON, and gets one reply in JSON, as text. `{"id": 7, "op": '
    '"add", "args": [1, 2]}` gets `{"id": 7, "result": 3}`. The op `add` sums its arguments (0 '
    "if there are none); `upper` returns its only one, a string, in capitals. A request that "
    'fails gets an error instead of a result: `{"id": 7, "error": "unknown op"}`, or `"bad '
    'arguments"` if add or upper cannot use them. Anything that is not JSON gets `{"id": null, '
    '"error": "not JSON"}`. Reply in the order of the requests, and keep the connection open. '
    "Do not answer pings and pongs.",
    stub="import json\n\n\n" + HANDLER_STUB,
    hints=[
        "json.loads() reads a request, json.dumps() writes a reply. The id goes back as it came, "
        "with the same type, even if it is 0 or the empty string.",
        "json.loads() raises ValueError for anything that is not JSON: use try, and reply in the "
        "except.",
        "sum() raises TypeError when an argument is not a number. upper takes one string, no more "
        "and no fewer: look at how many there are, and at the type.",
    ],
    solution_text="""\
import json


def handle_socket(socket):
    for message in socket:
        if message.type != "text":
            continue
        reply = {"id": None}
        try:
            request = json.loads(message.value)
            reply["id"] = request["id"]
            if request["op"] == "add":
                reply["result"] = sum(request["args"])
            elif request["op"] == "upper":
                [word] = request["args"]
                reply["result"] = word.upper()
            else:
                reply["error"] = "unknown op"
        except json.JSONDecodeError:
            reply["error"] = "not JSON"
        except (TypeError, ValueError, AttributeError):
            reply["error"] = "bad arguments"
        socket.send_text(json.dumps(reply))
""",
    scenarios=[good_requests, bad_requests_and_then_a_good_one, several_in_a_row],
    wrong=[
        ("def handle_socket(s): s.send_text(s.recv().value)", "known-mistake"),
        ("import json\ndef handle_socket(s): json.loads(s.recv())", "raised"),
    ],
    advice={
        "raised closed-early": "A bad request gets a reply with an error; the handler goes on, and "
        "the connection stays open.",
        "nothing": "Every request gets a reply, even one that fails.",
        "wrong-type": "Send JSON as text: send_text(json.dumps(...)).",
    },
)
