"""Exercises that check themselves: `from astra_nb.exercises import echo`.

Each one has `check(answer)`, `hint()`, `hint(2)` and `solution()`.
"""

from .asking import json_requests
from .broadcasting import broadcast
from .calls import Call, FunctionExercise
from .client import Client
from .closing import close_codes
from .counting import count_bytes
from .echoing import echo
from .exercise import NOTEBOOKS, Exercise, HandlerExercise
from .frames_by_hand import masked_frame, read_frame
from .greeting import greet
from .joining import join_fragments
from .key_by_hand import compute_key
from .kinds import five_types
from .logs_by_hand import who_closed
from .pinging import answer_pings
from .rooms import room
from .script import Talk
from .slow_readers import slow_reader
from .timing import measure_rtt

__all__ = [
    "NOTEBOOKS",
    "Call",
    "Client",
    "Exercise",
    "FunctionExercise",
    "HandlerExercise",
    "Talk",
    "answer_pings",
    "broadcast",
    "close_codes",
    "compute_key",
    "count_bytes",
    "echo",
    "five_types",
    "greet",
    "join_fragments",
    "json_requests",
    "masked_frame",
    "measure_rtt",
    "read_frame",
    "room",
    "slow_reader",
    "who_closed",
]

# As they stand in their notebooks, easier ones first.
IN_ORDER = (
    *(echo, greet, five_types, count_bytes),
    *(close_codes, answer_pings, measure_rtt),
    *(json_requests, broadcast, room, slow_reader),
    *(read_frame, masked_frame, compute_key, join_fragments, who_closed),
)
for _notebook in sorted(NOTEBOOKS):
    NOTEBOOKS[_notebook] = sorted(NOTEBOOKS.pop(_notebook), key=IN_ORDER.index)
