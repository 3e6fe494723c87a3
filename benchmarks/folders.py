"""How long a folder of large photographs takes beside its networks, and how much memory beside a single one.

    python benchmarks/folders.py pdfnet isnet dis-lite --images 4

A process of its own cuts out the photographs one after the other, and adds up the time within its networks: the
model's, its depth model's, tiles and all. Another one is `dis-core cutout` of the folder, from the first look of a
network to the end; a third one is the same with one photograph. The models but the embedded one get random weights, as
in `models.py`. Their mattes are noise, which has more edges to follow than any photograph.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, cast

import torch
from models import PHOTO, environment, give_weights, peak_bytes
from PIL import Image

from dis_core.cli.main import run

RATIO_BAR, PEAK_BAR = 1.15, 1.3


class NetworkClock:
    """Seconds within the outermost modules of PyTorch that a thread calls, and when the first of them was called."""

    def __init__(self) -> None:
        self.seconds, self.first = 0.0, 0.0
        self._depth = threading.local()
        torch.nn.modules.module.register_module_forward_pre_hook(self._enter)
        torch.nn.modules.module.register_module_forward_hook(self._leave, always_call=True)

    def _enter(self, *_: object) -> None:
        depth = getattr(self._depth, "value", 0)
        if depth == 0:
            self._depth.started = time.perf_counter()
            self.first = self.first or self._depth.started
        self._depth.value = depth + 1

    def _leave(self, *_: object) -> None:
        self._depth.value -= 1
        if self._depth.value == 0:
            self.seconds += time.perf_counter() - self._depth.started


def measure(model: str, folder: Path, *, one_by_one: bool) -> dict[str, float]:
    """Cut out what is in a folder."""
    clock = NetworkClock()
    options = ["--model", model, "--device", "cpu", "--overwrite", "--progress", "none"]
    results = folder.with_name("results")
    if one_by_one:
        results.mkdir()
        for photo in sorted(folder.iterdir()):
            call("cutout", str(photo), "-o", str(results / f"{photo.stem}.png"), *options)
    else:
        call("cutout", str(folder), "-o", str(results), *options)
    return {
        "networks": clock.seconds,
        "all": time.perf_counter() - clock.first,
        "peak": peak_bytes() / 1e9,
    }


def call(*arguments: str) -> None:
    if status := run(list(arguments)):
        raise SystemExit(status)


def write_photos(folder: Path, images: int, megapixels: float) -> None:
    """The same photograph at another size each time, so that no two are alike."""
    with Image.open(PHOTO) as photo:
        scale = (megapixels * 1e6 / (photo.width * photo.height)) ** 0.5
        for number in range(images):
            size = (round(photo.width * scale) + number, round(photo.height * scale))
            photo.resize(size).save(folder / f"{number}.jpg", quality=92)


def in_own_process(model: str, folder: Path, home: Path, threads: int, *, one_by_one: bool) -> dict[str, float]:
    """`measure` by a child of this process."""
    command = [sys.executable, __file__, model, "--task", "one by one" if one_by_one else "folder", "--in", str(folder)]
    more = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    known = {name: value for name, value in environment(home).items() if name != "OMP_NUM_THREADS"}
    shown = subprocess.run(command, env={**known, **more}, check=True, stdout=subprocess.PIPE, text=True)
    return cast("dict[str, float]", json.loads(shown.stdout.splitlines()[-1]))


def compare(model: str, given: argparse.Namespace) -> dict[str, Any]:
    """A model's numbers, and how they stand beside the bars."""
    with tempfile.TemporaryDirectory() as place:
        home, many, single = (Path(place) / name for name in ("home", "many", "single"))
        for folder in (home, many, single):
            folder.mkdir()
        give_weights(model, home)
        write_photos(many, given.images, given.megapixels)
        write_photos(single, 1, given.megapixels)
        alone = in_own_process(model, many, home, given.threads, one_by_one=True)
        one = in_own_process(model, single, home, given.threads, one_by_one=False)
        all_of_them = in_own_process(model, many, home, given.threads, one_by_one=False)
    return {
        "networks_s": round(alone["networks"] / given.images, 2),
        "folder_s": round(all_of_them["all"] / given.images, 2),
        "ratio": round(all_of_them["all"] / alone["networks"], 3),
        "peak_gb": round(all_of_them["peak"], 2),
        "peak_ratio": round(all_of_them["peak"] / one["peak"], 3),
    }


def main() -> None:
    """Print a line for each model."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", maxsplit=1)[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--threads", type=int, default=0, help="of the networks; as many as usual, if not given")
    parser.add_argument("--task", choices=["one by one", "folder"], help=argparse.SUPPRESS)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        print(json.dumps(measure(given.models[0], given.folder, one_by_one=given.task == "one by one")))
        return
    for model in given.models:
        print(model, json.dumps(compare(model, given)), f"bars: {RATIO_BAR} and {PEAK_BAR}", flush=True)


if __name__ == "__main__":
    main()
