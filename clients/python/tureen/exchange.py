"""Requests of a client, and their answers."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, TypeVar

from . import __version__
from .addresses import Query, filled_path, query_text
from .bodies import Body, OnProgress
from .errors import TureenConnectionError, TureenProblem, parse_problem, reason_of
from .operations import OPERATIONS
from .retries import retry_after_of, with_retries
from .settings import ClientSettings, RequestOptions
from .transports import Answer, Request, Transport

Result = TypeVar("Result")

_NO_OPTIONS = RequestOptions()


class ApiCall(NamedTuple):
    """The parts of a request that its operation does not give."""

    query: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    body: Optional[Body] = None
    on_sent: Optional[OnProgress] = None
    options: Optional[RequestOptions] = None
    idempotency_key: Optional[str] = None
    if_match: Optional[str] = None


class Exchange:
    """Sends the requests of a client."""

    def __init__(self, settings: ClientSettings, transport: Transport) -> None:
        self.settings = settings
        self._transport = transport
        self._base = settings.url.rstrip("/")

    def send(self, operation: str, values: Mapping[str, str], call: ApiCall, read: Callable[[Answer], Result]) -> Result:
        """Sends a request, again if that is safe and of use, and reads its answer.

        `read` reads an answer of success; a connection that breaks meanwhile is a reason to repeat the request. Raises TureenProblem or
        TureenConnectionError.
        """
        method, path, is_keyed, is_once = OPERATIONS[operation]
        body = call.body
        url = f"{self._base}{filled_path(path, values)}{query_text(call.query)}"
        headers = self._headers_of(call, (call.idempotency_key or secrets.token_hex(16)) if is_keyed else None)
        repeatable = "never" if body is not None and not body.is_repeatable else "refused" if is_once else "always"
        is_answer_lost = False

        def attempt() -> Result:
            nonlocal is_answer_lost
            held = None if body is not None and body.is_upload else float(call.query.get("wait") or 0)
            seconds = self.settings.silence_seconds
            request = Request(method, url, {**self._token_headers(), **headers}, body, seconds, held, call.on_sent)
            try:
                answer = self._transport.send(request)
                on_answer = (call.options or _NO_OPTIONS).on_answer
                if on_answer:
                    on_answer(answer.status, answer.headers)
                # An earlier attempt has deleted the record, and its answer was lost.
                is_gone = method == "DELETE" and answer.status == 404 and is_answer_lost
                if is_gone or 200 <= answer.status < 300:
                    return read(answer)
                raise _refusal_of(answer, f"{method} {url}")
            except OSError as error:
                is_answer_lost = True
                raise TureenConnectionError(f"{method} {url} got no answer: {reason_of(error)}") from error

        return with_retries(attempt, repeatable, self.settings.retry)

    def close(self) -> None:
        """Closes the connections that are kept."""
        self._transport.close()

    def _token_headers(self) -> Dict[str, str]:
        token = self.settings.token
        text = token() if callable(token) else token
        return {"authorization": f"Bearer {text}"} if text else {}

    def _headers_of(self, call: ApiCall, key: Optional[str]) -> Dict[str, str]:
        is_json = call.body is not None and not call.body.is_upload
        headers = {"user-agent": f"tureen-python/{__version__}", **({"content-type": "application/json"} if is_json else {})}
        headers.update(call.headers)
        if key is not None:
            headers["idempotency-key"] = key
        if call.if_match is not None:
            headers["if-match"] = call.if_match
        for each in (self.settings.headers, (call.options or _NO_OPTIONS).headers):
            headers.update({name.lower(): value for name, value in each.items()})
        return headers


def _refusal_of(answer: Answer, what: str) -> Exception:
    """Returns an answer that is no success as an error."""
    text = read_bytes(answer).decode(errors="replace")
    problem = parse_problem(text)
    if problem is not None:
        return TureenProblem(problem, retry_after_of(answer.headers))
    beginning = " ".join(text.split())[:200]
    finding = f"{what} was answered with {answer.status}, by something else than Tureen"
    return TureenConnectionError(f"{finding}: {beginning}" if beginning else f"{finding}.", status=answer.status)


def read_bytes(answer: Answer) -> bytes:
    """Reads the body of an answer to its end."""
    pieces = []
    while piece := answer.read(1 << 16):
        pieces.append(piece)
    answer.close()
    return b"".join(pieces)


def read_text(answer: Answer) -> str:
    """Reads the body of an answer as a text."""
    return read_bytes(answer).decode()


def read_json(answer: Answer) -> Any:
    """Reads an answer as JSON. The server's answers follow its OpenAPI document, whose types these are, and are not checked once more.

    Raises TureenConnectionError if it is no JSON, such as the page of a proxy.
    """
    kind = answer.headers.get("content-type", "")
    content = read_bytes(answer)
    if not re.match(r"application/([\w.-]+\+)?json\b", kind):
        what = f"of the type {kind}" if kind else "without a content type"
        raise TureenConnectionError(
            f"The answer is {what}, and should be JSON. Check the base URL of the server.", status=answer.status
        )
    return json.loads(content)


def read_nothing(answer: Answer) -> None:
    """Reads an answer that has no body."""
    answer.close()


def answer_itself(answer: Answer) -> Answer:
    """Leaves the body of an answer to the caller."""
    return answer
