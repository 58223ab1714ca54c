"""Errors of the client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, List, Optional

if TYPE_CHECKING:
    from .api_types import Problem, ProblemCause


class TureenError(Exception):
    """Every error of this package."""


class TureenProblem(TureenError):
    """An error of the API, as its problem document (RFC 9457) says it. Decide by `code`: it is stable."""

    def __init__(self, document: Problem, retry_after: Optional[float] = None) -> None:
        super().__init__(document["detail"])
        #: HTTP status, such as 422.
        self.status: int = document["status"]
        #: Stable name of the error, such as TUREEN_NOT_FOUND.
        self.code: str = document["code"]
        self.title: str = document["title"]
        #: Finding, expectation and remedy, in words.
        self.detail: str = document["detail"]
        #: Path of the page that explains the code.
        self.type: str = document["type"]
        #: Every cause, with the names and values of its message as fields.
        self.errors: List[ProblemCause] = document["errors"]
        #: Id of the request in the log of the server.
        self.request_id: Optional[str] = document.get("requestId")
        #: Seconds after which the server expects the request again; None if it does not say.
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Returns code and detail, and the causes that the detail does not repeat."""
        causes = [cause["message"] for cause in self.errors if cause["message"] not in self.detail]
        return "\n  ".join([f"{self.code}: {self.detail}", *causes])


class TureenConnectionError(TureenError):
    """A request got no answer of Tureen: no connection, a broken one, silence, or an answer of something else, such as a proxy."""

    def __init__(self, message: str, *, status: Optional[int] = None) -> None:
        super().__init__(message)
        #: HTTP status of an answer that is not Tureen's; None if there was no answer.
        self.status = status


class TureenDigestError(TureenConnectionError):
    """Downloaded bytes do not have the digest that the server declares. Discard them and download again."""

    def __init__(self, what: str, expected: str, actual: str) -> None:
        super().__init__(
            f"{what} was damaged on its way: its digest is {actual}, and the server declares {expected}. Download it again."
        )
        #: The declared digest: `sha256:<hex>`.
        self.expected = expected
        #: The digest of the bytes: `sha256:<hex>`.
        self.actual = actual


class ContentChanged(TureenConnectionError):
    """The content under an address is another one now, so that a download of it cannot go on."""


def parse_problem(text: str) -> Optional[Problem]:
    """Returns a text as a problem document; None if it is another document, such as the page of a proxy."""
    try:
        document: Any = json.loads(text)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    has_texts = all(isinstance(document.get(name), str) for name in ("type", "title", "detail", "code"))
    if not (has_texts and isinstance(document.get("status"), int) and isinstance(document.get("errors"), list)):
        return None
    problem: Problem = document  # type: ignore[assignment]
    return problem


def reason_of(error: BaseException) -> str:
    """Returns why an exchange failed, in words."""
    return str(error) or type(error).__name__
