"""Pins are whole, belong to declared files, and reach the declarations."""

from __future__ import annotations

import re

from dis_core.models.pins import PINS, published
from dis_core.registry.builtin_models import dis_register_models

FILES = {f"{spec.weights.repo}/{spec.weights.filename}": spec.weights for spec in dis_register_models()}

PICKLES = {
    *("Tennineee/PDFNet-General", "Tennineee/PDFNet", "ClockZinc/IS-NET_pth", "Carve/isnet", "joelseytre/toonout"),
}
"""Repositories that are known to offer no safetensors; `scripts/pin_weights.py` asks them again."""


def test_every_pin_is_a_commit_and_a_checksum_of_a_declared_file() -> None:
    for key, pin in PINS.items():
        assert key in FILES
        assert re.fullmatch("[0-9a-f]{40}", pin.commit), key
        assert pin.sha256 is None or re.fullmatch("[0-9a-f]{64}", pin.sha256), key


def test_declarations_have_their_pins() -> None:
    for key, pin in PINS.items():
        file = FILES[key]
        assert (file.revision, file.sha256, file.pin_source) == (pin.commit, pin.sha256, pin.source)
        assert pin.size_bytes in (None, file.size_bytes)


def test_a_file_without_a_pin_is_taken_from_the_branch() -> None:
    file = published("somebody/network", "model.safetensors", size_bytes=5)

    assert (file.revision, file.sha256, file.size_bytes) == ("main", None, 5)


def test_a_pickle_is_declared_only_where_there_are_no_safetensors() -> None:
    pickles = {file.repo for file in FILES.values() if file.repo and not file.filename.endswith(".safetensors")}

    assert pickles == PICKLES
