"""Set up and run a training, from the command line or from Python.

from dataclasses import replace
from pathlib import Path
from dis_core.training.settings import DataFolder
from dis_core.training.setup import train, usual_settings

settings = replace(usual_settings("dis-lite"), start="embedded", data=(DataFolder("photographs", 0.8),), minutes=60)
(weights,) = train(Path("runs/mine"), settings)
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast, get_args

import torch

from dis_core.device import choose_placement, within_memory
from dis_core.errors import BadRequest
from dis_core.files import locked
from dis_core.model_spec import ModelSpec
from dis_core.models.backbones import efficientnet
from dis_core.models.pdfnet import depth_tiny
from dis_core.places import Trial
from dis_core.progress import Report, ignore, span
from dis_core.registry import manager as registry
from dis_core.registry.selection import refuse_noncommercial
from dis_core.training.export import export
from dis_core.training.imagenet import mix_pretrained_back
from dis_core.training.learner import Learner
from dis_core.training.lite_learner import LiteLearner
from dis_core.training.log import Journal, open_board
from dis_core.training.losses import output_loss
from dis_core.training.mixture import Composites, Mixed
from dis_core.training.networks import (
    MULTIPLES_PX,
    PRESETS,
    NetworkName,
    Sizes,
    Start,
    StartName,
    build_depth_tiny,
    build_dis_lite,
    build_pdfnet,
)
from dis_core.training.pdfnet_learner import PDFNetLearner
from dis_core.training.pseudo_depth import estimate_missing
from dis_core.training.run import Evaluate, Run
from dis_core.training.samples import FIRST_TRAINING_SEED, Folder, InOrder, Scenes, Source, Triple, find_triples
from dis_core.training.settings import Precision, Settings
from dis_core.training.validation import evaluate

HELD_OUT: Final = 24
"""The number of scenes or photographs in an evaluation."""

WORKERS_END_S: Final = 10.0
"""The workers of a training that was killed hold its lock until they notice, after five seconds."""


def usual_settings(network: NetworkName) -> Settings:
    """Defaults for a network: its usual sizes, drawn scenes, and an ImageNet start where there is one."""
    sizes = PRESETS[network]
    return Settings(network, sizes.backbone, sizes.width, sizes.side_px, start=usual_start(sizes.backbone))


def usual_start(backbone: str) -> StartName:
    """`imagenet` where there are weights for the backbone, else `random`."""
    return "imagenet" if backbone in efficientnet.VARIANTS else "random"


def usual_precision(device: str) -> Precision:
    """bfloat16 on a GPU that supports it, float16 on other GPUs, float32 elsewhere."""
    if not device.startswith("cuda"):
        return "float32"
    with torch.cuda.device(device):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"


def train(
    folder: Path,
    settings: Settings,
    *,
    validation: Path | None = None,
    device: str = "auto",
    workers: int = 1,
    mix_back: float = 0.0,
    tensorboard: bool = False,
    accept_noncommercial: bool = False,
    on_start: Callable[[Run], None] = lambda _run: None,
    report: Report = ignore,
) -> list[Path]:
    """Train in `folder` until the settings' steps or minutes are over, and return the paths of the weights.

    Continues a run that an earlier call with the same settings left in `folder`. Evaluates on the folder `validation`,
    or on drawn scenes without one. At the end the backbone moves back towards its ImageNet weights by the share
    `mix_back`. `on_start` is called with the run before its first step.

    Raises BadRequest, NoImage, UnknownModel, LicenseNotAccepted, DeviceUnavailable, OutOfMemory, OutputFailed,
    WeightsCorrupt, TrainingDiverged, and what `report` raises (Cancelled); the state is kept. BadRequest, too, if
    another training runs in `folder`.
    """
    Trial().refuse_unwritable(folder / "settings.json", overwrite=True)
    placement = choose_placement(device)
    refuse_impossible(settings, placement.device, mix_back=mix_back)
    depth = find_depth(settings, accept_noncommercial=accept_noncommercial)
    folders = [find_triples(Path(data.path)) for data in settings.data]
    held_out = None if validation is None else find_triples(validation)
    torch.manual_seed(settings.seed)
    too_much = within_memory(
        placement, "for a batch", hint="use a smaller `batch_size`, and a larger `accumulate` to make up for it"
    )
    with too_much, contextlib.ExitStack() as closing:
        learner = make_learner(settings.network, sizes_of(settings), start_of(settings))
        closing.enter_context(alone_in(folder))  # makes the folder, so only when nothing is left to refuse
        run = Run(folder, learner, settings, device=placement.device)
        run.resume()
        board = None
        if tensorboard:
            board = closing.enter_context(contextlib.closing(open_board(folder, after_step=run.progress.step)))
        journal = Journal(folder, board=board)
        journal.forget_after(run.progress.step)
        complete = Completed(folder, depth, placement.device)
        evaluation = make_evaluation(held_out, learner, complete, settings.side_px, span(report, 0.0, 0.02))
        folders = [
            complete(triples, f"depth-{place}" if place else "depth", span(report, 0.02, 0.05))
            for place, triples in enumerate(folders)
        ]
        on_start(run)
        source = mix(settings, folders)
        run.train(source, workers=workers, evaluate=evaluation, journal=journal, report=span(report, 0.05, 1.0))
        finished: Learner = run.average.module
        if mix_back:
            mix_imagenet_back(finished, cast("efficientnet.Variant", settings.backbone), mix_back)
            journal.evaluation(run.progress.step, evaluation(finished, report))
    return export(finished, folder, settings=settings, steps=run.progress.step)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let one training at a time use a folder; two would overwrite each other. Raises BadRequest, OutputFailed."""
    with locked(folder / ".lock", timeout_s=WORKERS_END_S) as is_mine:
        if not is_mine:
            raise BadRequest(f"another training runs in {folder}", hint="wait for it, or use another folder")
        yield


def refuse_impossible(settings: Settings, device: str, *, mix_back: float) -> None:
    """Raises BadRequest for settings that contradict each other."""
    multiple = MULTIPLES_PX[settings.network] * (2 if settings.coarse_share else 1)
    if settings.side_px % multiple:
        raise BadRequest(
            f"the side of the input must be a multiple of {multiple}, not {settings.side_px}",
            hint=f"use {max(round(settings.side_px / multiple), 1) * multiple}",
        )
    if sum(data.share for data in settings.data) > 1 + 1e-6:
        shares = " + ".join(str(data.share) for data in settings.data)
        raise BadRequest(f"the shares of the data add up to more than 1: {shares}", hint="use smaller shares")
    if settings.composite_share and not settings.data:
        raise BadRequest(
            "composites need photographs, and there is no folder of data",
            hint="use `data`, or leave out `composite_share`",
        )
    on_cuda = device.startswith("cuda")
    if (settings.precision == "float16" and not on_cuda) or (settings.precision == "bfloat16" and device == "mps"):
        raise BadRequest(
            f"training in {settings.precision} is not supported on {device}", hint='use `precision="float32"`'
        )
    if mix_back and settings.start != "imagenet":
        raise BadRequest(
            f"cannot mix back: the training starts from {settings.start!r}, not from 'imagenet'",
            hint='use `start="imagenet"`, or leave out `mix_back`',
        )


def sizes_of(settings: Settings) -> Sizes:
    return Sizes(settings.backbone, settings.width, settings.side_px)


def start_of(settings: Settings) -> Start:
    """A name, or the path of a file of weights. Raises BadRequest if there is no such file."""
    names: tuple[StartName, ...] = get_args(StartName)
    if settings.start in names:
        return settings.start
    if not Path(settings.start).is_file():
        raise BadRequest(
            f"cannot start from {settings.start!r}: there is no such file",
            hint=f"use {', '.join(names)}, or a weights file",
        )
    return Path(settings.start)


def make_learner(network: NetworkName, sizes: Sizes, start: Start) -> Learner:
    """The networks before their first step. Raises BadRequest, WeightsCorrupt, and what fetching weights raises."""
    if network == "dis-lite":
        return LiteLearner(build_dis_lite(sizes, start))
    own_depth = build_depth_tiny("imagenet" if start == "imagenet" else start) if network == "pdfnet-tiny" else None
    pdfnet = build_pdfnet(sizes, start)
    return PDFNetLearner(pdfnet, name=network, width=sizes.width, own_depth=own_depth, output_loss=output_loss)


def mix_imagenet_back(learner: Learner, variant: efficientnet.Variant, share: float) -> None:
    """Move the backbones back towards the weights that they started from."""
    if isinstance(learner, PDFNetLearner):
        backbone = learner.pdfnet.encoder.backbone
        if learner.own_depth is not None:
            depth = learner.own_depth.backbone
            mix_pretrained_back(depth, variant=depth_tiny.BACKBONE, levels=3, share=share)
    elif isinstance(learner, LiteLearner):
        backbone = learner.network.backbone
    mix_pretrained_back(backbone, variant=variant, levels=4, share=share)


def find_depth(settings: Settings, *, accept_noncommercial: bool) -> ModelSpec | None:
    """The model that estimates missing depth maps, or None for a network that does not use depth.

    Raises UnknownModel, LicenseNotAccepted, and BadRequest if a depth model is named for such a network.
    """
    if settings.network == "dis-lite":
        if settings.depth_model is not None:
            raise BadRequest(
                f"dis-lite does not use depth, so {settings.depth_model!r} is of no use", hint="leave out `depth_model`"
            )
        return None
    own = "depth-tiny" if settings.network == "pdfnet-tiny" else "depth-anything-v2-small"
    spec = registry.find_depth_model(settings.depth_model or own)
    if not accept_noncommercial:
        refuse_noncommercial(spec)
    return spec


@dataclass(frozen=True)
class Completed:
    """Adds missing depth maps for a network that uses depth; they are kept in the run's folder."""

    folder: Path
    spec: ModelSpec | None
    device: str

    def __call__(self, triples: list[Triple], kept_in: str, report: Report) -> list[Triple]:
        """Raises what loading a depth model and reading images raises."""
        if self.spec is None:
            return triples
        return estimate_missing(triples, self.folder / kept_in, spec=self.spec, device=self.device, report=report)


def make_evaluation(
    triples: list[Triple] | None, learner: Learner, complete: Completed, side_px: int, report: Report
) -> Evaluate:
    """The function that evaluates a run, on two dozen photographs of a folder or on drawn scenes."""
    source: Source = Scenes(0)
    count = HELD_OUT
    if triples is not None:
        triples = triples[:: -(-len(triples) // HELD_OUT)]
        if learner.needs_depth:
            triples = complete(triples, "validation-depth", report)
        source, count = InOrder(triples), len(triples)
    return functools.partial(evaluate, source=source, numbers=range(count), side_px=side_px, device=complete.device)


def mix(settings: Settings, folders: Sequence[Sequence[Triple]]) -> Source:
    """The samples to train on, in the shares of the settings."""
    # Every seed gets its own million scenes, after those used for evaluation.
    scenes = Scenes(FIRST_TRAINING_SEED * (1 + settings.seed))
    if not folders:
        return scenes
    sources: list[Source] = [scenes]
    shares = [settings.scene_share]
    for data, triples in zip(settings.data, folders, strict=True):
        sources += [Folder(triples, settings.seed), Composites(triples, settings.seed)]
        shares += [data.share * (1 - settings.composite_share), data.share * settings.composite_share]
    used = [(source, share) for source, share in zip(sources, shares, strict=True) if share]
    return Mixed([source for source, _ in used], [share for _, share in used], settings.seed)
