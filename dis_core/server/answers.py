"""Why a request is refused, in the form that clients of remove.bg read: `{"errors": [{title, code, detail}]}`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dis_core.errors import (
    BadRequest,
    DisError,
    LicenseNotAccepted,
    NoImage,
    NoSubject,
    OutOfMemory,
    PackagesMissing,
    UnknownModel,
    WeightsMissing,
)

if TYPE_CHECKING:
    from starlette.responses import Response


class Refused(Exception):
    """A request that gets no image: the HTTP status, a title for people, a code for programs, and what to do."""

    def __init__(
        self, status: int, code: str, title: str, detail: str = "", *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(title)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, list[dict[str, str]]]:
        """The content of the answer."""
        return {"errors": [{"title": self.title, "code": self.code, "detail": self.detail}]}

    def response(self) -> Response:
        """The answer. The connection ends with it where a body may still be on its way."""
        from starlette.responses import Response

        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status in (403, 408, 413, 429):
            headers["Connection"] = "close"
        # In ASCII, unlike Starlette's own JSON: what a client has sent need not be text that UTF-8 can hold.
        return Response(json.dumps(self.body()), self.status, headers, "application/json")


_STATUS_OF: Mapping[type[DisError], tuple[int, str]] = {
    NoSubject: (422, "unknown_foreground"),
    NoImage: (415, "invalid_file_type"),
    UnknownModel: (422, "unknown_model"),
    PackagesMissing: (422, "model_not_installed"),
    LicenseNotAccepted: (422, "license_not_accepted"),
    WeightsMissing: (422, "model_not_installed"),
    BadRequest: (400, "invalid_parameters"),
    OutOfMemory: (503, "out_of_memory"),
}


def refusal_of(error: DisError) -> Refused:
    """The answer to what went wrong in words."""
    for kind, (status, code) in _STATUS_OF.items():
        if isinstance(error, kind):
            return Refused(status, code, error.message, error.hint.replace("`", ""))
    return Refused(503, "unavailable", error.message, error.hint.replace("`", ""))


def bug() -> Refused:
    """The answer to a bug, which says nothing about the inside; the log has the rest."""
    return Refused(500, "internal_error", "something went wrong in the server", "its log says what")
