"""Work of a batch on a Ray cluster: images, or files of many images, go to actors, and rows for the manifest come back.

Images and results stay in files that all machines see; only paths and rows move.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dis_core.batch.containers import Collected, Container, Unit, cut_container
from dis_core.batch.cutter import Cutter
from dis_core.batch.resuming import Now, What
from dis_core.batch.rows import Row, row_of
from dis_core.errors import BadRequest, DisError, DiskFull, OutputExists, OutputFailed
from dis_core.files import holds, make_folder, write_atomically
from dis_core.jobs.job import Job, JobFailure, JobResult
from dis_core.jobs.json_values import from_json_value, to_json_value
from dis_core.progress import ignore
from dis_core.ray import CPUS_PER_ACTOR, mapped, refuse_without_ray

if TYPE_CHECKING:
    import pyarrow as pa

ITEMS_AT_ONCE: Final = 20_000
"""Ray keeps all items of a dataset in memory, and tells of each few when they are done."""

IMAGES_PER_BATCH: Final = 4
"""No more is lost when a program is killed, for each actor and what waits for it."""

SILENT_FOR_S: Final = 30.0
"""After so long without a result it is said what the work waits for."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Actors:
    """How many processes load the model (0: one for each graphics card or else CPU), and which share of a card each."""

    count: int = 0
    gpus: float | None = None


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """A Ray cluster: the one at the address, the one that this process has joined, or else one on this machine alone.

    A cluster that is started here has no dashboard and reports nothing about its use. Ray listens on all addresses of
    the machine, and lets in who has the token that it keeps in the user's home folder.

    Raises PackagesMissing, BadRequest if there is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    refuse_without_ray()
    import ray

    if ray.is_initialized():
        yield
        return
    quiet = {"logging_level": logging.WARNING, "log_to_driver": False}
    try:
        if address is None:
            ray.init(address="local", include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        what = str(error).strip().partition("\n")[0]
        hint = "check the address, or give none to use this machine alone"
        raise BadRequest(f"there is no Ray cluster at {address or 'this machine'}: {what}", hint=hint) from error
    try:
        yield
    finally:
        ray.shutdown()


def counted_actors(actors: Actors, resources: dict[str, float]) -> tuple[int, float]:
    """(how many actors, graphics cards for each) on a cluster with these resources.

    Raises BadRequest if not even one actor fits.
    """
    cards, cpus = resources.get("GPU", 0.0), resources.get("CPU", 0.0)
    each = (1.0 if cards >= 1 else 0.0) if actors.gpus is None else actors.gpus
    if each > cards:
        raise BadRequest(
            f"each actor needs {each:g} graphics cards, and the cluster has {cards:g}",
            hint="give a smaller `gpus_per_actor`, or 0 for the CPUs",
        )
    fit = int(min(cpus / CPUS_PER_ACTOR, cards / each if each else float("inf")))
    if fit < 1:
        raise BadRequest(f"the cluster has {cpus:g} CPUs, and an actor needs {CPUS_PER_ACTOR:g}", hint="add a machine")
    wanted = actors.count or int(cards / each if each else cpus)
    return max(min(wanted, fit), 1), each


def what_is_missing(total: dict[str, float], free: dict[str, float], *, actors: int, gpus: float) -> str:
    """What a cluster whose work does not go on may be waiting for, in words."""
    needs = (
        f"{actors} actors with {CPUS_PER_ACTOR:g} CPUs" + (f" and {gpus:g} graphics cards" if gpus else "") + " each"
    )
    parts = [
        f"{free.get(name, 0):g} of {total.get(name, 0):g} {title} are free"
        for name, title in (("CPU", "CPUs"), ("GPU", "graphics cards"))
        if name == "CPU" or gpus
    ]
    others = "" if free.get("CPU", 0) >= CPUS_PER_ACTOR else "; other work on the cluster may hold the rest"
    return f"the work needs {needs}; {', and '.join(parts)}{others}"


@contextmanager
def watched(
    actors: int, gpus: float, say: Callable[[str], None], *, silent_for_s: float
) -> Iterator[Callable[[], None]]:
    """A function to call with each result; without one for long, it is said what is missing, again and again."""
    import ray

    last = time.monotonic()
    over = threading.Event()

    def came() -> None:
        nonlocal last
        last = time.monotonic()

    def watch() -> None:
        nonlocal last
        while not over.wait(min(silent_for_s / 4, 1.0)):
            if (waited := time.monotonic() - last) >= silent_for_s:
                missing = what_is_missing(ray.cluster_resources(), ray.available_resources(), actors=actors, gpus=gpus)
                say(f"nothing was done for {waited:.0f} s: {missing}")
                last = time.monotonic()

    thread = threading.Thread(target=watch, name="watching Ray", daemon=True)
    thread.start()
    try:
        yield came
    finally:
        over.set()
        thread.join()


def fetch_on_every_node(job: Job) -> None:
    """Have the weights on every machine of the cluster, once, before actors load them. Raises what fetching raises."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    @ray.remote(num_cpus=CPUS_PER_ACTOR)  # type: ignore[untyped-decorator]
    def fetch() -> str:
        return Cutter(job).model()

    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if len(nodes) > 1:  # on this machine they are there
        places = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
        _own_error(lambda: ray.get([fetch.options(scheduling_strategy=place).remote() for place in places]))


def on_actors(
    items: Sequence[str],
    worker: type,
    arguments: dict[str, Any],  # of any worker
    actors: Actors,
    say: Callable[[str], None],
    *,
    batch_size: int = IMAGES_PER_BATCH,
    silent_for_s: float = SILENT_FOR_S,
) -> Iterator[tuple[int, Any]]:  # of JSON
    """The number of each item and what the worker made of it, as they come. Raises DisError that concerns all."""
    import ray
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    count, gpus = counted_actors(actors, ray.cluster_resources())
    with watched(count, gpus, say, silent_for_s=silent_for_s) as came:
        for start in range(0, len(items), ITEMS_AT_ONCE):
            part = [{"number": start + i, "item": item} for i, item in enumerate(items[start : start + ITEMS_AT_ONCE])]
            blocks = -(-len(part) // batch_size)
            dataset = ray.data.from_items(part, override_num_blocks=blocks)
            pool = min(count, blocks)
            made = mapped(dataset, worker, arguments, actors=pool, gpus_per_actor=gpus, batch_size=batch_size)
            done = iter(made.iter_rows())
            while (row := _own_error(lambda done=done: next(done, None))) is not None:  # type: ignore[misc]
                came()
                yield row["number"], json.loads(row["made"])


def _own_error(work: Callable[[], Answer]) -> Answer:
    """What the work returns. Raises the DisError of an actor instead of Ray's error around it."""
    from ray.exceptions import RayTaskError

    try:
        return work()
    except RayTaskError as error:
        inner: BaseException | None = error
        while inner is not None:
            found = getattr(inner, "cause", inner)
            if isinstance(found, DisError):
                raise found from None
            inner = inner.__cause__
        raise


class _Worker:
    """Makes JSON of JSON, item by item."""

    def make(self, item: Any) -> Any:  # of JSON
        raise NotImplementedError

    def __call__(self, batch: pa.Table) -> pa.Table:
        import pyarrow as pa

        made = [json.dumps(self.make(json.loads(item))) for item in batch.column("item").to_pylist()]
        return pa.table({"number": batch.column("number"), "made": pa.array(made, pa.string())})


class JobWorker(_Worker):
    """Runs jobs: JSON of a `Job` becomes that of a `JobResult`, or of an error."""

    def __init__(self, job: Job) -> None:
        self._cutter = Cutter(job)

    def make(self, item: Any) -> Any:  # of JSON
        """What became of a job, and how many seconds it took, without loading."""
        started = time.monotonic()
        job = from_json_value(Job, item)
        outcome = self._run(job)
        if isinstance(outcome, JobFailure):
            error = outcome.error
            about = {"code": error.code, "message": error.message, "hint": error.hint}
            return {"error": about, "seconds": time.monotonic() - started}
        return {"result": to_json_value(outcome), "seconds": time.monotonic() - started}

    def _run(self, job: Job) -> JobResult | JobFailure:
        assert job.source is not None  # noqa: S101  for the types
        assert job.destination is not None  # noqa: S101  for the types
        made = self._cutter(job.source)
        if isinstance(made, JobFailure):
            return made
        try:
            make_folder(job.destination.parent)
            write_atomically(job.destination, made.data, overwrite=job.overwrite)
        except OutputExists as error:
            # An actor that was killed before it could tell has written the same.
            if not holds(job.destination, made.data):
                return JobFailure(error)
        except DiskFull:
            raise
        except OutputFailed as error:
            return JobFailure(error)
        return made.result


class UnitWorker(_Worker):
    """Makes files of many images: JSON of a `Unit` and its rows becomes the rows to add, or an error."""

    def __init__(self, job: Job, container: Container, now: Now, what: What) -> None:
        self._cutter, self._container, self._now, self._what = Cutter(job), container, now, what

    def make(self, item: Any) -> Any:  # of JSON
        """The rows of the images in a file."""
        unit = from_json_value(Unit, item["unit"])
        rows = [row_of(row) for row in item["rows"]]
        notes = Collected({row.path: row for row in rows})
        try:
            cut_container(unit, self._container, self._cutter, notes, self._now, lambda _path: ignore, what=self._what)
        except DiskFull:
            raise
        except DisError as error:
            return {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
        return {"rows": [asdict(row) for row in notes.added]}


def error_from(about: dict[str, str]) -> DisError:
    """An error that an actor has told of, with its code."""
    kinds = {kind.code: kind for kind in _kinds_of(DisError) if "code" in vars(kind)}
    return kinds.get(about["code"], DisError)(about["message"], hint=about["hint"])


def _kinds_of(kind: type[DisError]) -> Iterator[type[DisError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from _kinds_of(inner)


def outcome_from(made: Any) -> tuple[JobResult | JobFailure, float]:  # of JSON
    """What became of a job, from what an actor has told, and its seconds."""
    if "error" in made:
        return JobFailure(error_from(made["error"])), made["seconds"]
    return from_json_value(JobResult, made["result"]), made["seconds"]


def rows_for(unit: Unit, rows: dict[str, Row]) -> str:
    """A unit and what is known of it, as an item for `UnitWorker`."""
    inner = [row for path, row in rows.items() if path == unit.name or path.startswith(f"{unit.name}/")]
    here = Path.cwd()
    whole = replace(unit, source=here / unit.source, destination=here / unit.destination)
    return json.dumps({"unit": to_json_value(whole), "rows": [asdict(row) for row in inner]})


def absolute(job: Job) -> Job:
    """The job with whole paths: actors have working folders of their own."""
    assert job.source is not None  # noqa: S101  for the types
    assert job.destination is not None  # noqa: S101  for the types
    here = Path.cwd()
    return replace(job, source=here / job.source, destination=here / job.destination)
