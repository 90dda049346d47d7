"""Certificates for a lesson about wss://, made anew and installed nowhere."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from .errors import LocalError
from .extras import install_command

__all__ = ["Certificates", "make_certificates"]

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate authority (CA) with certificates of it.

    Attributes:
        server: What a server's `ssl` takes.
        client: What a client's `ssl` takes: it trusts this authority and no other.
        authority: The authority's certificate in PEM form, for other programs to trust.
    """

    server: ssl.SSLContext
    client: ssl.SSLContext
    authority: bytes


def make_certificates(
    *names: str, folder: str | os.PathLike[str] | None = None, client: str | None = None
) -> Certificates:
    """Make an authority, and a certificate of it for a server.

    All of it is made in memory; nothing on this machine is told to trust it.

        certificates = make_certificates()
        server = http.server.new(port=0, ssl=certificates.server)
        server.run()
        connect(server.url, ssl=certificates.client)

    Args:
        names: Names and addresses of the server; without any, those of this machine.
        folder: Where to write "ca.pem", "server.pem" and with a client "client.pem", for other
            programs; the last two hold keys. It is created.
        client: The name of a client, such as "ada@example.org": the server then lets only clients
            with a certificate of this authority in, and `Certificates.client` has one.

    Raises:
        LocalError: The package trustme is missing, a name is not one, or a file cannot be written.
    """
    try:
        import trustme
    except ImportError:
        raise LocalError(
            f"make_certificates() needs the package trustme; {install_command('tls')}"
        ) from None
    authority = trustme.CA()
    try:
        issued = authority.issue_cert(*(names or THIS_MACHINE))
        member = None if client is None else authority.issue_cert(client)
    except (ValueError, TypeError) as exc:
        raise LocalError(
            f"make_certificates() takes names such as 'localhost' or '127.0.0.1': {exc}"
        ) from None
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued.configure_cert(serving)
    trusting = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    files = {"ca.pem": authority.cert_pem, "server.pem": issued.private_key_and_cert_chain_pem}
    if member is not None:
        authority.configure_trust(serving)
        serving.verify_mode = ssl.CERT_REQUIRED
        member.configure_cert(trusting)
        files["client.pem"] = member.private_key_and_cert_chain_pem
    if folder is not None:
        _write(Path(folder), {name: blob.bytes() for name, blob in files.items()})
    return Certificates(serving, trusting, authority.cert_pem.bytes())


def _write(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)
    except OSError as exc:
        raise LocalError(
            f"folder: {os.fspath(folder)!r} cannot be written ({exc.strerror})"
        ) from None
