"""Makes an environment with Python's own venv or with uv, and installs dis-core into it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import Callable, Iterator

from .events import Failed
from .file_names import text_of
from .guarded import Stop, module, run
from .own_environment import CPU, DOWNLOADS
from .pip_words import UNPACKING, disk_full, doing_in, failure_in

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where PyTorch publishes its build without the libraries of graphics cards, as its documentation says."""

ANY_PYTHON = "3.12"
"""Which Python uv gets if none is here."""

SMALL_BUILD_UNREACHABLE = "SmallBuildUnreachable"
DOWNLOADED = 0.7
"""How far the progress is when everything is downloaded."""
FULL_BYTES = 4_000_000
"""With less than this free, a disk is as good as full."""
UNWANTED = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "VIRTUAL_ENV", "CONDA_PREFIX")
PIP_OPTIONS = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")


class Refusal(Exception):
    """It cannot be done; `failed` says why."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message)
        self.failed = failed


class Installing:
    """One environment in the making, in the folder `new`, which exists; either `uv` or the Python `base` makes it."""

    def __init__(
        self,
        stop: Stop,
        new: str,
        *,
        uv: str | None,
        base: str | None,
        build: str,
        download_bytes: int,
        disk_bytes: int,
        on_progress: Callable[[float, str, float], None],
    ) -> None:
        self._stop, self._new, self._uv, self._base, self._build = stop, new, uv, base, build
        self._download_bytes, self._disk_bytes = max(download_bytes, 1), max(disk_bytes, 1)
        self._on_progress = on_progress
        self._doing, self._fraction = "preparing the download", 0.0
        self._started, self._free_before = time.monotonic(), 0
        self._temporary = os.path.join(new, "tmp")
        self._downloads = os.path.join(os.path.dirname(new), DOWNLOADS)
        self.python = os.path.join(new, *(("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")))
        self.environment = self._clean_environment()

    def make_environment(self) -> None:
        """An environment with nothing but pip in it, or nothing at all for uv. Raises Refusal, Stopped, OSError."""
        os.makedirs(self._temporary, exist_ok=True)
        if self._uv is not None:
            command = [self._uv, "venv", "--no-project", "--python", self._base or ANY_PYTHON, "--allow-existing"]
            self._run([*command, self._new])
        else:
            assert self._base is not None  # noqa: S101 - narrows the type
            self._run(module(self._base, "venv", self._new))

    def install(self, requirement: str) -> None:
        """Install dis-core and what it needs. Raises Refusal, Stopped, OSError."""
        self._started = time.monotonic()
        self._free_before = shutil.disk_usage(self._new).free
        if self._uv is not None:
            self._install_with_uv(self._uv, requirement)
        else:
            if self._build == CPU:
                self._install_small_torch()
            self._run(self._pip("install", requirement))
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _install_with_uv(self, uv: str, requirement: str) -> None:
        backend = ["--torch-backend", "cpu"] if self._build == CPU else []
        status, lines = self._hear([uv, "pip", "install", "--python", self.python, *backend, requirement])
        if not status:
            return
        failed = self._failure(lines)
        about_small = any("download.pytorch.org" in line for line in lines)
        raise Refusal(small_build_unreachable() if failed.code == "NoNetwork" and about_small else failed)

    def _install_small_torch(self) -> None:
        """Both packages: without torchvision, the next step would bring the usual one, and with it the large torch."""
        command = self._pip("install", "torch", "torchvision", "--index-url", CPU_INDEX)
        # Another index of the user could have the large build, of which nobody has said how large it is.
        status, lines = self._hear(command, PIP_EXTRA_INDEX_URL="")
        if not status:
            return
        failed = self._failure(lines)
        if failed.code not in ("NoNetwork", "NoPackage"):
            raise Refusal(failed)
        self._run(self._pip("install", "filelock"))  # a small one of what torch needs; it fails if nothing is reached
        raise Refusal(small_build_unreachable())

    def _pip(self, verb: str, *arguments: str) -> list[str]:
        return module(self.python, "pip", verb, *PIP_OPTIONS, "--cache-dir", self._downloads, *arguments)

    def _run(self, command: list[str]) -> None:
        status, lines = self._hear(command)
        if status:
            raise Refusal(self._failure(lines))

    def _failure(self, lines: list[str]) -> Failed:
        """Why it failed. Not everything that fails on a full disk says so."""
        folder = os.path.dirname(self._new)
        if shutil.disk_usage(self._new).free < FULL_BYTES:
            return disk_full(text_of(folder))
        return failure_in(lines, text_of(folder))

    def _hear(self, command: list[str], **more: str) -> tuple[int, list[str]]:
        environment = {**self.environment, **more}
        return run(command, self._stop, environment=environment, on_line=self._take, on_tick=self._tick)

    def _take(self, line: str) -> None:
        doing = doing_in(line)
        if doing == UNPACKING and self._free_before:
            self._free_before = shutil.disk_usage(self._new).free
        self._doing = doing or self._doing
        self._tick()

    def _tick(self) -> None:
        """Tell how far it is, which is guessed from how much has been written."""
        if not self._free_before:
            return  # there is only an environment in the making
        if self._doing == UNPACKING:
            written = max(self._free_before - shutil.disk_usage(self._new).free, 0)
            fraction, left_s = DOWNLOADED + (1 - DOWNLOADED) * min(written / self._disk_bytes, 1.0), 0.0
        else:
            here = sum(_sizes_of_wheels(self._temporary))
            fraction, left_s = DOWNLOADED * min(here / self._download_bytes, 1.0), self._remaining_s(here)
        self._fraction = max(fraction, self._fraction)
        self._on_progress(self._fraction, self._doing, left_s)

    def _remaining_s(self, here: int) -> float:
        """How long the download will still take; 0 if that is not known."""
        spent = time.monotonic() - self._started
        if not 0.02 < here / self._download_bytes < 1:
            return 0.0
        return spent * (self._download_bytes - here) / here

    def _clean_environment(self) -> dict[str, str]:
        """What downloads is kept inside, also where the system's temporary folder is small."""
        kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._temporary)
        # What a company has put among the system's certificates counts; older versions of uv know the second name.
        for name, value in (("PIP_RETRIES", "3"), ("UV_SYSTEM_CERTS", "1"), ("UV_NATIVE_TLS", "1")):
            kept.setdefault(name, value)
        return {**kept, **places, "PIP_USER": "0", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def small_build_unreachable() -> Failed:
    """PyTorch's own index does not answer, while the usual one does."""
    return Failed(
        SMALL_BUILD_UNREACHABLE,
        "the small build of PyTorch cannot be reached; the usual build works as well, but is larger",
    )


def disk_full_in(folder: str) -> Failed:
    return disk_full(text_of(folder))


def _sizes_of_wheels(folder: str) -> Iterator[int]:
    for above, _, names in os.walk(folder):
        for name in names:
            if name.endswith((".whl", ".tar.gz", ".zip")):
                try:
                    yield os.lstat(os.path.join(above, name)).st_size
                except OSError:  # it has just gone
                    continue
