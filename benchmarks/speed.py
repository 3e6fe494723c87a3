"""How long each stage takes and how much memory it needs, beside a plain PDFNet in the same run.

    python benchmarks/speed.py --repeats 5 --json speed.json

Every measurement has a process of its own, so that peaks do not hide each other; the processes alternate, so that other
work on the machine falls on all of them alike. CPU seconds, of all cores together, feel it least. What is said of both
is the median over the rounds of their ratio within a round, and the range of it. The network is the published one in
size, with random weights, at 1024 x 1024. "Plain" is `plain_pdfnet.py`, with the same weights and input. Memory is what
the process holds at most, on a GPU what its tensors hold there.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from plain_pdfnet import plain_logits
from safetensors.torch import load_file, save_file

from dis_core.device import choose_placement, run_on
from dis_core.images.exposure import shown_to_model
from dis_core.images.picture import write_picture
from dis_core.images.reading import read_picture
from dis_core.matte.matte import Matte
from dis_core.model_spec import Precision
from dis_core.models.depth_anything.estimator import DepthAnything, small_network
from dis_core.models.pdfnet.checkpoint import published_network
from dis_core.models.pdfnet.network import BoundaryPrior, PDFNet
from dis_core.models.pdfnet.segmenter import PDFNetSegmenter, load_published
from dis_core.models.resample import resize_bicubic
from dis_core.progress import ignore
from dis_core.protocols import DepthEstimator, Effort, Placement, Segmentation
from dis_core.refinement.fast import refine_fast

SIDE_PX = 1024
PHOTO_PX = (3000, 4000)

Numbers = dict[str, float]
Runs = dict[str, list[Numbers]]
"""What each task measured, round by round."""

CPU_SECONDS = "CPU seconds"
PEAK = "peak GB"
NOT_TIMES = (PEAK, "difference")


def random_weights(path: Path) -> None:
    """The published network with random weights that keep its numbers in a sane range."""
    torch.manual_seed(0)
    save_file(published_network(BoundaryPrior()).state_dict(), path)


def plain_network(path: Path, device: str) -> PDFNet:
    """The network with the weights of a file, for the yardstick."""
    with torch.device("meta"):
        network = published_network(BoundaryPrior())
    network.load_state_dict(load_file(path), assign=True)
    return network.eval().to(device)


def loaded(path: Path, placement: Placement, estimate_depth: DepthEstimator | None = None) -> PDFNetSegmenter:
    """The network as users get it."""
    return load_published(path, placement=placement, estimate_depth=estimate_depth)


def network_input(device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth random image and depth, (1, 3, S, S) and (1, 1, S, S)."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(1, 4, 64, 64, generator=generator)
    smooth = resize_bicubic(coarse, (SIDE_PX, SIDE_PX))
    return smooth[:, :3].to(device), smooth[:, 3:].sigmoid().to(device)


def write_photo(path: Path) -> None:
    """A photo of 12 megapixels, as a JPEG file: waves and noise."""
    height, width = PHOTO_PX
    y, x = np.mgrid[:height, :width].astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 0.02, (height, width)).astype(np.float32)
    planes = [0.5 + 0.3 * np.sin(x / 50) + noise, 0.5 + 0.3 * np.cos(y / 70), 0.5 + 0.3 * np.sin((x + y) / 90) + noise]
    Image.fromarray((np.dstack(planes) * 255).clip(0, 255).astype(np.uint8)).save(path, quality=92)


def soft_disc() -> NDArray[np.float32]:
    """A matte of that photo's size with a soft edge, (H, W) in [0, 1]."""
    height, width = PHOTO_PX
    y, x = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot(y - height / 2, x - width / 2)
    alpha: NDArray[np.float32] = np.clip((height / 3 - distance) / 40 + 0.5, 0, 1).astype(np.float32)
    return alpha


@contextmanager
def stopwatch(device: str, times: Numbers, stage: str) -> Iterator[None]:
    """Add the time that passes to a stage; the device is waited for."""
    wait(device)
    started, worked = time.perf_counter(), time.process_time()
    yield
    wait(device)
    times[stage] = times.get(stage, 0.0) + time.perf_counter() - started
    if stage == "network":
        times[CPU_SECONDS] = time.process_time() - worked


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def measure_plain(weights: Path, placement: Placement) -> Numbers:
    """The yardstick; its logits are kept for comparison."""
    device = placement.device
    network, (image, depth) = plain_network(weights, device), network_input(device)
    times: Numbers = {}
    with torch.inference_mode(), stopwatch(device, times, "network"):
        logits = plain_logits(network, image, depth)
    save_file({"logits": logits.float().cpu().contiguous()}, weights.with_name("plain.safetensors"))
    return times


def measure_ours(weights: Path, placement: Placement) -> Numbers:
    """Our network, part by part, and how far its matte is from the yardstick's."""
    device = placement.device
    network, (image, depth) = cast("PDFNet", loaded(weights, placement).square.network), network_input(device)
    times: Numbers = {}
    for owner, name, stage in (
        (network.encoder, "forward", "encoder"),
        (network.decoder, "fuse", "decoder"),
        (network.decoder, "draw", "head"),
    ):
        watch(owner, name, device, times, stage)
    with run_on(placement), stopwatch(device, times, "network"):
        logits = network(image, depth).logits
    plain = load_file(weights.with_name("plain.safetensors"))["logits"]
    times["difference"] = float((logits.float().cpu().sigmoid() - plain.sigmoid()).abs().max())
    return times


def measure_batches(weights: Path, placement: Placement) -> Numbers:
    """Seconds per image once warm, one by one and eight at once: for GPUs, where a batch may pay."""
    device = placement.device
    network, (image, depth) = loaded(weights, placement).square.network, network_input(device)
    times: Numbers = {}
    for count in (1, 8):
        batch = image.expand(count, -1, -1, -1), depth.expand(count, -1, -1, -1)
        with run_on(placement):
            network(*batch)
            once: Numbers = {}
            with stopwatch(device, once, "batch"):
                network(*batch)
        times[f"per image, {count} at once"] = once["batch"] / count
    return times


def watch(owner: object, name: str, device: str, times: Numbers, stage: str) -> None:
    """Let calls of a method add to a stage's time."""
    method = cast("Callable[..., Any]", getattr(owner, name))

    def timed(*arguments: object) -> object:
        with stopwatch(device, times, stage):
            return method(*arguments)

    setattr(owner, name, timed)


def measure_ready(weights: Path, placement: Placement) -> Numbers:
    """From a file of weights in the system's cache to a network that could run."""
    weights.read_bytes()
    times: Numbers = {}
    with stopwatch(placement.device, times, "weights to ready"):
        loaded(weights, placement)
    return times


def measure_cutout(weights: Path, placement: Placement) -> Numbers:
    """The cutout of a photo of 12 megapixels, file to file, as a warm process makes it without tiles."""
    device = placement.device
    estimator = DepthAnything(small_network().train(mode=False).to(device), placement=placement, shorter_side_px=518)
    segmenter = loaded(weights, placement, estimator)
    folder = weights.parent
    write_photo(folder / "photo.jpg")
    times: Numbers = {}
    watch(segmenter.square.network, "forward", device, times, "the network")
    watch(estimator.network, "forward", device, times, "the depth network")
    disc = Segmentation(soft_disc())  # goes on from there, because random weights find no subject
    for _ in ("cold", "warm"):
        times.clear()
        with stopwatch(device, times, "cutout"):
            with stopwatch(device, times, "read"):
                picture = read_picture(folder / "photo.jpg")
                seen, picture = shown_to_model(picture, "auto")
            with stopwatch(device, times, "segmenter"):
                segmenter(seen)
            with stopwatch(device, times, "refine fast"):
                refined = refine_fast(seen, disc, segmenter, quality="normal", effort=Effort(0), report=ignore)
            with stopwatch(device, times, "foreground"):
                result = Matte(refined.alpha, model="", picture=picture).cutout()
            with stopwatch(device, times, "encode PNG"):
                write_picture(result, folder / "cutout.png", format="png", overwrite=True)
    networks = times["the network"] + times["the depth network"]
    times["of both networks"] = times["cutout"] / networks
    times["of both networks, not refined"] = (times["cutout"] - times["refine fast"]) / networks
    return times


TASKS = {"plain": measure_plain, "ours": measure_ours, "ready": measure_ready, "cutout": measure_cutout}


def peak_gb(device: str) -> float:
    """The most memory that this process has held so far."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def in_own_process(task: str, weights: Path, given: argparse.Namespace) -> Numbers:
    """One task measured by a child of this process."""
    command = [sys.executable, __file__, "--task", task, "--weights", str(weights)]
    command += ["--device", given.device, "--precision", "full" if task == "plain" else given.precision]
    shown = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return cast("Numbers", json.loads(shown.stdout.splitlines()[-1]))


def start_up(arguments: list[str]) -> float:
    """Seconds until a command has ended."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def measure_all(given: argparse.Namespace) -> Runs:
    """Everything, by task, in as many rounds as were asked for."""
    tasks = [*TASKS, *(["batches"] if given.batches else [])]
    runs: Runs = {task: [] for task in (*tasks, "start-up")}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        random_weights(weights)
        for _ in range(given.repeats):
            for task in tasks:
                runs[task].append(in_own_process(task, weights, given))
            runs["start-up"].append(
                {
                    "dis-core --help": start_up(["-m", "dis_core", "--help"]),
                    "import dis_core": start_up(["-c", "import dis_core"]),
                    "python alone": start_up(["-c", "pass"]),
                }
            )
    return runs


def medians(runs: Runs) -> dict[str, Numbers]:
    """By task and stage."""
    return {
        task: {stage: statistics.median(run[stage] for run in done) for stage in done[0]} for task, done in runs.items()
    }


def shares_of_plain(runs: Runs) -> dict[str, list[float]]:
    """What each number of ours is of its counterpart in the yardstick, round by round.

    CPU seconds are compared with CPU seconds, memory with memory, and every stage with the whole network's time.
    """
    counterpart = {CPU_SECONDS: CPU_SECONDS, PEAK: PEAK}
    return {
        stage: [
            ours[stage] / plain[counterpart.get(stage, "network")]
            for ours, plain in zip(runs["ours"], runs["plain"], strict=True)
        ]
        for stage in runs["ours"][0]
        if stage != "difference"
    }


def in_words(shares: list[float]) -> str:
    """The median over the rounds, with the least and the most where there are several."""
    median = f"{statistics.median(shares):.2f}"
    return median if len(shares) == 1 else f"{median} ({min(shares):.2f} to {max(shares):.2f})"


def table(runs: Runs) -> str:
    """Every stage, and what has a counterpart in the yardstick with its share of it."""
    found, shares = medians(runs), shares_of_plain(runs)
    lines = ["| | stage | seconds | of plain |", "|---|---|---|---|"]
    for task, stages in found.items():
        for stage, value in stages.items():
            if stage not in NOT_TIMES:
                share = in_words(shares[stage]) if task == "ours" else ""
                lines.append(f"| {task} | {stage} | {value:.2f} | {share} |")
    plain, ours, cutout = found["plain"], found["ours"], found["cutout"]
    memory = f"peak memory: plain {plain[PEAK]:.2f} GB, ours {ours[PEAK]:.2f} GB, {in_words(shares[PEAK])} of it"
    whole, coarse = cutout["of both networks"], cutout["of both networks, not refined"]
    last = f"warm cutout: {whole:.2f} of its two networks' time, {coarse:.2f} with --refine none"
    difference = f"largest difference of the mattes: {ours['difference']:.1e}"
    return "\n".join([*lines, "", memory, difference, last])


def main() -> None:
    """Measure all, or one task for the process that asked for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--precision", choices=get_args(Precision), default="full", help="of ours; plain is always full"
    )
    parser.add_argument("--repeats", type=int, default=5, help="rounds; what is printed are medians over them")
    parser.add_argument("--batches", action="store_true", help="also one and eight images at once, for GPUs")
    parser.add_argument("--json", type=Path, help="write the medians and every round here")
    parser.add_argument("--task", choices=[*TASKS, "batches"], help=argparse.SUPPRESS)
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        placement = choose_placement(given.device, precision=given.precision)
        measure = {**TASKS, "batches": measure_batches}[given.task]
        numbers = measure(given.weights, placement)
        print(json.dumps({**numbers, PEAK: peak_gb(placement.device)}))
        return
    runs = measure_all(given)
    print(table(runs))
    if given.json is not None:
        given.json.write_text(json.dumps({"medians": medians(runs), "rounds": runs}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
