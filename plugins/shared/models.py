"""The models that dis-core lists: which there are, which are here, and how large the others are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Sequence

from .settings import AUTOMATIC


@dataclass(frozen=True)
class Model:
    """One model that finds subjects. `missing_bytes` is what would be downloaded, 0 if all of that is here.

    `is_told` says that it cuts out what a box is around. `by_hand` is the page from which a person has to fetch its
    file, if it is not here and no program can. `install_commands` bring the packages that it needs, or that a model
    needs which it needs, and that are not installed.
    """

    name: str
    summary: str
    license: str
    commercial_use: str
    draft: bool
    missing_bytes: int
    is_told: bool = False
    by_hand: str = ""
    install_commands: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether it can run as things are."""
        return not (self.missing_bytes or self.by_hand or self.install_commands)

    def label(self) -> str:
        """For a list to choose from."""
        if self.install_commands:
            return f"{self.name} (needs another package)"
        if self.by_hand:
            return f"{self.name} (to be fetched by hand)"
        if self.missing_bytes:
            return f"{self.name} ({megabytes(self.missing_bytes)} to download)"
        return f"{self.name} (draft)" if self.draft else self.name

    def terms(self) -> str:
        """What it is and on which terms, for a tooltip."""
        return f"{self.summary}\nLicense: {self.license}; commercial use: {self.commercial_use}"


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
    """The model of that name, or that had it once, or None if there is none.

    The automatic choice is the first one that is no draft and finds the subject by itself.
    """
    for model in models:
        if name in (model.name, *model.aliases) or (name == AUTOMATIC and not (model.draft or model.is_told)):
            return model
    return None


def megabytes(size_bytes: int) -> str:
    """Such as "411 MB"."""
    return f"{round(size_bytes / 1e6)} MB"


def _is_usable(entry: dict[str, Any]) -> bool:
    return not entry.get("prompts") or "box" in entry["prompts"]


def _model(entry: dict[str, Any], entries: dict[str, dict[str, Any]]) -> Model:
    needed = [entry, *(entries[name] for name in entry.get("needed", ()) if name in entries)]
    by_hand = "" if entry.get("present") else str(entry.get("homepage") or "")
    downloaded = needed[1:] if by_hand else needed
    commands = [str(part["install_command"]) for part in needed if part.get("install_command")]
    return Model(
        name=str(entry["name"]),
        summary=str(entry.get("summary", "")),
        license=str(entry.get("license", "")),
        commercial_use=str(entry.get("commercial_use", "")),
        draft=bool(entry.get("draft")),
        # A size that nobody knows counts one byte: not here, and to be downloaded.
        missing_bytes=sum(int(part.get("size_bytes") or 1) for part in downloaded if not part.get("present")),
        is_told=bool(entry.get("prompts")),
        by_hand=by_hand,
        install_commands=tuple(dict.fromkeys(commands)),
        aliases=tuple(map(str, entry.get("aliases", ()))),
    )
