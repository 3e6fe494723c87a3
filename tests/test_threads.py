"""How threads wait: the program decides it before torch is there, unless somebody else did; the library never."""

from __future__ import annotations

import ctypes
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

from dis_core.threads import ARENAS, BRIEFLY, DECIDED_BY, wait_briefly

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

POOLS: Final = """
import ctypes, sys, threading
from dis_core.threads import share_free_memory
if "share" in sys.argv:
    share_free_memory()
together = threading.Barrier(8)
def work():
    kept = [bytearray(50_000) for _ in range(20)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(open(sys.argv[1]).read().count("<heap nr="))
"""

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


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_info"), reason="of GNU's C library only"
)
@pytest.mark.parametrize(("more", "is_shared"), [(["share"], True), ([], False)])
def test_threads_share_two_pools_of_memory_if_the_program_says_so(
    tmp_path: Path, more: list[str], is_shared: bool
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", POOLS, str(tmp_path / "pools.xml"), *more]

    shown = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert (int(shown) <= ARENAS) == is_shared
