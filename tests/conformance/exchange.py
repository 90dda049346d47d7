"""One exchange of a case, and everything that must be true of it, on the wire and in the log."""

from __future__ import annotations

import socket

from astra_nb.wire.frames import Frame
from astra_nb.wire.messages import Side, other_end

from .cases import Case
from .ends import Peer
from .octets import WireFrame, chop, read_frames

__all__ = ["check_log", "finish", "run"]

CLOSE = 8
NORMAL_CLOSE = b"\x88\x02\x03\xe8"


def run(peer: Peer, case: Case, piece: int = 0) -> None:
    """Send what the case says, in pieces of `piece` bytes (0: at once), and check the answer."""
    stays_open = case.answers is None and case.fails is None
    try:
        for data in chop(peer.wire(case.sends), piece):
            peer.send(data)
        if stays_open:
            expected = len(case.data) + len(case.pongs) + masks(peer, case.data + case.pongs)
            peer.read_until(lambda received: len(received) >= expected)
            peer.send(peer.wire(NORMAL_CLOSE))
    except (BrokenPipeError, ConnectionResetError):
        # The end under test has failed the connection while this side was still sending.
        assert not stays_open
    finish(peer)
    check_wire(peer, case)
    check_log(peer, case)


def finish(peer: Peer) -> None:
    """Read on to the end of TCP, which the server closes first (RFC 6455, section 7.1.1)."""
    if peer.side == "client":
        peer.read_until(lambda received: has_close(bytes(received)))
        peer.sock.shutdown(socket.SHUT_WR)
    peer.read_to_end()
    peer.sock.close()


def masks(peer: Peer, data: bytes) -> int:
    """Count the bytes that masking keys add to frames from the end under test."""
    return 0 if peer.side == "server" else 4 * sum(1 for _ in read_frames(data))


def has_close(data: bytes) -> bool:
    """Return whether a whole CLOSE frame has come."""
    try:
        return any(frame.opcode == CLOSE for frame in read_frames(data))
    except ValueError:
        return False


def check_wire(peer: Peer, case: Case) -> None:
    """Compare each byte that came with what the case expects."""
    frames = peer.frames()
    for frame in frames:
        assert frame.masked == (peer.side == "client"), "only a client masks"
    closes = [frame for frame in frames if frame.opcode == CLOSE]
    data = [frame for frame in frames if frame.opcode < CLOSE]
    pongs = [frame for frame in frames if frame.opcode > CLOSE]
    assert b"".join(frame.unmasked for frame in data) == case.data
    assert b"".join(frame.unmasked for frame in pongs) == case.pongs
    assert len(closes) == 1, f"one CLOSE frame and no more: {closes}"
    assert frames[-1] is closes[0], "nothing follows a CLOSE frame"
    assert code_of(closes[0]) == (case.fails or case.answers or 1000)


def code_of(frame: WireFrame) -> int:
    """Read the close code; 1005 for an empty frame."""
    if not frame.payload:
        return 1005
    frame.payload[2:].decode()
    return int.from_bytes(frame.payload[:2], "big")


def is_well_formed(frame: Frame, sender: Side) -> bool:
    """Return whether the header of a control frame breaks no rule."""
    length = frame.raw[1] & 0x7F
    masked = frame.masking_key is not None
    return frame.raw[0] & 0xF0 == 0x80 and length <= 125 and masked == (sender == "client")


def check_log(peer: Peer, case: Case) -> None:
    """Check that the log holds the bytes of the wire, frame by frame, and how it ended."""
    sent = peer.frame_records("sent")
    assert [record.frame.raw for record in sent] == [frame.raw for frame in peer.frames()]
    assert not [record for record in sent if record.verdict]

    received = peer.frame_records("received")
    logged = b"".join(record.frame.raw for record in received)
    good = [record for record in received if not record.verdict]
    bad = [record for record in received if record.verdict]
    assert received == good + bad, "nothing is accepted after the first frame that was not"
    assert all(record.frame.complete for record in good)
    closed = peer.closed_record()
    if case.fails is None:
        assert bytes(peer.sent).startswith(logged)
        assert [record.type for record in good[-1:]] == ["close"]
        assert closed.received is not None
        assert closed.received.code == (case.answers or 1000)
        assert closed.first == ("client" if peer.side == "server" else "server")
    else:
        # What comes of the refused frame when nobody reads any more is counted, not recorded.
        read = b"".join(record.frame.raw for record in [*good, bad[0]])
        assert bytes(peer.sent).startswith(read)
        assert logged[len(read) :] in bytes(peer.sent[len(read) :])
        assert bad[0].verdict.startswith("refused"), bad[0].verdict
        assert not any(record.verdict.startswith("refused") for record in bad[1:])
        # A CLOSE frame that is refused for its payload alone came first all the same.
        other = other_end(peer.side)
        came_first = bool(closed.received_fault)
        assert came_first == (bad[0].type == "close" and is_well_formed(bad[0].frame, other))
        assert closed.first == (other if came_first else peer.side)
        assert closed.detail
        assert closed.received is None
    assert closed.sent is not None
    assert closed.sent.code == (case.fails or case.answers or 1000)
    assert closed.tcp == "closed"
