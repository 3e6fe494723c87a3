"""One file from the Hugging Face Hub: asked for within seconds, resumed after a cut, stopped when told.

The Hub client says where a file is and owns the cache that it goes to, so that other programs share it. The bytes are
fetched here, over the client's own session, because its `hf_hub_download` (2.4) throws away what it has when its
process ends, so that the next run starts from nothing; because its Xet transfers run in foreign threads that a report
cannot stop; and because it waits without limit for a name server.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import re
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.errors import HubUnreachable, WeightsCorrupt, WeightsMissing
from dis_core.files import free_space, megabytes, sha256_of, size_of
from dis_core.progress import Report, ignore, span
from dis_core.weights.waiting import HEARTBEAT_S, first_answer, iterate_in_thread

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from io import FileIO

    from dis_core.model_spec import WeightsFile

ANSWER_LIMIT_S = 9.0
"""How long any one answer may take; the promise to the user is 10 seconds."""

REPORT_PAUSE_S = 0.1
FRUITLESS_ATTEMPTS = 3
RETRY_PAUSE_S = 1.0


@dataclass(frozen=True)
class Published:
    """What the Hub says about a file: the commit it is in, its `etag`, which names it in the cache, and its size."""

    commit: str
    etag: str
    size_bytes: int

    @property
    def sha256(self) -> str | None:
        """The checksum, which is the etag of every large file; small ones have a git hash there."""
        return self.etag if _is_sha256(self.etag) else None


def cache_folder() -> Path:
    """Where the Hub client keeps what it and other programs have downloaded."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def endpoint() -> str:
    """The address of the Hub, or of what HF_ENDPOINT names in its place."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def without_userinfo(text: str) -> str:
    """The text without the user names and passwords that addresses in it hold."""
    return re.sub(r"(\w+://)?\S*@", r"\1", text)


def find_cached(weights: WeightsFile) -> Path | None:
    """The file in the Hub's cache, if it is there; asks nobody and verifies nothing."""
    from huggingface_hub import try_to_load_from_cache

    with suppress(OSError):  # what may not be looked at is as good as not there
        found = try_to_load_from_cache(_repo(weights), weights.filename, revision=weights.revision)
        return Path(found) if isinstance(found, str) else None
    return None


def commit_of(weights: WeightsFile, file: Path) -> str | None:
    """The commit that a file in the Hub's cache belongs to; None for files that lie elsewhere."""
    snapshots = repo_folder(weights) / "snapshots"
    return file.relative_to(snapshots).parts[0] if file.is_relative_to(snapshots) else None


def sha256_promised(cached: Path) -> str | None:
    """The checksum that the Hub gave for a file in its cache: the name of the blob that a snapshot points to."""
    name = cached.resolve().name
    return name if _is_sha256(name) else None


def reach() -> float:
    """Seconds until the Hub's front door answers with anything at all.

    Raises HubUnreachable, within 10 seconds, if it does not or if offline mode forbids asking.
    """
    from huggingface_hub import get_session

    what = "its front page"
    _forbid_when_offline(what)
    start = time.monotonic()
    with _in_words(what):
        first_answer(lambda: get_session().head(endpoint(), timeout=ANSWER_LIMIT_S), timeout_s=ANSWER_LIMIT_S)
    return time.monotonic() - start


def locate(weights: WeightsFile, *, name: str, report: Report = ignore) -> Published:
    """Ask the Hub about a file, before anything of it is downloaded.

    Raises HubUnreachable if offline mode is on (at once) or nobody answers (within 10 seconds), and WeightsMissing if
    the file is not there or not for everybody.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    what = _what(weights)
    _forbid_when_offline(what)
    url = hf_hub_url(_repo(weights), weights.filename, revision=weights.revision)
    with _quiet_client(), _in_words(what):
        answer = first_answer(
            lambda: get_hf_file_metadata(url, timeout=ANSWER_LIMIT_S, library_name="dis-core"),
            timeout_s=ANSWER_LIMIT_S,
            beat=lambda: report(0.0, f"asking the Hub for {name}"),
        )
    commit, etag, size_bytes = answer.commit_hash or "", answer.etag or "", answer.size or 0
    # Commit and etag become names of files: nothing that could lead out of the cache may pass.
    if not (re.fullmatch("[0-9a-f]{40}", commit) and re.fullmatch("[0-9a-f]{40,64}", etag) and size_bytes > 0):
        raise HubUnreachable(
            f"the answer for {what} did not come from the Hugging Face Hub",
            hint="a Wi-Fi login page or a proxy may be in the way; HF_ENDPOINT, if set, must point to a Hub",
        )
    return Published(commit, etag, size_bytes)


def bytes_missing(weights: WeightsFile, published: Published) -> int:
    """How much is still to be downloaded, given what an earlier attempt left."""
    return max(published.size_bytes - size_of(_partial(weights, published)), 0)


def download(
    weights: WeightsFile, published: Published, *, name: str, expected_sha256: str | None, report: Report = ignore
) -> tuple[Path, str]:
    """Bring the file into the Hub's cache and say its SHA-256; goes on where an earlier attempt stopped.

    A file that does not have the expected checksum never gets into the cache; it is fetched once more.

    Raises HubUnreachable, WeightsMissing (also: no space left), WeightsCorrupt (wrong twice).
    """
    partial = _partial(weights, published)
    found = ""
    for _ in range(2):
        _transfer(weights, published, partial, name=name, report=span(report, 0.0, 0.95))
        found = sha256_of(partial, report=span(report, 0.95, 1.0), doing=f"verifying {name}")
        if expected_sha256 in (None, found):
            return _keep(partial, weights, published), found
        partial.unlink()
    raise WeightsCorrupt(
        f"{_what(weights)} arrived damaged twice: its SHA-256 should start with "
        f"{(expected_sha256 or '')[:12]}, but starts with {found[:12]}",
        hint="try again later; if it keeps happening, the file on the Hub has changed, or a proxy changes it",
    )


def _transfer(weights: WeightsFile, published: Published, partial: Path, *, name: str, report: Report) -> None:
    """Fill `partial` up to its full size, over as many connections as it takes while each of them brings something."""
    _make_folder(partial.parent)
    if size_of(partial) > published.size_bytes:
        partial.unlink()
    fruitless = 0
    with _quiet_client():
        while (have := size_of(partial)) < published.size_bytes:
            try:
                _append(weights, published, partial, name=name, report=report)
            except HubUnreachable as error:
                now = size_of(partial)
                fruitless = 0 if now > have else fruitless + 1
                if now == 0 or fruitless >= FRUITLESS_ATTEMPTS:
                    raise _interrupted(error, name, now, published.size_bytes) from error
                _pause(span(report, now / published.size_bytes, 1.0), f"waiting for the Hub to continue with {name}")


def _append(weights: WeightsFile, published: Published, partial: Path, *, name: str, report: Report) -> None:
    """Write what one connection brings to the end of `partial`."""
    total = published.size_bytes
    with _saving(partial, name, total), partial.open("ab", buffering=0) as file:
        have = file.seek(0, os.SEEK_END)
        reported = -math.inf
        with closing(_pieces(weights, published, have)) as pieces:
            for piece in pieces:
                if piece is not None:
                    position, chunk = piece
                    if position < have:
                        file.truncate(position)
                    _write_all(file, chunk)
                    have = position + len(chunk)
                if piece is None or have == total or time.monotonic() - reported > REPORT_PAUSE_S:
                    reported = time.monotonic()
                    report(min(have / total, 1.0), f"downloading {name}: {megabytes(have, of=total)}")


def _write_all(file: FileIO, chunk: bytes) -> None:
    # Unbuffered, since a buffered file would try to write once more when it is closed on a full disk.
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def _saving(partial: Path, name: str, total: int) -> Iterator[None]:
    """Turn a failing disk into words; a full one is not left full."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if not is_full and error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO):
            raise
        have = size_of(partial)
        if is_full:
            partial.unlink(missing_ok=True)
        raise WeightsMissing(
            f"{name} could not be saved after {megabytes(have, of=total)}: {error.strerror}",
            hint=f"{megabytes(free_space(partial.parent))} are free in {cache_folder()}; free some space, "
            "or set HF_HOME to a folder on another disk",
        ) from error


def _pieces(weights: WeightsFile, published: Published, start: int) -> Generator[tuple[int, bytes] | None]:
    """What one connection brings, each chunk with its position in the file; None while nothing comes.

    The words for a broken line are found in here, so that a caller's own OSError, from a full disk, is not among them.
    """
    with closing(iterate_in_thread(lambda: _connect(weights, published, start), timeout_s=ANSWER_LIMIT_S)) as pieces:
        while True:
            with _in_words(_what(weights)):
                try:
                    piece = next(pieces)
                except StopIteration:
                    return
            yield piece


def _connect(weights: WeightsFile, published: Published, start: int) -> Iterator[tuple[int, bytes]]:
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub import utils as client  # documents both functions below, and exports neither to type checkers

    url = hf_hub_url(_repo(weights), weights.filename, revision=published.commit)
    # Without "identity" a server may compress, and then positions in the answer are not positions in the file.
    headers = client.build_hf_headers(library_name="dis-core")  # type: ignore[attr-defined]
    headers["Accept-Encoding"] = "identity"
    if start:
        headers["Range"] = f"bytes={start}-"
    session = get_session()
    with session.stream("GET", url, headers=headers, timeout=ANSWER_LIMIT_S, follow_redirects=True) as response:
        client.hf_raise_for_status(response)  # type: ignore[attr-defined]
        position = start if response.status_code == 206 else 0
        # Chunks as they come: with a fixed size, up to one chunk would be lost when the line is cut.
        for chunk in response.iter_raw():
            yield position, chunk
            position += len(chunk)


def _keep(partial: Path, weights: WeightsFile, published: Published) -> Path:
    """Move a complete file to where the Hub client will find it, in the layout that it documents."""
    folder = repo_folder(weights)
    blob = folder / "blobs" / published.etag
    pointer = folder / "snapshots" / published.commit / weights.filename
    partial.replace(blob)
    _make_folder(pointer.parent)
    pointer.unlink(missing_ok=True)
    try:
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:
        # Windows without the right to make links: there, the client too keeps the file itself in the snapshot.
        blob.replace(pointer)
    if weights.revision != published.commit:
        reference = folder / "refs" / weights.revision
        _make_folder(reference.parent)
        reference.write_text(published.commit, encoding="ascii")
    return pointer


def _repo(weights: WeightsFile) -> str:
    if weights.repo is None:
        raise ValueError(f"{weights.filename} comes with a package and is not on the Hub")
    return weights.repo


def _what(weights: WeightsFile) -> str:
    return f"{weights.filename} of {weights.repo}"


def repo_folder(weights: WeightsFile) -> Path:
    """Where the Hub client keeps everything of the repository that the file is in."""
    return cache_folder() / f"models--{_repo(weights).replace('/', '--')}"


def _partial(weights: WeightsFile, published: Published) -> Path:
    return repo_folder(weights) / "blobs" / f"{published.etag}.dis-core.incomplete"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsMissing(
            f"cannot write to the Hub's cache folder {folder}: {error.strerror}",
            hint="check who owns that folder, or set HF_HOME to another one",
        ) from error


def _pause(report: Report, doing: str) -> None:
    ends = time.monotonic() + RETRY_PAUSE_S
    while time.monotonic() < ends:
        report(0.0, doing)
        time.sleep(HEARTBEAT_S)


def _forbid_when_offline(what: str) -> None:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise HubUnreachable(
            f"cannot download {what}: offline mode (HF_HUB_OFFLINE) is on",
            hint="unset HF_HUB_OFFLINE, or use a file that you have: dis-core fetch MODEL --from FILE",
        )


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    """Raise our errors for those of the Hub client and of the connection below it."""
    from huggingface_hub import errors

    # The base class of everything that the client's HTTP library raises: of httpx, or of httpx2 from the client 2 on.
    line_error: type[Exception] = errors.HfHubHTTPError.__bases__[0]
    try:
        yield
    except errors.GatedRepoError as error:
        raise WeightsMissing(
            f"the Hub gives {what} only to people who have accepted its license",
            hint="accept it on the model's page and run hf auth login, or download the file in a browser and run "
            "dis-core fetch MODEL --from FILE",
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        raise WeightsMissing(
            f"{what} is not on the Hub, or not public",
            hint="it may have moved; you can also use a file that you have: dis-core fetch MODEL --from FILE",
        ) from error
    except errors.HfHubHTTPError as error:
        raise _refused(what, error.response.status_code) from error
    except (line_error, OSError) as error:
        reason = without_userinfo(str(error))
        raise HubUnreachable(f"the Hugging Face Hub cannot be reached for {what}: {reason}", hint=_LINE_HINT) from error


_LINE_HINT = (
    "check the connection, the proxy and HF_ENDPOINT; without a connection, "
    "use a file that you have: dis-core fetch MODEL --from FILE"
)


def _refused(what: str, status: int) -> WeightsMissing:
    if status in (408, 429) or status >= 500:
        return HubUnreachable(
            f"the Hugging Face Hub cannot send {what} at the moment (HTTP {status})", hint="try again later"
        )
    return WeightsMissing(
        f"the Hugging Face Hub refused to send {what} (HTTP {status})",
        hint="your login may have expired: run hf auth logout, then try again" if status == 401 else "",
    )


def _interrupted(error: HubUnreachable, name: str, have: int, total: int) -> HubUnreachable:
    if not have:
        return error
    return HubUnreachable(
        f"the download of {name} stopped at {megabytes(have, of=total)}: {error.message}",
        hint=f"the part that arrived is kept; to continue, run: dis-core fetch {name}",
    )


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Keep the Hub client's advice to developers off the user's terminal."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _is_sha256(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None
