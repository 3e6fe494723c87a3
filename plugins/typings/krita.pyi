"""Krita's own module, which exists only inside of Krita, for the type checker: names, and nothing about them."""

from typing import Any

Krita: Any
Extension: Any
Selection: Any
DockWidget: Any
DockWidgetFactory: Any
DockWidgetFactoryBase: Any
