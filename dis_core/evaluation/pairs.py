"""Which prediction belongs to which truth: files of two folders matched by their names without endings."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from dis_core.errors import BadRequest, NoImage
from dis_core.images.picture import Picture
from dis_core.images.reading import read_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

MATTE_SUFFIX: Final = "-mask"
"""What `dis-core mask` adds to the name of an image; it does not count when names are compared."""

_NAMED_AT_MOST: Final = 3
# Between the largest and the smallest channel of a pixel; the artifacts of a gray JPEG stay far below it.
_COLORFUL: Final = 0.25

Kind = Literal["mattes", "images"]


@dataclass(frozen=True)
class Pair:
    """A prediction and its truth, under the name that they share, and the image itself, if it is known."""

    name: str
    prediction: Path
    truth: Path
    image: Path | None = None


@dataclass(frozen=True)
class Matching:
    """What two folders have in common, and the files that only one of them has."""

    pairs: list[Pair]
    without_truth: list[Path]
    without_prediction: list[Path]


def match_files(
    predictions: Path, truths: Path, *, endings: Collection[str], recursive: bool, kind: Kind = "mattes"
) -> Matching:
    """Match two folders, or two files with each other whatever they are called.

    Names are compared without their endings and without "-mask" before them; with `recursive`, together with the
    folders that they lie in. `endings` are those of images, in lower case. `kind` says what `predictions` holds.

    Raises BadRequest if the two are not alike or two files of a folder share a name, NoImage if there are no images.
    """
    if predictions.is_file() and truths.is_file():
        return Matching([Pair(predictions.stem, predictions, truths)], [], [])
    if predictions.is_file() or truths.is_file():
        raise BadRequest(f"{predictions} and {truths} are not both files or both folders")
    found = files_by_name(predictions, endings=endings, recursive=recursive, kind=kind)
    true = files_by_name(truths, endings=endings, recursive=recursive, kind="mattes")
    pairs = [Pair(name, found[name], true[name]) for name in sorted(found.keys() & true.keys())]
    if not pairs:
        raise BadRequest(
            f"no file of {predictions} is called as one of {truths}: there are {next(iter(found.values())).name} and "
            f"{next(iter(true.values())).name}, for instance",
            hint="give the two folders of one set; names may differ in their endings only",
        )
    return Matching(
        pairs,
        [found[name] for name in sorted(found.keys() - true.keys())],
        [true[name] for name in sorted(true.keys() - found.keys())],
    )


def refuse_unmatched(matching: Matching) -> None:
    """Raises BadRequest naming the first files that only one folder has."""
    hint = "add what is missing, or leave them out with --allow-missing"
    for files, what in ((matching.without_prediction, "no prediction"), (matching.without_truth, "no truth")):
        if files:
            raise BadRequest(f"there is {what} for {_first_few(files)}", hint=hint)


def with_images(pairs: Sequence[Pair], images: Path, *, endings: Collection[str], recursive: bool) -> list[Pair]:
    """The pairs with the images that a folder has for them, or the one image that is named. Raises as `match_files`."""
    if images.is_file():
        return [replace(pair, image=images) for pair in pairs]
    known = files_by_name(images, endings=endings, recursive=recursive, kind="images")
    return [replace(pair, image=known.get(pair.name)) for pair in pairs]


def files_by_name(folder: Path, *, endings: Collection[str], recursive: bool, kind: Kind) -> dict[str, Path]:
    """The images of a folder, without hidden ones, by their names as `match_files` compares them, in order.

    Of beach.jpg and beach-mask.png the mask is taken where `kind` is "mattes", and else the image.
    """
    by_name: dict[str, Path] = {}
    for path in _images_in(folder, endings=endings, recursive=recursive):
        name = path.relative_to(folder).with_suffix("").as_posix().removesuffix(MATTE_SUFFIX)
        other = by_name.setdefault(name, path)
        if other == path:
            continue
        if _is_mask(path) == _is_mask(other):
            raise BadRequest(f"{path} and {other.name} share one name", hint="keep one of them in that folder")
        if _is_mask(path) == (kind == "mattes"):
            by_name[name] = path
    if not by_name:
        deeper = "" if recursive else " (--recursive looks into its folders too)"
        raise NoImage(f"there are no images in the folder {folder}{deeper}")
    return by_name


def read_matte(path: Path) -> NDArray[np.float32]:
    """A matte from an image file, (H, W) float32 in [0, 1]: its transparency, where it has any, else its gray values.

    Raises NoImage if the file cannot be read, BadRequest if it is a picture in color.
    """
    picture = read_picture(path)
    if picture.alpha is not None:
        return picture.alpha
    _refuse_colors(picture, path)
    matte: NDArray[np.float32] = picture.pixels.mean(axis=2, dtype=np.float32)
    matte /= np.float32(picture.levels)
    return matte


def read_pair(pair: Pair) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(prediction, truth), both (H, W) float32 in [0, 1].

    Raises BadRequest if their sizes differ, and as `read_matte`.
    """
    prediction, truth = read_matte(pair.prediction), read_matte(pair.truth)
    if prediction.shape != truth.shape:
        (height, width), (true_height, true_width) = prediction.shape, truth.shape
        raise BadRequest(
            f"{pair.prediction} is {width} x {height} pixels, but {pair.truth} is {true_width} x {true_height}",
            hint="nothing is scaled here, because that changes what is measured: predict at the truth's size",
        )
    return prediction, truth


def _images_in(folder: Path, *, endings: Collection[str], recursive: bool) -> list[Path]:
    def fail(error: OSError) -> None:
        raise NoImage(f"the folder {error.filename} cannot be read: {error.strerror}", hint="check the spelling")

    images = []
    for place, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        named = (Path(place) / name for name in sorted(files) if not name.startswith("."))
        images += [path for path in named if path.suffix.lower() in endings]
    return images


def _is_mask(path: Path) -> bool:
    return path.stem.endswith(MATTE_SUFFIX)


def _first_few(files: Sequence[Path]) -> str:
    more = len(files) - _NAMED_AT_MOST
    return ", ".join(map(str, files[:_NAMED_AT_MOST])) + (f" and {more} more" if more > 0 else "")


def _refuse_colors(picture: Picture, path: Path) -> None:
    if picture.pixels.shape[2] == 1:
        return
    red, green, blue = (picture.pixels[..., channel] for channel in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    if spread.max() > _COLORFUL * picture.levels:
        raise BadRequest(
            f"{path} is a picture in color and no matte", hint="a matte is gray, white where the subject is"
        )
