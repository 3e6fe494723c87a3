"""What can be done about a failure with one click, and in which words it is offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from .answers import Failed
from .models import Model, megabytes
from .program import INSTALL_COMMANDS, Program, command_line

COPY, DOWNLOAD = "copy", "download"
COPIED = "that the button copies"
MODEL_MISSING = ("WeightsMissing", "HubUnreachable", "WeightsCorrupt")


@dataclass(frozen=True)
class Remedy:
    """A sentence, and a button: its words, what kind of thing it does, and with what."""

    words: str
    button: str
    kind: str
    what: str

    def without_button(self) -> str:
        """What is to be copied, and the words for it, for where there is nothing to click."""
        return f"{self.words.replace(COPIED, 'below')}\n\n{self.what.strip()}"


def without_program(editor: str) -> Remedy:
    """dis-core was not found."""
    words = (
        "dis-core, the program that finds the subject, was not found. Install it with the two commands "
        f"{COPIED}, in a terminal; then start the editor again."
    )
    return Remedy(words, "Copy the commands", COPY, INSTALL_COMMANDS.format(editor=editor))


def without_model(model: Model, others: Sequence[Model], program: Program) -> Remedy:
    """The model cannot run yet: a package or a file is missing, and downloading one needs a yes."""
    ready = [other.name for other in others if other.is_ready]
    instead = f" Or choose {ready[0]}, which is here." if ready else ""
    terms = f"License: {model.license}, commercial use: {model.commercial_use}.{instead}"
    if model.install_commands:
        return _without_packages(model, instead)
    if model.by_hand:
        return _without_file(model, terms, program)
    size = megabytes(model.missing_bytes)
    words = (
        f"The model {model.name} is not on this machine yet. It is downloaded once, {size}, and works offline from "
        f"then on. {terms}"
    )
    return Remedy(words, f"Download {model.name}, {size}", DOWNLOAD, model.name)


def remedy_for(failed: Failed, model: Model | None, others: Sequence[Model], program: Program) -> Remedy | None:
    """What mends a failure of dis-core, if a click can."""
    if failed.code in MODEL_MISSING and model is not None and not model.draft:
        if not model.is_ready:
            return without_model(model, others, program)
        return Remedy(failed.in_words(), f"Download {model.name} again", DOWNLOAD, model.name)
    return None


def _without_packages(model: Model, instead: str) -> Remedy:
    command = "command" if len(model.install_commands) == 1 else "commands"
    words = (
        f"The model {model.name} needs a package that is not installed. Type the {command} {COPIED}, in a terminal, in "
        f"the environment in which dis-core is; then start again.{instead}"
    )
    return Remedy(words, f"Copy the {command}", COPY, "".join(f"{line}\n" for line in model.install_commands))


def _without_file(model: Model, terms: str, program: Program) -> Remedy:
    besides = f" It downloads {megabytes(model.missing_bytes)} besides, once." if model.missing_bytes else ""
    words = (
        f"The model {model.name} is not on this machine, and no program can download its file. Get it from "
        f"{model.by_hand}; then say where it is, in place of FILE, with the command {COPIED}, in a terminal.{besides} "
        f"{terms}"
    )
    # Without an end of line: a terminal would run it as it is pasted, before FILE is replaced.
    return Remedy(words, "Copy the command", COPY, command_line(program, "fetch", model.name, "--from", "FILE"))
