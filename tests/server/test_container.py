"""What starts the server elsewhere: the container's file, systemd's unit, and the entry for menus."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import click
import pytest

from dis_core.cli.main import group

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "Containerfile"
UNIT = ROOT / "examples" / "dis-core.service"
ENTRY = ROOT / "examples" / "dis-core.desktop"

HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")


def parse(name: str, *arguments: str) -> click.Context:
    """Let click parse a command without running it."""
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return command.make_context(name, list(arguments))


def section_of(path: Path, name: str) -> dict[str, str]:
    reader = ConfigParser(interpolation=None, strict=False)
    reader.optionxform = str  # type: ignore[assignment,method-assign]  # or else it would lower the names
    reader.read(path, encoding="utf-8")
    return dict(reader[name])


@pytest.mark.skipif(
    HADOLINT is None and (sys.platform != "linux" or sys.maxsize < 2**32), reason="there is no hadolint for this system"
)
def test_the_containerfile_has_no_fault_that_a_linter_finds() -> None:
    assert HADOLINT is not None

    done = subprocess.run([HADOLINT, str(CONTAINERFILE)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_all_that_the_container_copies_is_there() -> None:
    copied = re.findall(r"^COPY (.*) \S+$", CONTAINERFILE.read_text(encoding="utf-8"), re.MULTILINE)

    assert [name for line in copied for name in line.split() if not (ROOT / name).exists()] == []
    assert {"pyproject.toml", "dis_core", "plugins"} <= {name for line in copied for name in line.split()}


def test_the_container_serves_to_others_only_with_a_token_and_not_as_root() -> None:
    text = CONTAINERFILE.read_text(encoding="utf-8")
    (command,) = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)

    options = parse(*json.loads(command)).params

    assert options["host"] == "0.0.0.0"  # noqa: S104 - in a container that is the way to be reached at all
    assert options["token_file"] is not None
    assert not options["insecure"]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE)


def test_the_unit_serves_to_this_machine_alone() -> None:
    program, *arguments = shlex.split(section_of(UNIT, "Service")["ExecStart"])

    options = parse(*arguments).params

    assert Path(program).name == "dis-core"
    assert options["host"] == "127.0.0.1"


def test_the_entry_for_menus_cuts_out_all_files_that_it_is_given(tmp_path: Path) -> None:
    quoted = re.fullmatch(r'sh -c "(.*)" dis-core %F', section_of(ENTRY, "Desktop Entry")["Exec"])
    assert quoted is not None
    # By the specification backslashes of strings are doubled, and in quotes they stand before ", `, $ and themselves.
    script = re.sub(r"\\([\"`$\\])", r"\1", quoted[1].replace("\\\\", "\\"))
    noting = tmp_path / "dis-core"
    noting.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$(dirname "$0")/given"\n', encoding="utf-8")
    noting.chmod(0o755)

    if sys.platform != "win32":
        photos = [str(tmp_path / "a b.jpg"), str(tmp_path / "$c.jpg")]
        subprocess.run(["sh", "-c", script, "dis-core", *photos], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
        name, *given = (tmp_path / "given").read_text(encoding="utf-8").splitlines()
        assert given[-2:] == photos
        parse(name, *given)
