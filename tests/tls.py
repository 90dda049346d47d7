"""TLS and TCP servers for tests, for one connection each."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Signed by itself, for localhost and 127.0.0.1, until 2126. The key is not a secret.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgV9i7ezPvk7aemM1N
wWYv8/Qrlp0jzzHf5gmH5X9UMRmhRANCAARIIEE/NIeuH0YcH5f2GrLsHZy85kJ7
Zfe64TLSlCtsMLfba3/Eyvee9Hp4eX9NrfFSDfucMgdRVyFkNTsps15x
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUF4ZdCHW6i/7BfE0LwtoKRCNG94kwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjE5MDYxMloYDzIxMjYxMTAy
MTkwNjEyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARIIEE/NIeuH0YcH5f2GrLsHZy85kJ7Zfe64TLSlCtsMLfba3/Eyvee
9Hp4eX9NrfFSDfucMgdRVyFkNTsps15xo28wbTAdBgNVHQ4EFgQU4l9FiSim3rxh
bSiZVmW47LsGC1AwHwYDVR0jBBgwFoAU4l9FiSim3rxhbSiZVmW47LsGC1AwGgYD
VR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZI
zj0EAwIDRwAwRAIgHcYbaNgm16UQdGKKDTfa20pa+vsyw0Tvadnncy6GLLQCICMU
yotLpA4aU3C3pcz9F06YByKIPqbr3Kw35T/kQa0X
-----END CERTIFICATE-----
"""


@contextmanager
def tls_server(folder: Path, script: Callable[[socket.socket], None]) -> Iterator[tuple[int, Path]]:
    """Accept one TLS connection and let `script` have it.

    Yields:
        The port, and the file with the certificate.
    """
    path = folder / "certificate.pem"
    path.write_text(CERTIFICATE)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)

    def wrapped(peer: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            with context.wrap_socket(peer, server_side=True) as secured:
                script(secured)

    with tcp_server(wrapped) as port:
        yield port, path


@contextmanager
def tcp_server(script: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept one TCP connection and let `script` have it; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.settimeout(10)
                script(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()
