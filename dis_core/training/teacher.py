"""How far to trust mattes made by a trained model: one number for each, and less where the model was undecided.

`confidence.jsonl` in a folder of training data has one JSON object per line. It gives either `confidence`, from 0 to 1,
or a comparison of the model's mattes of the picture and of its mirror image: `agree`, the IoU of the two, `gray`, the
mean of 4p(1 - p), and `area`, the subject's share of the picture.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch

from dis_core.errors import BadRequest
from dis_core.models.resample import box_mean, size_of

CONFIDENCE_FILE: Final = "confidence.jsonl"
SURE: Final = 1.0
LEAST: Final = 0.1
"""Mattes with less confidence are not used."""
UNDECIDED: Final = 0.25
"""How gray the surroundings of a sharp edge are; where it is grayer than that, the model was undecided."""
REACH: Final = 4 / 256


def read_confidence(folder: Path) -> dict[str, float] | None:
    """Confidence by picture name, or None if the folder has no such file: then all masks are trusted.

    Raises BadRequest naming the line that cannot be read.
    """
    file = folder / CONFIDENCE_FILE
    if not file.exists():
        return None
    found = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
            found[str(record["name"])] = confidence_of(record)
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest(
                f"line {number} of {file} cannot be read: {error!r}",
                hint='every line is a JSON object such as {"name": "photo-1", "confidence": 0.9}',
            ) from error
    return found


def confidence_of(record: dict[str, Any]) -> float:
    """From 0 to 1, from one record of JSON. Raises KeyError, TypeError, ValueError for an incomplete one."""
    if "confidence" in record:
        return min(max(float(record["confidence"]), 0.0), 1.0)
    # Some files written by other programs use the British spelling.
    gray = float(record["gray"] if "gray" in record else record["grey"])
    agree, area = float(record["agree"]), float(record["area"])
    if agree <= 0.75 or gray >= 0.25 or not 0.008 < area < 0.97:
        return 0.0
    if agree > 0.9 and gray < 0.12 and 0.01 < area < 0.95:
        return SURE
    doubt = 4 * max(0.9 - agree, 0.0) + 4 * max(gray - 0.12, 0.0)
    return min(max(1 - doubt, 0.15), 0.8)


def trust_in(matte: torch.Tensor, confidence: float) -> torch.Tensor:
    """The confidence in every pixel of `matte` (1, H, W): that of the whole, but less inside wide gray areas."""
    reach = max(round(size_of(matte)[1] * REACH), 1)
    gray = box_mean(4 * matte * (1 - matte), reach)
    return confidence * (1 - 1.3 * (gray - UNDECIDED).clamp(min=0)).clamp(0.05, 1)
