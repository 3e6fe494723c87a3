"""Parquet files with a column of images, or of paths to them: the same rows with the results in a column `result`.

A column that holds the images themselves is left out. `error_code` and `error_message` say why there is no result, and
`model` what made it.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dis_core.batch.containers import ERROR_ENDING, Item, error_as_json
from dis_core.batch.cutter import Cut
from dis_core.batch.tar_members import GrowingTar, Member, read_members
from dis_core.errors import BadRequest, PackagesMissing
from dis_core.files import write_failed
from dis_core.jobs.job import JobFailure

if TYPE_CHECKING:
    import pyarrow as pa

RESULT: Final = "result"
ADDED: Final = (RESULT, "error_code", "error_message", "model")

_IMAGE_COLUMNS: Final = ("bytes", "image", "jpg", "png", "content", "path", "image_path", "file")
"""What the column of images is called, if none is named: the first of these that is there."""

_ROWS_AT_ONCE: Final = 16


class Table:
    """A Parquet file becomes a Parquet file with the same rows in the same order.

    `column` holds images or paths, which start at the folder of the file; None: the first one that is called so.

    Raises PackagesMissing.
    """

    def __init__(self, column: str | None) -> None:
        self._column = column
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            hint = "pip install 'dis-core[parquet]'"
            raise PackagesMissing("Parquet files need the package pyarrow", hint=hint) from error

    def items(self, source: Path) -> Iterator[Item]:
        """The rows. Raises BadRequest for a damaged file, or one without a column of images."""
        column = self._column_in(_schema_of(source), source)
        for number, row in enumerate(_rows_of(source, [column])):
            yield Item(str(number), image_in(row[column], source.parent), partial(_members, number))

    def items_again(self, source: Path, results: Path) -> Iterator[Item]:
        """The rows, with the results of before as what is kept."""
        for item, before in zip(self.items(source), _rows_of(results, ADDED), strict=True):
            yield Item(item.key, item.image, partial(_members_again, int(item.key), before))

    def finished(self, collected: GrowingTar, source: Path) -> Path:
        """A Parquet file of the rows with the results that were collected."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        ready = collected.path.with_suffix(".ready")
        made = read_members(collected.path, mark="none yet")
        there = _schema_of(source)
        column = self._column_in(there, source)
        left_out = {*ADDED, *([] if _is_text(there.field(column).type) else [column])}
        kept = [field for field in there if field.name not in left_out]
        types = (pa.large_binary(), pa.string(), pa.string(), pa.string())
        added = [pa.field(name, kind) for name, kind in zip(ADDED, types, strict=True)]
        schema = pa.schema([*kept, *added])
        with _explained(source), pq.ParquetWriter(ready, schema) as writer, pq.ParquetFile(source) as table:
            for batch in table.iter_batches(_ROWS_AT_ONCE, columns=[column, *(field.name for field in kept)]):
                rows = [_values_in(next(made)) for _ in range(batch.num_rows)]
                results = [pa.array([row[field.name] for row in rows], field.type) for field in added]
                columns = [*(batch.column(field.name) for field in kept), *results]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
        return ready

    def _column_in(self, schema: pa.Schema, source: Path) -> str:
        wanted = _IMAGE_COLUMNS if self._column is None else (self._column,)
        found = next((name for name in wanted if name in schema.names), None)
        if found is None:
            there = ", ".join(schema.names) or "none"
            missing = "a column of images" if self._column is None else f"a column {self._column}"
            raise BadRequest(f"{source} lacks {missing}", hint=f"name one of these with `column`: {there}")
        return found


def image_in(value: object, folder: Path) -> bytes | Path:
    """An image or its path, from a value of a table; Hugging Face datasets have both: {"bytes": ..., "path": ...}."""
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str) and value and "\0" not in value:
        return folder / value
    return value if isinstance(value, bytes) else b""  # which is no image, and is said so


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _members(number: int, made: Cut | JobFailure | None) -> list[Member]:
    """What is collected of a row: the result, with its model in the name, or why there is none."""
    if isinstance(made, JobFailure):
        return [Member(f"{number}.{ERROR_ENDING}", error_as_json(made.error))]
    assert made is not None  # noqa: S101  every row has an image, if an empty one
    return [Member(f"{number}.{made.result.model}", made.data)]


def _members_again(number: int, before: Mapping[str, Any], made: Cut | JobFailure | None) -> list[Member]:
    """The same; without an outcome, what was there before."""
    if made is not None:
        return _members(number, made)
    if before[RESULT] is not None:
        return [Member(f"{number}.{before['model']}", before[RESULT])]
    error = {"code": before["error_code"], "message": before["error_message"]}
    return [Member(f"{number}.{ERROR_ENDING}", json.dumps(error).encode())]


def _values_in(member: Member) -> dict[str, object]:
    """What a row gets, from what was collected of it."""
    kind = member.name.partition(".")[2]
    if kind == ERROR_ENDING:
        error = json.loads(member.data)
        return {RESULT: None, "error_code": error["code"], "error_message": error["message"], "model": None}
    return {RESULT: member.data, "error_code": None, "error_message": None, "model": kind}


def _schema_of(source: Path) -> pa.Schema:
    import pyarrow.parquet as pq

    with _explained(source):
        return pq.read_schema(source)


def _rows_of(source: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of a file, a few at a time, with these columns only."""
    import pyarrow.parquet as pq

    with _explained(source), pq.ParquetFile(source) as table:
        for batch in table.iter_batches(_ROWS_AT_ONCE, columns=list(columns)):
            yield from batch.to_pylist()


@contextmanager
def _explained(source: Path) -> Iterator[None]:
    """Raises BadRequest for what pyarrow cannot read."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise write_failed(f"the results of {source}", error) from error
        what = str(error).partition("\n")[0]
        raise BadRequest(f"{source} cannot be read as Parquet: {what}", hint="make it again") from error
