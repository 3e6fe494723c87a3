"""Where a cold start goes: from a command to the mask of a small photo, beside Python that only imports torch.

    python benchmarks/start.py --rounds 9 --json start.json

Commands of the same round follow each other, so that other work on the machine slows all of them alike; CPU seconds
feel it least. Then the steps of one start, in CPU seconds, and the packages whose modules take longest to import. The
modules are compiled before the first round, as pip does it, and networks are kept to one thread. What a daemon works is
in the seconds, not in the CPU seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from PIL import Image

ROOT: Final = Path(__file__).parents[1]
PHOTO: Final = ROOT / "examples" / "flower.jpg"
WIDTH_PX: Final = 360
"""Of a small photo: less than what the embedded model sees, so that nothing is refined."""

MODEL: Final = "dis-lite"
SECONDS_OF_LIMIT: Final = 0.9
TIMES_OF_LIMIT: Final = 1.6
"""What is promised of a cold mask: CPU seconds beyond importing torch, and the ratio of the times."""

STEPS: Final = """
import json, sys, time
steps = {}
def step(name, since=[0.0]):
    now = time.process_time()
    steps[name] = now - since[0]
    since[0] = now
step("Python")
from dis_core.cli.main import run
step("the command line")
import torch
step("torch")
import dis_core.pipeline
step("the library")
from dis_core.models.dis_lite import segmenter
from dis_core.protocols import Placement
from dis_core.weights.bundled import embedded_path
from dis_core.models.dis_lite.spec import DIS_LITE
look = segmenter.load(embedded_path(DIS_LITE), placement=Placement("cpu"), estimate_depth=None)
step("the model")
from dis_core.images.reading import read_picture
from dis_core.images.picture import write_picture
from dis_core.images.exposure import shown_to_model
from dis_core.jobs.job import MaskStyle
from dis_core.jobs.outputs import make_mask
from dis_core.matte.matte import Matte
from pathlib import Path
picture = read_picture(Path(sys.argv[1]))
seen, picture = shown_to_model(picture, "auto")
step("reading the image")
found = look(seen)
step("the network")
result = make_mask(MaskStyle(), Matte(found.alpha, model="", picture=picture))
write_picture(result, Path(sys.argv[2]), format="png", overwrite=True)
step("writing the mask")
print(json.dumps(steps))
"""


@dataclass(frozen=True)
class Cost:
    """Of a process and its children: seconds until it ended, and CPU seconds."""

    seconds: float
    cpu_seconds: float


def environment(folder: Path, **more: str) -> dict[str, str]:
    """One in which nothing is downloaded, and no daemon but our own is found."""
    own = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder / "compiled"), "HF_HUB_OFFLINE": "1"}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **own, "XDG_RUNTIME_DIR": str(folder), "LOCALAPPDATA": str(folder), "OMP_NUM_THREADS": "1", **more}


def cost_of(arguments: list[str], given: Mapping[str, str]) -> Cost:
    """Run Python to its end. Raises CalledProcessError."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=given, check=True, capture_output=True)
    seconds, after = time.perf_counter() - began, os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(seconds, worked)


def small_photo(folder: Path) -> Path:
    """A photo that is quickly looked at."""
    path = folder / "small.jpg"
    with Image.open(PHOTO) as photo:
        photo.resize((WIDTH_PX, round(WIDTH_PX * photo.height / photo.width))).save(path, quality=90)
    return path


def commands(folder: Path) -> dict[str, list[str]]:
    """What is measured, by name; the first one is the yardstick."""
    mask = ["-m", "dis_core", "mask", str(small_photo(folder)), "--model", MODEL, "-o", str(folder / "mask.png")]
    mask += ["--device", "cpu", "--overwrite", "--progress", "none"]
    return {
        "import torch": ["-c", "import torch"],
        "mask, cold": mask,
        "mask --warm, no daemon yet": [*mask, "--warm", "--keep-alive", "0"],
        "dis-core --help": ["-m", "dis_core", "--help"],
    }


def stop_daemon(given: Mapping[str, str]) -> None:
    """Send away what a command may have started."""
    subprocess.run([sys.executable, "-m", "dis_core", "daemon", "stop"], env=given, check=True, capture_output=True)


def measure(rounds: int, folder: Path) -> Iterator[dict[str, Cost]]:
    """The costs of one round after the other."""
    given, all_commands = environment(folder), commands(folder)
    for number in range(rounds + 1):
        costs = {}
        for name, arguments in all_commands.items():
            costs[name] = cost_of(arguments, given)
            if "--warm" in arguments:
                stop_daemon(given)
        if number:  # the first one compiles modules
            yield costs


def steps_of_a_start(folder: Path, rounds: int) -> dict[str, float]:
    """The least CPU seconds of each step within one process."""
    arguments = ["-c", STEPS, str(folder / "small.jpg"), str(folder / "steps.png")]
    found: list[dict[str, float]] = []
    for _ in range(rounds):
        shown = subprocess.run(
            [sys.executable, *arguments], env=environment(folder), check=True, stdout=subprocess.PIPE, text=True
        )
        found.append(json.loads(shown.stdout))
    return {name: min(steps[name] for steps in found) for name in found[0]}


def imports_of_a_start(folder: Path) -> list[tuple[str, float]]:
    """Milliseconds that the modules of each package took to import in a cold mask, the longest first."""
    arguments = ["-X", "importtime", *commands(folder)["mask, cold"]]
    shown = subprocess.run(
        [sys.executable, *arguments], env=environment(folder), check=True, capture_output=True, text=True
    )
    by_package: dict[str, float] = defaultdict(float)
    for own_us, name in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", shown.stderr, re.MULTILINE):
        by_package[name.partition(".")[0]] += int(own_us) / 1000
    return sorted(by_package.items(), key=lambda entry: -entry[1])


def print_costs(rounds: list[dict[str, Cost]]) -> None:
    """Medians, and beside the yardstick of the same round."""
    yardstick = next(iter(rounds[0]))
    print("| | seconds | CPU seconds | times | CPU seconds more |\n|---|---|---|---|---|")
    for name in rounds[0]:
        seconds = statistics.median(costs[name].seconds for costs in rounds)
        cpu_seconds = statistics.median(costs[name].cpu_seconds for costs in rounds)
        times = statistics.median(costs[name].seconds / costs[yardstick].seconds for costs in rounds)
        more = statistics.median(costs[name].cpu_seconds - costs[yardstick].cpu_seconds for costs in rounds)
        print(f"| {name} | {seconds:.2f} | {cpu_seconds:.2f} | {times:.2f} | {more:+.2f} |")
    print(f"\npromised of a cold mask: at most {TIMES_OF_LIMIT} times, and {SECONDS_OF_LIMIT} CPU seconds more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write all rounds here")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rounds = list(measure(given.rounds, folder))
        print_costs(rounds)
        print("\n| step | CPU seconds |\n|---|---|")
        for name, seconds in steps_of_a_start(folder, min(given.rounds, 3)).items():
            print(f"| {name} | {seconds:.3f} |")
        print("\n| package | ms to import |\n|---|---|")
        for name, milliseconds in imports_of_a_start(folder)[:12]:
            print(f"| {name} | {milliseconds:.0f} |")
    if given.json is not None:
        entries = [{name: asdict(cost) for name, cost in costs.items()} for costs in rounds]
        given.json.write_text(json.dumps(entries, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
