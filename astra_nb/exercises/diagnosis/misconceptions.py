"""Misconceptions and findings: what a check can say, and the advice for each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "Misconception", "Table"]


class Misconception(Enum):
    """One kind of mistake; its value is its key, and `advice` says how to go on."""

    advice: str

    def __new__(cls, key: str, advice: str = "") -> Misconception:
        member = object.__new__(cls)
        member._value_, member.advice = key, advice
        return member

    NO_HANDLER = "no-handler", "A handler has one parameter, the socket, and sends through it."
    NO_FUNCTION = "no-function", "Give check the function itself, without calling it."
    CELL_FAILED = "cell-failed", "Fix that cell and run it again; then run this check."
    NO_SERVER = "no-server", "Your handler did not cause this. Run the check again."
    FORBIDDEN = "forbidden", "Leave that out, or return instead: one process does it all here."
    RAISED = "raised", "Read the line that is named above."
    CLOSED_TWICE = "closed-twice", "After send_close() send nothing, and close no second time."
    SENT_TO_GONE = "sent-to-gone", "That connection had ended: take its socket out first."
    NEVER_ENDS = "never-ends", "Let the error that recv() raises after a close end the loop."
    NO_AWAIT = "no-await", "In an `async def` handler each call on the socket needs `await`."
    STUCK = "stuck", "Nothing else runs in this handler until that line is done."
    RETURNED = "returned", "A handler stays in a loop until its client closes; only send answers."
    CLOSED_EARLY = "closed-early", "Nothing asks for a close here."
    DROPPED = "dropped", "Look at what your handler sent last; send_close() ends a connection."
    NOTHING = "nothing", "The client sees only what is sent: send_text(...), send_bytes(...)."
    NOTHING_YET = "nothing-yet", "Here the server speaks first: send before the first recv()."
    NOT_PASSED_ON = "not-passed-on", "Handlers share only what is outside of them, such as a set."
    TO_ITSELF = "to-itself", "Compare what came in with what is asked for."
    TOO_EARLY = "too-early", "Receive first, then answer."
    UNASKED = "unasked", "Look at `message.type` before you answer."
    TOO_MANY = "too-many", "Send what is asked for, and nothing else."
    REPEATED = "repeated", "Send each answer once, and make it from the newest message."
    WRONG_TYPE = "wrong-type", "Each type has its own method: send_text(), send_bytes() and so on."
    KNOWN_MISTAKE = "known-mistake"
    WRONG_VALUE = "wrong-value", "Compare what was expected with what came."
    NOT_CLOSED = "not-closed", "send_close(code) sends a CLOSE frame, and nothing before it."
    WRONG_CLOSE = "wrong-close", "send_close(code, reason): section 7.4.1 has the codes."
    RETURNED_NONE = "returned-none", "return gives the result back; print() only shows it."
    WRONG_RESULT_TYPE = "wrong-result-type"


@dataclass(frozen=True)
class Table:
    """Rows that a card folds away."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Finding:
    """The one thing to say about an answer that is not right yet."""

    misconception: Misconception
    headline: str  # what was seen, in one or two sentences
    advice: str = ""  # code stands between backticks
    expected: str = ""  # on one line, such as 'text "Hello"'
    came: str = ""
    where: str = ""  # what the scenario or the call is about
    tables: tuple[Table, ...] = ()

    @property
    def key(self) -> str:
        return str(self.misconception.value)
