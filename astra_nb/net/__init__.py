"""Connections: sockets, the event loop, and both ends of a WebSocket on them."""
