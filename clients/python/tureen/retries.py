"""Repeats of requests."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime
from typing import Callable, Mapping, Optional, TypeVar

from .errors import TureenConnectionError, TureenProblem
from .settings import RetrySettings

#: Statuses that proxies give while the server behind them does not answer.
_PASSING_STATUSES = (429, 502, 503, 504)

Result = TypeVar("Result")


def with_retries(attempt: Callable[[], Result], repeatable: str, settings: RetrySettings) -> Result:
    """Runs `attempt` until it succeeds, fails for good, or has used up its repeats. Raises the last error.

    `repeatable`: `always`; `refused`: only after a status that means that the server has not begun with the request; or `never`.
    """
    failures = 0
    while True:
        try:
            return attempt()
        except (TureenProblem, TureenConnectionError) as error:
            asked = (error.retry_after or 0) if isinstance(error, TureenProblem) else 0
            is_over = repeatable == "never" or failures >= settings.retries
            if is_over or asked > settings.max_retry_after or not comes_back(error, repeatable):
                raise
            time.sleep(asked + growing_pause(failures, settings))
            failures += 1


def growing_pause(failures: int, settings: RetrySettings) -> float:
    """Returns the seconds before the next repeat. `failures`: how many repeats have failed."""
    return min(settings.min_seconds * 2**failures * (1 + random.random()), settings.max_seconds)


def comes_back(error: BaseException, repeatable: str = "always") -> bool:
    """True if the same request may succeed a little later."""
    if isinstance(error, TureenProblem):
        is_refused = error.status in (429, 503)
        return is_refused or (repeatable == "always" and error.retry_after is not None)
    if not isinstance(error, TureenConnectionError) or repeatable != "always":
        return False
    return error.status is None or error.status in _PASSING_STATUSES


def retry_after_of(headers: Mapping[str, str], now: Optional[float] = None) -> Optional[float]:
    """Returns the seconds of the header Retry-After, which may also be a date. `now`: seconds since 1970."""
    value = headers.get("retry-after")
    if value is None:
        return None
    if value.isdecimal():
        return float(value)
    try:
        then = parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError):
        return None
    return max(then - (time.time() if now is None else now), 0.0)
