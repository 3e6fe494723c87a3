"""How threads wait: the program decides it before torch is there, unless somebody else did; the library never."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from dis_core.threads import BRIEFLY, DECIDED_BY, wait_briefly

ROOT: Final = Path(__file__).parents[1]

AFTER_A_COMMAND: Final = """
import json, os, sys
from dis_core.__main__ import main
sys.argv[1:] = ["models"]
try:
    main()
except SystemExit:
    print(json.dumps([dict(os.environ), "torch" in sys.modules]))
"""

AFTER_IMPORTING: Final = "import json, os, dis_core.api, dis_core.pipeline; print(json.dumps([dict(os.environ), True]))"

PASSES: Final = """
import time, torch
network = torch.nn.Sequential(*(torch.nn.Conv2d(32, 32, 3, padding=1) for _ in range(60))).eval()
x = torch.rand(1, 32, 96, 96)
with torch.inference_mode():
    network(x)
    times = [time.process_time()]
    for _ in range(10):
        network(x)
        times.append(time.process_time())
print(min(after - before for before, after in zip(times, times[1:])))
"""


def environment_of(script: str, **more: str) -> tuple[dict[str, str], bool]:
    """The environment of a fresh Python after a script, without what somebody has decided about threads here."""
    environment, has_torch = json.loads(shown_by(script, **more).splitlines()[-1])
    return environment, has_torch


def shown_by(script: str, **more: str) -> str:
    undecided = {name: value for name, value in os.environ.items() if name not in DECIDED_BY}
    environment = {**undecided, "PYTHONPATH": str(ROOT), **more}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True, timeout=250
    )
    return done.stdout


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_threads_wait_briefly() -> None:
    environment: dict[str, str] = {"PATH": "/bin"}

    wait_briefly(environment)

    assert environment == {"PATH": "/bin", **BRIEFLY}


@pytest.mark.parametrize("name", DECIDED_BY)
def test_what_somebody_has_decided_stays(name: str) -> None:
    environment = {name: "PASSIVE"}

    wait_briefly(environment)

    assert environment == {name: "PASSIVE"}


def test_the_command_decides_before_torch_is_there() -> None:
    environment, has_torch = environment_of(AFTER_A_COMMAND)

    assert BRIEFLY.items() <= environment.items()
    assert not has_torch


def test_the_library_leaves_the_environment_alone() -> None:
    environment, _ = environment_of(AFTER_IMPORTING)

    assert not set(DECIDED_BY) & set(environment)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the spinning of GNU OpenMP")
def test_waiting_costs_little_where_others_have_the_cores() -> None:
    cores = os.cpu_count() or 1

    # Both at once and their quickest passes, so that what else the machine does slows both.
    with busy_processes(cores), ThreadPoolExecutor(2) as pool:
        alone = pool.submit(shown_by, PASSES, OMP_NUM_THREADS="1")
        together = pool.submit(shown_by, PASSES, OMP_NUM_THREADS=str(max(cores, 2)), **BRIEFLY)

        # Spinning as torch's OpenMP does by default, the threads take five to ten times as much.
        assert float(together.result()) < 2.5 * float(alone.result())
