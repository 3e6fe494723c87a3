"""Pictures in GIMP for its tests, each under a name of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.hosts.gimp_program import GimpProgram
from tests.hosts.pictures import Box, Pixels

SELECT, MASK, CUT = (f"plug-in-dis-{action}-subject" for action in ("select", "mask", "cut"))
PROCEDURES = (SELECT, MASK, CUT)


class GimpPicture:
    """A picture in GIMP."""

    def __init__(self, gimp: GimpProgram, folder: Path, name: str) -> None:
        self.gimp, self.folder, self.name = gimp, folder, name
        self.size = (0, 0)

    def show(self, image: Pixels | None, *, box: Box | None = None, **more: Any) -> None:  # arguments of `create`
        """Make a picture with these B, G, R, A pixels as its layer Photo; `box` says where they lie, `width` and
        `height` the picture's size."""
        if image is not None:
            pixels = self.file(image[..., [2, 1, 0, 3]])
            more = {"width": image.shape[1], "height": image.shape[0], "pixels": pixels, **more}
            box = box or (0, 0, image.shape[1], image.shape[0])
        self.size = (more["height"], more["width"])
        self.call("create", box=box, **more)

    def call(self, function: str, **arguments: Any) -> Any:  # whatever the function takes and returns
        return self.gimp.call(function, name=self.name, **arguments)

    def add_layer(self, layer: str, image: Pixels, x: int, y: int, group: str | None = None) -> None:
        box = [x, y, image.shape[1], image.shape[0]]
        self.call("add_layer", layer=layer, pixels=self.file(image[..., [2, 1, 0, 3]]), box=box, group=group)

    def run(self, procedure: str = SELECT, *, model: str = "bright", **arguments: Any) -> str:
        """Call a procedure that is to succeed, as GIMP says it did; a cut layer is as large as its source if no other
        size is asked for, so that its pixels can be compared."""
        if procedure == CUT:
            arguments = {"size": "source", **arguments}
        answer = self.call("run", procedure=procedure, model=model, **arguments)
        assert answer["status"] == "success", answer
        return str(answer["status"])

    def refusal(self, procedure: str = SELECT, *, model: str = "bright", **arguments: Any) -> str:
        """Call a procedure that is to end with an error; GIMP's words for it."""
        answer = self.call("run", procedure=procedure, model=model, **arguments)
        assert answer["status"] == "execution-error", answer
        return str(answer["message"])

    def file(self, content: NDArray[Any]) -> str:
        path = self.folder / f"{self.name}-{len(list(self.folder.iterdir()))}"
        path.write_bytes(content.tobytes())
        return str(path)

    def select(self, mask: Pixels) -> None:
        self.call("select_plane", path=self.file(mask))

    def selection(self) -> Pixels:
        """(height, width) of what is selected."""
        path = self.folder / "selection"
        self.call("save_selection", path=str(path))
        return np.frombuffer(path.read_bytes(), np.uint8).reshape(self.size)

    def mask(self, layer: str = "Photo") -> Pixels | None:
        """The bytes of a layer's mask, flat; None if it has none."""
        path = self.folder / "mask"
        if not self.call("save_mask", layer=layer, path=str(path)):
            return None
        return np.frombuffer(path.read_bytes(), np.uint8)

    def pixels(self, layer: str, dtype: str = "u1", pixel_format: str = "R'G'B'A u8") -> NDArray[Any]:
        """(height, width, channels) of a layer's own pixels over its own box."""
        path = self.folder / "layer"
        _, _, width, height = self.call("save_pixels", layer=layer, path=str(path), format=pixel_format)
        return np.frombuffer(path.read_bytes(), dtype).reshape(height, width, -1)

    def own_pixels(self, layer: str) -> Pixels:
        """(height, width, 4) of a layer of 8 bits with the size of the picture, in the picture's own profile."""
        path = self.folder / "own"
        self.call("save_own_pixels", layer=layer, path=str(path))
        return np.frombuffer(path.read_bytes(), np.uint8).reshape(*self.size, 4)

    def layers(self) -> list[str]:
        """The names of the layers, the topmost first."""
        names: list[str] = self.call("layers")
        return names
