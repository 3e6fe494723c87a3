"""The command: `python -m tests.fuzz --what images --seconds 60 --seed 1`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz.kind import Kind
from tests.fuzz.kinds import KINDS, kind_at
from tests.fuzz.running import Failure, run
from tests.fuzz.worker import input_of


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--what", choices=[*KINDS, "all"], default="all")
    parser.add_argument("--seconds", type=float, default=60, help="for each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one input, to try it again")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that failed")
    options = parser.parse_args()
    failed = False
    for name in KINDS if options.what == "all" else [options.what]:
        kind = kind_at(KINDS[name])
        most, first = (None, 0) if options.only is None else (1, options.only)
        outcome = run(KINDS[name], seed=options.seed, seconds=options.seconds, first=first, most_inputs=most)
        _say(f"{kind.name}: {outcome.tried} inputs, {len(outcome.failures)} failures")
        for failure in outcome.failures:
            _say(f"--- {kind.name}, --seed {options.seed} --only {failure.number}\n{failure.what}")
            if options.keep is not None:
                _keep(kind, failure, options.keep, seed=options.seed)
        failed = failed or bool(outcome.failures)
    return 1 if failed else 0


def _keep(kind: Kind, failure: Failure, folder: Path, *, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = input_of(kind, list(kind.seeds()), seed=seed, number=failure.number)
    (folder / f"{kind.name}-{seed}-{failure.number}").write_bytes(data)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  a command


if __name__ == "__main__":
    sys.exit(main())
