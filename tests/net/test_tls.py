"""TLS contexts from files, and what is said of files that are none."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from astra_nb.errors import LocalError
from astra_nb.net.tls import (
    check_tls_used,
    client_context,
    is_insecure,
    server_context,
    warn_insecure,
)
from astra_nb.net.uris import parse_address


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    contents = {
        "ca.pem": authority.cert_pem.bytes(),
        "cert.pem": issued.cert_chain_pems[0].bytes(),
        "key.pem": issued.private_key_pem.bytes(),
        "both.pem": issued.private_key_and_cert_chain_pem.bytes(),
        "other.pem": authority.issue_cert("other").private_key_pem.bytes(),
        "text.pem": b"not a certificate\n",
        "empty.pem": b"",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents} | {"none.pem": folder / "none.pem"}


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(LocalError) as caught:
        call(*arguments)
    return str(caught.value)


def test_a_client_trusts_the_authority_of_a_file_and_no_other(files: dict[str, Path]) -> None:
    for path in (files["ca.pem"], str(files["ca.pem"])):
        context = client_context(path, None)
        assert context is not None
        assert context.cert_store_stats()["x509_ca"] == 1
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert not is_insecure(context)


def test_a_client_that_checks_nothing() -> None:
    context = client_context(False, None)
    assert context is not None
    assert not context.check_hostname
    assert is_insecure(context)


def test_a_context_is_taken_as_it_is() -> None:
    context = ssl.create_default_context()
    assert client_context(context, None) is context
    assert server_context(context) is context
    assert client_context(None, None) is None
    assert not is_insecure(None)


def test_a_certificate_of_the_client(files: dict[str, Path]) -> None:
    certificates: list[Any] = [files["both.pem"], [files["cert.pem"], str(files["key.pem"])]]
    for certificate in certificates:
        context = client_context(None, certificate)
        assert context is not None
        assert context.verify_mode == ssl.CERT_REQUIRED
    assert server_context(files["both.pem"]).check_hostname is False


def test_a_key_with_a_password(files: dict[str, Path], tmp_path: Path) -> None:
    key = serialization.load_pem_private_key(files["key.pem"].read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"opensesame"),
        )
    )
    server_context((files["cert.pem"], locked, "opensesame"))
    for certificate in ((files["cert.pem"], locked, "s3cr3t"), (files["cert.pem"], locked)):
        message = refused(server_context, certificate)
        assert "a third item gives the password" in message
        assert "s3cr3t" not in message


@pytest.mark.parametrize("name", ["text.pem", "empty.pem", "key.pem"])
def test_a_file_without_a_certificate(files: dict[str, Path], name: str) -> None:
    assert refused(client_context, files[name], None) == (
        f"ssl: the file '{files[name]}' holds no certificate in PEM form; it should hold that of "
        f"an authority (CA), between BEGIN CERTIFICATE and END CERTIFICATE"
    )


def test_a_certificate_that_is_not_an_authoritys(files: dict[str, Path]) -> None:
    assert refused(client_context, files["cert.pem"], None) == (
        f"ssl: the certificates in '{files['cert.pem']}' are not those of an authority (CA); name "
        f"the file of the CA that signed the server's certificate"
    )


def test_files_that_are_not_there(files: dict[str, Path]) -> None:
    none = files["none.pem"]
    assert refused(client_context, none, None) == (
        f"ssl: the file '{none}' cannot be read (No such file or directory)"
    )
    assert refused(server_context, none) == (
        f"ssl: '{none}' cannot be read (No such file or directory)"
    )
    assert refused(client_context, None, (files["cert.pem"], none)).startswith(
        f"client_certificate: '{files['cert.pem']}' and '{none}' cannot be read"
    )


@pytest.mark.parametrize(
    "names",
    [["text.pem"], ["cert.pem"], ["key.pem"], ["cert.pem", "other.pem"], ["cert.pem", "text.pem"]],
)
def test_files_without_a_certificate_and_its_key(files: dict[str, Path], names: list[str]) -> None:
    message = refused(server_context, [files[name] for name in names])
    assert message.startswith(f"ssl: '{files[names[0]]}'")
    assert "should hold a certificate and its key in PEM form" in message


@pytest.mark.parametrize("trust", [True, 5, b"ca.pem", ["ca.pem"]])
def test_what_nobody_can_trust(trust: object) -> None:
    assert refused(client_context, trust, None).startswith("ssl is an ssl.SSLContext, the path ")


@pytest.mark.parametrize("certificate", [5, [], [1], ["a", "b", "c", "d"], None])
def test_what_is_not_files(certificate: object) -> None:
    assert refused(server_context, certificate).startswith("ssl is the path of a file with a ")


def test_a_context_has_its_certificate_already(files: dict[str, Path]) -> None:
    context = ssl.create_default_context()
    assert refused(client_context, context, files["both.pem"]).startswith(
        "ssl is a context, so put client_certificate into it"
    )


def test_options_of_tls_for_an_address_without_it() -> None:
    check_tls_used(None, parse_address("ws://127.0.0.1"))
    context = client_context(False, None)
    check_tls_used(context, parse_address("wss://127.0.0.1"))
    with pytest.raises(LocalError, match="for an address that begins with wss://"):
        check_tls_used(context, parse_address("ws://127.0.0.1"))


def test_a_warning_of_a_client_that_checks_nothing() -> None:
    with pytest.warns(UserWarning, match=r'^ssl=False: .* ssl="ca.pem" trusts') as caught:
        warn_insecure("ssl", stacklevel=2)
    assert caught[0].filename == __file__
