"""What can go wrong between us and the Hub, in words that name what is to blame."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from dis_core.environment import CERTIFICATES, PROXIES, TOKENS
from dis_core.errors import BadRequest, HubUnreachable, WeightsMissing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")

MARKS_OF_THE_HUB: Final = ("X-Error-Code", "X-Error-Message", "X-Repo-Commit")
"""Headers of which the Hub's refusals have at least one, and those of a filter or a login page none."""

_FROM_FILE: Final = "use a file that you have: dis-core fetch MODEL --from FILE"


def client_constants() -> ModuleType:
    """The settings of the Hub's client, which reads its variables when it is imported.

    Raises BadRequest if one of them keeps it from starting.
    """
    try:
        from huggingface_hub import constants
    except ValueError as error:
        reason, hint = _find_culprit() or (str(error), "check the variables whose names begin with HF_")
        raise BadRequest(f"the client of the Hugging Face Hub does not start: {reason}", hint=hint) from error
    return constants


def without_userinfo(text: str) -> str:
    """The text without the user names and passwords that addresses in it hold."""
    return re.sub(r"(\w+://)?\S*@", r"\1", text)


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Raise our errors for those of the Hub client and of the connection below it."""
    from huggingface_hub import errors

    # The base class of everything that the client's HTTP library raises: of httpx, or of httpx2 from the client 2 on.
    line_error: type[Exception] = errors.HfHubHTTPError.__bases__[0]
    # Settings fail in ways of their own: a malformed address (InvalidURL, ValueError), a SOCKS proxy without its
    # package (ImportError), a token that is not ASCII (UnicodeError, a ValueError).
    invalid_url: type[Exception] = sys.modules[line_error.__module__.partition(".")[0]].InvalidURL
    try:
        yield
    except errors.HfHubHTTPError as error:
        raise _refused(what, error) from error
    except (line_error, invalid_url, OSError, ValueError, ImportError) as error:
        reason, hint = _find_culprit() or (without_userinfo(str(error)), _line_hint())
        raise HubUnreachable(f"the Hugging Face Hub cannot be reached for {what}: {reason}", hint=hint) from error


def refuses_token(response: Any) -> bool:  # of httpx or httpx2
    """Whether this may be the Hub's answer to a token that has expired: it refuses even what needs no token."""
    is_refusal = response.status_code in (401, 403) and response.headers.get("X-Error-Code") != "GatedRepo"
    return is_refusal and is_from_hub(response) and "Authorization" in response.request.headers


def is_from_hub(response: Any) -> bool:  # of httpx or httpx2
    """Whether a refusal comes from the Hub, and not from something on the way to it."""
    return any(mark in response.headers for mark in MARKS_OF_THE_HUB)


def not_from_hub(what: str, seen: str) -> HubUnreachable:
    """The error for an answer that something on the way gave in the Hub's place."""
    return HubUnreachable(
        f"the answer for {what} did not come from the Hugging Face Hub ({seen})",
        hint="a Wi-Fi login page, a filter or a proxy may be in the way; HF_ENDPOINT, if set, must point to a Hub",
    )


def _refused(what: str, error: Any) -> WeightsMissing:  # HfHubHTTPError, whose module is imported late
    """The error for a refusal."""
    from huggingface_hub import errors

    response = error.response
    status: int = response.status_code
    if status == 407:
        return HubUnreachable(f"the proxy asks for a password before {what} (HTTP 407)", hint=_line_hint())
    if status == 416:
        return HubUnreachable(f"{what} is shorter than the Hugging Face Hub has announced", hint="try again later")
    if status in (408, 429) or status >= 500:
        return HubUnreachable(
            f"the Hugging Face Hub cannot send {what} at the moment (HTTP {status})", hint="try again later"
        )
    if not is_from_hub(response):
        return not_from_hub(what, f"HTTP {status} from {response.url.host}")
    if isinstance(error, errors.GatedRepoError):
        return WeightsMissing(
            f"the Hub gives {what} only to people who have accepted its license",
            hint=f"accept it on the model's page and {_login()}, or download the file in a browser and run "
            "dis-core fetch MODEL --from FILE",
        )
    if isinstance(error, (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError)):
        return WeightsMissing(
            f"{what} is not on the Hub, or not public", hint=f"it may have moved; you can also {_FROM_FILE}"
        )
    return WeightsMissing(
        f"the Hugging Face Hub refused to send {what} (HTTP {status})",
        hint=f"your login may have expired: {_renew()}" if status in (401, 403) else "",
    )


def token_source() -> str:
    """What holds the token that is sent, for people."""
    return next((name for name in TOKENS if os.environ.get(name)), "your login")


def _login() -> str:
    named = token_source()
    return "run hf auth login" if named not in TOKENS else f"set {named} to a token of yours"


def _renew() -> str:
    named = token_source()
    return "run hf auth logout, then try again" if named not in TOKENS else f"unset {named}, or give it a new token"


def _line_hint() -> str:
    set_here = [name for name in (*PROXIES, *CERTIFICATES) if os.environ.get(name)]
    proxy = "the proxy" if not set_here else ", ".join(set_here)
    return f"check the connection, {proxy} and HF_ENDPOINT; without a connection, {_FROM_FILE}"


def _find_culprit() -> tuple[str, str] | None:
    """What is wrong with a variable that the client reads, and what to do about it; None if nothing is to be seen."""
    for name in TOKENS:
        if not re.fullmatch(r"[\x21-\x7e]*", os.environ.get(name, "").strip()):
            return f"{name} has a character that no token has", f"copy the token again, or unset {name}"
    for name in ("HF_ENDPOINT", *PROXIES):
        value = os.environ.get(name, "")
        schemes = ("http", "https") if name == "HF_ENDPOINT" else PROXY_SCHEMES
        address = value if "://" in value or name == "HF_ENDPOINT" else f"http://{value}"
        if value and not _is_address(address, schemes):
            shown = without_userinfo(value)
            return f"{name} is not an address that can be used: {shown!r}", f"correct {name}, or unset it"
        if value.startswith("socks5") and importlib.util.find_spec("socksio") is None:
            return f"{name} names a SOCKS proxy, which needs a package", f"run: pip install socksio; or unset {name}"
    for name in CERTIFICATES:
        if (value := os.environ.get(name, "")) and not os.access(value, os.R_OK):
            return f"{name} names what cannot be read: {value}", f"correct {name}, or unset it"
    return None


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is not a number, a bracket that is not closed
        return False
