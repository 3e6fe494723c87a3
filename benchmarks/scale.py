"""What a million images cost: the CPU seconds of each step, measured here, and the arithmetic from them.

    OMP_NUM_THREADS=1 python benchmarks/scale.py --model dis-lite --repeats 3

One thread makes cutouts of a photo of 12 megapixels, and `time.process_time` says how long each step computes, which
other work on the machine changes little. `--network` and `--card` take the seconds of a network from elsewhere, on a
core and on a graphics card, and leave the rest as it was measured.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from PIL import Image

from dis_core.batch.manifest import open_manifest, read_manifest
from dis_core.batch.rows import Row
from dis_core.batch.shards import Shard
from dis_core.cli.planning import CUTOUT_SUFFIX, JobTemplate, plan_jobs
from dis_core.images.picture import encode
from dis_core.images.reading import read_picture
from dis_core.jobs.job import CutoutStyle, Job
from dis_core.pipeline import Pipeline
from dis_core.prompts import DEFAULTS, SegmentOptions

Answer = TypeVar("Answer")

PHOTO_PX: Final = (4000, 3000)
ROWS: Final = 20_000
MILLION: Final = 1_000_000
FLOWER: Final = Path(__file__).parents[1] / "examples" / "flower.jpg"


@dataclass(frozen=True)
class Costs:
    """CPU seconds of one image, and bytes."""

    read_s: float
    network_s: float
    make_s: float
    encode_s: float
    image_bytes: int
    result_bytes: int

    @property
    def beside_s(self) -> float:
        """All but the network: what CPUs do also where a graphics card runs it."""
        return self.read_s + self.make_s + self.encode_s


def timed(work: Callable[[], Answer]) -> tuple[Answer, float]:
    started = time.process_time()
    answer = work()
    return answer, time.process_time() - started


def measure(model: str, refine: str, repeats: int) -> Costs:
    """The median of each step."""
    with tempfile.TemporaryDirectory() as folder, Image.open(FLOWER) as flower:
        photo = Path(folder) / "photo.jpg"
        flower.convert("RGB").resize(PHOTO_PX, Image.Resampling.LANCZOS).save(photo, quality=90)
        pipeline = Pipeline("cpu")
        options = SegmentOptions(model=model, refine=refine)
        pipeline.segment_with(read_picture(FLOWER), options)  # loads the model
        rounds = []
        for _ in range(repeats):
            picture, read_s = timed(lambda: read_picture(photo))
            matte, network_s = timed(lambda picture=picture: pipeline.segment_with(picture, options))  # type: ignore[misc]
            result, make_s = timed(lambda matte=matte: matte.cutout())  # type: ignore[misc]
            data, encode_s = timed(lambda result=result: encode(result, format="png"))  # type: ignore[misc]
            rounds.append((read_s, network_s, make_s, encode_s))
        read_s, network_s, make_s, encode_s = (statistics.median(step) for step in zip(*rounds, strict=True))
        return Costs(read_s, network_s, make_s, encode_s, photo.stat().st_size, len(data))


def row_of(number: int) -> Row:
    """A row as long as they usually are."""
    name = f"{number // 1000:03d}/photo {number}"
    return Row(
        f"{name}.jpg",
        "done",
        settings="0a1b2c3d4e5f",
        model="pdfnet@0123456789abcdef0123456789abcdef01234567",
        size=4_000_000,
        mtime_ns=10**18 + number,
        output=f"cutouts/{name}-cutout.png",
        output_size=12_000_000,
        seconds=12.345,
        megapixels=12.0,
        tiles=9,
        at="2026-01-01T00:00:00Z",
    )


def measure_manifest() -> dict[str, float]:
    """Of a manifest of a million images: megabytes and seconds to read it; seconds to plan, and to tell shards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.jsonl"
        rows = [row_of(number) for number in range(ROWS)]
        with open_manifest(path, None) as manifest:
            for row in rows:
                manifest.add(replace(row, status="begun", model="", size=0, mtime_ns=0, output_size=0, megapixels=0))
            manifest.add(*rows)
        _, read_s = timed(lambda: read_manifest(path))
        _, shard_s = timed(lambda: [Shard(3, 16).holds(row.path) for row in rows])
        photos = Path(folder) / "photos"
        for row in rows:
            (photos / row.path).parent.mkdir(parents=True, exist_ok=True)
            (photos / row.path).touch()
        template = JobTemplate(Job(None, None, "png", CutoutStyle(), DEFAULTS), CUTOUT_SUFFIX)
        _, plan_s = timed(lambda: plan_jobs([str(photos)], template, output=f"{folder}/out", recursive=True))
        each = MILLION / ROWS
        seconds = {"read_s": read_s * each, "shard_s": shard_s * each, "plan_s": plan_s * each}
        return {"MB": path.stat().st_size * each / 1e6, **seconds}


def table(costs: Costs, network_s: float, card_s: float, cores: int) -> list[str]:
    """Rows of a table: hours of a million images on one core, on a machine, on one graphics card, on eight."""
    whole_s = costs.beside_s + network_s
    fed = cores / costs.beside_s  # images per second that the CPUs of a machine can read and write

    def row(title: str, images_per_s: float) -> str:
        return f"| {title} | {images_per_s:.3g} | {MILLION / images_per_s / 3600:,.0f} |"

    return [
        "| on | images per second | hours for a million |",
        "|---|---|---|",
        row("one core", 1 / whole_s),
        row(f"{cores} cores", cores / whole_s),
        row(f"one graphics card with {cores} cores", min(1 / card_s, fed)),
        row(f"eight graphics cards with {cores} cores", min(8 / card_s, fed)),
        row(f"eight graphics cards with {cores} cores each", 8 * min(1 / card_s, fed)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="dis-lite")
    parser.add_argument("--refine", default="fast")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--network", type=float, help="CPU seconds of the network and of refining, from elsewhere")
    parser.add_argument("--card", type=float, default=0.3, help="seconds of the network on a graphics card")
    parser.add_argument("--cores", type=int, default=16)
    given = parser.parse_args()
    costs = measure(given.model, given.refine, given.repeats)
    network_s = given.network or costs.network_s
    print(f"{given.model}, 12 megapixels, --refine {given.refine}, CPU seconds of one thread:")
    print(f"read {costs.read_s:.2f}, network {network_s:.2f}, colors {costs.make_s:.2f}, PNG {costs.encode_s:.2f}")
    print(f"{costs.image_bytes / 1e6:.1f} MB in, {costs.result_bytes / 1e6:.1f} MB out")
    print("\n".join(table(costs, network_s, given.card, given.cores)))
    manifest = measure_manifest()
    print("of a manifest of a million images: {MB:.0f} MB, {read_s:.0f} s to read it".format(**manifest))
    print(
        "to plan the work on a million files: {plan_s:.0f} s; to tell their shards: {shard_s:.0f} s".format(**manifest)
    )


if __name__ == "__main__":
    main()
