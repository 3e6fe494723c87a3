"""The files that loaders take in place of published ones: made once, named alike, removed when outdated."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dis_core.files import unfinished_pattern
from dis_core.weights.checkpoint import convert
from dis_core.weights.hub_cache import sweep_partials
from dis_core.weights.records import Origin, commit_of, record_path, records_folder, weights_folder

if TYPE_CHECKING:
    from pathlib import Path

    from dis_core.model_spec import ModelSpec

_DIGIT = "[0-9a-f]"
_ENDING = ".safetensors"


def write_converted(spec: ModelSpec, source: Path, sha256: str, *, origin: Origin) -> Path:
    """What the model's conversion makes of a checkpoint with this SHA-256; the model's lock is held.

    Raises as `convert` does.
    """
    folder = records_folder() if origin == "file" else weights_folder()
    ready = folder / f"{spec.name}-{sha256[:12]}{_ENDING}"
    declared = f"sha256-{sha256[:12]}" if origin == "file" else spec.weights.revision
    revision = commit_of(spec, source, origin=origin) or declared
    metadata = {"model": spec.name, "source_sha256": sha256, "revision": revision, "origin": origin}
    convert(source, ready, converter=spec.converter, metadata=metadata)
    return ready


def remove_other_conversions(spec: ModelSpec, *, kept: Path) -> None:
    """Remove the model's other converted files: of another version of the conversion, or of another checkpoint."""
    for folder in (weights_folder(), records_folder()):
        with suppress(OSError):  # one that is in use (Windows), or a folder that is not ours: the next one may go
            for converted in folder.glob(f"{spec.name}-{_DIGIT * 12}{_ENDING}"):
                if converted != kept:
                    converted.unlink(missing_ok=True)


def new_joined_file(spec: ModelSpec) -> Path:
    """Where a network in pieces is put together."""
    return weights_folder() / f"{spec.name}-joined.{os.getpid()}.tmp"


def sweep_leftovers(spec: ModelSpec) -> None:
    """Remove what killed programs left: halves of files, and parts of old downloads. The model's lock is held."""
    for folder in (weights_folder(), records_folder()):
        _sweep(folder, unfinished_pattern([*f"{spec.name}-", *[_DIGIT] * 12, *_ENDING]))
    _sweep(weights_folder(), f"{spec.name}-joined.*.tmp")
    _sweep(records_folder(), unfinished_pattern(record_path(spec).name))
    if spec.weights.repo is not None:
        sweep_partials(spec.weights)


def _sweep(folder: Path, pattern: str) -> None:
    with suppress(OSError):  # a folder that is not ours is reported where it matters: when something is saved
        for leftover in folder.glob(pattern):
            leftover.unlink(missing_ok=True)
