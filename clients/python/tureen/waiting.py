"""Waiting for jobs, and their results."""

from __future__ import annotations

import random
import time
from typing import Any, Callable, Optional, Union, overload

from .api_types import (
    ComparisonJob,
    ComparisonResult,
    ConversionJob,
    ConversionResult,
    EvaluationJob,
    EvaluationResult,
    ExportJob,
    ExportResult,
    Job,
    JobProgress,
    MergeJob,
    MergeResult,
    SearchJob,
    SearchResult,
    UnreadableJob,
)
from .errors import TureenConnectionError, TureenError, TureenProblem
from .exchange import ApiCall, Exchange, read_json
from .job_events import JobEvent, job_events
from .retries import comes_back
from .settings import RequestOptions

#: Seconds for which a poll lets the server hold the answer back. Some proxies cut requests off after 30 seconds.
_POLL_SECONDS = 25

OnJobProgress = Callable[[JobProgress], None]
OnEvent = Callable[[JobEvent], None]


class _Wait:
    """A wait for one job."""

    def __init__(
        self,
        exchange: Exchange,
        job: str,
        on_progress: Optional[OnJobProgress],
        on_event: Optional[OnEvent],
        timeout: Optional[float],
        reconnect_seconds: float,
        options: Optional[RequestOptions],
    ) -> None:
        self._exchange, self._job, self._options = exchange, job, options
        self._on_progress, self._on_event = on_progress, on_event
        self._reconnect_seconds = reconnect_seconds
        self._timeout = timeout
        self._end = None if timeout is None else time.monotonic() + timeout

    def followed(self) -> Union[Job, UnreadableJob, None]:
        """Follows the events to the end of the job. Returns None if they cannot be followed so far."""
        try:
            for event in job_events(self._exchange, self._job, None, self._options):
                if self._on_event:
                    self._on_event(event)
                if event.progress is not None and self._on_progress:
                    self._on_progress(event.progress)
                if event.type == "done":
                    return event.job
                self._left()
        except TureenConnectionError:
            return None
        except TureenProblem as error:
            if not comes_back(error):
                raise
        return None

    def polled(self) -> Union[Job, UnreadableJob]:
        """Asks for the job again and again until it has ended."""
        heard = time.monotonic()
        wait: float = 0
        while True:
            try:
                call = ApiCall(query={"wait": int(wait)}, options=self._options)
                job: Any = self._exchange.send("getJob", {"id": self._job}, call, read_json)
                heard = time.monotonic()
                if job["status"] in ("succeeded", "failed", "cancelled"):
                    ended: Union[Job, UnreadableJob] = job
                    return ended
                if job.get("progress") and self._on_progress:
                    self._on_progress(job["progress"])
                left = self._left()
                wait = _POLL_SECONDS if left is None else min(_POLL_SECONDS, left)
                if 0 < wait < 1:
                    time.sleep(wait)
            except (TureenProblem, TureenConnectionError) as error:
                if not comes_back(error) or time.monotonic() - heard > self._reconnect_seconds:
                    raise
                self._left()
                time.sleep(random.random() * 5)

    def _left(self) -> Optional[float]:
        """Returns the seconds that are left; None without a bound. Raises TimeoutError if none are."""
        if self._end is None:
            return None
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"Job {self._job} has not ended within {self._timeout:g} seconds. It goes on; wait for it again.")
        return left


def wait_for_job(
    exchange: Exchange,
    job: str,
    *,
    by: str,
    on_progress: Optional[OnJobProgress],
    on_event: Optional[OnEvent],
    timeout: Optional[float],
    reconnect_seconds: float,
    options: Optional[RequestOptions],
) -> Any:
    """Returns a job that has ended, whether it succeeded, failed or was cancelled."""
    wait = _Wait(exchange, job, on_progress, on_event, timeout, reconnect_seconds, options)
    # A stream may say nothing for long, so a wait with a bound asks instead.
    follows = by == "events" and timeout is None
    ended: Any = (wait.followed() if follows else None) or wait.polled()
    if "unreadable" not in ended:
        return ended
    if ended.get("error"):
        raise TureenProblem(ended["error"])
    raise TureenError(f"The record of job {job} cannot be read: {ended['unreadable']}")


@overload
def result_of(job: MergeJob) -> MergeResult: ...
@overload
def result_of(job: SearchJob) -> SearchResult: ...
@overload
def result_of(job: EvaluationJob) -> EvaluationResult: ...
@overload
def result_of(job: ComparisonJob) -> ComparisonResult: ...
@overload
def result_of(job: ExportJob) -> ExportResult: ...
@overload
def result_of(job: ConversionJob) -> ConversionResult: ...


def result_of(job: Any) -> Any:
    """Returns the result of a job that has succeeded. Raises TureenProblem, the reason why the job failed or was cancelled."""
    if job.get("result") is not None:
        return job["result"]
    if job.get("error"):
        raise TureenProblem(job["error"])
    raise TureenError(f"Job {job['id']} is {job['status']} and has no result yet. Wait for it first.")
