"""What refinement is worth, and what it costs.

    python benchmarks/refinement.py quality --scenes 24 --json refinement.json
    python benchmarks/refinement.py cost

`quality` compares ways to a matte on scenes with hairlines that no model was trained on: the model's matte enlarged
(none), along the image's edges (fast), a second look at small subjects (closer), one larger look at the whole image
(larger: edges only, if the model takes none), tiles without a closer look (tiles), and what `--refine tiles` does
(all). `cost` refines one subject at 6, 24 and 96 megapixels. Measures are those of `dis-core evaluate`, but MAE here is
against the soft matte. "Worse" is the share of scenes whose error grew by more than 2 %. Human correction effort takes
long and is measured on the first scenes only.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dis_core.device import choose_placement, run_on, tiles_at_once
from dis_core.evaluation.boundaries import boundary_iou, mean_boundary_accuracy
from dis_core.evaluation.metrics import measure, truth_mask
from dis_core.models.resample import resize_by_area
from dis_core.models.tensors import to_array, to_tensor
from dis_core.pipeline import load_segmenter
from dis_core.progress import ignore
from dis_core.protocols import NO_PROMPT, Effort, RefinedLevel, Refiner, Segmentation, Segmenter
from dis_core.refinement.coarse_to_fine import Passes
from dis_core.refinement.fast import refine_fast
from dis_core.refinement.larger import refine_with_larger_look
from dis_core.refinement.resizing import shrunk
from dis_core.refinement.tiles import refine_with_tiles
from dis_core.refinement.zoom import cut_out, fade_in, merge_trusted, place_of, small_subject
from dis_core.registry.manager import find_model
from dis_core.registry.selection import obtain_all
from dis_core.scenes.scene import make_fine_scene, make_scene

Plane = NDArray[np.float32]

WAYS = ("none", "fast", "closer", "larger", "tiles", "all")
REFINERS: dict[str, Refiner] = {"fast": refine_fast, "larger": refine_with_larger_look, "tiles": refine_with_tiles}
BOUNDARY_PX = 2
WORSE = 1.02
SCENES_WITH_HCE = 2
MEGAPIXELS = (6, 24, 96)


@dataclass(frozen=True)
class Row:
    """How well one way did on one scene; `seconds` beyond the first look."""

    scene: int
    way: str
    mae: float
    boundary_iou: float
    boundary_accuracy: float
    hce: float | None
    seconds: float
    tiles: int
    rejected: int


@dataclass(frozen=True)
class Bench:
    """The model that is looked with."""

    segmenter: Segmenter
    effort: Effort

    def matte_by(self, way: str, image: Plane, first: Segmentation) -> tuple[Plane, Sequence[RefinedLevel]]:
        """The matte that one way comes to from the model's first look."""
        if way == "none":
            return first.alpha, ()
        if way == "closer":
            return self.looked_closer(image, first.alpha), ()
        if way == "all":
            found, refinement = Passes(self.segmenter, "normal", "tiles", self.effort).over(image, NO_PROMPT, ignore)
            return found.alpha, refinement.levels
        refined = REFINERS[way](image, first, self.segmenter, quality="normal", effort=self.effort, report=ignore)
        return refined.alpha, refined.levels

    def looked_closer(self, image: Plane, alpha: Plane) -> Plane:
        """The second look at a small subject and nothing else."""
        box = small_subject(alpha)
        if box is None:
            return alpha
        part, _ = cut_out(image, NO_PROMPT, box)
        side_px = self.segmenter.side_for("normal")
        opinion = merge_trusted(alpha[place_of(box)], self.segmenter(part).alpha, side_px)
        return alpha if opinion is None else fade_in(opinion, alpha, box)

    def rows(self, seed: int, side_px: int) -> Iterator[Row]:
        """All ways on one scene."""
        scene = make_fine_scene(seed, (side_px, side_px))
        started = time.perf_counter()
        first = self.segmenter(scene.image)
        look_s = time.perf_counter() - started
        for way in WAYS:
            started = time.perf_counter()
            alpha, levels = self.matte_by(way, scene.image, first)
            # All of it starts with a look of its own.
            seconds = time.perf_counter() - started - (look_s if way == "all" else 0)
            row = judged(seed, way, alpha, scene.alpha, seconds, levels)
            print(f"scene {seed:3d} {way:7s} MAE {row.mae:.4f}  B-IoU {row.boundary_iou:.3f}", flush=True)
            yield row


def judged(seed: int, way: str, alpha: Plane, truth: Plane, seconds: float, levels: Sequence[RefinedLevel]) -> Row:
    """A matte measured against the truth, both (H, W)."""
    mask, true_mask = alpha >= 0.5, truth_mask(truth)
    return Row(
        scene=seed,
        way=way,
        mae=float(np.abs(alpha - truth).mean()),
        boundary_iou=boundary_iou(mask, true_mask, distance_px=BOUNDARY_PX),
        boundary_accuracy=mean_boundary_accuracy(mask, true_mask),
        hce=measure(np.clip(alpha, 0, 1), truth).hce if seed < SCENES_WITH_HCE else None,
        seconds=seconds,
        tiles=sum(level.tiles_run for level in levels),
        rejected=sum(level.tiles_rejected for level in levels),
    )


def print_table(rows: Sequence[Row]) -> None:
    """Means over scenes, a line per way."""
    by_way = {way: [row for row in rows if row.way == way] for way in WAYS}
    before = by_way["none"]
    print("\n| way | MAE | B-IoU, 2 px | mBA | HCE | worse | seconds | tiles | rejected |")
    print("|---|---|---|---|---|---|---|---|---|")
    for way, own in by_way.items():
        worse = sum(row.mae > WORSE * old.mae for row, old in zip(own, before, strict=True)) / len(own)
        mean = {
            key: statistics.fmean(getattr(row, key) for row in own) for key in ("mae", "seconds", "tiles", "rejected")
        }
        edges = statistics.fmean(row.boundary_iou for row in own)
        accuracy = statistics.fmean(row.boundary_accuracy for row in own)
        effort = statistics.fmean(row.hce for row in own if row.hce is not None)
        print(
            f"| {way} | {mean['mae']:.4f} | {edges:.3f} | {accuracy:.3f} | {effort:.0f} | {worse:.0%} "
            f"| {mean['seconds']:.1f} | {mean['tiles']:.0f} | {mean['rejected']:.0f} |"
        )


def print_costs(bench: Bench) -> None:
    """The same subject at growing sizes: how many tiles and seconds, and how much memory at most so far."""
    largest_px = round((max(MEGAPIXELS) * 1e6) ** 0.5)
    small = make_scene(0, (largest_px // 4, largest_px // 4)).image
    print("| megapixels | first look, s | tiles | refining, s | against 6 MP | peak memory so far, GB |")
    print("|---|---|---|---|---|---|")
    first_seconds = None
    for megapixels in MEGAPIXELS:
        side_px = round((megapixels * 1e6) ** 0.5)
        image = sized(small, side_px)
        started = time.perf_counter()
        first = bench.segmenter(image)
        look_s = time.perf_counter() - started
        started = time.perf_counter()
        _, levels = bench.matte_by("tiles", image, first)
        seconds = time.perf_counter() - started
        first_seconds = first_seconds or seconds
        tiles = sum(level.tiles_run for level in levels)
        memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        times = f"{look_s:.1f} | {tiles} | {seconds:.1f} | {seconds / first_seconds:.1f}"
        print(f"| {megapixels} | {times} | {memory_gb:.1f} |", flush=True)


def sized(image: Plane, side_px: int) -> Plane:
    """The square image at another size."""
    size = side_px, side_px
    if side_px <= image.shape[0]:
        return shrunk(image, size)
    with run_on(choose_placement("cpu")):
        return to_array(resize_by_area(to_tensor(image), size))


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["quality", "cost"])
    parser.add_argument("--scenes", type=int, default=24, help="how many, from seed 0 on")
    parser.add_argument("--side", type=int, default=4096, help="their side in pixels")
    parser.add_argument("--model", default="dis-lite")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, help="write every number here")
    given = parser.parse_args()
    placement = choose_placement(given.device)
    spec = find_model(given.model)
    depth_spec = None if spec.depth_model is None else find_model(spec.depth_model)
    bench = Bench(load_segmenter(obtain_all(spec, depth_spec), placement), Effort(10**6, tiles_at_once(placement)))
    if given.what == "cost":
        print_costs(bench)
        return
    rows = [row for seed in range(given.scenes) for row in bench.rows(seed, given.side)]
    print_table(rows)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
