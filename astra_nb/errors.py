"""The exceptions of astra_nb.

They split into "you did this" (nothing was sent) and "your peer did this"::

    AstraError
    ├── LocalError                  you did this; nothing was put on the wire
    │   ├── InvalidMessage          a value that no frame may carry (also a ValueError)
    │   ├── InvalidRoute            a path or a handler that cannot be served (also a ValueError)
    │   ├── NotOpen                 sending on a connection that is closing or closed
    │   ├── AddressInUse            the port is held by something else (also an OSError)
    │   ├── AddressUnavailable      the address cannot be listened on at all (also an OSError)
    │   ├── WrongThread             a blocking call where it would block the event loop
    │   ├── LoopBlocked             a handler keeps the event loop; names the line where
    │   └── LuaError                Lua code raised, or was stopped
    ├── PeerError                   your peer, or the network between you, did this
    │   ├── ConnectionClosed        recv() after the close was delivered; has both close codes
    │   ├── HandshakeFailed         the opening handshake did not end with 101
    │   └── ConnectFailed           no TCP or no TLS could be connected (also an OSError)
    └── WaitTimeout                 what you waited for did not come in time (also a TimeoutError)

`EndlessLoop` is not one of them, because it must not be an `Exception`.

Each message names the value, says what is allowed, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .wire.messages import CloseFrame

__all__ = [
    "AddressInUse",
    "AddressUnavailable",
    "AstraError",
    "ConnectFailed",
    "ConnectionClosed",
    "EndlessLoop",
    "HandshakeFailed",
    "InvalidMessage",
    "InvalidRoute",
    "LocalError",
    "LoopBlocked",
    "LuaError",
    "NotOpen",
    "PeerError",
    "WaitTimeout",
    "WrongThread",
]


class AstraError(Exception):
    """Base of every exception that astra_nb raises on purpose."""


class LocalError(AstraError):
    """You did this: nothing was put on the wire."""


class InvalidMessage(LocalError, ValueError):
    """A value that no frame of this type may carry."""


class InvalidRoute(LocalError, ValueError):
    """A path or a handler that cannot be served."""


class NotOpen(LocalError):
    """The connection is closing or closed, so this frame was not sent."""


class AddressInUse(LocalError, OSError):
    """Something else listens on this address."""


class AddressUnavailable(LocalError, OSError):
    """This machine cannot listen on this address."""


class WrongThread(LocalError, RuntimeError):
    """A blocking call in the thread that runs the event loop."""


class LoopBlocked(LocalError):
    """Code on the event loop does not give it back, so what was asked of it could not be done."""


class LuaError(LocalError):
    """Lua code raised, or was stopped.

    Attributes:
        trace: Where the Lua code was, as Lua tells it, or "".
    """

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace

    def report(self) -> str:
        """Return the error as the author of the Lua code sees it, without lines of Python."""
        return "\n".join(filter(None, [f"LuaError: {self}", self.trace])) + "\n"

    def _render_traceback_(self) -> list[str]:
        # IPython shows this instead of the Python traceback.
        return self.report().splitlines()


class PeerError(AstraError):
    """Your peer, or the network between you, did this."""


class ConnectionClosed(PeerError):
    """The connection is closed and its close was already delivered.

    Attributes:
        code: The close code that the peer reports to the application: the code it sent,
            1005 when its CLOSE frame was empty, 1006 when there was no CLOSE frame
            (RFC 6455, section 7.1.5).
        reason: The reason the peer sent, or "".
        sent: The close this end sent, or None.
        received: The close the peer sent, or None. Its code is 1005 when the frame was empty.
        first: The end that sent the first CLOSE frame: "server", "client", or "" for neither.
        connection: Which connection this is about; the same object for each error of one.
    """

    def __init__(
        self,
        explanation: str,
        *,
        sent: CloseFrame | None = None,
        received: CloseFrame | None = None,
        first: str = "",
        connection: object = None,
    ) -> None:
        super().__init__(explanation)
        self.sent = sent
        self.received = received
        self.first = first
        self.connection = connection

    @property
    def code(self) -> int:
        return 1006 if self.received is None else self.received.code

    @property
    def reason(self) -> str:
        return "" if self.received is None else self.received.reason


class HandshakeFailed(PeerError):
    """The opening handshake did not end with 101 Switching Protocols (RFC 6455, section 4).

    Attributes:
        status: The HTTP status code of the answer, or None when there was no valid answer.
        headers: The headers of the answer, secrets hidden; names are read in any case.
        body: The body of the answer, as text, secrets hidden.
        log: The `FrameLog` with the request and what came; None for an error of your own.
    """

    def __init__(self, explanation: str, *, status: int | None = None, body: str = "") -> None:
        super().__init__(explanation)
        self.status = status
        self.headers: Mapping[str, str] = {}
        self.body = body
        self.log: Any = None


class ConnectFailed(PeerError, OSError):
    """No TCP connection, or no TLS on it, could be made."""


class WaitTimeout(AstraError, TimeoutError):
    """What you waited for did not come in time."""


class EndlessLoop(BaseException):
    """A loop that catches every exception continues with a connection that has ended.

    It is not an `Exception`, so that it passes `except Exception` and ends the loop.
    """
