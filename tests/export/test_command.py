"""`dis-core export` from end to end, with the model that comes with the package."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import dis_core
from dis_core.cli.main import run
from dis_core.errors import BadRequest, Cancelled, ExportFailed, OutputExists, PackagesMissing
from dis_core.export import exporting, graphs, request
from dis_core.export.exporting import export_model
from dis_core.images.reading import read_picture
from dis_core.models.dis_lite.spec import DIS_LITE
from dis_core.models.resample import shrink_smoothly
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD, to_tensor
from dis_core.networks import InstalledNetwork, load_installed
from dis_core.protocols import Placement
from dis_core.registry import manager as registry
from tests.export.runtimes import EXTRA, about, answer_of_onnxruntime, answer_of_openvino, onnx_session
from tests.fakes.bright_model import BRIGHT

FLOWER = Path(__file__).parents[2] / "examples" / "flower.jpg"
SIDE_PX = 448


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    """The photograph as the network takes it."""
    small = shrink_smoothly(to_tensor(read_picture(FLOWER).srgb()), (SIDE_PX, SIDE_PX))
    return (small - IMAGENET_MEAN) / IMAGENET_STD


@pytest.fixture(scope="module")
def expected(image: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What the network makes of it here."""
    with torch.inference_mode():
        logits: torch.Tensor = dis_core.load_network("dis-lite", device="cpu")(image)
    return logits.sigmoid().numpy()


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model, exported by the command."""
    for package in request.PACKAGES:
        pytest.importorskip(package, reason=EXTRA)
    file = tmp_path_factory.mktemp("exported") / "lite.onnx"
    assert run(["export", "dis-lite", str(file), "--progress", "none"]) == 0
    return file


def test_onnxruntime_gives_the_same_matte(
    onnx_file: Path, image: torch.Tensor, expected: np.ndarray[Any, np.dtype[np.float32]]
) -> None:
    matte = answer_of_onnxruntime(onnx_file, [image])

    assert expected.max() - expected.min() > 0.9
    np.testing.assert_allclose(matte, expected, atol=1e-3)


def test_openvino_gives_the_same_matte(
    onnx_file: Path, image: torch.Tensor, expected: np.ndarray[Any, np.dtype[np.float32]]
) -> None:
    matte = answer_of_openvino(onnx_file, [image])

    np.testing.assert_allclose(matte, expected, atol=1e-3)


def test_the_file_says_what_it_is_and_what_it_takes(onnx_file: Path) -> None:
    found = about(onnx_file)
    (taken,), (answered,) = (json.loads(found[name]) for name in ("inputs", "outputs"))

    assert found["model"] == "dis-lite"
    assert found["dis_core"] == found["revision"] == dis_core.__version__
    assert found["license"] == DIS_LITE.license
    assert found["side"] == "448"
    assert found["precision"] == "float32"
    assert json.loads(found["mean"]) == [0.485, 0.456, 0.406]
    assert json.loads(found["std"]) == [0.229, 0.224, 0.225]
    assert (taken["name"], taken["shape"]) == ("image", [1, 3, 448, 448])
    assert (answered["name"], answered["shape"]) == ("matte", [1, 1, 448, 448])
    session = onnx_session(onnx_file)
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("image", [1, 3, 448, 448])]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("matte", [1, 1, 448, 448])]


@pytest.mark.slow
def test_half_is_half_the_file_and_nearly_the_same_matte(
    onnx_file: Path, image: torch.Tensor, expected: np.ndarray[Any, np.dtype[np.float32]], tmp_path: Path
) -> None:
    file = tmp_path / "half.onnx"

    assert run(["export", "dis-lite", str(file), "--half", "--opset", "18", "--progress", "none"]) == 0

    assert file.stat().st_size < 0.6 * onnx_file.stat().st_size
    assert about(file)["precision"] == "float16"
    matte = answer_of_onnxruntime(file, [image])
    assert np.abs(matte - expected).mean() < 0.005


def test_torch_loads_what_it_was_exported_to_and_gives_the_same_matte(
    image: torch.Tensor, expected: np.ndarray[Any, np.dtype[np.float32]], tmp_path: Path
) -> None:
    export_model("dis-lite", tmp_path / "lite.pt2")

    extra = {graphs.METADATA_FILE: ""}
    matte = torch.export.load(tmp_path / "lite.pt2", extra_files=extra).module()(image)

    np.testing.assert_allclose(matte.detach().numpy(), expected, atol=1e-3)
    assert json.loads(extra[graphs.METADATA_FILE])["model"] == "dis-lite"


def test_a_file_that_exists_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lite.onnx"
    file.write_text("precious")

    assert run(["export", "dis-lite", str(file)]) == 1

    assert file.read_text() == "precious"
    assert "--overwrite" in capsys.readouterr().err


def small(file: Path, **options: Any) -> Path:
    """An export that takes seconds."""
    return export_model("dis-lite", file, side_px=64, **options)


def test_a_file_that_came_meanwhile_is_kept_unless_it_may_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lite.pt2"

    def load_while_another_writes(found: InstalledNetwork, placement: Placement) -> nn.Module:
        file.write_text("precious")
        return load_installed(found, placement)

    monkeypatch.setattr(exporting, "load_installed", load_while_another_writes)

    with pytest.raises(OutputExists):
        small(file)
    assert file.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["lite.pt2"]

    small(file, overwrite=True)
    assert file.stat().st_size > 1_000_000


def test_a_failed_or_canceled_export_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(_fraction: float, doing: str) -> None:
        if doing == "writing":
            raise Cancelled

    with pytest.raises(Cancelled):
        small(tmp_path / "lite.pt2", report=cancel)
    assert not list(tmp_path.iterdir())

    def fail(*_given: object, **_options: object) -> None:
        raise ValueError("no such operator\nand more")

    monkeypatch.setattr(torch.export, "save", fail)
    with pytest.raises(ExportFailed, match="torch cannot export dis-lite: no such operator\n"):
        small(tmp_path / "lite.pt2")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lite.tflite", {}, "does not say what to write"),
        ("lite.onnx", {"side_px": 100}, "multiples of 64"),
        ("lite.onnx", {"side_px": 1_000_000}, "up to 4096"),
        ("lite.onnx", {"opset": 11}, "opset 11"),
        ("lite.pt2", {"opset": 20}, "opsets are ONNX's"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_done(
    name: str, options: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadRequest, match=message):
        export_model("dis-lite", tmp_path / name, **options)  # type: ignore[arg-type]


def test_a_side_that_is_refused_comes_with_the_nearest_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "dis-lite", str(tmp_path / "lite.onnx"), "--side", "100"]) == 1

    assert "--side 128" in capsys.readouterr().err


def test_a_wide_network_stays_as_wide() -> None:
    spec = registry.find_model("birefnet-lite-2k")
    assert spec.network is not None

    assert request.size_for(spec, spec.network, None) == (1440, 2560)
    assert request.size_for(spec, spec.network, 720 // 32 * 32) == (704, 1248)


def test_missing_packages_are_named_with_the_command_that_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "is_installed", lambda name: name != "onnxscript")

    with pytest.raises(PackagesMissing, match="onnxscript") as caught:
        export_model("dis-lite", tmp_path / "lite.onnx")

    assert caught.value.hint == "run: pip install 'dis-core[export]'"


def test_half_of_a_network_that_was_not_tried_so_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="half precision"):
        export_model("depth-tiny", tmp_path / "depth.onnx", precision="half")


def test_a_model_that_declares_no_network_cannot_be_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**registry.models(), "no-network": replace(BRIGHT, name="no-network", network=None)}
    monkeypatch.setattr(registry, "models", lambda: known)

    with pytest.raises(BadRequest, match="does not say how its network is loaded"):
        export_model("no-network", tmp_path / "it.onnx")


def test_a_program_is_told_how_far_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "dis-lite", str(tmp_path / "lite.pt2"), "--side", "64", "--progress", "json"]) == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["doing"] for event in events[:-1]][-1] == "writing"
    assert events[-1] == {"event": "exported", "model": "dis-lite", "file": str(tmp_path / "lite.pt2")}
