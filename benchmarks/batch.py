"""Images per second of a batch: the command, and Ray with 1, 2 and 4 actors beside it, in one run.

    python benchmarks/batch.py --images 40 --actors 1 2 4

All work on the same photos with the embedded model, one thread for each process. The rates are those that each run says
itself: they leave out loading Python, and with Ray they include starting it, so take many images. The last column is
the whole. Actors need a core each: compare on a machine that has as many, and nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[1]
FLOWER = ROOT / "examples" / "flower.jpg"


def write_photos(folder: Path, count: int, width: int) -> None:
    """Photos that differ a little, so that no result is like another."""
    folder.mkdir()
    with Image.open(FLOWER) as flower:
        photo = flower.convert("RGB").resize((width, width * flower.height // flower.width))
        for number in range(count):
            photo.rotate(number / 10).save(folder / f"{number:05d}.jpg", quality=90)


def run(arguments: list[str], folder: Path) -> tuple[dict[str, Any], float]:  # of JSON
    """What a run says of itself at its end, and how many seconds it took with starting."""
    command = [sys.executable, "-m", "dis_core", *arguments, "--progress", "json"]
    # Ray makes its workers nice, and then they wait for all else on a busy machine.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0", "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    ended = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    return next(event for event in events if event["event"] == "summary"), time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--width", type=int, default=640, help="pixels")
    parser.add_argument("--actors", type=int, nargs="*", default=[1, 2, 4])
    given = parser.parse_args()
    model = ["--model", "dis-lite", "--device", "cpu", "--refine", "none"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photos(folder / "photos", given.images, given.width)
        ways = {"command": ["batch", "photos", "command", *model]}
        for actors in given.actors:
            ray = ["--actors", str(actors), "--ray"]
            ways[f"Ray, {actors} actors"] = ["batch", "photos", f"ray-{actors}", *model, *ray]
        print("| way | images per second | megapixels per second | seconds with starting |")
        print("|---|---|---|---|")
        for title, arguments in ways.items():
            said, whole_s = run(arguments, folder)
            rates = f"{said['images_per_second']:.2f} | {said['megapixels_per_second']:.2f}"
            print(f"| {title} | {rates} | {whole_s:.0f} |", flush=True)


if __name__ == "__main__":
    main()
