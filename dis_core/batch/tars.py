"""Tars in webdataset's naming: `key.jpg` in; `key.png` out in its place, or `key.matte.png` beside it for masks.

All other files of a sample are kept. A sample whose image failed is kept as it is, with a `key.error.json` more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from dis_core.batch.containers import ERROR_ENDING, Item, error_as_json
from dis_core.batch.cutter import Cut
from dis_core.batch.tar_members import GrowingTar, Member, read_members
from dis_core.images.formats import IMAGE_ENDINGS
from dis_core.jobs.job import Job, JobFailure


def split_name(name: str) -> tuple[str, str]:
    """(key, ending) as webdataset splits names: at the first dot behind the last slash."""
    folder, slash, base = name.rpartition("/")
    stem, _, ending = base.partition(".")
    return f"{folder}{slash}{stem}", ending


def samples(members: Iterator[Member]) -> Iterator[tuple[str, list[Member]]]:
    """The files of each sample, which stand one behind the other."""
    for key, files in groupby(members, key=lambda member: split_name(member.name)[0]):
        yield key, list(files)


def image_of(members: Sequence[Member]) -> Member | None:
    """The image of a sample: the first file whose whole ending is that of an image; `key.depth.png` is none."""
    return next((m for m in members if f".{split_name(m.name)[1].lower()}" in IMAGE_ENDINGS), None)


class TarOfSamples:
    """A tar of samples becomes a tar of samples, with the same keys in the same order."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def items(self, source: Path) -> Iterator[Item]:
        """The samples. Raises BadRequest for a damaged tar."""
        for key, members in samples(read_members(source)):
            image = image_of(members)
            yield Item(key, None if image is None else image.data, partial(self._members, key, members, image))

    def items_again(self, source: Path, results: Path) -> Iterator[Item]:  # noqa: ARG002 - all is in the results
        """The samples as they are among the results, where those that failed still have their images."""
        return self.items(results)

    def finished(self, collected: GrowingTar, source: Path) -> Path:  # noqa: ARG002 - all is in what was collected
        """The tar that was collected is the result."""
        collected.finish()
        return collected.path

    def _members(
        self, key: str, members: Sequence[Member], image: Member | None, made: Cut | JobFailure | None
    ) -> list[Member]:
        """The files of the sample of a result."""
        kept = [member for member in members if split_name(member.name)[1] != ERROR_ENDING]
        if image is None or made is None:
            return list(members)
        if isinstance(made, JobFailure):
            return [*kept, Member(f"{key}.{ERROR_ENDING}", error_as_json(made.error), image.mtime)]
        is_mask = self._job.style.kind == "mask"
        others = [member.name for member in kept if member is not image]
        name = f"{key}.matte{self._job.ending}" if is_mask else f"{key}{self._job.ending}"
        if name in others:
            name = f"{key}.{self._job.style.kind}{self._job.ending}"
        result = Member(name, made.data, image.mtime)
        out: list[Member] = []
        for member in kept:
            if member is image:
                out += [image, result] if is_mask else [result]
            elif member.name != name:
                out.append(member)
        return out
