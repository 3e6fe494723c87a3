"""Every failure that a user can meet.

A message says what happened, with the value, and `hint` says what to do about it. Hints name arguments in backticks, as
Python knows them, such as `overwrite=True`; the command line shows these as its options. Deeper code only raises; the
edges (the command line, the daemon's worker, an editor's plug-in) turn an error into words and an exit status.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar


class DisError(Exception):
    """A failure, with a message for the person who meets it.

    `code` names the kind of failure to programs and never changes its spelling; `exit_status` is what a command that
    fails with it returns.
    """

    code: ClassVar[str] = "Error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """What happened, and what to do about it: all that a traceback or a log shows of an error."""
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class NoImage(DisError):
    """The input cannot be read as an image: it is missing, damaged, of an unknown kind, empty or far too large."""

    code = "NoImage"


class NoSuchFile(NoImage, FileNotFoundError):
    """There is no file with the name that was given; also what Python itself raises for that."""


class NoSubject(DisError):
    """No subject was found, so nothing can be fitted into a size or get a margin."""

    code = "NoSubject"


class BadRequest(DisError):
    """The request contradicts itself or does not fit the image: a box outside it, an unknown quality, a bad color."""

    code = "BadRequest"


class OutputExists(DisError):
    """There is already a file where the result should go, and overwriting was not allowed."""

    code = "OutputExists"


class OutputFailed(DisError):
    """The result cannot be written: no permission, no space, no such folder."""

    code = "OutputFailed"


class DiskFull(OutputFailed):
    """The result cannot be written, and neither could the next one: the disk is full, or the quota is used up."""

    code = "DiskFull"


class UnknownModel(DisError):
    """No model has the name that was given."""

    code = "UnknownModel"


class PackagesMissing(DisError):
    """The model needs packages that are not installed, because only some models do."""

    code = "PackagesMissing"


class LicenseNotAccepted(DisError):
    """The weights forbid commercial use, and the user has not accepted that."""

    code = "LicenseNotAccepted"


class WeightsMissing(DisError):
    """The weights are not on this machine and cannot be downloaded."""

    code = "WeightsMissing"


class HubUnreachable(WeightsMissing):
    """The Hugging Face Hub did not answer, or offline mode forbids asking it."""

    code = "HubUnreachable"


class CacheUnwritable(WeightsMissing):
    """The folders for weights cannot be made or written: no home folder, no permission, a read-only disk."""

    code = "CacheUnwritable"


class WeightsCorrupt(DisError):
    """A file of weights is damaged, changed, for another network, or cannot be read safely."""

    code = "WeightsCorrupt"


class DeviceUnavailable(DisError):
    """The device is unknown, not on this machine, or cannot be used."""

    code = "DeviceUnavailable"


class OutOfMemory(DisError):
    """The device does not have enough memory for this image with this model."""

    code = "OutOfMemory"


class PluginProblem(DisError):
    """A plug-in conflicts with another one, implements an unknown hook, or has a loader that returns something else."""

    code = "PluginProblem"


class DaemonUnavailable(DisError):
    """The process that keeps models warm cannot be reached, started or trusted."""

    code = "DaemonUnavailable"


class DaemonBusy(DisError):
    """The process that keeps models warm has too many images waiting."""

    code = "DaemonBusy"


class ProtocolMismatch(DisError):
    """The process that keeps models warm is another version and does not understand the request."""

    code = "ProtocolMismatch"


class ExportFailed(DisError):
    """A network cannot be written for other programs, because torch's exporters cannot take it."""

    code = "ExportFailed"


class TrainingDiverged(DisError):
    """Losses became infinite or NaN, so that more training would destroy what was learned."""

    code = "TrainingDiverged"


class Cancelled(DisError):
    """The user asked to stop."""

    code = "Cancelled"
    exit_status = 130

    def __init__(
        self, message: str = "stopped; finished results are complete, and the rest was not written", *, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)


OF_ONE_IMAGE = (NoImage, NoSubject, BadRequest, OutOfMemory)
"""What can go wrong with one image while the next one still goes well. Everything else concerns all of them."""


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """A question to put behind a message, such as "; did you mean tiles?", or nothing if no name is close."""
    import difflib

    close = difflib.get_close_matches(str(given).lower(), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def refuse_unknown(what: str, given: object, known: Iterable[str]) -> None:
    """Raises BadRequest if what was given is none of the names that are known."""
    names = list(known)
    if given not in names:
        message = f"unknown {what} {given!r}{did_you_mean(given, names)}"
        raise BadRequest(message, hint=f"choose one of: {', '.join(names)}")
