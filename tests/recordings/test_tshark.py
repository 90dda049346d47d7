"""Our pcapng files, read by tshark: the same frames as the log."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from astra_nb import FrameLog
from astra_nb.log.records import Direction, FrameRecord
from astra_nb.wire.frames import encode
from astra_nb.wire.messages import CloseFrame
from tests.helpers import REPOSITORY
from tests.log.samples import HELLO, MASKED_HELLO, conversation
from tests.real_peers import program

FRAMES = 40_000
LENGTHS = ("payload_length", "payload_length_ext_16", "payload_length_ext_64")
HEAD = [f"websocket.{name}" for name in ("opcode", "fin", "mask", *LENGTHS)]
CLOSE = ("close.status_code", "close.reason")
PAYLOAD = [f"websocket.payload.{name}" for name in ("text", "ping", "pong", *CLOSE)] + ["data.data"]
Read = tuple[int, bool, bool, int, str]  # opcode, FIN, MASK, length, payload


def rows(path: Path, *fields: str) -> Iterator[list[str]]:
    """Yield the first values of some fields of each packet with a frame in it."""
    command = [program("tshark"), "-r", str(path), "-Y", "websocket", "-T", "fields"]
    command += ["-E", "occurrence=f", *(part for name in fields for part in ("-e", name))]
    done = subprocess.run(command, capture_output=True, check=True)
    for line in done.stdout.decode().removesuffix("\n").split("\n"):
        yield line.split("\t")


def read_by_tshark(path: Path) -> list[Read]:
    """Return the frames that tshark lists, in their order."""
    frames = []
    for opcode, fin, mask, short, long, longer, text, *payload in rows(path, *HEAD, *PAYLOAD):
        length = int(longer or long or short)
        shown = text.encode().hex() + "".join(payload)
        frames.append((int(opcode), fin == "1", mask == "1", length, shown))
    return frames


def read_by_us(log: FrameLog) -> list[Read]:
    """Return the frames as tshark shows them: a message's payload stands at its last frame."""
    values = {message.numbers[-1]: message for message in log.messages}
    frames = []
    for each in only_frames(log):
        frame, message = each.frame, values.get(each.number)
        value: Any = "" if message is None else message.value
        if isinstance(value, CloseFrame):
            value = f"{value.code}{value.reason}"
        elif value:  # a text in fragments is shown as hex at times
            value = (value.encode() if isinstance(value, str) else value).hex()
        frames.append((frame.opcode, frame.fin, frame.masked, frame.payload_length, value or ""))
    return frames


def only_frames(log: FrameLog) -> list[FrameRecord]:
    return [each for each in log.frames if isinstance(each, FrameRecord)]


def random_frames(log: FrameLog, count: int) -> None:
    """Put frames of every type, length form and direction in a log, texts in fragments too.

    tshark 4.0 shows the payload of a message in fragments at its last frame, if that is not empty;
    it mixes up those that both ends send at the same time, and their types.
    """
    chance = random.Random(6455)
    under_way = False
    for number in range(count):
        direction: Direction = chance.choice(("sent", "received"))
        opcode = chance.choice((1, 1, 2, 2, 8, 9, 10))
        size = chance.randrange(126)
        fin = True
        if opcode <= 2:
            size = chance.choice((0, 1, 3, 20, 125, 126, 127, 300))
            size = 70_000 if number % 8000 == 17 else size
        if opcode == 1 and direction == "received":
            opcode, fin = 0 if under_way else 1, chance.random() < 0.6
            size, under_way = max(size, 1), not fin
        elif under_way and opcode == 2 and direction == "received":
            continue
        payload = chance.randbytes(size)
        if opcode <= 1:
            payload = b"text, " * (size // 6) + b"." * (size % 6)
        elif opcode == 8:
            payload = b"\x03\xe8" + b"done" * (size // 8)
        key = chance.randbytes(4) if direction == "received" else None
        log.append_frames(1, "server", direction, encode(opcode, payload, fin=fin, key=key), 1)


def test_tshark_reads_40_000_frames_as_they_are_on_the_log(tmp_path: Path) -> None:
    program("tshark")
    log = FrameLog(redact=None)
    random_frames(log, FRAMES + FRAMES // 10)
    log.save(tmp_path / "many.pcapng")
    read = read_by_tshark(tmp_path / "many.pcapng")
    assert len(read) == len(log) >= FRAMES
    assert read == read_by_us(log)


def test_tshark_reads_a_session(tmp_path: Path, live: FrameLog) -> None:
    """Whole compressed messages too; of compressed fragments it cannot inflate the payload."""
    live.save(tmp_path / "session.pcapng")
    read, ours = read_by_tshark(tmp_path / "session.pcapng"), read_by_us(live)
    assert [each[:4] for each in read] == [each[:4] for each in ours]
    whole = [each.frame.fin and each.frame.opcode != 0 for each in only_frames(live)]
    assert whole.count(False) == 7
    # It shows a text up to its first NUL.
    plain = [
        at
        for at, (opcode, *_, payload) in enumerate(ours)
        if whole[at] and not (opcode == 1 and 0 in bytes.fromhex(payload))
    ]
    assert len(plain) > 8
    assert [read[at][4] for at in plain] == [ours[at][4] for at in plain]


def test_tshark_reads_what_a_log_holds_whose_handshake_is_gone(tmp_path: Path) -> None:
    log = conversation()
    log.frames.save(tmp_path / "frames.pcapng")
    read = read_by_tshark(tmp_path / "frames.pcapng")
    assert [each[:4] for each in read] == [each[:4] for each in read_by_us(log)]


def test_tshark_reads_up_to_a_frame_with_a_false_length(tmp_path: Path) -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", HELLO * 2, 2)
    log.append_frames(1, "server", "sent", encode(2, b"a", length=500), 1, "refused: cut")
    log.append_frames(1, "server", "sent", HELLO, 1)
    log.append_frames(1, "server", "received", MASKED_HELLO, 1)
    log.save(tmp_path / "false.pcapng")
    hello = (1, True, False, 5, b"Hello".hex())
    masked = (1, True, True, 5, b"Hello".hex())
    assert read_by_tshark(tmp_path / "false.pcapng") == [hello, hello, masked]
    assert list(FrameLog.open(tmp_path / "false.pcapng")) == list(log)


def test_tshark_reads_the_log_of_notebook_8(tmp_path: Path) -> None:
    """Broken frames too; after a false length it waits, and reads no more of that end."""
    notebook = json.loads((REPOSITORY / "notebooks/08-breaking-the-rules.ipynb").read_text())
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and source != "server.panel()":
            exec(source, names)
    log = names["server"].log
    log.save(tmp_path / "notebook.pcapng")
    assert list(FrameLog.open(tmp_path / "notebook.pcapng")) == list(log)
    read = {}
    for comment, opcode, fin, mask, short, long, longer in rows(
        tmp_path / "notebook.pcapng", "frame.comment", *HEAD
    ):
        number = json.loads(comment.removeprefix("astra_nb "))["number"]
        read[number] = (int(opcode), fin == "1", mask == "1", int(longer or long or short))
    waits: set[tuple[int, str]] = set()
    compared = 0
    for record, ours in zip(only_frames(log), read_by_us(log), strict=True):
        end = record.connection, record.direction
        if not record.frame.complete:
            waits.add(end)
        if end not in waits:
            assert read[record.number] == ours[:4]
            compared += 1
    assert len(waits) == 3
    assert compared > 100


def test_what_notebook_15_says_of_tshark_is_what_it_says() -> None:
    captures = REPOSITORY / "notebooks" / "captures"
    command = [program("tshark"), "-r", str(captures / "between-strangers.pcap")]
    command += ["-d", "tcp.port==18765,http", "-Y", "websocket", "-T", "fields"]
    command += ["-e", "frame.number", "-e", "tcp.srcport", "-e", "_ws.col.Info"]
    done = subprocess.run(command, capture_output=True, check=True)
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    stored = (captures / "tshark.txt").read_text(encoding="utf-8")
    # Versions of tshark differ in blanks.
    assert lines == [line.split() for line in stored.splitlines()]
    notebook = (REPOSITORY / "notebooks" / "15-between-two-strangers.ipynb").read_text("utf-8")
    assert " ".join(command[3:]) in notebook
