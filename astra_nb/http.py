"""The tutorial's API for making a server: `http.server.new()`."""

from __future__ import annotations

from .net.http_answers import Handshake, HttpRequest
from .net.tls import ServerTLS
from .server import DEFAULT_PORT, Server

__all__ = ["Handshake", "HttpRequest", "server"]


class server:  # noqa: N801  (the tutorial writes it so)
    """Makes servers, as in `require("astra.http").server:new()`."""

    @staticmethod
    def new(
        hostname: str = "127.0.0.1", port: int = DEFAULT_PORT, *, ssl: ServerTLS | None = None
    ) -> Server:
        """Return a new server; it listens after `run()`.

        Args:
            hostname: The name or address to listen on.
            port: The port to listen on; 0 takes a free one.
            ssl: Makes it a server of wss://; see `Server`.
        """
        return Server(hostname, port, ssl=ssl)
