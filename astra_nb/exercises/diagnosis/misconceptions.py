"""Misconceptions and findings: what a check can say, and the advice for each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "Misconception", "Side", "Table"]

ENDS_BY_ITSELF = "A handler lives as long as its connection: stay in a loop until the close comes."
SEND_ONLY = "The client sees only what is sent: socket.send_text(...), socket.send_bytes(...)."
ONE_PARAMETER = "A handler has one parameter, the socket, and sends its answers through it."


class Misconception(Enum):
    """One kind of mistake; its value is its key, and `advice` says how to go on."""

    advice: str

    def __new__(cls, key: str, advice: str = "") -> Misconception:
        member = object.__new__(cls)
        member._value_ = key
        member.advice = advice
        return member

    # The answer itself
    NO_HANDLER = "no-handler", ONE_PARAMETER
    NO_FUNCTION = "no-function", "Give check the function itself, without calling it."
    CELL_FAILED = "cell-failed", "Fix that cell and run it again; then run this check."
    NO_SERVER = "no-server", "Your handler did not cause this. Run the check again."
    # What it did
    EXIT = "exit", "Return instead: this would end the whole kernel."
    FORBIDDEN = "forbidden", "Leave that out: one process does it all here."
    OWN_SERVER = "own-server", "The check has its own server; it needs only the handler."
    RAISED = "raised", "Read the line that is named above."
    RAISED_AT_CLOSE = "raised-at-close", "Look at the type before you use the value."
    CLOSED_TWICE = "closed-twice", ("After send_close() no data frame may follow, so no echo, and "
        "no second close: return, or use elif and else.")  # fmt: skip
    SENT_TO_GONE = "sent-to-gone", ("A client had already left. Remove its socket before "
        "others send to it: `try` and `finally`.")  # fmt: skip
    OTHER_RECV = "other-recv", "A handler receives only from its own socket."
    NEVER_ENDS = "never-ends", ("After the close recv() raises ConnectionClosed. An except that "
        "catches everything swallows it.")  # fmt: skip
    BESIDE_RAISED = "thread-raised", "An error there ends only that thread or task."
    NO_AWAIT = "no-await", "In an `async def` handler each call on the socket needs `await`."
    STUCK = "stuck", "Nothing else runs in this handler until that line is done."
    SLOW_SEND = "slow-send", "send waits when the other end does not read."
    RETURNED = "returned", ENDS_BY_ITSELF
    FIRST_ONLY = "first-only", "Answer each message: stay in a loop until the close comes."
    RETURNED_VALUE = "returned-value", ("What is returned goes nowhere; only send puts something "
        "on the wire.")  # fmt: skip
    CLOSED_EARLY = "closed-early", "Nothing asks for a close here."
    CLOSED_OTHERS = "closed-others", ("A client that leaves ends only its own handler; close none "
        "of the other sockets.")  # fmt: skip
    DROPPED = "dropped", "send_close() starts a closing handshake; drop() does not."
    REFUSED = "refused", "Look at the last frame that your handler sent."
    # Messages
    NOTHING = "nothing", SEND_ONLY
    NOTHING_YET = "nothing-yet", "Here the server speaks first: send before the first recv()."
    NOT_PASSED_ON = "not-passed-on", ("Handlers reach each other only through something outside "
        "of them, such as a set of sockets.")  # fmt: skip
    TO_ITSELF = "to-itself", "Skip the sender: `if member is not socket`."
    ECHOED = "echoed", "Compare what came in with what is asked for."
    TOO_EARLY = "too-early", "Receive first, then answer."
    UNASKED = "unasked", "Look at `message.type` before you answer."
    TOO_MANY = "too-many", "Send what is asked for, and nothing else."
    BEHIND = "behind", "Answer the newest message; keep nothing from the one before."
    AHEAD = "ahead", "Each message gets its own answer, in the order in which they came."
    WRONG_TYPE = "wrong-type", "The type of the answer counts, too."
    AS_BYTES = "as-bytes", "Send text with send_text()."
    AS_TEXT = "as-text", "Send bytes with send_bytes(), which keeps each byte."
    REPR = "repr", "Send the value itself, without str() of bytes, without repr()."
    WHOLE_MESSAGE = "whole-message", "recv() gives a Message; the payload is message.value."
    NOT_FILLED_IN = "not-filled-in", "An f before the quotes fills in what is in braces."
    CASE = "case", "Send the letters exactly as asked for."
    BLANK = "blank", "Look at blanks and line breaks at both ends."
    REVERSED = "reversed"
    DOUBLED = "doubled"
    CUT = "cut"
    ADDED = "added", "Put only what is asked for into the message."
    ASCII = "ascii", "Send text as UTF-8, which has every character."
    EMPTY = "empty", "The payload is message.value; put it into the answer."
    KNOWN_MISTAKE = "known-mistake"
    WRONG_VALUE = "wrong-value", "Compare what was expected with what came."
    KNOWN_BY_HEART = "known-by-heart", "The values differ each time: compute the answer."
    FLOOD = "flood", "Send what is asked for, and then wait for the next message."
    IN_PIECES = "in-pieces", "Each send makes a message: put it together first."
    # Closing
    WRONG_CODE = "wrong-code", "Section 7.4.1 has the codes, and what each is for."
    WRONG_REASON = "wrong-reason"
    EMPTY_CLOSE = "empty-close", "send_close(code) puts the code into the CLOSE frame."
    NOT_CLOSED = "not-closed"
    SENT_INSTEAD = "sent-instead", "send_close(code) sends a CLOSE frame; a text is not one."
    SENT_BEFORE_CLOSE = "sent-before-close", "Close, and send nothing before it."
    RETURNED_INSTEAD = "returned-instead", "send_close(code, reason) says why."
    # Functions
    RETURNED_NONE = "returned-none", "return gives the result back; print() only shows it."
    WRONG_RESULT_TYPE = "wrong-result-type"
    KEEPS_STATE = "keeps-state", ("The same arguments must give the same result: keep nothing "
        "between calls, and add nothing random.")  # fmt: skip
    CHANGED_ARGUMENT = "changed-argument", "Work on a copy: list(frames)."


@dataclass(frozen=True)
class Side:
    """What was expected or what came, for a card: a type and a payload on one line."""

    type: str
    payload: str = ""

    def __str__(self) -> str:
        return f"{self.type} {self.payload}".strip()


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
    expected: Side | None = None
    came: Side | None = None
    where: str = ""  # what the scenario or the call is about
    line: str = ""  # of the student's code, such as "line 3: socket.recv()"
    tables: tuple[Table, ...] = ()

    @property
    def key(self) -> str:
        return str(self.misconception.value)
