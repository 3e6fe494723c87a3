"""The options of `cutout` and `mask` for very many images: a list of files, a manifest, and shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dis_core.batch.shards import Shard, as_shard
from dis_core.errors import BadRequest


class ShardType(click.ParamType[Shard]):
    """3/16: the third of sixteen shares."""

    name = "I/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:  # click's own
        try:
            return as_shard(str(value))
        except BadRequest as error:
            self.fail(f"{error.message} ({error.hint})", param, ctx)


MANY_OPTIONS = (
    click.option(
        "--files-from",
        metavar="FILE",
        help="Do the images in this list, one path per line; - is standard input. With -o, their tree is kept.",
    ),
    click.option("-0", "--null", is_flag=True, help="With --files-from: the paths end with NUL characters."),
    click.option(
        "--manifest",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Note in this file what became of each image, and go on where an earlier run stopped.",
    ),
    click.option(
        "--shard",
        type=ShardType(),
        help="Do only this share of the images, such as 3/16, the third of sixteen; other programs do the rest.",
    ),
    click.option("--retry-failed", is_flag=True, help="With --manifest: do what failed before, and nothing else."),
)
