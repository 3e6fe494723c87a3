"""`dis-core evaluate`: how good mattes are, compared with the truth."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dis_core.cli.terminal import ProgressStyle, progress_option, progress_report, say, say_event, say_result
from dis_core.errors import BadRequest, OutputExists, OutputFailed
from dis_core.evaluation.scores import MEASURES, find_measure
from dis_core.places import Files, Trial, folded, spelled
from dis_core.progress import Report, span
from dis_core.protocols import Quality

if TYPE_CHECKING:
    from dis_core.evaluation.pairs import Matching, Pair
    from dis_core.evaluation.scores import Scores
    from dis_core.pipeline import Pipeline

_NAMED_AT_MOST = 3


@dataclass(frozen=True)
class Evaluation:
    """The arguments and options of the command, under their names."""

    predictions: Path
    truths: Path
    recursive: bool
    allow_missing: bool
    model: str | None
    device: str
    quality: Quality
    refine: str
    depth_model: str | None
    accept_noncommercial: bool
    save_predictions: Path | None
    stretch: bool
    boundary_px: int | None
    csv: Path | None
    json: Path | None
    sheet: Path | None
    images: Path | None
    worst: int
    worst_by: str
    overwrite: bool
    workers: int | None
    progress: ProgressStyle


PATH = click.Path(path_type=Path)


@click.command()
@click.argument("predictions", type=PATH, metavar="PREDICTIONS|IMAGES")
@click.argument("truths", type=PATH, metavar="TRUTHS")
@click.option("-r", "--recursive", is_flag=True, help="Look into the folders inside both folders too.")
@click.option("--allow-missing", is_flag=True, help="Leave out files that only one of the folders has.")
@click.option("-m", "--model", metavar="NAME", help="First make the predictions with this model, from images.")
@click.option("--device", default="auto", show_default=True, help="With --model: auto, cpu, cuda, cuda:1, ..., mps")
@click.option(
    "--quality",
    type=click.Choice(["draft", "normal", "best"]),
    default="normal",
    show_default=True,
    help="With --model: draft is faster, best is slower.",
)
@click.option(
    "--refine",
    default="auto",
    show_default=True,
    metavar="none|fast|larger|tiles|auto",
    help="With --model: how mattes are refined, as in 'dis-core mask'.",
)
@click.option("--depth-model", metavar="NAME", help="With --model: another depth model; see 'dis-core models'.")
@click.option("--accept-noncommercial", is_flag=True, help="Allow weights that forbid commercial use.")
@click.option("--save-predictions", type=PATH, metavar="FOLDER", help="With --model: keep the predictions there.")
@click.option(
    "--stretch", is_flag=True, help="First stretch each prediction to the range 0 to 1, as for many published numbers."
)
@click.option(
    "--boundary-px",
    type=click.IntRange(1),
    metavar="PIXELS",
    help="How far inwards boundary IoU looks.  [default: 2 % of the image's diagonal]",
)
@click.option("--csv", type=PATH, metavar="FILE", help="Write the scores of each image and their mean as CSV.")
@click.option("--json", type=PATH, metavar="FILE", help="Write the same as JSON, with the definitions of the measures.")
@click.option("--sheet", type=PATH, metavar="FILE", help="Draw the worst images into a .png or .jpg file.")
@click.option("--images", type=PATH, metavar="FOLDER", help="Show these images on the sheet.")
@click.option(
    "--worst", type=click.IntRange(1, 200), default=12, show_default=True, help="How many of the worst images to show."
)
@click.option(
    "--worst-by",
    type=click.Choice([measure.key for measure in MEASURES]),
    default="iou",
    show_default=True,
    help="The measure that decides which images are the worst.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are already there.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="How many processes measure.  [default: one per core]",
)
@progress_option
def evaluate(**values: Any) -> None:  # click passes options by name
    """Measure how good mattes are.

    Compares a folder of predicted mattes with a folder of true ones, or one file with another. Files belong together
    if they have the same name without their endings; a "-mask" before the ending is ignored. With --model, the first
    folder holds images, and the predictions are made from them.

    The measures are max F (beta^2 = 0.3, at the best threshold of each image, then the mean over images; and, as in
    most papers, at the best threshold of the mean curve), weighted F, S-measure, mean E-measure, mean absolute error,
    human correction effort, IoU and boundary IoU at 0.5, and mean boundary accuracy. They need a package: pip install
    'dis-core[evaluation]'
    """
    run_evaluation(Evaluation(**{field.name: values[field.name] for field in fields(Evaluation)}))


def run_evaluation(asked: Evaluation) -> None:
    """Match files, predict if asked to, measure, and show the results.

    Raises BadRequest and OutputExists before any work is done. The first image that fails ends everything, because a
    mean over the others would be that of another set.
    """
    from dis_core.evaluation.metrics import require_pysodmetrics
    from dis_core.evaluation.workers import measure_files

    refuse_contradictions(asked)
    require_pysodmetrics()
    pairs = matched(asked)
    refuse_overwriting_inputs(asked, pairs)
    with progress_report(asked.progress) as report, predicted(asked, pairs, span(report, 0.0, 0.7)) as measurable:
        scores = measure_files(
            measurable,
            workers=asked.workers,
            boundary_px=asked.boundary_px,
            values="stretched" if asked.stretch else "given",
            report=report if asked.model is None else span(report, 0.7, 1.0),
        )
        write_results(asked, measurable, scores)
    show(asked, measurable, scores)


def refuse_contradictions(asked: Evaluation) -> None:
    """Raise BadRequest for options that contradict each other, OutputExists and OutputFailed for unusable outputs.

    Raises UnknownModel too.
    """
    from dis_core.evaluation.sheet import sheet_format
    from dis_core.registry.manager import find_matte_model

    if asked.save_predictions is not None and asked.model is None:
        raise BadRequest("--save-predictions has no effect without --model", hint="add --model, or leave it out")
    of_model = asked.device, asked.quality, asked.refine, asked.depth_model
    if asked.model is None and of_model != ("auto", "normal", "auto", None):
        raise BadRequest(
            "--device, --quality, --refine and --depth-model have no effect without --model",
            hint="add --model, or leave them out",
        )
    if asked.model is not None and find_matte_model(asked.model).prompts:
        raise BadRequest(
            f"{asked.model} needs a prompt that says what to cut out, and a folder of images has none",
            hint="use a model that needs no prompt",
        )
    if asked.images is not None and asked.model is not None:
        raise BadRequest("--images has no effect with --model: the first folder holds the images", hint="leave it out")
    if asked.sheet is not None:
        sheet_format(asked.sheet)
    results = results_of(asked)
    if len({folded(spelled(path)) for path in results}) < len(results):
        raise BadRequest("--csv, --json and --sheet need different files", hint="give each a name of its own")
    for path in results:
        refuse_taken(path, asked)
        if not os.path.isdir(path.parent):  # noqa: PTH112 - Path.is_dir raises where it may not look
            raise OutputFailed(f"there is no folder {path.parent}", hint="create it first, or check the spelling")
        Trial().refuse_unwritable(path, overwrite=asked.overwrite)


def results_of(asked: Evaluation) -> list[Path]:
    """The files to write beside the predictions."""
    return [path for path in (asked.csv, asked.json, asked.sheet) if path is not None]


def refuse_taken(path: Path, asked: Evaluation) -> None:
    """Raise OutputExists if a result would replace a file without --overwrite."""
    if os.path.lexists(path) and not asked.overwrite:
        raise OutputExists(f"{path} already exists", hint="give another name, or replace it with --overwrite")


def matched(asked: Evaluation) -> list[Pair]:
    """The pairs to measure. With a model, `prediction` is still the image that it will be made from."""
    from dis_core.evaluation.pairs import match_files, with_images

    matching = match_files(
        asked.predictions,
        asked.truths,
        recursive=asked.recursive,
        kind="mattes" if asked.model is None else "images",
    )
    if not asked.allow_missing:
        refuse_unmatched(matching)
    say_left_out(matching)
    if asked.images is None:
        return matching.pairs
    return with_images(matching.pairs, asked.images, recursive=asked.recursive)


def refuse_overwriting_inputs(asked: Evaluation, pairs: Sequence[Pair]) -> None:
    """Raise BadRequest if a file of results would replace one that is measured or shown."""
    read = Files(path for pair in pairs for path in (pair.prediction, pair.truth, pair.image) if path is not None)
    for path in results_of(asked):
        if path in read:
            raise BadRequest(f"{path} is also one of the inputs", hint="give it another name")


def refuse_unmatched(matching: Matching) -> None:
    """Raise BadRequest with the names of the first files that only one folder has."""
    for files, what in ((matching.without_prediction, "prediction"), (matching.without_truth, "truth")):
        if files:
            more = len(files) - _NAMED_AT_MOST
            names = ", ".join(map(str, files[:_NAMED_AT_MOST])) + (f" and {more} more" if more > 0 else "")
            hint = "add what is missing, or leave such files out with --allow-missing"
            raise BadRequest(f"there is no {what} for {names}", hint=hint)


def say_left_out(matching: Matching) -> None:
    """Say how many files were left out, or the mean would pass for that of the whole set."""
    for files, what in ((matching.without_prediction, "prediction"), (matching.without_truth, "truth")):
        if files:
            say(f"dis-core: files without a {what} were left out: {len(files)}, for example {files[0]}")


@contextlib.contextmanager
def predicted(asked: Evaluation, pairs: Sequence[Pair], report: Report) -> Iterator[Sequence[Pair]]:
    """The pairs with their predictions: as given, or made by the model and kept or deleted at the end."""
    if asked.model is None:
        yield pairs
    elif asked.save_predictions is not None:
        yield predict(asked, pairs, asked.save_predictions, report)
    else:
        with tempfile.TemporaryDirectory(prefix="dis-core-") as folder:
            yield predict(asked, pairs, Path(folder), report)


def predict(asked: Evaluation, pairs: Sequence[Pair], folder: Path, report: Report) -> list[Pair]:
    """Write the matte of each image to the folder, as an 8-bit PNG under the image's name.

    These files are measured, not the mattes in memory, so that measuring them again later gives the same scores.
    Raises BadRequest if an image or a truth would be replaced, OutputExists, and what `Pipeline.segment` raises.
    """
    planned = [
        replace(pair, image=pair.prediction, prediction=folder.joinpath(*f"{pair.name}.png".split("/")))
        for pair in pairs
    ]
    read = Files(path for pair in pairs for path in (pair.prediction, pair.truth))
    trial = Trial()
    for pair in planned:
        if pair.prediction in read:
            raise BadRequest(
                f"the prediction would replace {pair.prediction}, which is an input",
                hint="keep the predictions in another folder",
            )
        refuse_taken(pair.prediction, asked)
        trial.refuse_unwritable(pair.prediction, overwrite=asked.overwrite)
    from dis_core.pipeline import Pipeline

    pipeline = Pipeline(asked.device)
    for done, pair in enumerate(pairs):
        share = span(report, done / len(pairs), (done + 1) / len(pairs))
        predict_one(asked, pair.prediction, planned[done], pipeline, share)
    return planned


def predict_one(asked: Evaluation, image: Path, pair: Pair, pipeline: Pipeline, report: Report) -> None:
    """Segment the image and write its matte to the file of the pair's prediction."""
    from dis_core.files import make_folder
    from dis_core.images.picture import write_picture
    from dis_core.images.reading import read_picture

    matte = pipeline.segment(
        read_picture(image),
        model=asked.model,
        quality=asked.quality,
        refine=asked.refine,
        depth_model=asked.depth_model,
        accept_noncommercial=asked.accept_noncommercial,
        report=lambda fraction, doing: report(fraction, f"{pair.name}: {doing}"),
    )
    make_folder(pair.prediction.parent)
    write_picture(matte.gray(bits=8), pair.prediction, format="png", overwrite=asked.overwrite)


def write_results(asked: Evaluation, pairs: Sequence[Pair], scores: Sequence[Scores]) -> None:
    """Write the files that were asked for. Raises OutputExists and OutputFailed."""
    from dis_core.evaluation.scores import worst_first
    from dis_core.evaluation.sheet import encode_sheet, sheet_format
    from dis_core.evaluation.tables import csv_table, json_document
    from dis_core.files import write_atomically

    if asked.csv is not None:
        write_atomically(asked.csv, csv_table(pairs, scores), overwrite=asked.overwrite)
    if asked.json is not None:
        data = json_document(pairs, scores, boundary_px=asked.boundary_px)
        write_atomically(asked.json, data, overwrite=asked.overwrite)
    if asked.sheet is not None:
        indices = worst_first(scores, by=find_measure(asked.worst_by))[: asked.worst]
        chosen, theirs = [pairs[index] for index in indices], [scores[index] for index in indices]
        drawn = encode_sheet(chosen, theirs, format=sheet_format(asked.sheet))
        write_atomically(asked.sheet, drawn, overwrite=asked.overwrite)


def show(asked: Evaluation, pairs: Sequence[Pair], scores: Sequence[Scores]) -> None:
    """Print the table to standard output, or the means as an event."""
    from dis_core.evaluation.tables import mean_values, text_table

    if asked.progress == "json":
        say_event("result", images=len(scores), mean=mean_values(scores))
        return
    by = find_measure(asked.worst_by)
    say_result(text_table(pairs, scores, by=by, worst=asked.worst, boundary_px=asked.boundary_px))
