"""Certificates for a lesson: what is in them, and what cannot be made."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from astra_nb.certificates import make_certificates
from astra_nb.errors import LocalError


def test_they_are_in_memory_unless_a_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    certificates = make_certificates()
    assert certificates.authority.startswith(b"-----BEGIN CERTIFICATE-----")
    assert certificates.server.verify_mode == ssl.CERT_NONE
    assert certificates.client.verify_mode == ssl.CERT_REQUIRED
    assert certificates.client.cert_store_stats()["x509_ca"] == 1
    assert list(tmp_path.iterdir()) == []
    make_certificates(folder="lesson", client="ada@example.org")
    assert {path.name for path in (tmp_path / "lesson").iterdir()} == {
        "ca.pem", "server.pem", "client.pem",
    }  # fmt: skip


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(LocalError) as caught:
        make_certificates()
    assert str(caught.value) == (
        'make_certificates() needs the package trustme; pip install "trustme>=1.2"'
    )


@pytest.mark.parametrize("name", [7, None, b"localhost"])
def test_what_is_not_a_name(name: Any) -> None:
    with pytest.raises(LocalError, match=r"make_certificates\(\) takes names such as"):
        make_certificates(name)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match="cannot be written"):
        make_certificates(folder=tmp_path / "file")
