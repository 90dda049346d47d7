"""Programs of others that tests run: proxies, nginx, uvicorn. Each ends with its block."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.helpers import free_port, wait_until

DEADLINE = 20.0  # seconds

# Debian's and Ubuntu's packages; `.ci/run` installs them.
INSTALL = "sudo apt install nginx-light tinyproxy-bin microsocks tshark"


def program(name: str) -> str:
    """Return the path of a program. Without it the test is left out, which is an error in CI."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        missing = f"no {name} on this machine: {INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return found


def listens(address: int | Path) -> bool:
    """Return whether something takes connections at a port of this machine or at a path."""
    if isinstance(address, int):
        sock, where = socket.socket(), ("127.0.0.1", address)
    else:
        sock, where = socket.socket(socket.AF_UNIX), str(address)  # type: ignore[assignment]
    with sock:
        return sock.connect_ex(where) == 0


@contextmanager
def running(command: Sequence[str | Path], address: int | Path, folder: Path) -> Iterator[None]:
    """Run a program until the block ends; begin when it listens."""
    output = folder / f"{Path(str(command[0])).name}.out"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=out, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        wait_until(lambda: process.poll() is not None or listens(address), DEADLINE)
        assert process.poll() is None, output.read_text()
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE)


@contextmanager
def http_proxy(folder: Path, login: str = "") -> Iterator[int]:
    """Run tinyproxy, which tunnels with CONNECT; `login` is "name password"."""
    port = free_port()
    settings = folder / "tinyproxy.conf"
    settings.write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\n"
        + (f"BasicAuth {login}\n" if login else "")
    )
    with running([program("tinyproxy"), "-d", "-c", settings], port, folder):
        yield port


@contextmanager
def socks_proxy(folder: Path, login: str = "") -> Iterator[int]:
    """Run microsocks, which speaks SOCKS5; `login` is "name password"."""
    port = free_port()
    name, _, password = login.partition(" ")
    options = ["-u", name, "-P", password] if login else []
    command = [program("microsocks"), "-i", "127.0.0.1", "-p", str(port), *options]
    with running(command, port, folder):
        yield port


ASGI_ECHO = """
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-server", b"asgi")]})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})
"""


@contextmanager
def uvicorn(folder: Path) -> Iterator[Path]:
    """Run an echo on uvicorn, at a Unix domain socket."""
    (folder / "asgi_echo.py").write_text(ASGI_ECHO)
    path = folder / "uvicorn.sock"
    command: list[str | Path] = [
        sys.executable, "-m", "uvicorn", "asgi_echo:app", "--uds", path, "--lifespan", "off",
        "--ws", "websockets-sansio",
    ]  # fmt: skip
    with running(command, path, folder):
        yield path


NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.pem;
    location /lesson/ {{
      proxy_pass http://127.0.0.1:{upstream}/;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
    }}
    location = /moved {{ return 302 /lesson/; }}
    location = /around {{ return 302 /about; }}
    location = /about {{ return 302 /around; }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[tuple[int, Path]]:
    """Run nginx with TLS; it has a server of this machine under "/lesson/".

    Yields:
        The port, and the file with the certificate of its authority.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    port = free_port()
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, port=port, upstream=upstream))
    command: list[str | Path] = [program("nginx"), "-c", settings, "-p", folder, "-e", "stderr"]
    with running(command, port, folder):
        yield port, folder / "ca.pem"
