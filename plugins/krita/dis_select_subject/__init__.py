"""Select Subject for Krita: finds the subject of a picture with dis-core, which runs as a process of its own."""

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from .desk import Desk
from .docker import docker_class
from .extension import SubjectExtension

desk = Desk()
Krita.instance().addExtension(SubjectExtension(Krita.instance(), desk))
Krita.instance().addDockWidgetFactory(
    DockWidgetFactory("dis_select_subject", DockWidgetFactoryBase.DockPosition.DockRight, docker_class(desk))
)
