"""What the errors that beginners meet mean here."""

from __future__ import annotations

from .evidence import Error

__all__ = ["advice_on"]

CLOSE = "This message is a close: look at message.type first. The value of an empty close is None."
SILENT = "A client may be silent for long: recv() without a timeout waits until something comes."
AWAIT = "recv() must be awaited in an async def handler: message = await socket.recv()."
PAYLOAD = "recv() gives a Message with type and value; the payload is message.value."

# By the error's type and a part of its text; the first that fits counts.
MEANINGS: tuple[tuple[str, str, str], ...] = (
    ("Exception", "raw_input", "Nobody answers input() in a handler; use its socket."),
    ("OSError", "in use", "The check has its own server; it needs only the handler."),
    ("EOFError", "", "Nobody answers input() in a handler; use its socket."),
    ("Exception", "'coroutine' object", AWAIT),
    ("Exception", "'CloseFrame' object", CLOSE),
    ("InvalidMessage", "not CloseFrame", CLOSE),
    ("WaitTimeout", "", SILENT),
    ("TimeoutError", "", SILENT),
    ("AttributeError", "attribute 'length'", "Python counts with len(...): len(message.value)."),
    ("AttributeError", "'Message' object", PAYLOAD),
    ("TypeError", "Message", PAYLOAD),
    ("InvalidMessage", "not Message", PAYLOAD),
    ("AttributeError", "'str' object has no attribute 'decode'", "This is a str already: nothing "
     "is left to decode."),
    ("AttributeError", "WebSocket' object has no attribute", "A socket has recv(), send(type, "
     "value), send_text(), send_bytes(), send_ping(), send_pong(), send_close(), path_parameters."),
    ("TypeError", "AsyncWebSocket' object is not iterable", "Write: async for message in socket."),
    ("TypeError", "can't be used in 'await'", "In a def handler leave out await."),
    ("TypeError", "WebSocket.send", "One message carries one value: put it together first."),
    ("InvalidMessage", "a text message takes a str", "send_text() takes a str; bytes go by "
     "send_bytes(), and str() makes a text of anything else."),
    ("InvalidMessage", "message type", "send() takes the type first and then the value: "
     "socket.send(message.type, message.value)."),
    ("UnboundLocalError", "", "A name that a function assigns to is local: write global NAME in "
     "its first line, or keep what is shared in a set or a dict."),
    ("NameError", "is not defined", "Is the name spelled as it was defined? Is an import missing?"),
    ("RuntimeError", "changed size during iteration", "A set or a dict must not change while a "
     "loop goes over it, and other handlers do change it: go over a copy."),
    ("UnicodeDecodeError", "", "Not all bytes are UTF-8 text; pass bytes on as bytes, without "
     "decode()."),
    ("AttributeError", "'NoneType' object", "What is before the dot is None: the value of an empty "
     "close, or the result of a method that changes its object, such as update() or sort()."),
)  # fmt: skip


def advice_on(error: Error) -> str:
    """Return what an error means in an exercise; "" when nothing in particular."""
    fits = (said for kind, part, said in MEANINGS if kind in error.kinds and part in error.text)
    return next(fits, "")
