"""dis-core without diffusers: everything works but DiffDIS, which says what it lacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.fakes.fake_hub import run_fake_hub
from tests.fakes.without_diffusers import without_diffusers

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = "pip install 'dis-core[diffdis]'"


def test_asking_for_it_is_an_error_with_the_command_before_any_download(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "black.png")
    asked = ["mask", str(tmp_path / "black.png"), "--model", "diffdis", "--progress", "json"]

    with run_fake_hub() as hub:
        shown = without_diffusers(tmp_path, hub.url, *asked)

    assert shown.returncode == 1
    assert shown.stderr == (
        f"dis-core: the model 'diffdis' needs a package that is not installed: diffusers (run: {COMMAND})\n"
    )
    assert json.loads(shown.stdout.splitlines()[-1])["code"] == "PackagesMissing"
    assert hub.requests == []


def test_fetch_says_it_too_also_for_the_autoencoder_and_for_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.safetensors"
    file.write_bytes(b"")

    with run_fake_hub() as hub:
        for asked in (["diffdis"], ["sd-turbo-autoencoder"], ["diffdis", "--from", str(file)]):
            shown = without_diffusers(tmp_path, hub.url, "fetch", *asked)

            assert shown.returncode == 1
            assert shown.stderr.endswith(f"(run: {COMMAND})\n")

    assert hub.requests == []


def test_the_list_of_models_names_what_is_missing(tmp_path: Path) -> None:
    table = without_diffusers(tmp_path, "http://127.0.0.1:9", "models")
    listed = without_diffusers(tmp_path, "http://127.0.0.1:9", "models", "--json")

    assert f"diffdis needs packages that are missing: diffusers. Run: {COMMAND}\n" in table.stdout
    missing = {entry["name"]: entry["missing_packages"] for entry in json.loads(listed.stdout)}
    assert missing["diffdis"] == missing["sd-turbo-autoencoder"] == ["diffusers"]
    assert missing["pdfnet"] == []
    commands = {entry["name"]: entry["install_command"] for entry in json.loads(listed.stdout)}
    assert commands["diffdis"] == COMMAND
    assert commands["pdfnet"] is None


def test_doctor_names_it_without_calling_it_a_problem(tmp_path: Path) -> None:
    found = json.loads(without_diffusers(tmp_path, "http://127.0.0.1:9", "doctor", "--offline", "--json").stdout)

    assert found["models"]["diffdis"] == f"not here; diffusers not installed, run: {COMMAND}"
    assert not [problem for problem in found["problems"] if "diffusers" in problem["what"]]


def test_the_other_models_cut_out_as_ever(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "black.png")

    shown = without_diffusers(
        tmp_path, "http://127.0.0.1:9", "mask", str(tmp_path / "black.png"), "--model", "dis-lite"
    )

    assert shown.returncode == 0, shown.stderr
