"""The hooks that a plug-in may implement: functions marked with `hookimpl` in a module of the group "dis_core".

Hooks declare things when a program starts; none of them sits in the path of an image.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from dis_core.model_spec import ModelSpec, RefinerSpec
from dis_core.protocols import Placement

if TYPE_CHECKING:
    import click

NAMESPACE = "dis_core"

hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


@hookspec
def dis_register_models() -> Iterable[ModelSpec]:
    """Models that this plug-in offers. A name that another plug-in offers too is an error that names both."""
    return ()


@hookspec
def dis_register_refiners() -> Iterable[RefinerSpec]:
    """Refiners that this plug-in offers. A name that another plug-in offers too is an error that names both."""
    return ()


@hookspec(firstresult=True)
def dis_choose_placement(requested: str) -> Placement | None:
    """Where to run when the user asks for `requested` ("auto", "cpu", "cuda"); None leaves the choice to others."""


@hookspec
def dis_add_commands(group: click.Group) -> None:
    """Add commands to the `dis-core` command line."""
