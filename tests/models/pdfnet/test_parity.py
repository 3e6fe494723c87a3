"""Our PDFNet against numbers recorded from the authors' own code, both revisions; see golden/PROVENANCE.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dis_core.models.pdfnet import network as pdfnet
from dis_core.models.pdfnet.checkpoint import convert, published_network
from dis_core.models.pdfnet.network import BoundaryPrior, PDFNet, PDFNetOutput, Stream, ThresholdedBoundaryPrior
from dis_core.models.pdfnet.segmenter import scale_each_to_unit
from dis_core.models.resample import resize_by_area, resize_to_corners
from tests.recipes.pdfnet import GOLDEN, network_inputs, published_state_dict

PRIORS = {"r2025_03": BoundaryPrior, "r2025_10": ThresholdedBoundaryPrior}
FEATURE_TOLERANCE = 1e-4
LOGIT_TOLERANCE = {256: 1e-3, 512: 1e-3, 1024: 3e-3}


class Recorded(NamedTuple):
    """What one pass gave, and what its parts saw on the way."""

    output: PDFNetOutput
    streams: list[Stream]
    fused: list[tuple[torch.Tensor, ...]]
    priors: list[tuple[torch.Tensor, ...]]


@pytest.fixture(scope="module", params=list(PRIORS))
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def network(revision: str) -> PDFNet:
    with torch.device("meta"):
        network = published_network(PRIORS[revision]())
    network.load_state_dict(convert(published_state_dict(revision)), assign=True)
    return network.eval()


@pytest.fixture(scope="module")
def pass_at_512(network: PDFNet) -> Recorded:
    return run(network, 512)


def run(network: PDFNet, size: int) -> Recorded:
    image, depth, _ = network_inputs(size, seed=4 if size == 1024 else 0)
    streams: list[Stream] = []
    fused: list[tuple[torch.Tensor, ...]] = []
    priors: list[tuple[torch.Tensor, ...]] = []
    with recording(network.encoder, streams), recording(network.decoder.fusions[0].boundary_prior, priors):
        handles = [
            fusion.register_forward_hook(lambda _m, _i, out: fused.append(out)) for fusion in network.decoder.fusions
        ]
        with torch.inference_mode():
            output = network(image, scale_each_to_unit(depth))
    for handle in handles:
        handle.remove()
    return Recorded(output, streams, fused, priors)


@contextmanager
def recording(module: Any, into: list[Any]) -> Iterator[None]:
    handle = module.register_forward_hook(lambda _module, _inputs, output: into.append(output))
    yield
    handle.remove()


def golden(name: str) -> dict[str, NDArray[np.float32]]:
    with np.load(GOLDEN / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive}


def worst(ours: torch.Tensor, theirs: NDArray[np.floating[Any]]) -> float:
    assert tuple(ours.shape) == theirs.shape
    return float(np.abs(ours.numpy() - theirs).max())


def step_of(key: str, mark: str) -> int:
    """The N of "..._chN" or "..._subN", or 1."""
    return int(key.rpartition(mark)[2]) if mark in key else 1


def check_outputs(output: PDFNetOutput, revision: str, size: int) -> None:
    for key, theirs in golden(f"out_{revision}_{size}_b1").items():
        level = int(key[4])
        step = step_of(key, "_sub")
        ours = (output.logits if level == 0 else output.sides[level - 1])[..., ::step, ::step]
        assert worst(ours, theirs) < LOGIT_TOLERANCE[size], key
        if level == 0:
            assert worst(ours.sigmoid(), 1 / (1 + np.exp(-theirs))) < 2e-4


def test_logits_and_side_outputs_match_the_reference_where_boundary_kernels_are_odd(
    network: PDFNet, revision: str
) -> None:
    check_outputs(run(network, 256).output, revision, 256)


def test_logits_and_side_outputs_match_the_reference_where_boundaries_are_mixed(
    pass_at_512: Recorded, revision: str
) -> None:
    check_outputs(pass_at_512.output, revision, 512)


@pytest.mark.slow
def test_logits_and_side_outputs_match_the_reference_at_full_size(network: PDFNet, revision: str) -> None:
    check_outputs(run(network, 1024).output, revision, 1024)


def test_boundaries_and_integrity_match_the_reference(pass_at_512: Recorded, revision: str) -> None:
    trace = golden(f"trace_{revision}_512_b1")

    for level, (boundary, integrity, _) in enumerate(pass_at_512.priors):
        assert worst(boundary, trace[f"fse{level}_boundary"]) < FEATURE_TOLERANCE
        assert worst(integrity, trace[f"fse{level}_integrity"]) < FEATURE_TOLERANCE


def test_fused_streams_match_the_reference_at_every_level(pass_at_512: Recorded, revision: str) -> None:
    trace = golden(f"trace_{revision}_512_b1")

    for level, streams in enumerate(pass_at_512.fused):
        for name, ours in zip(("img", "depth", "patch"), streams, strict=True):
            assert worst(ours[:, ::64], trace[f"fse{level}_{name}_ch64"]) < 3e-4


def test_encoder_features_match_the_reference(pass_at_512: Recorded) -> None:
    both, patches = pass_at_512.streams
    image, depth = (
        Stream([x[:1] for x in both.levels], both.glob[:1]),
        Stream([x[1:] for x in both.levels], both.glob[1:]),
    )
    patch = Stream([pdfnet.join_patches(x) for x in patches.levels], pdfnet.join_patches(patches.glob))
    features = golden("encoder_512_b1")

    for name, stream in (("img", image), ("depth", depth), ("patch", patch)):
        for part, ours in zip(("L1", "L2", "L3", "L4", "G"), (*stream.levels, stream.glob), strict=True):
            saved = features[f"{name}_{part}_ch16"]
            assert worst(ours[:, ::16][:, : saved.shape[1]], saved) < FEATURE_TOLERANCE
            assert worst(ours.mean((0, 2, 3)), features[f"{name}_{part}_mean"]) < FEATURE_TOLERANCE
            assert worst(ours.std((0, 2, 3)), features[f"{name}_{part}_std"]) < FEATURE_TOLERANCE


def test_the_backbone_alone_matches_the_reference(network: PDFNet) -> None:
    image, depth, _ = network_inputs(512, seed=0)
    half = resize_to_corners(torch.cat([image, scale_each_to_unit(depth).expand(-1, 3, -1, -1)]), (256, 256))
    features = golden("encoder_512_b1")

    with torch.inference_mode():
        whole = network.encoder.backbone(half)
        patches = network.encoder.backbone(pdfnet.cut_patches(image)[[0, 9, 27, 63]])

    for stage in range(4):
        saved = features[f"swin_global_{stage + 1}_ch16"]
        assert worst(whole[stage][:, ::16][:, : saved.shape[1]], saved) < FEATURE_TOLERANCE
        assert worst(patches[stage][:, ::16], features[f"swin_patch_{stage + 1}_p0_9_27_63_ch16"]) < FEATURE_TOLERANCE


def test_parity_would_notice_a_resize_with_other_corners(
    network: PDFNet, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdfnet, "resize_to_corners", resize_by_area)

    output = run(network, 256).output

    with pytest.raises(AssertionError):
        check_outputs(output, revision, 256)
