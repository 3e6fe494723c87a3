"""`dis-core plugin`: install the plug-in of an editor, or pack it as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from dis_core.cli.terminal import say, say_path
from dis_core.errors import BadRequest

if TYPE_CHECKING:
    from dis_core.editors.krita import Places

EDITORS = ("krita", "gimp")


@click.group()
def plugin() -> None:
    """Install the plug-in of an editor, or pack it as a file."""


@plugin.command()
@click.argument("editor", type=click.Choice(EDITORS))
@click.option("--uninstall", is_flag=True, help="Remove the plug-in.")
@click.option(
    "--path",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="The editor's folder, if it is not the usual one: for Krita the folder with pykrita in it, for GIMP the one "
    "of its version, with plug-ins in it.",
)
def install(*, editor: str, uninstall: bool, path: Path | None) -> None:
    """Put the plug-in where the editor looks for it, and turn it on.

    The plug-in uses the dis-core that installed it. Run this again after moving or updating dis-core. The path of the
    plug-in is printed.
    """
    change = change_krita if editor == "krita" else change_gimp
    for changed in change(path, "remove" if uninstall else "install"):
        say_path(changed)


def change_krita(path: Path | None, action: Literal["install", "remove"]) -> list[Path]:
    """Install or remove Krita's plug-in, say so, and return the paths that changed."""
    from dis_core.editors import krita

    places = chosen_places(path)
    if action == "remove":
        removed = krita.uninstall(places)
        say_removed("krita", removed)
        return removed
    package = krita.install(places)
    say("dis-core: restart Krita, then choose Select > Select Subject")
    return [package]


def change_gimp(path: Path | None, action: Literal["install", "remove"]) -> list[Path]:
    """The same for GIMP, in each of its profiles."""
    from dis_core.editors import gimp

    profiles = gimp.usual_profiles() if path is None else [path]
    if action == "remove":
        removed = gimp.uninstall(profiles)
        say_removed("gimp", removed)
        return removed
    folders = gimp.install(profiles)
    say("dis-core: restart GIMP, then choose Select > Subject")
    return folders


def say_removed(editor: str, removed: list[Path]) -> None:
    """Say whether there was anything to remove."""
    what = "was removed" if removed else "was not installed"
    say(f"dis-core: the plug-in for {editor} {what}")


@plugin.command()
@click.argument("editor", type=click.Choice(EDITORS))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The zip file to write."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that already exists.")
def build(*, editor: str, output: Path | None, overwrite: bool) -> None:
    """Pack the plug-in as a zip file.

    In Krita, choose Tools > Scripts > Import Python Plugin from File. For GIMP, unpack it into the folder plug-ins of
    one of GIMP's folders. A plug-in that is installed this way looks for dis-core, and offers to install it.
    """
    from dis_core.editors import gimp, krita
    from dis_core.files import write_atomically

    destination = output or Path(f"dis-core-{editor}.zip")
    if destination.suffix.lower() != ".zip":
        raise BadRequest(
            f"{destination} does not end with .zip",
            hint=f"the plug-in is packed as a zip file: -o dis-core-{editor}.zip",
        )
    archive = krita.archive() if editor == "krita" else gimp.archive()
    write_atomically(destination, archive, overwrite=overwrite)
    say_path(destination)


def chosen_places(path: Path | None) -> Places:
    """Where Krita looks, or where the user says that it does."""
    from dis_core.editors import krita

    usual = krita.usual_places()
    return usual if path is None else replace(usual, resources=path)
