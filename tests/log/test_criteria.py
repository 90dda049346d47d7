from __future__ import annotations

import re
from typing import Any

import pytest

from astra_nb.log.criteria import KINDS, criteria, record_text, type_of

from .samples import checked, conversation, numbers


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"kind": "frame"}, [6, 7, 8, 9, 11, 12]),
        ({"kind": ["opened", "closed"]}, [4, 13]),
        ({"type": "text"}, [6, 7, 9]),
        ({"type": "ping"}, [8]),
        ({"type": "reserved"}, [11]),
        ({"type": "close"}, [12]),
        ({"type": {"error", "output", "pong"}}, [5, 10]),
        ({"type": "handshake"}, [2, 3]),
        ({"direction": "received"}, [2, 6, 9, 11]),
        ({"direction": "sent", "kind": "frame"}, [7, 8, 12]),
        ({"direction": ("received", "sent"), "type": "handshake"}, [2, 3]),
        ({"connection": 0}, [1]),
        ({"connection": [0, 2]}, [1]),
        ({"connection": range(1, 5), "kind": "notice"}, []),
        ({"text": "Hello"}, [6, 7, 9]),
        ({"text": "hello"}, []),
        ({"text": re.compile("h(el+)o", re.IGNORECASE)}, [6, 7, 9]),
        ({"text": re.compile("l+o$")}, [6, 7, 9]),
        ({"predicate": lambda record: record.number % 5 == 0}, [5, 10]),
        ({"predicate": lambda record: "", "kind": "frame"}, []),
        ({"kind": None, "type": None, "direction": None, "connection": None, "text": None}, "all"),
        ({}, "all"),
    ],
)
def test_which_records_match(wanted: Any, found: list[int] | str) -> None:
    matching = criteria(**wanted)
    expected = list(range(1, 14)) if found == "all" else found
    assert numbers([record for record in conversation() if matching.matches(record)]) == expected


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        (
            {"type": "binary"},
            ValueError,
            "'binary' is not a type; choose from 'text', 'bytes', 'continuation', 'ping', 'pong', "
            "'close', 'reserved', 'handshake', 'opened', 'closed', 'error', 'output', 'notice', "
            "'check'",
        ),
        (
            {"kind": ["frame", "frames"]},
            ValueError,
            "'frames' is not a kind; choose from 'frame', 'handshake', 'opened', 'closed', "
            "'error', 'output', 'notice', 'check'",
        ),
        (
            {"direction": "in"},
            ValueError,
            "'in' is not a direction; choose from 'received', 'sent'",
        ),
        (
            {"connection": "1"},
            TypeError,
            "connection is the number of a connection, such as socket.id, not '1'",
        ),
        (
            {"connection": True},
            TypeError,
            "connection is the number of a connection, such as socket.id, not True",
        ),
        (
            {"connection": [1, -1]},
            ValueError,
            "connections are numbered from 1, and 0 is the server; -1 is neither",
        ),
        ({"text": 5}, TypeError, "text is a str or a compiled pattern for str, not 5"),
        (
            {"text": re.compile(b"x")},
            TypeError,
            "text is a str or a compiled pattern for str, not re.compile(b'x')",
        ),
        ({"predicate": 5}, TypeError, "predicate is a function that gets a record, not 5"),
        (
            {"typ": "text"},
            TypeError,
            "'typ' is not a criterion; choose from 'kind', 'type', 'direction', 'connection', "
            "'text', 'predicate'",
        ),
    ],
)
def test_criteria_that_no_record_could_meet_are_refused(
    wanted: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        criteria(**wanted)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("wanted", "described"),
    [
        ({}, ""),
        (
            {"type": ["pong", "ping"], "direction": "sent"},
            "type 'ping' or 'pong', direction 'sent'",
        ),
        ({"kind": "frame", "connection": [2, 1]}, "kind 'frame', connection 1 or 2"),
        ({"text": "a\n"}, r"text 'a\n'"),
        ({"text": re.compile("a+")}, "text like 'a+'"),
        ({"predicate": callable}, "predicate callable"),
        ({"predicate": re.compile("x").search}, "predicate search"),
    ],
)
def test_how_criteria_are_described(wanted: Any, described: str) -> None:
    assert str(criteria(**wanted)) == described


def test_a_predicate_without_a_name_is_described() -> None:
    class Even:
        def __call__(self, record: object) -> bool:
            return True

    assert str(criteria(Even())) == "predicate given"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "listening on ws://127.0.0.1:8080/"),
        (2, "GET /chat HTTP/1.1\r\nHost: a\r\n\r\n"),
        (4, "127.0.0.1:51324 /chat chat permessage-deflate"),
        (5, "Connection opened!\nsecond line\n"),
        (6, "Hello"),
        (8, "\0X\x0eC-"),
        (9, "Hello"),
        (10, "ValueError: no\nTraceback ...\n"),
        (12, "1000 done"),
        (13, "1000 done dropped by client  "),
    ],
)
def test_the_text_in_which_a_record_is_searched(number: int, text: str) -> None:
    record = conversation().find(number)
    assert record is not None
    assert record_text(record) == text


def test_a_check_is_found_by_its_exercise_its_outcome_and_its_misconception() -> None:
    [record] = checked()
    assert record_text(record) == "echo Echo not yet first-only"


def test_the_type_of_a_record() -> None:
    types = [type_of(record) for record in conversation()]
    assert types[5:8] == ["text", "text", "ping"]
    assert types[0] == "notice"
    assert {record.kind for record in (*conversation(), *checked())} == set(KINDS)
