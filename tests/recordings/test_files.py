"""Files that are replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from astra_nb.recordings import files
from tests.log.samples import conversation


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    files.write(path, "żółw\n")
    assert path.read_bytes() == "żółw\n".encode()
    files.write(str(path), "")
    assert path.read_bytes() == b""
    assert os.listdir(tmp_path) == ["log.jsonl"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "the disk is full"), KeyboardInterrupt()])
def test_what_fails_or_is_interrupted_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    path = tmp_path / "log.jsonl"
    path.write_text("before")
    if call == "fsync":
        monkeypatch.setattr(os, call, fail)
    else:
        monkeypatch.setattr(Path, call, fail)
    with pytest.raises(type(error)):
        conversation().to_jsonl(path)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["log.jsonl"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
def test_a_disk_that_is_full_keeps_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("before")
    real = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, mode="r", **options: real(
            Path("/dev/full") if mode == "xb" else self, "wb" if mode == "xb" else mode, **options
        ),
    )
    with pytest.raises(OSError, match="No space left"):
        conversation().to_jsonl(path)
    monkeypatch.undo()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["log.jsonl"]


def test_a_text_that_cannot_be_encoded_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "\ud800")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["report.html"]


def test_links_and_permissions_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "log.jsonl", tmp_path / "link.jsonl"
    path.write_text("before")
    path.chmod(0o640)
    link.symlink_to(path.name)
    files.write(link, "after")
    assert link.is_symlink()
    assert path.read_text() == "after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_not_a_file_is_written_to() -> None:
    files.write(os.devnull, "text")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_folder_or_a_missing_one_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        files.write(tmp_path, "text")
    with pytest.raises(FileNotFoundError, match=r"missing/log\.jsonl'$"):
        files.write(tmp_path / "missing" / "log.jsonl", "text")
    assert os.listdir(tmp_path) == []


def test_a_file_whose_name_has_the_greatest_length(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    files.write(path, "text")
    assert path.read_text() == "text"
