"""The script that compares a graphics card with the CPU, with the CPU in the card's place."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dis_core.models.dis_lite.spec import DIS_LITE
from dis_core.protocols import NO_PROMPT, Placement, Segmentation
from scripts import check_gpu
from tests.fakes.small_models import SMALL_MODELS


def test_a_quick_run_compares_two_models_and_finds_nothing_bad(capsys: pytest.CaptureFixture[str]) -> None:
    status = check_gpu.main(["--device", "cpu", "--quick"])

    printed = capsys.readouterr().out
    assert status == 0
    assert "| isnet | small, random | 0.0e+00, 0.0e+00 |" in printed
    assert "| dis-lite | published | 0.0e+00, 0.0e+00 |" in printed
    assert printed.count("| ok |") == 2
    assert "cancel within a pass of" in printed
    assert "8 tiles of " in printed
    assert check_gpu.BAD not in printed


def test_what_there_is_no_time_for_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    status = check_gpu.main(["--device", "cpu", "--limit", "0"])

    printed = capsys.readouterr().out
    assert status == 0
    assert printed.count(check_gpu.WITHOUT_TIME) == len(SMALL_MODELS) + len(check_gpu.STEPS)


class Wrong:
    """Its matte is another one where precision is half."""

    def __init__(self, placement: Placement) -> None:
        self.value = 0.9 if placement.dtype == "float16" else 0.2

    def __call__(self, image: NDArray[np.float32], **_: object) -> Segmentation:
        return Segmentation(np.full(image.shape[:2], self.value, np.float32))


def test_a_matte_that_is_another_one_makes_the_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = check_gpu.Candidate("wrong", "none", Wrong, NO_PROMPT)  # type: ignore[arg-type]
    monkeypatch.setattr(check_gpu, "candidates", lambda *_: iter([wrong]))
    monkeypatch.setattr(check_gpu, "check_cancel", lambda *_: "")
    monkeypatch.setattr(check_gpu, "check_batch", lambda *_: "")

    status = check_gpu.main(["--device", "cpu", "--quick"])

    assert status == 1
    assert "7.0e-01, 7.0e-01 | 0.0" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="groups of processes are POSIX")
def test_a_speed_benchmark_without_time_leaves_no_process_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    held, script = tmp_path / "held", tmp_path / "benchmarks" / "speed.py"
    script.parent.mkdir()
    child = f"import fcntl, time; f = open({str(held)!r}, 'w'); fcntl.flock(f, 2); print('held', file=f, flush=True); "
    script.write_text(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child + 'time.sleep(900)'!r}])")
    monkeypatch.setattr(check_gpu, "ROOT", tmp_path)

    shown = check_gpu.measure_speed(Placement("cpu"), check_gpu.Clock(20))

    assert shown == f"speed: {check_gpu.WITHOUT_TIME}"
    with held.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # waits for the end of whoever holds it
        assert file.read() == "held\n"


def test_weights_that_are_here_are_used() -> None:
    assert check_gpu.has_weights(DIS_LITE)
