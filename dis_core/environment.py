"""What is taken from the environment: the variables that change what happens, and the folders of the user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from dis_core.errors import BadRequest, CacheUnwritable, OutputFailed

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES: Final = (
    *("HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
    *("XDG_CACHE_HOME", "XDG_DATA_HOME"),
)
"""Where weights come from and where they are kept."""

PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
"""Both spellings count. Their values may hold passwords."""

NO_PROXIES: Final = ("NO_PROXY", "no_proxy")

CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")

TOKENS: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Their values are secrets."""

_NO_HOME: Final = "HOME is not set, and this user has no home folder"
_NO_HOME_HINT: Final = "set HOME, or HF_HOME, XDG_CACHE_HOME and XDG_DATA_HOME, to folders that you may write to"


def cache_folder() -> Path:
    """Our folder for what can be made again. Raises CacheUnwritable if this user has no folders."""
    import platformdirs

    return _own_folder("converted weights", lambda: platformdirs.user_cache_path("dis-core", appauthor=False))


def data_folder() -> Path:
    """Our folder for what must be kept. Raises CacheUnwritable if this user has no folders."""
    import platformdirs

    return _own_folder("records", lambda: platformdirs.user_data_path("dis-core", appauthor=False))


def log_folder() -> Path | None:
    """Our folder for logs; None if this user has no folders."""
    import platformdirs

    try:
        return _own_folder("logs", lambda: platformdirs.user_log_path("dis-core", appauthor=False))
    except CacheUnwritable:
        return None


def home_folder() -> Path:
    """The user's home folder. Raises OutputFailed if there is none."""
    try:
        return Path.home()
    except RuntimeError as error:
        raise OutputFailed(f"there is no home folder: {_NO_HOME}", hint="set HOME") from error


def working_folder() -> Path:
    """The folder that relative paths start from. Raises BadRequest if it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise BadRequest(
            "the working folder does not exist any more", hint="change to another folder, or give whole paths"
        ) from error


def refuse_homeless(folder: Path, purpose: str) -> Path:
    """The folder itself. Raises CacheUnwritable if it is below a home folder that does not exist: `~/.cache`."""
    if folder.parts[:1] == ("~",):
        raise CacheUnwritable(f"there is no folder for {purpose}: {_NO_HOME}", hint=_NO_HOME_HINT)
    return folder


def _own_folder(purpose: str, find: Callable[[], Path]) -> Path:
    try:
        found = find()
    except RuntimeError:  # from newer versions of platformdirs; older ones return the "~" as it is
        found = Path("~")
    return refuse_homeless(found, purpose)
