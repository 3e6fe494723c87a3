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
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dis_core.errors import HubUnreachable, WeightsCorrupt, WeightsMissing
from dis_core.files import free_space, megabytes, sha256_of, size_of
from dis_core.progress import Report, ignore, span
from dis_core.weights import hub_cache
from dis_core.weights.hub_cache import Published as Published  # who asks for a file of the Hub, asks here
from dis_core.weights.hub_cache import cache_folder as cache_folder
from dis_core.weights.hub_cache import commit_of as commit_of
from dis_core.weights.hub_cache import find_cached as find_cached
from dis_core.weights.hub_cache import repo_folder as repo_folder
from dis_core.weights.hub_cache import sha256_promised as sha256_promised
from dis_core.weights.hub_errors import client_constants, in_words, not_from_hub, refuses_token, token_source
from dis_core.weights.hub_errors import without_userinfo as without_userinfo
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

LEAST_BYTES = 16_384
"""A connection that brings less than this was fruitless, unless it ends the file."""

SLOWEST_S = 20.0
"""A connection that does not bring LEAST_BYTES within this time is given up."""

logger = logging.getLogger(__name__)


def endpoint() -> str:
    """The address of the Hub, or of what HF_ENDPOINT names in its place."""
    return str(client_constants().ENDPOINT)


def reach(limit_s: float = ANSWER_LIMIT_S) -> float:
    """Seconds until the Hub's front door answers with anything at all.

    Raises HubUnreachable, soon after `limit_s`, if it does not or if offline mode forbids asking.
    """
    from huggingface_hub import get_session

    what = "its front page"
    _forbid_when_offline(what)
    start = time.monotonic()
    with in_words(what):
        first_answer(lambda: get_session().head(endpoint(), timeout=limit_s), timeout_s=limit_s)
    return time.monotonic() - start


def locate(weights: WeightsFile, *, name: str, report: Report = ignore) -> Published:
    """Ask the Hub about a file, before anything of it is downloaded.

    Raises HubUnreachable if offline mode is on (at once) or there is no answer (within 10 seconds), and WeightsMissing
    if the file is not there or not public.
    """
    what = _what(weights)
    _forbid_when_offline(what)
    with _quiet_client(), in_words(what):
        answer, login = first_answer(
            lambda: _ask(weights),
            timeout_s=ANSWER_LIMIT_S,
            beat=lambda: report(0.0, f"asking the Hub for {name}"),
        )
    if login == "refused":
        logger.warning("the Hub does not accept the token in %s; it was asked without it", token_source())
    commit, etag, size_bytes = answer.commit_hash or "", answer.etag or "", answer.size or 0
    # Commit and etag become names of files: nothing that could lead out of the cache may pass.
    if not (re.fullmatch("[0-9a-f]{40}", commit) and re.fullmatch("[0-9a-f]{40,64}", etag) and size_bytes > 0):
        raise not_from_hub(what, "it names no commit, checksum or size")
    return Published(commit, etag, size_bytes)


def _ask(weights: WeightsFile) -> tuple[Any, Literal["accepted", "refused"]]:  # HfFileMetadata
    """What the client finds out about a file; asked without the token if the Hub refuses that."""
    from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(hub_cache.repo_of(weights), weights.filename, revision=weights.revision)
    try:
        return get_hf_file_metadata(url, timeout=ANSWER_LIMIT_S, library_name="dis-core"), "accepted"
    except errors.HfHubHTTPError as error:
        if not refuses_token(error.response):
            raise
    found = get_hf_file_metadata(url, token=False, timeout=ANSWER_LIMIT_S, library_name="dis-core")
    return found, "refused"


def bytes_missing(weights: WeightsFile, published: Published) -> int:
    """How much is still to be downloaded, given what an earlier attempt left."""
    if hub_cache.find_blob(weights, published) is not None:
        return 0
    return max(published.size_bytes - size_of(hub_cache.partial_of(weights, published)), 0)


def download(
    weights: WeightsFile, published: Published, *, name: str, expected_sha256: str | None, report: Report = ignore
) -> tuple[Path, str]:
    """Bring the file into the Hub's cache and say its SHA-256; goes on where an earlier attempt stopped.

    A file that does not have the expected checksum never gets into the cache; it is fetched once more.

    Raises HubUnreachable, CacheUnwritable, WeightsMissing (also: no space left), WeightsCorrupt (wrong twice).
    """
    partial = hub_cache.partial_of(weights, published)
    hub_cache.make_folder(partial.parent)
    found = ""
    with hub_cache.alone_with(weights, published, name=name, report=report):
        if (blob := hub_cache.find_blob(weights, published)) is not None:  # who shares the cache was quicker
            found = sha256_of(blob, report=report, doing=f"verifying {name}")
            if expected_sha256 in (None, found):
                return hub_cache.link(blob, weights, published), found
        for _ in range(2):
            _transfer(weights, published, partial, name=name, report=span(report, 0.0, 0.95))
            found = sha256_of(partial, report=span(report, 0.95, 1.0), doing=f"verifying {name}")
            if expected_sha256 in (None, found):
                return hub_cache.keep(partial, weights, published), found
            partial.unlink()
    raise WeightsCorrupt(
        f"{_what(weights)} arrived damaged twice: its SHA-256 should start with "
        f"{(expected_sha256 or '')[:12]}, but starts with {found[:12]}",
        hint="try again later; if it keeps happening, the file on the Hub has changed, or a proxy changes it",
    )


def _transfer(weights: WeightsFile, published: Published, partial: Path, *, name: str, report: Report) -> None:
    """Fill `partial` up to its full size, over as many connections as it takes while each of them brings something."""
    total = published.size_bytes
    if size_of(partial) > total or not _may_append(partial):
        with hub_cache.writing_to_cache():
            partial.unlink()
    fruitless = 0
    with _quiet_client():
        while (have := size_of(partial)) < total:
            problem = HubUnreachable(f"the connection for {_what(weights)} ended early", hint="try again later")
            try:
                _append(weights, published, partial, name=name, report=report)
            except HubUnreachable as error:
                problem = error
            if (now := size_of(partial)) >= total:
                return
            fruitless = 0 if now - have >= LEAST_BYTES else fruitless + 1
            if now == 0 or fruitless >= FRUITLESS_ATTEMPTS:
                raise _interrupted(problem, name, now, total) from problem
            _pause(span(report, now / total, 1.0), f"waiting for the Hub to continue with {name}")


def _may_append(partial: Path) -> bool:
    """Whether a part that is there can be continued: another user of the cache may have left it."""
    return not partial.exists() or os.access(partial, os.W_OK)


def _append(weights: WeightsFile, published: Published, partial: Path, *, name: str, report: Report) -> None:
    """Write what one connection brings to the end of `partial`. Raises HubUnreachable if that is next to nothing."""
    total = published.size_bytes
    with _saving(partial, name, total), partial.open("ab", buffering=0) as file:
        have = file.seek(0, os.SEEK_END)
        reported = -math.inf
        pace = _Pace(have)
        with closing(_pieces(weights, published, have)) as pieces:
            for piece in pieces:
                if piece is not None:
                    position, chunk = piece
                    # A server may start from the beginning all the same: what is here already is not written again.
                    new = chunk[max(have - position, 0) :][: total - have]
                    _write_all(file, new)
                    have += len(new)
                if piece is None or have == total or time.monotonic() - reported > REPORT_PAUSE_S:
                    reported = time.monotonic()
                    report(min(have / total, 1.0), f"downloading {name}: {megabytes(have, of=total)}")
                if have == total:
                    return
                if pace.is_too_slow(have):
                    raise HubUnreachable(
                        f"the connection for {_what(weights)} brings next to nothing", hint="try again later"
                    )


class _Pace:
    """How fast a download grows, measured over one stretch of time after the other."""

    def __init__(self, have: int) -> None:
        self._since, self._had = time.monotonic(), have

    def is_too_slow(self, have: int) -> bool:
        """Whether less than LEAST_BYTES came in the last SLOWEST_S seconds."""
        now = time.monotonic()
        if now - self._since < SLOWEST_S:
            return False
        came, self._since, self._had = have - self._had, now, have
        return came < LEAST_BYTES


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
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise hub_cache.unwritable(error.strerror or str(error)) from error
        if not is_full and error.errno != errno.EIO:
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
            with in_words(_what(weights)):
                try:
                    piece = next(pieces)
                except StopIteration:
                    return
            yield piece


def _connect(weights: WeightsFile, published: Published, start: int) -> Iterator[tuple[int, bytes]]:
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub import utils as client  # documents both functions below, and exports neither to type checkers

    url = hf_hub_url(hub_cache.repo_of(weights), weights.filename, revision=published.commit)
    session = get_session()
    for token in (None, False):
        headers = client.build_hf_headers(token=token, library_name="dis-core")  # type: ignore[attr-defined]
        # Without "identity" a server may compress, and then positions in the answer are not positions in the file.
        headers["Accept-Encoding"] = "identity"
        if start:
            headers["Range"] = f"bytes={start}-"
        with session.stream("GET", url, headers=headers, timeout=ANSWER_LIMIT_S, follow_redirects=True) as response:
            if refuses_token(response):
                continue
            client.hf_raise_for_status(response)  # type: ignore[attr-defined]
            position = _checked_start(response, weights, published, start)
            # Chunks as they come: with a fixed size, up to one chunk would be lost when the line is cut. Not raw ones,
            # because some proxies compress although they are asked not to.
            for chunk in response.iter_bytes():
                yield position, chunk
                position += len(chunk)
            return


def _checked_start(response: Any, weights: WeightsFile, published: Published, start: int) -> int:  # of httpx or httpx2
    """The position in the file at which the content begins.

    Raises HubUnreachable if it is another file's: a login page answers everything with success.
    """
    what, host, total = _what(weights), response.url.host, published.size_bytes
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise not_from_hub(what, f"a web page from {host}")
    begins = start if response.status_code == 206 else 0
    span_given = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if begins and span_given and (int(span_given[1]) != start or span_given[2] not in ("*", str(total))):
        raise not_from_hub(what, f"another part than was asked for, from {host}")
    encoding, length = (response.headers.get(name, "") for name in ("Content-Encoding", "Content-Length"))
    if encoding in ("", "identity") and length not in ("", str(total - begins)):
        raise not_from_hub(what, f"{length} bytes from {host} in place of {total - begins}")
    return begins


def _what(weights: WeightsFile) -> str:
    return f"{weights.filename} of {weights.repo}"


def _pause(report: Report, doing: str) -> None:
    ends = time.monotonic() + RETRY_PAUSE_S
    while time.monotonic() < ends:
        report(0.0, doing)
        time.sleep(HEARTBEAT_S)


def _forbid_when_offline(what: str) -> None:
    if client_constants().HF_HUB_OFFLINE:
        raise HubUnreachable(
            f"cannot download {what}: offline mode (HF_HUB_OFFLINE) is on",
            hint="unset HF_HUB_OFFLINE, or use a file that you have: dis-core fetch MODEL --from FILE",
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
