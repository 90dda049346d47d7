"""Exercises that check themselves: `from astra_nb.exercises import echo`.

Each one has `check(answer)`, `hint()`, `hint(2)` and `solution()`.
"""

from .asking import json_requests
from .broadcasting import broadcast
from .calls import Call, FunctionExercise
from .client import Client
from .control_frames import answer_pings, close_codes, measure_rtt
from .exercise import NOTEBOOKS, Exercise, HandlerExercise
from .first_steps import count_bytes, echo, five_types, greet
from .frames_by_hand import masked_frame, read_frame
from .key_by_hand import compute_key
from .logs_by_hand import join_fragments, who_closed
from .rooms import room
from .script import Talk
from .slow_readers import slow_reader

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
