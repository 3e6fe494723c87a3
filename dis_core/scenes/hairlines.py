"""Structure as thin as a hair: strands, rigging, spokes and nets, visible only in large pictures.

Widths are shares of the longer side, 1 to 3 pixels of 4096, as everything else in a scene is relative to its size. In
a picture of 256 pixels the same lines cover less than a fifth of the pixels that they cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dis_core.planes import Plane
from dis_core.scenes.rendering import Layer
from dis_core.scenes.textures import Picture, blurred, resized

if TYPE_CHECKING:
    from collections.abc import Callable

Vectors = NDArray[np.float64]
"""(n, 2), as (x, y)."""

_GRID_PX = 256
_RELIEF = 0.1


@dataclass(frozen=True, eq=False)
class Edge:
    """Points on the border of a subject, (n, 2) in pixels, and the directions away from it, of length 1."""

    places: Vectors
    outward: Vectors


@dataclass(frozen=True, eq=False)
class Lines:
    """Straight pieces from `start` to `stop`, (n, 2) in pixels, each `width` pixels wide, as bright as its `tone`."""

    start: Vectors
    stop: Vectors
    width: NDArray[np.float64]
    tone: NDArray[np.float64]


def with_hairlines(rng: np.random.Generator, layer: Layer, behind: Picture) -> Layer:
    """Add two or three bundles of hairlines to the subject; they become part of its alpha."""
    edge = edge_of(layer.alpha)
    if len(edge.places) < 8:
        return layer
    makers: list[Callable[[np.random.Generator, Edge, float], Lines]] = [hair, rigging, wheel, net]
    chosen = rng.choice(len(makers), size=int(rng.integers(2, 4)), replace=False)
    for number in chosen:
        lines = makers[int(number)](rng, edge, float(max(layer.alpha.shape)))
        cover, tone = drawn(lines, layer.alpha.shape)
        color = _distinct_color(rng, layer, behind, edge)
        layer = _with_lines(layer, cover, np.clip(tone[..., None] * color, 0, 1))
    return layer


def edge_of(alpha: Plane) -> Edge:
    """Where a subject ends within the picture, found on a grid of 256 along the longer side."""
    height, width = alpha.shape
    step = max(height, width) / _GRID_PX
    grid = (max(4, round(height / step)), max(4, round(width / step)))
    mask = np.clip(resized(alpha, grid), 0, 1)
    down, across = np.gradient(blurred(mask, 3))
    inside = mask > 0.5
    border = inside & ~(np.roll(inside, 1, 0) & np.roll(inside, -1, 0) & np.roll(inside, 1, 1) & np.roll(inside, -1, 1))
    border[:3], border[-3:], border[:, :3], border[:, -3:] = False, False, False, False
    rows, columns = np.nonzero(border & (np.hypot(down, across) > 0.01))
    places = np.stack([(columns + 0.5) * width / grid[1], (rows + 0.5) * height / grid[0]], axis=-1)
    slope = np.stack([across[rows, columns], down[rows, columns]], axis=-1).astype(np.float64)
    return Edge(places, -slope / np.linalg.norm(slope, axis=1, keepdims=True))


def hair(rng: np.random.Generator, edge: Edge, side: float) -> Lines:
    """Hundreds of bent strands, combed in locks, from one part of the border or from all of it."""
    middle = edge.places[int(rng.integers(len(edge.places)))]
    near = np.argsort(np.linalg.norm(edge.places - middle, axis=1))[
        : max(8, int(len(edge.places) * rng.uniform(0.2, 1)))
    ]
    count, joints = int(rng.integers(300, 1000)), 14
    root = rng.choice(near, count)
    lean = rng.normal(0, 0.6, 16)[(root * 16 // len(edge.places)) % 16] + rng.normal(0, 0.25, count)
    heading = np.arctan2(edge.outward[root, 1], edge.outward[root, 0]) + lean
    bend = np.cumsum(rng.normal(0, 0.1, (count, joints)) + rng.normal(0, 0.12, (count, 1)), axis=1)
    length = side * rng.uniform(0.03, 0.12) * np.exp(rng.normal(0, 0.35, count))
    turns = heading[:, None] + bend
    steps = np.stack([np.cos(turns), np.sin(turns)], axis=-1) * (length / joints)[:, None, None]
    start = edge.places[root] - edge.outward[root] * side * 0.008
    points = np.concatenate([start[:, None], start[:, None] + np.cumsum(steps, axis=1)], axis=1)
    return _chained(points, _widths(rng, side, count), rng.uniform(0.6, 1.3, count))


def rigging(rng: np.random.Generator, edge: Edge, side: float) -> Lines:
    """Ropes, wires and threads that hang between places of the border, or run from it out of the picture."""
    count = int(rng.integers(8, 40))
    ends = rng.integers(len(edge.places), size=(count, 2))
    start, stop = edge.places[ends[:, 0]], edge.places[ends[:, 1]]
    away = rng.random(count) < 0.4
    stop[away] = (
        start[away] + edge.outward[ends[away, 0]] * side * 1.5 + rng.normal(0, 0.3 * side, (int(away.sum()), 2))
    )
    share = np.linspace(0, 1, 40)
    sag = rng.uniform(0, 0.1) * np.linalg.norm(stop - start, axis=1)[:, None] * 4 * share * (1 - share)
    points = start[:, None] + (stop - start)[:, None] * share[:, None]
    points[..., 1] += sag
    return _chained(points, _widths(rng, side, count), rng.uniform(0.7, 1.2, count))


def wheel(rng: np.random.Generator, edge: Edge, side: float) -> Lines:
    """A wheel or fan beside the subject: rims, a hub, and dozens of spokes."""
    radius = side * rng.uniform(0.05, 0.14)
    place = int(rng.integers(len(edge.places)))
    center = edge.places[place] + edge.outward[place] * radius * 0.9
    count = int(rng.integers(24, 73))
    turn = np.linspace(0, 2 * np.pi, 145)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    rims = _chained(
        center + circle * radius * np.array([1, 0.93, 0.16, 0.12])[:, None, None],
        np.full(4, side * 3 / 4096),
        np.ones(4),
    )
    angles = 2 * np.pi * np.arange(count) / count + rng.uniform(0, 1)
    skew = rng.uniform(0, 0.5) * np.where(np.arange(count) % 2, 1, -1)
    inner = center + radius * 0.14 * np.stack([np.cos(angles + skew), np.sin(angles + skew)], axis=-1)
    outer = center + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    width = np.full(count, side * rng.uniform(1, 2) / 4096)
    return _joined(rims, Lines(inner, outer, width, rng.uniform(0.7, 1.2, count)))


def net(rng: np.random.Generator, edge: Edge, side: float) -> Lines:
    """A net, veil or cobweb stretched from the subject outwards: threads along it and across it."""
    place = int(rng.integers(len(edge.places)))
    outward = edge.outward[place]
    along = np.array([-outward[1], outward[0]])
    reach, wide = side * rng.uniform(0.08, 0.22), side * rng.uniform(0.08, 0.22)
    origin = edge.places[place] - outward * side * 0.02
    ends = rng.normal(0, 0.15, (4, 2)) * wide
    rows, columns = int(rng.integers(12, 36)), int(rng.integers(12, 36))

    def at(u: NDArray[np.float64], v: NDArray[np.float64]) -> Vectors:
        """Points of the net, `u` across in [-1, 1] and `v` outwards in [0, 1]; its corners are pulled about."""
        corners = [(1 - u) * (1 - v) / 2, (1 + u) * (1 - v) / 2, (1 - u) * v / 2, (1 + u) * v / 2]
        flat = origin + u[..., None] * along * wide + v[..., None] * outward * reach
        hung: Vectors = flat + sum(corner[..., None] * end for corner, end in zip(corners, ends, strict=True))
        hung[..., 1] += wide * 0.2 * (1 - u**2) * v
        return hung

    fine = np.linspace(0, 1, 48)
    threads_out = at(np.linspace(-1, 1, columns)[:, None] + 0 * fine, 0 * np.ones((columns, 1)) + fine)
    threads_across = at(0 * np.ones((rows, 1)) + fine * 2 - 1, np.linspace(0, 1, rows)[:, None] + 0 * fine)
    thin = side * rng.uniform(1, 2) / 4096
    return _joined(
        _chained(threads_out, np.full(columns, thin), np.ones(columns)),
        _chained(threads_across, np.full(rows, thin), np.full(rows, rng.uniform(0.7, 1.1))),
    )


def drawn(lines: Lines, size: tuple[int, ...]) -> tuple[Plane, Plane]:
    """The share of each pixel that the lines cover, and their mean tone there; both (height, width).

    Within a column (or row, of lines that are steeper than wide) the cover of a straight band is exact; bands that
    meet in a pixel hide each other by chance.
    """
    missed = np.zeros(size[0] * size[1])
    weighted = np.zeros_like(missed)
    flat = np.abs(lines.stop - lines.start)
    is_level = flat[:, 0] >= flat[:, 1]
    for major, chosen in ((0, is_level), (1, ~is_level)):
        some = Lines(lines.start[chosen], lines.stop[chosen], lines.width[chosen], lines.tone[chosen])
        for pixel, cover, tone in _crossed(some, size, major):
            unseen = np.log1p(-np.minimum(cover, 1 - 1e-6))
            np.add.at(missed, pixel, unseen)
            np.add.at(weighted, pixel, unseen * tone)
    tone = np.divide(weighted, missed, out=np.zeros_like(missed), where=missed < 0)
    return (-np.expm1(missed)).astype(np.float32).reshape(size), tone.astype(np.float32).reshape(size)


def _crossed(
    lines: Lines, size: tuple[int, ...], major: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]]:
    """Flat indices of pixels, their cover and their tone, for lines that advance along `major` (0: x, 1: y)."""
    minor, extent = 1 - major, (size[1], size[0])
    forward = lines.start[:, major] <= lines.stop[:, major]
    first = np.where(forward[:, None], lines.start, lines.stop)
    last = np.where(forward[:, None], lines.stop, lines.start)
    advance = last[:, major] - first[:, major]
    slope = np.divide(last[:, minor] - first[:, minor], advance, out=np.zeros_like(advance), where=advance > 1e-9)
    begin = np.clip(np.ceil(first[:, major] - 0.5), 0, extent[major]).astype(np.int64)
    end = np.clip(np.ceil(last[:, major] - 0.5), 0, extent[major]).astype(np.int64)
    count = np.maximum(end - begin, 0)
    line = np.repeat(np.arange(len(count)), count)
    step = begin[line] + np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    center = first[line, minor] + slope[line] * (step + 0.5 - first[line, major])
    half = (lines.width * np.sqrt(1 + slope**2) / 2)[line]
    pieces = []
    reach = int(np.ceil(half.max() + 0.5)) if len(half) else 0
    for offset in range(-reach, reach + 1):
        across = np.floor(center).astype(np.int64) + offset
        cover = np.clip(np.minimum(center + half, across + 1) - np.maximum(center - half, across), 0, 1)
        seen = (cover > 0) & (across >= 0) & (across < extent[minor])
        row, column = (across, step) if major == 0 else (step, across)
        pieces.append(((row * size[1] + column)[seen], cover[seen], lines.tone[line[seen]]))
    return pieces


def _widths(rng: np.random.Generator, side: float, count: int) -> NDArray[np.float64]:
    widths: NDArray[np.float64] = side / 4096 * rng.uniform(1, 3) * rng.uniform(0.7, 1, count)
    return np.maximum(widths, side / 4096)


def _chained(points: NDArray[np.float64], width: NDArray[np.float64], tone: NDArray[np.float64]) -> Lines:
    """Lines through `points`, (lines, joints, 2), each of one width and tone."""
    pieces = points.shape[1] - 1
    start, stop = points[:, :-1].reshape(-1, 2), points[:, 1:].reshape(-1, 2)
    return Lines(start, stop, np.repeat(width, pieces), np.repeat(tone, pieces))


def _joined(one: Lines, other: Lines) -> Lines:
    return Lines(
        np.concatenate([one.start, other.start]),
        np.concatenate([one.stop, other.stop]),
        np.concatenate([one.width, other.width]),
        np.concatenate([one.tone, other.tone]),
    )


def _distinct_color(rng: np.random.Generator, layer: Layer, behind: Picture, edge: Edge) -> NDArray[np.float32]:
    """The subject's mean color, (3,), or a lighter or darker one if that could not be told from the background."""
    rows, columns = (edge.places.astype(int).T[axis] for axis in (1, 0))
    own = layer.color[rows, columns].mean(axis=0) / max(float(layer.alpha[rows, columns].mean()), 0.1)
    other = behind[rows, columns].mean(axis=0)
    if float(np.abs(own - other).max()) > 0.2:
        return np.asarray(own, dtype=np.float32)
    level = rng.uniform(0.05, 0.2) if float(other.mean()) > 0.5 else rng.uniform(0.75, 0.95)
    mixed: NDArray[np.float32] = (own * 0.2 + level * 0.8).astype(np.float32)
    return mixed


def _with_lines(layer: Layer, cover: Plane, color: Picture) -> Layer:
    left = 1 - cover
    return Layer(
        cover[..., None] * color + left[..., None] * layer.color,
        cover + left * layer.alpha,
        np.float32(_RELIEF) * cover + left * layer.relief,
    )
