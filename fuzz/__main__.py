"""`python -m fuzz --seconds N`: streams until the time is over; exit status 1 if one went wrong."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
import traceback

from .checks import check
from .crashers import save
from .streams import Stream, make_stream

__all__ = ["main", "smaller"]

BATCH = 200
MOST_PROBLEMS = 10
MOST_TRIES = 300  # to make a stream smaller


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for how long; default 60")
    parser.add_argument("--streams", type=int, help="at most so many streams")
    parser.add_argument("--seed", type=int, help="the first stream's; default: by the clock")
    return parser.parse_args()


async def problem_of(stream: Stream, seed: int) -> str:
    """Return what goes wrong with a stream, or ""."""
    try:
        await check(stream, random.Random(seed))
    except Exception:  # noqa: BLE001  (anything that comes out is what is looked for)
        return traceback.format_exc()
    return ""


async def smaller(stream: Stream, seed: int) -> Stream:
    """Leave out chunks and bytes as long as the stream still goes wrong, for a bounded time."""
    tries = MOST_TRIES
    improved = True
    while improved:
        improved = False
        for candidate in shorter(stream):
            tries -= 1
            if tries < 0:
                return stream
            if await problem_of(candidate, seed):
                stream, improved = candidate, True
                break
    return stream


def shorter(stream: Stream) -> list[Stream]:
    """List streams with a part of the last bytes, or with one chunk less."""

    def with_chunks(chunks: tuple[bytes, ...]) -> Stream:
        return Stream(stream.side, stream.compressed, stream.head, chunks)

    chunks = stream.chunks
    found = [with_chunks(chunks[:index] + chunks[index + 1 :]) for index in range(len(chunks))]
    found += [
        with_chunks((*chunks[:index], chunks[index] + chunks[index + 1], *chunks[index + 2 :]))
        for index in range(len(chunks) - 1)
    ]
    if chunks and len(chunks[-1]) > 1:
        found.append(with_chunks((*chunks[:-1], chunks[-1][: len(chunks[-1]) // 2])))
        found.append(with_chunks((*chunks[:-1], chunks[-1][:-1])))
    return found


async def run(seconds: float, most: int | None, first_seed: int) -> int:
    """Run streams; return the number of those that went wrong."""
    started = time.monotonic()
    seed, problems, told = first_seed, 0, started
    while time.monotonic() - started < seconds and (most is None or seed - first_seed < most):
        for _ in range(BATCH):
            rng = random.Random(seed)
            stream = make_stream(rng)
            if await problem_of(stream, seed):
                problems += 1
                stream = await smaller(stream, seed)
                problem = await problem_of(stream, seed)
                path = save(stream, problem)
                print(f"seed {seed} went wrong; kept as {path}\n{problem}", flush=True)
                if problems >= MOST_PROBLEMS:
                    print(f"{problems} streams went wrong; that is enough")
                    return problems
            seed += 1
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"{seed - first_seed:,} streams, {problems} went wrong", flush=True)
    took = time.monotonic() - started
    count = seed - first_seed
    print(f"{count:,} streams in {took:.0f} s ({count / took:,.0f}/s), {problems} went wrong")
    return problems


def main() -> None:
    options = parse()
    seed = options.seed if options.seed is not None else int(time.time()) * 1000
    print(f"seed {seed}")
    sys.exit(1 if asyncio.run(run(options.seconds, options.streams, seed)) else 0)


if __name__ == "__main__":
    main()
