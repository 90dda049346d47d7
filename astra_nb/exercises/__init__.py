"""Exercises that check themselves: `from astra_nb.exercises import echo`.

Each one has `check(answer)`, `hint()`, `hint(2)` and `solution()`.
"""

from .catalog.answer_pings import answer_pings
from .catalog.broadcast import broadcast
from .catalog.close_codes import close_codes
from .catalog.compute_key import compute_key
from .catalog.count_bytes import count_bytes
from .catalog.echo import echo
from .catalog.five_types import five_types
from .catalog.greet import greet
from .catalog.join_fragments import join_fragments
from .catalog.json_requests import json_requests
from .catalog.masked_frame import masked_frame
from .catalog.measure_rtt import measure_rtt
from .catalog.read_frame import read_frame
from .catalog.room import room
from .catalog.slow_reader import slow_reader
from .catalog.who_closed import who_closed
from .exercise import NOTEBOOKS, Exercise, HandlerExercise
from .function_exercise import Call, FunctionExercise
from .scenario import Client, Scenario, ScenarioError, Script

__all__ = [
    "NOTEBOOKS", "Call", "Client", "Exercise", "FunctionExercise", "HandlerExercise",
    "Scenario", "ScenarioError", "Script", "answer_pings", "broadcast", "close_codes",
    "compute_key", "count_bytes", "echo", "five_types", "greet", "join_fragments", "json_requests",
    "masked_frame", "measure_rtt", "read_frame", "room", "slow_reader", "who_closed",
]  # fmt: skip

NOTEBOOKS |= {  # easier ones first
    "1-first-steps": [echo, greet, five_types, count_bytes],
    "2-control-frames": [close_codes, answer_pings, measure_rtt],
    "3-protocols": [json_requests, broadcast, room, slow_reader],
    "4-by-hand": [read_frame, masked_frame, compute_key, join_fragments, who_closed],
}
