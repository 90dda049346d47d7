"""What the errors that beginners meet mean here."""

from __future__ import annotations

from astra_nb.errors import InvalidMessage

__all__ = ["meaning_of"]

# By the error's type and a part of its text; the first that fits counts.
MEANINGS: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        NotImplementedError,
        "raw_input",
        "Nobody answers input() in a handler; what it needs comes through its socket.",
    ),
    (
        AttributeError,
        "'coroutine' object",
        "recv() of an async def handler is awaited: message = await socket.recv().",
    ),
    (
        AttributeError,
        "'CloseFrame' object",
        "This message is a close: look at message.type before you use the value.",
    ),
    (
        AttributeError,
        "'NoneType' object",
        "The value of an empty close is None: look at message.type before you use the value.",
    ),
    (
        AttributeError,
        "'Message' object",
        "recv() gives a Message with type and value; the text is message.value.",
    ),
    (AttributeError, "attribute 'length'", "Python counts with len(...): len(message.value)."),
    (
        AttributeError,
        "'str' object has no attribute 'decode'",
        "This message came as text, and its value is a str already: nothing is left to decode.",
    ),
    (
        AttributeError,
        "'bytes' object",
        "This message came as bytes: look at message.type, and decode only what is text.",
    ),
    (
        AttributeError,
        "WebSocket' object has no attribute",
        "A socket has recv(), send(type, value), send_text(), send_bytes(), send_ping(), "
        "send_pong() and send_close(); parameters of the path are in path_parameters.",
    ),
    (
        TypeError,
        "'Message'",
        "recv() gives a Message with type and value; the payload is message.value.",
    ),
    (
        TypeError,
        "not Message",
        "recv() gives a Message with type and value; the payload is message.value.",
    ),
    (TypeError, "'AsyncWebSocket' object is not iterable", "Write: async for message in socket."),
    (
        TypeError,
        "can't be used in 'await'",
        "In a def handler calls block by themselves: no await.",
    ),
    (
        TypeError,
        "WebSocket.send_",
        "One value goes into one message: put it together first, for example with an f-string.",
    ),
    (EOFError, "", "Nobody answers input() in a handler; what it needs comes through its socket."),
    (
        InvalidMessage,
        "a text message takes a str",
        "send_text() takes a str. Bytes go with send_bytes(); what is neither is made a str first.",
    ),
    (
        InvalidMessage,
        "is no message type",
        "send() takes the type first and then the value: socket.send(message.type, message.value).",
    ),
    (
        UnboundLocalError,
        "",
        "A function that assigns to a name has it for itself: write global NAME in its first "
        "line, or keep what is shared in a set or a dict.",
    ),
    (
        NameError,
        "is not defined",
        "Is the name written as where it was made, or an import missing?",
    ),
    (
        UnicodeDecodeError,
        "",
        "Not every run of bytes is UTF-8 text; bytes go back as bytes, without decode().",
    ),
)


# The same for functions on values, which have no socket and get no message.
ON_VALUES: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        AttributeError,
        "'NoneType' object",
        "None came out of what stands before the dot. A method that changes its object, such as "
        "update(), append() or sort(), gives None: call it on a line of its own.",
    ),
    (
        AttributeError,
        "'str' object has no attribute 'decode'",
        "This is a str already: nothing is left to decode.",
    ),
    (
        UnicodeDecodeError,
        "",
        "Not every run of bytes is UTF-8 text; bytes go on as bytes, without decode().",
    ),
    *(row for row in MEANINGS if row[0] in (UnboundLocalError, NameError)),
)


def meaning_of(error: BaseException, *, on_values: bool = False) -> str:
    """Return what an error means in an exercise; "" when nothing in particular.

    Args:
        on_values: Whether it came out of a function on values, and not out of a handler.
    """
    for kind, part, meaning in ON_VALUES if on_values else MEANINGS:
        if isinstance(error, kind) and part in str(error):
            return meaning
    return ""
