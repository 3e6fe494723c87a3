"""The process that is given the inputs. It says the number of each before, so that one knows which one ended it."""

from __future__ import annotations

import argparse
import random
import warnings

from dis_core.errors import DisError
from tests.fuzz.damage import damaged
from tests.fuzz.kind import Kind
from tests.fuzz.kinds import kind_at


def input_of(kind: Kind, seeds: list[bytes], *, seed: int, number: int) -> bytes:
    """The input with this number; the same for the same seed."""
    chance = random.Random(f"{kind.name}/{seed}/{number}")  # noqa: S311  no secret
    data = damaged(chance, seeds)
    return kind.repair(data) if chance.random() < 0.5 else data


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", required=True, help="module:name")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    kind = kind_at(options.kind)
    seeds = list(kind.seeds())
    _limit_memory(kind.most_memory_mb)
    warnings.simplefilter("error")
    for number in range(options.first, options.first + options.count):
        print(number, flush=True)  # noqa: T201  this is how it reports
        try:
            kind.feed(input_of(kind, seeds, seed=options.seed, number=number))
        except DisError:
            continue  # any other exception ends the process, and shows where it came from


def _limit_memory(most_mb: int) -> None:
    """Beyond it allocations fail, and the machine is not harmed. Not every system has such limits."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (most_mb * 1_000_000, most_mb * 1_000_000))


if __name__ == "__main__":
    main()
