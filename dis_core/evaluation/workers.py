"""Many pairs measured by several processes that end when they are not needed any more, whatever happens."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any, Final

from dis_core.errors import OutOfMemory
from dis_core.evaluation.metrics import Values, measure, require_pysodmetrics
from dis_core.evaluation.pairs import Pair, read_pair
from dis_core.evaluation.scores import Scores
from dis_core.progress import Report, ignore

HEARTBEAT_S: Final = 0.2
# Windows cannot wait for more processes in one call.
_MOST_WORKERS: Final = 61


def core_count() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def measure_files(
    pairs: Sequence[Pair],
    *,
    workers: int | None = None,
    boundary_px: int | None = None,
    values: Values = "given",
    report: Report = ignore,
) -> list[Scores]:
    """The scores of each pair, in their order; `boundary_px` and `values` as in `measure`.

    `workers` is the number of processes, None for one per core. The first pair that cannot be measured ends it all.
    Where `workers` is more than 1, the caller's main module is imported by each process: a script keeps what it does
    below `if __name__ == "__main__":`.

    Raises NoImage and BadRequest for bad files, OutOfMemory, DisError if pysodmetrics is missing, and what `report`
    raises (Cancelled).
    """
    require_pysodmetrics()
    workers = min(core_count() if workers is None else workers, len(pairs), _MOST_WORKERS)
    if workers <= 1:
        scores = []
        for done, pair in enumerate(pairs):
            report(done / len(pairs), f"measuring {pair.name}")
            scores.append(_measure_pair(pair, boundary_px, values))
        return scores
    with _processes(workers) as pool:
        with _interrupts_held():  # a process is started by the job that there is no idle one for
            futures = [pool.submit(_measure_pair, pair, boundary_px, values) for pair in pairs]
        try:
            _watch(futures, report)
        except BrokenProcessPool as error:
            raise OutOfMemory(
                "a process that measures was ended from outside, most likely for want of memory",
                hint="try again with fewer at a time: --workers 1",
            ) from error
        return [future.result() for future in futures]


def _measure_pair(pair: Pair, boundary_px: int | None, values: Values) -> Scores:
    prediction, truth = read_pair(pair)
    try:
        return measure(prediction, truth, boundary_px=boundary_px, values=values)
    except MemoryError as error:
        raise OutOfMemory(f"{pair.name} does not fit into this machine's memory", hint="try --workers 1") from error


def _watch(futures: Sequence[Future[Scores]], report: Report) -> None:
    """Report until all are done. Raises what the first one to fail raised."""
    waiting = set(futures)
    while waiting:
        report(1 - len(waiting) / len(futures), f"measuring {len(futures)} images")
        done, waiting = wait(waiting, timeout=HEARTBEAT_S, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()


@contextlib.contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes are gone at the end of the block, in the middle of their work too."""
    # Not fork: the parent may hold threads and a GPU, and forking those is undefined.
    context = multiprocessing.get_context("spawn")
    ends: tuple[Any, Any] = context.Pipe(duplex=False)  # on Windows PipeConnections, which can do the same
    leash, end = ends
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_stay_on_leash, initargs=(leash,))
    try:
        yield pool
    except BaseException:
        end.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        end.close()
        leash.close()


def _stay_on_leash(leash: connection.Connection) -> None:
    """In a worker: leave Ctrl-C to the parent, and end when it lets go of the other end or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait_and_end() -> None:
        with contextlib.suppress(EOFError, OSError):
            leash.recv_bytes()
        os._exit(0)

    threading.Thread(target=wait_and_end, name="leash", daemon=True).start()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C until after the block, and from processes started in it, which would die of it with a traceback."""
    if sys.platform == "win32":
        yield
    else:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
