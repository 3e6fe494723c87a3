"""What the model that comes with the package can do: the table of its card, from one command.

    python benchmarks/embedded.py --pets FOLDER
    python benchmarks/embedded.py --pets FOLDER --weights runs/lite/dis-lite.safetensors --json runs/lite/table.json

The seventeen photographs of the tests and the drawn scenes are in the checkout. FOLDER holds photographs in `images/`
and trimaps of the same names in `trimaps/`, 255 for the subject, 0 for the background and 128 where it is unclear: 400
pictures of the Oxford-IIIT Pet set, say, which is under CC BY-SA 4.0 and not in the checkout. Without it, that row is
left out. `--weights` measures a file of weights that is not embedded yet. Nothing is refined. The time is that of two
threads, as a multiple of what two matrices of 2048 x 2048 take to be multiplied; it means something only if the machine
has nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dis_core.evaluation.boundaries import iou
from dis_core.evaluation.metrics import measure
from dis_core.evaluation.pairs import read_matte
from dis_core.evaluation.scores import mean_scores
from dis_core.images.reading import read_picture
from dis_core.models.dis_lite import segmenter as dis_lite
from dis_core.models.dis_lite.spec import DIS_LITE
from dis_core.protocols import Placement, Segmenter
from dis_core.scenes.scene import make_scene
from dis_core.weights import store

PHOTOS = Path(__file__).parents[1] / "tests" / "photos"
SCENES = range(64)
SCENE_PX = 512
UNCLEAR = 128
GOOD = 0.9
TIMES = 5

Image = NDArray[np.float32]


def main() -> None:
    options = parse_options()
    torch.set_num_threads(options.threads)
    segmenter, file = open_model(options.weights)
    table: dict[str, object] = {"weights": str(file), "megabytes": round(file.stat().st_size / 1e6, 2)}
    table["photographs"] = photographs(segmenter)
    if options.pets is not None:
        table["pets"] = pets(segmenter, options.pets, every=options.every)
    if not options.quick:
        table["scenes"] = scenes(segmenter)
        table["products"] = round(products(segmenter), 2)
    text = json.dumps(table, indent=1)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n", encoding="utf-8")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pets", type=Path, help="a folder with images/ and trimaps/")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth of these")
    parser.add_argument("--weights", type=Path, help="measure this file instead of the embedded one")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="leave out the scenes and the time")
    parser.add_argument("--json", type=Path, help="also write the table to this file")
    return parser.parse_args()


def open_model(file: Path | None) -> tuple[Segmenter, Path]:
    """The embedded model, or one with the weights in `file`, and where they lie."""
    weights = store.embedded_path(DIS_LITE) if file is None else file
    return dis_lite.load(weights, placement=Placement("cpu"), estimate_depth=None), weights


def photographs(segmenter: Segmenter) -> dict[str, object]:
    """IoU at 0.5 of the tests' photographs: each, their mean, and the third worst."""
    overlaps = {}
    for truth in sorted((PHOTOS / "masks").glob("*.png")):
        image = read_picture(PHOTOS / "images" / f"{truth.stem}.jpg").srgb()
        overlaps[truth.stem] = round(iou(segmenter(image).alpha > 0.5, read_matte(truth) > 0.5), 4)
    ranked = sorted(overlaps.values())
    return {"mean_iou": round(float(np.mean(ranked)), 4), "third_worst": ranked[2], "iou": overlaps}


def pets(segmenter: Segmenter, folder: Path, *, every: int) -> dict[str, object]:
    """IoU at 0.5 outside of the band where a trimap is unclear: mean, and the share of pictures from 0.9."""
    overlaps = {}
    for trimap_file in sorted((folder / "trimaps").glob("*.png"))[::every]:
        (image_file,) = (folder / "images").glob(f"{trimap_file.stem}.*")
        trimap = np.rint(read_matte(trimap_file) * 255)
        found = segmenter(read_picture(image_file).srgb()).alpha > 0.5
        clear = trimap != UNCLEAR
        overlaps[trimap_file.stem] = iou(found & clear, (trimap > UNCLEAR) & clear)
    return {**summary(overlaps.values()), "worst": dict(sorted(overlaps.items(), key=lambda item: item[1])[:20])}


def summary(overlaps: Iterable[float]) -> dict[str, float]:
    values = np.array(list(overlaps))
    return {
        "pictures": len(values),
        "mean_iou": round(float(values.mean()), 4),
        "share_from_0.9": round(float((values >= GOOD).mean()), 4),
    }


def scenes(segmenter: Segmenter) -> dict[str, float]:
    """Mean scores on drawn scenes that no training has seen."""
    scores = []
    for seed in SCENES:
        scene = make_scene(seed, (SCENE_PX, SCENE_PX))
        scores.append(measure(segmenter(scene.image).alpha, scene.alpha))
    mean = mean_scores(scores)
    return {name: round(getattr(mean, name), 4) for name in ("max_f", "weighted_f", "s_measure", "mae", "iou")}


def products(segmenter: Segmenter) -> float:
    """How often the product of two large matrices could be made in the time for one photograph."""
    image = read_picture(PHOTOS / "images" / "astronaut.jpg").srgb()
    plane = torch.rand(2048, 2048)
    segmenter(image)
    return shortest_s(lambda: segmenter(image)) / shortest_s(lambda: plane @ plane)


def shortest_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    main()
