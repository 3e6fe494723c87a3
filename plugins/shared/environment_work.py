"""Makes the environment for dis-core, or removes it, and prints what it does as events, one JSON object per line.

Nothing half is left: an environment counts only when its record is there, which is written last, and what has none is
removed, here or by the next run. What was downloaded is kept until an environment is complete. This runs in a process
of its own, which stops when its standard input ends, as that of a child does when the editor has died.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import shutil
import sys
import time
from typing import Iterator, Sequence

from .events import Failed
from .file_names import text_of
from .guarded import Stop, Stopped, run
from .own_environment import DOWNLOADS, Environment, check_sum, find_environment, gigabytes
from .own_folder import RECORD
from .package_install import Installing, Refusal, disk_full_in
from .pythons import CHOSEN, Command, candidates, find_uv, is_new_enough, suitable

LOCK = "lock"
ENVIRONMENT_READY, INSTALLED = 0.04, 0.96
"""How far the progress is when there is an environment, and when the packages are in it."""
PARTS = "import torch, torchvision, dis_core; print(dis_core.__version__)"
NO_PYTHON_HINT = "install Python 3.12 from python.org, then try again"


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; the exit status."""
    parser = argparse.ArgumentParser(prog="make_environment", description=__doc__)
    parser.add_argument("what", choices=["make", "remove"])
    parser.add_argument("--folder", required=True, help="where environments are")
    parser.add_argument("--requirement", default="dis-core", help="what is installed: a wheel, a folder or a name")
    parser.add_argument("--build", default="usual", help="PyTorch's build: cpu or usual")
    parser.add_argument("--download-bytes", type=int, default=0, help="how much will be downloaded, roughly")
    parser.add_argument("--disk-bytes", type=int, default=0, help="how large the environment will be, roughly")
    parser.add_argument("--needed-bytes", type=int, default=0, help="how much must be free")
    options = parser.parse_args(arguments)
    stop = Stop()
    stop.watch()
    failed = attempt(options, stop)
    if failed is not None:
        say("error", code=failed.code, message=failed.message, hint=failed.hint)
        return 130 if failed.code == "Cancelled" else 1
    return 0


def attempt(options: argparse.Namespace, stop: Stop) -> Failed | None:
    """Do it; what went wrong, if anything did."""
    try:
        os.makedirs(options.folder, exist_ok=True)
        with only_one(options.folder):
            if options.what == "remove":
                remove(options.folder)
            else:
                make(options, stop)
    except Stopped:
        return Failed("Cancelled", "the installation was stopped")
    except Refusal as refusal:
        return refusal.failed
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return disk_full_in(options.folder)
        where = error.filename or options.folder
        return Failed("Unwritable", f"{error.strerror or error}: {text_of(str(where))}", "check who owns it")
    return None


def make(options: argparse.Namespace, stop: Stop) -> None:
    """Make an environment beside the one that is there, and let it take its place. Raises Refusal, Stopped, OSError."""
    folder = options.folder
    progress(0.0, "looking for Python")
    before = find_environment(folder)
    remove_left_over(folder, before)
    uv, base = find_base()
    before = make_room(options, before)
    new = os.path.join(folder, time.strftime("%Y%m%d-%H%M%S"))
    try:
        os.mkdir(new)
        installing = Installing(
            stop, new, uv=uv, base=base, build=options.build, download_bytes=options.download_bytes,
            disk_bytes=options.disk_bytes, on_progress=progress_of_packages,
        )  # fmt: skip
        progress(0.01, "making the environment")
        installing.make_environment()
        requirement = kept_requirement(options.requirement, new)
        installing.install(requirement)
        progress(INSTALLED, "trying it")
        version = tried(installing, stop)
        write_record(folder, new, installing.python, version, options)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    remove_left_over(folder, find_environment(folder))
    shutil.rmtree(os.path.join(folder, DOWNLOADS), ignore_errors=True)
    say("result", version=version, model="", seconds=0.0)


def remove(folder: str) -> None:
    """Remove the environment and what was downloaded for it. Raises OSError."""
    environment = find_environment(folder)
    progress(0.0, "removing dis-core")
    if environment is not None:
        with contextlib.suppress(OSError, Stopped):  # it may be broken, which is why it is removed
            run([*environment.program.command, "daemon", "stop", "--now"], Stop(), environment=os.environ)
        os.unlink(os.path.join(folder, RECORD))
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
    say("result", version="", model="", seconds=0.0)


@contextlib.contextmanager
def only_one(folder: str) -> Iterator[None]:
    """Let no second program do this at the same time. Raises Refusal."""
    with open(os.path.join(folder, LOCK), "ab") as file:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            busy = "another editor is installing or removing dis-core right now"
            raise Refusal(Failed("Busy", busy, "wait until it has ended, then try again")) from error
        yield


def find_base() -> tuple[str | None, str | None]:
    """uv, if it is here, and a Python to make the environment from. Raises Refusal if there is neither."""
    uv = None if os.environ.get(CHOSEN) else find_uv()
    if uv is not None and not is_new_enough(uv):
        uv = None
    tried_commands: list[Command] = list(candidates())
    python, others = suitable(tried_commands)
    if python is None and uv is None:
        raise Refusal(no_python([f"{other.name} is here, but {other.refusal}" for other in others]))
    return uv, None if python is None else python.path


def no_python(why: Sequence[str]) -> Failed:
    """No Python is here that an environment can be made from."""
    if not why:
        return Failed("NoPython", "no Python was found, which dis-core needs", NO_PYTHON_HINT)
    can_be_completed = any("part of it" in reason for reason in why)
    on_debian = sys.platform == "linux" and shutil.which("apt") is not None
    hint = "install the package python3-venv, then try again" if on_debian and can_be_completed else NO_PYTHON_HINT
    return Failed("NoPython", why[0], hint)


def make_room(options: argparse.Namespace, before: Environment | None) -> Environment | None:
    """Refuse where the disk has too little room; if only the old environment is in the way, remove it first.

    Raises Refusal.
    """
    free = shutil.disk_usage(options.folder).free
    if free >= options.needed_bytes:
        return before
    if before is not None and free + before.size_bytes >= options.needed_bytes:
        os.unlink(os.path.join(options.folder, RECORD))
        remove_left_over(options.folder, None)
        return None
    where = text_of(options.folder)
    what = f"{gigabytes(options.needed_bytes)} are needed while it is installed, and {gigabytes(free)} are free"
    raise Refusal(Failed("DiskFull", f"{what} on the disk with {where}", "make room there, then try again"))


def kept_requirement(requirement: str, new: str) -> str:
    """What to install. A wheel is copied, so that the environment can say later where it is from."""
    if not requirement.endswith(".whl"):
        return requirement
    return str(shutil.copy(requirement, new))


def tried(installing: Installing, stop: Stop) -> str:
    """The version of the dis-core that has been installed. Raises Refusal if it does not start."""
    status, lines = run([installing.python, "-I", "-c", PARTS], stop, environment=installing.environment)
    if status:
        said = ([line for line in lines if line.strip()] or ["there was no message"])[-1]
        raise Refusal(Failed("InstallBroken", f"dis-core was installed, but does not start: {said}"))
    return lines[-1].strip()


def write_record(folder: str, new: str, python: str, version: str, options: argparse.Namespace) -> None:
    """Say where the environment is: from now on it counts."""
    content = {
        "command": [text_of(python), "-m", "dis_core"],
        "segment_options": ["--warm"],
        "version": version,
        "build": options.build,
        "folder": text_of(new),
        "size_bytes": size_of(new),
        "origin": check_sum(options.requirement) if options.requirement.endswith(".whl") else "",
    }
    part = os.path.join(folder, f"{RECORD}.part")
    with open(part, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
    os.replace(part, os.path.join(folder, RECORD))


def remove_left_over(folder: str, environment: Environment | None) -> None:
    """Remove every environment but this one. What cannot be removed now, on Windows for example while it is used, is
    removed the next time."""
    kept = "" if environment is None else os.path.basename(environment.folder)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if text_of(name) not in (kept, DOWNLOADS) and os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)


def size_of(folder: str) -> int:
    """The bytes of all files below a folder, without links."""
    return sum(os.lstat(os.path.join(above, name)).st_size for above, _, names in os.walk(folder) for name in names)


def progress_of_packages(fraction: float, doing: str, remaining_s: float) -> None:
    """Progress of the packages, as a part of the whole."""
    progress(ENVIRONMENT_READY + (INSTALLED - ENVIRONMENT_READY) * fraction, doing, remaining_s)


def progress(fraction: float, doing: str, remaining_s: float = 0.0) -> None:
    say("progress", fraction=round(fraction, 4), doing=doing, remaining_s=remaining_s or None)


def say(kind: str, **more: object) -> None:
    """Print an event. Raises Stopped if nobody listens any more."""
    try:
        print(json.dumps({"event": kind, **more}), flush=True)  # noqa: T201
    except OSError as error:
        raise Stopped from error
