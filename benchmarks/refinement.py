"""What refinement is worth, and what it costs.

    python benchmarks/refinement.py quality --images composites --model isnet --json refinement.json
    python benchmarks/refinement.py quality --images scenes --count 24
    python benchmarks/refinement.py cost

`quality` compares ways to a matte. Images are `composites`, large ones made of the photographs in the checkout and of
drawn scenes, with exact mattes; `photographs`, the seventeen of the tests, small ones with mattes drawn by hand; or
`scenes`, drawn ones with hairlines. No model was trained on any of them. IS-Net has to be installed before:
docs/explanation/isnet.md says how.

Ways are the model's matte enlarged (none), along the image's edges (fast), closed-form matting after that (matting), a
closer look at small subjects (closer), one larger look (larger: edges only, if the model takes none), tiles without a
closer look (tiles), what `--refine auto` and `--refine tiles` do (auto, all), and `auto` after `--quality best` (best).
MAE is against the soft matte, and on soft pixels alone in the column "soft". "Worse" is the share of images whose MAE
grew by more than 2 %, and "edges" the share whose boundary IoU grew. Seconds are the processor's in one thread, as
multiples of the model's first look, beyond which they come. Human correction effort takes long and is measured on
the first scenes only.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import torch
from composites import PHOTOS, Composite, composites, photo_and_matte
from numpy.typing import NDArray

from dis_core.device import choose_placement, run_on, tiles_at_once
from dis_core.evaluation.boundaries import boundary_iou, iou, mean_boundary_accuracy
from dis_core.evaluation.metrics import measure, truth_mask
from dis_core.models.resample import resize_by_area
from dis_core.models.tensors import to_array, to_tensor
from dis_core.pipeline import load_segmenter
from dis_core.progress import Report, ignore
from dis_core.protocols import (
    NO_PROMPT,
    Effort,
    LooksLarger,
    Prompt,
    Quality,
    Refined,
    Refiner,
    Segmentation,
    Segmenter,
)
from dis_core.refinement.answers import answer_side_of
from dis_core.refinement.coarse_to_fine import Passes
from dis_core.refinement.fast import refine_fast
from dis_core.refinement.larger import larger_side_of, refine_with_larger_look
from dis_core.refinement.matting import refine_with_matting
from dis_core.refinement.resizing import shrunk
from dis_core.refinement.tiles import refine_with_tiles
from dis_core.refinement.zoom import cut_out, fade_in, merge_trusted, place_of, small_subject
from dis_core.registry.manager import find_model
from dis_core.registry.selection import obtain_all
from dis_core.scenes.scene import make_fine_scene, make_scene

Plane = NDArray[np.float32]

REFINERS: dict[str, Refiner] = {
    "fast": refine_fast,
    "matting": refine_with_matting,
    "larger": refine_with_larger_look,
    "tiles": refine_with_tiles,
}
WAYS = ("none", *REFINERS, "closer", "auto", "all", "best")
BOUNDARY_PX = 2
WORSE = 1.02
SCENES_WITH_HCE = 2
MEGAPIXELS = (6, 24, 96)
SOFT = 0.02


@dataclass(frozen=True)
class Row:
    """How well one way did on one image; `seconds` of the processor come on top of the first look's, `look_seconds`."""

    image: str
    kind: str
    way: str
    iou: float
    mae: float
    boundary_iou: float
    boundary_accuracy: float
    soft_error: float
    hce: float | None
    look_seconds: float
    seconds: float
    looks: int
    rejected: int


@dataclass
class Counted:
    """A segmenter that answers what it did before about the whole image, and counts its other looks."""

    segmenter: Segmenter
    image: Plane
    first: Segmentation
    looks: int = 0

    def __call__(
        self, image: Plane, *, prompt: Prompt = NO_PROMPT, quality: Quality = "normal", report: Report = ignore
    ) -> Segmentation:
        """The first look again, or another one; all views of "best" count as one."""
        if image is self.image and quality == "normal":
            return self.first
        self.looks += 1
        return self.segmenter(image, prompt=prompt, quality=quality, report=report)

    def side_for(self, quality: Quality) -> int:
        """The model's own."""
        return self.segmenter.side_for(quality)

    def answer_side_for(self, quality: Quality) -> int:
        """The model's own."""
        return answer_side_of(self.segmenter, quality)

    def larger_side_for(self, quality: Quality) -> int | None:
        """The model's own, or None."""
        return larger_side_of(self.segmenter, quality)

    def segment_tiles(
        self, tiles: Sequence[Plane], *, known: Sequence[Segmentation], quality: Quality, report: Report = ignore
    ) -> Sequence[Plane]:
        """The model's own, each tile a look."""
        self.looks += len(tiles)
        return self.segmenter.segment_tiles(tiles, known=known, quality=quality, report=report)

    def look_larger(self, image: Plane, *, known: Segmentation, quality: Quality, report: Report = ignore) -> Plane:
        """The model's own."""
        self.looks += 1
        segmenter = cast("LooksLarger", self.segmenter)
        return segmenter.look_larger(image, known=known, quality=quality, report=report)


@dataclass(frozen=True)
class Bench:
    """The model that is looked with, and the ways that are compared."""

    segmenter: Segmenter
    effort: Effort
    ways: Sequence[str] = WAYS

    def matte_by(self, way: str, image: Plane, counted: Counted) -> Refined:
        """The matte that one way comes to from the model's first look."""
        if way == "none":
            return Refined(counted.first.alpha)
        if way == "closer":
            return Refined(looked_closer(image, counted))
        if way in REFINERS:
            refine = REFINERS[way]
            return refine(image, counted.first, counted, quality="normal", effort=self.effort, report=ignore)
        quality: Quality = "best" if way == "best" else "normal"
        passes = Passes(counted, quality, "tiles" if way == "all" else "auto", self.effort)
        found, refinement = passes.over(image, NO_PROMPT, ignore)
        return Refined(found.alpha, refinement.levels)

    def rows(self, composite: Composite, *, with_hce: bool = False) -> Iterator[Row]:
        """All ways on one image."""
        image, truth = composite.image, composite.alpha
        started = time.process_time()
        first = self.segmenter(image)
        look_s = time.process_time() - started
        for way in self.ways:
            counted = Counted(self.segmenter, image, first)
            started = time.process_time()
            refined = self.matte_by(way, image, counted)
            seconds = time.process_time() - started
            row = Row(
                composite.name,
                composite.kind,
                way,
                *judged(refined.alpha, truth),
                hce=measure(np.clip(refined.alpha, 0, 1), truth).hce if with_hce else None,
                look_seconds=look_s,
                seconds=seconds,
                looks=counted.looks,
                rejected=sum(level.tiles_rejected for level in refined.levels),
            )
            print(
                f"{row.image:16s} {way:8s} IoU {row.iou:.3f}  MAE {row.mae:.4f}  B-IoU {row.boundary_iou:.3f}  "
                f"{seconds / look_s:.1f} looks' time",
                flush=True,
            )
            yield row


def looked_closer(image: Plane, counted: Counted) -> Plane:
    """The second look at a small subject and nothing else."""
    alpha = counted.first.alpha
    box = small_subject(alpha)
    if box is None:
        return alpha
    part, _ = cut_out(image, NO_PROMPT, box)
    opinion = merge_trusted(alpha[place_of(box)], counted(part).alpha, counted.side_for("normal"))
    return alpha if opinion is None else fade_in(opinion, alpha, box)


def judged(alpha: Plane, truth: Plane) -> tuple[float, float, float, float, float]:
    """IoU, MAE, boundary IoU, boundary accuracy and the error on soft pixels of a matte; both are (H, W)."""
    mask, true_mask = alpha >= 0.5, truth_mask(truth)
    error = np.abs(alpha - truth)
    soft = (truth > SOFT) & (truth < 1 - SOFT)
    return (
        iou(mask, true_mask),
        float(error.mean()),
        boundary_iou(mask, true_mask, distance_px=BOUNDARY_PX),
        mean_boundary_accuracy(mask, true_mask),
        float(error[soft].mean()) if soft.any() else 0.0,
    )


def print_table(rows: Sequence[Row], ways: Sequence[str]) -> None:
    """Means over images, a line per way, and which images a way harms."""
    by_way = {way: [row for row in rows if row.way == way] for way in ways}
    before = by_way["none"]
    print("\n| way | IoU | MAE | B-IoU, 2 px | mBA | soft | HCE | worse | edges | time | looks | rejected |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for way, own in by_way.items():
        pairs = list(zip(own, before, strict=True))
        worse = sum(row.mae > WORSE * old.mae for row, old in pairs) / len(own)
        edges = sum(row.boundary_iou > old.boundary_iou for row, old in pairs) / len(own)
        time_taken = statistics.median(row.seconds / row.look_seconds for row in own)
        counted = [row.hce for row in own if row.hce is not None]
        effort = f"{statistics.fmean(counted):.0f}" if counted else ""
        print(
            f"| {way} | {mean_of(own, 'iou'):.3f} | {mean_of(own, 'mae'):.4f} | {mean_of(own, 'boundary_iou'):.3f} "
            f"| {mean_of(own, 'boundary_accuracy'):.3f} | {mean_of(own, 'soft_error'):.3f} | {effort} | {worse:.0%} "
            f"| {edges:.0%} | {time_taken:.1f} | {mean_of(own, 'looks'):.0f} | {mean_of(own, 'rejected'):.0f} |"
        )
        for row, old in pairs:
            if row.mae > WORSE * old.mae:
                print(f"  {way} harms {row.image}: MAE {old.mae:.4f} to {row.mae:.4f}")


def mean_of(rows: Sequence[Row], measure_name: str) -> float:
    """The mean of one measure."""
    return statistics.fmean(getattr(row, measure_name) for row in rows)


def print_costs(bench: Bench) -> None:
    """The same subject at growing sizes: how many looks and seconds, and how much memory at most so far."""
    largest_px = round((max(MEGAPIXELS) * 1e6) ** 0.5)
    small = make_scene(0, (largest_px // 4, largest_px // 4)).image
    print("| megapixels | first look, s | looks | refining, s | against 6 MP | peak memory so far, GB |")
    print("|---|---|---|---|---|---|")
    first_seconds = None
    for megapixels in MEGAPIXELS:
        image = sized(small, round((megapixels * 1e6) ** 0.5))
        started = time.process_time()
        counted = Counted(bench.segmenter, image, bench.segmenter(image))
        look_s = time.process_time() - started
        started = time.process_time()
        bench.matte_by("tiles", image, counted)
        seconds = time.process_time() - started
        first_seconds = first_seconds or seconds
        memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        times = f"{look_s:.1f} | {counted.looks} | {seconds:.1f} | {seconds / first_seconds:.1f}"
        print(f"| {megapixels} | {times} | {memory_gb:.1f} |", flush=True)


def sized(image: Plane, side_px: int) -> Plane:
    """The square image at another size."""
    size = side_px, side_px
    if side_px <= image.shape[0]:
        return shrunk(image, size)
    with run_on(choose_placement("cpu")):
        return to_array(resize_by_area(to_tensor(image), size))


def scenes(side_px: int) -> Iterator[Composite]:
    """Drawn scenes with hairlines, from seed 0 on."""
    seed = 0
    while True:
        scene = make_fine_scene(seed, (side_px, side_px))
        yield Composite(f"scene-{seed}", "drawn", scene.image, scene.alpha)
        seed += 1


def photographs() -> Iterator[Composite]:
    """The photographs of the tests as they are."""
    for path in sorted((PHOTOS / "images").glob("*.jpg")):
        yield Composite(path.stem, "photograph", *photo_and_matte(path.stem))


def main() -> None:
    """Run what was asked for."""
    given = parse_options()
    torch.set_num_threads(given.threads)
    placement = choose_placement(given.device)
    spec = find_model(given.model)
    depth_spec = None if spec.depth_model is None else find_model(spec.depth_model)
    segmenter = load_segmenter(obtain_all(spec, depth_spec), placement)
    effort = Effort(10**6, tiles_at_once(placement), placement.device)
    bench = Bench(segmenter, effort, given.ways.split(","))
    if given.what == "cost":
        print_costs(bench)
        return
    sources: dict[str, Callable[[], Iterator[Composite]]] = {
        "composites": composites,
        "photographs": photographs,
        "scenes": lambda: scenes(given.side),
    }
    rows: list[Row] = []
    for number, image in enumerate(islice(sources[given.images](), given.count)):
        rows += bench.rows(image, with_hce=given.images == "scenes" and number < SCENES_WITH_HCE)
    print_table(rows, bench.ways)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


def parse_options() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["quality", "cost"])
    parser.add_argument("--images", choices=["composites", "photographs", "scenes"], default="composites")
    parser.add_argument("--count", type=int, default=24, help="how many of them, from the first on")
    parser.add_argument("--side", type=int, default=4096, help="the side of scenes in pixels")
    parser.add_argument("--ways", default=",".join(WAYS), help="which ways, with commas; none is the first")
    parser.add_argument("--model", default="dis-lite")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every number here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
