"""What the plug-ins say about installing dis-core: what it takes, how it went, and what to do about an odd one."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .events import Failed
from .file_names import text_of
from .own_environment import (
    USUAL,
    Environment,
    Plan,
    check_sum,
    find_environment,
    gigabytes,
    has_downloads,
    plan,
    plugin_version,
    requirement_beside,
    shown,
)
from .package_install import SMALL_BUILD_UNREACHABLE
from .program import Program, command_line
from .pythons import as_text, starting_command
from .remedies import COPIED, COPY, INSTALL, LOOK_AGAIN, REMOVE, UPDATE_PLUGIN, Remedy, broken_program
from .words import _, later

EDITORS = {"krita": "Krita", "gimp": "GIMP"}
NO_PYTHON = later(
    "The program that finds the subject, dis-core, is not installed yet, and it needs Python, which was not found. "
    "Install Python 3.12 from python.org or with your system's software center, then press the button."
)
STOPPED = later("The installation was stopped. What is downloaded already is kept, so that it can go on.")


@dataclass(frozen=True)
class Maker:
    """The program that installs dis-core or removes it, and its arguments, as text."""

    program: Program
    arguments: tuple[str, ...]


def maker(what: str, wanted: Plan) -> Maker | None:
    """How to "make" or "remove" the environment; None if no Python is here to start with."""
    start = starting_command()
    if start is None:
        return None
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "make_environment.py")
    arguments = ["--folder", text_of(wanted.folder), "--requirement", text_of(wanted.requirement)]
    arguments += ["--build", wanted.build]
    for name in ("download_bytes", "disk_bytes", "needed_bytes"):
        arguments += [f"--{name.replace('_', '-')}", str(getattr(wanted, name))]
    # UTF-8, whatever the editor has made of the locale; isolated from what its users have set for other Pythons.
    command = (*as_text(start), "-X", "utf8", "-I", text_of(script))
    return Maker(Program(command), (what, *arguments))


def offer_installation(editor: str, plugin_folder: str) -> Remedy:
    """dis-core is not here: what installing it takes, and the button that does it."""
    if starting_command() is None:
        return Remedy(_(NO_PYTHON) + sandbox_words(editor), _("Look again"), LOOK_AGAIN, "")
    own = find_environment()
    if own is not None:
        return _mend(_("the Python that it was made with has gone"), plan(plugin_folder, own.build))
    wanted = plan(plugin_folder)
    goes_on = " " + _("A part of it is here already.") if has_downloads() else ""
    text = _(
        "The program that finds the subject, dis-core, is not installed yet. It is {size}, in {folder}. Nothing else "
        "on this computer is changed, and you can remove it here.",
        size=_size(wanted),
        folder=shown(wanted.folder),
    )
    return Remedy(text + goes_on + sandbox_words(editor), _button(_("Install dis-core"), wanted), INSTALL, wanted.build)


def odd_program(failed: Failed | None, editor: str, plugin_folder: str, program: Program) -> Remedy:
    """dis-core does not list its models: if it is the plug-in's own, the button installs it again."""
    own = find_environment()
    if own is None or own.program != program:
        return broken_program(failed, editor, plugin_folder)
    return _mend("" if failed is None else failed.message, plan(plugin_folder, own.build))


def repair(plugin_folder: str, environment: Environment) -> Remedy:
    """The user asks for a repair."""
    wanted = plan(plugin_folder, environment.build)
    text = _(
        "Repair installs dis-core again: {size}. What is here goes on working until that is done.", size=_size(wanted)
    )
    return Remedy(text, _button(_("Repair dis-core"), wanted), INSTALL, wanted.build, decline=_("Not now"))


def removal(environment: Environment) -> Remedy:
    """The user asks for the removal."""
    text = _(
        "This removes dis-core {version} and frees {size} of the disk. Models that were downloaded stay, and so does "
        "this plug-in.",
        version=environment.version,
        size=gigabytes(environment.size_bytes),
    )
    return Remedy(text, _("Remove dis-core"), REMOVE, "", decline=_("Keep it"))


def after_installation(failed: Failed, plugin_folder: str, build: str) -> Remedy:
    """The installation has ended without one."""
    if failed.code == "Cancelled":
        return Remedy(_(STOPPED), _("Continue"), INSTALL, build, decline=_("Remove the download"))
    if failed.code == SMALL_BUILD_UNREACHABLE:
        usual = plan(plugin_folder, USUAL)
        text = f"{failed.sentence()}: {_size(usual)}."
        return Remedy(text, _button(_("Install the usual build"), usual), INSTALL, USUAL)
    text = _("dis-core was not installed. {reason}.", reason=failed.sentence())
    return Remedy(text, _("Try again"), INSTALL, build)


def other_version(editor: str, plugin_folder: str, program: Program, version: str) -> Remedy | None:
    """The plug-in and dis-core are of different versions: which one to update, and how. None if they are of one."""
    own_version = plugin_version(plugin_folder)
    if not version or not own_version or version == own_version:
        return _other_build(plugin_folder, program)
    text = _(
        "This plug-in is from dis-core {plugin}, and the dis-core that it starts is {program}.",
        plugin=own_version,
        program=version,
    )
    if _numbers(version) > _numbers(own_version):
        text += " " + _("Update the plug-in, then restart {editor}.", editor=EDITORS[editor])
        return Remedy(text, _("Update the plug-in"), UPDATE_PLUGIN, "", decline=_("Not now"))
    return _update(text, plugin_folder, program)


def version_said(printed: bytes) -> str:
    """The version in what `dis-core --version` prints; empty if there is none."""
    words = printed.decode("utf-8", "replace").split()
    return words[-1] if words and words[-1][:1].isdigit() else ""


def sandbox_words(editor: str) -> str:
    """A sentence for an editor that runs in a sandbox, where nobody has tried this."""
    kind = "Flatpak" if os.path.exists("/.flatpak-info") else "Snap" if os.environ.get("SNAP") else ""
    if not kind:
        return ""
    return " " + _(
        "{editor} runs as a {kind} here, in which this has not been tried.", editor=EDITORS[editor], kind=kind
    )


def _other_build(plugin_folder: str, program: Program) -> Remedy | None:
    """The plug-in was packed with another dis-core of the same version than the one that it has installed."""
    own, wheel = find_environment(), requirement_beside(plugin_folder)
    if own is None or own.program != program or not own.origin or not os.path.isfile(wheel):
        return None
    if check_sum(wheel) == own.origin:
        return None
    text = _("This plug-in was packed with another dis-core than the one that it starts.")
    return _update(text, plugin_folder, program)


def _update(text: str, plugin_folder: str, program: Program) -> Remedy:
    own = find_environment()
    if own is not None and own.program == program:
        wanted = plan(plugin_folder, own.build)
        text += " " + _("Update dis-core: {size}.", size=_size(wanted))
        return Remedy(text, _button(_("Update dis-core"), wanted), INSTALL, wanted.build, decline=_("Not now"))
    requirement = text_of(requirement_beside(plugin_folder))
    if program.command[1:] == ("-m", "dis_core"):
        python = Program(program.command[:1])
        command = command_line(python, "-m", "pip", "install", "--upgrade", requirement)
        return Remedy(
            text + " " + _("To update dis-core, run the command {copied} in a terminal.", copied=_(COPIED)),
            _("Copy the command"), COPY, f"{command}\n", decline=_("Not now"),
        )  # fmt: skip
    wanted = plan(plugin_folder)
    text += " " + _("Update it the way you installed it, or install one for this plug-in: {size}.", size=_size(wanted))
    return Remedy(text, _button(_("Install dis-core"), wanted), INSTALL, wanted.build, decline=_("Not now"))


def _mend(why: str, wanted: Plan) -> Remedy:
    text = _("dis-core, the program that finds the subject, does not work.") + (
        f" {why[:1].upper()}{why[1:]}." if why else ""
    )
    text += " " + _("Repair installs it again: {size}. Your models stay.", size=_size(wanted))
    return Remedy(text, _button(_("Repair dis-core"), wanted), INSTALL, wanted.build)


def _size(wanted: Plan) -> str:
    download, disk = gigabytes(wanted.download_bytes), gigabytes(wanted.disk_bytes)
    return _("about {download} to download, {disk} on the disk", download=download, disk=disk)


def _button(label: str, wanted: Plan) -> str:
    return f"{label}, {gigabytes(wanted.download_bytes)}"


def _numbers(version: str) -> list[int]:
    """The numbers of a version, to compare: those before the first part that has none."""
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return numbers
