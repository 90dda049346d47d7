"""Pictures that the log and a socket draw, in a page."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.lab import NotebookPage

CONNECTED = """
from astra_nb import connect, http

server = http.server.new(port=0)
server.websocket("/", lambda socket: socket.recv())
server.run()
client = connect(server.url)
"""


def test_the_picture_of_buffers_moves_until_the_connection_has_ended(desk: NotebookPage) -> None:
    desk.begin([
        CONNECTED,
        "client.buffers_picture()",
        "server.broadcast('text', 'Hello')",
        "client.close()\nserver.shutdown()",
    ])  # fmt: skip
    for cell in range(2):
        desk.cell(cell).run()
    picture = desk.cell(1).output.get_by_role("img")
    name = r"Buffers of connection \d+, to and from the server, as far as the client knows"
    expect(picture).to_have_accessible_name(re.compile(f"^{name}$"))
    expect(picture).not_to_contain_text("(most 1)")

    desk.cell(2).run()
    expect(picture).to_contain_text("of 256 messages")
    desk.cell(3).run()

    expect(picture).to_contain_text("The connection has ended.")
    expect(picture).to_have_count(1)
