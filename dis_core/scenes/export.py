"""Writing scenes: as a contact sheet to look at, or as a folder with the layout of DIS5K to train on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dis_core.files import make_folder
from dis_core.images.picture import Picture, write_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dis_core.scenes.scene import Scene

LONGEST_TILE_PX = 256
SCENES_PER_ROW = 2
FOLDERS = ("images", "masks", "depth")


def tile_of(scene: Scene) -> NDArray[np.uint8]:
    """Image, alpha and depth side by side, (height, 3 * width, 3); a large scene is scaled down by a whole number."""
    height, width = scene.alpha.shape
    views = np.empty((height, 3 * width, 3), np.uint8)
    for place, view in enumerate((scene.image, scene.alpha[..., None], scene.depth[..., None])):
        views[:, place * width : (place + 1) * width] = np.rint(view * np.float32(255))
    factor = -(-max(height, width) // LONGEST_TILE_PX)
    # One view at a time, or a pixel of the smaller picture could mix two of them.
    parts = np.split(views, 3, axis=1) if factor > 1 else [views]
    return np.concatenate([np.asarray(Image.fromarray(part).reduce(factor)) for part in parts], axis=1)


def contact_sheet(tiles: Sequence[NDArray[np.uint8]]) -> Picture:
    """Tiles of the same size in rows of two; the rest of the last row is black. Raises ValueError without tiles."""
    if not tiles:
        raise ValueError("a contact sheet needs at least one tile")
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // SCENES_PER_ROW)
    sheet = np.zeros((rows * height, SCENES_PER_ROW * width, 3), np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // SCENES_PER_ROW * height, place % SCENES_PER_ROW * width
        sheet[top : top + height, left : left + width] = tile
    return Picture(sheet, name="the contact sheet")


def training_files(folder: Path, name: str) -> list[Path]:
    """The files of a scene: image, mask and depth."""
    return [folder / kind / f"{name}.png" for kind in FOLDERS]


def is_written(folder: Path, name: str) -> bool:
    """Whether all files of a scene exist."""
    return all(map(os.path.lexists, training_files(folder, name)))


def write_training_files(scene: Scene, folder: Path, name: str, *, overwrite: bool = False) -> None:
    """Write the image (8 bits), the matte (8 bits) and the depth (16 bits, near = bright) of a scene as PNG.

    Without `overwrite`, files that already exist are kept. Raises OutputFailed.
    """
    pictures = (
        Picture(np.rint(scene.image * np.float32(255)).astype(np.uint8)),
        Picture(np.rint(scene.alpha * np.float32(255)).astype(np.uint8)[..., None]),
        Picture(np.rint(scene.depth * np.float32(65535)).astype(np.uint16)[..., None]),
    )
    for path, picture in zip(training_files(folder, name), pictures, strict=True):
        if overwrite or not os.path.lexists(path):
            make_folder(path.parent)
            write_picture(picture, path, format="png", overwrite=overwrite)
