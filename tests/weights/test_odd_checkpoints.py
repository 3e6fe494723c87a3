"""Checkpoints that hold something else than weights, or claim more than they hold, are refused in words."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from dis_core.errors import WeightsCorrupt
from dis_core.weights import archives, store
from dis_core.weights.checkpoint import load_strictly, read_checkpoint
from tests.fakes.fake_hub import use_home
from tests.fakes.small_network import SMALL, SmallNetwork, assert_is_converted, pickled, published_checkpoint

FORMATS = ["archive", "older"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(monkeypatch, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


def save_as(content: object, file: Path, form: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch's about kinds of tensors that it may change
        torch.save(content, file, _use_new_zipfile_serialization=form == "archive")


def with_odd_tensor(make: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, torch.Tensor]:
    """The published checkpoint, with one tensor of the right shape but of another kind."""
    checkpoint = published_checkpoint()
    name = next(name for name, value in checkpoint.items() if value.ndim == 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return {**checkpoint, name: make(checkpoint[name])}


ODD_TENSORS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "is sparse": lambda tensor: tensor.to_sparse(),
    "a sparse": lambda tensor: tensor.to_sparse_csr(),
    "on the device 'meta'": lambda tensor: tensor.to("meta"),
    "is of the type torch.complex64": lambda tensor: tensor.to(torch.complex64),
    "one value that claims to be many": lambda tensor: tensor[:1].expand_as(tensor),
    "is larger than what is saved of it|claims to be many": lambda _: torch.zeros(1).expand(10**12),
    "is quantized": lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("words", ODD_TENSORS)
def test_tensors_that_are_no_plain_numbers_are_refused(file: Path, form: str, words: str) -> None:
    save_as(with_odd_tensor(ODD_TENSORS[words]), file, form)

    with pytest.raises(WeightsCorrupt, match=words.removeprefix("a ")):
        store.adopt(SMALL, file)

    assert store.find_installed(SMALL) is None


def test_nested_tensors_are_refused(file: Path) -> None:
    save_as(with_odd_tensor(lambda tensor: torch.nested.nested_tensor([tensor[0], tensor[1]])), file, "archive")

    with pytest.raises(WeightsCorrupt, match="is nested"):
        store.adopt(SMALL, file)


def nested_tuple(depth: int) -> tuple[Any, ...]:
    value: tuple[Any, ...] = ()
    for _ in range(depth):
        value = (value,)
    return value


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("wrapped", ["alone", "in a training's state"])
@pytest.mark.parametrize(
    "key", ["first\ud800", "first\x1b[31m", "x" * 5000, 7, None, nested_tuple(900)], ids=lambda key: type(key).__name__
)
def test_keys_that_are_no_names_are_refused_in_words_that_can_be_shown(
    file: Path, form: str, wrapped: str, key: object
) -> None:
    odd: dict[object, torch.Tensor] = {key: torch.zeros(3)}
    odd.update(published_checkpoint())
    save_as(odd if wrapped == "alone" else {"state_dict": odd}, file, form)

    with pytest.raises(WeightsCorrupt, match=r"not a name|not the name of a tensor|cannot be read safely") as failure:
        store.adopt(SMALL, file)

    assert failure.value.message.isprintable()
    assert len(failure.value.message) < 300


def test_an_odd_key_of_a_safetensors_file_is_refused(file: Path) -> None:
    save_file({"first\x1b[31m": torch.zeros(3)}, file)

    with pytest.raises(WeightsCorrupt, match="not the name of a tensor"):
        read_checkpoint(file)


def test_one_tensor_under_many_names_does_not_fill_the_disk(file: Path) -> None:
    shared = torch.zeros(100_000)
    torch.save({f"tensor-{number}": shared for number in range(100)}, file)

    with pytest.raises(WeightsCorrupt, match=r"holds 0\.4 MB and claims 20 MB"):
        read_checkpoint(file)


def test_tied_tensors_are_weights(file: Path) -> None:
    tied = published_checkpoint()
    tied["tied"] = next(iter(tied.values()))
    torch.save(tied, file)

    assert set(read_checkpoint(file)) == set(tied)


@pytest.mark.parametrize("form", FORMATS)
def test_parameters_views_and_empty_tensors_are_weights(file: Path, form: str) -> None:
    saved = {
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "view": torch.arange(100.0).view(10, 10)[:, 2:5],
        "turned": torch.arange(6.0).view(2, 3).t(),
        "empty": torch.zeros(0, 3),
        "number": torch.tensor(3),
    }
    save_as(saved, file, form)

    read = read_checkpoint(file)

    for name, value in saved.items():
        torch.testing.assert_close(read[name], value.detach(), check_stride=False)


def script_archive() -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is on its way out
        traced = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))  # type: ignore[no-untyped-call]
        torch.jit.save(traced, buffer)
    return buffer.getvalue()


def with_entry(archive: bytes, name: str, content: bytes, *, method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO(archive)
    with zipfile.ZipFile(buffer, "a", method) as changed:
        changed.writestr(name, content)
    return buffer.getvalue()


PUBLISHED = pickled(published_checkpoint())


@pytest.mark.parametrize(
    "content",
    [
        script_archive(),
        with_entry(PUBLISHED, "archive/constants.pkl", b"\x80\x02)."),
        with_entry(PUBLISHED, "archive/CONSTANTS.PKL", b"\x80\x02)."),
        with_entry(PUBLISHED, "archive/code/__torch__.py", b""),
        with_entry(PUBLISHED, "code\\__torch__.py", b""),
    ],
    ids=["traced", "constants", "capitals", "code", "backslash"],
)
def test_programs_for_torch_are_refused_before_torch_reads_them(
    file: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(content)

    def read(*_: object, **__: object) -> None:
        raise AssertionError("torch read it")

    monkeypatch.setattr(torch, "load", read)

    with pytest.raises(WeightsCorrupt, match="TorchScript"):
        store.adopt(SMALL, file)


def test_an_archive_that_unpacks_to_more_than_it_holds_is_refused(file: Path) -> None:
    file.write_bytes(with_entry(PUBLISHED, "archive/data/999", bytes(10_000_000), method=zipfile.ZIP_DEFLATED))

    with pytest.raises(WeightsCorrupt, match="and claims 10 MB"):
        store.adopt(SMALL, file)


def test_a_list_of_tensors_that_is_too_long_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(PUBLISHED)
    monkeypatch.setattr(archives, "MOST_PICKLE_BYTES", 100)

    with pytest.raises(WeightsCorrupt, match="its list of tensors takes"):
        store.adopt(SMALL, file)


@pytest.mark.parametrize(
    "content",
    [PUBLISHED[:-30], b"\x00" + PUBLISHED, b"PK\x03\x04", b"PK\x05\x06" + bytes(18)],
    ids=["cut off", "shifted", "a start", "an end"],
)
def test_what_is_an_archive_only_at_one_end_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(WeightsCorrupt):
        store.adopt(SMALL, file)


def test_an_archive_that_claims_to_be_one_of_several_disks_is_refused(file: Path) -> None:
    locator = PUBLISHED.rindex(b"PK\x06\x07")  # torch writes the long form of a list's end
    file.write_bytes(PUBLISHED[: locator + 4] + b"\x01" + PUBLISHED[locator + 5 :])

    with pytest.raises(WeightsCorrupt, match=r"weights\.pth is damaged"):
        store.adopt(SMALL, file)


def test_the_published_checkpoint_itself_is_taken(file: Path) -> None:
    file.write_bytes(PUBLISHED)

    assert_is_converted(store.adopt(SMALL, file).path)


def test_complex_numbers_are_refused_when_loaded(tmp_path: Path) -> None:
    state = {name: value.to(torch.complex64) for name, value in SmallNetwork().state_dict().items()}
    (tmp_path / "a.safetensors").write_bytes(save(state))

    with pytest.raises(WeightsCorrupt, match=r"complex64"):
        load_strictly(SmallNetwork(), tmp_path / "a.safetensors")
