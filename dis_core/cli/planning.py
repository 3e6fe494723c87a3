"""From what was typed to a list of jobs: which result goes where, never two to the same path."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from dis_core.environment import working_folder
from dis_core.errors import BadRequest, NoImage, OutputFailed
from dis_core.files import refuse_taken
from dis_core.images.formats import (
    ENDING_OF_ANIMATION,
    ENDING_OF_FORMAT,
    IMAGE_ENDINGS,
    animation_format_of,
    looks_like_image,
)
from dis_core.jobs.job import Job
from dis_core.places import FileId, Files, Trial, file_id, folded, spelled

STANDARD_STREAM = "-"

CUTOUT_SUFFIX, MASK_SUFFIX, DEPTH_SUFFIX = "-cutout", "-mask", "-depth"
RESULT_SUFFIXES = (CUTOUT_SUFFIX, MASK_SUFFIX)


@dataclass(frozen=True)
class JobTemplate:
    """What all jobs of a run share, and how their results are named: `beach.jpg` becomes `beach-cutout.png`.

    `shared` is a job without its paths, and `suffix` is "-cutout" or "-mask". With `save_depth` each result gets a
    depth map beside it, `beach-cutout-depth.png`.
    """

    shared: Job
    suffix: str
    save_depth: Literal["yes", "no"] = "no"
    animations: Literal["none", "of the same kind", "in the format"] = "none"

    def result_name(self, stem: str, source: Path) -> str:
        """The name of the result of an image that is called `stem` without its ending."""
        kind = animation_format_of(source) if self.animations == "of the same kind" else None
        return f"{stem}{self.suffix}{ENDING_OF_ANIMATION[kind] if kind else ENDING_OF_FORMAT[self.shared.format]}"

    def job(self, source: Path | None, destination: Path) -> Job:
        """The job that writes to `destination`."""
        depth = destination.with_name(f"{destination.stem}{DEPTH_SUFFIX}.png") if self.save_depth == "yes" else None
        job = replace(self.shared, source=source, destination=destination, depth_destination=depth)
        kind = None if self.animations == "none" else animation_format_of(destination)
        return job if kind is None else replace(job, animation=kind, format="png" if kind == "gif" else kind)

    def job_to_stdout(self, source: Path | None) -> Job:
        """The job that writes to standard output."""
        wanted = f"frames{ENDING_OF_FORMAT[self.shared.format]}"
        kind = None if self.animations == "none" else animation_format_of(wanted)
        return replace(self.shared, source=source, animation=kind)


@dataclass(frozen=True)
class Plan:
    """The jobs to run, the folders that could not be read, and the files in folders that are images of other kinds."""

    jobs: list[Job]
    unreadable: list[NoImage] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """An image, and the folder that its path in the tree of results starts from."""

    source: Path
    root: Path


@dataclass(frozen=True)
class Selection:
    """Which of the images are done by this program, and what results of earlier runs are called, without their suffix.

    Names that results have stay theirs, whatever images have come since.
    """

    takes: Callable[[Path], bool] = lambda _source: True
    stem_of: Callable[[Path], str | None] = lambda _source: None


EVERYTHING: Final = Selection()


def plan_jobs(
    inputs: Sequence[str],
    template: JobTemplate,
    *,
    output: str | None,
    recursive: bool,
    selection: Selection = EVERYTHING,
) -> Plan:
    """One job for each image that `inputs` name: files, folders (their images, in order of names) or "-".

    Without `output` a result goes beside its image, "-" to standard output. For one image that is named itself,
    `output` is the file to write, or "-"; otherwise it is a folder, in which the tree of each input folder is kept. No
    result overwrites another one, an image, or a file that the template reads.

    Raises BadRequest for inputs and outputs that do not go together, NoImage if there are no images.
    """
    if output == "":
        raise BadRequest("-o is empty", hint="give a file, a folder or -")
    if STANDARD_STREAM in inputs:
        return Plan([_stream_job(inputs, output, template)])
    one_image = len(inputs) == 1 and not is_folder(inputs[0])
    if one_image and output == STANDARD_STREAM:
        return Plan([template.job_to_stdout(Path(inputs[0]))])
    if one_image and output is not None and not is_folder(output):
        return Plan([_refuse_overwriting_inputs(template.job(Path(inputs[0]), Path(output)))])
    plan = Plan([])
    found = list(_find(inputs, output, plan, recursive=recursive))
    if output == STANDARD_STREAM:
        raise BadRequest("several results cannot all go to standard output", hint="give a folder with -o")
    if output is not None and os.path.isfile(output):  # noqa: PTH113 - Path.is_file raises where it may not look
        raise BadRequest(f"{output} is a file, but several results need a folder", hint="give a folder with -o")
    return replace(plan, jobs=list(_without_collisions(found, output, template, selection)))


def plan_listed(
    listed: Iterable[Path], template: JobTemplate, *, output: str | None, selection: Selection = EVERYTHING
) -> Plan:
    """One job for each file of a list; in the folder `output` their tree below the working folder is kept.

    What is not below it keeps its whole path there, so that the name of a result depends on its image alone.
    """
    here = working_folder()
    found = list(dict.fromkeys(_listed(path, here) for path in listed))
    if output is not None and os.path.isfile(output):  # noqa: PTH113 - Path.is_file raises where it may not look
        raise BadRequest(f"{output} is a file, but several results need a folder", hint="give a folder with -o")
    return Plan(list(_without_collisions(found, output, template, selection)))


def _listed(path: Path, here: Path) -> Found:
    if path.is_absolute() or ".." in path.parts:
        path = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are
        if not path.is_relative_to(here):
            return Found(path, Path(path.anchor))
        path = path.relative_to(here)
    return Found(path, Path())


def split_existing(jobs: Iterable[Job]) -> tuple[list[Job], list[Job]]:
    """(jobs without a result yet, jobs whose result exists).

    A depth map alone is no result: it is written first, so it is what a run leaves that is stopped in between.
    """
    new: list[Job] = []
    existing: list[Job] = []
    for job in jobs:
        is_done = job.destination is not None and os.path.lexists(job.destination)
        (existing if is_done else new).append(job)
    return new, existing


def refuse_existing(jobs: Iterable[Job]) -> None:
    """Raises OutputExists naming the first result that already exists."""
    for job in jobs:
        for path in job.written:
            refuse_taken(path)


def split_unwritable(jobs: Iterable[Job]) -> tuple[list[Job], list[tuple[Job, OutputFailed]]]:
    """(jobs whose results can be written, the others and why not), found by trying, before any of the work."""
    trial = Trial()
    writable: list[Job] = []
    unwritable: list[tuple[Job, OutputFailed]] = []
    for job in jobs:
        is_there = job.source is None or os.path.lexists(job.source)  # if not, that is what is said
        try:
            for path in job.written if is_there else []:
                trial.refuse_unwritable(path, overwrite=job.overwrite)
        except OutputFailed as error:
            unwritable.append((job, error))
        else:
            writable.append(job)
    return writable, unwritable


def is_folder(named: str) -> bool:
    """Whether an input or output is a folder: it is one already, or it is written as one."""
    return named.endswith(("/", os.sep)) or os.path.isdir(named)  # noqa: PTH112 - Path.is_dir raises where it may not look


def _stream_job(inputs: Sequence[str], output: str | None, template: JobTemplate) -> Job:
    if len(inputs) > 1:
        raise BadRequest("standard input (-) is one image and cannot be mixed with other inputs", hint="give it alone")
    if output is None or output == STANDARD_STREAM:
        return template.job_to_stdout(None)
    if is_folder(output):
        raise BadRequest(
            f"{output} is a folder, and an image from standard input has no file name", hint="give a file with -o"
        )
    return _refuse_overwriting_inputs(template.job(None, Path(output)))


def _refuse_overwriting_inputs(job: Job) -> Job:
    """The job itself. Raises BadRequest if it would write over a file that it reads."""
    read = Files(job.read)
    for path in job.written:
        if path in read:
            raise BadRequest(f"{path} is also one of the inputs", hint="give another file with -o")
    return job


def _find(inputs: Sequence[str], output: str | None, plan: Plan, *, recursive: bool) -> Iterator[Found]:
    """The images that the inputs name, each once, in the order they were given; the plan notes what is none."""
    seen: set[tuple[FileId, ...]] = set()
    for named in inputs:
        path = Path(named)
        of_folder = is_folder(named)
        before = len(plan.unreadable), len(plan.passed_over)
        images = _images_in(path, output, plan, recursive=recursive) if of_folder else [path]
        if not images and len(plan.unreadable) == before[0]:
            hint = "" if recursive else "add --recursive to search the folders inside it too"
            if others := plan.passed_over[before[1] :]:
                hint = f"{others[0].name} and the like cannot be read; export them as JPEG, PNG or TIFF"
            raise NoImage(f"there are no images in the folder {path}", hint=hint)
        for image in images:
            if (entry := _entry_of(image)) not in seen:
                seen.add(entry)
                yield Found(image, path if of_folder else path.parent)


def _entry_of(image: Path) -> tuple[FileId, ...]:
    """What all spellings of an image's path have in common; a file with two names is two images."""
    found = Path(os.path.realpath(image))
    return file_id(found), file_id(found.parent), folded(found.name)


def _images_in(folder: Path, output: str | None, plan: Plan, *, recursive: bool) -> list[Path]:
    """Its images in order of names, without hidden files and the results of an earlier run."""

    def note_unreadable(error: OSError) -> None:
        plan.unreadable.append(NoImage(f"cannot read the folder {error.filename}: {error.strerror}"))

    images = []
    for place, folders, files in os.walk(folder, onerror=note_unreadable):
        if output is not None and Path(place) != folder and file_id(Path(place)) == file_id(Path(output)):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if name.startswith("."):
                continue
            if path.suffix.lower() in IMAGE_ENDINGS:
                images.append(path)
            elif looks_like_image(path):
                plan.passed_over.append(path)
    named_after = {image.with_name(stem) for image in images for stem in itertools.islice(stems_of(image), 2)}
    return [image for image in images if not _is_result(image, named_after)]


def _is_result(image: Path, named_after: set[Path]) -> bool:
    """Whether an image has the name of another one's result: beach-cutout.png beside beach.jpg."""
    stem = image.stem.removesuffix(DEPTH_SUFFIX)
    return any(
        stem.endswith(suffix) and stem != suffix and image.with_name(stem.removesuffix(suffix)) in named_after
        for suffix in RESULT_SUFFIXES
    )


def _without_collisions(
    found: Sequence[Found], output: str | None, template: JobTemplate, selection: Selection
) -> Iterator[Job]:
    """A result path for each image; where two would be the same, the old ending, then a number, joins the name."""
    names = ResultNames(output, template, Files([*(item.source for item in found), *template.shared.read]))
    mine = [item for item in found if selection.takes(item.source)]
    named = {item: stem for item in mine if (stem := selection.stem_of(item.source)) is not None}
    had = {
        item: names.job_of(item.source, item.root, itertools.chain([stem], stems_of(item.source)))
        for item, stem in named.items()
    }
    for item in mine:
        yield had.get(item) or names.job_of(item.source, item.root, stems_of(item.source))


class ResultNames:
    """Gives each image a job with a result path of its own, the same one each time that it is asked for.

    Nothing is written to `inputs`. Paths that differ in case only count as the same, as they are on many disks.
    """

    def __init__(self, output: str | None, template: JobTemplate, inputs: Files) -> None:
        self._output, self._template, self._inputs = output, template, inputs
        self._taken: dict[tuple[FileId, str], str] = {}

    def job_of(self, source: Path, root: Path, stems: Iterable[str]) -> Job:
        """The job of an image below `root`; its result is named after the first of the `stems` that is free."""
        within = file_id(source.parent) if self._output is None else ""
        job = self._template.shared
        for stem in stems:
            job = self.job_named(source, root, stem)
            # Not by its number, which it does not have before the first run: names must not change with the next one.
            names = {
                (within, folded(path.name if self._output is None else spelled(path))): str(source)
                for path in job.written
            }
            is_free = all(self._taken.get(name, str(source)) == str(source) for name in names)
            if is_free and not any(path in self._inputs for path in job.written):
                self._taken |= names
                break
        return job

    def job_named(self, source: Path, root: Path, stem: str) -> Job:
        """The job of an image below `root` if its result is named after `stem`."""
        folder = source.parent if self._output is None else Path(self._output) / source.parent.relative_to(root)
        return self._template.job(source, folder / self._template.result_name(stem, source))


def stems_of(source: Path) -> Iterator[str]:
    """What the result of an image can be named after, without end: `beach`, `beach-jpg`, `beach-jpg-2` and so on."""
    yield source.stem
    plain = f"{source.stem}-{source.suffix.lstrip('.').lower()}"
    yield plain
    number = 2
    while True:
        yield f"{plain}-{number}"
        number += 1
