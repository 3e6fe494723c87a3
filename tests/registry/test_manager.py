"""Plug-ins from elsewhere: their models count like built-in ones, and a bad plug-in is named."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import click
import pytest

from dis_core.cli.main import group, run
from dis_core.errors import PluginProblem, UnknownModel
from dis_core.hookspecs import NAMESPACE, hookimpl
from dis_core.model_spec import ModelSpec, RefinerSpec
from dis_core.models.dis_lite.spec import DIS_LITE
from dis_core.pipeline import Pipeline
from dis_core.protocols import Placement
from dis_core.registry import manager as registry
from dis_core.registry.builtin_refiners import TILE_REFINER

OTHER = replace(DIS_LITE, name="other", aliases=())


@pytest.fixture(autouse=True)
def fresh_manager() -> Iterator[None]:
    registry.manager.cache_clear()
    registry.offered_models.cache_clear()
    registry.refiners.cache_clear()
    yield
    registry.manager.cache_clear()
    registry.offered_models.cache_clear()
    registry.refiners.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, **installed: Any) -> None:
    """Let these plug-ins be installed: what is an exception is raised when the plug-in is loaded."""

    def load(plugin: Any) -> Any:
        if isinstance(plugin, Exception):
            raise plugin
        return plugin

    points = [
        SimpleNamespace(name="main", dist=SimpleNamespace(name=name), load=lambda plugin=plugin: load(plugin))
        for name, plugin in installed.items()
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda *, group: points if group == NAMESPACE else [])


def offering(*specs: ModelSpec) -> SimpleNamespace:
    @hookimpl
    def dis_register_models() -> tuple[ModelSpec, ...]:
        return specs

    return SimpleNamespace(dis_register_models=dis_register_models)


def test_the_built_in_models_come_first() -> None:
    assert next(iter(registry.models())) == "pdfnet"


def test_a_plugins_model_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, neighbor=offering(OTHER))

    assert registry.find_model("other") == OTHER


def test_two_plugins_that_offer_one_name_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, first=offering(OTHER), second=offering(OTHER))

    with pytest.raises(PluginProblem, match=r"(?=.*first:main)(?=.*second:main)"):
        registry.models()


def test_a_built_in_name_cannot_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, thief=offering(DIS_LITE))

    with pytest.raises(PluginProblem, match=r"(?=.*dis-core)(?=.*thief:main)"):
        registry.models()


def test_a_plugins_model_without_a_loader_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, careless=offering(replace(OTHER, loader="")))

    with pytest.raises(PluginProblem, match="'other' of careless:main names no loader"):
        registry.models()


def test_a_misspelled_hook_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    @hookimpl
    def dis_register_model() -> tuple[ModelSpec, ...]:
        return ()

    install(monkeypatch, typo=SimpleNamespace(dis_register_model=dis_register_model))

    with pytest.raises(PluginProblem, match="dis_register_model"):
        registry.manager()


def test_a_plugin_that_cannot_be_loaded_is_named_once_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(monkeypatch, broken=ImportError("no module named tensorflow"), good=offering(OTHER))

    with caplog.at_level(logging.WARNING):
        registry.models()
        registry.models()

    assert [record.getMessage() for record in caplog.records] == [
        "the plug-in broken:main could not be loaded and is ignored: no module named tensorflow"
    ]
    assert "other" in registry.models()


def test_a_plugin_may_choose_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    @hookimpl
    def dis_choose_placement(requested: str) -> Placement | None:
        return Placement("cpu", "float32") if requested == "spare" else None

    install(monkeypatch, chooser=SimpleNamespace(dis_choose_placement=dis_choose_placement))

    assert Pipeline("spare").placement == Placement("cpu")


def test_a_plugin_may_add_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    def greet() -> None:
        click.echo("hello")

    @hookimpl
    def dis_add_commands(group: click.Group) -> None:
        group.add_command(greet)

    install(monkeypatch, greeter=SimpleNamespace(dis_add_commands=dis_add_commands))
    monkeypatch.setattr(group, "commands", dict(group.commands))

    assert run(["greet"]) == 0

    assert capsys.readouterr().out == "hello\n"


def test_a_plugins_refiner_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    own = RefinerSpec("own", "a test", refiner="dis_core.refinement.fast:refine_fast")

    @hookimpl
    def dis_register_refiners() -> tuple[RefinerSpec, ...]:
        return (own,)

    install(monkeypatch, neighbor=SimpleNamespace(dis_register_refiners=dis_register_refiners))

    assert registry.find_refiner("own") == own
    assert list(registry.refiners()) == ["fast", "matting", "larger", "tiles", "own"]


def test_a_built_in_refiners_name_cannot_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    @hookimpl
    def dis_register_refiners() -> tuple[RefinerSpec, ...]:
        return (TILE_REFINER,)

    install(monkeypatch, thief=SimpleNamespace(dis_register_refiners=dis_register_refiners))

    with pytest.raises(PluginProblem, match=r"(?=.*dis-core)(?=.*thief:main)"):
        registry.find_refiner("tiles")


def test_the_hint_of_an_unknown_model_lists_what_makes_mattes() -> None:
    with pytest.raises(UnknownModel) as caught:
        registry.find_model("u2net")

    assert caught.value.hint.startswith("choose one of: pdfnet, pdfnet-dis5k, dis-lite, ")
    assert "depth" not in caught.value.hint
