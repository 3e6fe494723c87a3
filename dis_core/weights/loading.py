"""Calls the loaders that models declare, with what each kind of loader is given."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping
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

    Raises WeightsCorrupt, OutOfMemory.
    """
    if not spec.companions:
        load = cast("MatteLoader", pkgutil.resolve_name(spec.loader))
        return load(weights, placement=placement, estimate_depth=estimate_depth)
    load_with = cast("CompanionLoader", pkgutil.resolve_name(spec.loader))
    return load_with(weights, placement=placement, estimate_depth=estimate_depth, companions=companions)


def load_depth_model(spec: ModelSpec, weights: Path, *, placement: Placement) -> DepthEstimator:
    """Call a depth model's loader. Raises WeightsCorrupt, OutOfMemory."""
    load = cast("DepthLoader", pkgutil.resolve_name(spec.loader))
    return load(weights, placement=placement)


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
