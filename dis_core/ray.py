"""Cut out the images of a Ray dataset: `cut_out(ray.data.read_parquet(...)).write_parquet(...)`.

Encoded images or their paths move between processes, and are decoded where the model is. An image that fails is a row
with an error, never one that is missing. It needs `pip install 'dis-core[ray]'`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from dis_core.batch.containers import ERROR_ENDING, error_as_json
from dis_core.batch.cutter import Cut
from dis_core.batch.cutter import Cutter as ImageCutter
from dis_core.batch.tables import ADDED, image_in
from dis_core.errors import PackagesMissing
from dis_core.images.formats import OutputFormat
from dis_core.jobs.job import CutoutStyle, Job, JobFailure, Style
from dis_core.prompts import DEFAULTS, SegmentOptions

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

CPUS_PER_ACTOR: Final = 0.5
"""A fraction, so that reading and writing always find a free CPU: else a run waits for itself for ever."""

Rows = Literal["table", "samples"]


class Cutter:
    """For `Dataset.map_batches` with `batch_format="pyarrow"`: adds results to the rows of a batch.

    `columns` are looked at in turn for the image of a row: its bytes, or its path. Rows of a "table" get the columns
    `result`, `error_code`, `error_message` and `model`; "samples" are those of webdataset, and get `png` or
    `matte.png`, and `error.json` if they fail. The model is loaded with the first image.
    """

    def __init__(self, job: Job, columns: Sequence[str], rows: Rows) -> None:
        self._cutter = ImageCutter(job)
        self._columns, self._rows = tuple(columns), rows

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The rows with their results, in the same order."""
        import pyarrow as pa

        columns = [batch.column(name).to_pylist() for name in self._columns if name in batch.column_names]
        made = []
        for values in zip(*columns, strict=True) if columns else [()] * batch.num_rows:
            value = next((value for value in values if value is not None), None)
            is_nothing = value is None and self._rows == "samples"
            made.append(None if is_nothing else self._cutter(image_in(value, Path())))
        if self._rows == "samples":
            return self._with_samples(batch, made)
        added = [_table_values(outcome) for outcome in made]
        for name, kind in zip(ADDED, (pa.large_binary(), pa.string(), pa.string(), pa.string()), strict=True):
            batch = _with_column(batch, name, pa.array([row[name] for row in added], kind))
        held = [name for name in self._columns if name in batch.column_names and not _is_text(batch, name)]
        return batch.drop_columns(held)

    def _with_samples(self, batch: pa.Table, made: Sequence[Cut | JobFailure | None]) -> pa.Table:
        """As `TarOfSamples` has them: cutouts take the place of their images, masks stand beside them."""
        import pyarrow as pa

        ending = self._cutter.job.ending.lstrip(".")
        is_mask = self._cutter.job.style.kind == "mask"
        if not is_mask:
            for name in (name for name in self._columns if name in batch.column_names):
                kept = [
                    None if isinstance(outcome, Cut) else value
                    for outcome, value in zip(made, batch.column(name).to_pylist(), strict=True)
                ]
                batch = _with_column(batch, name, pa.array(kept, pa.large_binary()))
        name = f"matte.{ending}" if is_mask else ending
        there = batch.column(name).to_pylist() if name in batch.column_names else [None] * batch.num_rows
        results = [o.data if isinstance(o, Cut) else old for o, old in zip(made, there, strict=True)]
        errors = [error_as_json(o.error) if isinstance(o, JobFailure) else None for o in made]
        batch = _with_column(batch, name, pa.array(results, pa.large_binary()))
        return _with_column(batch, ERROR_ENDING, pa.array(errors, pa.large_binary()))


def _with_column(batch: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in batch.column_names:
        return batch.set_column(batch.column_names.index(name), name, values)
    return batch.append_column(name, values)


def _is_text(batch: pa.Table, name: str) -> bool:
    import pyarrow as pa

    kind = batch.schema.field(name).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _table_values(made: Cut | JobFailure | None) -> dict[str, object]:
    if isinstance(made, Cut):
        return dict(zip(ADDED, (made.data, None, None, made.result.model), strict=True))
    assert made is not None  # noqa: S101  only samples have no image
    return dict(zip(ADDED, (None, made.error.code, made.error.message, None), strict=True))


def cut_out(
    dataset: Dataset,
    *,
    columns: Sequence[str] = ("bytes", "path"),
    rows: Rows = "table",
    style: Style = CutoutStyle(),  # noqa: B008 - a frozen value
    options: SegmentOptions = DEFAULTS,
    format: OutputFormat = "png",  # noqa: A002  the format is called so everywhere
    actors: int | tuple[int, int] = 1,
    gpus_per_actor: float = 0,
    batch_size: int = 4,
) -> Dataset:
    """The dataset with a result in each row; `Cutter` says how rows come out.

    `actors` is how many processes load the model, or the fewest and the most. Order and number of rows stay the same
    if Ray is asked for that with `DataContext.get_current().execution_options.preserve_order = True`.

    Raises PackagesMissing.
    """
    return mapped(
        dataset,
        Cutter,
        {"job": Job(None, None, format, style, options), "columns": list(columns), "rows": rows},
        actors=actors,
        gpus_per_actor=gpus_per_actor,
        batch_size=batch_size,
    )


def mapped(
    dataset: Dataset,
    worker: type,
    arguments: dict[str, Any],  # of any worker
    *,
    actors: int | tuple[int, int],
    gpus_per_actor: float,
    batch_size: int,
) -> Dataset:
    """The dataset with each batch as a worker returns it, in actors that keep what they have loaded."""
    from ray.data import ActorPoolStrategy

    least, most = (actors, actors) if isinstance(actors, int) else actors
    pool = ActorPoolStrategy(min_size=least, max_size=most, max_tasks_in_flight_per_actor=2)
    return dataset.map_batches(
        worker,
        fn_constructor_kwargs=arguments,
        compute=pool,
        batch_size=batch_size,
        batch_format="pyarrow",
        zero_copy_batch=True,
        num_cpus=CPUS_PER_ACTOR,
        num_gpus=gpus_per_actor or None,
        udf_modifying_row_count=False,
    )


def refuse_without_ray() -> None:
    """Raises PackagesMissing."""
    try:
        import ray.data  # noqa: F401
    except ImportError as error:
        hint = "pip install 'dis-core[ray]'"
        raise PackagesMissing("Ray is not installed, or not all of it", hint=hint) from error
