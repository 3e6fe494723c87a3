"""Compares a graphics card with the CPU, within ten minutes, and prints tables to paste into an issue.

    python -m scripts.check_gpu                 # the first card there is: CUDA, or Apple's
    python -m scripts.check_gpu --device cpu    # the CPU in its place, to try the script itself

Run it in a checkout, after `pip install -e '.[test]'`. Every model looks at one photo: on the CPU in full precision,
and on the device in full and in half. Weights that are on this machine are used; where there are none, a small network
of the same kind has random ones, and the table says which. Then: how soon a cancel is heard within a pass, whether
tiles in a batch get the mattes that they get alone, whether the daemon gives what a command gives, and the speed
benchmark. What there was no time for is said, and whatever is out of bounds makes the exit status 1.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from dis_core.device import choose_placement, describe_devices
from dis_core.errors import Cancelled, DisError
from dis_core.geometry import Box
from dis_core.images.reading import read_picture
from dis_core.model_spec import ModelSpec
from dis_core.pipeline import load_segmenter
from dis_core.protocols import NO_PROMPT, Placement, Prompt, Segmenter
from dis_core.refinement.tiles import part_of
from dis_core.registry.builtin_models import dis_register_models
from dis_core.registry.manager import find_model
from dis_core.registry.selection import obtain_all
from dis_core.weights.store import find_installed
from tests.fakes.small_models import SMALL_MODELS, SmallModel

ROOT: Final = Path(__file__).parents[1]
PHOTO: Final = ROOT / "examples" / "coffee.jpg"
LIMIT_S: Final = 570
CPU: Final = Placement("cpu")
FULL_BOUNDS: Final = (1e-4, 0.02)
HALF_BOUNDS: Final = (0.005, 0.5)
"""The largest mean and the largest worst difference of a matte from the CPU's. One pixel may fall to the other side."""

CANCEL_BOUND_S: Final = 1.0
TILES: Final = 8
QUICK_MODELS: Final = ("isnet", "dis-lite")
BAD: Final = "**BAD**"
WITHOUT_TIME: Final = "not run: the ten minutes are over"

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Candidate:
    """A model to compare: how to load it, and whose weights these are."""

    name: str
    weights: str
    load: Callable[[Placement], Segmenter]
    prompt: Prompt


@dataclass(frozen=True)
class Look:
    """One look at the photo: the matte, how long it took once warm, and the most memory that the device held."""

    alpha: Image
    seconds: float
    peak_gb: float


class Clock:
    """How much of the ten minutes is left; models may take all but the last third."""

    def __init__(self, limit_s: float) -> None:
        self.for_others_s = limit_s / 3
        self.ends_at = time.monotonic() + limit_s

    @property
    def left_s(self) -> float:
        return self.ends_at - time.monotonic()


def candidates(image: Image, names: Sequence[str]) -> Iterator[Candidate]:
    """One of each kind of network, with published weights if a model of that kind has them here."""
    size = image.shape[0], image.shape[1]
    for small in SMALL_MODELS:
        if small.name not in names:
            continue
        published = next((spec for spec in of_kind(small) if has_weights(spec)), None)
        if published is None:
            yield Candidate(small.name, "small, random", small.make, small.prompt_for(size))
        else:
            prompt = Prompt(boxes=(Box(100, 60, 500, 340),)) if published.prompts else NO_PROMPT
            yield Candidate(published.name, "published", loader_of(published), prompt)


def of_kind(small: SmallModel) -> list[ModelSpec]:
    """The models whose loaders a small one stands for."""
    loaders = {f"dis_core.models.{loader}" for loader in small.loaders}
    return [spec for spec in dis_register_models() if spec.loader in loaders]


def has_weights(spec: ModelSpec) -> bool:
    """Whether a model and all that it needs are on this machine."""
    return all(find_installed(part) is not None for part in (spec, *map(find_model, spec.needed)))


def loader_of(spec: ModelSpec) -> Callable[[Placement], Segmenter]:
    """How a model is loaded whose weights are here."""
    depth = None if spec.depth_model is None else find_model(spec.depth_model)
    return lambda placement: load_segmenter(obtain_all(spec, depth), placement)


def look(candidate: Candidate, placement: Placement, image: Image) -> Look:
    """A model's matte of the photo; on a device the second look is timed, because the first one prepares it."""
    segmenter = candidate.load(placement)
    if placement.device != "cpu":
        segmenter(image, prompt=candidate.prompt)
    forget_peak(placement.device)
    started = time.perf_counter()
    alpha = segmenter(image, prompt=candidate.prompt).alpha  # an array: the device has been waited for
    return Look(alpha, time.perf_counter() - started, peak_gb(placement.device))


def forget_peak(device: str) -> None:
    """Count the most memory from now on."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()


def peak_gb(device: str) -> float:
    """What tensors hold at most on CUDA, what the driver holds now on Apple's GPU, nothing on a CPU."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 1e9
    return torch.mps.driver_allocated_memory() / 1e9 if device == "mps" else 0.0


def within(difference: Image, bounds: tuple[float, float]) -> bool:
    """Whether differences are small on average and nowhere large."""
    return bool(np.isfinite(difference).all() and difference.mean() <= bounds[0] and difference.max() <= bounds[1])


def compare(placement: Placement, image: Image, names: Sequence[str], clock: Clock) -> Iterator[str]:
    """The table of models, line by line."""
    yield "| model | weights | full: mean, worst | half: mean, worst | s on CPU, full, half | GB full, half | |"
    yield "|---|---|---|---|---|---|---|"
    half = replace(placement, dtype="float16")
    for one in candidates(image, names):
        if clock.left_s <= clock.for_others_s:
            yield f"| {one.name} | {one.weights} | {WITHOUT_TIME} |  |  |  | |"
            continue
        try:
            reference, full, halved = (look(one, where, image) for where in (CPU, placement, half))
        except (DisError, RuntimeError) as error:  # a missing kernel is torch's RuntimeError, and news
            yield f"| {one.name} | {one.weights} | failed: {str(error).splitlines()[0]} |  |  |  | {BAD} |"
            continue
        differences = [np.abs(other.alpha - reference.alpha) for other in (full, halved)]
        good = within(differences[0], FULL_BOUNDS) and within(differences[1], HALF_BOUNDS)
        columns = [f"{d.mean():.1e}, {d.max():.1e}" for d in differences]
        columns.append(f"{reference.seconds:.2f}, {full.seconds:.2f}, {halved.seconds:.2f}")
        columns.append(f"{full.peak_gb:.2f}, {halved.peak_gb:.2f}")
        yield f"| {one.name} | {one.weights} | {' | '.join(columns)} | {verdict(good)} |"


def verdict(good: bool) -> str:  # noqa: FBT001 - what was found, not a switch
    return "ok" if good else BAD


def check_cancel(candidate: Candidate, placement: Placement, image: Image) -> str:
    """Cancel in the middle of a pass, and count until the call has ended."""
    segmenter = candidate.load(placement)
    segmenter(image, prompt=candidate.prompt)
    asked_at = 0.0

    def cancel(fraction: float, _doing: str) -> None:
        nonlocal asked_at
        if 0.0 < fraction < 1.0:
            asked_at = time.perf_counter()
            raise Cancelled

    try:
        for _ in range(20):  # a quick network may be done before it reports
            segmenter(image, prompt=candidate.prompt, report=cancel)
    except Cancelled:
        took = time.perf_counter() - asked_at
        return f"cancel within a pass of {candidate.name}: {took:.3f} s {verdict(took < CANCEL_BOUND_S)}"
    return f"cancel within a pass of {candidate.name}: it was done before it reported"


def check_batch(candidate: Candidate, placement: Placement, image: Image) -> str:
    """Eight tiles at once and one by one: the same mattes, and in what time."""
    segmenter = candidate.load(placement)
    whole = segmenter(image, prompt=candidate.prompt)
    side = min(image.shape[:2]) // 2
    places = [np.s_[step : step + side, step : step + side] for step in range(TILES)]
    tiles = [np.ascontiguousarray(image[place]) for place in places]
    known = [part_of(whole, place) for place in places]
    segmenter.segment_tiles(tiles, known=known, quality="normal")
    started = time.perf_counter()
    together = segmenter.segment_tiles(tiles, known=known, quality="normal")
    between = time.perf_counter()
    alone = [segmenter.segment_tiles([t], known=[k], quality="normal")[0] for t, k in zip(tiles, known, strict=True)]
    ended = time.perf_counter()
    differences = np.abs(np.stack(list(together)) - np.stack(alone))
    times = f"{(between - started) / TILES:.3f} s a tile, {(ended - between) / TILES:.3f} one by one"
    good = within(differences, FULL_BOUNDS)
    return f"{TILES} tiles of {candidate.name}: {times}, worst {differences.max():.1e} {verdict(good)}"


def check_daemon(placement: Placement, clock: Clock) -> str:
    """The same mask by a command and by the daemon, cold and warm."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "LOCALAPPDATA": folder, "HF_HUB_OFFLINE": "1"}
        asked = ["mask", str(PHOTO), "--model", "dis-lite", "--device", placement.device, "--refine", "none"]

        def run(*arguments: str) -> float:
            started = time.perf_counter()
            command = [sys.executable, "-m", "dis_core", *arguments]
            limit_s = max(clock.left_s, 1)
            subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, timeout=limit_s)
            return time.perf_counter() - started

        masks = [Path(folder) / f"{number}.png" for number in range(3)]
        try:
            alone = run(*asked, "-o", str(masks[0]))
            cold, warm = (run(*asked, "-o", str(mask), "--warm") for mask in masks[1:])
        except subprocess.CalledProcessError as error:
            return f"daemon: failed: {error.stderr.decode(errors='replace').strip()} {BAD}"
        except subprocess.TimeoutExpired:
            return f"daemon: {WITHOUT_TIME}"
        finally:
            command = [sys.executable, "-m", "dis_core", "daemon", "stop"]
            subprocess.run(command, env=environment, check=False, capture_output=True)
        same = all(np.array_equal(read_picture(masks[0]).pixels, read_picture(mask).pixels) for mask in masks[1:])
    times = f"{alone:.1f} s without it, {cold:.1f} s with it cold, {warm:.1f} s warm"
    return f"daemon: {times}, {'the same mask' if same else 'other masks'} {verdict(same)}"


def measure_speed(placement: Placement, clock: Clock) -> str:
    """The speed benchmark's table, if it ends in time; half precision is for graphics cards."""
    command = [sys.executable, "benchmarks/speed.py", "--device", placement.device, "--repeats", "1", "--batches"]
    command += ["--precision", "full" if placement.device == "cpu" else "half"]
    # In a group of its own, because its measurements are processes too and would go on without it.
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        try:
            shown, problems = running.communicate(timeout=max(clock.left_s, 1))
        except subprocess.TimeoutExpired:
            end_group(running)
            return f"speed: {WITHOUT_TIME}"
    return shown if running.returncode == 0 else f"speed: failed: {problems.strip()[-300:]} {BAD}"


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process and those that it has started; on Windows only itself."""
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)


def lines(placement: Placement, names: Sequence[str], clock: Clock, *, steps: Sequence[str]) -> Iterator[str]:
    """All that is found, line by line as it is found."""
    yield f"torch {torch.__version__}, Python {platform.python_version()}, {platform.platform()}"
    yield from describe_devices()
    yield f"checked: {placement.device}\n"
    image = read_picture(PHOTO).srgb()
    yield from compare(placement, image, names, clock)
    yield ""
    first = next(candidates(image, names))
    work: dict[str, Callable[[], str]] = {
        "cancel": lambda: check_cancel(first, placement, image),
        "batch": lambda: check_batch(first, placement, image),
        "daemon": lambda: check_daemon(placement, clock),
        "speed": lambda: measure_speed(placement, clock),
    }
    for step in steps:
        yield work[step]() if clock.left_s > 0 else f"{step}: {WITHOUT_TIME}"


STEPS: Final = ("cancel", "batch", "daemon", "speed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is found. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="cuda, cuda:1, mps; cpu tries the script itself")
    parser.add_argument("--quick", action="store_true", help="two models, no daemon, and no speed benchmark")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds in all")
    given = parser.parse_args(arguments)
    placement = choose_placement(given.device)
    names = QUICK_MODELS if given.quick else [small.name for small in SMALL_MODELS]
    bad = False
    for line in lines(placement, names, Clock(given.limit), steps=STEPS[:2] if given.quick else STEPS):
        print(line, flush=True)
        bad = bad or BAD in line
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
