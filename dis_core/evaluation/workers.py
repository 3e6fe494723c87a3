"""Measuring many pairs in several processes, which always end when they are no longer needed."""

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
    """The number of cores that this process may use."""
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
    """Measure files: the scores of each pair, in their order; `boundary_px` and `values` are those of `measure`.

    `workers` is the number of processes; None means one per core. The first pair that cannot be measured ends
    everything. With more than one worker, each process imports the main module: a script must do its work below
    `if __name__ == "__main__":`.

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
        with _interrupts_held():  # a job starts a process if none is idle
            futures = [pool.submit(_measure_pair, pair, boundary_px, values) for pair in pairs]
        try:
            _watch(futures, report)
        except BrokenProcessPool as error:
            raise OutOfMemory(
                "a worker process was killed, most likely because memory ran out",
                hint="measure fewer at a time: `workers=1`",
            ) from error
        return [future.result() for future in futures]


def _measure_pair(pair: Pair, boundary_px: int | None, values: Values) -> Scores:
    prediction, truth = read_pair(pair)
    try:
        return measure(prediction, truth, boundary_px=boundary_px, values=values)
    except MemoryError as error:
        raise OutOfMemory(
            f"{pair.name} does not fit into the memory of this machine", hint="measure fewer at a time: `workers=1`"
        ) from error


def _watch(futures: Sequence[Future[Scores]], report: Report) -> None:
    """Report progress until all are done. Raises what the first one that fails raises."""
    waiting = set(futures)
    while waiting:
        report(1 - len(waiting) / len(futures), f"measuring {len(futures)} images")
        done, waiting = wait(waiting, timeout=HEARTBEAT_S, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()


@contextlib.contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes are gone at the end of the block, even if they are in the middle of their work."""
    # Not fork: the parent may have threads and use a GPU, which do not survive a fork.
    context = multiprocessing.get_context("spawn")
    ends: tuple[Any, Any] = context.Pipe(duplex=False)  # on Windows PipeConnections, which can do the same
    parent_pipe, end = ends
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_exit_with_parent, initargs=(parent_pipe,))
    try:
        yield pool
    except BaseException:
        end.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        end.close()
        parent_pipe.close()


def _exit_with_parent(parent_pipe: connection.Connection) -> None:
    """In a worker: leave Ctrl-C to the parent, and end when the parent closes its end of the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait_and_end() -> None:
        with contextlib.suppress(EOFError, OSError):
            parent_pipe.recv_bytes()
        os._exit(0)

    threading.Thread(target=wait_and_end, name="parent_pipe", daemon=True).start()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until after the block, and from processes started in it, which would die with a traceback."""
    if sys.platform == "win32":
        yield
    else:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
