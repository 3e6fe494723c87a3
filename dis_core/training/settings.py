"""What a training run was asked for, kept beside it: a run goes on only under the settings that it began with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from dis_core.errors import BadRequest
from dis_core.files import written_whole

Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Settings:
    """Everything that decides what comes out.

    Training ends after `steps` or `minutes`, whichever is over first. `coarse_share` of it is at half the side with
    twice the batch. Rates are the highest of AdamW's; those of the backbone are `backbone_rate` times as high. `data`
    is a folder, or "scenes", and `depth_model` estimates the depth that it lacks.
    """

    network: str
    backbone: str
    width: int
    side_px: int
    start: str
    data: str
    depth_model: str
    batch_size: int
    steps: int
    minutes: float | None
    coarse_share: float
    accumulate: int
    learning_rate: float
    backbone_rate: float
    weight_decay: float
    average_decay: float
    precision: Precision
    seed: int


def hold_to(settings: Settings, file: Path) -> None:
    """Write the settings of a new run, or compare them with those of the run that is there.

    Raises BadRequest if they differ, or if what is there cannot be read; OutputFailed if they cannot be written.
    """
    asked = asdict(settings)
    if not file.exists():
        with written_whole(file) as beside:
            beside.write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")
        return
    elsewhere = "or take another folder"
    try:
        there: Any = json.loads(file.read_text(encoding="utf-8"))  # any JSON at all
    except (OSError, ValueError) as error:
        raise BadRequest(f"{file} cannot be read: {error}", hint=f"delete it, {elsewhere}") from error
    if there == asked:
        return
    known = there if isinstance(there, dict) else {}
    name = next((name for name in asked if known.get(name) != asked[name]), "")
    differs = f"{name} is {known.get(name)!r} there, and {asked.get(name)!r} here"
    raise BadRequest(
        f"{file.parent} holds a run with other settings: {differs}",
        hint=f"repeat those of {file.name}, {elsewhere}",
    )
