"""A lesson on the network of a classroom: one server of the teacher's, one line for each student.

The teacher's notebook:

    from astra_nb import classroom

    room = classroom.open("tulip")  # prints the line that students run
    room.panel()
    room.broadcast("text", "Hello, all")
    room.students["Ada"].send_text("Hello, Ada")

A student's notebook, on another machine of the same network:

    from astra_nb import classroom

    me = classroom.join("ws://192.168.1.20:8080", "tulip", "Ada")
    me.recv()

Everyone on that network who knows the word can join, and nothing is encrypted. `docs/teaching.md`
says what is exposed, and where this must not be used.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import quote

from .async_websocket import AsyncWebSocket
from .client import connect
from .errors import AddressUnavailable, LocalError
from .jupyter.environment import Environment
from .net.addresses import is_loopback, websocket_url
from .net.http_answers import Acceptance, Handshake, HttpAnswer
from .server import DEFAULT_PORT, Server
from .websocket import WebSocket
from .wire.text import visible

__all__ = ["Classroom", "join", "open"]

LONGEST_NAME = 40  # characters


class Classroom(Server):
    """A server that students join by name. `classroom.open` makes one and runs it.

    Args:
        word: What students must know to join. It is no password: it passes in clear text.
        hostname: The address to listen on; "0.0.0.0" for all of this machine.
        port: The port to listen on; 0 takes a free one.
    """

    def __init__(self, word: str, hostname: str = "0.0.0.0", port: int = DEFAULT_PORT) -> None:
        super().__init__(hostname, port)
        self._word = _checked("word", word)
        self._seats: dict[str, int] = {}  # the number of each student's connection
        self.websocket("/{name}", self._sit)
        self.handshake("/{name}", self._admit)

    def run(self) -> None:
        """Listen, as every server, unless the kernel runs at a place that others reach by proxy.

        Raises:
            AddressUnavailable: The kernel runs on Binder, a hub or the like, where the address
                that others could use is that of the kernel itself; or as for `Server.run`.
        """
        around = Environment.here()
        is_service = (around.hub_prefix or "").startswith("/services/")  # nobody's notebook
        if around.place != "this machine" and not (is_service or is_loopback(self.hostname)):
            raise AddressUnavailable(
                f"a classroom cannot be opened on {around.place}: other machines reach this kernel "
                f"only through an address that carries your token, and anyone who has it can run "
                f"code as you. Open it on your own machine; or, for notebooks on the same machine, "
                f"use "
                f'hostname="127.0.0.1". docs/teaching.md describes the way for a hub'
            )
        super().run()

    @property
    def students(self) -> dict[str, WebSocket]:
        """The sockets of those who are connected, by name, the first to come first."""
        sockets = {socket.id: socket for socket in self.connections}
        return {
            name: sockets[number] for name, number in list(self._seats.items()) if number in sockets
        }

    @property
    def addresses(self) -> list[str]:
        """The addresses at which others may reach this server, the likeliest first."""
        if self.hostname not in ("0.0.0.0", "::"):
            return [self.url.rstrip("/")]
        return [
            websocket_url(address, self.port).rstrip("/")
            for address in _own_addresses(with_ipv6=self.hostname == "::")
        ]

    @property
    def invitation(self) -> str:
        """What to show to the class: the lines that a student runs."""
        lines = ["from astra_nb import classroom", ""]
        lines += [
            f'me = classroom.join("{address}", "{self._word}", "your name")'
            for address in self.addresses[:1]
        ]
        others = self.addresses[1:]
        if others:
            lines += ["", f"If that address does not answer: {', '.join(others)}"]
        return "\n".join(lines)

    async def _admit(self, handshake: Handshake) -> Acceptance | HttpAnswer:
        given = handshake.request_with_secrets.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), _authorization(self._word).encode()):
            return handshake.refuse(403, "That is not the word of this lesson.")
        name = handshake.path_parameters["name"]
        wrong = _wrong_name(name)
        if wrong:
            return handshake.refuse(400, f"The name {wrong}.")
        if name in self._seats:
            return handshake.refuse(409, "Someone already has that name. Choose another one.")
        return handshake.accept()

    async def _sit(self, socket: AsyncWebSocket) -> None:
        name = socket.path_parameters["name"]
        if name in self._seats:  # two came with one name at the same time
            await socket.send_close(1008, "Someone already has that name.")
            return
        self._seats[name] = socket.id
        print(f"{name} has joined.")  # noqa: T201
        try:
            async for _ in socket:
                pass  # what they send is in the log, and in the panel
        finally:
            self._seats.pop(name, None)
            print(f"{name} has left.")  # noqa: T201


def open(word: str, hostname: str = "0.0.0.0", port: int = DEFAULT_PORT) -> Classroom:
    """Open a classroom on this machine's network, print the line for students, and return it.

    Args:
        word: What students must know to join, such as "tulip".
        hostname: The address to listen on; by default all addresses of this machine.
        port: The port to listen on; 0 takes a free one.

    Raises:
        LocalError: The word is empty or is no single line.
        AddressUnavailable: The kernel runs where others must not reach it; see `Classroom.run`.
        AddressInUse: Something else listens on this port.
    """
    room = Classroom(word, hostname, port)
    room.run()
    print(room.invitation)  # noqa: T201
    return room


def join(address: str, word: str, name: str) -> WebSocket:
    """Join the teacher's classroom, and return a socket as `connect` does.

    Args:
        address: Such as "ws://192.168.1.20:8080"; the teacher shows it.
        word: The word of the lesson.
        name: Your name, up to 40 characters; the teacher and the class see it.

    Raises:
        LocalError: The name or the word cannot be used.
        HandshakeFailed: The teacher's server said no; the message says why.
    """
    wrong = _wrong_name(name)
    if wrong:
        raise LocalError(f"the name {wrong}")
    url = f"{address.rstrip('/')}/{quote(name, safe='')}"
    return connect(url, headers={"Authorization": _authorization(_checked("word", word))})


def _authorization(word: str) -> str:
    return f"Bearer {quote(word, safe='')}"


def _wrong_name(name: object) -> str:
    """Return what is wrong with a name; "" for a good one."""
    if not isinstance(name, str):
        return f"is a text, not {name!r:.80}"
    if not name.strip() or len(name) > LONGEST_NAME:
        return f"has {len(name)} characters; it must have 1 to {LONGEST_NAME}, and not only blanks"
    if visible(name) != name or "/" in name:
        return f"contains a character that is not allowed: {visible(name)}"
    return ""


def _checked(what: str, text: object) -> str:
    if not isinstance(text, str) or not text.strip() or not text.isprintable() or '"' in text:
        raise LocalError(
            f'the {what} is one line of text without quotes, like "tulip", not {text!r:.80}'
        )
    return text


def _own_addresses(*, with_ipv6: bool) -> list[str]:
    """Return the addresses of this machine's networks, private ones first (RFC 1918)."""
    import psutil  # takes a while, and few open a classroom

    found = [
        ipaddress.ip_address(each.address.partition("%")[0])
        for addresses in psutil.net_if_addrs().values()
        for each in addresses
        if each.family.name in ("AF_INET", "AF_INET6")
    ]
    usable = [
        address
        for address in found
        if not (address.is_loopback or address.is_link_local)
        and (with_ipv6 or address.version == 4)
    ]
    usable.sort(key=lambda address: (address.version, not address.is_private))
    return [str(address) for address in usable] or ["127.0.0.1"]
