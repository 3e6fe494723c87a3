"""The archives that torch writes, looked over before torch reads them: of what kind and how large they claim to be."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from dis_core.errors import WeightsCorrupt
from dis_core.files import megabytes

MOST_PICKLE_BYTES: Final = 16_000_000
"""The list of 50,000 tensors takes about a third of that, and what is unpickled can be a hundred times as large."""

_ZIP_START: Final = b"PK\x03\x04"


def refuse_dangerous_archive(path: Path) -> bool:
    """Whether the file is an archive, the format of torch 1.6 and later, and one that torch may read.

    Raises WeightsCorrupt for a program (TorchScript), which torch before 2.6 runs even when told to read only weights,
    and for an archive that would unpack to more than the file itself holds.
    """
    with path.open("rb") as file:
        is_archive = file.read(len(_ZIP_START)) == _ZIP_START
    entries = _entries(path)
    # torch goes by the start of a file, and Python by its end: what only one of them takes for an archive is neither.
    if is_archive != (entries is not None):
        raise WeightsCorrupt(f"{path.name} is damaged: it is cut off, or no archive", hint="download it again")
    if entries is None:
        return False
    _refuse_program(path, entries)
    _refuse_bomb(path, entries)
    return True


def _entries(path: Path) -> list[zipfile.ZipInfo] | None:
    """What the archive says it holds; None if Python takes the file for something else. Raises WeightsCorrupt."""
    try:
        if not zipfile.is_zipfile(path):
            return None
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    # A damaged list of entries makes zipfile raise nearly anything, `is_zipfile` too; nothing of ours is called here.
    except Exception as error:
        raise WeightsCorrupt(f"{path.name} is damaged: {error}", hint="download it again") from error


def _refuse_program(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        parts = entry.filename.lower().replace("\\", "/").split("/")
        if parts[-1] == "constants.pkl" or "code" in parts[:-1]:
            raise WeightsCorrupt(
                f"{path.name} is a program for torch (TorchScript), not weights, and could run code",
                hint="get the weights alone from its authors, preferably as safetensors; nothing in it was run",
            )


def _refuse_bomb(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    held, claimed = path.stat().st_size, sum(entry.file_size for entry in entries)
    if claimed > held:
        raise WeightsCorrupt(
            f"{path.name} is damaged: it holds {megabytes(held)} and claims {megabytes(claimed)}",
            hint="download it again",
        )
    for entry in entries:
        if entry.filename.endswith("data.pkl") and entry.file_size > MOST_PICKLE_BYTES:
            raise WeightsCorrupt(
                f"{path.name} cannot be read safely: its list of tensors takes {megabytes(entry.file_size)}, "
                f"and {megabytes(MOST_PICKLE_BYTES)} is the limit",
                hint="get the weights alone from its authors, preferably as safetensors",
            )
