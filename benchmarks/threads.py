"""What waiting threads cost, on a quiet machine and on a busy one: a pass of the embedded model's network.

    python benchmarks/threads.py --rounds 30 --competing 0 2 --json threads.json

Between two parts of its work, a thread of OpenMP waits for the others: it spins, which answers at once and takes a
core from everybody else meanwhile, or it sleeps. Every setting has a process of its own, which stays; they take turns
within a round, so that other work on the machine falls on all of them alike. Of the machine's own counters it is known
how much that was: rounds in which it took more than `--others` cores are left out, and told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SETTINGS: Final[dict[str, dict[str, str]]] = {
    "as torch comes": {},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "spin 1000": {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"},
    "spin 10000": {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"},
    "spin 50000": {"GOMP_SPINCOUNT": "50000", "KMP_BLOCKTIME": "2"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
NAMES: Final = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_NUM_THREADS")

SPIN: Final = "while True: pass"


@dataclass(frozen=True)
class Turn:
    """Passes of one setting in one round: seconds and CPU seconds of each, and cores that others took meanwhile."""

    setting: str
    competing: int
    seconds: float
    cpu_seconds: float
    others: float


def work(passes: int) -> None:
    """A process with one setting: for every line on standard input, some passes, and how long they took."""
    import torch

    from dis_core.models.dis_lite.network import BothWays
    from dis_core.models.dis_lite.segmenter import SIDE_PX, network

    torch.manual_seed(0)
    look = BothWays(network().eval().to(memory_format=torch.channels_last))
    image = torch.rand(1, 3, SIDE_PX, SIDE_PX)
    with torch.inference_mode():
        look(image)
        print("ready", flush=True)
        for _ in sys.stdin:
            started, worked = time.perf_counter(), time.process_time()
            for _ in range(passes):
                look(image)
            took = time.perf_counter() - started, time.process_time() - worked
            print(json.dumps([seconds / passes for seconds in took]), flush=True)


def started(setting: Mapping[str, str], passes: int) -> subprocess.Popen[str]:
    """A process with this setting."""
    inherited = {name: value for name, value in os.environ.items() if name not in NAMES}
    command = [sys.executable, __file__, "--passes", str(passes), "--work"]
    return subprocess.Popen(
        command, env={**inherited, **setting}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def busy_seconds() -> float:
    """CPU seconds of all processes since the machine was started, without what was idle or waited for disks."""
    counters = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, interrupts, soft = map(int, counters[:7])
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def answer_of(process: subprocess.Popen[str], request: str = "") -> str:
    """A process's next line, after it was asked for it."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("it was started without pipes")
    process.stdin.write(request)
    process.stdin.flush()
    return process.stdout.readline()


def one_turn(name: str, process: subprocess.Popen[str], competing: int, passes: int) -> Turn:
    """Let a process work, and see what else the machine does."""
    busy, began = busy_seconds(), time.perf_counter()
    seconds, cpu_seconds = json.loads(answer_of(process, "\n"))
    passed = time.perf_counter() - began
    others = (busy_seconds() - busy - cpu_seconds * passes) / passed
    return Turn(name, competing, seconds, cpu_seconds, others)


@contextmanager
def competitors(count: int) -> Iterator[None]:
    """So many processes that never rest."""
    running = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def measure(rounds: int, passes: int, competing: Sequence[int]) -> Iterator[Turn]:
    """All turns, as they come."""
    processes = {name: started(setting, passes) for name, setting in SETTINGS.items()}
    try:
        for process in processes.values():
            answer_of(process)
        for _ in range(rounds):
            for count in competing:
                with competitors(count):
                    for name, process in processes.items():
                        yield one_turn(name, process, count, passes)
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def print_table(turns: Sequence[Turn], most: float) -> None:
    """For each load and setting: the median and the least of a pass in seconds, and its CPU seconds."""
    by_kind: dict[tuple[int, str], list[Turn]] = defaultdict(list)
    for turn in turns:
        if turn.others <= turn.competing + most:
            by_kind[turn.competing, turn.setting].append(turn)
    print("| competing | setting | seconds | least | CPU seconds | turns |\n|---|---|---|---|---|---|")
    for (competing, name), kept in by_kind.items():
        seconds = [turn.seconds for turn in kept]
        cpu_seconds = statistics.median(turn.cpu_seconds for turn in kept)
        print(f"| {competing} | {name} | {statistics.median(seconds):.3f} | {min(seconds):.3f} | ", end="")
        print(f"{cpu_seconds:.3f} | {len(kept)} |")
    left_out = len(turns) - sum(map(len, by_kind.values()))
    print(f"\n{left_out} of {len(turns)} turns left out: something else took more than {most} cores")


def main() -> None:
    """Measure all, or work as one of the processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--passes", type=int, default=5, help="of each setting in a round")
    parser.add_argument("--competing", type=int, nargs="+", default=[0, 2], help="numbers of busy processes beside it")
    parser.add_argument("--others", type=float, default=0.2, help="leave out turns where others took more cores")
    parser.add_argument("--json", type=Path, help="write all turns here")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.passes)
        return
    turns: list[Turn] = []
    try:
        for turn in measure(given.rounds, given.passes, given.competing):
            turns.append(turn)
            if given.json is not None:
                given.json.write_text(json.dumps([vars(each) for each in turns]), encoding="utf-8")
    except KeyboardInterrupt:
        pass  # what there is so far is told
    print_table(turns, given.others)


if __name__ == "__main__":
    main()
