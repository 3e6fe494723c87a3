"""What the user can choose, the labels, which are translated where they are shown, and the command line for it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Collection, Mapping, Sequence, Tuple

from .words import _, later

Box = Tuple[int, int, int, int]
"""x, y, width, height in pixels."""

SOURCES = {"layer": later("Active layer"), "picture": later("Whole image")}
RESULTS = {"select": later("Selection"), "mask": later("Mask on the layer"), "cut": later("New layer")}
MODES = {
    "replace": later("Replace"),
    "add": later("Add"),
    "subtract": later("Subtract"),
    "intersect": later("Intersect"),
}
QUALITIES = {"draft": later("Fast"), "normal": later("Normal"), "best": later("Best (slow)")}
REGIONS = {"everywhere": later("Everywhere"), "selection": later("Around the selection")}
SIZES = {"subject": later("As the subject"), "source": later("As what was searched")}
COLORS = {"clean": later("Without the background's"), "original": later("As in the image")}
PREVIEWS = ("off", "on")
SHOWN = {
    "edge": later("Selection’s edge"),
    "red": later("Red overlay"),
    "black": later("On black"),
    "white": later("On white"),
    "checkers": later("On checkers"),
}
"""How a result is looked at before it is taken."""
AUTOMATIC = ""
"""Stands for the best available model."""

MOST_PX = 100
"""The largest distance that edges can be moved or softened by."""

MOST_PERCENT = 100

KEEP_MIN, MOST_KEEP_MIN = 10, 120
"""How many minutes a model usually stays in memory after the last run, and at most."""


@dataclass(frozen=True)
class Settings:
    """One choice for each setting; the values are keys of the tables above.

    `threshold_percent` makes the edge hard where the subject covers that much of a pixel; 0 leaves it soft. `colors`
    are those at the edge of a new layer. `keep_min` is for how many minutes the model stays in memory.
    `size` is that of a new layer, where layers have one. `declined` is the name of the better model that the user does
    not want to be offered any more.
    """

    source: str = "layer"
    result: str = "select"
    mode: str = "replace"
    region: str = "everywhere"
    model: str = AUTOMATIC
    quality: str = "normal"
    grow_px: int = 0
    feather_px: int = 0
    threshold_percent: int = 0
    colors: str = "clean"
    preview: str = "off"
    shown: str = "edge"
    size: str = "subject"
    keep_min: int = KEEP_MIN
    declined: str = ""

    def to_strings(self) -> dict[str, str]:
        """The settings as text, as editors store them."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self)}


ALLOWED: Mapping[str, Collection[str]] = {
    "source": SOURCES,
    "result": RESULTS,
    "mode": MODES,
    "region": REGIONS,
    "quality": QUALITIES,
    "size": SIZES,
    "colors": COLORS,
    "preview": PREVIEWS,
    "shown": SHOWN,
}
RANGES = {
    "grow_px": (-MOST_PX, MOST_PX),
    "feather_px": (0, MOST_PX),
    "threshold_percent": (0, MOST_PERCENT),
    "keep_min": (0, MOST_KEEP_MIN),
}


def from_strings(kept: Mapping[str, str]) -> Settings:
    """The settings that `to_strings` made; missing or invalid values get their defaults."""
    values: dict[str, Any] = {"model": kept.get("model", AUTOMATIC), "declined": kept.get("declined", "")}
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
    """What the selection means, in pixels of the source: a `search_box` to look in, or for a model that needs a
    selection the `subject_box` around what to cut out; or a `refusal`, the reason why nothing can be done. `points`, x
    and y, are on the subject."""

    search_box: Box | None = None
    subject_box: Box | None = None
    refusal: str = ""
    points: tuple[tuple[int, int], ...] = ()

    def arguments(self) -> list[str]:
        """The arguments of dis-core for it."""
        boxes = (("--roi", self.search_box), ("--box", self.subject_box))
        given = [(name, box) for name, box in boxes if box is not None] + [("--point", point) for point in self.points]
        return [part for name, numbers in given for part in (name, ",".join(map(str, numbers)))]


def segment_arguments(
    settings: Settings, *, model: str, image: str, output: str, region: Region, more: Sequence[str]
) -> list[str]:
    """The arguments of dis-core for one image: a gray matte, or for a new layer the subject.

    A matte that is looked at first, for the result "look", has 16 bits and the edge that the model made.
    """
    arguments = ["cutout" if settings.result == "cut" else "mask", image, "-o", output, "--model", model]
    arguments += ["--quality", settings.quality, "--progress", "json", "--stop-at-eof"]
    arguments += region.arguments()
    if settings.result == "look":
        return [*arguments, "--bits", "16", *more]
    if settings.result == "cut" and settings.colors != "clean":
        arguments += ["--colors", settings.colors]
    if settings.grow_px:
        arguments += [f"--grow={settings.grow_px}"]
    if settings.feather_px:
        arguments += [f"--feather={settings.feather_px}"]
    if settings.threshold_percent:
        arguments += [f"--threshold={settings.threshold_percent / 100:g}"]
    return [*arguments, *more]


FOR_THE_DAEMON = ("--device", "--precision", "--depth-model", "--keep-alive", "--owner-pid")
"""Options for finding subjects that `dis-core daemon start` knows too."""


def prepare_arguments(model: str, options: Sequence[str]) -> list[str]:
    """The arguments of dis-core that make it load a model while the pixels are still being read.

    There are none if `options`, those for finding subjects, do not ask for the process that keeps models loaded.
    """
    if "--warm" not in options:
        return []
    arguments = ["daemon", "start", "--model", model]
    for option, following in zip(options, [*options[1:], ""]):
        if option in FOR_THE_DAEMON:
            arguments += [option, following]
        elif option.partition("=")[0] in FOR_THE_DAEMON:
            arguments.append(option)
    return arguments


def fetch_arguments(model: str) -> list[str]:
    """The arguments of dis-core that download a model."""
    return ["fetch", model, "--progress", "json", "--stop-at-eof"]


LIST_ARGUMENTS = ("models", "--json")


SELECTION_OUTSIDE = later("The selection is outside the area to search. Deselect, or set “Where” to “Everywhere”")
SELECT_FIRST = later("This model needs a selection. Select roughly around the subject, and try again")


def region_of(settings: Settings, selected: Box | None, source: Box, *, needs_selection: bool) -> Region:
    """What the selection's box means for a model. One that needs a selection takes it wherever else it would search.

    Both boxes are in pixels of the picture.
    """
    if not needs_selection:
        box = region_box(selected if settings.region == "selection" else None, source)
        return Region(refusal=_(SELECTION_OUTSIDE)) if box is not None and box[2] == 0 else Region(search_box=box)
    if selected is None:
        return Region(refusal=_(SELECT_FIRST))
    inside = cut_to(selected, source)
    return Region(refusal=_(SELECTION_OUTSIDE)) if inside is None else Region(subject_box=inside)


def cut_to(box: Box, source: Box) -> Box | None:
    """The part of a box inside the source, relative to the source's corner; None if there is none."""
    common = overlap(box, source)
    return None if common is None else (common[0] - source[0], common[1] - source[1], common[2], common[3])


def overlap(one: Box, other: Box) -> Box | None:
    """The overlap of two boxes; None if there is none."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right = min(one[0] + one[2], other[0] + other[2])
    bottom = min(one[1] + one[3], other[1] + other[3])
    return None if right <= left or bottom <= top else (left, top, right - left, bottom - top)


def region_box(selected: Box | None, source: Box) -> Box | None:
    """Where to search: the selection's box plus a tenth of its longer side, relative to the source's corner.

    Both boxes are in pixels of the picture. None if nothing is selected or the box would cover the whole source. A box
    of width 0 means that the selection does not touch the source.
    """
    if selected is None:
        return None
    x, y, width, height = selected
    margin = max(width, height) // 10 + 8
    box = cut_to((x - margin, y - margin, width + 2 * margin, height + 2 * margin), source)
    if box is None:
        return 0, 0, 0, 0
    return None if box == (0, 0, source[2], source[3]) else box
