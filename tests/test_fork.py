"""Processes that are forked after a first image, as web servers do that load an application before their workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dis_core.device import refuse_card_after_fork
from dis_core.errors import DeviceUnavailable
from dis_core.protocols import Placement

FLOWER = Path(__file__).parents[1] / "examples" / "flower.jpg"

PROGRAM = """
import os, sys, time
import torch
import dis_core

torch.set_num_threads(2)  # with one there are no others to miss
options = dict(model="dis-lite", refine="none")
pipeline = dis_core.Pipeline("cpu")
expected = pipeline.segment(sys.argv[1], **options).alpha.mean()
session = pipeline.open(sys.argv[1])
session.segment(**options)
pipeline._busy.acquire()  # as if another thread were at work
child = os.fork()
if child == 0:
    same = pipeline.segment(sys.argv[1], **options)
    again = session.segment(**options)
    new = dis_core.Pipeline("cpu").segment(sys.argv[1], **options)
    try:
        pipeline.segment("missing.jpg", **options)
    except dis_core.DisError as error:
        message = error.message
    print(*(abs(matte.alpha.mean() - expected) < 1e-4 for matte in (same, again, new)), message, flush=True)
    os._exit(0)
until = time.monotonic() + 120
while os.waitpid(child, os.WNOHANG)[0] == 0:
    if time.monotonic() > until:
        os.kill(child, 9)
        os.waitpid(child, 0)
        sys.exit("the child hangs")
    time.sleep(0.1)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_is_forked_after_an_image_can_do_the_next(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(FLOWER)], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == "True True True there is no file missing.jpg\n"


def test_a_card_that_was_in_use_before_the_fork_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise RuntimeError("Cannot re-initialize CUDA in forked subprocess.")

    monkeypatch.setattr(torch.cuda, "init", refuse)

    for device in ("cuda:0", "mps"):
        with pytest.raises(DeviceUnavailable, match=f"{device} cannot be used") as failure:
            refuse_card_after_fork(Placement(device))
        assert "spawn" in failure.value.hint


def test_the_cpu_and_a_card_that_was_not_in_use_are_no_problem_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "init", lambda: None)

    refuse_card_after_fork(Placement("cpu"))
    refuse_card_after_fork(Placement("cuda:0"))
