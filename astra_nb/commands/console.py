"""`astra-nb connect` and `astra-nb tap`: a WebSocket in a terminal, and a tap."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from astra_nb.client import connect
from astra_nb.errors import AstraError, ConnectionClosed, InvalidMessage
from astra_nb.locks import Latch
from astra_nb.log import FrameLog, table
from astra_nb.log.records import Record
from astra_nb.net.options import ConnectOptions
from astra_nb.payloads import encode_bytes
from astra_nb.recordings.formats import WRITERS, chosen
from astra_nb.recordings.jsonl import to_line
from astra_nb.tap import tap
from astra_nb.websocket import WebSocket
from astra_nb.wire.messages import CloseFrame, Message
from astra_nb.wire.text import visible

from .file_commands import save

__all__ = ["ABNORMAL", "add_commands"]

ABNORMAL = 3  # exit status of a connection that the other end did not close normally
NORMAL = (1000, 1001, 1005)
COLOURS = {"received": "36", "sent": "32", "error": "31", "closed": "33"}
WIDTHS = (5, 9, 4, 11, 12, 3, 4, 7, 0)  # of the usual columns
HELP = """\
A line is sent as a text message. Lines that begin with / are commands:
  /ping [TEXT]            /bytes 00 ff ...     bytes in hex
  /pong [TEXT]            /close [CODE [REASON]]
  //TEXT                  sends a text that begins with /
The end of the input (Ctrl+D) closes with 1000."""


def add_commands(commands: Any) -> None:
    """Add `connect` and `tap` to the command line."""
    console = commands.add_parser(
        "connect",
        help="a console: lines are sent, what comes is printed",
        description=f"Connect to a WebSocket.\n\n{HELP}",
        epilog="Exit status: 0 closed normally, 1 not connected, 2 not understood, 3 closed with "
        "another code or dropped. Without a terminal only texts go to standard output, a line "
        "each, without colours; all else goes to standard error. With --json all is JSON Lines.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    console.add_argument("url", metavar="URL", help="such as wss://example.org/chat")
    console.add_argument("-H", "--header", action="append", default=[], metavar="'NAME: VALUE'")
    console.add_argument("-o", "--origin", help="the Origin header, as of a page")
    console.add_argument("-s", "--subprotocol", action="append", default=[], metavar="NAME")
    console.add_argument("-x", "--execute", action="append", metavar="LINE",
        help="run this line instead of the input; may be given several times")  # fmt: skip
    console.add_argument("-w", "--wait", type=seconds, default=0.0, metavar="SECONDS",
        help="wait for more after the last line of a script (default: 0)")  # fmt: skip
    console.add_argument("--compress", action="store_true", help="offer permessage-deflate")
    console.add_argument("--proxy", help="such as http://127.0.0.1:3128; none: no proxy")
    add_tls(console)
    console.set_defaults(command=run_connect)

    standing = commands.add_parser(
        "tap",
        help="stand in front of a server and print each frame that passes",
        description="Stand between clients and a server, pass all bytes on as they came, and "
        "print each frame. Give the clients the address that it prints.",
        epilog="Ctrl+C ends it. Exit status: 0 ended, 1 not possible, 2 not understood.",
    )
    standing.add_argument("url", metavar="URL", help="the server's, such as ws://127.0.0.1:8000")
    standing.add_argument("-p", "--port", type=int, default=0, help="to listen on (default: any)")
    standing.add_argument("--hostname", default="127.0.0.1", help="to listen on (127.0.0.1)")
    standing.add_argument("--leg", choices=("client", "server"), help="print one leg only")
    add_tls(standing)
    standing.set_defaults(command=run_tap)


def add_tls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ca", metavar="FILE", help="certificate of an authority to trust")
    parser.add_argument("-n", "--no-check", action="store_true", help="check no certificate")
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    parser.add_argument("--save", metavar="FILE", type=log_file,
        help="write the log there at the end: .jsonl, .har, .pcapng or .html")  # fmt: skip


def log_file(path: str) -> str:
    try:
        chosen(WRITERS, path)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    folder = Path(path).absolute().parent
    if not folder.is_dir():  # at the end it would be too late
        raise argparse.ArgumentTypeError(f"there is no folder {str(folder)!r}")
    return path


def seconds(text: str) -> float:
    number = float(text)
    if not number >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 or more")
    return number


class Screen:
    """Where messages and remarks go, in the form that fits what is there."""

    def __init__(self, as_json: bool, out: TextIO, err: TextIO) -> None:
        self.as_json = as_json
        self.out = out
        self.err = err
        self.is_terminal = out.isatty()
        self.has_colours = self.is_terminal and not os.environ.get("NO_COLOR")

    def paint(self, text: str, colour: str) -> str:
        """Return a text in the colour of something, where there are colours."""
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.has_colours else text

    def message(self, message: Message) -> None:
        """Print a message that came."""
        value = message.value
        if self.as_json:
            self.out.write(json.dumps(as_json(message)) + "\n")
        elif isinstance(value, str) and not self.is_terminal:
            self.out.write(f"{value}\n")
        else:
            shown = value.hex(" ") if isinstance(value, bytes) else describe(value)
            kind = "" if message.type == "text" else f"{message.type} "
            line = self.paint(f"< {kind}{shown}", "received") + "\n"
            (self.out if self.is_terminal else self.err).write(line)
        self.out.flush()

    def remark(self, text: str, **fields: object) -> None:
        """Print a sentence that is no message."""
        if self.as_json and fields:
            self.out.write(json.dumps(fields) + "\n")
        else:
            self.err.write(self.paint(text, "closed") + "\n")
        self.out.flush()
        self.err.flush()


def as_json(message: Message) -> dict[str, object]:
    value = message.value
    if isinstance(value, bytes):
        return {"type": message.type, "hex": value.hex()}
    if isinstance(value, CloseFrame):
        return {"type": "close", "code": value.code, "reason": value.reason}
    return {"type": message.type, "value": value}


def describe(value: str | CloseFrame | None) -> str:
    if isinstance(value, CloseFrame):
        return f"{value.code} {visible(value.reason)}".rstrip()
    return "" if value is None else visible(value)


def run_connect(arguments: argparse.Namespace) -> int:
    """Run `astra-nb connect` and return its exit status."""
    screen = Screen(arguments.json, sys.stdout, sys.stderr)
    options: ConnectOptions = {
        "headers": [header(text) for text in arguments.header],
        "origin": arguments.origin,
        "subprotocols": arguments.subprotocol,
        "compression": "deflate" if arguments.compress else None,
        "ssl": trust(arguments),
        "max_message_size": None,
    }
    if arguments.proxy:
        options["proxy"] = None if arguments.proxy == "none" else arguments.proxy
    log = FrameLog()
    client = connect(arguments.url, log=log, **options)
    try:
        agreed = f", subprotocol {client.subprotocol}" if client.subprotocol else ""
        screen.remark(f"Connected to {client.remote_address}{agreed}. /help lists the commands.")
        if arguments.execute is not None or not sys.stdin.isatty():
            lines = iter(arguments.execute) if arguments.execute is not None else read_lines(0)
            over = Latch()

            def send() -> None:
                with suppress(ConnectionClosed):
                    for line in lines:
                        do_line(client, line, screen)
                over.wait(arguments.wait)
                with suppress(AstraError):
                    client.send_close(1000)

            threading.Thread(target=send, daemon=True).start()
            status = receive(client, screen)
            over.set()
            return status
        return converse(client, screen)
    finally:
        client.close()
        if arguments.save is not None:
            save(log, arguments.save)


def header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise InvalidMessage(f"a header is written as 'Name: value', and {name!r:.60} has no colon")
    return name.strip(), value.strip()


def trust(arguments: argparse.Namespace) -> Any:
    return False if arguments.no_check else arguments.ca


def receive(client: WebSocket, screen: Screen) -> int:
    """Print what comes until the connection has ended; return the exit status."""
    for message in client:
        if message.type == "close":
            break
        screen.message(message)
    try:
        client.recv()
    except ConnectionClosed as closed:
        why = str(closed)
        screen.remark(why, type="closed", code=closed.code, reason=closed.reason, why=why)
        return 0 if closed.code in NORMAL else ABNORMAL
    raise AssertionError("nothing comes after the close")


def read_lines(descriptor: int) -> Iterator[str]:
    """Read lines as they come, past Python's own buffer, whose lock a thread may not keep."""
    rest = b""
    while data := os.read(descriptor, 65536):
        *lines, rest = (rest + data).split(b"\n")
        yield from (line.decode("utf-8", "replace").rstrip("\r") for line in lines)
    if rest:
        yield rest.decode("utf-8", "replace")


def converse(client: WebSocket, screen: Screen) -> int:
    """Read lines with a history until the input or the connection ends."""
    from prompt_toolkit.patch_stdout import patch_stdout  # IPython brings it

    statuses: list[int] = []
    with patch_stdout(raw=True):
        screen.out, screen.err = sys.stdout, sys.stderr
        loop = asyncio.new_event_loop()
        over = loop.create_future()

        def listen() -> None:
            statuses.append(receive(client, screen))
            with suppress(RuntimeError):  # the input has ended, and the loop with it
                loop.call_soon_threadsafe(over.set_result, None)

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        ends = suppress(EOFError, KeyboardInterrupt, ConnectionClosed)
        with asyncio.Runner(loop_factory=lambda: loop) as runner, ends:
            runner.run(ask(client, screen, over))
        with suppress(AstraError):
            client.send_close(1000)
        listening.join()
    return statuses[0]


async def ask(client: WebSocket, screen: Screen, over: asyncio.Future[None]) -> None:
    """Do each line that is typed, until the connection or the input (`EOFError`) ends."""
    from prompt_toolkit import PromptSession

    session: PromptSession[str] = PromptSession("> ")
    while not over.done():
        prompt = asyncio.ensure_future(session.prompt_async())
        either: set[asyncio.Future[Any]] = {prompt, over}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if prompt.done():
            do_line(client, prompt.result(), screen)
        else:
            prompt.cancel()
            await asyncio.wait({prompt})


def do_line(client: WebSocket, line: str, screen: Screen) -> None:
    """Do what a line says; what cannot be done is told, but for `ConnectionClosed`."""
    try:
        if not line.startswith("/") or line.startswith("//"):
            client.send_text(line.removeprefix("/"))
            return
        name, _, rest = line[1:].partition(" ")
        if name not in COMMANDS:
            raise InvalidMessage(
                f"there is no command /{name[:40]}; /help lists them, and // sends a text that "
                f"begins with /"
            )
        COMMANDS[name](client, rest.strip(), screen)
    except ConnectionClosed:
        raise
    except AstraError as error:
        screen.remark(f"astra-nb: {error}")


def send_close(client: WebSocket, rest: str, screen: Screen) -> None:
    code, _, reason = rest.partition(" ")
    if code and not code.isdecimal():
        raise InvalidMessage(f"/close takes a code and a reason: /close 1000 bye, not {rest!r:.60}")
    client.send_close(int(code) if code else None, reason.strip() or None)


def send_hex(client: WebSocket, rest: str, screen: Screen) -> None:
    try:
        client.send_bytes(bytes.fromhex(rest))
    except ValueError:
        raise InvalidMessage(f"/bytes takes bytes in hex: /bytes 00 ff, not {rest!r:.60}") from None


COMMANDS: dict[str, Callable[[WebSocket, str, Screen], object]] = {
    "ping": lambda client, rest, screen: client.send_ping(encode_bytes(rest)),
    "pong": lambda client, rest, screen: client.send_pong(encode_bytes(rest)),
    "bytes": send_hex,
    "close": send_close,
    "help": lambda client, rest, screen: screen.remark(HELP),
}


def run_tap(arguments: argparse.Namespace) -> int:
    """Run `astra-nb tap` and return its exit status."""
    screen = Screen(arguments.json, sys.stdout, sys.stderr)
    with tap(
        arguments.url,
        port=arguments.port,
        hostname=arguments.hostname,
        upstream_ssl=trust(arguments),
    ) as t:
        screen.remark(f"Give clients {t.url} (or {t.http_url} to a browser). Ctrl+C ends it.",
            type="listening", url=t.url)  # fmt: skip
        view = t.leg(arguments.leg) if arguments.leg else t.log
        # An interrupted wait leaves no lock locked in it, on which the event loop would hang.
        news: SimpleQueue[None] = SimpleQueue()
        unsubscribe = t.log.subscribe(lambda: news.put(None))
        last = 0
        try:
            while True:
                for record in view.records(last):
                    last = record.number
                    screen.out.write(row(record, t.log.origin, screen))
                screen.out.flush()
                news.get()
                while not news.empty():
                    news.get()
        except KeyboardInterrupt:
            return 0
        finally:
            unsubscribe()
            if arguments.save is not None:
                save(t.log, arguments.save)


def row(record: Record, origin: float, screen: Screen) -> str:
    """Return a record as a line."""
    if screen.as_json:
        return to_line(record)
    columns = table.check_columns(None)
    [cells] = table.cells([record], columns, origin)
    line = "  ".join(
        cell.rjust(width) if column.right else cell.ljust(width)
        for cell, width, column in zip(cells, WIDTHS, columns, strict=True)
    ).rstrip()
    colour = getattr(record, "direction", record.kind)
    return (screen.paint(line, colour) if colour in COLOURS else line) + "\n"
