"""The help of `cutout`, `mask` and `batch`."""

from __future__ import annotations

import click
import pytest

from dis_core.cli.commands.batch import batch_command
from dis_core.cli.commands.cutout import cutout
from dis_core.cli.commands.mask import mask
from dis_core.cli.sections import SECTIONS


def help_of(command: click.Command) -> str:
    return command.get_help(click.Context(command, info_name=command.name, max_content_width=100))


@pytest.mark.parametrize("command", [cutout, mask])
def test_everyday_options_come_first_and_those_for_programs_last(command: click.Command) -> None:
    shown = help_of(command)

    titles = [line.rstrip(":") for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == list(SECTIONS)
    first = shown.partition("Background and size:")[0]
    assert all(option in first for option in ("--output", "--model", "--overwrite", "--help"))
    assert "--stop-at-eof" in shown.partition("For programs:")[2]


@pytest.mark.parametrize("command", [cutout, mask, batch_command])
def test_every_option_is_shown_once(command: click.Command) -> None:
    shown = help_of(command)

    names = [option.opts[-1] for option in command.params if isinstance(option, click.Option)]
    beginnings = [line.split()[:2] for line in shown.splitlines() if line.startswith("  -")]
    assert len(names) > 20
    assert all(sum(name in beginning for beginning in beginnings) == 1 for name in names)


def test_sections_name_only_options_that_exist() -> None:
    existing = {parameter.name for command in (cutout, mask, batch_command) for parameter in command.params}

    assert {name for names in SECTIONS.values() for name in names} <= existing
