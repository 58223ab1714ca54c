"""Events of jobs, over as many connections as that takes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Optional, Union

from .api_types import Job, JobProgress, UnreadableJob
from .errors import TureenConnectionError, reason_of
from .exchange import ApiCall, Exchange, answer_itself
from .retries import growing_pause
from .server_sent_events import EventParser, StreamedEvent
from .settings import RequestOptions

_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class JobEvent:
    """An event of a job. The fields that its type does not have are None."""

    #: For `last_event_id` of a later call.
    id: str
    #: `progress`, `log`, `done`, or the name of an event of a newer server.
    type: str
    #: The data as the server sent them: JSON, in all known events.
    data: str
    progress: Optional[JobProgress] = None
    #: The text of a `log`.
    message: Optional[str] = None
    #: The job that has ended, of `done`.
    job: Union[Job, UnreadableJob, None] = None


def job_events(
    exchange: Exchange, job: str, last_event_id: Optional[str], options: Optional[RequestOptions]
) -> Iterator[JobEvent]:
    """Yields the events of a job until it ends. The last one is `done`, unless `last_event_id` names that event.

    A connection that breaks is opened again where it was.
    """
    settings = exchange.settings.retry
    failures = 0
    while True:
        if failures > 0:
            time.sleep(growing_pause(failures - 1, settings))
        try:
            for event in _connected_events(exchange, job, last_event_id, options):
                last_event_id = event.id
                failures = 0
                yield event
                if event.type == "done":
                    return
            return
        except TureenConnectionError:
            if failures >= settings.retries:
                raise
            failures += 1


def _connected_events(
    exchange: Exchange, job: str, last_event_id: Optional[str], options: Optional[RequestOptions]
) -> Iterator[JobEvent]:
    """Yields the events of one connection. It ends without an error if no further event will follow."""
    headers: Dict[str, str] = {"accept": "text/event-stream"}
    if last_event_id is not None:
        headers["last-event-id"] = last_event_id
    answer = exchange.send("getJobEvents", {"id": job}, ApiCall(headers=headers, options=options), answer_itself)
    try:
        if answer.status == 204:
            return
        kind = answer.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            raise TureenConnectionError(f'The events of job {job} came as "{kind}", and should be text/event-stream.')
        parser = EventParser()
        while True:
            try:
                piece = answer.read(_PIECE_BYTES)
            except OSError as error:
                raise TureenConnectionError(f"The event stream of job {job} broke: {reason_of(error)}") from error
            if not piece:
                raise TureenConnectionError(f"The event stream of job {job} ended before the job.")
            for event in parser.take(piece):
                yield _job_event(event)
    finally:
        answer.close()


def _job_event(event: StreamedEvent) -> JobEvent:
    if event.event not in ("progress", "log", "done"):
        return JobEvent(event.id, event.event, event.data)
    content: Any = json.loads(event.data)
    if event.event == "progress":
        return JobEvent(event.id, "progress", event.data, progress=content)
    if event.event == "log":
        return JobEvent(event.id, "log", event.data, message=content["message"])
    return JobEvent(event.id, "done", event.data, job=content)
