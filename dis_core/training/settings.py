"""What a training run was asked for, kept beside it: a run goes on only under the settings that it began with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dis_core.errors import BadRequest
from dis_core.files import written_whole

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
    """Everything that decides what comes out; the defaults are for fine-tuning what comes with the package.

    Training ends after `steps` or `minutes`, whichever is over first. `coarse_share` of it is at half the side with
    twice the batch. Rates are the highest of AdamW's; those of the backbone are `backbone_rate` times as high. What the
    shares of `data` leave is drawn scenes. `composite_share` of the folders' samples are subjects before other
    backgrounds. `depth_model` estimates the depth that folders lack, for a network that looks at it.
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


def hold_to(settings: Settings, file: Path) -> None:
    """Write the settings of a new run, or compare them with those of the run that is there.

    Raises BadRequest if they differ, or if what is there cannot be read; OutputFailed if they cannot be written.
    """
    asked = json.loads(json.dumps(asdict(settings)))  # as it will be read
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
