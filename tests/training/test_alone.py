"""Two trainings never share a folder, and a killed one does not keep the next from it."""

from __future__ import annotations

import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dis_core.errors import BadRequest
from dis_core.training import setup
from tests.fakes.holding import held_by_another

HOLD = """
import sys, time
from pathlib import Path
from dis_core.training.setup import alone_in
with alone_in(Path(sys.argv[1])):
    print("running", flush=True)
    time.sleep(120)
"""


def another_training_in(folder: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    return held_by_another(HOLD, folder, says="running")


def test_a_second_training_in_a_folder_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "WORKERS_END_S", 0.1)
    before = setup.usual_settings("dis-lite")

    with another_training_in(tmp_path), pytest.raises(BadRequest, match="another training runs in"):
        setup.train(tmp_path, before, device="cpu")

    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_killed_training_leaves_its_folder_free(tmp_path: Path) -> None:
    with another_training_in(tmp_path) as other:
        other.kill()
        other.wait()

        with setup.alone_in(tmp_path):
            pass


def test_trainings_in_different_folders_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "WORKERS_END_S", 0.1)

    with another_training_in(tmp_path / "theirs"), setup.alone_in(tmp_path / "ours"):
        pass
