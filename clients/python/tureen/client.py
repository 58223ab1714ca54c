"""A client of one server."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Callable, Iterator, Literal, Mapping, Optional, Type, TypeVar, Union, overload

from .api_types import ComparisonJob, ConversionJob, EvaluationJob, ExportJob, Job, MergeJob, SearchJob
from .candidate_operations import CandidateOperations
from .dataset_operations import DatasetOperations
from .errors import TureenError
from .exchange import Exchange
from .export_operations import ExportOperations
from .job_operations import JobOperations
from .model_operations import ModelOperations
from .service_operations import ServiceOperations
from .settings import ClientSettings, RequestOptions, RetrySettings
from .soup_operations import SoupOperations
from .transports import HttpTransport, Transport
from .waiting import OnEvent, OnJobProgress, wait_for_job


AnyJob = TypeVar("AnyJob", MergeJob, SearchJob, EvaluationJob, ComparisonJob, ExportJob, ConversionJob)


class Client(
    ServiceOperations,
    ModelOperations,
    DatasetOperations,
    ExportOperations,
    SoupOperations,
    JobOperations,
    CandidateOperations,
):
    """A client of one server. It has a method for every operation of the API, by its operationId in snake case, and `wait`.

    Threads may share a client. It opens no connection before its first request. As a context, it closes its connections at the end.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Union[str, Callable[[], Optional[str]], None] = None,
        headers: Optional[Mapping[str, str]] = None,
        transport: Optional[Transport] = None,
        retry: Optional[RetrySettings] = None,
        silence_seconds: float = 60,
    ) -> None:
        """`url`: base URL of the server, such as http://127.0.0.1:3000 or https://example.org/tureen. `token`: also a function that returns it
        for each request. `headers`: of every request. `transport`: by default TCP.

        `silence_seconds`: seconds after which a connection counts as broken: without an answer, not counting `wait`, or without a byte of an
        upload, a download or an event stream. The answer to an upload may take any time. An event stream has a byte every 15 seconds.
        """
        settings = ClientSettings(url, token, headers or {}, retry or RetrySettings(), silence_seconds)
        self._exchange = Exchange(settings, transport or HttpTransport())

    @overload
    def wait(
        self,
        job: AnyJob,
        *,
        on_progress: Optional[OnJobProgress] = None,
        on_event: Optional[OnEvent] = None,
        by: Literal["events", "polls"] = "events",
        timeout: Optional[float] = None,
        reconnect_seconds: float = 300,
        options: Optional[RequestOptions] = None,
    ) -> AnyJob: ...
    @overload
    def wait(
        self,
        job: str,
        *,
        on_progress: Optional[OnJobProgress] = None,
        on_event: Optional[OnEvent] = None,
        by: Literal["events", "polls"] = "events",
        timeout: Optional[float] = None,
        reconnect_seconds: float = 300,
        options: Optional[RequestOptions] = None,
    ) -> Job: ...

    def wait(
        self,
        job: Any,
        *,
        on_progress: Optional[OnJobProgress] = None,
        on_event: Optional[OnEvent] = None,
        by: Literal["events", "polls"] = "events",
        timeout: Optional[float] = None,
        reconnect_seconds: float = 300,
        options: Optional[RequestOptions] = None,
    ) -> Any:
        """Waits until a job has ended, whether it succeeded or not, and returns it. `result_of` takes its result, or raises the reason.

        `job`: the job, or its id. `by`: `events` follows the event stream, and polls if that fails; `polls` asks for the job again and again.
        `on_event`: called with every event; without an event stream there is none. `timeout`: seconds after which TimeoutError is raised, and
        the job goes on; such a wait polls. `reconnect_seconds`: for how long the wait goes on although the server does not answer.
        """
        id = job if isinstance(job, str) else job["id"]
        ended = wait_for_job(
            self._exchange,
            id,
            by=by,
            on_progress=on_progress,
            on_event=on_event,
            timeout=timeout,
            reconnect_seconds=reconnect_seconds,
            options=options,
        )
        if not isinstance(job, str) and ended["type"] != job["type"]:
            raise TureenError(f"Job {id} is a job of the type {ended['type']}.")
        return ended

    def close(self) -> None:
        """Closes the connections that are kept. The client can be used again."""
        self._exchange.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


def all_items(list_page: Callable[..., Any], *arguments: Any, **filters: Any) -> Iterator[Any]:
    """Yields all items of a list, page by page: `all_items(client.list_models, label={"run": "42"})`."""
    cursor: Optional[str] = None
    while True:
        page = list_page(*arguments, **filters, cursor=cursor)
        yield from page["items"]
        cursor = page["nextCursor"]
        if cursor is None:
            return
