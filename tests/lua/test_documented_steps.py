"""Each documented step as Lua and as Python: one client script, and the same bytes in both logs."""

from __future__ import annotations

from collections.abc import Callable
from pprint import pprint
from typing import Any

import pytest

from astra_nb import Server, WebSocket, http
from astra_nb.lua import Lua
from astra_nb.wire.opcodes import BINARY, CLOSE, PING, PONG, TEXT
from tests.lua.logs import found
from tests.lua.raw_client import RawClient

Script = Callable[[RawClient], None]
GREETING = b"Hello from JS client!"
DONE = b"\x03\xe8done"

# The documented listing; the port is set, as the documentation says it can be.
OPENING = """\
local server = require("astra.http").server:new()
server.port = 0

local function handle_socket(socket)
  print("Connection opened!")
end

server:websocket("/", handle_socket)

server:run()
"""

LOOP = """\
local server = require("astra.http").server:new()
server.port = 0

local function handle_socket(socket)
  print("Connection opened!")

  while true do
    pprint(socket:recv())
    %s
  end
end

server:websocket("/", handle_socket)

server:run()
"""


def serve_python(handler: Callable[[Any], None]) -> Server:
    server = http.server.new(port=0)
    server.websocket("/", handler)
    server.run()
    return server


def serve_lua(lua: Lua, source: str) -> Server:
    lua.run(source)
    assert lua.server is not None
    return lua.server


def frames(server: Server, script: Script) -> list[tuple[str, bytes]]:
    """What is in the log of one connection that the script has made."""
    with RawClient(server) as client:
        script(client)
        client.end()
    found(server, kind="closed")
    assert not list(server.log.filter(kind="error"))
    server.shutdown()
    records: list[Any] = list(server.log.frames)
    return [(record.direction, record.frame.raw) for record in records]


def in_a_loop(action: Callable[[WebSocket], None]) -> Callable[[WebSocket], None]:
    def handle_socket(socket: WebSocket) -> None:
        print("Connection opened!")
        while True:
            pprint(socket.recv())
            action(socket)

    return handle_socket


def both(
    lua: Lua, line: str, action: Callable[[WebSocket], None], script: Script
) -> list[tuple[str, bytes]]:
    """Run both twins against the script and give what both logs hold."""
    of_lua = frames(serve_lua(lua, LOOP % line), script)
    of_python = frames(serve_python(in_a_loop(action)), script)
    assert of_lua == of_python
    return of_lua


def greet(client: RawClient) -> None:
    """Send a greeting, take one answer, close."""
    client.send(TEXT, GREETING)
    answer = client.read()
    if answer.type == "ping":
        client.send(PONG, answer.payload)
    client.send(CLOSE, DONE)
    # The loop answers the pong too, before it sees the close.
    while client.read().type != "close":
        pass


def greet_and_be_closed(client: RawClient) -> None:
    client.send(TEXT, GREETING)
    client.read_to_close()


def test_s1_a_server_has_the_documented_defaults(
    lua: Lua, capsys: pytest.CaptureFixture[str]
) -> None:
    for spelling in (
        'require("astra.http").server:new()',
        'require("astra.http").server.new()',
        'require("http").server:new()',
        'require("http").server.new()',
        "Astra.http.server:new()",
    ):
        lua.run(f"pprint({spelling})")
        assert capsys.readouterr().out == '{hostname = "127.0.0.1", port = 8080}\n'
        assert lua.server is not None
        assert (lua.server.hostname, lua.server.port) == ("127.0.0.1", 8080)


def test_s2_s3_s4_the_first_listing_runs(lua: Lua, capsys: pytest.CaptureFixture[str]) -> None:
    def handle_socket(socket: WebSocket) -> None:
        print("Connection opened!")

    def script(client: RawClient) -> None:
        assert client.read_to_close()[-1].payload == b"\x03\xe8"

    server = serve_lua(lua, OPENING)
    assert server.running
    of_lua = frames(server, script)
    assert capsys.readouterr().out == "Connection opened!\n"
    output = found(server, kind="output")
    assert (output.text, output.connection) == ("Connection opened!", 1)

    assert of_lua == frames(serve_python(handle_socket), script)
    assert of_lua[0] == ("sent", b"\x88\x02\x03\xe8")
    assert capsys.readouterr().out == "Connection opened!\n"


def test_s4_the_port_that_was_taken_is_in_the_field(
    lua: Lua, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve_lua(lua, OPENING + "print(server.hostname, server.port)")
    assert capsys.readouterr().out == f"127.0.0.1\t{server.port}\n"
    assert server.port != 0


def test_s5_a_loop_pretty_prints_each_message(lua: Lua, capsys: pytest.CaptureFixture[str]) -> None:
    def script(client: RawClient) -> None:
        client.send(TEXT, GREETING)
        client.send(BINARY, bytes([1, 2, 255]))
        client.send(PING, b"abc")
        assert client.read().type == "pong"
        client.send(PONG)
        client.send(CLOSE, DONE)
        assert client.read().type == "close"

    seen = both(lua, "", lambda socket: None, script)
    assert [direction for direction, _ in seen].count("received") == 5
    assert capsys.readouterr().out.partition("Message")[0] == (
        "Connection opened!\n"
        '{type = "text", value = "Hello from JS client!"}\n'
        '{type = "bytes", value = {1, 2, 255}}\n'
        '{type = "ping", value = {97, 98, 99}}\n'
        '{type = "pong", value = {}}\n'
        '{type = "close", value = {code = 1000, reason = "done"}}\n'
        "Connection opened!\n"
    )


def test_s6_a_greeting_arrives_masked(lua: Lua) -> None:
    def script(client: RawClient) -> None:
        client.send(TEXT, GREETING)
        client.send(CLOSE)
        client.read()

    direction, raw = both(lua, "", lambda socket: None, script)[0]
    assert direction == "received"
    assert raw[:2] == bytes([0x81, 0x80 | len(GREETING)])
    assert GREETING not in raw


PING_BYTES = [0, 88, 14, 67, 45]
PONG_BYTES = [17, 38, 80, 0, 85]

SENDS: list[tuple[str, Callable[[WebSocket], None], bytes]] = [
    (  # S7
        'socket:send("text", "hey there, this is a very informative message.")',
        lambda socket: socket.send("text", "hey there, this is a very informative message."),
        b"\x81\x2ehey there, this is a very informative message.",
    ),
    ('socket:send("bytes", "a")', lambda socket: socket.send("bytes", "a"), b"\x82\x01a"),
    ('socket:send("ping", "a")', lambda socket: socket.send("ping", "a"), b"\x89\x01a"),
    ('socket:send("pong", "a")', lambda socket: socket.send("pong", "a"), b"\x8a\x01a"),
    (  # S8
        'socket:send_text("yet another informative message")',
        lambda socket: socket.send_text("yet another informative message"),
        b"\x81\x1fyet another informative message",
    ),
    ('socket:send_text("€")', lambda socket: socket.send_text("€"), b"\x81\x03\xe2\x82\xac"),
    (  # S9
        'socket:send_bytes("this will be illegible soon")',
        lambda socket: socket.send_bytes("this will be illegible soon"),
        b"\x82\x1bthis will be illegible soon",
    ),
    (  # S10
        "socket:send_ping({0, 88, 14, 67, 45})",
        lambda socket: socket.send_ping(PING_BYTES),
        b"\x89\x05\x00\x58\x0e\x43\x2d",
    ),
    (
        "socket:send_bytes({0, 88, 14, 67, 45})",
        lambda socket: socket.send_bytes(PING_BYTES),
        b"\x82\x05\x00\x58\x0e\x43\x2d",
    ),
    ('socket:send_ping("a")', lambda socket: socket.send_ping("a"), b"\x89\x01a"),
    ("socket:send_ping()", lambda socket: socket.send_ping(), b"\x89\x00"),
    (  # S11
        "socket:send_pong({17, 38, 80, 0, 85})",
        lambda socket: socket.send_pong(PONG_BYTES),
        b"\x8a\x05\x11\x26\x50\x00\x55",
    ),
]

CLOSES: list[tuple[str, Callable[[WebSocket], None], bytes]] = [
    (  # S12
        'socket:send_close({code = 1000, reason = "finally, done with everything"})',
        lambda socket: socket.send_close({"code": 1000, "reason": "finally, done with everything"}),
        b"\x88\x1f\x03\xe8finally, done with everything",
    ),
    (  # an earlier edition of the documentation
        'socket:send_close({1000, "finally, done with everything"})',
        lambda socket: socket.send_close(1000, "finally, done with everything"),
        b"\x88\x1f\x03\xe8finally, done with everything",
    ),
    # S13
    ("socket:send_close(1000)", lambda socket: socket.send_close(1000), b"\x88\x02\x03\xe8"),
    (
        "socket:send_close({code = 1000})",
        lambda socket: socket.send_close({"code": 1000}),
        b"\x88\x02\x03\xe8",
    ),
    # S14
    ("socket:send_close()", lambda socket: socket.send_close(), b"\x88\x00"),
    # S15
    (
        'socket:send("close", {code = 1000, reason = "Done"})',
        lambda socket: socket.send("close", {"code": 1000, "reason": "Done"}),
        b"\x88\x06\x03\xe8Done",
    ),
    (
        'socket:send("close", 1000)',
        lambda socket: socket.send("close", 1000),
        b"\x88\x02\x03\xe8",
    ),
    ('socket:send("close")', lambda socket: socket.send("close"), b"\x88\x00"),
]


@pytest.mark.parametrize(
    ("line", "action", "wire"), SENDS, ids=[line.partition(":")[2] for line, *_ in SENDS]
)
def test_s7_to_s11_each_send_is_the_same_on_the_wire(
    lua: Lua, line: str, action: Callable[[WebSocket], None], wire: bytes
) -> None:
    seen = both(lua, line, action, greet)
    assert seen[1] == ("sent", wire)


@pytest.mark.parametrize(
    ("line", "action", "wire"), CLOSES, ids=[line.partition(":")[2] for line, *_ in CLOSES]
)
def test_s12_to_s15_each_close_is_the_same_on_the_wire(
    lua: Lua, line: str, action: Callable[[WebSocket], None], wire: bytes
) -> None:
    seen = both(lua, line, lambda socket: close_once(socket, action), greet_and_be_closed)
    assert seen[1] == ("sent", wire)
    assert len(seen) == 3


def close_once(socket: WebSocket, action: Callable[[WebSocket], None]) -> None:
    if socket.state == "open":
        action(socket)


LISTING = """
-- The first parameter is a type:
  -- text
  -- bytes
  -- ping
  -- pong
  -- close

socket:send("text", "hey there, this is a very informative message.")

-- There are also specialized functions for each type, which skip a lot of type checking:
socket:send_text("yet another informative message")

-- I can send a string of bytes:
socket:send_bytes("this will be illegible soon")
-- Or a table of them:
socket:send_ping({0, 88, 14, 67, 45})
socket:send_pong({17, 38, 80, 0, 85})

-- I can also send a close frame, first with the close code, and then the reason:
socket:send_close({code = 1000, reason = "finally, done with everything"})
-- The reason is optional, so you can also just go with this:
socket:send_close(1000)
-- If you're in a rush, you can close it uncleanly too, like this:
socket:send_close()
"""


def test_the_listing_of_all_sends_runs_in_the_loop_as_it_stands(lua: Lua) -> None:
    seen: list[str] = []

    def script(client: RawClient) -> None:
        client.send(TEXT, GREETING)
        seen.extend(frame.type for frame in client.read_to_close())

    server = serve_lua(lua, LOOP % LISTING)
    of_lua = frames(server, script)
    assert seen == ["text", "text", "bytes", "ping", "pong", "close"]
    assert ("sent", b"\x88\x1f\x03\xe8finally, done with everything") in of_lua
    # Of three closes in a row the first one counts; the log says why the handler ended.
    notice = found(server, kind="notice", connection=1)
    assert "no data frame may follow that" in notice.text
