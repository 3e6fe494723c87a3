"""Cars in three dimensions: an outline seen from the side, given a width, turned and seen in perspective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dis_core.scenes.contours import Contour, smooth_path
from dis_core.scenes.parts import Part, Subject

# From the rear bumper over the roof to the front bumper, (along, up) in meters.
_SHAPES: tuple[tuple[tuple[float, float], ...], ...] = (
    ((-2.2, 0.3), (-2.25, 0.85), (-1.6, 0.98), (-0.9, 1.42), (0.2, 1.45), (1.0, 0.98), (2.05, 0.8), (2.2, 0.3)),
    ((-2.0, 0.3), (-2.1, 0.9), (-1.95, 1.1), (-1.55, 1.48), (0.1, 1.5), (0.95, 1.02), (1.85, 0.85), (2.0, 0.3)),
    ((-2.2, 0.38), (-2.3, 1.1), (-2.15, 1.3), (-1.8, 1.72), (0.2, 1.76), (0.95, 1.2), (2.0, 1.1), (2.2, 0.38)),
    ((-2.5, 0.38), (-2.55, 1.2), (-2.5, 1.6), (-2.3, 1.95), (0.9, 1.95), (1.75, 1.25), (2.35, 1.05), (2.45, 0.38)),
    ((-2.6, 0.5), (-2.6, 1.1), (-0.75, 1.1), (-0.55, 1.75), (0.4, 1.78), (1.0, 1.2), (2.1, 1.12), (2.3, 0.5)),
)


@dataclass(frozen=True)
class _View:
    """A camera that is `distance` meters away and `height` above the road, and sees the car turned by `yaw`."""

    yaw: float
    distance: float
    height: float

    def seen(self, points: NDArray[np.float64]) -> Contour:
        """Points (n, 3) as (along, up, across) on the picture, (n, 2), y downwards, about one unit per two meters."""
        along, up, across = points.T
        x = along * np.cos(self.yaw) - across * np.sin(self.yaw)
        away = along * np.sin(self.yaw) + across * np.cos(self.yaw)
        scale = self.distance / (self.distance - away) / 2.2
        outline: Contour = np.stack([x * scale, (self.height - up) * scale], axis=-1)
        return outline


def _half_width(up: NDArray[np.float64], belt: float) -> NDArray[np.float64]:
    """Half the width at a height: the cabin is narrower than the body."""
    width: NDArray[np.float64] = 0.88 - 0.28 * np.clip(up - belt, 0, 1)
    return width


def _on_side(view: _View, outline: Contour, belt: float, *, side: float) -> Contour:
    along, up = outline.T
    return view.seen(np.stack([along, up, side * _half_width(up, belt)], axis=-1))


def _strip(view: _View, edge: Contour, belt: float, *, inset: float = 1.0) -> Contour:
    """The surface between both sides of the car along `edge`, (n, 2): bonnet, windscreen, roof."""
    half = _half_width(edge[:, 1], belt) * inset
    near = view.seen(np.column_stack([edge, half]))
    far = view.seen(np.column_stack([edge, -half]))
    return np.concatenate([near, far[::-1]])


def _disc(view: _View, center: tuple[float, float], radius: float, across: float) -> Contour:
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    along, up = center[0] + radius * np.cos(turn), center[1] + radius * np.sin(turn)
    return view.seen(np.stack([along, up, np.full(28, across)], axis=-1))


def _paint(*contours: Contour, material: int, tone: float) -> Part:
    return Part(contours, material=material, tone=tone, relief=0, is_marking=True)


def _windows(view: _View, knots: Contour, belt: float) -> list[Part]:
    """Side windows with posts between them, and the windscreens in front and behind; material 1 is glass."""
    rear, roof, front = knots[2], knots[3:5], knots[5]
    sill = belt + 0.04
    corners = np.array([(rear[0] + 0.25, sill), (roof[0, 0] + 0.1, roof[0, 1] - 0.08),
                        (roof[1, 0] - 0.02, roof[1, 1] - 0.08), (front[0] - 0.15, sill)])  # fmt: skip
    middle = float(corners[1:3, 0].mean())
    posts = [np.array([(x - 0.05, sill - 0.05), (x + 0.05, sill - 0.05), (x + 0.03, 2.0), (x - 0.07, 2.0)])
             for x in (middle, corners[1, 0] - 0.05)]  # fmt: skip
    start, end = (knots[4], knots[5]) if view.yaw > 0 else (knots[3], knots[2])
    screen = _strip(view, start + (end - start) * np.array([[0.1], [0.92]]), belt, inset=0.9)
    return [
        _paint(screen, material=1, tone=0.8),
        _paint(_on_side(view, corners, belt, side=1), material=1, tone=0.6),
        _paint(*(_on_side(view, post, belt, side=1) for post in posts), material=0, tone=0.85),
    ]


def _wheels(rng: np.random.Generator, view: _View, places: tuple[float, float], radius: float) -> list[Part]:
    tires = [_disc(view, (x, radius), radius, 0.86) for x in places]
    arches = [_disc(view, (x, radius + 0.03), radius * 1.15, 0.88) for x in places]
    rims = [_disc(view, (x, radius), radius * 0.65, 0.87) for x in places]
    hubs = [_disc(view, (x, radius), radius * 0.15, 0.87) for x in places]
    count = int(rng.integers(4, 9))
    gaps = [_disc(view, (x + 0.4 * radius * np.cos(a), radius * (1 + 0.4 * np.sin(a))), radius * 0.9 / count, 0.87)
            for x in places for a in np.arange(count) * 2 * np.pi / count]  # fmt: skip
    return [
        _paint(*arches, material=2, tone=0.05),
        Part(tires, material=2, tone=0.12, relief=0.1),
        _paint(*rims, material=2, tone=1.0),
        _paint(*gaps, material=2, tone=0.2),
        _paint(*hubs, material=2, tone=0.8),
    ]


def car(rng: np.random.Generator) -> Subject:
    """A saloon, hatchback, off-roader, van or pick-up from the side or at an angle, from the front or the rear."""
    knots = np.array(_SHAPES[int(rng.integers(len(_SHAPES)))]) + rng.normal(0, 0.03, (8, 2))
    belt = float(min(knots[2, 1], knots[5, 1]))
    yaw = float(rng.uniform(0.0, 0.2) if rng.random() < 0.35 else rng.uniform(0.3, 1.1)) * rng.choice([-1.0, 1.0])
    view = _View(yaw, rng.uniform(6, 12), rng.uniform(1.0, 2.2))
    curve = smooth_path([(x, y) for x, y in knots], count=50)
    floor = np.array([[knots[-1, 0] - 0.1, 0.22], [knots[0, 0] + 0.1, 0.22]])
    flank = np.concatenate([curve, floor])
    radius = rng.uniform(0.3, 0.38)
    places = (float(knots[0, 0]) + 0.85, float(knots[-1, 0]) - 0.8)
    far_wheels = [_disc(view, (x, radius), radius, -0.8) for x in places]
    under = _on_side(view, np.array([(-1.8, 0.3), (1.8, 0.3), (1.6, 0.1), (-1.6, 0.1)]), belt, side=0.0)
    # Bonnet to bumper and tail: which of them is seen depends on the side that is turned to the camera.
    lip = curve[-9:] if yaw > 0 else curve[:9]
    hull = [_on_side(view, flank, belt, side=side) for side in (-1.0, 1.0)]
    top = [_strip(view, curve[k : k + 2], belt) for k in range(len(curve) - 1)]
    face = _strip(view, lip, belt, inset=1.0)
    parts = [
        Part([*far_wheels, under], material=2, tone=0.08, relief=0),
        Part([*hull, *top], relief=0.25, tone=1.1),
        _paint(*top[20:32], material=0, tone=1.3),
        _paint(_on_side(view, flank, belt, side=1.0), material=0, tone=rng.uniform(0.7, 1.0)),
        _paint(
            _on_side(view, np.array([(-3, 0.55), (3, 0.5), (3, 0.1), (-3, 0.1)]), belt, side=1.0), material=0, tone=0.5
        ),
        _paint(face, material=0, tone=rng.uniform(0.75, 1.1)),
        *_windows(view, knots, belt),
        *_face(rng, view, lip, belt),
        *_seams(view, places, belt),
        *_wheels(rng, view, places, radius),
    ]
    return Subject(parts, "stands", ("paint", "glass", "metal", None))


def _face(rng: np.random.Generator, view: _View, lip: Contour, belt: float) -> list[Part]:
    """Grille, plate and lamps on the front or the rear."""
    along = float(lip[:, 0].max() if lip[:, 0].mean() > 0 else lip[:, 0].min())

    def on_face(across: tuple[float, float], up: tuple[float, float]) -> Contour:
        corners = [(along, up[0], across[0]), (along, up[0], across[1]), (along, up[1], across[1])]
        return view.seen(np.array([*corners, (along, up[1], across[0])]))

    lamp = belt - rng.uniform(0.22, 0.32)
    return [
        _paint(on_face((-0.55, 0.55), (0.35, 0.62)), material=2, tone=0.1),
        _paint(on_face((-0.25, 0.25), (0.45, 0.57)), material=2, tone=1.3),
        _paint(
            on_face((-0.8, -0.5), (lamp, lamp + 0.14)), on_face((0.5, 0.8), (lamp, lamp + 0.14)), material=2, tone=1.5
        ),
    ]


def _seams(view: _View, places: tuple[float, float], belt: float) -> list[Part]:
    """Doors: thin dark lines, and handles."""
    lines = []
    for x in np.linspace(places[0] + 0.3, places[1] - 0.3, 3):
        lines.append(np.array([(x, 0.35), (x + 0.025, 0.35), (x + 0.025, belt), (x, belt)]))
        lines.append(
            np.array([(x - 0.3, belt - 0.15), (x - 0.1, belt - 0.15), (x - 0.1, belt - 0.11), (x - 0.3, belt - 0.11)])
        )
    return [_paint(*(_on_side(view, line, belt, side=1.0) for line in lines), material=0, tone=0.35)]
