"""Every failure that a user can meet.

A message says what happened, with the value, and `hint` says what to do about it. Deeper code only raises; the edges
(the command line, the daemon's worker, an editor's plug-in) turn an error into words and an exit status.
"""

from __future__ import annotations

from typing import ClassVar


class DisError(Exception):
    """A failure with a message for the person who met it.

    `code` names the kind of failure to programs and never changes its spelling; `exit_status` is what a command that
    fails with it returns.
    """

    code: ClassVar[str] = "Error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NoImage(DisError):
    """The input is no image that can be read: missing, damaged, of an unknown kind, empty or absurdly large."""

    code = "NoImage"


class BadRequest(DisError):
    """What was asked for contradicts itself or the image: a box outside of it, an unknown quality, a bad color."""

    code = "BadRequest"


class OutputExists(DisError):
    """The place where the result should go is taken, and nobody said that it may be overwritten."""

    code = "OutputExists"


class OutputFailed(DisError):
    """The result could not be written: no permission, no space, no such folder."""

    code = "OutputFailed"


class UnknownModel(DisError):
    """No model has the name that was given."""

    code = "UnknownModel"


class PackagesMissing(DisError):
    """The model needs packages that are not installed, because only some models do."""

    code = "PackagesMissing"


class LicenseNotAccepted(DisError):
    """The weights forbid commercial use, and the user has not said that this is understood."""

    code = "LicenseNotAccepted"


class WeightsMissing(DisError):
    """The weights are not on this machine and could not be fetched."""

    code = "WeightsMissing"


class HubUnreachable(WeightsMissing):
    """The Hugging Face Hub did not answer, or offline mode forbids asking it."""

    code = "HubUnreachable"


class WeightsCorrupt(DisError):
    """A file of weights is damaged, changed, of another network, or refuses to be read safely."""

    code = "WeightsCorrupt"


class DeviceUnavailable(DisError):
    """The device that was asked for is not on this machine or cannot be used."""

    code = "DeviceUnavailable"


class OutOfMemory(DisError):
    """The device has too little memory for this image with this model."""

    code = "OutOfMemory"


class PluginProblem(DisError):
    """A plug-in clashes with another one or implements a hook that does not exist."""

    code = "PluginProblem"


class DaemonUnavailable(DisError):
    """The process that keeps models warm could not be reached, started or trusted."""

    code = "DaemonUnavailable"


class DaemonBusy(DisError):
    """The process that keeps models warm has so many images waiting that it takes no more."""

    code = "DaemonBusy"


class ProtocolMismatch(DisError):
    """The process that keeps models warm is of another version and does not understand what it was asked."""

    code = "ProtocolMismatch"


class TrainingDiverged(DisError):
    """Losses became infinite or no numbers at all, so that further training would destroy what was learned."""

    code = "TrainingDiverged"


class Cancelled(DisError):
    """The user asked to stop."""

    code = "Cancelled"
    exit_status = 130

    def __init__(
        self, message: str = "stopped; what is written is complete, and the rest is not there", *, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
