"""What the user can do about a failure with one click, and the text that offers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from .core_words import in_words
from .events import Failed
from .models import Model, megabytes
from .program import Program, command_line, install_commands
from .words import _, later

COPY, DOWNLOAD, SEARCH_EVERYWHERE, NOTHING = "copy", "download", "everywhere", ""
INSTALL, REMOVE, LOOK_AGAIN, UPDATE_PLUGIN = "install", "remove", "look again", "update plug-in"
"""What `install_offer` offers besides."""
COPIED = later("that the button copies")
OFFLINE_WORDS = later("huggingface.co cannot be reached. Check the connection to the internet, then try again.")
MODEL_MISSING = ("WeightsMissing", "HubUnreachable", "WeightsCorrupt")


@dataclass(frozen=True)
class Remedy:
    """A text and a button: its label, what it does (COPY, DOWNLOAD and so on, or NOTHING), and with what.

    `decline` is the label of a second button, after which the same is not offered again.
    """

    text: str
    button: str
    action: str
    value: str
    decline: str = ""

    def without_button(self) -> str:
        """The text and what the button would copy, for a message that has no button."""
        return f"{self.text.replace(_(COPIED), _('below'))}\n\n{self.value.strip()}"


def without_program(editor: str, plugin_folder: str) -> Remedy:
    """What to do if dis-core is not installed, and there is no button that installs it."""
    text = _(
        "dis-core, the program that finds the subject, was not found. To install it, run the two commands "
        "{copied} in a terminal, then restart this editor.",
        copied=_(COPIED),
    )
    return Remedy(text, _("Copy the commands"), COPY, install_commands(editor, plugin_folder))


def broken_program(failed: Failed | None, editor: str, plugin_folder: str) -> Remedy:
    """What to do if dis-core does not list its models; `failed` is None if it answered, but not with a list."""
    unknown = _("it lists no models, so it may be of another version")
    text = _(
        "dis-core, the program that finds the subject, does not work: {why}. To install it again, run the two commands "
        "{copied} in a terminal, then restart this editor.",
        why=unknown if failed is None else failed.message,
        copied=_(COPIED),
    )
    return Remedy(text, _("Copy the commands"), COPY, install_commands(editor, plugin_folder))


def without_model(model: Model, others: Sequence[Model], program: Program) -> Remedy:
    """The model cannot run yet: a package or a file is missing. Downloads need the user's consent."""
    ready = [other.name for other in others if other.is_ready]
    instead = _("Or choose the model {model}, which is installed.", model=ready[0]) if ready else ""
    if model.install_commands:
        return _without_packages(model, instead)
    if model.download_page:
        return _download_by_hand(model, instead, program)
    size = megabytes(model.missing_bytes)
    text = _(
        "The model {model} has not been downloaded yet. It is a single download of {size} and works offline "
        "afterwards.",
        model=model.name,
        size=size,
    )
    return _download(model, _joined(text, terms_of(model), instead))


def offer_better(better: Model) -> Remedy:
    """Under a result of the embedded model: one that makes better ones."""
    text = _joined(_("Better edges: {model}.", model=better.name), terms_of(better))
    return _download(better, text, decline=_("Not now"))


def offer_everywhere(found: str, result: str) -> Remedy:
    """Only the area around the selection was searched; `found` says what came of it, `result` what was to be made."""
    limited = _("Only the area around the selection was searched.")
    return Remedy(_joined(found, limited), _("Search everywhere"), SEARCH_EVERYWHERE, result)


def explanation(failed: Failed) -> Remedy:
    """A failure in full, where it stays readable."""
    return Remedy(failed.sentence(), "", NOTHING, "")


def after_download(failed: Failed, name: str) -> Remedy:
    """A download has failed."""
    why = _(OFFLINE_WORDS) if failed.code == "HubUnreachable" else f"{failed.sentence()}."
    return Remedy(_joined(_("{model} was not downloaded.", model=name), why), _("Try again"), DOWNLOAD, name)


def after_pause(name: str) -> Remedy:
    """The user has paused a download."""
    text = _("The download of {model} is paused. What is here already is kept.", model=name)
    return Remedy(text, _("Continue"), DOWNLOAD, name)


def remedy_for(failed: Failed, model: Model | None, others: Sequence[Model], program: Program) -> Remedy | None:
    """What fixes a failure of dis-core, if a click can."""
    if failed.code in MODEL_MISSING and model is not None and not model.embedded:
        if not model.is_ready:
            return without_model(model, others, program)
        return Remedy(failed.sentence(), _("Download {model} again", model=model.name), DOWNLOAD, model.name)
    return None


def terms_of(model: Model) -> str:
    """A sentence about what one may do with a model."""
    return _("License: {license}, commercial use: {use}.", license=model.license, use=in_words(model.commercial_use))


def _download(model: Model, text: str, decline: str = "") -> Remedy:
    label = _("Download {model}, {size}", model=model.name, size=megabytes(model.missing_bytes))
    return Remedy(text, label, DOWNLOAD, model.name, decline)


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _without_packages(model: Model, instead: str) -> Remedy:
    if len(model.install_commands) == 1:
        run, copy = _("Run the command {copied} in a terminal", copied=_(COPIED)), _("Copy the command")
    else:
        run, copy = _("Run the commands {copied} in a terminal", copied=_(COPIED)), _("Copy the commands")
    text = _(
        "The model {model} needs a package that is not installed. {run}, in the environment where dis-core is "
        "installed, then try again.",
        model=model.name,
        run=run,
    )
    return Remedy(_joined(text, instead), copy, COPY, "".join(f"{line}\n" for line in model.install_commands))


def _download_by_hand(model: Model, instead: str, program: Program) -> Remedy:
    text = _(
        "The model {model} has to be downloaded by hand. Get its file from {page}. Then run the command {copied} in a "
        "terminal, with the path of the file in place of FILE.",
        model=model.name,
        page=model.download_page,
        copied=_(COPIED),
    )
    besides = ""
    if model.missing_bytes:
        size = megabytes(model.missing_bytes)
        besides = _("The command also downloads {size} of other files, once.", size=size)
    # No line break at the end: a terminal would run the command when it is pasted, before FILE is replaced.
    command = command_line(program, "fetch", model.name, "--from", "FILE")
    return Remedy(_joined(text, besides, terms_of(model), instead), _("Copy the command"), COPY, command)
