"""`dis-core plugin`: the plug-ins for editors, installed where the editor looks, or packed for its own importer."""

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
PACKED = ("krita",)
"""Editors with an importer of their own."""


@click.group()
def plugin() -> None:
    """Install the plug-in of an editor, or pack it."""


@plugin.command()
@click.argument("editor", type=click.Choice(EDITORS))
@click.option("--uninstall", is_flag=True, help="Take away what was installed.")
@click.option(
    "--path",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="The editor's folder, if unusual: for Krita the one that holds pykrita, for GIMP that of its version, "
    "which holds plug-ins.",
)
def install(*, editor: str, uninstall: bool, path: Path | None) -> None:
    """Put the plug-in where the editor looks for it, and switch it on.

    The plug-in will use the dis-core with which it was installed. Run this again after moving or updating it. The
    place of the plug-in is printed.
    """
    placed = place_krita if editor == "krita" else place_gimp
    for touched in placed(path, "remove" if uninstall else "install"):
        say_path(touched)


def place_krita(path: Path | None, action: Literal["install", "remove"]) -> list[Path]:
    """Install or remove Krita's plug-in; the places that were touched come back, and words are said."""
    from dis_core.editors import krita

    places = chosen_places(path)
    if action == "remove":
        removed = krita.uninstall(places)
        say_removed("krita", removed)
        return removed
    package = krita.install(places)
    say("dis-core: start Krita again; Select > Select Subject is there then")
    return [package]


def place_gimp(path: Path | None, action: Literal["install", "remove"]) -> list[Path]:
    """The same for GIMP, in each of its profiles."""
    from dis_core.editors import gimp

    profiles = gimp.usual_profiles() if path is None else [path]
    if action == "remove":
        removed = gimp.uninstall(profiles)
        say_removed("gimp", removed)
        return removed
    folders = gimp.install(profiles)
    say("dis-core: start GIMP again; Select > Subject is there then")
    return folders


def say_removed(editor: str, removed: list[Path]) -> None:
    """Whether there was something to remove."""
    say(f"dis-core: the plug-in for {editor} is gone" if removed else f"dis-core: there was none for {editor}")


@plugin.command()
@click.argument("editor", type=click.Choice(PACKED))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The zip file to write."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is already there.")
def build(*, editor: str, output: Path | None, overwrite: bool) -> None:
    """Pack the plug-in as a zip file for the editor's own importer.

    For Krita: Tools > Scripts > Import Python Plugin from File. A plug-in that comes this way looks for dis-core on
    the path.
    """
    from dis_core.editors import krita
    from dis_core.files import write_atomically

    destination = output or Path(f"dis-core-{editor}.zip")
    if destination.suffix.lower() != ".zip":
        raise BadRequest(
            f"{destination} does not end with .zip", hint=f"Krita takes no other: -o dis-core-{editor}.zip"
        )
    write_atomically(destination, krita.archive(), overwrite=overwrite)
    say_path(destination)


def chosen_places(path: Path | None) -> Places:
    """Where the editor looks, or where the user says that it does."""
    from dis_core.editors import krita

    usual = krita.usual_places()
    return usual if path is None else replace(usual, resources=path)
