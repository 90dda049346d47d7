from __future__ import annotations

import pytest
from websockets.frames import EXTERNAL_CLOSE_CODES, CloseCode

from astra_nb.wire.close_codes import (
    CLOSE_CODES,
    RANGES,
    is_valid_on_wire,
    name,
    range_of,
    why_not_sent,
)


def test_the_table_has_every_code_of_the_rfc_and_the_registry() -> None:
    assert list(CLOSE_CODES) == [*range(1000, 1016), 3000, 3003, 3008]
    assert {code.value for code in CloseCode} <= set(CLOSE_CODES)


def test_what_may_be_sent_is_what_websockets_sends() -> None:
    for code in range(-1, 6000):
        expected = code in EXTERNAL_CLOSE_CODES or 3000 <= code <= 4999
        assert is_valid_on_wire(code) == expected, code
        assert (why_not_sent(code) == "") == expected, code


@pytest.mark.parametrize("code", sorted(CLOSE_CODES))
def test_each_row_is_whole(code: int) -> None:
    row = CLOSE_CODES[code]
    assert row.code == code
    assert row.name
    assert row.meaning.endswith(".")
    assert row.how
    assert row.reference.startswith(("RFC 6455, section 7.4.1", "IANA "))
    assert (row.may_send == "never") == (not is_valid_on_wire(code))


def test_who_may_send_them() -> None:
    senders = {code: row.may_send for code, row in CLOSE_CODES.items()}
    assert [code for code, may_send in senders.items() if may_send == "never"] == [
        1004,
        1005,
        1006,
        1015,
    ]
    assert [code for code, may_send in senders.items() if may_send == "client"] == [1010]
    assert [code for code, may_send in senders.items() if may_send == "server"] == [
        1012,
        1013,
        1014,
    ]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            1004,
            "close code 1004 is never put on the wire: it is reserved and has no meaning; "
            "send_close(1000) closes normally (RFC 6455, section 7.4.1)",
        ),
        (
            1005,
            "close code 1005 is never put on the wire: it is what an endpoint reports for a "
            "CLOSE frame without a code; call send_close() for that (RFC 6455, section 7.4.1)",
        ),
        (
            1006,
            "close code 1006 is never put on the wire: it is what an endpoint reports when the "
            "connection ended without a CLOSE frame; call drop() for that "
            "(RFC 6455, section 7.4.1)",
        ),
        (
            1015,
            "close code 1015 is never put on the wire: it is what an endpoint reports when the "
            "TLS handshake failed; no call makes one fail, and send_close(1008) refuses a client "
            "(RFC 6455, section 7.4.1)",
        ),
        (
            999,
            "999 is not a close code: the codes begin at 1000; send 1000 to 1003, 1007 to 1014, or "
            "one of your own from 4000 to 4999 (RFC 6455, section 7.4.2)",
        ),
        (
            1016,
            "close code 1016 has no assigned meaning; send 1000 to 1003, 1007 to 1014, or "
            "one of your own from 4000 to 4999 (RFC 6455, section 7.4.2)",
        ),
        (
            5000,
            "5000 is not a close code: the codes end at 4999; send 1000 to 1003, 1007 to 1014, or "
            "one of your own from 4000 to 4999 (RFC 6455, section 7.4.2)",
        ),
    ],
)
def test_why_a_code_is_not_sent(code: int, message: str) -> None:
    assert why_not_sent(code) == message


def test_a_number_too_long_to_write_is_refused_all_the_same() -> None:
    assert why_not_sent(10**6000).startswith("a number of 19932 bits is not a close code")
    assert why_not_sent(-(10**6000)).startswith("a number of 19932 bits is not a close code")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, "not a close code"),
        (1000, "normal closure"),
        (1016, "not assigned"),
        (3003, "forbidden"),
        (3500, "library code"),
        (4000, "private code"),
        (4999, "private code"),
        (5000, "not a close code"),
    ],
)
def test_the_name_of_a_code(code: int, expected: str) -> None:
    assert name(code) == expected


def test_the_ranges_follow_one_another_and_end_at_4999() -> None:
    numbers = [code for row in RANGES for code in range(row.first, row.last + 1)]
    assert numbers == list(range(5000))
    for row in RANGES:
        assert range_of(row.first) is range_of(row.last) is row
    assert range_of(-1) is None
    assert range_of(5000) is None
