"""What the errors that beginners meet mean here."""

from __future__ import annotations

from .evidence import Error

__all__ = ["advice_on"]

ASYNC_RECV = "recv() must be awaited in an async def handler: message = await socket.recv()."
MESSAGE = "recv() gives a Message with type and value; the payload is message.value."
NO_INPUT = "Nobody answers input() in a handler; what it needs comes through its socket."
AT_CLOSE = ("This message is a close: look at message.type before you use the value. The value "
"of an empty close is None.")  # fmt: skip
SILENT = "A client may be silent for long: recv() without a timeout waits until something comes."

# By the error's type and a part of its text; the first that fits counts.
MEANINGS: tuple[tuple[str, str, str], ...] = (
    ("EOFError", "", NO_INPUT),
    ("NotImplementedError", "raw_input", NO_INPUT),
    ("AttributeError", "'coroutine' object", ASYNC_RECV),
    ("TypeError", "'coroutine' object", ASYNC_RECV),
    ("AttributeError", "'CloseFrame' object", AT_CLOSE),
    ("InvalidMessage", "not CloseFrame", AT_CLOSE),
    ("WaitTimeout", "", SILENT),
    ("TimeoutError", "", SILENT),
    ("AttributeError", "'Message' object", MESSAGE),
    ("TypeError", "Message", MESSAGE),
    ("InvalidMessage", "not Message", MESSAGE),
    ("AttributeError", "attribute 'length'", "Python counts with len(...): len(message.value)."),
    ("AttributeError", "'str' object has no attribute 'decode'", "This is a str already: nothing "
     "is left to decode."),
    ("AttributeError", "WebSocket' object has no attribute", "A socket has recv(), "
     "send(type, value), send_text(), send_bytes(), send_ping(), send_pong() and send_close(); "
     "parameters of the path are in path_parameters."),
    ("TypeError", "AsyncWebSocket' object is not iterable", "Write: async for message in socket."),
    ("TypeError", "can't be used in 'await'", "In a def handler, calls simply block: leave out "
     "await."),
    ("TypeError", "WebSocket.send", "One message carries one value: put it together first, for "
     "example with an f-string."),
    ("InvalidMessage", "a text message takes a str", "send_text() takes a str. Send bytes with "
     "send_bytes(); make a str of anything else first."),
    ("InvalidMessage", "message type", "send() takes the type first and then the value: "
     "socket.send(message.type, message.value)."),
    ("UnboundLocalError", "", "A name that a function assigns to is local: write global NAME in "
     "its first line, or keep what is shared in a set or a dict."),
    ("NameError", "is not defined", "Is the name spelled as it was defined? Is an import missing?"),
    ("RuntimeError", "changed size during iteration", "A set or a dict must not change while a "
     "loop goes over it, and other handlers do change it: go over a copy."),
    ("UnicodeDecodeError", "", "Not all bytes are UTF-8 text; pass bytes on as bytes, without "
     "decode()."),
    ("AttributeError", "'NoneType' object", "What is before the dot is None. A method that changes "
     "its object, such as update(), append() or sort(), returns None; the value of an empty "
     "close is None, too."),
)  # fmt: skip


def advice_on(error: Error) -> str:
    """Return what an error means in an exercise; "" when nothing in particular."""
    fits = (said for kind, part, said in MEANINGS if kind in error.kinds and part in error.text)
    return next(fits, "")
