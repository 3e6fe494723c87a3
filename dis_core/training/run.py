"""One training run in a folder: steps, averages, checkpoints, logs; it can be killed at any moment and goes on.

The folder holds `settings.json` (what was asked for), `state.pt` (what a killed run goes on from), `log.jsonl` (losses
and evaluations) and, for TensorBoard, event files; at the end, the trained weights.
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
from dis_core.files import written_whole
from dis_core.progress import Report
from dis_core.training.learner import Learner, Losses
from dis_core.training.log import Journal
from dis_core.training.pdfnet_learner import EXACT_DEPTH_SHARE
from dis_core.training.sample import Sample
from dis_core.training.samples import Batches, Source
from dis_core.training.settings import Settings, hold_to
from dis_core.weights.checkpoint import read_plain_pickle

WARM_UP_STEPS = 200
LOWEST_RATE = 0.02
"""The last learning rate as a share of the highest."""
KEEP_EVERY_S = 120.0
LOG_EVERY_STEPS = 20
LARGEST_GRADIENT = 5.0


@dataclass
class Progress:
    """How far a run is: optimizer steps, samples taken, and seconds of training over all its parts."""

    step: int = 0
    samples: int = 0
    spent_s: float = 0.0


Evaluate = Callable[[Learner, Report], dict[str, float]]


class Run:
    """A learner on its way."""

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
        """Take up what an earlier run in this folder left, if there is something.

        Raises BadRequest if it began under other settings, WeightsCorrupt if its state cannot be read, OutputFailed.
        """
        hold_to(self.settings, self.folder / "settings.json")
        if not self.state_file.exists():
            return
        try:
            state: Any = read_plain_pickle(self.state_file)  # checked by what is done with it
            self.learner.load_state_dict(state["learner"])
            self.average.module.load_state_dict(state["average"])
            # The optimizer would keep the tensors that it is given, and these lie in a file that is to be replaced.
            self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
            self.scaler.load_state_dict(state["scaler"])
            self.progress = Progress(**state["progress"])
        except (WeightsCorrupt, RuntimeError, KeyError, TypeError, ValueError) as error:
            raise WeightsCorrupt(
                f"{self.state_file} is not the state of this run: {error}", hint="delete it to begin anew"
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
        with written_whole(self.state_file) as beside:
            torch.save(state, beside)

    def train(self, source: Source, *, workers: int, evaluate: Evaluate, journal: Journal, report: Report) -> None:
        """Train until the steps or the minutes are used up.

        `report` is called between steps. `evaluate` gets the averaged learner, every `evaluate_every_s` and at the end.
        Raises TrainingDiverged with the last good state left, and with the newest one kept: Cancelled if `report` does,
        and what reading a sample raises.
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
        """Train at half the side, or at the full side, until that part is over."""
        until = self.settings.coarse_share if coarse else 1.0
        if self.share_done() >= until:
            return
        kept = evaluated = time.monotonic()
        with closing(self.batches(source, coarse=coarse, workers=workers)) as batches:
            while self.share_done() < until:
                began = time.monotonic()
                losses = self.take_step(batches)
                self.progress.spent_s += time.monotonic() - began
                self.tell(losses, journal, report)
                if time.monotonic() - kept > KEEP_EVERY_S:
                    self.keep()
                    kept = time.monotonic()
                if time.monotonic() - evaluated > self.evaluate_every_s:
                    journal.evaluation(self.progress.step, evaluate(self.average.module, report))
                    evaluated = time.monotonic()

    def batches(self, source: Source, *, coarse: bool, workers: int) -> Generator[Sample, None, None]:
        """What comes next, on the device."""
        size, side_px = self.settings.batch_size, self.settings.side_px
        if coarse:
            size, side_px = 2 * size, side_px // 2
        dataset = Batches(source, first=-(-self.progress.samples // size), batch_size=size, side_px=side_px)
        loader: DataLoader[Sample | DisError] = DataLoader(
            dataset, batch_size=None, num_workers=workers, worker_init_fn=leave_ctrl_c_alone
        )
        for batch in loader:
            if isinstance(batch, DisError):
                raise batch
            yield Sample(*(plane.to(self.device, non_blocking=True) for plane in batch))

    def share_done(self) -> float:
        """0 at the start to 1 at the end."""
        by_steps = self.progress.step / self.settings.steps
        if self.settings.minutes is None:
            return by_steps
        return max(by_steps, self.progress.spent_s / (60 * self.settings.minutes))

    def take_step(self, batches: Iterator[Sample]) -> list[Losses]:
        """Gather gradients, apply them at the rate of this moment, and follow with the average."""
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
                hint='its state before is kept: try a lower `learning_rate`, or `precision="float32"`, elsewhere',
            )
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.step += 1
        self.progress.samples = samples
        self.average.update(self.learner, step=self.progress.step)
        return losses

    def add_gradients(self, batch: Sample, *, first_sample: int) -> Losses:
        """The losses of one batch, differentiated. Which samples bring their exact depth follows from their number."""
        chance = torch.Generator().manual_seed(self.settings.seed + first_sample)
        is_exact = (torch.rand(len(batch.image), generator=chance) < EXACT_DEPTH_SHARE).to(self.device)
        dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.settings.precision)
        self.learner.train()
        with torch.autocast(self.device.type, dtype, enabled=dtype is not None):
            losses: Losses = self.learner(batch, is_exact)
        self.scaler.scale(losses.total / self.settings.accumulate).backward()  # type: ignore[no-untyped-call]  # torch's
        return Losses(*(loss.detach() for loss in losses))

    def tell(self, losses: list[Losses], journal: Journal, report: Report) -> None:
        """Say how far the run is, what it loses, and how long it will take."""
        share = self.share_done()
        means = {name: sum(getattr(part, name).item() for part in losses) / len(losses) for name in Losses._fields}
        left_s = self.progress.spent_s * (1 - share) / share
        if self.progress.step % LOG_EVERY_STEPS == 0:
            journal.losses(self.progress.step, means, spent_s=self.progress.spent_s)
        lost = f"matte {means['matte']:.2f}, depth {means['depth']:.3f}"
        report(min(share, 1.0), f"step {self.progress.step}, {lost}, {left_s / 60:.0f} min left")


def leave_ctrl_c_alone(_worker: int) -> None:
    """In a process that prepares samples: the terminal sends Ctrl-C to all, but only the trainer knows what to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def make_optimizer(learner: Learner, settings: Settings) -> torch.optim.AdamW:
    """AdamW in four groups: the backbones learn slower, and norms and biases do not decay."""
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
    """The learning rate as a share of the highest: a linear warm-up by steps, then a cosine down to `LOWEST_RATE`."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm * (LOWEST_RATE + (1 - LOWEST_RATE) * (1 + math.cos(math.pi * min(share_done, 1.0))) / 2)
