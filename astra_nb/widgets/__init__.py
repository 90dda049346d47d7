"""What a notebook shows of a server, a client or a log: the live panel, and the browser client."""

from .panel import Panel, panel_of_client, panel_of_log, panel_of_server, panel_of_tap

__all__ = ["Panel", "panel_of_client", "panel_of_log", "panel_of_server", "panel_of_tap"]
