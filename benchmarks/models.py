"""How long each model takes and how much memory it needs, beside pdfnet on the same machine.

    python benchmarks/models.py                # all models that come with dis-core
    python benchmarks/models.py diffdis isnet  # some of them

Each model gets random weights under the names and in the shapes of its published file, takes them as users do, by
`dis-core fetch NAME --from FILE`, and finds the subject of one photo, at normal quality and without refinement, in a
process of its own: with its depth model, and from weights in memory. On the CPU it has one thread, and the seconds that
this one works are compared: they feel other work on the machine least, while several threads spend much of theirs on
waiting for each other where cores are short. The results go to `models.json`, from which the page of models is written
(`python docs/make_reference.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save_file

from dis_core.device import choose_placement
from dis_core.geometry import Box
from dis_core.images.reading import read_picture
from dis_core.models.depth_anything.estimator import small_network
from dis_core.models.sam.network import base_network, large_network
from dis_core.pipeline import load_segmenter
from dis_core.protocols import NO_PROMPT, Prompt
from dis_core.registry.builtin_models import dis_register_models
from dis_core.registry.manager import find_matte_model, find_model
from dis_core.registry.selection import obtain_all

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "models.json"
PHOTO = ROOT / "examples" / "coffee.jpg"
YARDSTICK = "pdfnet"

Shapes = Mapping[str, tuple[int, ...]]
Numbers = dict[str, float]

COUNTERS = ("num_batches_tracked", "relative_position_index")
"""The ends of keys whose values are whole numbers."""


def recorded(manifest: str, *path: str) -> Shapes:
    """The shapes by key of a published file, as the tests have them: under `path` in a manifest of tests/golden."""
    entries = json.loads((ROOT / "tests" / "golden" / manifest).read_text(encoding="utf-8"))
    for step in path:
        entries = entries[step]
    if isinstance(entries, dict):
        return {key: tuple(shape) for key, shape in entries.items()}
    rows = [(row["key"], row["shape"]) if isinstance(row, dict) else (row[0], row[1]) for row in entries]
    return {key: tuple(shape) for key, shape in rows}


def own(build: Callable[[], torch.nn.Module]) -> Shapes:
    """The shapes by key of a network whose published file is used as it is."""
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in build().state_dict().items()}


PUBLISHED: dict[str, Callable[[], Shapes]] = {
    "pdfnet": lambda: recorded("pdfnet/manifest_r2025_03.json", "keys"),
    "birefnet": lambda: recorded("birefnet/manifest_large.json"),
    "birefnet-hr": lambda: recorded("birefnet/manifest_large.json"),
    "birefnet-512": lambda: recorded("birefnet/manifest_large.json"),
    "birefnet-lite": lambda: recorded("birefnet/manifest_lite.json"),
    "birefnet-lite-2k": lambda: recorded("birefnet/manifest_lite.json"),
    "isnet": lambda: recorded("isnet/manifest.json"),
    "dis-sam": lambda: {**recorded("isnet/manifest.json"), "conv_in.weight": (64, 5, 3, 3)},
    "dis-sam-base": lambda: PUBLISHED["dis-sam"](),
    "sam-vit-large": lambda: own(large_network),
    "sam-vit-base": lambda: own(base_network),
    "diffdis": lambda: {
        **{f"unet.{key}": shape for key, shape in recorded("diffdis/manifest.json", "unet", "keys").items()},
        "positive": (1, 2, 1024),
    },
    "sd-turbo-autoencoder": lambda: recorded("diffdis/manifest.json", "vae", "keys"),
    "depth-anything-v2-small": lambda: own(small_network),
}
"""What a published file holds. A model joins by a line, and those with the same loader share it."""


def measurable() -> list[str]:
    """The matte models that come with dis-core and have a line above, or come with their weights."""
    mattes = (spec for spec in dis_register_models() if spec.task == "matte")
    return [spec.name for spec in mattes if spec.weights.is_embedded or spec.name in PUBLISHED]


def random_weights(shapes: Shapes) -> dict[str, torch.Tensor]:
    """Values that keep the numbers in a network in a sane range."""
    generator = torch.Generator().manual_seed(0)

    def fill(key: str, shape: tuple[int, ...]) -> torch.Tensor:
        if key.endswith(COUNTERS):
            return torch.zeros(shape, dtype=torch.int64)
        if key.endswith("running_var") or (len(shape) <= 1 and key.endswith("weight")):
            return torch.ones(shape, dtype=torch.float16)
        if len(shape) <= 1:
            return torch.empty(shape).uniform_(-0.2, 0.2, generator=generator).half()
        reach = (3 / max(torch.Size(shape[1:]).numel(), 1)) ** 0.5
        return torch.empty(shape).uniform_(-reach, reach, generator=generator).half()

    return {key: fill(key, shape) for key, shape in shapes.items()}


def give_weights(name: str, home: Path) -> None:
    """Let a model and all that it needs have random weights in a home of its own."""
    spec = find_model(name)
    for needed in (*map(find_model, spec.needed), spec):
        if needed.weights.is_embedded:
            continue
        file = home / "published.safetensors"
        save_file(random_weights(PUBLISHED[needed.name]()), file)
        fetch = ["-m", "dis_core", "fetch", needed.name, "--from", str(file), "--accept-noncommercial"]
        subprocess.run([sys.executable, *fetch], env=environment(home), check=True, capture_output=True)
        file.unlink()


def environment(home: Path) -> dict[str, str]:
    """An environment in which dis-core keeps everything in one folder, asks no Hub and has one thread."""
    folders = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "DATA", "STATE")}
    return {
        **os.environ,
        **folders,
        "HOME": str(home),
        "HF_HOME": str(home / "hub"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }


def measure(name: str, device: str) -> Numbers:
    """One picture through a model whose weights are here."""
    spec = find_matte_model(name)
    placement = choose_placement(device)
    depth_spec = None if spec.depth_model is None else find_model(spec.depth_model)
    segmenter = load_segmenter(obtain_all(spec, depth_spec), placement)
    photo = read_picture(PHOTO).srgb()
    started, worked = time.perf_counter(), time.process_time()
    prompt = Prompt(boxes=(Box(100, 60, 500, 340),)) if spec.prompts else NO_PROMPT
    found = segmenter(photo, prompt=prompt)
    if found.guide is not None and not found.guide.any():
        raise RuntimeError("nothing was found, so that most of the work was not done; other weights may find something")
    numbers = {
        "side_px": float(segmenter.side_for("normal")),
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - worked,
        "peak_gb": peak_bytes() / 1e9,
    }
    if placement.device.startswith("cuda"):
        numbers["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    return numbers


def peak_bytes() -> int:
    """The most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    # Where a process was started by another one, this can be the other one's, if that was larger.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_own_process(name: str, home: Path, device: str) -> Numbers:
    """The same by a child of this process."""
    command = [sys.executable, __file__, "--task", name, "--device", device]
    shown = subprocess.run(command, env=environment(home), check=True, stdout=subprocess.PIPE, text=True)
    return cast("Numbers", json.loads(shown.stdout.splitlines()[-1]))


def measure_all(names: list[str], device: str) -> dict[str, Any]:
    """What the models take, in order, as numbers and as a share of the yardstick's."""
    compared = "seconds" if device.startswith(("cuda", "mps")) else "cpu_seconds"
    found: dict[str, Any] = {}
    for name in dict.fromkeys([YARDSTICK, *names]):
        with tempfile.TemporaryDirectory() as folder:
            give_weights(name, Path(folder))
            numbers = in_own_process(name, Path(folder), device)
        yardstick = found[YARDSTICK] if found else numbers
        found[name] = {key: round(value, 2) for key, value in numbers.items()}
        found[name]["of_pdfnet"] = round(numbers[compared] / yardstick[compared], 2)
        found[name]["on"] = f"{device}, {platform.machine()}, torch {torch.__version__.partition('+')[0]}"
        print(name, found[name], flush=True)
    return found


def main() -> None:
    """Measure the named models, or one task for the process that asked for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="models; all that come with dis-core if none is named")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, default=RESULTS, help="the file to bring up to date")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        print(json.dumps(measure(given.task, given.device)))
        return
    names = given.names or measurable()
    known = json.loads(given.json.read_text(encoding="utf-8")) if given.json.exists() else {}
    known.update(measure_all(names, given.device))
    given.json.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
