"""The settings of a training run, saved in its folder: a run continues only with the settings it began with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dis_core.errors import BadRequest
from dis_core.files import atomic_write

if TYPE_CHECKING:
    from dis_core.training.networks import NetworkName

Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class DataFolder:
    """A folder of photographs with masks, and its share of the samples."""

    path: str
    share: float = 1.0


@dataclass(frozen=True)
class Settings:
    """Everything that affects the trained weights; the defaults are for fine-tuning the embedded model.

    Training ends after `steps` or `minutes`, whichever comes first. The first `coarse_share` of it runs at half the
    side with twice the batch. `learning_rate` is the peak of AdamW's; the backbone learns at `backbone_rate` times
    that. If the shares of `data` add up to less than 1, the rest are drawn scenes. `composite_share` of the folders'
    samples put a subject on the background of another photograph. `depth_model` estimates missing depth maps, for a
    network that uses depth.
    """

    network: NetworkName
    backbone: str
    width: int
    side_px: int
    start: str
    data: tuple[DataFolder, ...] = ()
    composite_share: float = 0.0
    depth_model: str | None = None
    batch_size: int = 4
    steps: int = 20_000
    minutes: float | None = None
    coarse_share: float = 0.0
    accumulate: int = 1
    learning_rate: float = 7e-4
    backbone_rate: float = 0.3
    weight_decay: float = 0.02
    average_decay: float = 0.998
    precision: Precision = "float32"
    seed: int = 0

    @property
    def scene_share(self) -> float:
        """The share of drawn scenes among the samples."""
        return max(1 - sum(folder.share for folder in self.data), 0.0)


def save_or_compare(settings: Settings, file: Path) -> None:
    """Save the settings of a new run, or compare them with those of the run in the folder.

    Raises BadRequest if they differ or the saved ones cannot be read, OutputFailed if they cannot be written.
    """
    asked = json.loads(json.dumps(asdict(settings)))  # as it will be read
    if not file.exists():
        with atomic_write(file) as beside:
            beside.write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")
        return
    elsewhere = "or use another folder"
    try:
        there: Any = json.loads(file.read_text(encoding="utf-8"))  # any JSON at all
    except (OSError, ValueError) as error:
        raise BadRequest(f"{file} cannot be read: {error}", hint=f"delete it, {elsewhere}") from error
    if there == asked:
        return
    known = there if isinstance(there, dict) else {}
    name = next((name for name in asked if known.get(name) != asked[name]), "")
    differs = f"{name} was {known.get(name)!r} and is now {asked.get(name)!r}"
    raise BadRequest(
        f"{file.parent} contains a run with other settings: {differs}",
        hint=f"use the settings in {file.name}, {elsewhere}",
    )
