"""The models that dis-core lists: which are installed, and how large the others are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Sequence

from .core_words import in_words
from .settings import AUTOMATIC
from .words import _, later

GOOD_AT = {
    "pdfnet": later("best edges"),
    "dis-lite": later("quick"),
    "birefnet": later("all kinds of pictures"),
    "birefnet-hr": later("fine, slow"),
    "birefnet-hr-matting": later("hair, fine, slow"),
    "birefnet-matting": later("hair and fur"),
    "birefnet-portrait": later("people"),
    "birefnet-lite": later("quick, good edges"),
    "birefnet-lite-matting": later("hair, quick"),
    "lucida": later("glass, glow and text"),
    "toonout": later("drawings"),
    "isnet": later("lean, good edges"),
    "dis-sam": later("what you select roughly"),
    "dis-sam-base": later("what you select roughly, quicker"),
    "diffdis": later("very slow"),
}
"""What a painter would choose a model for, in a few words."""


@dataclass(frozen=True)
class Model:
    """One model that finds subjects. `missing_bytes` is the size of the download, 0 if nothing is missing.

    `needs_selection`: it cuts out what the selection surrounds. `takes_points`: it cuts out what it is pointed at.
    `download_page` is where the user has to download its
    file, if it is missing and programs cannot download it. `install_commands` install the missing packages of the
    model and of the models that it needs.
    """

    name: str
    summary: str
    license: str
    commercial_use: str
    embedded: bool
    missing_bytes: int
    needs_selection: bool = False
    takes_points: bool = False
    download_page: str = ""
    install_commands: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether it can run now."""
        return not (self.missing_bytes or self.download_page or self.install_commands)

    def label(self) -> str:
        """The line in the list of models: what it is good at, and what it takes to have it."""
        name = self.name
        if name in GOOD_AT:
            name = _("{model}: {good_at}", model=name, good_at=_(GOOD_AT[name]))
        if self.install_commands:
            return _("{model} (needs a package)", model=name)
        if self.download_page:
            return _("{model} (manual download)", model=name)
        if self.missing_bytes:
            return _("{model} ({size} download)", model=name, size=megabytes(self.missing_bytes))
        return name

    def terms(self) -> str:
        """What it is and its license, for a tooltip."""
        use = in_words(self.commercial_use)
        terms = _("License: {license}; commercial use: {use}", license=self.license, use=use)
        return f"{self.summary}\n{terms}"


def parse_models(listed: bytes) -> list[Model]:
    """The models of `dis-core models --json` that find subjects, in that order; none if the list cannot be read.

    Models that accept only points are left out: a selection has no points.
    """
    try:
        entries = {str(entry["name"]): entry for entry in json.loads(listed.decode("utf-8"))}
        usable = [entry for entry in entries.values() if entry.get("task") == "matte" and _is_usable(entry)]
        return [_model(entry, entries) for entry in usable]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return []


def choose(name: str, models: Sequence[Model]) -> Model | None:
    """The model with that name or former name, or None if there is none.

    The automatic choice is the best that is here and needs no selection; if none is here, the best of all.
    """
    if name == AUTOMATIC:
        return min((model for model in models if not model.needs_selection), key=_rank, default=None)
    return next((model for model in models if name in (model.name, *model.aliases)), None)


def better_than(model: Model, models: Sequence[Model]) -> Model | None:
    """For an embedded one, the best of the others if one click downloads it; None for every other model."""
    others = [other for other in models if not (other.embedded or other.needs_selection or other.is_ready)]
    best = others[0] if model.embedded and others else None
    return None if best is None or best.download_page or best.install_commands else best


def those_here_first(models: Sequence[Model]) -> list[Model]:
    """The models as a list shows them: what can run now comes first, otherwise in dis-core's order."""
    return sorted(models, key=lambda model: not model.is_ready)


def _rank(model: Model) -> tuple[bool, bool]:
    return not model.is_ready, model.embedded


def megabytes(size_bytes: int) -> str:
    """Such as "411 MB"."""
    return f"{round(size_bytes / 1e6)} MB"


def _is_usable(entry: dict[str, Any]) -> bool:
    return not entry.get("prompts") or "box" in entry["prompts"]


def _model(entry: dict[str, Any], entries: dict[str, dict[str, Any]]) -> Model:
    needed = [entry, *(entries[name] for name in entry.get("needed", ()) if name in entries)]
    download_page = "" if entry.get("present") else str(entry.get("homepage") or "")
    downloaded = needed[1:] if download_page else needed
    commands = [str(part["install_command"]) for part in needed if part.get("install_command")]
    return Model(
        name=str(entry["name"]),
        summary=str(entry.get("summary", "")),
        license=str(entry.get("license", "")),
        commercial_use=str(entry.get("commercial_use", "")),
        embedded=bool(entry.get("embedded")),
        # An unknown size counts as one byte: missing, and to be downloaded.
        missing_bytes=sum(int(part.get("size_bytes") or 1) for part in downloaded if not part.get("present")),
        needs_selection=bool(entry.get("prompts")),
        takes_points="points" in (entry.get("accepts") or entry.get("prompts") or ()),
        download_page=download_page,
        install_commands=tuple(dict.fromkeys(commands)),
        aliases=tuple(map(str, entry.get("aliases", ()))),
    )
