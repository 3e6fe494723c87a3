"""Which prediction belongs to which truth: the files of two folders, matched by their names without endings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from dis_core.errors import BadRequest, NoImage
from dis_core.images.formats import IMAGE_ENDINGS
from dis_core.images.picture import Picture
from dis_core.images.reading import read_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

MATTE_SUFFIX: Final = "-mask"
"""What `dis-core mask` adds to the name of an image; it is ignored when names are compared."""

# The difference of a pixel's largest and smallest channel; the artifacts of a gray JPEG stay far below this.
_COLORFUL: Final = 0.25

Kind = Literal["mattes", "images"]


@dataclass(frozen=True)
class Pair:
    """A prediction and its truth, the name that they share, and the image itself if it is known."""

    name: str
    prediction: Path
    truth: Path
    image: Path | None = None


@dataclass(frozen=True)
class Matching:
    """The pairs that two folders have in common, and the files that only one of them has."""

    pairs: list[Pair]
    without_truth: list[Path]
    without_prediction: list[Path]


def match_files(predictions: Path, truths: Path, *, recursive: bool, kind: Kind = "mattes") -> Matching:
    """Match the images of two folders by name, or two files with each other, whatever their names.

    Names are compared without their endings and without a "-mask" before them; with `recursive`, together with the
    folders they are in. `kind` says what `predictions` holds.

    Raises BadRequest for a file and a folder, for folders without a common name, and for two files of the same name in
    a folder; NoImage if a folder has no images.
    """
    if predictions.is_file() and truths.is_file():
        return Matching([Pair(predictions.stem, predictions, truths)], [], [])
    if predictions.is_file() or truths.is_file():
        raise BadRequest(f"{predictions} and {truths} are a file and a folder", hint="give two files or two folders")
    found = files_by_name(predictions, recursive=recursive, kind=kind)
    true = files_by_name(truths, recursive=recursive, kind="mattes")
    pairs = [Pair(name, found[name], true[name]) for name in sorted(found.keys() & true.keys())]
    if not pairs:
        raise BadRequest(
            f"{predictions} and {truths} have no names in common; the first ones are "
            f"{next(iter(found.values())).name} and {next(iter(true.values())).name}",
            hint="give the two folders of one set; names may differ only in their endings",
        )
    return Matching(
        pairs,
        [found[name] for name in sorted(found.keys() - true.keys())],
        [true[name] for name in sorted(true.keys() - found.keys())],
    )


def with_images(pairs: Sequence[Pair], images: Path, *, recursive: bool) -> list[Pair]:
    """Add the images that a folder has for the pairs, or one image for all. Raises what `match_files` raises."""
    if images.is_file():
        return [replace(pair, image=images) for pair in pairs]
    known = files_by_name(images, recursive=recursive, kind="images")
    return [replace(pair, image=known.get(pair.name)) for pair in pairs]


def files_by_name(folder: Path, *, recursive: bool, kind: Kind) -> dict[str, Path]:
    """The images of a folder, except hidden ones, by their names as `match_files` compares them, in order.

    Of beach.jpg and beach-mask.png, the mask is taken if `kind` is "mattes", else the image. Raises NoImage if there
    are no images, BadRequest if two have the same name.
    """
    by_name: dict[str, Path] = {}
    for path in _images_in(folder, recursive=recursive):
        name = path.relative_to(folder).with_suffix("").as_posix().removesuffix(MATTE_SUFFIX)
        other = by_name.setdefault(name, path)
        if other == path:
            continue
        if _is_mask(path) == _is_mask(other):
            raise BadRequest(f"{path} and {other.name} have the same name", hint="keep only one of them in that folder")
        if _is_mask(path) == (kind == "mattes"):
            by_name[name] = path
    if not by_name:
        hint = "check the spelling" if recursive else "to look into its folders too: `recursive=True`"
        raise NoImage(f"there are no images in the folder {folder}", hint=hint)
    return by_name


def read_matte(path: Path) -> NDArray[np.float32]:
    """Read a matte from an image file, (H, W) float32 in [0, 1]: its alpha if it has one, else its gray values.

    Raises NoImage if the file cannot be read, BadRequest if it is in color.
    """
    picture = read_picture(path)
    if picture.alpha is not None:
        return picture.alpha
    _refuse_colors(picture, path)
    matte: NDArray[np.float32] = picture.pixels.mean(axis=2, dtype=np.float32)
    matte /= np.float32(picture.levels)
    return matte


def read_pair(pair: Pair) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read (prediction, truth), both (H, W) float32 in [0, 1].

    Raises BadRequest if their sizes differ, and what `read_matte` raises.
    """
    prediction, truth = read_matte(pair.prediction), read_matte(pair.truth)
    if prediction.shape != truth.shape:
        (height, width), (true_height, true_width) = prediction.shape, truth.shape
        raise BadRequest(
            f"{pair.prediction} is {width} x {height} pixels, but {pair.truth} is {true_width} x {true_height}",
            hint="predict at the size of the truth; scaling here would change what is measured",
        )
    return prediction, truth


def _images_in(folder: Path, *, recursive: bool) -> list[Path]:
    def fail(error: OSError) -> None:
        raise NoImage(f"the folder {error.filename} cannot be read: {error.strerror}", hint="check the spelling")

    images = []
    for place, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        named = (Path(place) / name for name in sorted(files) if not name.startswith("."))
        images += [path for path in named if path.suffix.lower() in IMAGE_ENDINGS]
    return images


def _is_mask(path: Path) -> bool:
    return path.stem.endswith(MATTE_SUFFIX)


def _refuse_colors(picture: Picture, path: Path) -> None:
    if picture.pixels.shape[2] == 1:
        return
    red, green, blue = (picture.pixels[..., channel] for channel in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    if spread.max() > _COLORFUL * picture.levels:
        raise BadRequest(
            f"{path} is in color, so it is not a matte", hint="a matte is gray, and white where the subject is"
        )
