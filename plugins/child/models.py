"""The models that dis-core lists: which there are, which are here, and how large the others are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Sequence

from .settings import AUTOMATIC


@dataclass(frozen=True)
class Model:
    """One model that finds subjects. `missing_bytes` is what would be downloaded, 0 if all of it is here.

    `is_told` says that it cuts out what a box is around. `by_hand` is the page from which a person has to fetch its
    file, if it is not here and no program can.
    """

    name: str
    summary: str
    licence: str
    commercial_use: str
    draft: bool
    missing_bytes: int
    is_told: bool = False
    by_hand: str = ""

    @property
    def is_here(self) -> bool:
        return self.missing_bytes == 0

    def label(self) -> str:
        """For a list to choose from."""
        if self.is_here:
            return f"{self.name} (draft)" if self.draft else self.name
        missing = "to be fetched by hand" if self.by_hand else f"{megabytes(self.missing_bytes)} to download"
        return f"{self.name} ({missing})"

    def terms(self) -> str:
        """What it is and on which terms, for a tooltip."""
        return f"{self.summary}\nLicence: {self.licence}; commercial use: {self.commercial_use}"


def parse_models(listed: bytes) -> list[Model]:
    """The models of `dis-core models --json` that find subjects, in its order; none if it makes no sense.

    A model that wants to be told by points alone is left out: a selection holds none.
    """
    try:
        entries = {str(entry["name"]): entry for entry in json.loads(listed.decode("utf-8"))}
    except (ValueError, KeyError, TypeError):
        return []
    return [_model(entry, entries) for entry in entries.values() if entry.get("task") == "matte" and _is_usable(entry)]


def choose(name: str, models: Sequence[Model]) -> Model | None:
    """The model of that name; for the automatic choice the first one that is no draft and finds the subject by itself.

    None if there is none.
    """
    for model in models:
        if model.name == name or (name == AUTOMATIC and not (model.draft or model.is_told)):
            return model
    return None


def megabytes(size_bytes: int) -> str:
    """Such as "411 MB"."""
    return f"{round(size_bytes / 1e6)} MB"


def _is_usable(entry: dict[str, Any]) -> bool:
    return not entry.get("prompts") or "box" in entry["prompts"]


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
        is_told=bool(entry.get("prompts")),
        by_hand="" if entry.get("present") else str(entry.get("homepage") or ""),
    )
