"""The models that dis-core lists: which there are, which are here, and how large the others are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Sequence

from .settings import AUTOMATIC


@dataclass(frozen=True)
class Model:
    """One model that finds subjects. `missing_bytes` is what would be downloaded, 0 if all of it is here."""

    name: str
    summary: str
    licence: str
    commercial_use: str
    draft: bool
    missing_bytes: int

    @property
    def is_here(self) -> bool:
        return self.missing_bytes == 0

    def label(self) -> str:
        """For a list to choose from."""
        if self.is_here:
            return f"{self.name} (draft)" if self.draft else self.name
        return f"{self.name} ({megabytes(self.missing_bytes)} to download)"

    def terms(self) -> str:
        """What it is and on which terms, for a tooltip."""
        return f"{self.summary}\nLicence: {self.licence}; commercial use: {self.commercial_use}"


def parse_models(listed: bytes) -> list[Model]:
    """The models of `dis-core models --json` that find subjects, in its order; none if it makes no sense."""
    try:
        entries = {str(entry["name"]): entry for entry in json.loads(listed.decode("utf-8"))}
    except (ValueError, KeyError, TypeError):
        return []
    return [_model(entry, entries) for entry in entries.values() if entry.get("task") == "matte"]


def choose(name: str, models: Sequence[Model]) -> Model | None:
    """The model of that name; for the automatic choice the first one that is no draft. None if there is none."""
    for model in models:
        if model.name == name or (name == AUTOMATIC and not model.draft):
            return model
    return None


def megabytes(size_bytes: int) -> str:
    """Such as "411 MB"."""
    return f"{round(size_bytes / 1e6)} MB"


def _model(entry: dict[str, Any], entries: dict[str, dict[str, Any]]) -> Model:
    needed = [entry, *(entries[name] for name in entry.get("needed", ()) if name in entries)]
    return Model(
        name=str(entry["name"]),
        summary=str(entry.get("summary", "")),
        licence=str(entry.get("license", "")),
        commercial_use=str(entry.get("commercial_use", "")),
        draft=bool(entry.get("draft")),
        # A size that nobody knows counts one byte: not here, and to be downloaded.
        missing_bytes=sum(int(part.get("size_bytes") or 1) for part in needed if not part.get("present")),
    )
