"""What each part of the small PDFNet is worth: short trainings that differ in one thing, for the same time each.

    python benchmarks/ablations.py RUNS --minutes 5

Each variant is trained from the same seed on the same scenes at 256 x 256, in its own folder of RUNS, and measured on
held-out scenes. The time is the clock's, so nothing else may run; how many steps fit into it is part of the result, and
a variant that has no depth network to train takes more of them. Without depth, PDFNet sees none, but the losses still
do. Differences of a short training say what helps early, not how it would end; for so few scenes and one
seed, differences below 0.01 say nothing. Variants that are done are not trained again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch

from dis_core.evaluation.metrics import measure
from dis_core.evaluation.scores import mean_scores
from dis_core.files import atomic_file
from dis_core.models.backbones.efficientnet import CHANNELS
from dis_core.models.pdfnet.network import BoundaryPrior, PDFNet, Stream
from dis_core.models.tensors import to_array
from dis_core.progress import ignore
from dis_core.training.imagenet import freeze_biases, freeze_early_layers, pretrained_efficientnet
from dis_core.training.learner import Learner
from dis_core.training.log import Journal
from dis_core.training.losses import OutputLoss, output_loss, shape_loss
from dis_core.training.networks import Sizes, Start, build_depth_tiny, build_pdfnet
from dis_core.training.pdfnet_learner import PDFNetLearner
from dis_core.training.run import Run
from dis_core.training.sample import Sample
from dis_core.training.samples import Scenes
from dis_core.training.settings import Settings

SIDE_PX = 256
HELD_OUT = range(64)
COLUMNS = ("max_f", "weighted_f", "s_measure", "mae", "iou", "boundary_iou")

Depth = Literal["own", "exact", "none"]


class WithoutPatches(PDFNet):
    """PDFNet that sees the image at half the size only: its patch stream is silent."""

    def encode_patches(self, image: torch.Tensor) -> Stream:
        B, _, H, W = image.shape
        width = self.encoder.glob.conv.out_channels
        levels = [image.new_zeros(B, width, H // stride, W // stride) for stride in (4, 8, 16, 32)]
        return Stream(levels, levels[-1])


class WithDepth(PDFNetLearner):
    """A learner whose PDFNet is given the exact depth, or none at all, in training and in use."""

    def __init__(self, pdfnet: PDFNet, depth: Literal["exact", "none"]) -> None:
        super().__init__(pdfnet, width=32, own_depth=None, output_loss=output_loss)
        self.depth = depth

    def shown_depth(self, batch: Sample, _estimate: torch.Tensor | None, _is_exact: torch.Tensor) -> torch.Tensor:
        return batch.depth if self.depth == "exact" else torch.zeros_like(batch.depth)


@dataclass(frozen=True)
class Variant:
    """One row of the table."""

    name: str
    make: Callable[[], Learner]
    depth: Depth = "own"


def with_own_depth(pdfnet: PDFNet, loss: OutputLoss = output_loss, *, width: int = 32) -> Learner:
    return PDFNetLearner(pdfnet, width=width, own_depth=build_depth_tiny("imagenet"), output_loss=loss)


def standard() -> PDFNet:
    return build_pdfnet(Sizes("efficientnet-lite0", 32, SIDE_PX), "imagenet")


def without_patches() -> PDFNet:
    backbone = pretrained_efficientnet("efficientnet-lite0", levels=4)
    freeze_early_layers(backbone)
    freeze_biases(backbone)
    return WithoutPatches(backbone, channels=CHANNELS["efficientnet-lite0"], width=32, boundary_prior=BoundaryPrior())


def sized(backbone: str, start: Start, width: int = 32) -> Callable[[], Learner]:
    return lambda: with_own_depth(build_pdfnet(Sizes(backbone, width, SIDE_PX), start), width=width)


VARIANTS = (
    Variant("as embedded: EfficientNet-Lite0 from ImageNet, 32 wide", lambda: with_own_depth(standard())),
    Variant("ConvNeXt (zepto, RMS) from random weights", sized("convnext_zepto_rms", "random")),
    Variant("Swin (nano) from random weights", sized("swin-nano", "random")),
    Variant("48 wide", sized("efficientnet-lite0", "imagenet", 48)),
    Variant("without depth", lambda: WithDepth(standard(), "none"), "none"),
    Variant("with exact depth", lambda: WithDepth(standard(), "exact"), "exact"),
    Variant("without the integrity prior", lambda: with_own_depth(standard(), shape_loss)),
    Variant("without the patch stream", lambda: with_own_depth(without_patches())),
)


def settings(minutes: float) -> Settings:
    return Settings(
        network="pdfnet-tiny",
        backbone="",
        width=32,
        side_px=SIDE_PX,
        start="",
        batch_size=3,
        steps=1_000_000,
        minutes=minutes,
        coarse_share=0.0,
        accumulate=1,
        learning_rate=7e-4,
        backbone_rate=0.3,
        weight_decay=0.02,
        average_decay=0.99,
        precision="float32",
        seed=0,
    )


def evaluate(learner: Learner, depth: Depth) -> dict[str, float]:
    """Mean scores on the held-out scenes, with the depth that the variant is used with."""
    scores = []
    for number in HELD_OUT:
        sample = Scenes(0)(number, SIDE_PX)
        shown = {"own": None, "exact": sample.depth[None], "none": torch.zeros_like(sample.depth[None])}[depth]
        matte = to_array(learner.eval().find_matte(sample.image[None], shown))
        scores.append(measure(matte, to_array(sample.matte[None])))
    means = asdict(mean_scores(scores))
    return {name: round(means[name], 4) for name in COLUMNS}


def train(variant: Variant, folder: Path, minutes: float) -> dict[str, object]:
    """Train and measure one variant, or read what it came to."""
    result = folder / "result.json"
    if result.exists():
        found: dict[str, object] = json.loads(result.read_text())
        return found
    torch.manual_seed(0)
    learner = variant.make()
    run = Run(folder, learner, settings(minutes), device="cpu")
    run.resume()
    # Its own evaluation stays away: it would not show the variant the depth that it is used with.
    run.train(Scenes(), workers=1, evaluate=lambda *_: {}, journal=Journal(folder), report=ignore)
    row = {"variant": variant.name, "steps": run.progress.step, **evaluate(run.average.module, variant.depth)}
    with atomic_file(result) as beside:
        beside.write_text(json.dumps(row))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="where the trainings go")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training per variant")
    asked = parser.parse_args()
    print("| variant | steps |", " | ".join(COLUMNS), "|")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for number, variant in enumerate(VARIANTS):
        row = train(variant, asked.runs / str(number), asked.minutes)
        print("|", " | ".join(str(row[name]) for name in ("variant", "steps", *COLUMNS)), "|", flush=True)


if __name__ == "__main__":
    main()
