"""Makes the pictures of the README and the docs from the example photos: `python docs/make_pictures.py`.

The embedded model is named, so that the pictures can be made anywhere and show what everybody gets at once. Only
the picture of refinement is made with IS-Net.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import dis_core
from dis_core.cli.main import run
from dis_core.images.compositing import crop
from dis_core.images.reading import wrap_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
MODEL = "dis-lite"
SQUARE_PX = 12
LIGHT, DARK = 255, 214
GAP_PX = 8
FURRY, FURRY_PART = "moose", (700, 500, 1180, 980)


def checkerboard(size: tuple[int, int]) -> NDArray[np.uint8]:
    """What image editors show for transparency: (height, width, 3) uint8, two light grays."""
    rows, columns = (np.arange(side) // SQUARE_PX for side in size)
    gray = np.where((rows[:, np.newaxis] + columns) % 2 == 0, LIGHT, DARK).astype(np.uint8)
    return np.repeat(gray[:, :, np.newaxis], 3, axis=2)


def side_by_side(*images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images (H, W, 3) uint8 of one height in a row, with white between them."""
    gap = np.full((len(images[0]), GAP_PX, 3), 255, np.uint8)
    return np.hstack([part for image in images for part in (image, gap)][:-1])


def shown(picture: dis_core.Picture) -> NDArray[np.uint8]:
    """A picture as (H, W, 3) uint8, a checkerboard showing through where it is transparent."""
    from dis_core.images.compositing import over_picture

    pixels = over_picture(picture, wrap_array(checkerboard(picture.size))).eight_bits().pixels
    return np.broadcast_to(pixels, (*picture.size, 3)).astype(np.uint8)


def save(image: NDArray[np.uint8], name: str) -> None:
    path = ROOT / "docs" / "pictures" / name
    path.parent.mkdir(exist_ok=True)
    wrap_array(image).pil().save(path, quality=90, optimize=True)


def main() -> None:
    """Make all pictures again."""
    photo = dis_core.read_picture(ROOT / "examples" / "flower.jpg")
    matte = dis_core.segment(photo, model=MODEL, device="cpu")
    planes = [wrap_array(plane) for plane in (matte.depth, matte.alpha) if plane is not None]
    save(side_by_side(shown(photo), shown(matte.cutout())), "cutout.jpg")
    save(side_by_side(shown(photo), *map(shown, planes)), "steps.jpg")
    photos, pictures = ROOT / "tests" / "photos", ROOT / "docs" / "pictures"
    save(refinement(), "refinement.jpg")
    with tempfile.TemporaryDirectory() as folder:
        command("scenes", f"{folder}/scenes.png", "--count", "24", "--size", "160")
        save(shown(dis_core.read_picture(f"{folder}/scenes.png")), "scenes.jpg")
    sheet = ("--sheet", str(pictures / "test-photos.jpg"), "--worst", "17", "--overwrite")
    alone = ("--model", MODEL, "--refine", "none", "--device", "cpu")
    command("evaluate", str(photos / "images"), str(photos / "masks"), *alone, *sheet)


def refinement() -> NDArray[np.uint8]:
    """A part of a photograph with fur at full size: the image, IS-Net's matte enlarged, and the refined one.

    IS-Net has to be installed before; docs/explanation/isnet.md says how.
    """
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from composites import furry

    image = wrap_array(furry(FURRY).image)
    coarse, fine = (dis_core.segment(image, model="isnet", device="cpu", refine=way).gray() for way in ("none", "auto"))
    return side_by_side(*(shown(crop(picture, FURRY_PART)) for picture in (image, coarse, fine)))


def command(*arguments: str) -> None:
    """Run `dis-core`; raises SystemExit if it fails."""
    if status := run(arguments):
        raise SystemExit(status)


if __name__ == "__main__":
    main()
