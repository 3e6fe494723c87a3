"""Scores as text for the terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from dis_core.evaluation.pairs import Pair
from dis_core.evaluation.scores import (
    CURVE_KEY,
    CURVE_TITLE,
    MEASURES,
    Measure,
    Scores,
    definitions,
    mean_scores,
    worst_first,
)

_DECIMALS: Final = 6
_LINE_LENGTH: Final = 100
_LONGEST_NAME: Final = 28


def text_table(
    pairs: Sequence[Pair], scores: Sequence[Scores], *, by: Measure, worst: int, boundary_px: int | None
) -> str:
    """The worst images by one measure and the mean of all images, and below them what each measure is."""
    mean = mean_scores(scores)
    indices = worst_first(scores, by=by)[:worst]
    headings = ["", *(measure.title for measure in MEASURES)]
    rows = [[_shortened(pairs[index].name), *_cells(scores[index])] for index in indices]
    total = [f"mean of {len(scores)}", *_cells(mean)]
    title = f"The worst {len(indices)} of {len(scores)} by {by.title}, and the mean:"
    curve = f"{CURVE_TITLE}: {mean.max_f_of_mean_curve:.3f}"
    known = definitions(boundary_px=boundary_px)
    names = {**{measure.key: measure.title for measure in MEASURES}, CURVE_KEY: CURVE_TITLE}
    better = {measure.key: measure.better for measure in MEASURES}
    lines = [f"{names[key]}: {known[key]}; {better.get(key, 'higher')} is better" for key in known]
    explained = "\n".join(textwrap.fill(line, _LINE_LENGTH, subsequent_indent="  ") for line in lines)
    return "\n".join([title, "", _aligned([headings, *rows, total]), "", curve, "", explained])


def csv_table(pairs: Sequence[Pair], scores: Sequence[Scores]) -> bytes:
    """A row for each image and a last row "mean", the only one with the max F of the mean curve; in UTF-8."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["name", *(measure.key for measure in MEASURES), CURVE_KEY])
    for pair, one in zip(pairs, scores, strict=True):
        writer.writerow([pair.name, *_rounded(one).values(), ""])
    mean = mean_scores(scores)
    writer.writerow(["mean", *_rounded(mean).values(), round(mean.max_f_of_mean_curve, _DECIMALS)])
    return file.getvalue().encode("utf-8", "surrogateescape")


def json_document(pairs: Sequence[Pair], scores: Sequence[Scores], *, boundary_px: int | None) -> bytes:
    """An object with "definitions", "count", "mean" and "images": of each its "name", its files and its scores."""
    document = {
        "definitions": definitions(boundary_px=boundary_px),
        "count": len(scores),
        "mean": mean_values(scores),
        "images": [
            {"name": pair.name, "prediction": str(pair.prediction), "truth": str(pair.truth), **_rounded(one)}
            for pair, one in zip(pairs, scores, strict=True)
        ],
    }
    return (json.dumps(document, indent=2) + "\n").encode("ascii")


def mean_values(scores: Sequence[Scores]) -> dict[str, float]:
    """The mean of each measure by its key, and the max F of the mean curve."""
    mean = mean_scores(scores)
    return {**_rounded(mean), CURVE_KEY: round(mean.max_f_of_mean_curve, _DECIMALS)}


def _rounded(scores: Scores) -> dict[str, float]:
    return {measure.key: round(measure.of(scores), _DECIMALS) for measure in MEASURES}


def _cells(scores: Scores) -> list[str]:
    return [measure.text_of(scores) for measure in MEASURES]


def _shortened(name: str) -> str:
    """The end of a long name, which says more than its folders; "?" stands for what a terminal cannot show."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return shown if len(shown) <= _LONGEST_NAME else f"...{shown[3 - _LONGEST_NAME :]}"


def _aligned(rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as their widest cell: the first one aligned left, numbers aligned right."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]).rstrip() for cells in rows
    )
