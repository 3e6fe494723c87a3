"""Which model runs when none is named: the full one if it can be had, else the embedded one, and never silently."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from dis_core.errors import BadRequest, CacheUnwritable, HubUnreachable, LicenseNotAccepted, WeightsMissing
from dis_core.model_spec import ModelSpec
from dis_core.models.dis_lite.spec import EMBEDDED_MODEL
from dis_core.progress import Report, ignore, span
from dis_core.protocols import FULL_DTYPE, Placement
from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import DEFAULT_MODEL
from dis_core.registry.requirements import refuse_without_packages
from dis_core.weights import store
from dis_core.weights.store import Installed

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class InstalledModel:
    """A matte model with all that it needs, as it is on this machine; `depth` is None where nothing is estimated."""

    matte: Installed
    companions: tuple[Installed, ...] = ()
    depth: Installed | None = None

    @property
    def named(self) -> str:
        """The model and which weights it has: "pdfnet@revision"."""
        return f"{self.matte.spec.name}@{self.matte.revision}"

    @property
    def parts(self) -> tuple[Installed, ...]:
        """The model, its depth model if there is one, and its companions."""
        return (self.matte, *([] if self.depth is None else [self.depth]), *self.companions)


def obtain_model(
    model: str | None,
    *,
    depth_model: str | None,
    needs_depth: bool,
    accept_noncommercial: bool,
    placement: Placement,
    report: Report,
    hub: Literal["ask", "is out of reach"] = "ask",
) -> InstalledModel:
    """The model to run and all that it needs, with all weights on this machine.

    `needs_depth` is False where the user has a depth map. A model that is named never falls back to another. Where none
    is named and the Hub is known to be out of reach, it is not asked again, and the user is not warned again.

    Raises UnknownModel, PackagesMissing, LicenseNotAccepted, WeightsMissing, WeightsCorrupt, and BadRequest for a model
    that cannot run in the precision of `placement`, or is given depth although it looks at none.
    """
    chosen = registry.find_matte_model(model or DEFAULT_MODEL)
    refuse_imprecise(chosen, placement)
    depth = _depth_spec(chosen, depth_model)
    if chosen.depth_model is None and (depth_model is not None or not needs_depth):
        raise BadRequest(f"{chosen.name} does not use depth", hint="leave out `depth` and `depth_model`")
    wanted = [chosen, *registry.companions_of(chosen), *([depth] if depth and needs_depth else [])]
    refuse_without_packages(*wanted)
    if not accept_noncommercial:
        refuse_noncommercial(*wanted)
    depth = depth if needs_depth else None
    # A depth map that the embedded model would not look at must not be dropped without a word.
    may_fall_back = model is None and depth_model is None and needs_depth
    if hub == "is out of reach" and may_fall_back:
        return _obtain_embedded(report)
    try:
        return obtain_all(chosen, depth, report)
    except (HubUnreachable, CacheUnwritable) as problem:
        if not may_fall_back:
            raise
        _warn_of_fallback(problem)
        return _obtain_embedded(report)


def is_all_here(model: str | None, *, depth_model: str | None) -> bool:
    """Whether all that a model needs is on this machine, so that getting it asks nobody. Raises UnknownModel."""
    chosen = registry.find_matte_model(model or DEFAULT_MODEL)
    depth = _depth_spec(chosen, depth_model)
    wanted = [chosen, *registry.companions_of(chosen), *([] if depth is None else [depth])]
    return all(store.find_installed(spec) is not None for spec in wanted)


def model_on_this_machine(name: str | None) -> str:
    """The model to run where nothing may be downloaded: the named one; else the default one, or the embedded one.

    Raises UnknownModel, and WeightsMissing for a model that is named but not all here.
    """
    if name is None:
        return DEFAULT_MODEL if is_all_here(None, depth_model=None) else EMBEDDED_MODEL
    chosen = registry.find_matte_model(name)
    if not is_all_here(chosen.name, depth_model=None):
        raise WeightsMissing(
            f"{chosen.name} is not on this machine, and nothing is downloaded from here",
            hint=f"run: dis-core fetch {chosen.name}",
        )
    return chosen.name


def _obtain_embedded(report: Report) -> InstalledModel:
    """The built-in model, which looks at no depth."""
    return obtain_all(registry.find_matte_model(EMBEDDED_MODEL), None, report)


def refuse_noncommercial(*specs: ModelSpec) -> None:
    """Raises LicenseNotAccepted naming the first model whose weights forbid commercial use, if there is one."""
    for spec in specs:
        if spec.commercial_use == "no":
            raise LicenseNotAccepted(
                f"the weights of {spec.name} may not be used commercially ({spec.license})",
                hint="if your use is not commercial, use `accept_noncommercial=True`",
            )


def refuse_imprecise(spec: ModelSpec, placement: Placement) -> None:
    """Raises BadRequest if half precision is wanted of a model that does not keep its mattes with it."""
    if placement.dtype != FULL_DTYPE and not spec.half_precision:
        raise BadRequest(f"{spec.name} has not been tested in half precision", hint='use `precision="full"`')


def _depth_spec(chosen: ModelSpec, depth_model: str | None) -> ModelSpec | None:
    name = depth_model or chosen.depth_model
    return None if name is None else registry.find_depth_model(name)


def obtain_all(chosen: ModelSpec, depth: ModelSpec | None, report: Report = ignore) -> InstalledModel:
    """Have the weights of a model and of all that it needs on this machine; shares of progress go by their sizes."""
    installed = []
    wanted = [chosen, *registry.companions_of(chosen), *([] if depth is None else [depth])]
    sizes = [spec.weights.size_bytes or 1 for spec in wanted]
    for i, spec in enumerate(wanted):
        done, end = sum(sizes[:i]) / sum(sizes), sum(sizes[: i + 1]) / sum(sizes)
        installed.append(store.obtain(spec, report=span(report, done, end)))
    matte, *others = installed
    count = len(chosen.companions)
    return InstalledModel(matte, tuple(others[:count]), None if depth is None else others[count])


def _warn_of_fallback(problem: HubUnreachable | CacheUnwritable) -> None:
    way = "connect" if isinstance(problem, HubUnreachable) else problem.hint
    logger.warning(
        "the full model %r is not on this machine and could not be downloaded (%s); using the built-in model %r "
        "instead. To get the full one, %s and run: dis-core fetch %s",
        DEFAULT_MODEL,
        problem.message,
        EMBEDDED_MODEL,
        way,
        DEFAULT_MODEL,
    )
