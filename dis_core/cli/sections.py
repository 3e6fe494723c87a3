"""The help of `cutout` and `mask` in sections, with the options of every day first."""

from __future__ import annotations

from typing import Final

import click

_FIRST: Final = "Everyday options"

SECTIONS: Final = {
    _FIRST: (
        *("output", "format", "recursive", "watch", "overwrite", "model", "quality"),
        *("bits", "frames", "mask", "column"),
    ),
    "Background and size": ("bgcolor", "bgimage", "crop", "margin", "size"),
    "Which subject": ("roi", "boxes", "points", "prompt_model", "extent"),
    "Edges and colors": ("grow", "feather", "threshold", "colors"),
    "Details and speed": ("refine", "max_tiles", "exposure", "warm", "keep_alive", "device", "precision"),
    "Depth and licenses": ("depth", "depth_model", "save_depth", "accept_noncommercial"),
    "Very many images": ("files_from", "null", "manifest", "shard", "retry_failed", "ray", "actors", "gpus_per_actor"),
    "For programs": ("progress", "stop_at_eof", "owner_pid"),
}
"""By their Python names. What no section names comes at the end."""

_OTHERS: Final = "Other options"


class CommandInSections(click.Command):
    """A command whose help shows its options in `SECTIONS`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections that have options in this command."""
        section_of = {name: title for title, names in SECTIONS.items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in (*SECTIONS, _OTHERS)}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):
                title = _FIRST if "--help" in parameter.opts else section_of.get(str(parameter.name), _OTHERS)
                rows[title].append(row)
        for title, records in rows.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
