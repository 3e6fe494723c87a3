"""`Backdrop`, and the ground, uneven light and blur that its makers share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dis_core.planes import Plane
from dis_core.scenes.textures import Palette, Picture, blurred_picture


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A background: `picture` (H, W, 3), `depth` (H, W), and the palette that most of it was painted with.

    `horizon` is the row, as a share of the height, above which there is no ground to stand on; None where the picture
    has no ground. `is_seen_from_above` says that the camera looks down on the surface that things lie on.
    """

    picture: Picture
    depth: Plane
    palette: Palette
    horizon: float | None = None
    is_seen_from_above: bool = False


def falloff(rng: np.random.Generator, size: tuple[int, int]) -> Plane:
    """Uneven light on a wall: a soft pool of it, about 0.6 to 1.2."""
    y, x = (
        np.linspace(0, 1, size[0])[:, None] - rng.uniform(0, 1),
        np.linspace(0, 1, size[1])[None, :] - rng.uniform(0, 1),
    )
    pool = np.exp(-(x**2 + y**2) / rng.uniform(0.2, 1.2))
    return (rng.uniform(0.55, 0.95) + rng.uniform(0.1, 0.5) * pool).astype(np.float32)


def on_ground(rng: np.random.Generator, flat: Picture, horizon: float, size: tuple[int, int]) -> Picture:
    """A square texture laid on the ground and seen in perspective below the horizon."""
    first = int(horizon * size[0])
    rows = np.arange(first, size[0], dtype=np.float32) + 0.5
    nearness = (rows / size[0] - horizon + rng.uniform(0.08, 0.4)) / (1 - horizon + 0.2)
    side = flat.shape[0]
    depth_index = (rng.uniform(0.25, 0.6) / nearness * side).astype(int) % side
    across = np.linspace(-0.5, 0.5, size[1], dtype=np.float32)[None, :] / nearness[:, None]
    columns = ((across * rng.uniform(0.35, 0.7) + 0.5) * side).astype(int) % side
    seen: Picture = flat[depth_index[:, None], columns]
    return seen


def defocused(picture: Picture, radius: float) -> Picture:
    """Blurred by `radius` times the longer side."""
    radius_px = radius * max(picture.shape[:2])
    return blurred_picture(picture, float(radius_px)) if radius_px >= 0.4 else picture


def with_ground(depth: Plane, horizon: float) -> Plane:
    """The depth, (H, W), with the ground below the horizon added where it is nearer."""
    rows = np.linspace(0, 1, depth.shape[0], dtype=np.float32)
    ramp = ground_depth(rows, horizon)
    return np.where(rows[:, None] > horizon, np.maximum(ramp[:, None], depth), depth).astype(np.float32)


def ground_depth(row: Plane, horizon: float) -> Plane:
    """Inverse depth of the ground at `row` (a share of the height): proportional to how far it is below the horizon."""
    below: Plane = np.clip((row - np.float32(horizon)) / np.float32(1.05 - horizon), 0, 1.5)
    depth: Plane = np.float32(0.15) + np.float32(0.6) * below
    return depth
