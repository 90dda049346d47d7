"""Streams that once went wrong, kept as files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .streams import Stream

__all__ = ["FOLDER", "load", "save"]

FOLDER = Path(__file__).parent / "crashers"
REPOSITORY = FOLDER.parent.parent


def save(stream: Stream, problem: str, folder: Path = FOLDER) -> Path:
    """Write a stream down; its name comes from its bytes."""
    content = {
        "side": stream.side,
        "compressed": stream.compressed,
        "head": stream.head.hex(),
        "chunks": [chunk.hex() for chunk in stream.chunks],
        # A traceback names the folder of the machine that it happened on.
        "problem": problem.replace(f"{REPOSITORY}/", ""),
    }
    name = hashlib.sha256(repr(stream).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def load(path: Path) -> Stream:
    """Read a stream back."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return Stream(
        content["side"],
        content["compressed"],
        bytes.fromhex(content["head"]),
        tuple(bytes.fromhex(chunk) for chunk in content["chunks"]),
    )
