"""The PyQt of this Krita: PyQt5 up to Krita 5.3, PyQt6 from Krita 6 on.

Krita's version decides, not which import succeeds: if both are installed, the wrong one would crash Krita.
"""

from __future__ import annotations

from krita import Krita

if int(Krita.instance().version().split(".")[0]) >= 6:
    from PyQt6 import QtCore, QtGui, QtWidgets
else:
    from PyQt5 import QtCore, QtGui, QtWidgets

__all__ = ["QtCore", "QtGui", "QtWidgets"]
