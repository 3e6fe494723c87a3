"""Very many images: a list of them, a share for each of several programs, and a manifest of what became of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.cli.planning import is_folder
from dis_core.errors import BadRequest

if TYPE_CHECKING:
    from dis_core.cli.options import SharedOptions


def refuse_many_mix_ups(options: SharedOptions) -> None:
    """Raises BadRequest for options about many images that do not go together with others."""
    if options.files_from is None:
        if options.null:
            raise BadRequest("--null does nothing without --files-from", hint="add --files-from -")
    elif options.inputs:
        raise BadRequest("images and --files-from contradict each other", hint="put all paths into the list")
    elif options.files_from == "-" and options.stop_at_eof:
        raise BadRequest("with --stop-at-eof the list cannot come from standard input", hint="give a file")
    if options.retry_failed and options.manifest is None:
        raise BadRequest("--retry-failed does nothing without --manifest", hint="add --manifest FILE")
    if options.manifest is not None:
        refuse_unrecordable(options)
    is_many = options.files_from is not None or options.manifest is not None or options.shard is not None
    if is_many and options.watch:
        raise BadRequest("--watch does not work with a list, a manifest or a shard", hint="leave out one of them")
    if is_many and "-" in options.inputs:
        raise BadRequest("an image from standard input cannot be one of many", hint="give a folder, or --files-from -")


def refuse_unrecordable(options: SharedOptions) -> None:
    """Raises BadRequest for what does not go together with a manifest."""
    if options.output == "-":
        raise BadRequest("with --manifest results cannot go to standard output", hint="give a folder with -o")
    if options.warm:
        raise BadRequest("--warm does not work with --manifest", hint="leave out --warm: the model is loaded once")
    if options.segment_options.depth is not None:
        raise BadRequest("--depth is for one image, and --manifest for many", hint="leave out one of them")


def naming(options: SharedOptions) -> Callable[[Path], str]:
    """What an image is called by manifests and shards: its path below the folder that was given, if it was one.

    So a folder of images can be moved, or be mounted elsewhere, between two runs.
    """
    if options.files_from is None and len(options.inputs) == 1 and is_folder(options.inputs[0]):
        folder = Path(options.inputs[0])
        return lambda source: source.relative_to(folder).as_posix()
    return lambda source: source.as_posix()


def shard_filter(options: SharedOptions) -> Callable[[Path], bool]:
    """Whether an image is in the share that this program does."""
    shard, name_of = options.shard, naming(options)
    return lambda source: shard is None or shard.holds(name_of(source))
