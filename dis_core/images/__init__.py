"""Pictures: read from files and other sources, put before backgrounds, and written, without losing anything of them."""

from dis_core.images.formats import MAX_PIXELS
from dis_core.images.picture import Picture, Pixels
from dis_core.images.reading import as_picture, read_picture

__all__ = ["MAX_PIXELS", "Picture", "Pixels", "as_picture", "read_picture"]
