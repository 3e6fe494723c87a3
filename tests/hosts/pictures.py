"""Pictures for the editors' tests, and what is expected to be selected in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from tests.hosts.krita_program import KritaProgram

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]

FLOWER = Path(__file__).parents[2] / "examples" / "flower.jpg"
WIDTH, HEIGHT = 120, 80
SQUARE: Box = (40, 20, 30, 25)
"""x, y, width and height of what is bright in `dark_with`."""

DUST = 5
"""What the plug-ins take for nothing."""


def dark_with(*boxes: Box, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """(height, width, 4) B, G, R, A: a dark blue, opaque, with bright boxes."""
    image = np.empty((height, width, 4), np.uint8)
    image[:] = (90, 40, 20, 255)
    for x, y, box_width, box_height in boxes:
        image[y : y + box_height, x : x + box_width] = (200, 240, 250, 255)
    return image


def flower(width: int = 240, height: int = 160) -> Pixels:
    with Image.open(FLOWER) as image:
        rgba = np.asarray(image.resize((width, height)).convert("RGBA"))
    return np.ascontiguousarray(rgba[..., [2, 1, 0, 3]])


def plane(*boxes: Box, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """(height, width): 255 in the boxes, else 0."""
    mask = np.zeros((height, width), np.uint8)
    for x, y, box_width, box_height in boxes:
        mask[y : y + box_height, x : x + box_width] = 255
    return mask


class KritaPicture:
    """A picture in Krita, under a name of its own."""

    def __init__(self, krita: KritaProgram, folder: Path, name: str) -> None:
        self.krita, self.folder, self.name = krita, folder, name
        self.size = (0, 0)

    def show(self, image: Pixels | None, *, box: Box | None = None, **more: Any) -> None:  # arguments of `create`
        """Open a picture with these pixels as its layer Photo; `box` says where they lie, `width` and `height` the
        picture's size."""
        if image is not None:
            more = {"width": image.shape[1], "height": image.shape[0], "pixels": self.file(image), **more}
            box = box or (0, 0, image.shape[1], image.shape[0])
        self.size = (more["height"], more["width"])
        self.call("create", box=box, **more)

    def call(self, function: str, **arguments: Any) -> Any:  # whatever the function takes and returns
        return self.krita.call(function, name=self.name, **arguments)

    def run(self, action: str = "dis_select_subject", **settings: Any) -> dict[str, Any]:
        """Trigger an action and wait for its end; returns the messages."""
        report: dict[str, Any] = self.call("run", action=action, **settings)
        return report

    def file(self, content: NDArray[Any]) -> str:
        path = self.folder / f"{self.name}-{len(list(self.folder.iterdir()))}"
        path.write_bytes(content.tobytes())
        return str(path)

    def select(self, mask: Pixels) -> None:
        self.call("select_plane", path=self.file(mask))

    def selection(self) -> Pixels:
        """(height, width) of what is selected. Fails if nothing is, not even as a selection of nothing."""
        selected = self.selection_if_any()
        assert selected is not None, "nothing is selected"
        return selected

    def selection_if_any(self) -> Pixels | None:
        """`selection`; None where it would fail, such as between the two halves of a step that Krita can undo."""
        path = self.folder / "selection"
        if self.call("save_selection", path=str(path)) is None:
            return None
        return np.frombuffer(path.read_bytes(), np.uint8).reshape(self.size)

    def has_selection(self) -> bool:
        return self.call("save_selection", path=str(self.folder / "selection")) is not None

    def pixels(self, layer: str, dtype: str = "u1") -> NDArray[Any]:
        """(height, width, channels) of a layer's own pixels over the picture."""
        path = self.folder / "layer"
        self.call("save_pixels", layer=layer, path=str(path))
        return np.frombuffer(path.read_bytes(), dtype).reshape(*self.size, -1)

    def shown(self) -> Path:
        """The picture as Krita shows it, as a PNG file."""
        path = self.folder / f"{self.name}-shown.png"
        self.call("save_shown", path=str(path))
        return path
