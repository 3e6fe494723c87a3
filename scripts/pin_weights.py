"""Asks the Hub what every declared file of weights is now, and prints it as lines for `dis_core/models/pins.py`.

    python -m scripts.pin_weights             # all of them
    python -m scripts.pin_weights birefnet    # some models

For maintainers, before a release. Paste the lines that you want in place of the old ones. Nothing is downloaded: the
Hub knows the SHA-256 of its large files, and `dis-core fetch` compares the bytes with it. What differs from a pin of
today is said on stderr, as are files that cannot be asked for; the exit status is then 1.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dis_core.errors import DisError, WeightsMissing
from dis_core.model_spec import ModelSpec, WeightsFile
from dis_core.models.pins import PINS, Pin
from dis_core.registry import builtin_models
from dis_core.weights import hub

BRANCH = "main"


def main(names: Sequence[str]) -> int:
    """Print the pins of the named models, or of all. Returns the exit status."""
    specs = builtin_models.dis_register_models()
    if unknown := set(names) - {spec.name for spec in specs}:
        print(f"no such model: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    status = 0
    for file in files_of(spec for spec in specs if not names or spec.name in names):
        try:
            pin = ask(file)
        except DisError as error:
            print(f"{key_of(file)}: {error.message}", file=sys.stderr)
            status = 1
            continue
        print(line_of(file, pin))
        if other := safetensors_beside(file):
            print(f"{key_of(file)}: the repository has {other}, too: better declare that", file=sys.stderr)
            status = 1
        if difference := difference_to(PINS.get(key_of(file)), pin):
            print(f"{key_of(file)}: {difference}", file=sys.stderr)
            status = 1
    return status


def files_of(specs: Iterable[ModelSpec]) -> list[WeightsFile]:
    """The published files of models, each once, on their branch."""
    files = {(spec.weights.repo, spec.weights.filename): spec.weights for spec in specs if spec.weights.repo}
    return [replace(file, revision=BRANCH, sha256=None) for file in files.values()]


def key_of(file: WeightsFile) -> str:
    """The name under which the table has a file."""
    return f"{file.repo}/{file.filename}"


def ask(file: WeightsFile) -> Pin:
    """What the branch holds now.

    Raises WeightsMissing if it is not there, or if the Hub does not know its SHA-256, as of files that git keeps, and
    HubUnreachable if nobody answers.
    """
    found = hub.locate(file, name=file.filename)
    if found.sha256 is None:
        raise WeightsMissing("the Hub does not say its SHA-256")
    return Pin(found.commit, found.sha256, found.size_bytes, "verified")


def safetensors_beside(file: WeightsFile) -> str | None:
    """The usual file of safetensors in the repository of a pickle, if it has one."""
    if file.filename.endswith(".safetensors"):
        return None
    for name in {"model.safetensors", f"{file.filename.rpartition('.')[0]}.safetensors"}:
        with contextlib.suppress(WeightsMissing):
            hub.locate(replace(file, filename=name), name=name)
            return name
    return None


def line_of(file: WeightsFile, pin: Pin) -> str:
    """The entry of the table, as `ruff format` leaves it."""
    inside = "".join(
        f"        {part},\n" for part in (f'"{pin.commit}"', f'"{pin.sha256}"', f"{pin.size_bytes:_}", '"verified"')
    )
    return f'    "{key_of(file)}": Pin(\n{inside}    ),'


def difference_to(known: Pin | None, found: Pin) -> str:
    """What differs from the pin of today, in words; nothing if nothing does, or if there was none."""
    if known is None or (known.commit, known.sha256) == (found.commit, found.sha256):
        return ""
    if known.sha256 is None:
        return f"the checksum was not known ({known.source}); the commit {known.commit[:12]} was pinned"
    what = "another file than" if known.sha256 != found.sha256 else "the same file in another commit than"
    return f"{what} pinned ({known.source}, SHA-256 {known.sha256[:12]}, commit {known.commit[:12]})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
