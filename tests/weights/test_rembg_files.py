"""Weights that rembg has downloaded are found where it keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dis_core.weights.rembg_files import find_rembg_file


@pytest.mark.parametrize(
    ("settings", "folder"),
    [
        ({"U2NET_HOME": "{home}/networks", "XDG_DATA_HOME": "{home}/data"}, "networks"),
        ({"U2NET_HOME": "~/networks"}, "networks"),
        ({"XDG_DATA_HOME": "{home}/data"}, "data/.u2net"),
        ({}, ".u2net"),
    ],
)
def test_the_folder_is_the_one_that_rembg_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], folder: str
) -> None:
    for name in ("U2NET_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name, value in settings.items():
        monkeypatch.setenv(name, value.format(home=tmp_path))
    file = tmp_path / folder / "isnet-general-use.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")

    assert find_rembg_file("isnet") == file


def test_nothing_is_found_where_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))

    assert find_rembg_file("isnet") is None
    assert find_rembg_file("pdfnet") is None
