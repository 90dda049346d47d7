"""Keys, ports and times from a seed, for lessons and tests: `astra_nb.testing.deterministic()`.

`current` is None, and all of them come from the system, unless someone asked for a seed. What a
seed gives can be predicted by anyone, which RFC 6455 forbids (sections 4.1 and 5.3).
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from random import Random

__all__ = ["DATE", "Seeded", "current"]

DATE = "Sat, 01 Jan 2000 00:00:00 GMT"
START = 946_684_800.0  # that date, in seconds since the epoch
PORTS = range(20_000, 30_000)  # below those that systems give to clients
# Seconds: where a record stands within the second of its connection, whatever the threads do.
STAGES = {"handshake": 0.0, "opened": 0.001, "closed": 0.003}
OTHERS = 0.002


class Seeded:
    """What a seed gives; the same calls give the same values, in any process."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.connections = itertools.count(1)  # numbers of the clients' connections
        self._ports = self._source("ports")

    @property
    def warning(self) -> str:
        """What is said wherever it is in use."""
        return (
            f"Keys, ports and times come from the seed {self.seed}, so anyone can predict them: "
            f"for lessons and tests only."
        )

    def _source(self, what: str) -> Random:
        return Random(f"astra_nb {self.seed} {what}")

    def port(self) -> int:
        """Return the port of the next server."""
        return PORTS[int.from_bytes(self._ports.randbytes(8), "big") % len(PORTS)]

    def handshake_key(self, connection: int) -> str:
        """Return the `Sec-WebSocket-Key` of a client's connection."""
        return base64.b64encode(self._source(f"key {connection}").randbytes(16)).decode()

    def masking_keys(self, connection: int) -> Iterator[bytes]:
        """Yield the masking keys of a client's connection, one for each frame."""
        source = self._source(f"masking {connection}")
        while True:
            yield source.randbytes(4)

    def time(self, connection: int, kind: str) -> float:
        """Return the time of a record: a second for each connection, a stage for each kind."""
        return START + connection + (STAGES.get(kind, OTHERS) if connection else 0.0)


current: Seeded | None = None
