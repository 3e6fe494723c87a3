"""From what was typed to a list of jobs: which image goes where, without two ever going to the same place."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dis_core.errors import BadRequest, NoImage, OutputExists
from dis_core.images.formats import IMAGE_ENDINGS

STANDARD_STREAM = "-"


CUTOUT_SUFFIX, MASK_SUFFIX, DEPTH_SUFFIX = "-cutout", "-mask", "-depth"
RESULT_SUFFIXES = (CUTOUT_SUFFIX, MASK_SUFFIX)


@dataclass(frozen=True)
class JobPaths:
    """One image (None: standard input), where its result goes (None: standard output), and its depth, if anywhere."""

    source: Path | None
    destination: Path | None
    depth_destination: Path | None = None

    @property
    def name(self) -> str:
        """What to call the image in messages."""
        return str(self.source) if self.source else "standard input"

    @property
    def destinations(self) -> list[Path]:
        """All files that this job writes."""
        return [path for path in (self.destination, self.depth_destination) if path is not None]


@dataclass(frozen=True)
class Naming:
    """How results are named: `beach.jpg` becomes `beach` + `suffix` + `ending`, such as `beach-cutout.png`.

    `with_depth` says that each result gets a depth map beside it, as `beach-cutout-depth.png`.
    """

    suffix: str
    ending: str
    with_depth: Literal["yes", "no"] = "no"

    def job(self, source: Path | None, destination: Path) -> JobPaths:
        """The job that writes to `destination`."""
        depth = destination.with_name(f"{destination.stem}{DEPTH_SUFFIX}.png") if self.with_depth == "yes" else None
        return JobPaths(source, destination, depth)


@dataclass(frozen=True)
class Plan:
    """What to do, and which folders could not be looked into."""

    jobs: list[JobPaths]
    unreadable: list[NoImage]


@dataclass(frozen=True)
class _Found:
    """An image with the folder that its place in the result's tree is counted from."""

    source: Path
    root: Path


def plan_jobs(
    inputs: Sequence[str], *, output: str | None, naming: Naming, recursive: bool, spared: Sequence[Path] = ()
) -> Plan:
    """One job for each image that `inputs` name: files, folders (their images, in order of names) or "-".

    Without `output` a result goes beside its image, "-" to standard output. With one image that is named itself,
    `output` is the file to write, or "-"; otherwise a folder, in which the tree of each input folder is kept. No result
    goes where another one, an image or a file of `spared` is.

    Raises BadRequest for inputs and outputs that do not go together, NoImage if there are no images.
    """
    if output == "":
        raise BadRequest("-o names no place to write to", hint="name a file, a folder or -")
    if STANDARD_STREAM in inputs:
        return Plan([_refuse_spared(_stream_job(inputs, output, naming), spared)], [])
    one_image = len(inputs) == 1 and not is_folder(inputs[0])
    if one_image and output == STANDARD_STREAM:
        return Plan([JobPaths(Path(inputs[0]), None)], [])
    if one_image and output is not None and not is_folder(output):
        source = Path(inputs[0])
        return Plan([_refuse_spared(naming.job(source, Path(output)), [source, *spared])], [])
    unreadable: list[NoImage] = []
    found = list(_find(inputs, output, unreadable, recursive=recursive))
    if output == STANDARD_STREAM:
        raise BadRequest("several results cannot all go to standard output", hint="name a folder with -o")
    if output is not None and os.path.isfile(output):  # noqa: PTH113 - Path.is_file raises where it may not look
        raise BadRequest(f"{output} is a file, but several results need a folder", hint="name a folder with -o")
    return Plan(list(_without_collisions(found, output, naming, spared)), unreadable)


def split_existing(jobs: Iterable[JobPaths]) -> tuple[list[JobPaths], list[JobPaths]]:
    """(jobs of which nothing is there yet, jobs of which something is)."""
    new: list[JobPaths] = []
    existing: list[JobPaths] = []
    for job in jobs:
        (existing if any(map(os.path.lexists, job.destinations)) else new).append(job)
    return new, existing


def refuse_existing(jobs: Iterable[JobPaths]) -> None:
    """Raises OutputExists naming the first result that is already there."""
    for job in jobs:
        for path in filter(os.path.lexists, job.destinations):
            raise OutputExists(f"{path} exists already", hint="--overwrite replaces it, -o names another place")


def is_folder(named: str) -> bool:
    """Whether an input or output is a folder: it is one already, or it is written as one."""
    return named.endswith(("/", os.sep)) or os.path.isdir(named)  # noqa: PTH112 - Path.is_dir raises where it may not look


def _stream_job(inputs: Sequence[str], output: str | None, naming: Naming) -> JobPaths:
    if len(inputs) > 1:
        raise BadRequest("standard input (-) holds one image and cannot be mixed with other inputs")
    if output is None or output == STANDARD_STREAM:
        return JobPaths(None, None)
    if is_folder(output):
        raise BadRequest(f"{output} is a folder, and an image from standard input has no name", hint="name a file")
    return naming.job(None, Path(output))


def _refuse_spared(job: JobPaths, spared: Sequence[Path]) -> JobPaths:
    """The job itself. Raises BadRequest if it would write over a file that it reads."""
    read = {_place(path) for path in spared}
    for path in job.destinations:
        if _place(path) in read:
            raise BadRequest(f"{path} is one of the images to be read", hint="name another file with -o")
    return job


def _place(path: Path) -> str:
    """One spelling for all spellings of one place: links and ".." followed, case folded where the system does."""
    return os.path.normcase(os.path.realpath(path))


def _find(inputs: Sequence[str], output: str | None, unreadable: list[NoImage], *, recursive: bool) -> Iterator[_Found]:
    """The images that the inputs name, each once, in the order in which they were named."""
    seen = set()
    for named in inputs:
        path = Path(named)
        of_folder = is_folder(named)
        before = len(unreadable)
        images = _images_in(path, output, unreadable, recursive=recursive) if of_folder else [path]
        if not images and len(unreadable) == before:
            deeper = "" if recursive else " (--recursive looks into its folders too)"
            raise NoImage(f"there are no images in the folder {path}{deeper}")
        for image in images:
            if _place(image) not in seen:
                seen.add(_place(image))
                yield _Found(image, path if of_folder else path.parent)


def _images_in(folder: Path, output: str | None, unreadable: list[NoImage], *, recursive: bool) -> list[Path]:
    """Its images in order of names, without hidden files and without results of an earlier run."""

    def note(error: OSError) -> None:
        unreadable.append(NoImage(f"the folder {error.filename} cannot be read: {error.strerror}"))

    images = []
    for place, folders, files in os.walk(folder, onerror=note):
        if output is not None and Path(place) != folder and _place(Path(place)) == _place(Path(output)):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if path.suffix.lower() in IMAGE_ENDINGS and not name.startswith("."):
                images.append(path)
    named_after = {image.with_name(stem) for image in images for stem in itertools.islice(_stems(image), 2)}
    return [image for image in images if not _is_result(image, named_after)]


def _is_result(image: Path, named_after: set[Path]) -> bool:
    """Whether an image is named as the result of another one: beach-cutout.png beside beach.jpg."""
    stem = image.stem.removesuffix(DEPTH_SUFFIX)
    return any(
        stem.endswith(suffix) and stem != suffix and image.with_name(stem.removesuffix(suffix)) in named_after
        for suffix in RESULT_SUFFIXES
    )


def _without_collisions(
    found: Sequence[_Found], output: str | None, naming: Naming, spared: Sequence[Path]
) -> Iterator[JobPaths]:
    """Give each image a place of its own: two that would meet get their old endings, then numbers, into their names."""
    taken = {_place(path) for path in (*(item.source for item in found), *spared)}
    for item in found:
        folder = item.source.parent
        if output is not None:
            folder = Path(output) / item.source.parent.relative_to(item.root)
        for stem in _stems(item.source):
            job = naming.job(item.source, folder / (stem + naming.suffix + naming.ending))
            if not any(_place(path) in taken for path in job.destinations):
                break
        taken.update(map(_place, job.destinations))
        yield job


def _stems(source: Path) -> Iterator[str]:
    yield source.stem
    plain = f"{source.stem}-{source.suffix.lstrip('.').lower()}"
    yield plain
    number = 2
    while True:
        yield f"{plain}-{number}"
        number += 1
