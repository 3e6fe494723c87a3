"""What a command costs that finds the daemon warm, beyond the work itself.

    python benchmarks/warm.py --megapixels 1 24 --rounds 9 --json warm.json

Both ways make the same mask of the same image with the same loaded model, in turns: one in this process on a warm
`JobRunner` (the work itself), the other as a command `dis-core mask --warm`, from its start to its end. The overhead is
the difference within a pair, so that what else the machine does at the time falls on both. The seconds are told, and
the largest stable unit is the median. `start` is how long a daemon takes from nothing to its first answer.

The subject is an ellipse, because a photo would be refined longer without telling more. A runtime folder of its own
keeps the daemon of whoever runs this out of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dis_core.daemon import client, endpoint
from dis_core.jobs.job import Job, JobFailure, MaskStyle
from dis_core.jobs.runner import JobRunner
from dis_core.progress import ignore
from dis_core.prompts import SegmentOptions

MODEL = "dis-lite"
LIMIT_S = {1: 0.15, 24: 0.3}


@dataclass(frozen=True)
class Row:
    """Medians over the rounds, in seconds; `ratio` is that of the two ways, `limit_s` what is promised, if anything."""

    megapixels: int
    refine: str
    rounds: int
    in_process_s: float
    warm_command_s: float
    overhead_s: float
    ratio: float
    limit_s: float | None


@dataclass(frozen=True)
class Start:
    """From nothing to the first answer of a new daemon, in seconds: the median and the least."""

    rounds: int
    median_s: float
    least_s: float


def write_image(path: Path, megapixels: int) -> None:
    """An ellipse of noise before a gray ramp, 3 : 2, as a JPEG of a photo's size in bytes."""
    width = round((megapixels * 1_000_000 * 1.5) ** 0.5)
    height = round(width / 1.5)
    y, x = np.ogrid[:height, :width]
    inside = ((x - width / 2) / (width / 4)) ** 2 + ((y - height / 2) / (height / 3)) ** 2 < 1
    noise = np.random.default_rng(0).integers(150, 230, (height, width, 3), np.uint8)
    ramp = np.broadcast_to((x * 100 // width).astype(np.uint8)[..., np.newaxis], (height, width, 3))
    Image.fromarray(np.where(inside[..., np.newaxis], noise, ramp)).save(path, quality=85)


def in_process(runner: JobRunner, job: Job) -> float:
    started = time.perf_counter()
    came_of_it = runner.run(job, ignore)
    if isinstance(came_of_it, JobFailure):
        raise came_of_it.error
    return time.perf_counter() - started


def warm_command(job: Job, refine: str, folder: Path) -> float:
    """A whole command, in a process of its own."""
    command = [sys.executable, "-m", "dis_core", "mask", str(job.source), "-o", str(folder / "warm.png")]
    command += ["--model", MODEL, "--device", "cpu", "--refine", refine, "--overwrite", "--warm", "--progress", "none"]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def measure(megapixels: int, refine: str, rounds: int, folder: Path) -> Row:
    source = folder / f"{megapixels}.jpg"
    write_image(source, megapixels)
    wanted = SegmentOptions(model=MODEL, device="cpu", refine=refine)
    job = Job(source, folder / "here.png", "png", MaskStyle(), wanted, overwrite=True)
    runner = JobRunner()
    in_process(runner, job)
    warm_command(job, refine, folder)
    pairs = []
    for number in range(rounds):
        # Each is first half of the time: the one that comes second finds files in the system's cache.
        if number % 2:
            here = in_process(runner, job)
            pairs.append((here, warm_command(job, refine, folder)))
        else:
            there = warm_command(job, refine, folder)
            pairs.append((in_process(runner, job), there))
    if (folder / "here.png").read_bytes() != (folder / "warm.png").read_bytes():
        raise SystemExit("the two ways differ in their results; that makes no fair comparison")
    here, there = (statistics.median(times) for times in zip(*pairs, strict=True))
    overhead = statistics.median(there - here for here, there in pairs)
    return Row(megapixels, refine, rounds, here, there, overhead, there / here, LIMIT_S.get(megapixels))


def measure_start(rounds: int) -> Start:
    took_s = []
    for _ in range(rounds):
        started = time.perf_counter()
        connection = client.reach_daemon(endpoint.runtime_folder())
        next(connection.ask("status"))
        took_s.append(time.perf_counter() - started)
        stop(connection)
    return Start(rounds, statistics.median(took_s), min(took_s))


def stop(connection: client.DaemonConnection) -> None:
    """Send a daemon away and wait until it has gone."""
    with contextlib.suppress(client.ConnectionLost):
        list(connection.ask("stop", when="now"))
    connection.close()
    with endpoint.locked(endpoint.runtime_folder(), timeout_s=30):
        pass


@contextlib.contextmanager
def own_daemon() -> Iterator[Path]:
    """A folder for everything; what daemon there is at the end is sent away."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = os.environ["LOCALAPPDATA"] = folder
        os.environ["HF_HUB_OFFLINE"] = "1"
        try:
            yield Path(folder)
        finally:
            connection = client.find_daemon(endpoint.runtime_folder())
            if connection is not None:
                stop(connection)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=int, nargs="+", default=[1, 24])
    parser.add_argument("--refine", default="none", help="none (the least that the work can take), fast, tiles")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with own_daemon() as folder:
        start = measure_start(arguments.rounds)
        print(f"start: {start.median_s:.2f} s to the first answer (least {start.least_s:.2f} s)", flush=True)
        rows = []
        for megapixels in arguments.megapixels:
            row = measure(megapixels, arguments.refine, arguments.rounds, folder)
            rows.append(row)
            promise = "" if row.limit_s is None else f", promised {row.limit_s} s"
            print(
                f"{megapixels:3d} megapixels: in this process {row.in_process_s:.2f} s, warm command "
                f"{row.warm_command_s:.2f} s ({row.ratio:.2f} x), overhead {row.overhead_s:+.3f} s{promise}",
                flush=True,
            )
    if arguments.json is not None:
        found = {"start": asdict(start), "rows": [asdict(row) for row in rows]}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
