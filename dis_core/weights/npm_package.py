"""A network out of the npm package that carries IS-Net in pieces: the package as a folder, or packed as a `.tgz`.

`dist/resources.json` lists the pieces of a file, each named by its own SHA-256, and where each belongs in it.
The archive is read here, and not by `tarfile`, because nothing but the plain entries that `npm pack` writes has to be
understood, and nothing is ever unpacked to a path that an archive names.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dis_core.errors import BadRequest, OutputFailed, WeightsCorrupt
from dis_core.progress import Report, ignore

NETWORKS: Final = ("/models/medium", "/models/isnet_fp16", "/models/isnet")
"""What the network in full precision is called, by version of the package; the other ones there are quantized."""

INDEX: Final = "dist/resources.json"
PIECES: Final = "dist/"

LONGEST_PIECE: Final = 64 << 20
LONGEST_FILE: Final = 1 << 30
"""In bytes, as is all of the archive when it is unpacked."""

BLOCK: Final = 512
"""What a tar archive is counted in."""


@dataclass(frozen=True)
class Piece:
    """A part of a file: the name of what holds it, which is its SHA-256, and from where to where it goes."""

    sha256: str
    start: int
    end: int


Source = Callable[[Container[str]], Iterator[tuple[str, bytes]]]
"""Gives those of the wanted files that a package holds: their path inside of it, and what is in them."""


def is_package(path: Path) -> bool:
    """Whether this is a folder, or called as packed npm packages are."""
    return path.is_dir() or path.name.endswith((".tgz", ".tar.gz"))


@contextmanager
def as_one_file(given: Path, beside: Path, *, report: Report = ignore) -> Iterator[Path]:
    """The file that somebody gave; or, if it is a package, the network out of it, as long as the block lasts.

    That is written to `beside`. Raises as `join_network` does, and OutputFailed if it cannot be written.
    """
    if not is_package(given):
        yield given
        return
    try:
        try:
            beside.parent.mkdir(parents=True, exist_ok=True)
            join_network(given, beside, report=report)
        except OSError as error:
            raise OutputFailed(
                f"the network of {given} could not be put together in {beside.parent}: {error.strerror}",
                hint="check that you may read the package, and that there is room for the file",
            ) from error
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def join_network(package: Path, destination: Path, *, report: Report = ignore) -> None:
    """Write the network in full precision that a package carries as one file; every piece of it is verified.

    Raises BadRequest if the package has no such network, and WeightsCorrupt if it is damaged.
    """
    source = _folder_source(package) if package.is_dir() else _archive_source(package)
    pieces, size_bytes = _read_index(source, package)
    missing = {f"{PIECES}{piece.sha256}": piece for piece in pieces}
    written = 0
    with destination.open("wb") as joined:
        for name, content in source(frozenset(missing)):
            piece = missing.pop(name, None)
            if piece is None:
                continue
            _refuse_changed(piece, content, package)
            joined.seek(piece.start)
            joined.write(content)
            written += len(content)
            report(written / size_bytes, f"reading {package.name}")
    if missing:
        raise WeightsCorrupt(
            f"{package.name} is incomplete: {len(missing)} of {len(pieces)} pieces of the network are missing",
            hint="get the package again: npm pack @imgly/background-removal-data",
        )


def _read_index(source: Source, package: Path) -> tuple[list[Piece], int]:
    """The pieces of the network, in order, and its size in bytes."""
    text = next((content for _, content in source({INDEX})), None)
    if text is None:
        raise BadRequest(
            f"{package} contains no network: {INDEX} is missing",
            hint="give a file of weights, or the npm package @imgly/background-removal-data as a folder or .tgz",
        )
    try:
        resources = json.loads(text)
        name = next((name for name in NETWORKS if name in resources), None)
        if name is None:
            raise BadRequest(
                f"{package} has no network in full precision, only {', '.join(map(repr, resources)) or 'nothing'}",
                hint="version 1.4.5 of @imgly/background-removal-data has one",
            )
        found = resources[name]
        pieces = [Piece(str(part["hash"]), *map(_whole, part["offsets"])) for part in found["chunks"]]
        size_bytes = _whole(found["size"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(package, f"{INDEX} is not as expected ({type(error).__name__})") from error
    _refuse_gaps(pieces, size_bytes, package)
    return pieces, size_bytes


def _whole(number: object) -> int:
    if not isinstance(number, int) or not 0 <= number <= LONGEST_FILE:
        raise ValueError(f"{number!r} is not a position in a file")
    return number


def _refuse_gaps(pieces: list[Piece], size_bytes: int, package: Path) -> None:
    """Raises WeightsCorrupt unless the pieces make up the whole file, one after the other."""
    starts = [0, *(piece.end for piece in pieces)]
    if starts[:-1] != [piece.start for piece in pieces] or starts[-1] != size_bytes or not size_bytes:
        raise _damaged(package, "the pieces of the network do not make up a whole file")
    if len({piece.sha256 for piece in pieces}) != len(pieces):
        raise _damaged(package, "two pieces of the network have one name")
    for piece in pieces:
        if not re.fullmatch("[0-9a-f]{64}", piece.sha256) or not 0 < piece.end - piece.start <= LONGEST_PIECE:
            raise _damaged(package, f"it has a piece {piece.sha256[:64]!r} of {piece.end - piece.start} bytes")


def _refuse_changed(piece: Piece, content: bytes, package: Path) -> None:
    """Raises WeightsCorrupt unless a piece is what its name says."""
    if len(content) != piece.end - piece.start or hashlib.sha256(content).hexdigest() != piece.sha256:
        raise _damaged(package, f"the piece {piece.sha256[:12]} of the network is not what it should be")


def _folder_source(folder: Path) -> Source:
    """What lies in a folder, or in the folder `package` of it, as which npm unpacks."""

    def files(wanted: Container[str]) -> Iterator[tuple[str, bytes]]:
        root = folder if (folder / INDEX).is_file() else folder / "package"
        for file in sorted(root.glob(f"{PIECES}*")):
            name = f"{PIECES}{file.name}"
            if name in wanted and file.is_file():
                _refuse_long(name, file.stat().st_size, folder)
                yield name, file.read_bytes()

    return files


def _archive_source(archive: Path) -> Source:
    """What an archive of npm holds, where everything lies in one folder, which is left out of the names."""

    def files(wanted: Container[str]) -> Iterator[tuple[str, bytes]]:
        try:
            with gzip.open(archive) as unpacked:
                for whole_name, start, size in _entries(unpacked, archive):
                    name = whole_name.partition("/")[2]
                    if name in wanted:
                        _refuse_long(name, size, archive)
                        unpacked.seek(start)
                        yield name, unpacked.read(size)
        except (zlib.error, EOFError, gzip.BadGzipFile) as error:
            raise _damaged(archive, str(error)) from error

    return files


def _refuse_long(name: str, size: int, package: Path) -> None:
    if size > LONGEST_PIECE:
        raise _damaged(package, f"{name[:80]} has {size} bytes")


def _entries(unpacked: gzip.GzipFile, archive: Path) -> Iterator[tuple[str, int, int]]:
    """Name, start and size of the plain files in a tar archive; what else it has is stepped over."""
    position = 0
    while position + BLOCK <= LONGEST_FILE:
        unpacked.seek(position)
        header = unpacked.read(BLOCK)
        if not header.strip(b"\0"):
            return
        name, size = _header(header, archive)
        if header[156:157] in (b"0", b"\0"):
            yield name, position + BLOCK, size
        position += BLOCK + -(-size // BLOCK) * BLOCK
    raise _damaged(archive, f"it is longer than {LONGEST_FILE} bytes when it is unpacked")


def _header(header: bytes, archive: Path) -> tuple[str, int]:
    """The name and the size that the header of an entry gives."""
    try:
        if len(header) < BLOCK or header[257:262] != b"ustar":
            raise ValueError("no header of an entry")
        name, folder = (part.partition(b"\0")[0].decode("utf-8") for part in (header[:100], header[345:500]))
        size = int(header[124:136].strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise _damaged(archive, "it is not a packed npm package") from error
    if not 0 <= size <= LONGEST_FILE:
        raise _damaged(archive, f"an entry claims to have {size} bytes")
    return (f"{folder}/{name}" if folder else name), size


def _damaged(package: Path, what: str) -> WeightsCorrupt:
    return WeightsCorrupt(
        f"{package.name} is damaged: {what}", hint="get the package again: npm pack @imgly/background-removal-data"
    )
