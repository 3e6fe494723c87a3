"""`dis-core batch`: very many images, from a folder, a list, tars or Parquet files."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import click

from dis_core.batch.on_ray import Actors
from dis_core.batch.sources import Kind, files_of, kind_of, units_of
from dis_core.batch.tables import Table
from dis_core.batch.tars import TarOfSamples
from dis_core.cli.commands.cutout import cutout, cutout_style
from dis_core.cli.options import SharedOptions, taken_from
from dis_core.cli.planning import CUTOUT_SUFFIX, MASK_SUFFIX
from dis_core.cli.ray_runs import OnRay
from dis_core.cli.recorded import run_recorded
from dis_core.cli.sections import CommandInSections
from dis_core.cli.units import run_units
from dis_core.errors import BadRequest
from dis_core.jobs.job import Job, MaskStyle, Style

_NOT_OF_BATCHES: Final[dict[str, Any]] = {  # as click passes them
    "inputs": (),
    "output": None,
    "recursive": True,
    "watch": False,
    "frames": "first",
    "depth": None,
    "save_depth": False,
    "roi": None,
    "boxes": (),
    "warm": False,
    "keep_alive": None,
    "owner_pid": None,
    "files_from": None,
}
"""Options of `cutout` that make no sense for very many images, and what stands for them."""


def _parameters() -> list[click.Parameter]:
    """Those of `cutout`, in its order, without what is for single images."""
    return [parameter for parameter in cutout.params if parameter.name not in {*_NOT_OF_BATCHES, "points"}]


def batch(*, source: str, sink: str, **values: Any) -> None:  # as click passes them
    """Cut out very many images, and go on after a stop.

    SOURCE is a folder, with the folders in it; - for a list of files on standard input; tars in webdataset's naming,
    such as 'photos-{000..099}.tar'; or Parquet files with a column of images or paths. SINK is the folder for the
    results, which are of the same kind. What became of each image is noted in SINK/manifest.jsonl, or in --manifest
    FILE.
    """
    from dis_core.geometry import NO_POINTS

    mask, column = values.pop("mask"), values.pop("column")
    ray = _ray(values.pop("ray"), values.pop("actors"), values.pop("gpus_per_actor"))
    look = {name: values.pop(name) for name in ("bgcolor", "bgimage", "crop", "colors")}
    options = taken_from({**_NOT_OF_BATCHES, "points": NO_POINTS, **values})
    style, suffix = _style(options, mask=mask, look=look)
    kind = kind_of(source)
    options = _with_places(options, source, sink, kind)
    if kind in ("folder", "list"):
        run_recorded(options, style, suffix=suffix, run=None if ray is None else ray.run_jobs)
        return
    if kind == "addresses":
        hint = "in Python, dis_core.ray.cut_out works on what Ray reads from addresses"
        raise BadRequest(f"{source} is an address, and not a folder or file", hint=hint)
    overwrite: Literal["yes", "no"] = "yes" if options.overwrite else "no"
    units = units_of(files_of(source), Path(sink), kind=kind, shard=options.shard, overwrite=overwrite)
    container = TarOfSamples if kind == "tars" else partial(_table, column)
    run_units(options, style, units, container, suffix=suffix, run=None if ray is None else ray.run_units)


def _table(column: str | None, _job: Job) -> Table:
    return Table(column)


def _ray(address: str | None, actors: int | None, gpus_per_actor: float | None) -> OnRay | None:
    """Where the work runs on Ray, if it does. Raises BadRequest for actors without Ray."""
    if address is not None:
        return OnRay(address or None, Actors(actors or 0, gpus_per_actor))
    if actors is not None or gpus_per_actor is not None:
        raise BadRequest("--actors and --gpus-per-actor do nothing without --ray", hint="add --ray")
    return None


def _style(options: SharedOptions, *, mask: bool, look: dict[str, Any]) -> tuple[Style, str]:  # as click passes them
    """What to make of each image, and how names of results end."""
    if not mask:
        return cutout_style(options, **look), CUTOUT_SUFFIX
    if look != {"bgcolor": None, "bgimage": None, "crop": False, "colors": "clean"}:
        raise BadRequest("--mask does not go together with backgrounds, --crop and --colors", hint="leave them out")
    return MaskStyle(edges=options.edges, framing=options.framing), MASK_SUFFIX


def _with_places(options: SharedOptions, source: str, sink: str, kind: Kind) -> SharedOptions:
    """The options with source, sink and manifest, which is in the sink if none is named."""
    shard = "" if options.shard is None else f"-{options.shard.number}-of-{options.shard.count}"
    manifest = options.manifest or Path(sink) / f"manifest{shard}.jsonl"
    if kind == "list":
        return replace(options, files_from=source, output=f"{sink}/", manifest=manifest)
    if options.null:
        raise BadRequest("--null is for a list on standard input", hint="give - as SOURCE")
    return replace(options, inputs=(source,), output=f"{sink}/", manifest=manifest)


batch_command = CommandInSections(
    "batch",
    callback=batch,
    help=batch.__doc__,
    params=[
        click.Argument(["source"], metavar="SOURCE"),
        click.Argument(["sink"], metavar="SINK"),
        click.Option(["--mask"], is_flag=True, help="Make masks, as 'dis-core mask' does, and no cutouts."),
        click.Option(["--column"], metavar="NAME", help="Of Parquet files: the column of images or paths."),
        click.Option(
            ["--ray"],
            is_flag=False,
            flag_value="",
            metavar="[ADDRESS]",
            help="Work on a Ray cluster: the one at this address, or auto, or without an address one of this machine "
            "alone. Put it behind SOURCE and SINK.",
        ),
        click.Option(
            ["--actors"],
            type=click.IntRange(1),
            metavar="COUNT",
            help="With --ray: how many processes load the model, else one for each graphics card, or each CPU.",
        ),
        click.Option(
            ["--gpus-per-actor"],
            type=click.FloatRange(0),
            metavar="SHARE",
            help="With --ray: which share of a graphics card each takes, else 1 where there are any.",
        ),
        *_parameters(),
    ],
)
