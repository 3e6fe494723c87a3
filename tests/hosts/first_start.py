"""What the driver does at the first start of Krita, without the plug-in that is tested: nothing but to leave again."""

from krita import Krita

APP = Krita.instance()


def wait_for_window():
    yield lambda: APP.activeWindow() is not None and APP.activeWindow().qwindow().isVisible()
    yield lambda: True


def quit_krita():
    APP.action("file_quit").trigger()
