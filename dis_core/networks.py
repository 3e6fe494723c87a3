"""The bare networks of models, with their weights: for those who train them, export them or look inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dis_core.device import choose_placement, load_on
from dis_core.errors import BadRequest
from dis_core.model_spec import ModelSpec, NetworkSpec
from dis_core.progress import Report, ignore, span
from dis_core.prompts import DEFAULTS
from dis_core.protocols import Placement
from dis_core.registry import manager as registry
from dis_core.registry.requirements import refuse_without_packages
from dis_core.registry.selection import refuse_noncommercial
from dis_core.weights import store
from dis_core.weights.loading import load_bare_network
from dis_core.weights.store import Installed

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class InstalledNetwork:
    """What a network is loaded from: its model's weights, and those of its companions."""

    declared: NetworkSpec
    installed: Installed
    companions: tuple[Installed, ...]


def load_network(
    model: str,
    *,
    device: str = DEFAULTS.device,
    accept_noncommercial: bool = False,
    report: Report = ignore,
) -> nn.Module:
    """The network of a model as a `torch.nn.Module` with its weights, downloaded first if need be.

    `model` is a name from `list_models`, or that of a model's part or of a depth model. The network is in `eval` mode,
    in float32, and nobody else's: it can be trained, changed and exported. `model_info(model).network` says what it
    takes and what it answers, and so does the page of models.

    Raises DeviceUnavailable, UnknownModel, PackagesMissing, LicenseNotAccepted, WeightsMissing, WeightsCorrupt,
    OutOfMemory, BadRequest for a model that declares no network, and what `report` raises.
    """
    spec = registry.find_model(model)
    network_of(spec)
    placement = choose_placement(device)
    found = obtain_network(spec, accept_noncommercial=accept_noncommercial, report=report)
    return load_installed(found, placement)


def network_of(spec: ModelSpec) -> NetworkSpec:
    """What a model declares of its network. Raises BadRequest if it declares none."""
    if spec.network is None:
        raise BadRequest(
            f"the model {spec.name!r} does not say how its network is loaded without the rest",
            hint="its specification needs a `network`",
        )
    return spec.network


def obtain_network(spec: ModelSpec, *, accept_noncommercial: bool, report: Report) -> InstalledNetwork:
    """The weights of a network, on this machine. Raises what `load_network` raises before it loads."""
    declared = network_of(spec)
    wanted = [spec, *(registry.find_model(name) for name in declared.companions)]
    refuse_without_packages(*wanted)
    if not accept_noncommercial:
        refuse_noncommercial(*wanted)
    installed = [
        store.obtain(one, report=span(report, done / len(wanted), (done + 1) / len(wanted)))
        for done, one in enumerate(wanted)
    ]
    return InstalledNetwork(declared, installed[0], tuple(installed[1:]))


def load_installed(found: InstalledNetwork, placement: Placement) -> nn.Module:
    """The network where it is to run. Raises WeightsCorrupt, OutOfMemory."""
    companions = {companion.spec.name: companion.path for companion in found.companions}
    with load_on(placement):
        return load_bare_network(found.declared, found.installed.path, placement=placement, companions=companions)
