"""What a page needs to know of close codes, of broken rules and of the forms of payloads."""

from __future__ import annotations

from typing import Any

from astra_nb.payloads import MAX_CLOSE_REASON
from astra_nb.wire.close_codes import CLOSE_CODES, RANGES

from .faults import FAULTS
from .payload import FORMATS

__all__ = ["CATALOG"]

WHO = {
    "either": "either end may send it",
    "client": "a client sends it",
    "server": "a server sends it",
    "never": "never on the wire",
}

CATALOG: dict[str, Any] = {
    "codes": [
        {
            "code": each.code,
            "name": each.name,
            "sent": each.may_send != "never",
            "says": f"{WHO[each.may_send]}. {each.meaning} {each.how} ({each.reference}).",
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
            "says": f"{each.breaks} {each.answer} (RFC 6455, section {each.section})",
            "server": each.makes("server").hex(" ") if each.makes else "TCP ends",
            "client": each.makes("client").hex(" ") if each.makes else "TCP ends",
        }
        for each in FAULTS
    ],
    "formats": list(FORMATS),
    "max_reason": MAX_CLOSE_REASON,
}
