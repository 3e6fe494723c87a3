"""`dis-core fetch`: bring models to this machine before they are needed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dis_core.cli.stop_at_eof import stop_option, stopped_at_eof
from dis_core.cli.terminal import ProgressStyle, progress_option, progress_report, say, say_event
from dis_core.errors import BadRequest

if TYPE_CHECKING:
    from dis_core.model_spec import ModelSpec
    from dis_core.progress import Report


@dataclass(frozen=True)
class Errand:
    """One model to bring here: from the user's `file`, or, where that is None, from the Hub."""

    spec: ModelSpec
    file: Path | None = None


@click.command()
@click.argument("names", metavar="MODEL...", nargs=-1, required=True)
@click.option(
    "--from",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take MODEL's weights from this checkpoint (.pth, .pt, .bin, .safetensors) and not from the Hub.",
)
@click.option("--again", is_flag=True, help="Forget what is here, also an own file, and start from the published file.")
@click.option(
    "--accept-noncommercial",
    is_flag=True,
    help="Say that you know that a license forbids commercial use; needed for models where it does.",
)
@progress_option
@stop_option
def fetch(
    *,
    names: tuple[str, ...],
    file: Path | None,
    again: bool,
    accept_noncommercial: bool,
    progress: ProgressStyle,
    stop_at_eof: bool,
) -> None:
    """Download models, and the depth and other models that they need, so that they work offline from then on.

    A download that was stopped goes on where it was. What is here already is verified byte for byte. The place of each
    file is printed when it is there.
    """
    from dis_core.progress import span
    from dis_core.registry.requirements import refuse_without_packages
    from dis_core.registry.selection import refuse_noncommercial
    from dis_core.weights import store

    errands = plan_errands(names, file)
    refuse_without_packages(*(errand.spec for errand in errands))
    if not accept_noncommercial:
        refuse_noncommercial(*(errand.spec for errand in errands))
    with stopped_at_eof() if stop_at_eof else contextlib.nullcontext():
        for i, errand in enumerate(errands):
            if again and errand.file is None:  # a file takes the place of what is here by itself, if it is any good
                store.start_over(errand.spec)
            # One after the other, announcement and all: without a connection, a model from a file arrives nevertheless.
            say(announce(errand))
            with progress_report(progress) as report:
                place = bring(errand, report=span(report, i / len(errands), (i + 1) / len(errands)))
            if progress == "json":
                say_event("fetched", model=errand.spec.name, file=str(place))
            else:
                click.echo(f"{errand.spec.name}: {place}")


def plan_errands(names: tuple[str, ...], file: Path | None) -> list[Errand]:
    """Every named model once, each followed by the models that it needs; `file` is for the one that is named.

    Raises UnknownModel, and BadRequest if there is a file and more than one name.
    """
    from dis_core.registry.manager import find_model

    if file is not None and len(names) != 1:
        raise BadRequest(f"--from gives the weights of one model, and {len(names)} are named", hint="name one model")
    errands: dict[str, Errand] = {}
    for spec in map(find_model, names):
        errands.setdefault(spec.name, Errand(spec, file))
        for name in spec.needed:
            errands.setdefault(name, Errand(find_model(name)))
    return list(errands.values())


def announce(errand: Errand) -> str:
    """What is about to happen with a model, with sizes, for the person who waits for it."""
    from dis_core.files import free_space, megabytes
    from dis_core.weights import bundled, hub, records, store

    spec = errand.spec
    terms = f"{spec.license}, commercial use: {spec.commercial_use}"
    if errand.file is not None:
        free = megabytes(free_space(records.weights_folder()))
        return f"{spec.name}: from {errand.file} ({terms}); {free} free"
    if spec.weights.is_embedded:
        return f"{spec.name}: comes with {bundled.comes_with(spec)} ({terms})"
    if store.find_installed(spec) is not None:
        return f"{spec.name}: is here ({terms}); verifying it"
    missing = store.bytes_to_download(spec)
    if not missing:
        return f"{spec.name}: downloaded earlier ({terms}); preparing it"
    free = megabytes(free_space(hub.cache_folder()))
    return f"{spec.name}: {megabytes(missing)} to download from {spec.weights.repo} ({terms}); {free} free"


def bring(errand: Errand, *, report: Report) -> Path:
    """Where the model's ready file is, after everything that it took to get it there."""
    from dis_core.progress import span
    from dis_core.registry.manager import companions_of
    from dis_core.weights import store

    if errand.file is not None:
        return store.adopt(errand.spec, errand.file, companions=companions_of(errand.spec), report=report).path
    if store.find_installed(errand.spec) is None:
        return store.obtain(errand.spec, report=report, announce=announced_already).path
    if not store.is_intact(errand.spec, report=span(report, 0.0, 0.2)):
        say(f"{errand.spec.name}: the file here is damaged; bringing it anew")
    return store.obtain(errand.spec, report=span(report, 0.2, 1.0), announce=announced_already).path


def announced_already(spec: ModelSpec, size_bytes: int) -> None:
    """Say nothing of a download: `announce` has, with the license."""
