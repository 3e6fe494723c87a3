"""The three procedures as GIMP registers them: menus, arguments, and the settings made from the arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping

from gi.repository import Gimp, GObject
from shared.settings import (
    AUTOMATIC,
    MODES,
    MOST_KEEP_MIN,
    MOST_PERCENT,
    MOST_PX,
    QUALITIES,
    REGIONS,
    SIZES,
    SOURCES,
    Settings,
    from_strings,
)
from shared.words import _, later


@dataclass(frozen=True)
class Words:
    """A procedure's labels and what it makes of the subject."""

    result: str
    label: str
    menu: str
    blurb: str


SELECT, AGAIN = "plug-in-dis-select-subject", "plug-in-dis-select-subject-again"
CUT = "plug-in-dis-cut-subject"

PROCEDURES = {
    SELECT: Words(
        "select", later("Sub_ject..."), "<Image>/Select", later("Select the subject of the image, with soft edges")
    ),
    "plug-in-dis-mask-subject": Words(
        "mask",
        later("Mask Sub_ject..."),
        "<Image>/Layer/Mask",
        later("Add a mask to the layer that shows only the subject"),
    ),
    CUT: Words("cut", later("Cut Sub_ject to New Layer..."), "<Image>/Layer", later("Copy the subject to a new layer")),
}


SELECT_AGAIN = Words(
    "select",
    later("Subject, as the _Last Time"),
    "<Image>/Select",
    later("Select the subject of the image with the settings that were used last, without a dialog"),
)

VIEWS = {
    "edge": later("Selection edge"),
    "red": later("Red overlay"),
    "black": later("On black"),
    "white": later("On white"),
    "checkers": later("On checkers"),
}

HELP = {
    "source": later("Where to find the subject: in the selected layer, or in all that is visible"),
    "mode": later("How to combine the subject with the current selection"),
    "region": later("Search only around the current selection, if there is one, or everywhere"),
    "quality": later("Fast sees fewer details. Best looks several times, and takes several times as long"),
    "grow": later("Move the edge outward. Negative values move it inward"),
    "feather": later("Soften the edge on both sides"),
    "threshold": later("Make the edge hard: take what is at least so much subject. 0 leaves it soft"),
    "clean": later("Remove the background's colors from the edge of the new layer"),
    "keep": later("How many minutes the model stays in memory, so that the next run starts at once"),
    "view": later("How the preview shows what will be taken"),
    "size": later("How large the new layer is: only as large as the subject, or as large as what was searched"),
}
"""What GIMP shows when the mouse rests on a setting."""


NUMBERS = {"grow": "grow_px", "feather": "feather_px", "threshold": "threshold_percent", "keep": "keep_min"}
"""The settings of the arguments that are numbers."""


def create_procedure(plug_in: Any, name: str, run: Callable[..., Any]) -> Any:
    """The procedure of that name, for GIMP to register."""
    procedure = _create(plug_in, name, PROCEDURES[name], run)
    _add_arguments(procedure)
    if name == CUT:
        flags = GObject.ParamFlags.READWRITE
        procedure.add_boolean_argument(
            "clean", _("Cle_an colors"), _(HELP["clean"]), Settings().colors == "clean", flags
        )
        procedure.add_choice_argument("size", _("La_yer size"), _(HELP["size"]), _choice(SIZES), Settings().size, flags)
    return procedure


def create_again(plug_in: Any, run: Callable[..., Any]) -> Any:
    """The procedure that selects with the settings of the last time and asks nothing."""
    return _create(plug_in, AGAIN, SELECT_AGAIN, run)


def _create(plug_in: Any, name: str, words: Words, run: Callable[..., Any]) -> Any:
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("*")
    several = Gimp.ProcedureSensitivityMask
    # Also enabled where it will refuse: a message explains more than a gray menu entry.
    procedure.set_sensitivity_mask(several.DRAWABLE | several.DRAWABLES | several.NO_DRAWABLES)
    procedure.set_menu_label(_(words.label))
    procedure.add_menu_path(words.menu)
    procedure.set_documentation(
        _(words.blurb), _("{blurb}. dis-core finds it on this computer.", blurb=_(words.blurb)), name
    )
    procedure.set_attribution("the dis-core authors", "the dis-core authors", "2026")
    return procedure


def settings_of(procedure: Any, config: Any) -> Settings:
    """The settings for the arguments of a call."""
    names = ["source", "mode", "region", "model", "quality", *(["size"] if procedure.get_name() == CUT else [])]
    kept = {name: config.get_property(name) or "" for name in names}
    for name, setting in NUMBERS.items():
        kept[setting] = str(config.get_property(name))
    if procedure.get_name() == CUT:
        kept["colors"] = "clean" if config.get_property("clean") else "original"
    return replace(from_strings(kept), result=PROCEDURES[procedure.get_name()].result)


def _add_arguments(procedure: Any) -> None:
    usual = Settings()
    flags = GObject.ParamFlags.READWRITE
    choices = (
        (
            "source",
            _("Search _in"),
            _(HELP["source"]),
            SOURCES,
            usual.source,
        ),
        ("mode", _("Co_mbine"), _(HELP["mode"]), MODES, usual.mode),
        (
            "region",
            _("_Where"),
            _(HELP["region"]),
            REGIONS,
            usual.region,
        ),
        (
            "quality",
            _("_Quality"),
            _(HELP["quality"]),
            QUALITIES,
            usual.quality,
        ),
    )
    for name, label, help_text, values, value in choices:
        procedure.add_choice_argument(name, label, help_text, _choice(values), value, flags)
    model_help = _("The name of a model; empty for the best available")
    procedure.add_string_argument("model", _("Mo_del"), model_help, AUTOMATIC, flags)
    procedure.add_int_argument(
        "grow",
        _("_Grow (px)"),
        _(HELP["grow"]),
        -MOST_PX,
        MOST_PX,
        usual.grow_px,
        flags,
    )
    procedure.add_int_argument("feather", _("_Feather (px)"), _(HELP["feather"]), 0, MOST_PX, usual.feather_px, flags)
    threshold = (_("_Threshold (%)"), _(HELP["threshold"]), 0, MOST_PERCENT, usual.threshold_percent, flags)
    procedure.add_int_argument("threshold", *threshold)
    # Of the dialog only. As a choice, GIMP 3.0 would free its values too early, and crash.
    procedure.add_string_aux_argument("view", _("_View"), _(HELP["view"]), "edge", flags)
    procedure.add_int_argument("keep", _("_Keep ready (min)"), _(HELP["keep"]), 0, MOST_KEEP_MIN, usual.keep_min, flags)


def _choice(values: Mapping[str, str]) -> Any:
    choice = Gimp.Choice.new()
    for number, (name, label) in enumerate(values.items()):
        choice.add(name, number, _(label), "")
    return choice
