"""Qt as this Krita runs it: PyQt5 up to Krita 5.3, PyQt6 from Krita 6 on.

The version decides, and not which import succeeds: where both are installed, loading the wrong one ends Krita.
"""

from __future__ import annotations

from krita import Krita

if int(Krita.instance().version().split(".")[0]) >= 6:
    from PyQt6 import QtCore, QtGui, QtWidgets
else:
    from PyQt5 import QtCore, QtGui, QtWidgets

__all__ = ["QtCore", "QtGui", "QtWidgets"]
