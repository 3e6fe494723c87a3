"""`dis-core doctor`: what a bug report needs, what is wrong with this installation, and how to fix it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from dis_core.cli.doctor.checks import examine
from dis_core.cli.doctor.findings import in_words
from dis_core.cli.terminal import say_result


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for programs instead of text.")
@click.option("--offline", is_flag=True, help="Do not ask the Hugging Face Hub whether it can be reached.")
def doctor(*, as_json: bool, offline: bool) -> None:
    """Show versions, devices, folders, models and editors, what is wrong with them, and how to fix it.

    Paste the output into a bug report. The exit status is 1 if a problem stops dis-core from cutting out images, and 0
    otherwise, even if there are smaller problems.
    """
    findings = examine(ask_hub=not offline)
    if as_json:
        say_result(json.dumps(asdict(findings), indent=2))
    else:
        say_result("\n".join(in_words(findings)))
    if any(problem.blocks for problem in findings.problems):
        click.get_current_context().exit(1)
