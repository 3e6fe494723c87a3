"""Whether there is a place for a model's weights on this machine: folders that may be written, and enough space."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.errors import CacheUnwritable, WeightsMissing
from dis_core.files import free_space, megabytes
from dis_core.weights import hub
from dis_core.weights.records import records_folder, weights_folder

if TYPE_CHECKING:
    from dis_core.model_spec import ModelSpec


def refuse_unwritable(spec: ModelSpec, published: hub.Published | None) -> None:
    """Raise CacheUnwritable before a download or a conversion whose result could not be kept.

    `published` is None where the file is in the Hub's cache already.
    """
    _refuse_folder(records_folder(), "records", "XDG_DATA_HOME")
    if spec.conversion is not None:
        _refuse_folder(weights_folder(), "converted weights", "XDG_CACHE_HOME")
    if published is not None:
        _refuse_folder(hub.cache_folder(), "downloads", "HF_HOME")


def _refuse_folder(folder: Path, purpose: str, variable: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "no permission, or a read-only disk"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise CacheUnwritable(
            f"cannot write to the folder for {purpose}, {folder}: {reason}",
            hint=f"set {variable} to a folder that you may write to",
        )


def refuse_without_room(spec: ModelSpec, published: hub.Published) -> None:
    """Raise WeightsMissing before a download that cannot end well, with the sizes."""
    download = hub.bytes_missing(spec.weights, published)
    converted = published.size_bytes if spec.conversion is not None else 0
    for folder, needed in ((hub.cache_folder(), download), (weights_folder(), download + converted)):
        # The second is exact where both folders are on one disk, which is nearly always, and too careful elsewhere.
        if (free := free_space(folder)) < needed:
            raise WeightsMissing(
                f"{spec.name} needs {megabytes(needed)} of disk space, but only {megabytes(free)} are free in {folder}",
                hint="free some space; HF_HOME moves downloads to another disk, XDG_CACHE_HOME (Linux) converted files",
            )
