"""TLS contexts for both ends, from files of certificates (RFC 6455, section 10.6)."""

from __future__ import annotations

import os
import ssl
import warnings
from collections.abc import Sequence
from typing import Literal

from websockets.uri import WebSocketURI

from astra_nb.errors import LocalError

__all__ = [
    "CertificateFiles",
    "Path",
    "ServerTLS",
    "check_tls_used",
    "client_context",
    "is_insecure",
    "server_context",
    "warn_insecure",
]

Path = str | os.PathLike[str]
# One file with a certificate and its key; or the certificate, the key and perhaps its password.
CertificateFiles = Path | Sequence[Path]
ServerTLS = ssl.SSLContext | CertificateFiles


def client_context(
    trust: ssl.SSLContext | Path | Literal[False] | None, certificate: CertificateFiles | None
) -> ssl.SSLContext | None:
    """Return the context of a client's options `ssl` and `client_certificate`; None for neither."""
    if isinstance(trust, ssl.SSLContext):
        if certificate is not None:
            raise LocalError(
                "ssl is a context, so put client_certificate into it: "
                "context.load_cert_chain(certificate, key)"
            )
        return trust
    if trust is None and certificate is None:
        return None
    if trust is None or trust is False:
        context = ssl.create_default_context()
        if trust is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    elif isinstance(trust, (str, os.PathLike)):
        context = _trusting(trust)
    else:
        raise LocalError(
            f"ssl is an ssl.SSLContext, the path of a file with the certificate of an authority "
            f"(CA), or False to check nothing, not {trust!r:.80}"
        )
    if certificate is not None:
        _load(context, certificate, "client_certificate")
    return context


def server_context(tls: ServerTLS) -> ssl.SSLContext:
    """Return the context of a server's `ssl`."""
    if isinstance(tls, ssl.SSLContext):
        return tls
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, tls, "ssl")
    return context


def is_insecure(context: ssl.SSLContext | None) -> bool:
    """Return whether a client with this context talks to anyone who answers."""
    return context is not None and context.verify_mode == ssl.CERT_NONE


def check_tls_used(context: object, uri: WebSocketURI) -> None:
    """Refuse options of TLS, which have become a context, for an address without it."""
    if context is not None and not uri.secure:
        raise LocalError(
            "ssl and client_certificate are for an address that begins with wss://, but this one "
            "begins with ws://; TLS has to begin before the opening handshake (RFC 6455, "
            "section 4.1)"
        )


def warn_insecure(option: str, stacklevel: int) -> None:
    """Warn of a connection that trusts anyone who answers."""
    warnings.warn(
        f"{option}=False: anyone on the way to this server can read and change what is sent; "
        f'{option}="ca.pem" trusts the authority (CA) of your own server',
        stacklevel=stacklevel,
    )


def _trusting(path: Path) -> ssl.SSLContext:
    """Return a context that trusts the authorities of a file, and no other."""
    try:
        context = ssl.create_default_context(cafile=path)
    except ssl.SSLError:  # an OSError too
        raise LocalError(
            f"ssl: the file {os.fspath(path)!r} holds no certificate in PEM form; it should hold "
            f"that of an authority (CA), between BEGIN CERTIFICATE and END CERTIFICATE"
        ) from None
    except OSError as exc:
        raise LocalError(
            f"ssl: the file {os.fspath(path)!r} cannot be read ({exc.strerror})"
        ) from None
    if not context.cert_store_stats()["x509_ca"]:
        raise LocalError(
            f"ssl: the certificates in {os.fspath(path)!r} are not those of an authority (CA); "
            f"name the file of the CA that signed the server's certificate"
        )
    return context


def _load(context: ssl.SSLContext, certificate: object, option: str) -> None:
    files = [certificate] if isinstance(certificate, (str, os.PathLike)) else certificate
    if (
        not isinstance(files, Sequence)
        or not 1 <= len(files) <= 3
        or not all(isinstance(each, (str, os.PathLike)) for each in files)
    ):
        raise LocalError(
            f"{option} is the path of a file with a certificate and its key, or "
            f"(certificate, key), or (certificate, key, password), not "
            f"{type(certificate).__name__}"
        )
    chain, key = files[0], files[1] if len(files) > 1 else None
    # Without a password OpenSSL would ask for one on the terminal, and wait.
    password = os.fspath(files[2]) if len(files) > 2 else ""
    names = " and ".join(repr(os.fspath(each)) for each in files[:2])
    try:
        context.load_cert_chain(chain, key, password)
    except ssl.SSLError as exc:  # an OSError too
        raise LocalError(
            f"{option}: {names} should hold a certificate and its key in PEM form, but do not, or "
            f"the two do not belong together, or the password is wrong "
            f"({(exc.reason or 'not PEM').replace('_', ' ').lower()}); a third item gives the "
            f"password"
        ) from None
    except OSError as exc:
        raise LocalError(f"{option}: {names} cannot be read ({exc.strerror})") from None
