"""Keys, ports, numbers and times from a seed, so that outputs can be compared as they are."""

from __future__ import annotations

from typing import Self

from astra_nb import seeded
from astra_nb.errors import LocalError
from astra_nb.net.policy import Policy, check_seeded
from astra_nb.quantities import as_integer
from astra_nb.running import registry
from astra_nb.running.runner import Runner
from astra_nb.seeded import Seeded

__all__ = ["deterministic"]


class deterministic:  # noqa: N801  (reads as a function, like `connect`)
    """Take keys, ports, numbers and times from a seed, for lessons and tests only.

    From this call on, masking keys, handshake keys, the ports of `port=0`, the numbers of clients'
    connections, dates in answers and the times on new logs come from the seed; a table of a log
    leaves the records' numbers out, which depend on threads. So a notebook's outputs are the same
    each time. Call it in the first cell, before a server is made; or write
    `with deterministic(7):`, which ends it.

    Anyone can predict such keys, which RFC 6455 forbids (sections 4.1 and 5.3). So it refuses to
    work beside a server that others can reach, and while it lasts no page of another origin is let
    in, and `connect()` goes to this machine only. What is measured, such as a round-trip time, is
    still measured.

    Args:
        seed: Any whole number; each notebook should have its own, and so its own ports.

    Raises:
        LocalError: The seed is not a whole number; or a server that runs listens on an address
            other than loopback, or lets pages or hosts of others in.
    """

    def __init__(self, seed: int) -> None:
        number = as_integer(seed)
        if number is None:
            raise LocalError(f"a seed is a whole number, such as 7, not {seed!r:.60}")
        for runner in registry.running():
            check_seeded(runner.policy if isinstance(runner, Runner) else Policy(runner.hostname))
        self._before = seeded.current
        self._own = seeded.current = Seeded(number)

    def end(self) -> None:
        """Take keys, ports and times from the system again."""
        if seeded.current is self._own:
            seeded.current = self._before

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def __repr__(self) -> str:
        return self._own.warning
