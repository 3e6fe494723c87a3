"""Checkpoints that users bring are read safely and checked; files of ours are loaded strictly."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save, save_file

from dis_core.errors import BadRequest, WeightsCorrupt
from dis_core.weights import records, store
from dis_core.weights.checkpoint import load_strictly
from tests.fakes.fake_hub import clean_environment, run_fake_hub, unused_address, use_home, use_hub
from tests.fakes.locked_folders import can_lock_folders, locked, run_python
from tests.fakes.small_network import (
    DIRECT,
    SMALL,
    SmallNetwork,
    assert_is_converted,
    path_of,
    pickle_that_runs_code,
    pickled,
    plain_pickle_that_runs_code,
    published_checkpoint,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_home(monkeypatch, tmp_path)
    return tmp_path


# Pickles and files that users bring


def careless_torch(file: Path) -> object:
    return torch.load(file, weights_only=False)


def careless_pickle(file: Path) -> object:
    return pickle.loads(file.read_bytes())  # noqa: S301 - the danger is what the test is about


@pytest.mark.parametrize(
    ("build", "read_carelessly"),
    [(pickle_that_runs_code, careless_torch), (plain_pickle_that_runs_code, careless_pickle)],
)
def test_a_pickle_that_runs_code_is_refused_and_nothing_runs(
    tmp_path: Path, build: Callable[[Path], bytes], read_carelessly: Callable[[Path], object]
) -> None:
    marker = tmp_path / "it-ran"
    file = tmp_path / "weights.pth"
    file.write_bytes(build(marker))

    with pytest.raises(WeightsCorrupt, match="cannot be read safely"):
        store.adopt(SMALL, file)
    ran_for_us = marker.exists()
    read_carelessly(file)

    assert not ran_for_us
    assert marker.exists()  # the file was dangerous indeed


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_a_checkpoint_inside_of_a_larger_one_is_found(tmp_path: Path, wrapper: str) -> None:
    file = tmp_path / "training.pt"
    torch.save({"epoch": 3, wrapper: published_checkpoint()}, file)

    path = store.adopt(SMALL, file).path

    assert_is_converted(path)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_names_from_data_parallel_training_and_compiled_networks_lose_their_prefixes(
    tmp_path: Path, prefix: str
) -> None:
    file = tmp_path / "parallel.pth"
    torch.save({f"{prefix}{key}": value for key, value in published_checkpoint().items()}, file)

    path = store.adopt(SMALL, file).path

    assert_is_converted(path)


def test_a_users_safetensors_file_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "download.bin"
    save_file(published_checkpoint(), file)

    path = store.adopt(SMALL, file).path

    assert path_of(SMALL) == path
    assert_is_converted(path)


def test_a_users_file_is_used_instead_of_the_published_one_until_it_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "own.pth"
    torch.save(published_checkpoint(seed=7), file)

    adopted = store.adopt(SMALL, file).path
    obtained = store.obtain(SMALL).path
    store.forget(SMALL)
    with run_fake_hub() as fake_hub:
        fake_hub.files["someone/small/small.pth"] = pickled(published_checkpoint())
        use_hub(monkeypatch, fake_hub.url)
        published = store.obtain(SMALL).path

    assert obtained == adopted != published
    assert not adopted.exists()


def test_a_checkpoint_of_another_network_is_refused_with_its_first_wrong_key(tmp_path: Path) -> None:
    file = tmp_path / "other.pth"
    torch.save({"backbone.weight": torch.zeros(3)}, file)

    with pytest.raises(WeightsCorrupt, match=r"first\.weight is missing"):
        store.adopt(SMALL, file)

    assert store.find_installed(SMALL) is None


def test_a_users_file_without_a_conversion_is_tried_before_it_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"first.weight": torch.zeros(160, 160)}, file)

    with pytest.raises(WeightsCorrupt, match=r"first\.bias is missing"):
        store.adopt(DIRECT, file)

    assert store.find_installed(DIRECT) is None
    assert not list(records.records_folder().glob("*.safetensors"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x80\x02}q\x00(X", "cannot be read safely|is damaged"),
        (b"<html>404</html>", "cannot be read safely|is damaged"),
        (pickled(published_checkpoint())[:5000], "cannot be read safely|is damaged"),
        (save(SmallNetwork().state_dict())[:5000], "is damaged"),
        (pickled([1, 2]), "it holds a list"),
        (pickled({"epoch": 3}), "'epoch' is a int"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(content)

    with pytest.raises(WeightsCorrupt, match=words):
        store.adopt(SMALL, file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"there is no file .*nowhere\.pth"):
        store.adopt(SMALL, tmp_path / "nowhere.pth")


@can_lock_folders
def test_a_file_in_a_folder_that_may_not_be_entered_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "locked" / "own.pth"
    file.parent.mkdir()
    file.write_bytes(pickled(published_checkpoint()))

    with locked(file.parent):
        child = run_python(
            *("-m", "tests.fakes.small_network", str(file)), environment=clean_environment(tmp_path, unused_address())
        )

    assert child.stderr == ""
    assert child.stdout.startswith(f"BadRequest: {file} cannot be read: Permission denied\n")


def test_a_name_that_is_too_long_for_a_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"cannot be read|there is no file"):
        store.adopt(SMALL, tmp_path / ("a" * 300))


# Loading


def test_loading_fills_the_network_with_what_is_saved(tmp_path: Path) -> None:
    source, target = SmallNetwork(), SmallNetwork()
    save_file(source.state_dict(), tmp_path / "a.safetensors")

    load_strictly(target, tmp_path / "a.safetensors")

    for key, value in source.state_dict().items():
        torch.testing.assert_close(target.state_dict()[key], value, rtol=0, atol=0)


def test_half_precision_files_are_cast_to_the_networks_dtype(tmp_path: Path) -> None:
    source, target = SmallNetwork().half(), SmallNetwork()
    save_file(source.state_dict(), tmp_path / "a.safetensors")

    load_strictly(target, tmp_path / "a.safetensors")

    assert target.first.weight.dtype == torch.float32
    torch.testing.assert_close(target.first.weight, source.first.weight.float(), rtol=0, atol=0)


def test_a_network_without_memory_of_its_own_gets_it_when_loaded(tmp_path: Path) -> None:
    source = SmallNetwork().half()
    save_file(source.state_dict(), tmp_path / "a.safetensors")
    with torch.device("meta"):
        target = SmallNetwork()

    load_strictly(target, tmp_path / "a.safetensors")

    torch.testing.assert_close(target.second.bias, source.second.bias.float(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"second.bias": None}, r"second\.bias is missing"),
        ({"third.bias": torch.zeros(1)}, r"third\.bias is unexpected"),
        ({"first.bias": torch.zeros(3)}, r"first\.bias is \(3,\) in the file and \(160,\) in the network"),
    ],
)
def test_a_file_of_another_network_is_refused_with_its_first_wrong_key(
    tmp_path: Path, change: dict[str, torch.Tensor | None], words: str
) -> None:
    state = {**SmallNetwork().state_dict(), **change}
    save_file({key: value for key, value in state.items() if value is not None}, tmp_path / "a.safetensors")

    with pytest.raises(WeightsCorrupt, match=words):
        load_strictly(SmallNetwork(), tmp_path / "a.safetensors")


def test_a_damaged_file_is_refused_when_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(save(SmallNetwork().state_dict())[:1000])

    with pytest.raises(WeightsCorrupt, match="is damaged"):
        load_strictly(SmallNetwork(), tmp_path / "a.safetensors")
