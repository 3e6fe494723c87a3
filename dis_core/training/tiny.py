"""Train the embedded draft model: `python -m dis_core.training.tiny --minutes 60 --folder runs/tiny`.

The depth network and the PDFNet learn side by side: PDFNet mostly sees the depth that its own depth network estimates,
because that is what it will see in use. A run that was killed goes on from its last checkpoint when started again.
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from dis_core.models import depth_anything, pdfnet_segmenter
from dis_core.models.arrays import IMAGENET_MEAN, IMAGENET_STD, to_tensor
from dis_core.models.pdfnet import PDFNetOutput
from dis_core.models.pdfnet_segmenter import scale_each_to_unit
from dis_core.models.resample import resize_to_corners, shrink_smoothly
from dis_core.training.losses import output_loss
from dis_core.training.scenes import make_scene

SIDE_PX = 256
DEPTH_SIDE_PX = 252
HELD_OUT_SEEDS = range(64)
"""Never trained on: training seeds start far above."""
FIRST_TRAINING_SEED = 1_000_000
WARM_UP_STEPS = 200

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """Images (B, 3, H, W) sRGB, mattes and depths (B, 1, H, W), all float32 in [0, 1]."""

    image: torch.Tensor
    alpha: torch.Tensor
    depth: torch.Tensor


class SceneStream(IterableDataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """An endless row of scenes from `first_seed` on, shared out among the loader's workers."""

    def __init__(self, first_seed: int) -> None:
        self.first_seed = first_seed

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        worker = get_worker_info()
        seed, step = (self.first_seed + worker.id, worker.num_workers) if worker else (self.first_seed, 1)
        while True:
            yield scene_tensors(seed)
            seed += step


def scene_tensors(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One scene as (3, H, W), (1, H, W) and (1, H, W)."""
    scene = make_scene(seed, (SIDE_PX, SIDE_PX))
    return to_tensor(scene.image)[0].contiguous(), to_tensor(scene.alpha)[0], to_tensor(scene.depth)[0]


class TinyPair(nn.Module):
    """Both networks of the draft model, trained and saved together."""

    def __init__(self) -> None:
        super().__init__()
        self.depth_network = depth_anything.tiny_network()
        # The head ends in a ReLU: starting above zero keeps it from starting dead.
        last: nn.Conv2d = self.depth_network.head.conv3
        if last.bias is not None:
            nn.init.constant_(last.bias, 0.4)
        self.pdfnet = pdfnet_segmenter.tiny_network().to(memory_format=torch.channels_last)

    def estimate_depth(self, normalised: torch.Tensor) -> torch.Tensor:
        """(B, 3, 256, 256) ImageNet-normalised -> (B, 1, 256, 256)."""
        small = shrink_smoothly(normalised, (DEPTH_SIDE_PX, DEPTH_SIDE_PX))
        depth: torch.Tensor = self.depth_network(small).predicted_depth[:, None]
        return resize_to_corners(depth, (SIDE_PX, SIDE_PX))


def depth_loss(prediction: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Mean absolute error, and that of the slopes at three scales so that edges stand where the objects' edges are."""
    error = prediction - depth
    loss = error.abs().mean()
    for stride in (1, 2, 4):
        coarse = error[:, :, ::stride, ::stride]
        loss = loss + coarse.diff(dim=2).abs().mean() + coarse.diff(dim=3).abs().mean()
    return loss


def training_loss(pair: TinyPair, batch: Batch, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """The losses of PDFNet and of the depth network on one batch.

    One image in five brings its exact depth, so that a user's own depth map is no surprise either.
    """
    normalised = ((batch.image - IMAGENET_MEAN) / IMAGENET_STD).contiguous(memory_format=torch.channels_last)
    estimate = pair.estimate_depth(normalised)
    exact = torch.rand((len(batch.image), 1, 1, 1), generator=generator) < 0.2
    seen = scale_each_to_unit(torch.where(exact, batch.depth, estimate.detach()))
    output: PDFNetOutput = pair.pdfnet(normalised, seen)
    matte_loss = output_loss(output.logits, batch.alpha, batch.depth)
    # The side outputs are supervised at half size: they are no finer, and it costs a quarter.
    half_alpha, half_depth = F.avg_pool2d(batch.alpha, 2), F.avg_pool2d(batch.depth, 2)
    side_losses = [output_loss(side, half_alpha, half_depth) for side in output.sides]
    return matte_loss + 0.5 * torch.stack(side_losses).sum(), depth_loss(estimate, batch.depth)


@torch.no_grad()
def evaluate(pair: TinyPair, seeds: range) -> dict[str, float]:
    """Mean absolute error, IoU at 0.5 and best F (beta^2 = 0.3, threshold per image) on scenes with its own depth."""
    errors, overlaps, scores = [], [], []
    for seed in seeds:
        image, alpha, _ = scene_tensors(seed)
        normalised = (image[None] - IMAGENET_MEAN) / IMAGENET_STD
        depth = scale_each_to_unit(pair.estimate_depth(normalised))
        matte = pair.pdfnet(normalised, depth).logits.sigmoid()[0]
        truth = alpha > 0.5
        errors.append((matte - alpha).abs().mean().item())
        overlaps.append(_overlap(matte > 0.5, truth))
        scores.append(max(_f_score(matte > t, truth) for t in torch.arange(0.05, 1.0, 0.05)))
    count = len(errors)
    return {"mae": sum(errors) / count, "iou": sum(overlaps) / count, "max_f": sum(scores) / count}


def _overlap(found: torch.Tensor, truth: torch.Tensor) -> float:
    return ((found & truth).sum() / (found | truth).sum().clamp(min=1)).item()


def _f_score(found: torch.Tensor, truth: torch.Tensor) -> float:
    hit = (found & truth).sum()
    precision, recall = hit / found.sum().clamp(min=1), hit / truth.sum().clamp(min=1)
    return (1.3 * precision * recall / (0.3 * precision + recall).clamp(min=1e-9)).item()


class Run:
    """One training run in a folder: what it needs to go on after a kill is in its `state.pt`."""

    def __init__(self, folder: Path, *, minutes: float, batch_size: int, learning_rate: float) -> None:
        self.folder = folder
        self.budget_s = minutes * 60
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.pair = TinyPair()
        self.average = copy.deepcopy(self.pair).requires_grad_(requires_grad=False)
        self.optimiser = torch.optim.AdamW(self.pair.parameters(), lr=learning_rate, weight_decay=0.02)
        self.step = 0
        self.spent_s = 0.0

    @property
    def state_file(self) -> Path:
        return self.folder / "state.pt"

    def resume(self) -> None:
        """Take up the state of an earlier, unfinished run in this folder, if there is one."""
        if not self.state_file.exists():
            return
        state = torch.load(self.state_file, weights_only=True)
        self.pair.load_state_dict(state["pair"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent_s = state["step"], state["spent_s"]

    def keep(self) -> None:
        """Write the state beside, then rename: a kill leaves the old one or the new one."""
        beside = self.state_file.with_suffix(".new")
        torch.save(
            {
                "pair": self.pair.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "spent_s": self.spent_s,
            },
            beside,
        )
        beside.replace(self.state_file)

    def train(self) -> None:
        """Train until the budget is spent."""
        generator = torch.Generator().manual_seed(self.step)
        scenes = SceneStream(FIRST_TRAINING_SEED + self.step * self.batch_size)
        loader = DataLoader(scenes, batch_size=self.batch_size, num_workers=1, prefetch_factor=4)
        started, before, kept = time.monotonic(), self.spent_s, time.monotonic()
        for image, alpha, depth in loader:
            self.spent_s = before + time.monotonic() - started
            if self.spent_s >= self.budget_s:
                break
            losses = self.take_step(Batch(image, alpha, depth), generator)
            if self.step % 50 == 0:
                logger.info("step %d, %.1f min: matte %.3f, depth %.4f", self.step, self.spent_s / 60, *losses)
            if time.monotonic() - kept > 180:
                self.keep()
                kept = time.monotonic()
                logger.info("held out: %s", {k: round(v, 4) for k, v in evaluate(self.average, range(24)).items()})
        self.keep()

    def take_step(self, batch: Batch, generator: torch.Generator) -> tuple[float, float]:
        """One step of the optimiser and of the moving average; returns both losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate * self.schedule()
        matte_loss, relief_loss = training_loss(self.pair, batch, generator)
        self.optimiser.zero_grad(set_to_none=True)
        (matte_loss + 5 * relief_loss).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        nn.utils.clip_grad_norm_(self.pair.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        decay = min(0.998, (1 + self.step) / (10 + self.step))
        for kept, new in zip(self.average.parameters(), self.pair.parameters(), strict=True):
            kept.lerp_(new.detach(), 1 - decay)
        return matte_loss.item(), relief_loss.item()

    def schedule(self) -> float:
        """Warm-up by steps, then a cosine over the time budget down to one fiftieth."""
        warm = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        share = min(self.spent_s / self.budget_s, 1.0)
        return warm * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)

    def export(self) -> None:
        """Write both averaged networks as float16 safetensors, as they lie in the package's `embedded` folder."""
        for name, network in (("pdfnet-tiny", self.average.pdfnet), ("depth-tiny", self.average.depth_network)):
            tensors = {key: value.half().contiguous() for key, value in network.state_dict().items()}
            save_file(tensors, self.folder / f"{name}.safetensors", metadata={"steps": str(self.step)})


def main() -> None:
    """Train, evaluate on held-out scenes and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where the state and the results go")
    parser.add_argument("--minutes", type=float, default=60, help="training time, over all resumptions")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    chosen.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    run = Run(
        chosen.folder,
        minutes=chosen.minutes,
        batch_size=chosen.batch_size,
        learning_rate=chosen.learning_rate,
    )
    run.resume()
    run.train()
    logger.info("held out, %d scenes: %s", len(HELD_OUT_SEEDS), evaluate(run.average, HELD_OUT_SEEDS))
    run.export()


if __name__ == "__main__":
    main()
