"""What the user can do about a failure with one click, and the text that offers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from .events import Failed
from .models import Model, megabytes
from .program import Program, command_line, install_commands

COPY, DOWNLOAD, SEARCH_EVERYWHERE, NOTHING = "copy", "download", "search everywhere", ""
COPIED = "that the button copies"
OFFLINE_WORDS = "huggingface.co cannot be reached. Check the connection to the internet, then try again."
MODEL_MISSING = ("WeightsMissing", "HubUnreachable", "WeightsCorrupt")


@dataclass(frozen=True)
class Remedy:
    """A text and a button: its label, what it does (COPY, DOWNLOAD, SEARCH_EVERYWHERE, NOTHING), and with what.

    `decline` is the label of a second button, after which the same is not offered again.
    """

    text: str
    button: str
    action: str
    value: str
    decline: str = ""

    def without_button(self) -> str:
        """The text and what the button would copy, for a message that has no button."""
        return f"{self.text.replace(COPIED, 'below')}\n\n{self.value.strip()}"


def without_program(editor: str, plugin_folder: str) -> Remedy:
    """What to do if dis-core is not installed."""
    text = (
        "dis-core, the program that finds the subject, was not found. To install it, run the two commands "
        f"{COPIED} in a terminal, then restart this editor."
    )
    return Remedy(text, "Copy the commands", COPY, install_commands(editor, plugin_folder))


def broken_program(failed: Failed | None, editor: str, plugin_folder: str) -> Remedy:
    """What to do if dis-core does not list its models; `failed` is None if it answered, but not with a list."""
    why = "it lists no models, so it may be of another version." if failed is None else f"{failed.message}."
    text = (
        f"dis-core, the program that finds the subject, does not work: {why} To install it again, run the two commands "
        f"{COPIED} in a terminal, then restart this editor."
    )
    return Remedy(text, "Copy the commands", COPY, install_commands(editor, plugin_folder))


def without_model(model: Model, others: Sequence[Model], program: Program) -> Remedy:
    """The model cannot run yet: a package or a file is missing. Downloads need the user's consent."""
    ready = [other.name for other in others if other.is_ready]
    instead = f" Or choose the model {ready[0]}, which is installed." if ready else ""
    terms = f"License: {model.license}, commercial use: {model.commercial_use}.{instead}"
    if model.install_commands:
        return _without_packages(model, instead)
    if model.download_page:
        return _download_by_hand(model, terms, program)
    size = megabytes(model.missing_bytes)
    text = (
        f"The model {model.name} has not been downloaded yet. It is a single download of {size} and works offline "
        f"afterwards. {terms}"
    )
    return Remedy(text, f"Download {model.name}, {size}", DOWNLOAD, model.name)


def offer_better(better: Model) -> Remedy:
    """Under a result of the draft: a model that makes better ones."""
    size = megabytes(better.missing_bytes)
    text = f"Better edges: {better.name}. License: {better.license}, commercial use: {better.commercial_use}."
    return Remedy(text, f"Download {better.name}, {size}", DOWNLOAD, better.name, decline="Not now")


def offer_everywhere(found: str, result: str) -> Remedy:
    """Only the area around the selection was searched; `found` says what came of it, `result` what was to be made."""
    return Remedy(
        f"{found} Only the area around the selection was searched.", "Search everywhere", SEARCH_EVERYWHERE, result
    )


def explanation(failed: Failed) -> Remedy:
    """A failure in full, where it stays readable."""
    return Remedy(failed.sentence(), "", NOTHING, "")


def after_download(failed: Failed, name: str) -> Remedy:
    """A download has failed."""
    why = OFFLINE_WORDS if failed.code == "HubUnreachable" else f"{failed.sentence()}."
    return Remedy(f"{name} was not downloaded. {why}", "Try again", DOWNLOAD, name)


def after_pause(name: str) -> Remedy:
    """The user has paused a download."""
    text = f"The download of {name} is paused. What is here already is kept."
    return Remedy(text, "Continue", DOWNLOAD, name)


def remedy_for(failed: Failed, model: Model | None, others: Sequence[Model], program: Program) -> Remedy | None:
    """What fixes a failure of dis-core, if a click can."""
    if failed.code in MODEL_MISSING and model is not None and not model.draft:
        if not model.is_ready:
            return without_model(model, others, program)
        return Remedy(failed.sentence(), f"Download {model.name} again", DOWNLOAD, model.name)
    return None


def _without_packages(model: Model, instead: str) -> Remedy:
    command = "command" if len(model.install_commands) == 1 else "commands"
    text = (
        f"The model {model.name} needs a package that is not installed. Run the {command} {COPIED} in a terminal, in "
        f"the environment where dis-core is installed, then try again.{instead}"
    )
    return Remedy(text, f"Copy the {command}", COPY, "".join(f"{line}\n" for line in model.install_commands))


def _download_by_hand(model: Model, terms: str, program: Program) -> Remedy:
    besides = (
        f" The command also downloads {megabytes(model.missing_bytes)} of other files, once."
        if model.missing_bytes
        else ""
    )
    text = (
        f"The model {model.name} has to be downloaded by hand. Get its file from {model.download_page}. Then run the "
        f"command {COPIED} in a terminal, with the path of the file in place of FILE.{besides} {terms}"
    )
    # No line break at the end: a terminal would run the command when it is pasted, before FILE is replaced.
    return Remedy(text, "Copy the command", COPY, command_line(program, "fetch", model.name, "--from", "FILE"))
