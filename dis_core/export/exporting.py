"""One network becomes one file, whole or not at all."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from dis_core.device import within_memory
from dis_core.errors import DisError, ExportFailed
from dis_core.export.graphs import save_as_onnx, save_as_torch, traced
from dis_core.export.metadata import input_shapes, metadata
from dis_core.export.request import ONNX, Request, checked_request, kind_of
from dis_core.files import atomic_file, refuse_taken
from dis_core.model_spec import Precision
from dis_core.models.exportable import InHalf
from dis_core.networks import load_installed, obtain_network
from dis_core.places import Trial
from dis_core.progress import Report, ignore, span
from dis_core.protocols import Placement
from dis_core.registry import manager as registry

if TYPE_CHECKING:
    from torch.export import ExportedProgram

CPU = Placement("cpu")


def export_model(
    model: str,
    path: str | os.PathLike[str],
    *,
    side_px: int | None = None,
    opset: int | None = None,
    precision: Precision = "full",
    overwrite: bool = False,
    accept_noncommercial: bool = False,
    report: Report = ignore,
) -> Path:
    """Write the network of a model for other programs: `path` ends in .onnx, or in .pt2 for `torch.export.load`.

    The file takes one image of a fixed size, normalized, and answers with the matte, as its metadata says. What the
    pipeline does around a network, resizing and refinement among it, is not in the file. `side_px` is the shorter side
    of the input where that is not to be the published one, `opset` the version of ONNX's operators, 20 if none is
    given. With `precision` "half" the weights are float16: half the file, for graphics cards.

    Returns the path of the file. Writing ONNX needs `pip install 'dis-core[export]'`. Raises BadRequest for what cannot
    be exported and says why, UnknownModel, PackagesMissing, LicenseNotAccepted, WeightsMissing, WeightsCorrupt,
    OutputExists, OutputFailed, OutOfMemory, ExportFailed, and what `report` raises.
    """
    request = checked_request(registry.find_model(model), Path(path), side_px=side_px, opset=opset, precision=precision)
    if not overwrite:
        refuse_taken(request.path)
    Trial().refuse_unwritable(request.path, overwrite=overwrite)
    found = obtain_network(request.spec, accept_noncommercial=accept_noncommercial, report=span(report, 0.0, 0.3))
    report(0.3, f"loading {request.spec.name}")
    network = load_installed(found, CPU)
    with explained(request):
        report(0.35, f"tracing {request.spec.name}")
        program, answer = traced_request(request, network)
        del network
    about = metadata(request, revision=found.installed.revision, answer=answer)
    with atomic_file(request.path, overwrite=overwrite) as unfinished, explained(request):
        write(program, unfinished, request, about, span(report, 0.6, 1.0))
    return request.path


def traced_request(request: Request, network: nn.Module) -> tuple[ExportedProgram, tuple[int, ...]]:
    """The network as a program of operators for the requested size, and the shape of what it answers."""
    make = cast("Callable[[nn.Module], nn.Module]", pkgutil.resolve_name(request.exportable))
    exportable = make(network).eval()
    if request.precision == "half":
        exportable = InHalf(exportable)
    planes = tuple(torch.zeros(shape) for shape in input_shapes(request))
    return traced(exportable, planes)


def write(program: ExportedProgram, file: Path, request: Request, about: dict[str, str], report: Report) -> None:
    """Write the program in the format that the path of the request asks for."""
    if kind_of(request.path) == ONNX:
        save_as_onnx(program, file, request, about, report)
    else:
        save_as_torch(program, file, about, report)


@contextmanager
def explained(request: Request) -> Iterator[None]:
    """Raise ExportFailed for what torch's exporters raise, and OutOfMemory."""
    with within_memory(CPU, "to export this network", hint="close other programs, or use a smaller `side_px`"):
        try:
            yield
        except (DisError, MemoryError, OSError):
            raise
        except Exception as error:  # the exporters raise nearly anything for a network that they cannot take
            if "can't allocate memory" in str(error):
                raise
            first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ExportFailed(
                f"torch cannot export {request.spec.name}: {first_line[:200]}",
                hint="another version of torch or onnxscript may; for a model of your own, declare `exportable`",
            ) from error
