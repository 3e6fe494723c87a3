"""Tar files member by member: read in order whatever they hold, and written so that an unfinished one can go on."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple

from dis_core.errors import BadRequest
from dis_core.files import write_failed
from dis_core.images.formats import MAX_STREAM_BYTES

_BLOCK: Final = tarfile.BLOCKSIZE


class Member(NamedTuple):
    """A file in a tar: its whole name, its bytes, and the time of its last change in seconds since 1970."""

    name: str
    data: bytes
    mtime: int = 0


def read_members(path: Path, *, mark: Literal["at its end", "none yet"] = "at its end") -> Iterator[Member]:
    """The files in a tar, compressed or not, in their order; folders, links and devices are left out.

    A tar that is finished has a mark at its end. Raises BadRequest for what is no tar, or a damaged one.
    """
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r|*", encoding="utf-8") as tar:
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # or it would remember all of them
                if not info.isreg():
                    continue
                if info.size > MAX_STREAM_BYTES:
                    raise BadRequest(f"{info.name} in {path} is too large", hint="make a tar without it")
                content = tar.extractfile(info)
                data = b"" if content is None else content.read()
                if len(data) != info.size:
                    raise tarfile.ReadError("unexpected end of data")
                yield Member(info.name, data, int(info.mtime))
            # Python ends in silence where a file was cut off; behind the mark that ends a tar there is always more.
            if mark == "at its end" and not tar.fileobj.read(1):
                raise tarfile.ReadError("it ends too early")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BadRequest(f"{path} is not a tar, or damaged: {error}", hint="make it again") from error
    except OSError as error:
        what = error.strerror or str(error)
        raise BadRequest(f"{path} cannot be read: {what}", hint="check its name, and whether it is whole") from error


class GrowingTar:
    """A tar that is not finished: what was added to it before stays, and more is added behind that.

    It opens with the first `end` bytes of what is there. Nothing depends on when or where it is written.
    """

    def __init__(self, path: Path, *, end: int) -> None:
        self.path = path
        with _explained(path):
            self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
            self._file.truncate(end)
            self._file.seek(end)
        self.end = end

    def __enter__(self) -> GrowingTar:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, members: Sequence[Member]) -> int:
        """Add files; where they end, in bytes. They are on the disk when this returns. Raises OutputFailed."""
        with _explained(self.path):
            for member in members:
                self._file.write(_header(member))
                self._file.write(member.data)
                self._file.write(bytes(-len(member.data) % _BLOCK))
            self._file.flush()
            os.fsync(self._file.fileno())
            self.end = self._file.tell()
        return self.end

    def finish(self) -> None:
        """Write what ends a tar, and close it. Raises OutputFailed."""
        with _explained(self.path):
            self._file.write(bytes(2 * _BLOCK + -(self.end + 2 * _BLOCK) % tarfile.RECORDSIZE))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()


class _explained:  # noqa: N801 - used like a function
    """Raises OutputFailed for what goes wrong in writing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError):
            raise write_failed(self._path, error) from error


def _header(member: Member) -> bytes:
    info = tarfile.TarInfo(member.name)
    info.size, info.mtime = len(member.data), member.mtime
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
