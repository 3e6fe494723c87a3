"""What converted weights are known by: the name and the version of their conversion, not the place of a function."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from dis_core.errors import WeightsMissing
from dis_core.files import atomic_file, unfinished_pattern
from dis_core.model_spec import Conversion, ModelSpec
from dis_core.weights import records, store
from tests.fakes.small_network import SMALL, assert_is_converted, path_of, published_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.fake_hub import FakeHub

FUNCTION = "tests.fakes.small_network:convert_small"


def converted_by(version: int, *, function: str = FUNCTION) -> ModelSpec:
    return replace(SMALL, conversion=Conversion("small", version, function))


def write_as_the_last_version_did(spec: ModelSpec) -> None:
    """Let the record name the function's place, as records did before conversions had names."""
    file = records.records_folder() / f"{spec.name}.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**record, "conversion": "dis_core.models.small_checkpoint:convert"}), encoding="utf-8")


def test_weights_of_the_last_version_are_converted_again_once_and_silently(
    fake_hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    store.obtain(converted_by(1))
    write_as_the_last_version_did(SMALL)
    fake_hub.requests.clear()
    caplog.clear()

    before = path_of(converted_by(1))
    again = store.obtain(converted_by(1))
    once_more = store.obtain(converted_by(1))

    assert before is None
    assert_is_converted(again.path)
    assert once_more == again
    assert fake_hub.requests == []
    assert caplog.records == []


@pytest.mark.parametrize("name", ["isnet", "isnet-with-a-name-that-is-longer-than-35-characters"])
def test_what_a_killed_conversion_left_is_swept_and_no_other_models_file(fake_hub: FakeHub, name: str) -> None:
    folder, digits = records.weights_folder(), "a" * 12
    folder.mkdir(parents=True)
    left, anothers = (
        folder / f".dis-core-0123456789abcdef-{whole_name[:48]}.part"
        for whole_name in (f"{name}-{digits}.safetensors", f"my-{name}-{digits}.safetensors")
    )
    left.write_bytes(b"half")
    anothers.write_bytes(b"half")

    ready = store.obtain(replace(SMALL, name=name)).path

    assert {file for file in folder.iterdir() if file.suffix != ".lock"} == {ready, anothers}


def test_an_unfinished_conversion_has_the_name_that_is_swept(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "isnet-abcdefabcdef.safetensors") as unfinished:
        unfinished.write_bytes(b"half")

        assert list(tmp_path.glob(unfinished_pattern("isnet-abcdefabcdef.safetensors"))) == [unfinished]


def test_the_models_older_converted_files_go_when_a_new_one_is_ready(fake_hub: FakeHub) -> None:
    folder = records.weights_folder()
    folder.mkdir(parents=True)
    (folder / f"small-{'0' * 12}.safetensors").write_bytes(b"of an older version")
    (folder / f"small-sister-{'0' * 12}.safetensors").write_bytes(b"of another model")

    ready = store.obtain(converted_by(1)).path

    assert {file.name for file in folder.glob("*.safetensors")} == {ready.name, f"small-sister-{'0' * 12}.safetensors"}


def test_a_function_may_move_without_a_new_conversion(fake_hub: FakeHub) -> None:
    path = store.obtain(converted_by(1)).path

    assert path_of(converted_by(1, function="elsewhere.now:convert")) == path


def test_a_new_version_makes_the_file_anew(fake_hub: FakeHub) -> None:
    store.obtain(converted_by(1))

    assert path_of(converted_by(2)) is None
    assert_is_converted(store.obtain(converted_by(2)).path)


def test_a_plain_function_is_a_conversion_too(fake_hub: FakeHub) -> None:
    plain = replace(SMALL, conversion=FUNCTION)

    path = store.obtain(plain).path

    assert path_of(plain) == path
    assert_is_converted(path)


def test_a_users_own_file_is_asked_for_again_and_never_replaced_by_the_published_one(
    fake_hub: FakeHub, tmp_path: Path
) -> None:
    torch.save(published_checkpoint(seed=7), tmp_path / "own.pth")
    store.adopt(converted_by(1), tmp_path / "own.pth")

    with pytest.raises(WeightsMissing) as caught:
        store.obtain(converted_by(2))

    assert "dis-core fetch small --from FILE" in caught.value.hint
    assert fake_hub.requests == []


def test_what_is_installed_is_said_once(fake_hub: FakeHub) -> None:
    installed = store.obtain(SMALL)

    status = installed.path.stat()
    assert installed.spec == SMALL
    assert installed.revision == fake_hub.commit[:12]
    assert installed.state == (status.st_ino, status.st_size, status.st_mtime_ns)
    assert store.find_installed(SMALL) == installed
