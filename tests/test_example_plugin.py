"""The example of docs/how-to/add-a-model.md: built, installed and run as anybody's package would be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.fakes.fake_hub import CHECKOUT, clean_environment

EXAMPLE = CHECKOUT / "examples" / "dis-core-example"
PAGE = CHECKOUT / "docs" / "how-to" / "add-a-model.md"
FILES = ("pyproject.toml", "dis_core_example/__init__.py", "dis_core_example/network.py")

WARMTH = (4.0, 1.0, -5.0)
BIAS = -0.5
RED, BLUE = (1.0, 0.2, 0.0), (0.0, 0.4, 0.8)


@dataclass(frozen=True)
class Installed:
    """A folder into which the example was installed, and one for what dis-core keeps."""

    site: Path
    home: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One `dis-core` command that finds the example."""
        path = os.pathsep.join([str(self.site), str(CHECKOUT)])
        return subprocess.run(
            [sys.executable, "-m", "dis_core", *arguments],
            env=clean_environment(self.home, "http://127.0.0.1:9", PYTHONPATH=path),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def weights_file(path: Path) -> Path:
    """Weights of the example's network that look at a pixel's own color alone."""
    kernel = torch.zeros(1, 3, 3, 3)
    kernel[0, :, 1, 1] = torch.tensor(WARMTH)
    save_file({"warmth.weight": kernel, "warmth.bias": torch.tensor([BIAS])}, path)
    return path


def photo(path: Path) -> Path:
    """Red to the left and blue to the right."""
    pixels = np.zeros((80, 120, 3), np.float32)
    pixels[:, :60], pixels[:, 60:] = RED, BLUE
    Image.fromarray((pixels * 255).round().astype(np.uint8)).save(path)
    return path


def expected(color: tuple[float, float, float]) -> float:
    """What the network makes of a place where all is of one color, of 255."""
    return float(255 / (1 + np.exp(-(np.dot(WARMTH, color) + BIAS))))


def install(source: Path, folder: Path) -> Installed:
    """Build a wheel of a package's source and install it, without a network."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--quiet", "--no-index", "--no-deps"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    site = folder / "site"
    for command in (
        [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(folder / "wheels"), str(source)],
        [*pip, "install", *offline, "--find-links", str(folder / "wheels"), "--target", str(site), "dis-core-example"],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
    return Installed(site, folder / "home")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "source")
    return install(folder / "source", folder)


@pytest.fixture(scope="module")
def example_with_weights(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The same, with the line of the specification that the page offers for weights in the package."""
    folder = tmp_path_factory.mktemp("with-weights")
    source = folder / "source"
    shutil.copytree(EXAMPLE, source)
    weights_file(source / "dis_core_example" / "warm.safetensors")
    declaration = source / "dis_core_example" / "__init__.py"
    offered = re.findall(r"^weights = (WeightsFile\(None, .+\))$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    text, count = re.subn(r"WeightsFile\(.+\)", offered[0], declaration.read_text(encoding="utf-8"))
    assert count == 1
    declaration.write_text(text, encoding="utf-8")
    return install(source, folder)


def assert_is_as_expected(mask: Path) -> None:
    with Image.open(mask) as image:
        alpha = np.asarray(image, np.float32)
    assert alpha.shape == (80, 120)
    assert np.abs(alpha[5:-5, 5:55] - expected(RED)).max() < 1.5
    assert np.abs(alpha[5:-5, 65:-5] - expected(BLUE)).max() < 1.5


@pytest.mark.parametrize("name", FILES)
def test_the_page_shows_the_file_as_it_is(name: str) -> None:
    blocks = re.findall(r"^```\w+\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

    assert (EXAMPLE / name).read_text(encoding="utf-8") in blocks


def test_the_page_shows_all_files_and_they_are_short() -> None:
    tracked = {path.relative_to(EXAMPLE).as_posix() for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".toml")}
    lines = [line for name in FILES[1:] for line in (EXAMPLE / name).read_text(encoding="utf-8").splitlines()]

    assert tracked == set(FILES)
    assert len([line for line in lines if line.strip()]) <= 40


def test_the_model_is_listed_with_its_terms(example: Installed) -> None:
    listed = json.loads(example.run("models", "--json").stdout)

    (warm,) = [entry for entry in listed if entry["name"] == "warm"]
    assert (warm["license"], warm["commercial_use"], warm["present"]) == ("MIT", "yes", False)


def test_the_declaration_imports_no_torch(example: Installed) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import sys, dis_core_example; print('torch' in sys.modules)"],
        env=clean_environment(example.home, "", PYTHONPATH=os.pathsep.join([str(example.site), str(CHECKOUT)])),
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout == "False\n"


def test_it_cuts_out_with_weights_from_a_file(example: Installed, tmp_path: Path) -> None:
    file, image, mask = weights_file(tmp_path / "w.safetensors"), photo(tmp_path / "p.png"), tmp_path / "mask.png"

    fetched = example.run("fetch", "warm", "--from", str(file))
    cut = example.run("mask", str(image), "-o", str(mask), "--model", "warm")

    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.startswith("warm: ")
    assert cut.returncode == 0, cut.stderr
    assert_is_as_expected(mask)


def test_a_file_of_another_network_is_refused(example: Installed, tmp_path: Path) -> None:
    save_file({"other.weight": torch.zeros(1)}, tmp_path / "w.safetensors")

    fetched = example.run("fetch", "warm", "--from", str(tmp_path / "w.safetensors"))

    assert fetched.returncode == 1
    assert "does not fit Warmth: warmth.weight is missing" in fetched.stderr


def test_it_cuts_out_with_weights_of_its_own_package(example_with_weights: Installed, tmp_path: Path) -> None:
    image, mask = photo(tmp_path / "photo.png"), tmp_path / "mask.png"

    cut = example_with_weights.run("mask", str(image), "-o", str(mask), "--model", "warm")

    assert cut.returncode == 0, cut.stderr
    assert_is_as_expected(mask)


def test_weights_of_a_package_are_named_with_it(example_with_weights: Installed, tmp_path: Path) -> None:
    fetched = example_with_weights.run("fetch", "warm")
    refused = example_with_weights.run("fetch", "warm", "--from", str(weights_file(tmp_path / "w.safetensors")))
    (example_with_weights.site / "dis_core_example" / "warm.safetensors").rename(tmp_path / "gone")
    broken = example_with_weights.run("mask", str(photo(tmp_path / "photo.png")), "--model", "warm")

    assert "warm: comes with dis_core_example (MIT, commercial use: yes)" in fetched.stderr
    assert fetched.stdout.endswith(f"{Path('dis_core_example') / 'warm.safetensors'}\n")
    assert "is built in" in refused.stderr
    assert "install dis_core_example again" in broken.stderr
    (tmp_path / "gone").rename(example_with_weights.site / "dis_core_example" / "warm.safetensors")


def test_the_result_says_which_version_of_the_package_made_it(example_with_weights: Installed, tmp_path: Path) -> None:
    script = f"import dis_core; print(dis_core.segment({str(photo(tmp_path / 'p.png'))!r}, model='warm').model)"

    shown = subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environment(
            example_with_weights.home, "", PYTHONPATH=os.pathsep.join([str(example_with_weights.site), str(CHECKOUT)])
        ),
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout == "warm@1.0.0\n"
