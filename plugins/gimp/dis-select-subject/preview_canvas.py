"""A picture that can be zoomed and scrolled, with a matte over it; it tells of clicks, and of boxes that are drawn."""

from __future__ import annotations

from typing import Any, Callable

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gegl", "0.4")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gegl, GLib, Gtk  # noqa: E402 - the versions come first
from preview_drawing import draw, frame  # noqa: E402
from shared.settings import Box, overlap  # noqa: E402
from shared.words import _  # noqa: E402

SIZE = (640, 440)
"""So that the dialog fits on a screen of 1366 x 768."""

SEEN, COVERAGE = "R'G'B'A u8", "Y' u8"
LEAST_ZOOM, MOST_ZOOM, ZOOM_STEP = 1 / 64, 8.0, 2**0.5
MOST_FIT = 4.0
"""Small pictures are enlarged up to this to fill the preview."""
LEAST_DRAG_PX = 5
"""A shorter drag is a click by a shaking hand."""
STEP_PX = 40

LEFT, MIDDLE = 1, 2
ZOOM_IN = (Gdk.KEY_plus, Gdk.KEY_equal, Gdk.KEY_KP_Add)
ZOOM_OUT = (Gdk.KEY_minus, Gdk.KEY_KP_Subtract)
FIT = (Gdk.KEY_0, Gdk.KEY_KP_0)
UNDO = (Gdk.KEY_BackSpace, Gdk.KEY_Delete)
ARROWS = {Gdk.KEY_Left: (-1, 0), Gdk.KEY_Right: (1, 0), Gdk.KEY_Up: (0, -1), Gdk.KEY_Down: (0, 1)}


class Canvas:
    """The picture in its scrolled window, `widget`. `on_click` is told of a place and `on_box` of a box that was drawn,
    both in pixels of the picture; `on_number` is told of a digit that was pressed."""

    def __init__(self, on_click: Callable[[int, int], None], on_box: Callable[[Box], None]) -> None:
        self.on_click, self.on_box = on_click, on_box
        self.on_zoom: Callable[[], None] = lambda: None
        self.on_undo: Callable[[], None] = lambda: None
        self.on_number: Callable[[int], None] = lambda _number: None
        self.view = "edge"
        self._box: Box | None = None
        self._picture: Any = None
        self._matte: Any = None
        self._size = (1, 1)
        self._allocated = (0, 0)
        self._zoom, self._fits = 1.0, True
        self._pressed: tuple[int, float, float] | None = None
        self._drag: Box | None = None
        self._image = Gtk.Image()
        self.layout = Gtk.Layout()
        self.layout.put(self._image, 0, 0)
        self.layout.set_can_focus(True)
        self.layout.get_accessible().set_name(_("Preview"))
        self.widget = Gtk.ScrolledWindow()
        self.widget.set_shadow_type(Gtk.ShadowType.IN)
        self.widget.set_overlay_scrolling(False)
        self.widget.set_size_request(*SIZE)
        self.widget.add(self.layout)
        self._listen()

    def show_picture(self, buffer: Any, size: tuple[int, int]) -> None:
        """Show another picture, (width, height) large, with nothing over it; None while there is none."""
        self._picture, self._size, self._matte, self._box = buffer, size, None, None
        self.fit()

    def show_matte(self, plane: bytes | None) -> None:
        """Show a matte over the picture, a byte for each of its pixels."""
        if plane is None:
            self._matte = None
        else:
            whole = Gegl.Rectangle.new(0, 0, *self._size)
            # A buffer of its own each time: the reduced copies of one that is written again are made anew as well.
            self._matte = Gegl.Buffer.new(COVERAGE, 0, 0, *self._size)
            self._matte.set(whole, COVERAGE, plane)
        self.redraw()

    def show_box(self, box: Box | None) -> None:
        """Outline where the subject is looked for."""
        self._box = box
        self.redraw()

    @property
    def percent(self) -> int:
        """How large the picture is shown."""
        return max(round(100 * self._zoom), 1)

    def fit(self) -> None:
        """Show all of the picture, also when the window changes."""
        width, height = self._room()
        self._fits = True
        self._set_zoom(min(width / self._size[0], height / self._size[1], MOST_FIT), (0.0, 0.0))

    def zoom_by(self, factor: float, around: tuple[float, float] | None = None) -> None:
        """Zoom so that a place of the window, or else its middle, stays where it is."""
        self._fits = False
        width, height = self._room()
        self._set_zoom(self._zoom * factor, around or (width / 2, height / 2))

    def zoom_to(self, zoom: float) -> None:
        """Zoom to a scale, around the middle of the window."""
        self.zoom_by(zoom / self._zoom)

    def _room(self) -> tuple[int, int]:
        allocation = self.layout.get_allocation()
        return max(allocation.width, 1), max(allocation.height, 1)

    def _shown_size(self) -> tuple[int, int]:
        return max(int(self._size[0] * self._zoom), 1), max(int(self._size[1] * self._zoom), 1)

    def _margins(self) -> tuple[int, int]:
        """Where the picture begins, which is in the middle if it is smaller than the window."""
        (width, height), (wide, high) = self._shown_size(), self._room()
        return max((wide - width) // 2, 0), max((high - height) // 2, 0)

    def _set_zoom(self, zoom: float, around: tuple[float, float]) -> None:
        scrolls = self.widget.get_hadjustment(), self.widget.get_vadjustment()
        before = [
            (scroll.get_value() + at - margin) / self._zoom
            for scroll, at, margin in zip(scrolls, around, self._margins())
        ]
        self._zoom = min(max(zoom, LEAST_ZOOM), MOST_ZOOM)
        width, height = self._shown_size()
        self.layout.set_size(width, height)
        for scroll, at, place, margin, size, room in zip(
            scrolls, around, before, self._margins(), (width, height), self._room()
        ):
            scroll.set_upper(max(size, room))  # GTK does so too, but only when the window is drawn next
            scroll.set_value(place * self._zoom - at + margin)
        self.redraw()
        self.on_zoom()

    def redraw(self) -> None:
        """Draw what is seen of the picture."""
        if self._picture is None:
            self._image.clear()
            return
        (width, height), (wide, high) = self._shown_size(), self._room()
        left, top = int(self.widget.get_hadjustment().get_value()), int(self.widget.get_vadjustment().get_value())
        size = (min(wide, width - left), min(high, height - top))
        if min(size) <= 0:
            return
        pixels = self._part(self._picture, (left, top, *size), SEEN)
        around = (left - 1, top - 1, size[0] + 2, size[1] + 2)
        matte = None if self._matte is None else self._part(self._matte, around, COVERAGE)
        drawn = draw(pixels, matte, size, self.view)
        for box in (self._box, self._drag):
            if box is not None:
                x, y, box_width, box_height = (round(self._zoom * value) for value in box)
                frame(drawn, (x - left, y - top, box_width, box_height))
        self._image.set_from_pixbuf(drawn)
        margins = self._margins()
        self.layout.move(self._image, left + margins[0], top + margins[1])

    def _part(self, buffer: Any, box: Box, pixel_format: str) -> bytes:
        return bytes(buffer.get(Gegl.Rectangle.new(*box), self._zoom, pixel_format, Gegl.AbyssPolicy.NONE))

    def _listen(self) -> None:
        events = Gdk.EventMask
        self.layout.add_events(
            events.BUTTON_PRESS_MASK
            | events.BUTTON_RELEASE_MASK
            | events.BUTTON_MOTION_MASK
            | events.SCROLL_MASK
            | events.SMOOTH_SCROLL_MASK
        )
        self.layout.connect("button-press-event", self._press)
        self.layout.connect("motion-notify-event", self._move)
        self.layout.connect("button-release-event", self._release)
        self.layout.connect("scroll-event", self._wheel)
        self.layout.connect("key-press-event", self._key)
        self.layout.connect("size-allocate", self._resize)
        for scroll in (self.widget.get_hadjustment(), self.widget.get_vadjustment()):
            scroll.connect("value-changed", lambda _scroll: self.redraw())

    def _resize(self, _layout: Any, allocation: Any) -> None:
        if (allocation.width, allocation.height) != self._allocated:
            self._allocated = (allocation.width, allocation.height)
            # Not now: GTK does not notice changes to a window that it is just laying out.
            GLib.idle_add(self._redraw_resized)

    def _redraw_resized(self) -> None:
        if self._fits:
            self.fit()
        else:
            self.redraw()

    def _place(self, event: Any) -> tuple[float, float]:
        """Where the mouse is, in pixels of the picture."""
        margins = self._margins()
        return (event.x - margins[0]) / self._zoom, (event.y - margins[1]) / self._zoom

    def _press(self, _layout: Any, event: Any) -> bool:
        self.layout.grab_focus()
        if event.button == LEFT and event.type == Gdk.EventType.BUTTON_PRESS:
            self._pressed = (LEFT, *self._place(event))
        elif event.button == MIDDLE:
            self._pressed = (MIDDLE, event.x_root, event.y_root)
        return True

    def _move(self, _layout: Any, event: Any) -> bool:
        if self._pressed is None:
            return False
        button, x, y = self._pressed
        if button == MIDDLE:
            self._scroll(x - event.x_root, y - event.y_root)
            self._pressed = (MIDDLE, event.x_root, event.y_root)
        else:
            to_x, to_y = self._place(event)
            moved_px = max(abs(to_x - x), abs(to_y - y)) * self._zoom
            if self._drag is not None or moved_px >= LEAST_DRAG_PX:
                left, top, right, bottom = int(min(x, to_x)), int(min(y, to_y)), int(max(x, to_x)), int(max(y, to_y))
                box = (left, top, right - left + 1, bottom - top + 1)
                self._drag = overlap((0, 0, *self._size), box) or self._drag
                self.redraw()
        return True

    def _release(self, _layout: Any, event: Any) -> bool:
        pressed, drawn = self._pressed, self._drag
        self._pressed = self._drag = None
        if pressed is None or pressed[0] != LEFT or event.button != LEFT:
            return False
        self.redraw()
        if drawn is not None:
            self.on_box(drawn)
        elif 0 <= pressed[1] < self._size[0] and 0 <= pressed[2] < self._size[1]:
            self.on_click(int(pressed[1]), int(pressed[2]))
        return True

    def _wheel(self, _layout: Any, event: Any) -> bool:
        """Ctrl and the wheel zoom, as on GIMP's canvas; the wheel alone scrolls, which GTK does."""
        if not event.state & Gdk.ModifierType.CONTROL_MASK:
            return False
        smooth, _, down = event.get_scroll_deltas()
        up = -down if smooth else {Gdk.ScrollDirection.UP: 1, Gdk.ScrollDirection.DOWN: -1}.get(event.direction, 0)
        scrolls = self.widget.get_hadjustment(), self.widget.get_vadjustment()
        self.zoom_by(ZOOM_STEP**up, (event.x - scrolls[0].get_value(), event.y - scrolls[1].get_value()))
        return True

    def _key(self, _layout: Any, event: Any) -> bool:
        if event.keyval in ZOOM_IN:
            self.zoom_by(ZOOM_STEP)
        elif event.keyval in ZOOM_OUT:
            self.zoom_by(1 / ZOOM_STEP)
        elif event.keyval in FIT:
            self.fit()
        elif event.keyval in UNDO:
            self.on_undo()
        elif "1" <= chr(Gdk.keyval_to_unicode(event.keyval)) <= "9":
            self.on_number(int(chr(Gdk.keyval_to_unicode(event.keyval))))
        elif event.keyval in ARROWS:
            x, y = ARROWS[event.keyval]
            self._scroll(STEP_PX * x, STEP_PX * y)
        else:
            return False
        return True

    def _scroll(self, x: float, y: float) -> None:
        for scroll, distance in ((self.widget.get_hadjustment(), x), (self.widget.get_vadjustment(), y)):
            scroll.set_value(scroll.get_value() + distance)
