"""What a result depends on beside its image: a short name for it, and the differences between two in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dis_core.errors import NoImage
from dis_core.files import sha256_of
from dis_core.jobs.job import CutoutStyle, Job
from dis_core.jobs.json_values import to_json_value

_NOT_OF_RESULTS: Final = frozenset({"options.device", "options.model", "options.accept_noncommercial", "overwrite"})
"""What does not change results, and the model, which is noted with its revision beside each image."""


@dataclass(frozen=True)
class Settings:
    """`values` by their dotted names, and a short name for all of them."""

    name: str
    values: Mapping[str, object]


def settings_of(job: Job, *, more: Mapping[str, object]) -> Settings:
    """What the results of jobs like this one depend on, and `more`.

    Raises NoImage for a background that cannot be read.
    """
    values = dict(_flat(to_json_value(job)))
    for name in {name for name in values if name.endswith(("source", "destination"))} | _NOT_OF_RESULTS:
        values.pop(name, None)
    if isinstance(job.style, CutoutStyle) and (background := job.style.bgimage) is not None:
        try:
            values["style.bgimage"] = f"{background} ({sha256_of(background)[:12]})"
        except OSError as error:
            raise NoImage(f"cannot read {background}: {error.strerror}", hint="check the path") from error
    values.update(more)
    text = json.dumps(values, sort_keys=True)
    return Settings(hashlib.sha256(text.encode()).hexdigest()[:12], values)


def _flat(value: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name, item in value.items():
        found += _flat(item, f"{prefix}{name}.") if isinstance(item, dict) else [(f"{prefix}{name}", item)]
    return found


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """In words: "refine was auto, now none"."""
    return [
        f"{name.rpartition('.')[2]} was {_shown(before.get(name))}, now {_shown(now.get(name))}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]


def _shown(value: object) -> str:
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
