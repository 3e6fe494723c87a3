"""Parts: what subjects are made of, and how a subject stands in its scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dis_core.scenes.contours import Contour

if TYPE_CHECKING:
    from dis_core.scenes.textures import Stuff


Stance = Literal["stands", "lies", "floats", "cropped"]
"""stands: upright on its lowest point; lies: at any angle; floats: upright, anywhere; cropped: continues below the
picture, as a portrait does."""


@dataclass(frozen=True, eq=False)
class Part:
    """A region of one surface: the union of `contours` less `holes`.

    `material` picks a surface, `tone` scales its brightness. `relief` is how far it bulges, from 0 (flat) to 1 (ball);
    `lift` moves it towards the viewer. A part that `is_marking` is paint: it shows only where there is subject already.
    """

    contours: Sequence[Contour]
    holes: Sequence[Contour] = ()
    material: int = 0
    tone: float = 1.0
    relief: float = 0.8
    lift: float = 0.0
    is_marking: bool = False


@dataclass(frozen=True, eq=False)
class Subject:
    """Parts from back to front, the stance of the whole, and what its materials are made of, for natural things."""

    parts: Sequence[Part]
    stance: Stance = "stands"
    stuff: Sequence[Stuff | None] = ()


Maker = Callable[[np.random.Generator], Subject]
"""Makes one random subject."""


def marking(*contours: Contour, tone: float, material: int = 0) -> Part:
    """Paint on the parts below: flat, and as bright as `tone` makes its material."""
    return Part(contours, material=material, tone=tone, relief=0, is_marking=True)
