"""How many images a server cuts out in a second, for 1, 4 and 16 clients, beside a command that is given all of them.

    python benchmarks/serve.py --megapixels 1 --images 16 --rounds 3 --json serve.json

Both cut out the same images with the same model on the CPU, in turns: `dis-core cutout` gets all of them in one run,
and the server, which is warm, gets them from so many clients at a time. The command's time for one image is the time of
its run beyond that of a run with a single image, so that loading torch and the model falls on nobody. `ratio` is the
median over the rounds of the server's images per second by the command's. `cpu_s` is what the processes of the server
use for one image, all together: unlike seconds, it says something on a machine that has other work.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from PIL import Image

CLIENTS = (1, 4, 16)
PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"


@dataclass(frozen=True)
class Row:
    """Medians over the rounds; `waited_s` is how long a client waited for an image."""

    clients: int
    megapixels: float
    images_per_s: float
    command_images_per_s: float
    ratio: float
    waited_s: float
    cpu_s: float


@dataclass(frozen=True)
class Turn:
    """One round with so many clients."""

    per_image_s: float
    waited_s: float
    cpu_s: float


def write_photos(folder: Path, *, megapixels: float, count: int) -> list[Path]:
    """The same photo under several names: the command would skip what it has done."""
    side = round((megapixels * 1e6) ** 0.5)
    with Image.open(PHOTO) as photo:
        large = photo.resize((side, side), Image.Resampling.LANCZOS)
    paths = [folder / f"{number}.jpg" for number in range(count)]
    for path in paths:
        large.save(path, quality=90)
    return paths


def command_s(paths: list[Path], model: str) -> float:
    """The seconds of one run of the command."""
    command = [sys.executable, "-m", "dis_core", "cutout", *map(str, paths), "--model", model, "--device", "cpu"]
    started = time.perf_counter()
    subprocess.run([*command, "--overwrite", "--progress", "none"], check=True, capture_output=True)
    return time.perf_counter() - started


def ask(url: str, path: Path) -> float:
    """Cut out an image; how long that took."""
    started = time.perf_counter()
    answer = requests.post(f"{url}v1/segment", files={"image": path.read_bytes()}, timeout=600)
    answer.raise_for_status()
    return time.perf_counter() - started


def served(url: str, pid: int, paths: list[Path], clients: int) -> Turn:
    """Cut out all the images with so many clients at a time."""
    before, started = cpu_of_tree(pid), time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        waited = list(pool.map(lambda path: ask(url, path), paths))
    took = time.perf_counter() - started
    return Turn(took / len(paths), statistics.median(waited), (cpu_of_tree(pid) - before) / len(paths))


def cpu_of_tree(pid: int) -> float:
    """The seconds of CPU that a process and those that it started have used so far; Linux only."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    ticks = 0
    for number in (pid, *map(int, children)):
        after_name = Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, *, megapixels: float, images: int, rounds: int, model: str) -> list[Row]:
    """All the rows."""
    paths = write_photos(folder, megapixels=megapixels, count=images)
    command = [sys.executable, "-m", "dis_core", "serve", "--port", "0", "--model", model, "--device", "cpu"]
    server = subprocess.Popen([*command, "--queue", "32"], text=True, stderr=subprocess.PIPE)
    assert server.stderr is not None  # noqa: S101  for the types
    try:
        found = re.search(r"http://\S+", server.stderr.readline())
        if found is None:
            raise SystemExit("the server did not start")
        served(found[0], server.pid, paths[:4], 4)  # until all its processes are warm
        turns: dict[int, list[Turn]] = {clients: [] for clients in CLIENTS}
        by_command = []
        for _ in range(rounds):
            by_command.append((command_s(paths, model) - command_s(paths[:1], model)) / (images - 1))
            for clients in CLIENTS:
                turns[clients].append(served(found[0], server.pid, paths, clients))
    finally:
        server.terminate()
        server.communicate()
    return [row_of(clients, megapixels, of_clients, by_command) for clients, of_clients in turns.items()]


def row_of(clients: int, megapixels: float, turns: list[Turn], by_command: list[float]) -> Row:
    ratio = statistics.median(alone / turn.per_image_s for alone, turn in zip(by_command, turns, strict=True))
    return Row(
        clients,
        megapixels,
        1 / statistics.median(turn.per_image_s for turn in turns),
        1 / statistics.median(by_command),
        ratio,
        statistics.median(turn.waited_s for turn in turns),
        statistics.median(turn.cpu_s for turn in turns),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="dis-lite")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(
            Path(folder),
            megapixels=options.megapixels,
            images=options.images,
            rounds=options.rounds,
            model=options.model,
        )
    for row in rows:
        print(
            f"{row.clients:3} clients: {row.images_per_s:.2f} images/s, {row.ratio:.2f} of the command's "
            f"{row.command_images_per_s:.2f}; waited {row.waited_s:.2f} s, {row.cpu_s:.2f} s of CPU for each"
        )
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
