"""`dis-core manifest`: what the manifests of runs over many images say."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dis_core.batch.manifest import merged, read_manifest, write_merged
from dis_core.batch.rows import Row
from dis_core.batch.summary import counted
from dis_core.cli.terminal import printable, say, say_result

FILE = click.Path(path_type=Path)


@click.group()
def manifest() -> None:
    """Show and merge the manifests that `cutout`, `mask` and `batch` write."""


@manifest.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="MANIFEST ...")
@click.option("--failed", is_flag=True, help="List the images that failed: path, code and message, with tabs between.")
@click.option("--json", "as_json", is_flag=True, help="JSON: an object that sums up, or one for each failed image.")
def show(files: tuple[Path, ...], *, failed: bool, as_json: bool) -> None:
    """Sum up manifests, also while they are being written: how many images are done, failed and at work."""
    rows = merged(map(read_manifest, files)).rows
    if failed:
        for path in sorted(rows):
            if rows[path].status == "failed":
                say_result(_failure(rows[path], as_json=as_json))
        return
    summary = counted(rows.values())
    done = [row for row in rows.values() if row.status == "done"]
    facts = {
        **{name: summary.facts()[name] for name in ("images", "done", "failed", "failures")},
        "begun": summary.left,
        "megapixels": round(sum(row.megapixels for row in done), 3),
        "seconds": round(sum(row.seconds for row in done), 3),
        "models": sorted({row.model for row in done}),
    }
    if as_json:
        say_result(json.dumps(facts))
        return
    for line in summary.lines():
        say_result(line)
    if done:
        say_result(f"{facts['megapixels']:,.1f} megapixels in {facts['seconds']:,.1f} s of work")
        say_result(f"by {', '.join(sorted({row.model for row in done}))}")


def _failure(row: Row, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"path": row.path, "code": row.code, "message": row.message, "hint": row.hint})
    return "\t".join(printable(text) for text in (row.path, row.code, row.message))


@manifest.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="MANIFEST ...")
@click.option("-o", "--output", required=True, type=FILE, metavar="FILE", help="The manifest to write.")
def merge(files: tuple[Path, ...], *, output: Path) -> None:
    """Write one manifest of all images of several, such as those of shards.

    Where they differ about an image, done is better than failed, and later better than earlier.
    """
    whole = merged(map(read_manifest, files))
    write_merged(whole, output, files)
    say(f"dis-core: {output}: {len(whole.rows)} images of {len(files)} manifests")
