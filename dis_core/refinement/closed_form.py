"""Matting in a thin band: the matte that the colors of every small window explain best, held to what is known.

The guided filter explains each window by itself. Closed-form matting asks for the one matte that all windows of three
by three pixels explain together (Levin, Lischinski, Weiss, "A closed-form solution to natural image matting", TPAMI
2008). Its matrix is never built: its product with a matte is what is left over when a guided filter follows that matte
(He, Sun, Tang, "Fast matting using large kernel matting Laplacian matrices", CVPR 2010), so a few steps of conjugate
gradients cost a few guided filters, and only cells with unknown pixels are computed. Our addition: every unknown pixel
is held to the matte before, less where that is gray, so that it stays about as it was where color says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from dis_core.planes import Plane, Size
from dis_core.progress import Report
from dis_core.refinement.guided_filter import UNSURE

CELL_PX: Final = 32
"""The side of the cells that are computed: small, because the band is a line through few of them."""

HALO_PX: Final = 2
"""How far around a pixel its windows' pixels reach. The border of a plane is known, so that none reaches beyond."""

SMOOTHING: Final = 1e-6
"""How much colors must vary in a window to explain anything. At five times as much, thin hair became fainter."""

HELD: Final = (5e-3, 1.5e-2)
"""How strongly unknown pixels are held to the matte before: where that is unsure, and where it is sure.

Held by 0.01 everywhere, edges move less, and the gray between the spokes of a wheel spreads around it. Held by 0.03
where it is sure, fewer hairs are found."""

MOST_STEPS: Final = 15
"""Steps of conjugate gradients at most: twice as many changed no measure by more than a thousandth."""

FAINT: Final = 0.01
"""Smaller changes are dropped: the steps end before what is exact would be so again, and it shows as a level of 255."""

CLOSE_ENOUGH: Final = 1e-3
"""The share of what was left over at the start at which nothing more is done."""

_SOME_CELLS: Final = 256
"""Windows are prepared for so many cells at once, in float64."""

_PAIRS: Final = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def matted(matte: Plane, image: Plane, unknown: NDArray[np.bool_], *, report: Report) -> Plane:
    """A new matte, (h, w), that is changed only where it is `unknown`, (h, w); the image is (h, w, 3).

    All are float32 in [0, 1]. Pixels within two of the border stay as they are. Raises what `report` raises.
    """
    free = unknown.copy()
    for rim in (free[:HALO_PX], free[-HALO_PX:], free[:, :HALO_PX], free[:, -HALO_PX:]):
        rim[...] = False
    if not free.any():
        unchanged: Plane = matte.copy()
        return unchanged
    with torch.inference_mode():
        cells = Cells(free)
        windows = Windows.of(cells, image)
        size = matte.shape[0], matte.shape[1]
        change = _least_left_over(cells, windows, cells.around(cells.padded(matte)), report)
        change[change.abs() < FAINT] = 0
        found: Plane = matte + cells.plane(change, size)
    return np.clip(found, 0, 1, out=found)


class Cells:
    """The cells of a plane with free pixels: n of them, each with a halo, and how to get at them in a flat plane."""

    def __init__(self, free: NDArray[np.bool_]) -> None:
        height, width = free.shape
        rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
        self.padded_size = rows * CELL_PX + 2 * HALO_PX, columns * CELL_PX + 2 * HALO_PX
        whole = np.zeros((rows * CELL_PX, columns * CELL_PX), bool)
        whole[:height, :width] = free
        by_cell = whole.reshape(rows, CELL_PX, columns, CELL_PX).transpose(0, 2, 1, 3)
        chosen = by_cell.any((2, 3))
        self.free = torch.from_numpy(by_cell[chosen].astype(np.float32))
        """(n, CELL_PX, CELL_PX): 1 where a pixel is free, else 0."""
        down, across = (torch.from_numpy(places * CELL_PX) for places in np.nonzero(chosen))
        corner = down * self.padded_size[1] + across
        self._around = corner[:, None, None] + self._offsets(CELL_PX + 2 * HALO_PX, 0)
        self._inside = corner[:, None, None] + self._offsets(CELL_PX, HALO_PX)

    def _offsets(self, side_px: int, first: int) -> torch.Tensor:
        places = torch.arange(side_px) + first
        offsets: torch.Tensor = places[:, None] * self.padded_size[1] + places
        return offsets

    def padded(self, plane: Plane) -> torch.Tensor:
        """A plane, (h, w), flat and with zeros around it."""
        padded = torch.zeros(self.padded_size)
        padded[HALO_PX : HALO_PX + plane.shape[0], HALO_PX : HALO_PX + plane.shape[1]] = torch.from_numpy(plane)
        return padded.view(-1)

    def around(self, padded: torch.Tensor) -> torch.Tensor:
        """The cells with their halos, (n, CELL_PX + 2 HALO_PX, ...), out of a flat plane."""
        return padded[self._around]

    def put(self, inside: torch.Tensor, padded: torch.Tensor) -> None:
        """Write cells, (n, CELL_PX, CELL_PX), into a flat plane."""
        padded[self._inside] = inside

    def nothing(self) -> torch.Tensor:
        """A flat plane of zeros."""
        return torch.zeros(self.padded_size[0] * self.padded_size[1])

    def plane(self, inside: torch.Tensor, size: Size) -> Plane:
        """Cells as a plane of `size` with zeros elsewhere."""
        padded = self.nothing()
        self.put(inside, padded)
        whole = padded.view(self.padded_size)
        plane: Plane = whole[HALO_PX : HALO_PX + size[0], HALO_PX : HALO_PX + size[1]].numpy()
        return plane


@dataclass(frozen=True, eq=False)
class Windows:
    """What the windows of all cells know of the image: `colors` (3, n, side, side) around each cell's mean, and of
    each window the `mean` color, (3, n, side - 2, side - 2), and the `inverse` of the covariance of colors, (6, ...).
    """

    colors: torch.Tensor
    mean: torch.Tensor
    inverse: torch.Tensor

    @classmethod
    def of(cls, cells: Cells, image: Plane) -> Windows:
        """Those of an image, (h, w, 3)."""
        planes = [cells.around(cells.padded(np.ascontiguousarray(image[..., channel]))) for channel in range(3)]
        colors = torch.stack(planes)
        colors -= colors.mean((2, 3), keepdim=True)  # float32 loses small variances of large values
        mean = _window_means(colors)
        parts = [_inverse_covariance(part) for part in torch.split(colors, _SOME_CELLS, dim=1)]
        return cls(colors, mean, torch.cat(parts, dim=1))

    def left_over(self, around: torch.Tensor) -> torch.Tensor:
        """What the windows do not explain of a matte, (n, side, side): (n, CELL_PX, CELL_PX)."""
        means = _window_means(torch.cat([around[None], self.colors * around]))
        covariance = means[1:].addcmul_(self.mean, means[:1], value=-1)
        factors = _product(self.inverse, covariance)
        rest = means[:1] - (factors * self.mean).sum(0, keepdim=True)
        averaged = _window_means(torch.cat([factors, rest]))
        inner = slice(HALO_PX, -HALO_PX)
        explained = (averaged[:3] * self.colors[..., inner, inner]).sum(0) + averaged[3]
        return around[:, inner, inner] - explained


def _least_left_over(cells: Cells, windows: Windows, matte: torch.Tensor, report: Report) -> torch.Tensor:
    """The change of the free pixels, (n, CELL_PX, CELL_PX), that leaves the least over: conjugate gradients from 0.

    `matte` is that of the cells with their halos, (n, side, side).
    """
    held = _held_to(matte[:, HALO_PX:-HALO_PX, HALO_PX:-HALO_PX])
    left = -windows.left_over(matte) * cells.free
    change, direction = torch.zeros_like(left), left.clone()
    square = first = float((left * left).sum())
    spread = cells.nothing()
    for step in range(MOST_STEPS):
        if square <= CLOSE_ENOUGH**2 * first or square == 0:
            break
        report(step / MOST_STEPS, "matting")
        cells.put(direction, spread)
        product = (windows.left_over(cells.around(spread)) + held * direction) * cells.free
        length = square / float((direction * product).sum())
        change.add_(direction, alpha=length)
        left.sub_(product, alpha=length)
        before, square = square, float((left * left).sum())
        direction = torch.add(left, direction, alpha=square / before)
    return change


def _held_to(matte: torch.Tensor) -> torch.Tensor:
    """How strongly each pixel of a matte is held, of the same shape."""
    sure = (1 - torch.minimum(matte, 1 - matte) / UNSURE).clamp_(0, 1)
    return HELD[0] + (HELD[1] - HELD[0]) * sure


def _window_means(x: torch.Tensor) -> torch.Tensor:
    """The means over all windows of three by three pixels that fit: (..., h, w) becomes (..., h - 2, w - 2)."""
    x = x[..., :-2] + x[..., 1:-1] + x[..., 2:]
    return (x[..., :-2, :] + x[..., 1:-1, :] + x[..., 2:, :]).div_(9)


def _inverse_covariance(colors: torch.Tensor) -> torch.Tensor:
    """(6, n, h - 2, w - 2), in the order of `_PAIRS`, of colors (3, n, h, w).

    By cofactors, in float64, because where the image is gray the determinant is a small difference of large products.
    """
    exact = colors.double()
    mean = _window_means(exact)
    products = torch.stack([exact[one] * exact[other] for one, other in _PAIRS])
    covariance = _window_means(products)
    for place, (one, other) in enumerate(_PAIRS):
        covariance[place].addcmul_(mean[one], mean[other], value=-1)
    covariance[[0, 3, 5]] += SMOOTHING
    a, b, c, d, e, f = covariance.unbind(0)
    cofactors = torch.stack([d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b])
    determinant = a * cofactors[0] + b * cofactors[1] + c * cofactors[2]
    return (cofactors / determinant).float()


def _product(inverse: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    """Symmetric matrices, (6, ...), times vectors, (3, ...)."""
    a, b, c, d, e, f = inverse.unbind(0)
    x, y, z = covariance.unbind(0)
    return torch.stack([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z])
