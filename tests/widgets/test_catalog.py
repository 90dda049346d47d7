"""A page is told every close code, every rule and every form of a payload."""

from __future__ import annotations

import json

from astra_nb.widgets.catalog import CATALOG
from astra_nb.wire.close_codes import CLOSE_CODES
from astra_nb.wire.faults import FAULTS
from astra_nb.wire.svg import Drawing


def test_there_is_a_row_for_every_code_of_the_registry() -> None:
    assert [each["code"] for each in CATALOG["codes"]] == [c for c in CLOSE_CODES if c < 3000]
    assert {each["code"] for each in CATALOG["codes"] if not each["sent"]} == {
        1004, 1005, 1006, 1015,
    }  # fmt: skip
    assert [(each["first"], each["last"]) for each in CATALOG["ranges"]] == [
        (3000, 3999), (4000, 4999),
    ]  # fmt: skip
    assert all("RFC 6455" in each["says"] or "IANA" in each["says"] for each in CATALOG["codes"])


def test_each_rule_says_which_end_can_break_it_and_what_is_sent() -> None:
    rules = {each["name"]: each for each in CATALOG["rules"]}
    assert rules.keys() == {fault.name for fault in FAULTS if fault.stage != "answer"}
    assert rules["reserved opcode"]["sends"]["server"] == "83 00"
    assert rules["reserved opcode"]["sends"]["client"].startswith("83 80 ")
    assert rules["same masking key each time"]["sends"] == {"client": ""}
    assert rules["request without Host"]["stage"] == "request"


def test_an_arrow_of_the_sequence_is_that_of_the_pictures() -> None:
    drawing = Drawing(20)
    drawing.line((-20, 10), (0, 10), arrow=True, dashed=True)
    line, point = drawing.elements
    assert f'points="{CATALOG["drawing"]["sent"]}"' in point
    assert f'stroke-dasharray="{CATALOG["drawing"]["dashes"]}"' in line
    assert CATALOG["drawing"]["received"] == "0.0 10.0 7.0 6.5 7.0 13.5"


def test_it_is_json() -> None:
    assert json.loads(json.dumps(CATALOG)) == CATALOG
