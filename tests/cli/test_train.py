"""`dis-core train`: from the command line to weights that the package itself can load."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.cli.main import run
from dis_core.model_spec import Placement
from dis_core.models.dis_lite import segmenter as dis_lite
from dis_core.models.pdfnet import depth_tiny
from dis_core.models.pdfnet import segmenter as pdfnet_segmenter
from dis_core.scenes.scene import make_scene
from tests.fakes.fake_hub import clean_environment, unused_address

SMALL = ("--side", "256", "--batch-size", "1", "--workers", "0", "--device", "cpu", "--progress", "none")


def write_data(folder: Path, *, count: int = 2, depth: bool = True) -> Path:
    for number in range(count):
        scene = make_scene(number, (96, 120))
        planes = {"images": scene.image, "masks": scene.alpha}
        if depth:
            planes["depth"] = scene.depth
        for kind, plane in planes.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.rint(255 * plane).astype(np.uint8)).save(folder / kind / f"{number}.png")
    return folder


def test_weights_trained_on_scenes_are_those_of_the_embedded_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["train", str(tmp_path / "run"), "--steps", "1", *SMALL])

    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert status == 0
    assert [path.name for path in written] == ["dis-lite.safetensors"]
    segment = dis_lite.load(written[0], placement=Placement("cpu"), estimate_depth=None)
    alpha = segment(make_scene(0, (64, 80)).image).alpha
    assert alpha.shape == (64, 80)
    assert np.isfinite(alpha).all()
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["kind"] == "evaluation"
    assert 0 <= log[-1]["mae"] <= 1


def test_a_small_pdfnet_leaves_its_depth_network_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["train", str(tmp_path / "run"), "--network", "pdfnet-tiny", "--steps", "1", *SMALL])

    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert status == 0
    assert [path.name for path in written] == ["pdfnet-tiny.safetensors", "depth-tiny.safetensors"]
    estimate = depth_tiny.load(written[1], placement=Placement("cpu"))
    segment = pdfnet_segmenter.load_tiny(written[0], placement=Placement("cpu"), estimate_depth=estimate)
    assert np.isfinite(segment(make_scene(0, (64, 80)).image).alpha).all()


def test_the_embedded_weights_are_trained_on_with_scenes_photographs_and_composites(tmp_path: Path) -> None:
    first, second = write_data(tmp_path / "first", depth=False), write_data(tmp_path / "second", depth=False)
    (second / "confidence.jsonl").write_text('{"name": "0", "confidence": 0}\n{"name": "1", "confidence": 0.5}\n')
    sources = ("--data", str(first), "--share", "0.5", "--data", str(second), "--share", "0.3", "--composites", "0.5")

    status = run(["train", str(tmp_path / "run"), "--start", "embedded", *sources, "--steps", "6", *SMALL])

    assert status == 0
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert [data["share"] for data in settings["data"]] == [0.5, 0.3]


def test_a_file_of_weights_is_gone_on_from_and_one_of_another_network_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(tmp_path / "one"), "--steps", "1", *SMALL]) == 0
    weights = tmp_path / "one" / "dis-lite.safetensors"

    again = run(["train", str(tmp_path / "two"), "--start", str(weights), "--steps", "1", *SMALL])
    other = run(["train", str(tmp_path / "three"), "--network", "pdfnet", "--start", str(weights), *SMALL])

    assert (again, other) == (0, 1)
    assert "dis-lite.safetensors" in capsys.readouterr().err


def test_photographs_without_depth_get_it_estimated_and_kept(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", depth=False)
    options = ("--network", "pdfnet-tiny", "--data", str(data), "--validation", str(data))

    status = run(["train", str(tmp_path / "run"), *options, "--steps", "1", *SMALL])

    assert status == 0
    assert sorted(path.name for path in (tmp_path / "run" / "depth").iterdir()) == ["0.png", "1.png"]
    assert not (data / "depth").exists()
    with Image.open(tmp_path / "run" / "depth" / "0.png") as depth:
        assert depth.size == (120, 96)


def test_a_network_of_other_sizes_learns_from_a_folder_with_depth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_data(tmp_path / "data")
    sizes = ("--network", "pdfnet", "--backbone", "swin-nano", "--width", "8")

    status = run(
        ["train", str(tmp_path / "run"), *sizes, "--data", str(data), "--validation", str(data), "--steps", "1", *SMALL]
    )

    assert status == 0
    assert [Path(line).name for line in capsys.readouterr().out.splitlines()] == ["pdfnet.safetensors"]


def test_ctrl_c_keeps_the_state_and_the_same_command_goes_on(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", count=1)
    command = [
        *(sys.executable, "-m", "dis_core", "train", "run", "--data", str(data), "--validation", str(data)),
        *("--side", "256", "--batch-size", "1", "--steps", "100000", "--progress", "json", "--device", "cpu"),
    ]
    steps = []

    for _ in range(2):
        child = subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Worker processes of torch warn about what they are stopped in.
            env=clean_environment(tmp_path, unused_address(), PYTHONWARNINGS="ignore"),
            start_new_session=True,
        )
        assert child.stdout is not None
        for line in child.stdout:
            if "step" in (doing := json.loads(line)["doing"]):
                steps.append(int(doing.split()[1].rstrip(",")))
                break
        os.killpg(child.pid, signal.SIGINT)  # as a terminal does, the workers included
        _, errors = child.communicate(timeout=120)

        assert child.returncode == 130
        assert errors.splitlines()[-1].startswith("dis-core: stopped")
        assert "Traceback" not in errors

    assert steps[1] > steps[0]
    assert "continuing after step" in errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--side", "300"), "multiple of 64, not 300"),
        (("--side", "320", "--coarse-share", "0.5"), "multiple of 128, not 320"),
        (("--network", "pdfnet", "--side", "256", "--coarse-share", "0.5"), "multiple of 512, not 256"),
        (("--backbone", "no_such_net"), "'no_such_net'"),
        (("--backbone", "vit_tiny_patch16_224"), "strides 4, 8, 16 and 32"),
        (("--backbone", "swin_tiny_patch4_window7_224"), "strides 4, 8, 16 and 32"),
        (("--backbone", "hf_hub:timm/resnet18.a1_in1k"), "'hf_hub:timm/resnet18.a1_in1k'"),
        (("--start", "published"), "--start embedded"),
        (("--network", "pdfnet-tiny", "--start", "published"), "--network pdfnet"),
        (("--network", "pdfnet", "--start", "embedded"), "--network dis-lite"),
        (("--backbone", "swin-t", "--start", "imagenet"), "swin-t"),
        (("--start", "random", "--mix-back", "0.3"), "'random'"),
        (("--precision", "float16", "--device", "cpu"), "float16 is not supported on cpu"),
        (("--data", "nowhere"), "nowhere"),
        (("--device", "tpu"), "'tpu'"),
        (("--depth-model", "depth-tiny", "--data", "data"), "'depth-tiny'"),
        (("--data", "data", "--share", "0.5", "--share", "0.2"), "folders (1) and of shares (2)"),
        (("--data", "data", "--share", "0.6", "--data", "data", "--share", "0.6"), "0.6 + 0.6"),
        (("--composites", "0.5"), "--composites"),
        (("--start", "nowhere.safetensors"), "nowhere.safetensors"),
        (("--network", "pdfnet-tiny", "--depth-model", "pdfnet", "--data", "data"), "pdfnet"),
        (
            ("--network", "pdfnet", "--depth-model", "depth-anything-v2-large", "--data", "data"),
            "depth-anything-v2-large",
        ),
    ],
)
def test_bad_requests_are_refused_in_one_line_before_anything_is_written(
    tmp_path: Path,
    options: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path / "data", count=1, depth=False)

    status = run(["train", "run", *options, "--steps", "1", "--progress", "none"])

    (line,) = capsys.readouterr().err.splitlines()
    assert status == 1
    assert words in line
    assert not Path("run").exists()


def test_a_folder_with_a_run_of_other_settings_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "settings.json").write_text("{}")

    status = run(["train", str(folder), "--steps", "1", *SMALL])

    assert status == 1
    assert str(folder) in capsys.readouterr().err
    assert (folder / "settings.json").read_text() == "{}"
