"""Models that need packages which are not installed say so, and how to get them, before anything is downloaded."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dis_core.cli.main import run
from dis_core.errors import PackagesMissing
from dis_core.pipeline import Pipeline
from dis_core.registry import manager as registry
from dis_core.registry.requirements import install_command, missing_packages, refuse_without_packages
from dis_core.weights import store
from tests.fakes.small_network import SMALL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.fake_hub import FakeHub

NEEDY = replace(SMALL, name="needy", extra="more", packages=("json", "a_package_that_nobody_has"))
WITH_NEEDY_PART = replace(SMALL, name="with-needy-part", companions=("needy",))

"""dis-core in a Python to which diffusers cannot be imported, whether it is installed or not."""


@pytest.fixture
def needy_models(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = {spec.name: spec for spec in (SMALL, NEEDY, WITH_NEEDY_PART)}
    monkeypatch.setattr(registry, "models", lambda: specs)


def test_only_what_cannot_be_imported_is_missing() -> None:
    assert missing_packages(NEEDY) == ("a_package_that_nobody_has",)
    assert missing_packages(SMALL) == ()


def test_the_refusal_names_model_package_and_command() -> None:
    with pytest.raises(PackagesMissing) as refused:
        refuse_without_packages(SMALL, NEEDY)

    assert refused.value.message == "the model 'needy' needs a package that is not installed: a_package_that_nobody_has"
    assert refused.value.hint == "run: pip install 'dis-core[more]'"


def test_without_an_extra_the_packages_themselves_are_to_be_installed() -> None:
    assert install_command(replace(NEEDY, extra=None, packages=("one", "two"))) == "pip install one two"


@pytest.mark.usefixtures("needy_models")
@pytest.mark.parametrize("name", ["needy", "with-needy-part"])
def test_a_pipeline_refuses_before_it_downloads_anything(fake_hub: FakeHub, name: str) -> None:
    with pytest.raises(PackagesMissing, match="'needy' needs"):
        Pipeline("cpu").segment(np.zeros((8, 8, 3), np.uint8), model=name)

    assert fake_hub.requests == []


@pytest.mark.usefixtures("needy_models")
@pytest.mark.parametrize("name", ["needy", "with-needy-part"])
def test_fetch_refuses_before_it_downloads_anything(
    fake_hub: FakeHub, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    status = run(["fetch", "small", name])

    assert status == 1
    assert "pip install 'dis-core[more]'" in capsys.readouterr().err
    assert fake_hub.requests == []


@pytest.mark.usefixtures("needy_models")
def test_doctor_calls_it_a_problem_only_where_the_weights_are_here(
    fake_hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["doctor", "--offline", "--json"])
    before = json.loads(capsys.readouterr().out)
    store.obtain(NEEDY)
    run(["doctor", "--offline", "--json"])
    after = json.loads(capsys.readouterr().out)

    needed = "a_package_that_nobody_has not installed, run: pip install 'dis-core[more]'"
    assert before["models"]["needy"] == f"not here; {needed}"
    assert not [problem for problem in before["problems"] if "needy" in problem["what"]]
    (problem,) = [problem for problem in after["problems"] if "needy" in problem["what"]]
    assert problem["cure"] == "run: pip install 'dis-core[more]'"


@pytest.mark.usefixtures("needy_models")
def test_doctor_names_a_package_that_is_installed_and_broken(
    fake_hub: FakeHub, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_package_that_nobody_has.py").write_text("raise ImportError('it wants another torch')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    store.obtain(NEEDY)

    run(["doctor", "--offline"])

    assert "a_package_that_nobody_has, which cannot be imported: it wants another torch" in (capsys.readouterr().out)


def test_packages_that_do_not_fit_together_are_told_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = "raise RuntimeError('operator torchvision::nms does not exist\\nand more')"
    (tmp_path / "broken_loader.py").write_text(broken, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(PackagesMissing, match="json: operator torchvision::nms") as refused:
        refuse_without_packages(replace(NEEDY, packages=("json",), loader="broken_loader:load"))

    assert refused.value.hint == "run: pip install 'dis-core[more]' --upgrade --force-reinstall"
