"""What is to be exported, checked before anything is downloaded or computed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dis_core.errors import BadRequest, PackagesMissing
from dis_core.model_spec import ModelSpec, NetworkSpec, Precision
from dis_core.networks import network_of
from dis_core.registry.requirements import is_installed

ONNX, TORCH = ".onnx", ".pt2"

OPSETS: Final = (18, 23)
"""The first and the last version of ONNX's operators that torch writes for all networks here."""

USUAL_OPSET: Final = 20

MOST_PX: Final = 4096
"""A longer side than any network here was trained with takes tens of gigabytes."""

PACKAGES: Final = ("onnx", "onnxscript")


@dataclass(frozen=True)
class Request:
    """One network for one file; `size` is (height, width) of its input in pixels."""

    spec: ModelSpec
    network: NetworkSpec
    exportable: str
    path: Path
    size: tuple[int, int]
    opset: int
    precision: Precision


def checked_request(
    spec: ModelSpec, path: Path, *, side_px: int | None, opset: int | None, precision: Precision
) -> Request:
    """The request with all that was left open decided.

    Raises BadRequest for what cannot be, PackagesMissing for ONNX without the packages that write it.
    """
    network = network_of(spec)
    if network.exportable is None:
        raise BadRequest(f"{spec.name} cannot be exported: {network.obstacle}", hint="export another model")
    kind = kind_of(path)
    if precision == "half" and not spec.half_precision:
        raise BadRequest(f"{spec.name} has not been tested in half precision", hint="export it in full precision")
    if opset is not None and kind != ONNX:
        raise BadRequest(f"opsets are ONNX's, and {path.name} is not an ONNX file", hint="leave out `opset`")
    if opset is not None and not OPSETS[0] <= opset <= OPSETS[1]:
        raise BadRequest(
            f"opset {opset} cannot be written", hint=f"use one from {OPSETS[0]} to {OPSETS[1]}, such as `opset=20`"
        )
    size = size_for(spec, network, side_px)
    refuse_without_packages(kind)
    return Request(spec, network, network.exportable, path, size, opset or USUAL_OPSET, precision)


def kind_of(path: Path) -> str:
    """The ending that says what is written. Raises BadRequest for another one."""
    ending = path.suffix.lower()
    if ending not in (ONNX, TORCH):
        raise BadRequest(
            f"{path.name} does not say what to write", hint="give a name that ends in .onnx, or in .pt2 for PyTorch"
        )
    return ending


def size_for(spec: ModelSpec, network: NetworkSpec, side_px: int | None) -> tuple[int, int]:
    """(height, width) of the input whose shorter side is given, or of the published one. Raises BadRequest."""
    height, width = network.size
    if side_px is None:
        return height, width
    if side_px < 1 or side_px % network.multiple_px or side_px > MOST_PX:
        near = max(min(round(side_px / network.multiple_px), MOST_PX // network.multiple_px), 1) * network.multiple_px
        raise BadRequest(
            f"{spec.name} takes sides that are multiples of {network.multiple_px}, up to {MOST_PX}, not {side_px}",
            hint=f"the nearest is `side_px={near}`",
        )
    scale = side_px / min(height, width)
    whole = [round(length * scale / network.multiple_px) * network.multiple_px for length in (height, width)]
    return whole[0], whole[1]


def refuse_without_packages(kind: str) -> None:
    """Raises PackagesMissing if what writes such a file is not installed."""
    missing = [name for name in PACKAGES if kind == ONNX and not is_installed(name)]
    if missing:
        raise PackagesMissing(
            f"writing ONNX needs a package that is not installed: {', '.join(missing)}",
            hint="run: pip install 'dis-core[export]'",
        )
