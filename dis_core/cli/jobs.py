"""From what was typed to a list of jobs: which image goes where, without two ever going to the same place."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dis_core.errors import BadRequest, NoImage, OutputExists

STANDARD_STREAM = "-"

IMAGE_ENDINGS = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".apng",
        ".webp",
        ".tif",
        ".tiff",
        ".bmp",
        ".gif",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".tga",
        ".jp2",
        ".j2k",
        ".avif",
        ".ico",
    ]
)
"""Files with these endings are taken from a folder; a file that is named itself may be called anything."""

CUTOUT_SUFFIX, MASK_SUFFIX, DEPTH_SUFFIX = "-cutout", "-mask", "-depth"
RESULT_SUFFIXES = (CUTOUT_SUFFIX, MASK_SUFFIX)

FORMAT_ENDINGS = {".png": "png", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"}


@dataclass(frozen=True)
class Job:
    """One image and where its result goes; None is standard input or standard output."""

    source: Path | None
    destination: Path | None

    @property
    def name(self) -> str:
        """What to call the image in messages."""
        return str(self.source) if self.source else "standard input"


@dataclass(frozen=True)
class Naming:
    """How results are named: `beach.jpg` becomes `beach` + `suffix` + `ending`, such as `beach-cutout.png`."""

    suffix: str
    ending: str


@dataclass(frozen=True)
class _Found:
    """An image with the folder that its place in the result's tree is counted from."""

    source: Path
    root: Path


def plan_jobs(inputs: Sequence[str], *, output: str | None, naming: Naming, recursive: bool) -> list[Job]:
    """One job for each image that `inputs` name: files, folders (their images, in order of names) or "-".

    Without `output` a result goes beside its image, "-" to standard output. With one image that is named itself,
    `output` is the file to write, or "-"; otherwise a folder, in which the tree of each input folder is kept.

    Raises BadRequest for inputs and outputs that do not go together, NoImage for a folder without images.
    """
    if STANDARD_STREAM in inputs:
        return [_stream_job(inputs, output)]
    found = list(_find(inputs, output, recursive=recursive))
    if len(inputs) == 1 and not Path(inputs[0]).is_dir() and output is not None and not _is_folder(output):
        destination = None if output == STANDARD_STREAM else Path(output)
        return [_refuse_itself(Job(found[0].source, destination))]
    if output == STANDARD_STREAM:
        raise BadRequest("several results cannot all go to standard output", hint="name a folder with -o")
    if output is not None and Path(output).is_file():
        raise BadRequest(f"{output} is a file, but several results need a folder", hint="name a folder with -o")
    return list(_without_collisions(found, output, naming))


def split_existing(jobs: Iterable[Job]) -> tuple[list[Job], list[Job]]:
    """(jobs whose result is not there yet, jobs whose result is)."""
    new: list[Job] = []
    existing: list[Job] = []
    for job in jobs:
        taken = job.destination is not None and os.path.lexists(job.destination)
        (existing if taken else new).append(job)
    return new, existing


def refuse_existing(jobs: Iterable[Job]) -> None:
    """Raises OutputExists naming the first result that is already there."""
    for job in split_existing(jobs)[1]:
        raise OutputExists(f"{job.destination} exists already", hint="--overwrite replaces it, -o names another place")


def _stream_job(inputs: Sequence[str], output: str | None) -> Job:
    if len(inputs) > 1:
        raise BadRequest("standard input (-) holds one image and cannot be mixed with other inputs")
    if output is not None and output != STANDARD_STREAM and _is_folder(output):
        raise BadRequest(f"{output} is a folder, and an image from standard input has no name", hint="name a file")
    return Job(None, None if output in (None, STANDARD_STREAM) else Path(str(output)))


def _is_folder(output: str) -> bool:
    return output.endswith(("/", os.sep)) or Path(output).is_dir()


def _refuse_itself(job: Job) -> Job:
    source, destination = job.source, job.destination
    if source and destination and source.exists() and destination.exists() and destination.samefile(source):
        raise BadRequest(f"{job.destination} is the image itself", hint="name another file with -o")
    return job


def _find(inputs: Sequence[str], output: str | None, *, recursive: bool) -> Iterator[_Found]:
    """The images that the inputs name, each once, in the order in which they were named."""
    seen = set()
    for named in inputs:
        path = Path(named)
        images = _images_in(path, output, recursive=recursive) if path.is_dir() else [path]
        if not images:
            deeper = "" if recursive else " (--recursive looks into its folders too)"
            raise NoImage(f"there are no images in the folder {path}{deeper}")
        for image in images:
            key = image.absolute()
            if key not in seen:
                seen.add(key)
                yield _Found(image, path if path.is_dir() else path.parent)


def _images_in(folder: Path, output: str | None, *, recursive: bool) -> list[Path]:
    """Its images in order of names, without hidden files and without results of an earlier run."""
    images = []
    for place, folders, files in os.walk(folder):
        if output is not None and Path(place) != folder and Path(place).absolute() == Path(output).absolute():
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
        stem.endswith(suffix) and image.with_name(stem.removesuffix(suffix)) in named_after
        for suffix in RESULT_SUFFIXES
    )


def _without_collisions(found: Sequence[_Found], output: str | None, naming: Naming) -> Iterator[Job]:
    """Give each image a place of its own: two that would meet get their old endings, then numbers, into their names."""
    taken: set[Path] = {item.source.absolute() for item in found}
    for item in found:
        folder = item.source.parent
        if output is not None:
            folder = Path(output) / item.source.parent.relative_to(item.root)
        for stem in _stems(item.source):
            destination = folder / (stem + naming.suffix + naming.ending)
            if destination.absolute() not in taken:
                break
        taken.add(destination.absolute())
        yield Job(item.source, destination)


def _stems(source: Path) -> Iterator[str]:
    yield source.stem
    plain = f"{source.stem}-{source.suffix.lstrip('.').lower()}"
    yield plain
    number = 2
    while True:
        yield f"{plain}-{number}"
        number += 1
