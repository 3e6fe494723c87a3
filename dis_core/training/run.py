"""One training run in a folder: steps, averages, checkpoints, logs. It survives being killed at any moment.

The folder holds `settings.json`, `state.pt` (where a killed run continues from), `log.jsonl` (losses and evaluations),
event files for TensorBoard if wanted, and at the end the trained weights.
"""

from __future__ import annotations

import copy
import math
import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from dis_core.errors import DisError, TrainingDiverged, WeightsCorrupt
from dis_core.files import atomic_write
from dis_core.progress import Report
from dis_core.training.learner import Learner, Losses
from dis_core.training.log import Journal
from dis_core.training.pdfnet_learner import EXACT_DEPTH_SHARE
from dis_core.training.sample import Sample
from dis_core.training.samples import Batches, Source
from dis_core.training.settings import Settings, save_or_compare
from dis_core.weights.checkpoint import read_plain_pickle

WARM_UP_STEPS = 200
LOWEST_RATE = 0.02
"""The last learning rate as a share of the peak."""
KEEP_EVERY_S = 120.0
LOG_EVERY_STEPS = 20
LARGEST_GRADIENT = 5.0


@dataclass
class Progress:
    """How far a run has come: optimizer steps, samples used, and seconds spent training, over all its parts."""

    step: int = 0
    samples: int = 0
    spent_s: float = 0.0


Evaluate = Callable[[Learner, Report], dict[str, float]]


class Run:
    """A learner, its optimizer and its averaged weights, on the way through a training."""

    def __init__(
        self, folder: Path, learner: Learner, settings: Settings, *, device: str, evaluate_every_s: float = 600.0
    ) -> None:
        from timm.utils.model_ema import ModelEmaV3

        self.folder = folder
        self.settings = settings
        self.device = torch.device(device)
        self.learner = learner.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        self.average: Any = ModelEmaV3(self.learner, decay=settings.average_decay, use_warmup=True)  # timm is untyped
        self.optimizer = make_optimizer(self.learner, settings)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "float16")
        self.evaluate_every_s = evaluate_every_s
        self.progress = Progress()

    @property
    def state_file(self) -> Path:
        return self.folder / "state.pt"

    def resume(self) -> None:
        """Continue from the state of an earlier run in this folder, if there is one.

        Raises BadRequest if that run has other settings, WeightsCorrupt if its state cannot be read, OutputFailed.
        """
        save_or_compare(self.settings, self.folder / "settings.json")
        if not self.state_file.exists():
            return
        try:
            state: Any = read_plain_pickle(self.state_file)  # checked by the lines below
            self.learner.load_state_dict(state["learner"])
            self.average.module.load_state_dict(state["average"])
            # The optimizer would keep these very tensors, which are mapped from a file that will be replaced.
            self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
            self.scaler.load_state_dict(state["scaler"])
            self.progress = Progress(**state["progress"])
        except (WeightsCorrupt, RuntimeError, KeyError, TypeError, ValueError) as error:
            raise WeightsCorrupt(
                f"{self.state_file} cannot be used to continue this run: {error}", hint="delete it to start over"
            ) from error

    def keep(self) -> None:
        """Write the state. Raises OutputFailed."""
        state = {
            "learner": self.learner.state_dict(),
            "average": self.average.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "progress": asdict(self.progress),
        }
        with atomic_write(self.state_file) as beside:
            torch.save(state, beside)

    def train(self, source: Source, *, workers: int, evaluate: Evaluate, journal: Journal, report: Report) -> None:
        """Train until the steps or the minutes are used up.

        `report` is called between steps. `evaluate` gets the averaged learner every `evaluate_every_s` and at the end.
        Raises TrainingDiverged, leaving the last good state in place; and what `report` (Cancelled) or reading a sample
        raises, after saving the newest state.
        """
        try:
            for coarse in (True, False):
                self.train_at(source, coarse=coarse, workers=workers, evaluate=evaluate, journal=journal, report=report)
        except TrainingDiverged:
            raise
        except DisError:
            self.keep()
            raise
        self.keep()
        journal.evaluation(self.progress.step, evaluate(self.average.module, report))

    def train_at(
        self, source: Source, *, coarse: bool, workers: int, evaluate: Evaluate, journal: Journal, report: Report
    ) -> None:
        """Train the coarse part at half the side, or the rest at the full side."""
        until = self.settings.coarse_share if coarse else 1.0
        if self.share_done() >= until:
            return
        kept = evaluated = time.monotonic()
        with closing(self.batches(source, coarse=coarse, workers=workers)) as batches:
            while self.share_done() < until:
                began = time.monotonic()
                losses = self.take_step(batches)
                self.progress.spent_s += time.monotonic() - began
                self.report_progress(losses, journal, report)
                if time.monotonic() - kept > KEEP_EVERY_S:
                    self.keep()
                    kept = time.monotonic()
                if time.monotonic() - evaluated > self.evaluate_every_s:
                    journal.evaluation(self.progress.step, evaluate(self.average.module, report))
                    evaluated = time.monotonic()

    def batches(self, source: Source, *, coarse: bool, workers: int) -> Generator[Sample, None, None]:
        """The next batches, on the device."""
        size, side_px = self.settings.batch_size, self.settings.side_px
        if coarse:
            size, side_px = 2 * size, side_px // 2
        dataset = Batches(source, first=-(-self.progress.samples // size), batch_size=size, side_px=side_px)
        loader: DataLoader[Sample | DisError] = DataLoader(
            dataset, batch_size=None, num_workers=workers, worker_init_fn=ignore_ctrl_c
        )
        for batch in loader:
            if isinstance(batch, DisError):
                raise batch
            yield Sample(*(plane.to(self.device, non_blocking=True) for plane in batch))

    def share_done(self) -> float:
        """From 0 at the start to 1 at the end."""
        by_steps = self.progress.step / self.settings.steps
        if self.settings.minutes is None:
            return by_steps
        return max(by_steps, self.progress.spent_s / (60 * self.settings.minutes))

    def take_step(self, batches: Iterator[Sample]) -> list[Losses]:
        """Add up gradients, apply them at the current learning rate, and update the averaged weights."""
        rate = self.settings.learning_rate * rate_share(self.progress.step, self.share_done())
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate"]
        samples, losses = self.progress.samples, []
        for _ in range(self.settings.accumulate):
            batch = next(batches)
            losses.append(self.add_gradients(batch, first_sample=samples))
            samples += len(batch.image)
        self.scaler.unscale_(self.optimizer)
        length = nn.utils.clip_grad_norm_(self.learner.parameters(), LARGEST_GRADIENT)
        if not self.scaler.is_enabled() and not length.isfinite():
            raise TrainingDiverged(
                f"the losses of step {self.progress.step + 1} are not finite",
                hint='the last state is kept; use a lower `learning_rate` or `precision="float32"`, in another folder',
            )
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.step += 1
        self.progress.samples = samples
        self.average.update(self.learner, step=self.progress.step)
        return losses

    def add_gradients(self, batch: Sample, *, first_sample: int) -> Losses:
        """Add the gradients of one batch. The samples that show exact depth depend only on `first_sample`."""
        chance = torch.Generator().manual_seed(self.settings.seed + first_sample)
        is_exact = (torch.rand(len(batch.image), generator=chance) < EXACT_DEPTH_SHARE).to(self.device)
        dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.settings.precision)
        self.learner.train()
        with torch.autocast(self.device.type, dtype, enabled=dtype is not None):
            losses: Losses = self.learner(batch, is_exact)
        self.scaler.scale(losses.total / self.settings.accumulate).backward()  # type: ignore[no-untyped-call]  # torch's
        return Losses(*(loss.detach() for loss in losses))

    def report_progress(self, losses: list[Losses], journal: Journal, report: Report) -> None:
        """Report progress, losses and the time left."""
        share = self.share_done()
        means = {name: sum(getattr(part, name).item() for part in losses) / len(losses) for name in Losses._fields}
        left_s = self.progress.spent_s * (1 - share) / share
        if self.progress.step % LOG_EVERY_STEPS == 0:
            journal.losses(self.progress.step, means, spent_s=self.progress.spent_s)
        lost = f"matte {means['matte']:.2f}, depth {means['depth']:.3f}"
        report(min(share, 1.0), f"step {self.progress.step}, {lost}, {left_s / 60:.0f} min left")


def ignore_ctrl_c(_worker: int) -> None:
    """Ignore Ctrl-C in a worker process: the terminal sends it to all, but only the main process should react."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def make_optimizer(learner: Learner, settings: Settings) -> torch.optim.AdamW:
    """AdamW in four groups: backbones learn more slowly, and norms and biases do not decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in learner.named_parameters():
        if not parameter.requires_grad:
            continue
        groups.setdefault((".backbone." in name, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "rate": settings.backbone_rate if is_backbone else 1.0,
                "weight_decay": settings.weight_decay if decays else 0.0,
            }
            for (is_backbone, decays), parameters in groups.items()
        ],
        lr=settings.learning_rate,
    )


def rate_share(step: int, share_done: float) -> float:
    """The learning rate as a share of the peak: a linear warm-up by steps, then a cosine down to `LOWEST_RATE`."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm * (LOWEST_RATE + (1 - LOWEST_RATE) * (1 + math.cos(math.pi * min(share_done, 1.0))) / 2)
