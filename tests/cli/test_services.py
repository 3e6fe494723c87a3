"""Users without a home folder, and folders that may only be read: services, containers, functions in the cloud."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import DEFAULT_MODEL
from tests.fakes.fake_hub import FakeHub, clean_environment
from tests.fakes.locked_folders import can_lock_folders, run_python

VARIABLES = ("HF_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
QUICK = ("--device", "cpu", "--quality", "draft", "--refine", "none")


@pytest.fixture
def hub_with_default_model(fake_hub: FakeHub) -> FakeHub:
    """A Hub from which the default model could be had, if there were a place for it."""
    spec = registry.find_matte_model(DEFAULT_MODEL)
    for file in (registry.find_model(name).weights for name in (spec.name, *spec.needed)):
        fake_hub.files[f"{file.repo}/{file.filename}"] = b"weights" * 1000
    return fake_hub


def run_homeless(tmp_path: Path, endpoint: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(tmp_path, endpoint, **more)
    for name in ("HOME", "USERPROFILE", "XDG_STATE_HOME", *VARIABLES):
        environment.pop(name)
    return run_python("-m", "tests.fakes.homeless", *arguments, environment=environment)


@pytest.mark.parametrize("more", [{"HF_HUB_OFFLINE": "1"}, {}], ids=["offline", "online"])
def test_without_a_home_folder_the_embedded_model_runs_and_says_why(
    tmp_path: Path, hub_with_default_model: FakeHub, more: dict[str, str]
) -> None:
    Image.new("RGB", (40, 30), "white").save(tmp_path / "a.png")

    done = run_homeless(tmp_path, hub_with_default_model.url, "mask", str(tmp_path / "a.png"), *QUICK, **more)

    assert done.returncode == 0, done.stderr
    assert "using the built-in model 'dis-lite' instead" in done.stderr
    assert ("HF_HUB_OFFLINE" if more else "HOME is not set, and this user has no home folder") in done.stderr
    if not more:
        assert "HF_HOME, XDG_CACHE_HOME and XDG_DATA_HOME" in done.stderr
    assert not hub_with_default_model.downloads()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-mask.png", "a.png"]


def test_without_a_home_folder_models_are_listed(tmp_path: Path) -> None:
    done = run_homeless(tmp_path, "http://127.0.0.1:9", "models", "--json")

    assert done.returncode == 0, done.stderr
    present = {model["name"] for model in json.loads(done.stdout) if model["present"]}
    assert "dis-lite" in present


def test_without_a_home_folder_fetch_says_which_variables_to_set(
    tmp_path: Path, hub_with_default_model: FakeHub
) -> None:
    done = run_homeless(tmp_path, hub_with_default_model.url, "fetch", DEFAULT_MODEL)

    assert done.returncode == 1
    assert all(name in done.stderr for name in VARIABLES), done.stderr


def test_without_a_home_folder_the_doctor_reports_all_it_can(tmp_path: Path) -> None:
    done = run_homeless(tmp_path, "http://127.0.0.1:9", "doctor", "--json")

    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert found["devices"]
    assert found["models"]["dis-lite"].endswith("dis-lite.safetensors")
    assert any("no home folder" in problem["what"] for problem in found["problems"])
    assert any(all(name in problem["cure"] for name in VARIABLES) for problem in found["problems"])


@can_lock_folders
def test_folders_that_may_only_be_read_are_named_and_the_embedded_model_runs(
    tmp_path: Path, hub_with_default_model: FakeHub
) -> None:
    places = tmp_path / "places"
    places.mkdir()
    Image.new("RGB", (40, 30), "white").save(tmp_path / "a.png")
    environment = clean_environment(places, hub_with_default_model.url, XDG_RUNTIME_DIR=str(tmp_path))
    command = ("-m", "dis_core")
    places.chmod(0o555)

    drawn = run_python(*command, "mask", str(tmp_path / "a.png"), *QUICK, environment=environment)
    fetched = run_python(*command, "fetch", DEFAULT_MODEL, environment=environment)
    listed = run_python(*command, "models", environment=environment)
    places.chmod(0o755)

    assert (drawn.returncode, fetched.returncode, listed.returncode) == (0, 1, 0), drawn.stderr + listed.stderr
    assert f"cannot write to the folder for records, {places}" in drawn.stderr
    assert "using the built-in model 'dis-lite' instead" in drawn.stderr
    assert "set XDG_DATA_HOME to a folder that you may write to" in drawn.stderr
    assert "set XDG_DATA_HOME to a folder that you may write to" in fetched.stderr
    assert not hub_with_default_model.downloads()
