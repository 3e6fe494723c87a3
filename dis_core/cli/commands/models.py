"""`dis-core models`: the models, their licenses, and which of them are on this machine."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from dis_core.cli.terminal import say_result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dis_core.model_spec import ModelSpec, WeightsFile

HEADINGS = ("MODEL", "TASK", "LICENSE", "COMMERCIAL", "SIZE", "HERE", "WHERE")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array for programs instead of a table.")
def models(*, as_json: bool) -> None:
    """List the models: license, commercial use, size of the download, and where they are on this machine."""
    from dis_core.registry import manager as registry
    from dis_core.registry.requirements import install_command, missing_packages

    specs = list(registry.models().values())
    if as_json:
        say_result(json.dumps([describe(spec) for spec in specs], indent=2))
        return
    say_result(table([HEADINGS, *map(row, specs)]))
    for spec in specs:
        if spec.embedded and spec.task == "matte":
            say_result(
                f"\n{spec.name} comes with dis-core, so that something works at once and offline. It finds most clear "
                "subjects\nand shows less detail than the large models. Unless it is named, it runs only when the full "
                "model cannot be\ndownloaded, and says so."
            )
    for spec in specs:
        if missing := missing_packages(spec):
            say_result(
                f"\n{spec.name} needs packages that are missing: {', '.join(missing)}. Run: {install_command(spec)}"
            )


def describe(spec: ModelSpec) -> dict[str, object]:
    """Everything about one model, for programs."""
    from dis_core.registry.catalog import accepted_prompts, prompt_model_of
    from dis_core.registry.requirements import install_command, missing_packages
    from dis_core.weights import store

    installed, missing = store.find_installed(spec), missing_packages(spec)
    return {
        "name": spec.name,
        "summary": spec.summary,
        "task": spec.task,
        "license": spec.license,
        "commercial_use": spec.commercial_use,
        "embedded": spec.embedded,
        "aliases": spec.aliases,
        "depth_model": spec.depth_model,
        "needed": spec.needed,
        "half_precision": spec.half_precision,
        "prompts": spec.prompts,
        "accepts": accepted_prompts(spec),
        "prompt_model": prompt_model_of(spec),
        "extra": spec.extra,
        "missing_packages": missing,
        "install_command": install_command(spec) if missing else None,
        "citation": None if spec.citation is None else asdict(spec.citation),
        "repo": spec.weights.repo,
        "homepage": spec.weights.homepage,
        "revision": spec.weights.revision,
        "sha256": spec.weights.sha256,
        "pin": pin_of(spec.weights),
        "details": dict(spec.details),
        "size_bytes": store.download_size(spec),
        "present": installed is not None,
        "path": None if installed is None else str(installed.path),
    }


def row(spec: ModelSpec) -> tuple[str, ...]:
    """One model as cells under HEADINGS."""
    from dis_core.files import megabytes
    from dis_core.weights import store

    installed, size_bytes = store.find_installed(spec), store.download_size(spec)
    return (
        f"{spec.name} (embedded)" if spec.embedded else spec.name,
        spec.task,
        spec.license,
        spec.commercial_use,
        "unknown" if size_bytes is None else megabytes(size_bytes),
        "no" if installed is None else "yes",
        origin(spec.weights) if installed is None else str(installed.path),
    )


def pin_of(weights: WeightsFile) -> str | None:
    """How the declared revision and checksum are known; None where neither says which file it is."""
    is_pinned = weights.repo is not None and (weights.sha256 or re.fullmatch("[0-9a-f]{40}", weights.revision))
    return weights.pin_source if is_pinned else None


def origin(weights: WeightsFile) -> str:
    """Where to get a file that is not on this machine."""
    return f"huggingface.co/{weights.repo}" if weights.repo else weights.homepage or "missing"


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Cells in columns as wide as their widest cell."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows
    )
