"""Files of a run that are there whole or not at all, and a full disk told in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dis_core.errors import OutputFailed


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """A path to write to in `file`'s place; if all went well, it is renamed: a kill leaves the old file or the new one.

    Raises OutputFailed.
    """
    beside = file.with_name(f"{file.name}.new")
    with told_in_words(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(file)


@contextmanager
def told_in_words(file: Path) -> Iterator[None]:
    """Turn what goes wrong in writing `file` into OutputFailed."""
    from safetensors import SafetensorError

    problem = f"{file} cannot be written"
    hint = "make room on that disk, or give another folder"
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise OutputFailed(f"{problem}: {error}", hint=hint) from error
    except RuntimeError as error:
        if "PytorchStreamWriter" not in str(error):  # torch has no class for it
            raise
        raise OutputFailed(f"{problem} whole", hint=hint) from error
