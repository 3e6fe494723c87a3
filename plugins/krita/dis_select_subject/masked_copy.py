"""A copy of a layer with a mask of its own, as one undo step."""

from __future__ import annotations

from typing import Any, Iterator

from . import document as pictures
from .outlines import forget_outline
from .shared.words import _


def add_masked_copy(layer: Any, document: Any, plane: bytes) -> Iterator[None]:
    """Add a copy of a layer above it, with a plane as its transparency mask. Yields when Krita has to continue first.

    Krita has no way to put a mask into a layer that is not in an image, and each change of an image is an undo step. So
    the layer itself gets the mask, is copied with it, and that step is undone. Raises Refused.
    """
    if layer.parentNode() is None:
        raise pictures.Refused(_("The layer has been removed in the meantime"))
    selection = document.selection()
    kept = None if selection is None else selection.duplicate()
    masks = len(layer.childNodes())
    yield from pictures.add_mask(layer, document, plane)
    document.waitForDone()
    if len(layer.childNodes()) == masks:  # and the last step is one of the user's own
        raise pictures.Refused(_("Krita did not make the mask. Please try again"))
    copy = layer.duplicate()
    copy.setName(_("Subject"))
    yield from pictures.act("edit_undo", document)
    document.waitForDone()
    layer.parentNode().addChildNode(copy, layer)
    document.setActiveNode(copy)
    if kept is not None and document.selection() is None:
        forget_outline(kept)
        document.setSelection(kept)
    document.refreshProjection()
