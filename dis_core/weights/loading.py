"""Calls the loaders that models declare, with what each kind of loader is given."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, cast

from dis_core.errors import PluginProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import nn

    from dis_core.model_spec import ModelSpec, NetworkSpec
    from dis_core.protocols import (
        CompanionLoader,
        CompanionNetworkLoader,
        DepthEstimator,
        DepthLoader,
        MatteLoader,
        NetworkLoader,
        Placement,
        Segmenter,
    )


def load_matte_model(
    spec: ModelSpec,
    weights: Path,
    *,
    placement: Placement,
    estimate_depth: DepthEstimator | None,
    companions: Mapping[str, Path],
) -> Segmenter:
    """Call the model's loader; only one of a model that declares companions is given their files.

    Raises WeightsCorrupt, OutOfMemory, and PluginProblem if what it returns is no segmenter.
    """
    if spec.companions:
        load_with = cast("CompanionLoader", loader_of(spec))
        found = load_with(weights, placement=placement, estimate_depth=estimate_depth, companions=companions)
    else:
        load = cast("MatteLoader", loader_of(spec))
        found = load(weights, placement=placement, estimate_depth=estimate_depth)
    refuse_others(spec, found, ("__call__", "side_for", "segment_tiles"))
    return found


def loader_of(spec: ModelSpec) -> object:
    """The loader that a model was registered with, or that it names."""
    return pkgutil.resolve_name(spec.loader) if spec.load is None else spec.load


def refuse_others(spec: ModelSpec, found: object, methods: Sequence[str]) -> None:
    """Raises PluginProblem if what a loader has returned lacks one of these methods."""
    if missing := [name for name in methods if not callable(getattr(found, name, None))]:
        wanted = "a segmenter" if spec.task == "matte" else "a depth estimator"
        raise PluginProblem(
            f"the loader of {spec.name!r} returned a {type(found).__name__}, not {wanted}: it lacks {missing[0]!r}",
            hint="dis_core.models.square.SquareSegmenter makes a segmenter of a network that sees a square",
        )


def load_depth_model(spec: ModelSpec, weights: Path, *, placement: Placement) -> DepthEstimator:
    """Call a depth model's loader. Raises WeightsCorrupt, OutOfMemory."""
    load = cast("DepthLoader", loader_of(spec))
    found = load(weights, placement=placement)
    if spec.task == "depth":  # a part is whatever the models know that it is part of
        refuse_others(spec, found, ("__call__",))
    return found


def load_bare_network(
    declared: NetworkSpec, weights: Path, *, placement: Placement, companions: Mapping[str, Path]
) -> nn.Module:
    """Call a network's loader; only one that declares companions is given their files.

    Raises WeightsCorrupt, OutOfMemory.
    """
    if not declared.companions:
        load = cast("NetworkLoader", pkgutil.resolve_name(declared.loader))
        return load(weights, placement=placement)
    load_with = cast("CompanionNetworkLoader", pkgutil.resolve_name(declared.loader))
    return load_with(weights, placement=placement, companions=companions)
