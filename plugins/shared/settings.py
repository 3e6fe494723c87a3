"""What the user can choose, in which words, and how it becomes a command line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Mapping, Sequence, Tuple

Box = Tuple[int, int, int, int]
"""x, y, width, height in pixels."""

SOURCES = {"layer": "Active layer", "picture": "Whole picture"}
RESULTS = {"select": "Selection", "mask": "Mask on the layer", "cut": "New layer"}
MODES = {"replace": "Replace", "add": "Add", "subtract": "Subtract", "intersect": "Intersect"}
QUALITIES = {"draft": "Fast", "normal": "Normal", "best": "Best, slow"}
REGIONS = {"selection": "Around the selection", "everywhere": "Everywhere"}
AUTOMATIC = ""
"""The name of the model that stands for "the best that there is"."""

MOST_PX = 100
"""As far as edges can be moved and softened."""


@dataclass(frozen=True)
class Settings:
    """One choice of everything; the values are keys of the tables above."""

    source: str = "layer"
    result: str = "select"
    mode: str = "replace"
    region: str = "selection"
    model: str = AUTOMATIC
    quality: str = "normal"
    grow_px: int = 0
    feather_px: int = 0

    def to_strings(self) -> dict[str, str]:
        """For where an editor keeps settings as text."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self)}


ALLOWED = {"source": SOURCES, "result": RESULTS, "mode": MODES, "region": REGIONS, "quality": QUALITIES}
RANGES = {"grow_px": (-MOST_PX, MOST_PX), "feather_px": (0, MOST_PX)}


def from_strings(kept: Mapping[str, str]) -> Settings:
    """What `to_strings` made; whatever is missing or makes no sense is as in a new installation."""
    values: dict[str, Any] = {"model": kept.get("model", AUTOMATIC)}
    for name, allowed in ALLOWED.items():
        if kept.get(name) in allowed:
            values[name] = kept[name]
    for name, (least, most) in RANGES.items():
        try:
            values[name] = min(max(int(kept.get(name, "")), least), most)
        except ValueError:
            continue
    return Settings(**values)


@dataclass(frozen=True)
class Region:
    """What the selection says, in pixels of the source: a box to `look_in`, or for a model that is told what to cut out
    the box `around` it; or why there can be no run, in words for the painter."""

    look_in: Box | None = None
    around: Box | None = None
    refusal: str = ""

    def arguments(self) -> list[str]:
        """The same as arguments of dis-core."""
        boxes = (("--roi", self.look_in), ("--box", self.around))
        return [part for name, box in boxes if box is not None for part in (name, ",".join(map(str, box)))]


def segment_arguments(
    settings: Settings, *, model: str, image: str, output: str, region: Region, more: Sequence[str]
) -> list[str]:
    """The arguments of dis-core for one picture: a gray matte, or for a new layer the subject in clean colors."""
    arguments = ["cutout" if settings.result == "cut" else "mask", image, "-o", output, "--model", model]
    arguments += ["--quality", settings.quality, "--progress", "json", "--stop-at-eof"]
    arguments += region.arguments()
    if settings.grow_px:
        arguments += [f"--grow={settings.grow_px}"]
    if settings.feather_px:
        arguments += [f"--feather={settings.feather_px}"]
    return [*arguments, *more]


def fetch_arguments(model: str) -> list[str]:
    """The arguments of dis-core that download a model."""
    return ["fetch", model, "--progress", "json", "--stop-at-eof"]


LIST_ARGUMENTS = ("models", "--json")


APART = "The selection lies outside of what is looked at; deselect, or look everywhere"
NOT_TOLD = (
    "This model cuts out what it is told to: select roughly around the subject, choose “{where}”, and start again"
)


def region_of(settings: Settings, selected: Box | None, source: Box, *, is_told: bool) -> Region:
    """What the selection's box says about where the subject is; `is_told` says that the model has to be told.

    Both boxes are in pixels of the picture.
    """
    if settings.region != "selection":
        selected = None
    if not is_told:
        box = region_box(selected, source)
        return Region(refusal=APART) if box is not None and box[2] == 0 else Region(look_in=box)
    if selected is None:
        return Region(refusal=NOT_TOLD.format(where=REGIONS["selection"]))
    inside = cut_to(selected, source)
    return Region(refusal=APART) if inside is None else Region(around=inside)


def cut_to(box: Box, source: Box) -> Box | None:
    """What lies of a box in the source, counted from the source's corner; None if nothing does."""
    common = overlap(box, source)
    return None if common is None else (common[0] - source[0], common[1] - source[1], common[2], common[3])


def overlap(one: Box, other: Box) -> Box | None:
    """What two boxes have in common, None if that is nothing."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right = min(one[0] + one[2], other[0] + other[2])
    bottom = min(one[1] + one[3], other[1] + other[3])
    return None if right <= left or bottom <= top else (left, top, right - left, bottom - top)


def region_box(selected: Box | None, source: Box) -> Box | None:
    """Where to look: the selection's box with a tenth of its longer side around it, counted from the source's corner.

    Both boxes are in pixels of the picture. None if nothing is selected, or the selection's surroundings are all of
    the source. A box without width says that the two lie apart.
    """
    if selected is None:
        return None
    x, y, width, height = selected
    margin = max(width, height) // 10 + 8
    box = cut_to((x - margin, y - margin, width + 2 * margin, height + 2 * margin), source)
    if box is None:
        return 0, 0, 0, 0
    return None if box == (0, 0, source[2], source[3]) else box
