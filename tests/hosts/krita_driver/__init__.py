"""A plug-in for Krita, for tests only: does in Krita's main thread what the tests ask for.

A request is a file `N.request` (JSON: a function of the script, and arguments by name) in the folder that DIS_TEST_MAIL
names; the answer is a file `N.answer`. The scripts that DIS_TEST_SCRIPTS lists are ordinary modules. Their
functions may be generators: what they yield is a condition, and they go on, from Krita's own event loop, when it holds.
"""

import faulthandler
import importlib
import json
import os
import signal
import sys
import time
import traceback

from krita import Extension, Krita

if int(Krita.instance().version().split(".")[0]) >= 6:
    from PyQt6.QtCore import QTimer
else:
    from PyQt5.QtCore import QTimer

PATIENCE_S = 120.0 * float(os.environ.get("DIS_TEST_PATIENCE", "1"))


class Driver(Extension):
    """Looks for requests fifty times a second."""

    def __init__(self, parent):
        super().__init__(parent)
        self.unhandled = []

    def setup(self):
        self.mail = os.environ["DIS_TEST_MAIL"]
        self.script = {}
        for path in os.environ["DIS_TEST_SCRIPTS"].split(os.pathsep):
            sys.path.insert(0, os.path.dirname(path))  # so that they can import each other
            self.script.update(vars(importlib.import_module(os.path.splitext(os.path.basename(path))[0])))
        self.script["unhandled"] = self.unhandled
        self.number = 0
        self.running = None
        self.timer = QTimer()
        self.timer.timeout.connect(self.look)
        self.timer.start(20)

    def createActions(self, window):  # noqa: N802 - Krita's name
        # Krita's own hook opens a modal dialog, which would stop the tests instead of failing one.
        faulthandler.enable()
        faulthandler.register(signal.SIGUSR1)  # so that a test can ask where Krita hangs
        sys.excepthook = lambda *error: self.unhandled.append("".join(traceback.format_exception(*error)))

    def look(self):
        if self.running is not None:
            self.go_on()
            return
        path = os.path.join(self.mail, f"{self.number}.request")
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as file:
            request = json.load(file)
        try:
            answer = self.script[request["function"]](**request["arguments"])
        except Exception:  # noqa: BLE001 - it is reported to the test
            self.answer({"error": traceback.format_exc()})
            return
        if hasattr(answer, "send"):
            self.running, self.condition, self.asked_at = answer, (lambda: True), time.monotonic()
        else:
            self.answer({"value": answer})

    def go_on(self):
        try:
            if not self.condition():
                if time.monotonic() - self.asked_at > PATIENCE_S:
                    self.running.throw(TimeoutError("the condition never held"))
                return
            self.condition, self.asked_at = self.running.send(None), time.monotonic()
        except StopIteration as end:
            self.answer({"value": end.value})
        except BaseException:  # noqa: BLE001 - it is reported to the test
            self.answer({"error": traceback.format_exc()})

    def answer(self, content):
        content["unhandled"] = list(self.unhandled)
        del self.unhandled[:]
        self.running = None
        path = os.path.join(self.mail, f"{self.number}.answer")
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.rename(path + ".part", path)
        self.number += 1


Krita.instance().addExtension(Driver(Krita.instance()))
