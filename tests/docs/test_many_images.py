"""The page about very many images: its lines, as a shell understands them, do what it says."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from dis_core.batch.manifest import read_manifest
from dis_core.cli.main import run
from tests.docs.pages import DOCS
from tests.fakes.bright_squares import bright_square

pytestmark = [
    pytest.mark.usefixtures("bright_models"),
    pytest.mark.skipif(sys.platform == "win32", reason="the lines are for POSIX shells"),
]

BLOCK = re.compile(r"^<!-- run: (\w+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (DOCS / "how-to" / "many-images.md").read_text(encoding="utf-8")

# Stands in for the command in the shell: notes its arguments, and what comes in if that is a list.
NOTING = """#!/bin/sh
call="$NOTED/$(ls "$NOTED" | wc -l)"
mkdir "$call"
printf '%s\\0' "$@" > "$call/arguments"
case "$*" in *"--files-from -"*) cat > "$call/stdin";; esac
"""


def lines_of(name: str) -> str:
    found = "".join(code for of, code in BLOCK.findall(PAGE) if of == name)
    assert found, f"the page has no lines for {name}"
    return found


def calls_of(script: str, folder: Path, **variables: str) -> list[tuple[list[str], bytes]]:
    """The arguments that a shell gives to dis-core for a script, and what it sends to its standard input."""
    tools, noted = folder / "tools", folder / "noted"
    for place in (tools, noted):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    (tools / "dis-core").write_text(NOTING)
    (tools / "dis-core").chmod(0o755)
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "NOTED": str(noted), **variables}
    subprocess.run(["/bin/sh", "-ec", script], cwd=folder, env=environment, check=True, timeout=60)
    calls = []
    for call in sorted(noted.iterdir(), key=lambda path: int(path.name)):
        stdin = call / "stdin"
        arguments = (call / "arguments").read_text().split("\0")[:-1]
        calls.append((arguments, stdin.read_bytes() if stdin.exists() else b""))
    return calls


def run_lines(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[int]:
    """The exit statuses of the commands of a script, run one after the other with a model that is quick."""
    statuses = []
    for arguments, stdin in calls_of(script, folder, **variables):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        quick = ["--model", "bright", "--device", "cpu"] if arguments[0] in ("cutout", "batch") else []
        statuses.append(run([*arguments, *quick]))
    return statuses


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with twelve photos in two folders below photos/."""
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        path = tmp_path / "photos" / str(number % 2) / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(bright_square()).save(path, quality=100)
    return tmp_path


def cutouts(folder: Path) -> int:
    return len(list((folder / "cutouts").rglob("*-cutout.png")))


def test_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_lines(lines_of("folder"), folder, monkeypatch) == [0, 0, 0, 0]

    assert cutouts(folder) == 12


def test_a_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_lines(lines_of("list"), folder, monkeypatch) == [0]

    assert (folder / "cutouts/photos/1/11-cutout.png").exists()
    assert cutouts(folder) == 12


def test_shards(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_lines(lines_of("shards"), folder, monkeypatch) == [0, 0, 0]

    assert cutouts(folder) == len(read_manifest(folder / "cutouts.jsonl").rows) == 12


def test_the_array_of_slurm_does_all_images(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = lines_of("slurm")
    first, last = re.findall(r"--array=(\d+)-(\d+)", script)[0]

    for number in range(int(first), int(last) + 1):
        task = {"SLURM_ARRAY_TASK_ID": str(number), "SLURM_CPUS_PER_TASK": "1"}
        assert run_lines(script, folder, monkeypatch, **task) == [0]

    assert cutouts(folder) == 12


def test_the_indexes_of_kubernetes_do_all_images(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = lines_of("kubernetes")
    (completions,) = re.findall(r"completions: (\d+)", text)
    (script,) = re.findall(r"- >-\n(.*?)\n {10}resources:", text, re.DOTALL)
    script = " ".join(script.split()).replace("/data/", f"{folder}/")

    for index in range(int(completions)):
        assert run_lines(script, folder, monkeypatch, JOB_COMPLETION_INDEX=str(index)) == [0]

    assert cutouts(folder) == 12


def test_the_line_for_ray_is_understood(folder: Path) -> None:
    """`tests.batch.test_ray` runs it, on a cluster that it shares."""
    ((arguments, _),) = calls_of(lines_of("ray"), folder)

    assert arguments == ["batch", "photos", "cutouts", "--ray"]


def test_tars(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        with tarfile.open(folder / f"photos-{number:03d}.tar", "w") as tar:
            tar.add(folder / f"photos/{number}/{number}.jpg", f"{number}.jpg")

    assert run_lines(lines_of("tars"), folder, monkeypatch) == [0]

    assert sorted(path.name for path in (folder / "cutouts").glob("*.tar")) == ["photos-000.tar", "photos-001.tar"]
