"""Select Subject for Krita: finds the subject of an image with dis-core, which runs as a separate process."""

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from .docker import docker_class
from .extension import SubjectExtension
from .qt import QtCore
from .shared.words import speak
from .subject_finder import SubjectFinder

locale = QtCore.QLocale()
speak([] if locale.name() == "C" else locale.uiLanguages())  # in the locale C, Krita is English too
finder = SubjectFinder()
Krita.instance().addExtension(SubjectExtension(Krita.instance(), finder))
Krita.instance().addDockWidgetFactory(
    DockWidgetFactory("dis_select_subject", DockWidgetFactoryBase.DockPosition.DockRight, docker_class(finder))
)
