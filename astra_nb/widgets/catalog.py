"""What a page needs to know of close codes, broken rules, forms of payloads, and of drawing."""

from __future__ import annotations

from typing import Any

from astra_nb.payloads import MAX_CLOSE_REASON
from astra_nb.wire.close_codes import CLOSE_CODES, RANGES
from astra_nb.wire.faults import FAULTS
from astra_nb.wire.svg import DASHES, arrow_point

from .payload import FORMATS

__all__ = ["CATALOG"]

WHO = {
    "either": "either end may send it",
    "client": "a client sends it",
    "server": "a server sends it",
    "never": "never on the wire",
}

# What a click on the button of such a code does.
CLICKS = {
    1004: "; a click sends nothing",
    1005: "; a click sends an empty CLOSE frame",
    1006: "; a click drops TCP, without a CLOSE frame",
    1015: "; a click sends nothing",
}

CATALOG: dict[str, Any] = {
    "codes": [
        {
            "code": each.code,
            "name": each.name,
            "sent": each.may_send != "never",
            "says": f"{WHO[each.may_send]}{CLICKS.get(each.code, '')}. {each.meaning} {each.how} "
            f"({each.reference}).",
        }
        for each in CLOSE_CODES.values()
        if each.code < 3000
    ],
    "ranges": [
        {
            "first": each.first,
            "last": each.last,
            "says": f"{each.first} to {each.last}, {each.name}: {each.meaning} "
            f"(RFC 6455, section 7.4.2).",
        }
        for each in RANGES
        if each.first >= 3000
    ],
    "rules": [
        {
            "name": each.name,
            "stage": each.stage,
            "says": f"{each.breaks} {each.answer} (RFC 6455, section {each.section})",
            "sends": {end: each.makes(end).hex(" ") if each.makes else "" for end in each.senders},
        }
        for each in FAULTS
        if each.stage != "answer"
    ],
    "formats": list(FORMATS),
    "max_reason": MAX_CLOSE_REASON,
    # An arrow in the sequence is the one of the log's pictures; its end is at the middle of a row.
    "drawing": {
        "dashes": DASHES,
        "received": arrow_point((1, 10), (0, 10)),
        "sent": arrow_point((-1, 10), (0, 10)),
    },
}
