"""What decides over an opening handshake: who may connect, to which paths, with which limits."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from .routes import Route

__all__ = ["Policy"]


@dataclass(slots=True)
class Policy:
    """What decides over an opening handshake. Changes count for the next one.

    Attributes:
        hostname: The name or address that the server listens on.
        origins: Origins that may connect besides pages from this machine.
        hosts: Names, besides this machine's own, that a `Host` header may have.
        routes: The paths there are.
        max_message_size: Bytes a message may have; a larger one is answered with 1009.
        open_timeout: Seconds an opening handshake may take.
        close_timeout: Seconds to wait for the other end after a CLOSE frame was sent.
        keepalive: Seconds between PING frames the server sends by itself; None for never.
        check_answer: What a page that checks its address is told; it is no secret.
    """

    hostname: str
    origins: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    max_message_size: int | None = 2**20
    open_timeout: float = 10.0
    close_timeout: float = 2.0
    keepalive: float | None = None
    check_answer: str = field(default_factory=lambda: secrets.token_hex(8))
