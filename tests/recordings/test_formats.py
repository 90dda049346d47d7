"""`log.save(path)` and `FrameLog.open(path)`: every format, chosen by the suffix."""

from __future__ import annotations

import json
import os
import random
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astra_nb import FrameLog
from astra_nb.extras import install_command
from astra_nb.log import LogView
from astra_nb.log.records import NoticeRecord, OutputRecord
from astra_nb.recordings import reading
from astra_nb.recordings.formats import READERS, WRITERS
from tests.log.samples import HELLO, checked, conversation, numbers
from tests.recordings.sessions import SECRET

WRITTEN = [suffix for suffix in WRITERS if suffix in READERS]
FILES = Path(__file__).parent / "files"

each_format = pytest.mark.parametrize("suffix", WRITTEN)


def test_the_formats_that_there_are() -> None:
    assert set(WRITTEN) >= {".jsonl", ".har", ".pcapng"}
    assert ".pcap" in READERS
    assert ".pcap" not in WRITERS


@each_format
def test_a_saved_log_opens_with_the_same_records(
    suffix: str, tmp_path: Path, live: FrameLog
) -> None:
    for position, log in enumerate((conversation(), checked(), live, FrameLog())):
        path = tmp_path / f"{position}{suffix.upper()}"
        log.save(path)
        again = FrameLog.open(str(path))
        assert list(again) == list(log)
        assert str(again) == str(log)
        assert again.to_jsonl() == log.to_jsonl()
        assert again.sequence() == log.sequence()
        assert again.messages == log.messages


@each_format
def test_the_session_that_is_saved_has_everything(suffix: str, live: FrameLog) -> None:
    kinds = {record.kind for record in live}
    assert kinds >= {"handshake", "opened", "closed", "frame", "output", "notice"}
    assert any(frame.message is not None and not frame.frame.fin for frame in live.frames)  # type: ignore[union-attr]


@each_format
def test_a_planted_secret_is_in_no_file(suffix: str, tmp_path: Path, live: FrameLog) -> None:
    path = tmp_path / f"log{suffix}"
    live.save(path)
    data = path.read_bytes()
    for form in (SECRET, SECRET.encode().hex(), json.dumps(SECRET)):
        assert form.encode() not in data
    assert b"hidden" in data


@each_format
@given(
    frames=st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=60),
            st.none() | st.binary(max_size=9),
            st.text(),
            st.sampled_from(["sent", "received"]),
            st.integers(1, 3),
        ),
        max_size=8,
    ),
    text=st.text(),
)
@settings(max_examples=30, deadline=None)
def test_any_log_comes_back(
    suffix: str, frames: list[Any], text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = FrameLog(redact=None)
    for data, message, verdict, direction, connection in frames:
        log.append_frames(connection, "client", direction, data, 1, verdict, (message,))
        log.append(connection, OutputRecord, stream="stdout", text=text)
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    log.save(path)
    again = FrameLog.open(path)
    again.redact = None
    assert list(again) == list(log)


@each_format
def test_a_view_is_saved_with_its_gaps(suffix: str, tmp_path: Path) -> None:
    log = FrameLog()
    for connection in (1, 2, 1, 2, 1):
        log.append_frames(connection, "server", "sent", HELLO, 1)
    view = log.filter(connection=2)
    view.save(tmp_path / f"view{suffix}")
    assert numbers(list(FrameLog.open(tmp_path / f"view{suffix}"))) == [2, 4]


@each_format
def test_the_newest_are_kept_and_the_others_counted(suffix: str, tmp_path: Path) -> None:
    log = FrameLog()
    for number in range(500):
        log.append_frames(1, "server", "sent", HELLO, 1)
        log.append(1, NoticeRecord, text=f"notice {number}")
    log.save(tmp_path / f"log{suffix}")
    opened = FrameLog.open(tmp_path / f"log{suffix}", max_frames=50)
    *kept, notice = opened
    assert kept[-1] == log[-1]
    assert 50 <= len(kept) <= 100
    assert kept == list(log)[-len(kept) :]
    assert isinstance(notice, NoticeRecord)
    assert notice.text.startswith("left out of this log: older records: ")
    assert str(1000 - len(kept)) in notice.text.replace(",", "")
    assert opened.dropped == 500 - len(opened.frames)
    small = FrameLog.open(tmp_path / f"log{suffix}", max_bytes=len(HELLO) * 20)
    assert 1 <= len(small.frames) <= 20
    assert list(small)[:-1] == list(log)[-len(small) + 1 :]


@each_format
def test_progress_is_told(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"log{suffix}"
    conversation().save(path)
    told: list[tuple[int, int]] = []
    FrameLog.open(path, progress=lambda done, size: told.append((done, size)))
    size = path.stat().st_size
    assert told[-1] == (size, size)
    assert all(0 <= done <= size for done, _ in told)
    FrameLog.open(path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(reading, "LARGE", 0)
    FrameLog.open(path)
    assert "100%" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert len(FrameLog.open(path)) == len(conversation())


@each_format
def test_a_write_that_fails_keeps_the_earlier_file(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"log{suffix}"
    path.write_text("before")
    log = conversation()

    def fail(*arguments: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        log.save(path)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("name", "suffix"), [("log", ""), ("log.txt", ".txt"), ("log.jsonl.gz", ".gz"), ("a.", "")]
)
def test_a_suffix_without_a_format(name: str, suffix: str) -> None:
    with pytest.raises(ValueError, match="the suffix names the format: ") as caught:
        FrameLog.open(name)
    assert str(caught.value).startswith(f"{name!r} has the suffix {suffix!r}; ")
    assert ".pcap" in str(caught.value)
    with pytest.raises(ValueError, match=r"format: (\.\w+, )*\.\w+$") as caught:
        FrameLog().save(name)
    assert not str(caught.value).endswith(".pcap")
    with pytest.raises(ValueError, match=r"'log\.pcap' has the suffix '\.pcap'"):
        FrameLog().save("log.pcap")


def test_a_format_can_be_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(view: LogView, file: BinaryIO) -> None:
        file.write(str(view).encode())

    monkeypatch.setitem(WRITERS, ".txt", write)
    log = conversation()
    log.save(tmp_path / "log.txt")
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == str(log)
    with pytest.raises(ValueError, match="suffix"):
        FrameLog.open(tmp_path / "log.txt")


@pytest.mark.parametrize(
    ("suffix", "module", "package"),
    [(".har", "ijson", "ijson"), (".pcapng", "pcapng", "python-pcapng")],
)
def test_a_package_that_is_missing(
    suffix: str, module: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"log{suffix}"
    conversation().save(path)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError) as caught:
        FrameLog.open(path)
    said = f"file needs the package {package}; {install_command('files')}"
    assert str(caught.value).endswith(said)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for suffix in READERS:
        with pytest.raises(OSError, match="none"):
            FrameLog.open(tmp_path / f"none{suffix}")


# Files of strangers


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A file with a few faults: bytes changed, cut out, said twice, or numbers made large."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0:
                changed[at : at + 1] = chance.randbytes(1)
            case 1:
                del changed[at : at + chance.randint(1, 200)]
            case 2:
                changed[at:at] = changed[at : at + chance.randint(1, 200)]
            case 3:
                changed[at : at + 4] = struct.pack("<I", chance.choice([0, 2**31, 2**32 - 1, 13]))
            case 4:
                changed[at:at] = chance.choice([b"99999999999999999999", b"null", b"[", b"{", b'"'])
            case 5:
                del changed[at:]
        changed = changed or bytearray(b"\0")
    return bytes(changed)


@pytest.mark.parametrize("suffix", [*WRITTEN, ".pcap"])
def test_a_broken_file_is_one_clear_error(suffix: str, tmp_path: Path, live: FrameLog) -> None:
    path = tmp_path / f"log{suffix}"
    if suffix == ".pcap":
        path.write_bytes((FILES / "loopback.pcap").read_bytes())
    else:
        live.filter(predicate=lambda each: len(getattr(each, "payload", b"")) < 3000).save(path)
    whole, chance = path.read_bytes(), random.Random(suffix)
    errors = []
    for _ in range(200):
        path.write_bytes(mutated(whole, chance))
        try:
            assert len(str(FrameLog.open(path))) < 200_000
        except ValueError as exc:
            errors.append(str(exc))
    assert 20 < len(errors) < 200
    assert [text for text in errors if not 10 < len(text) < 400 or "\n" in text] == []
