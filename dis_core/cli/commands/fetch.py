"""`dis-core fetch`: download models before they are needed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from dis_core.cli.stop_at_eof import interrupt_at_eof, stop_option
from dis_core.cli.terminal import ProgressStyle, progress_option, progress_report, say, say_event, say_result
from dis_core.errors import BadRequest

if TYPE_CHECKING:
    from dis_core.model_spec import ModelSpec
    from dis_core.progress import Report


@dataclass(frozen=True)
class ModelToFetch:
    """A model, and where to get it: from the user's `file`, or from the Hub if that is None.

    "newest" takes what the Hub has now, even if it is not the file that other projects describe.
    """

    spec: ModelSpec
    file: Path | None = None
    published: Literal["expected", "newest"] = "expected"


@click.command()
@click.argument("names", metavar="MODEL...", nargs=-1, required=True)
@click.option(
    "--from",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take the weights of MODEL from this checkpoint (.pth, .pt, .bin, .safetensors, .onnx) instead of the Hub; "
    "for isnet also from the npm package @imgly/background-removal-data, as a folder or .tgz.",
)
@click.option("--again", is_flag=True, help="Start over from the published file, also if --from was used before.")
@click.option(
    "--trust-new",
    is_flag=True,
    help="Accept a new file from the Hub if the expected one is only known from other projects.",
)
@click.option(
    "--accept-noncommercial",
    is_flag=True,
    help="Fetch weights whose license forbids commercial use.",
)
@progress_option
@stop_option
def fetch(
    *,
    names: tuple[str, ...],
    file: Path | None,
    again: bool,
    trust_new: bool,
    accept_noncommercial: bool,
    progress: ProgressStyle,
    stop_at_eof: bool,
) -> None:
    """Download models, and the depth and other models that they need, so that they work offline from then on.

    A download that was stopped is resumed. Models that are here already are verified byte for byte. The path of each
    file is printed when it is ready.
    """
    from dis_core.progress import span
    from dis_core.registry.requirements import refuse_without_packages
    from dis_core.registry.selection import refuse_noncommercial
    from dis_core.weights import store

    if trust_new and (file is not None or again):
        raise BadRequest("--trust-new is only for files from the Hub", hint="leave out --from and --again")
    wanted = models_to_fetch(names, file, published="newest" if trust_new else "expected")
    refuse_without_packages(*(item.spec for item in wanted))
    if not accept_noncommercial:
        refuse_noncommercial(*(item.spec for item in wanted))
    with interrupt_at_eof() if stop_at_eof else contextlib.nullcontext():
        for i, item in enumerate(wanted):
            if again and item.file is None:  # a good file replaces what is here anyway
                store.start_over(item.spec)
            # One after the other, announcement included: a model from a file needs no connection.
            say(announce(item))
            with progress_report(progress) as report:
                place = fetch_model(item, report=span(report, i / len(wanted), (i + 1) / len(wanted)))
            if progress == "json":
                say_event("fetched", model=item.spec.name, file=str(place))
            else:
                say_result(f"{item.spec.name}: {place}")


def models_to_fetch(
    names: tuple[str, ...], file: Path | None, *, published: Literal["expected", "newest"] = "expected"
) -> list[ModelToFetch]:
    """Every named model once, each followed by the models that it needs.

    `file` is for the only name, and "newest" only for the models that are named.

    Raises UnknownModel, and BadRequest for a file and more than one name.
    """
    from dis_core.registry.manager import find_model

    if file is not None and len(names) != 1:
        raise BadRequest(
            f"--from is for one model, but there are {len(names)}: {', '.join(names)}", hint="fetch them one by one"
        )
    wanted: dict[str, ModelToFetch] = {}
    for spec in map(find_model, names):
        wanted.setdefault(spec.name, ModelToFetch(spec, file, published))
        for name in spec.needed:
            wanted.setdefault(name, ModelToFetch(find_model(name)))
    return list(wanted.values())


def announce(item: ModelToFetch) -> str:
    """What is about to happen with a model, with sizes, for the person who waits."""
    from dis_core.files import free_space, megabytes
    from dis_core.weights import bundled, hub, records, store

    spec = item.spec
    terms = f"{spec.license}, commercial use: {spec.commercial_use}"
    if item.file is not None:
        free = megabytes(free_space(records.weights_folder()))
        return f"{spec.name}: from {item.file} ({terms}); {free} free"
    if spec.weights.is_embedded:
        return f"{spec.name}: comes with {bundled.comes_with(spec)} ({terms})"
    if item.published == "newest":
        return f"{spec.name}: what {spec.weights.repo} has now ({terms})"
    if store.find_installed(spec) is not None:
        return f"{spec.name}: already here ({terms}); verifying it"
    missing = store.bytes_to_download(spec)
    if not missing:
        return f"{spec.name}: downloaded earlier ({terms}); preparing it"
    free = megabytes(free_space(hub.cache_folder()))
    return f"{spec.name}: {megabytes(missing)} to download from {spec.weights.repo} ({terms}); {free} free"


def fetch_model(item: ModelToFetch, *, report: Report) -> Path:
    """Fetch or verify a model, and return the path of its file."""
    from dis_core.progress import span
    from dis_core.registry.manager import companions_of
    from dis_core.weights import store

    if item.file is not None:
        return store.adopt(item.spec, item.file, companions=companions_of(item.spec), report=report).path
    if item.published == "newest":
        return store.trust_new(item.spec, report=report, announce=say_nothing).path
    if store.find_installed(item.spec) is None:
        return store.obtain(item.spec, report=report, announce=say_nothing).path
    store.tidy(item.spec, report=report)
    if not store.is_intact(item.spec, report=span(report, 0.0, 0.2)):
        say(f"{item.spec.name}: the file here is damaged")
    return store.obtain(item.spec, report=span(report, 0.2, 1.0), announce=say_nothing).path


def say_nothing(spec: ModelSpec, size_bytes: int) -> None:
    """Say nothing of a download, because `announce` has, with the license."""
