"""What can be done about a failure with one click, and in which words it is offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from .answers import Failed
from .models import Model, megabytes
from .program import INSTALL_COMMANDS

COPY, DOWNLOAD = "copy", "download"
MODEL_MISSING = ("WeightsMissing", "HubUnreachable", "WeightsCorrupt")


@dataclass(frozen=True)
class Remedy:
    """A sentence, and a button: its words, what kind of thing it does, and with what."""

    words: str
    button: str
    kind: str
    what: str


def without_program(editor: str) -> Remedy:
    """dis-core was not found."""
    words = (
        "dis-core, the program that finds the subject, was not found. Install it with the two commands that the button "
        "copies, in a terminal; then start the editor again."
    )
    return Remedy(words, "Copy the commands", COPY, INSTALL_COMMANDS.format(editor=editor))


def without_model(model: Model, others: Sequence[Model]) -> Remedy:
    """The model is not on this machine, and downloading it needs a yes."""
    here = [other.name for other in others if other.is_here]
    instead = f" Or choose {here[0]}, which is here." if here else ""
    if model.by_hand:
        words = (
            f"The model {model.name} is not on this machine, and no program can download its file. Get it from "
            f"{model.by_hand}; then say where it is with the command that the button copies, in a terminal. Licence: "
            f"{model.licence}, commercial use: {model.commercial_use}.{instead}"
        )
        return Remedy(words, "Copy the command", COPY, f"python3 -m dis_core fetch {model.name} --from FILE\n")
    size = megabytes(model.missing_bytes)
    words = (
        f"The model {model.name} is not on this machine yet. It is downloaded once, {size}, and works offline from "
        f"then on. Licence: {model.licence}, commercial use: {model.commercial_use}.{instead}"
    )
    return Remedy(words, f"Download {model.name}, {size}", DOWNLOAD, model.name)


def remedy_for(failed: Failed, model: Model | None, others: Sequence[Model]) -> Remedy | None:
    """What mends a failure of dis-core, if a click can."""
    if failed.code in MODEL_MISSING and model is not None and not model.draft:
        if not model.is_here:
            return without_model(model, others)
        return Remedy(failed.in_words(), f"Download {model.name} again", DOWNLOAD, model.name)
    return None
