"""The three procedures as GIMP knows them: menus, arguments, and the settings that the arguments stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping

from gi.repository import Gimp, GObject
from shared.settings import AUTOMATIC, MODES, MOST_PX, QUALITIES, REGIONS, SOURCES, Settings, from_strings


@dataclass(frozen=True)
class Words:
    """What a procedure is called, and what it makes of the subject."""

    result: str
    label: str
    menu: str
    blurb: str


PROCEDURES = {
    "plug-in-dis-select-subject": Words(
        "select", "_Subject...", "<Image>/Select", "Select the subject of the picture, with soft edges"
    ),
    "plug-in-dis-mask-subject": Words(
        "mask", "Mask S_ubject...", "<Image>/Layer/Mask", "Give the layer a mask that shows its subject only"
    ),
    "plug-in-dis-cut-subject": Words(
        "cut", "Cut Su_bject to New Layer...", "<Image>/Layer", "Copy the subject to a layer of its own"
    ),
}


def create_procedure(plug_in: Any, name: str, run: Callable[..., Any]) -> Any:
    """The procedure of that name, for GIMP to register."""
    words = PROCEDURES[name]
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("*")
    several = Gimp.ProcedureSensitivityMask
    # Also where it will refuse: a sentence says more than a gray entry.
    procedure.set_sensitivity_mask(several.DRAWABLE | several.DRAWABLES | several.NO_DRAWABLES)
    procedure.set_menu_label(words.label)
    procedure.add_menu_path(words.menu)
    procedure.set_documentation(words.blurb, f"{words.blurb}. dis-core finds it, on this machine.", name)
    procedure.set_attribution("the dis-core authors", "the dis-core authors", "2026")
    _add_arguments(procedure)
    return procedure


def settings_of(procedure: Any, config: Any) -> Settings:
    """What the arguments of a call stand for."""
    names = ("source", "mode", "region", "model", "quality")
    kept = {name: config.get_property(name) or "" for name in names}
    kept["grow_px"], kept["feather_px"] = (str(config.get_property(name)) for name in ("grow", "feather"))
    return replace(from_strings(kept), result=PROCEDURES[procedure.get_name()].result)


def _add_arguments(procedure: Any) -> None:
    usual = Settings()
    flags = GObject.ParamFlags.READWRITE
    choices = (
        ("source", "Loo_k at", "What to look at", SOURCES, usual.source),
        ("mode", "Co_mbine", "How the subject and the selection combine", MODES, usual.mode),
        ("region", "_Where", "Look only around the selection, if there is one, or everywhere", REGIONS, usual.region),
        ("quality", "_Quality", "Fast, normal, or slow and best", QUALITIES, usual.quality),
    )
    for name, label, help_text, values, value in choices:
        procedure.add_choice_argument(name, label, help_text, _choice(values), value, flags)
    model_help = "A model of `dis-core models`; empty: the best that there is"
    procedure.add_string_argument("model", "Mo_del", model_help, AUTOMATIC, flags)
    procedure.add_int_argument(
        "grow", "_Grow (px)", "Move the edge outwards; inwards if less than 0", -MOST_PX, MOST_PX, usual.grow_px, flags
    )
    procedure.add_int_argument(
        "feather", "_Feather (px)", "Soften the edge to both sides", 0, MOST_PX, usual.feather_px, flags
    )


def _choice(values: Mapping[str, str]) -> Any:
    choice = Gimp.Choice.new()
    for number, (name, label) in enumerate(values.items()):
        choice.add(name, number, label, "")
    return choice
