"""Packages that only some models need: whether they are installed, and how to install them."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING

from dis_core.errors import PackagesMissing

if TYPE_CHECKING:
    from dis_core.model_spec import ModelSpec


def missing_packages(spec: ModelSpec) -> tuple[str, ...]:
    """The packages that a model needs and that are not installed; nothing is imported to find out."""
    return tuple(name for name in spec.packages if not is_installed(name))


def is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # whatever hides it, and a module without a specification in its place
        return False


def install_command(spec: ModelSpec) -> str:
    """What brings the packages that a model needs, to be typed in a terminal."""
    return f"pip install 'dis-core[{spec.extra}]'" if spec.extra else f"pip install {' '.join(spec.packages)}"


def refuse_without_packages(*specs: ModelSpec) -> None:
    """Raises PackagesMissing naming the first model that lacks packages, and how to install them."""
    for spec in specs:
        if missing := missing_packages(spec):
            raise PackagesMissing(
                f"the model {spec.name!r} needs a package that is not installed: {', '.join(missing)}",
                hint=f"run: {install_command(spec)}",
            )
        if spec.packages and (reason := why_not_importable(spec.loader.partition(":")[0])):
            raise PackagesMissing(
                f"the model {spec.name!r} cannot use the installed {', '.join(spec.packages)}: {reason}",
                hint=f"run: {install_command(spec)} --upgrade --force-reinstall",
            )


def why_not_importable(module: str) -> str:
    """The first line of what goes wrong when a module is imported; empty if nothing does."""
    try:
        importlib.import_module(module)
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        # OSError: a missing system library; the others: extensions that were built for another torch.
        return (str(error).splitlines() or [type(error).__name__])[0]
    return ""
