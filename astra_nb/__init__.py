"""WebSockets that you can see, inside a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from . import classroom, errors, faults, http, recordings
from .async_websocket import AsyncWebSocket
from .certificates import make_certificates
from .client import connect, connect_async
from .errors import AstraError, ConnectionClosed
from .jupyter.nested_loops import allow_nested_loops
from .log import FrameLog, LogView
from .log.tap_comparison import compare_taps
from .recordings import formats
from .server import Server
from .tap import Rule, Tap, tap
from .websocket import WebSocket
from .wire.messages import CloseFrame, Message

if TYPE_CHECKING:
    from .predictions import predict

__version__ = "0.1.0"

__all__ = [
    "AstraError",
    "AsyncWebSocket",
    "CloseFrame",
    "ConnectionClosed",
    "FrameLog",
    "Message",
    "Rule",
    "Server",
    "Tap",
    "WebSocket",
    "allow_nested_loops",
    "classroom",
    "compare_taps",
    "connect",
    "connect_async",
    "errors",
    "faults",
    "http",
    "make_certificates",
    "predict",
    "recordings",
    "tap",
]


def _panel(of: str) -> Any:
    """Return what makes the panel of something; ipywidgets is loaded when someone looks."""

    def panel(*shown: Any, **options: bool) -> Any:
        from . import widgets

        return getattr(widgets, f"panel_of_{of}")(*shown, **options)

    return staticmethod(panel)


def _write_page(view: LogView, file: BinaryIO) -> None:
    from .widgets.html_page import html_page

    file.write(html_page(view).encode())


def _browser_client(server: Server, path: str) -> Any:
    from .widgets.browser_client import browser_client_for

    return browser_client_for(server, path)


Server.panel_factory = _panel("server")
WebSocket.panel_factory = _panel("client")
FrameLog.panel_factory = _panel("log")
Tap.panel_factory = _panel("tap")
formats.WRITERS[".html"] = _write_page
Server.browser_client_factory = staticmethod(_browser_client)


def __getattr__(name: str) -> Any:
    if name == "predict":
        from .predictions import predict  # with the exercises, which are loaded when needed

        return predict
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Add the `%%lua` magic: `%load_ext astra_nb`."""
    from .lua import magic  # lupa is loaded when someone asks for Lua

    magic.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Shut down the servers of Lua cells and forget their Lua: `%unload_ext astra_nb`."""
    from .lua import magic

    magic.unload(shell)
