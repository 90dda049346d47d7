"""What is not right yet: one finding, and the sentences that go with each kind of finding."""

from __future__ import annotations

from dataclasses import dataclass, replace

from astra_nb.log import FrameLog

__all__ = ["ADVICE", "Finding", "NotYet"]


@dataclass(frozen=True)
class Finding:
    """The most useful thing to say about an answer that is not right yet.

    Attributes:
        key: A short name of the misunderstanding, such as "wrong-type"; the same for everyone
            who has it.
        headline: What happened, as one sentence.
        expected: What was expected; "" where that says nothing.
        came: What came instead; "" where that says nothing.
        where: At which step of what.
        frames: A short sequence: who, what type, what payload, and a remark, oldest first.
        frames_are: What these frames are.
        ran: The lines of the student's code that ran: number, text, and what was raised there.
        ran_for: What they ran for, such as a message.
        variables: The student's variables at the end, by their names.
        clue: A slip that shows in the source itself.
        advice: How to go on, without the answer.
    """

    key: str
    headline: str
    expected: str = ""
    came: str = ""
    where: str = ""
    frames: tuple[tuple[str, str, str, str], ...] = ()
    frames_are: str = "The last frames"
    ran: tuple[tuple[str, str, str], ...] = ()
    ran_for: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    clue: str = ""
    advice: str = ""

    def with_advice(self, own: dict[str, str]) -> Finding:
        """Put the exercise's own advice, or else the general one, where there is none yet."""
        if self.advice:
            return self
        return replace(self, advice=own.get(self.key) or ADVICE.get(self.key, ""))


@dataclass(eq=False)
class NotYet(Exception):
    """Ends a check with a finding."""

    finding: Finding
    log: FrameLog | None = None


LOOP = (
    "A handler is called once for each connection. To answer every message it needs a loop around "
    "recv() and send."
)
ADVICE: dict[str, str] = {
    "no-handler": "Give the function itself, without calling it: check(handle_socket).",
    "no-function": "Give the function itself, without calling it.",
    "raised": "Read the line that is named above; the rest of the handler did not run.",
    "exit": "A handler ends by returning; it never ends Python itself.",
    "forked": "Everything here runs in one process, the notebook too; take that line out.",
    "own-server": (
        "A handler only talks through its socket; servers are started in a cell of their own. "
        "The check has brought its own server."
    ),
    "returned": (
        "The client had not closed yet. Stay in a loop until it has: then a message of type "
        '"close" comes, and after it recv() raises ConnectionClosed.'
    ),
    "returned-value": (
        "What a handler returns goes nowhere: only send puts something on the wire. Send it, and "
        "stay in a loop until the client closes."
    ),
    "first-only": LOOP,
    "closed-early": "Nothing asks for a close here.",
    "closed-twice": "A CLOSE frame is the last one an end sends (RFC 6455, section 5.5.1).",
    "dropped": "send_close() starts a closing handshake; drop() ends TCP without one.",
    "wrong-type": "Compare the types: message.type says what came, the name send_... what goes.",
    "as-bytes": "Text goes with send_text(), and the other end gets a str.",
    "as-text": "What came as bytes goes back as bytes: send_bytes() keeps each byte.",
    "whole-message": (
        "recv() gives a Message with a type and a value; the payload is message.value."
    ),
    "repr": "str(...) of bytes gives Python's spelling of them, with b and quotes in it.",
    "wrong-value": "Compare what was expected with what came, and follow the lines that ran.",
    "case": "The letters are right but not their case; change nothing about them.",
    "blank": "Only blanks or line breaks are too many or too few.",
    "cut": "Follow the lines that ran: where does the rest get lost?",
    "behind": "This belongs to an earlier message: answer before you wait for the next one, "
    "and keep nothing from the one before.",
    "not-mine": (
        "This belongs to another connection. What one connection needs is kept in the handler's "
        "own variables, not in a global one."
    ),
    "too-early": "Here the client speaks first: wait in recv() before you send.",
    "sent-again": "What one client says goes to those who are there at that moment, and not again "
    "to who comes later.",
    "in-pieces": "Put the text together first, and send it once: each send is a message.",
    "not-filled-in": (
        'An f before the quotes fills the braces in: f"... {message.value} ..."; and no $.'
    ),
    "too-many": "Each message is answered as often as the exercise says, and no more.",
    "nothing": "Follow the lines that ran: which one should have sent this, and why did it not?",
    "nothing-yet": "The client waits too: here the server speaks first.",
    "not-passed-on": "Follow the lines that ran: which one should have sent this here, and why did "
    "it not? Handlers reach each other only through something outside of them.",
    "to-itself": "Skip the sender.",
    "ahead": "Each message gets its own answer, in the order in which they came.",
    "sent-to-gone": (
        "Sending to someone who has left raises ConnectionClosed, and that ended this handler. "
        "Take a socket out of what others see when its own handler ends: try and finally."
    ),
    "other-recv": (
        "Each handler receives from its own socket alone, the one that it is called with; to the "
        "others it only sends. What it takes from another socket is missing in that one's handler."
    ),
    "empty": "Give the payload along, whatever it is: the value stands behind the type.",
    "echoed": "That is what came. What should become of it before it goes back?",
    "reversed": "Is there a [::-1] or a reversed() too many?",
    "doubled": "Is something put together with itself?",
    "added": "Only what is asked for goes into the message.",
    "ascii": "Text goes as UTF-8, which has every character; encode() needs no other name.",
    "automatic-pong": "Leave socket.automatic_pong as it is; answer by hand.",
    "same-again": (
        "Is something kept from the message before, or from another connection? Each message is "
        "looked at by itself."
    ),
    "stuck": "As long as it stays there, nothing else of the handler can run.",
    "thread-raised": "Once it has raised, a thread does nothing more; the handler goes on "
    "without it.",
    "slow-send": "send waits while the other end does not read; so one slow reader holds up all.",
    "refused": (
        "What goes out by itself, as with send_raw(), must be a whole and right frame: a server "
        "does not mask, a control frame has at most 125 bytes, and text is UTF-8."
    ),
    "keeps-state": (
        "The result should depend on the arguments alone. Does something outlast the call, such as "
        "an object made outside of the function, or is something made by chance?"
    ),
    "no-await": (
        "In an async def handler every call on the socket needs await: "
        "await socket.recv(), await socket.send_text(...)."
    ),
    "never-ends": (
        "After the close recv() raises ConnectionClosed, and the handler should let that end it. "
        "An except that catches everything swallows it; name the exceptions you expect."
    ),
    "raised-at-close": (
        'The close comes as a message too: its type is "close" and its value a CloseFrame or '
        "None. Look at the type before you use the value."
    ),
    "sent-before-close": "Here nothing is sent any more but the close itself.",
    "not-closed": "Close with send_close(code, reason), and do it at this point.",
    "empty-close": "send_close() without a code sends an empty CLOSE frame, reported as 1005.",
    "returned-instead": (
        "Returning closes with 1000 and no reason; another code or a reason needs send_close()."
    ),
    "wrong-code": "Look the code up in the table of RFC 6455, section 7.4.1.",
    "wrong-reason": "The reason stands beside the code: send_close(code, reason).",
    "sent-instead": "A close is a CLOSE frame, not a message that says so: send_close(...).",
    "flood": "So much was sent that the check stopped counting; look for a loop without recv().",
    "known-by-heart": (
        "It went right with values that are the same each time, and not with new ones. Does the "
        "code hold a value that it should take from what it gets?"
    ),
    "changed-log": "The log of the check is for reading; leave its records as they are.",
    "returned-none": "A function without return gives None; hand the result back with return.",
    "wrong-result-type": "Compare the type of the result with the one the exercise asks for.",
    "no-server": (
        "That is not your handler's doing. Restart the kernel and try again; if it stays, ask "
        "whoever runs this machine whether programs may listen on 127.0.0.1."
    ),
}
