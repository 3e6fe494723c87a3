"""What dis-core itself says while it works, in the editor's language as far as the plug-ins know its words.

dis-core speaks English. What it is doing, and remarks on results, are known word by word. Of an error, the kind is
known, and dis-core's own message follows in English. What is not known is shown as it is.
"""

from __future__ import annotations

import re
from typing import Match, Pattern

from .words import _, is_english, later

DOING = (
    later("starting"),
    later("reading"),
    later("writing"),
    later("segmenting"),
    later("segmenting view {number} of {count}"),
    later("refining"),
    later("refining the rest"),
    later("refining, a larger look"),
    later("refining level {number} of {count}"),
    later("tile {number} of {count}"),
    later("matting"),
    later("following edges"),
    later("estimating depth"),
    later("finding the subject"),
    later("looking at the image"),
    later("loading {model}"),
    later("verifying {model}"),
    later("converting {model}"),
    later("{model} is ready"),
    later("looking for Python"),
    later("making the environment"),
    later("preparing the download"),
    later("downloading {model}: {part} of {size}"),
    later("downloading {model}"),
    later("unpacking"),
    later("trying it"),
    later("removing dis-core"),
    later("asking the Hub for {model}"),
    later("waiting for another image"),
    later("waiting for {count} other image"),
    later("waiting for {count} other images"),
)
"""What progress is called; values of other texts stand in the same places."""

REMARKS = (
    later("no subject was found"),
    later("{count} tiles along the boundary were left out: the limit is `max_tiles={limit}`"),
)

ANSWERS = (later("yes"), later("no"), later("conditional"))
"""To whether a model may be used commercially."""

KINDS = {
    "OutOfMemory": later("there is not enough memory for this image with this model"),
    "DiskFull": later("the disk is full"),
    "OutputFailed": later("a file could not be written"),
    "NoImage": later("the image could not be read"),
    "UnknownModel": later("the model is not known"),
    "PackagesMissing": later("packages that the model needs are not installed"),
    "WeightsMissing": later("the model is not downloaded"),
    "HubUnreachable": later("huggingface.co cannot be reached"),
    "CacheUnwritable": later("the folder for models cannot be written"),
    "WeightsCorrupt": later("the file of the model is damaged"),
    "NoNetwork": later("the packages cannot be downloaded"),
    "NoPython": later("dis-core needs another Python than is here"),
    "NoPackage": later("a package for this system was not found"),
    "InstallFailed": later("the packages could not be installed"),
    "InstallBroken": later("dis-core was installed, but does not start"),
    "SmallBuildUnreachable": later("the small build of PyTorch cannot be reached"),
    "Busy": later("another editor is installing or removing dis-core right now"),
    "DeviceUnavailable": later("the device cannot be used"),
    "DaemonUnavailable": later("the process that keeps models ready does not answer"),
    "DaemonBusy": later("too many images are waiting"),
    "ProtocolMismatch": later("the process that keeps models ready is of another version"),
}
"""By code: what kind of error it is."""

_VALUE = re.compile(r"\\\{(\w+)\\\}")
_NUMBERS = ("number", "count", "limit", "part")


def in_words(english: str) -> str:
    """What dis-core said, in the editor's language where it is known; two parts may be joined by a comma."""
    if is_english():
        return english
    known = _known(english)
    if known is None and ", " in english:
        parts = english.split(", ", 1)
        return ", ".join(_known(part) or part for part in parts)
    return known or english


def error_in_words(code: str, english: str) -> str:
    """The message of an error: what kind it is in the editor's language, then dis-core's own words."""
    return english if is_english() or code not in KINDS else f"{_(KINDS[code])}: {english}"


def _known(english: str) -> str | None:
    for text in (*DOING, *REMARKS, *ANSWERS):
        match = _pattern(text).fullmatch(english)
        if match:
            return _(text, **match.groupdict())
    return None


def _pattern(text: str) -> Pattern[str]:
    return re.compile(_VALUE.sub(_group, re.escape(text)))


def _group(value: Match[str]) -> str:
    """Numbers are told apart from names, so that a name does not swallow what follows a comma."""
    name = value.group(1)
    return rf"(?P<{name}>\d+)" if name in _NUMBERS else rf"(?P<{name}>[^,]+)"
