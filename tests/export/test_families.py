"""Every family that can be exported answers in other programs as it does here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dis_core.errors import BadRequest
from dis_core.export.exporting import traced_request, write
from dis_core.export.metadata import metadata
from dis_core.export.request import PACKAGES, Request, checked_request
from dis_core.model_spec import ModelSpec, Precision
from dis_core.models.pdfnet.network import PDFNetOutput
from dis_core.progress import ignore
from dis_core.protocols import Placement
from dis_core.registry.builtin_models import dis_register_models
from dis_core.weights.loading import load_bare_network
from tests.export.runtimes import EXTRA, answer_of_onnxruntime, onnx_nodes
from tests.fakes.small_networks import FAMILIES, Family, declared, planes

SPECS = {spec.name: spec for spec in dis_register_models()}


@pytest.fixture(params=FAMILIES, ids=[family.spec.name for family in FAMILIES])
def family(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Family:
    assert isinstance(request.param, Family)
    monkeypatch.setattr(request.param.replaced, request.param.by)
    return request.param


def loaded(family: Family, folder: Path) -> nn.Module:
    family.save(folder / "weights.safetensors")
    return load_bare_network(
        declared(family.spec), folder / "weights.safetensors", placement=Placement("cpu"), companions={}
    )


def answered(network: nn.Module, given: list[torch.Tensor], spec: ModelSpec) -> torch.Tensor:
    """The matte or the depth by the network itself, with strips, groups of windows and all."""
    with torch.inference_mode():
        answer = network(*given)
    plane: torch.Tensor = answer.logits if isinstance(answer, PDFNetOutput) else answer
    return plane if spec.task == "depth" else plane.sigmoid()


def requested(spec: ModelSpec, file: Path, side_px: int, precision: Precision = "full") -> Request:
    return checked_request(spec, file, side_px=side_px, opset=None, precision=precision)


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute of work, on machines that may be busy
def test_an_exported_network_answers_as_it_does_here(family: Family, tmp_path: Path) -> None:
    for package in PACKAGES:
        pytest.importorskip(package, reason=EXTRA)
    given = planes(declared(family.spec), family.side_px)
    expected = answered(loaded(family, tmp_path), given, family.spec).numpy()
    files = [tmp_path / "it.onnx", tmp_path / "it.pt2"]

    requests = [requested(family.spec, file, family.side_px) for file in files]
    program, shape = traced_request(requests[0], loaded(family, tmp_path))
    for request in requests:
        write(program, request.path, request, metadata(request, revision="r", answer=shape), ignore)

    # Strips and groups of windows would be unrolled to tens of thousands of nodes.
    assert len(onnx_nodes(files[0])) < 3000
    assert expected.std() > 0.01
    assert shape == expected.shape
    np.testing.assert_allclose(answer_of_onnxruntime(files[0], given), expected, atol=1e-3, rtol=1e-3)
    again = torch.export.load(files[1]).module()(*given)
    np.testing.assert_allclose(again.detach().numpy(), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", [name for name in SPECS if declared(SPECS[name]).exportable is None])
def test_what_cannot_be_exported_says_why(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"cannot be exported: .{20}"):
        requested(SPECS[name], tmp_path / "it.onnx", 1024)
