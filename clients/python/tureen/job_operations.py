"""Operations that start jobs, and operations on jobs."""

from __future__ import annotations

from typing import Any, Iterator, Literal, Mapping, Optional, Union

from .addresses import label_texts
from .api_types import (
    ComparisonJob,
    ComparisonRequest,
    EvaluationJob,
    EvaluationRequest,
    Job,
    JobPage,
    MergeJob,
    MergeRequest,
    MistakePage,
    SearchJob,
    SearchRequest,
    UnreadableJob,
)
from .exchange import ApiCall, Exchange, read_json, read_nothing
from .job_events import JobEvent, job_events
from .settings import RequestOptions
from .start_job import start_job

JobType = Literal["merge", "evaluation", "search", "comparison", "export", "conversion"]
JobStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]


class JobOperations:
    """Operations on jobs. `wait`: seconds for which the server may hold the answer back, unless the job ends earlier: at most 45."""

    _exchange: Exchange

    def create_merge(
        self,
        request: Union[MergeRequest, str],
        *,
        wait: Optional[int] = None,
        idempotency_key: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> MergeJob:
        """Merges stored models. The request may also be a text in YAML: a recipe, or a configuration of mergekit."""
        return self._start("createMerge", request, wait, idempotency_key, options)

    def create_comparison(
        self,
        request: ComparisonRequest,
        *,
        wait: Optional[int] = None,
        idempotency_key: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> ComparisonJob:
        return self._start("createComparison", request, wait, idempotency_key, options)

    def create_search(
        self,
        request: SearchRequest,
        *,
        wait: Optional[int] = None,
        idempotency_key: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> SearchJob:
        return self._start("createSearch", request, wait, idempotency_key, options)

    def create_evaluation(
        self,
        request: EvaluationRequest,
        *,
        wait: Optional[int] = None,
        idempotency_key: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> EvaluationJob:
        return self._start("createEvaluation", request, wait, idempotency_key, options)

    def list_jobs(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        type: Optional[JobType] = None,
        status: Optional[JobStatus] = None,
        sort: Optional[Literal["-created", "created"]] = None,
        name: Optional[str] = None,
        label: Optional[Mapping[str, str]] = None,
        created_after: Optional[str] = None,
        created_before: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> JobPage:
        """Returns one page of jobs without their requests and results, newest first unless `sort` says otherwise."""
        query = {
            "limit": limit,
            "cursor": cursor,
            "type": type,
            "status": status,
            "sort": sort,
            "name": name,
            "label": label_texts(label),
            "createdAfter": created_after,
            "createdBefore": created_before,
        }
        return self._exchange.send("listJobs", {}, ApiCall(query=query, options=options), read_json)

    def get_job(
        self, id: str, *, wait: Optional[int] = None, options: Optional[RequestOptions] = None
    ) -> Union[Job, UnreadableJob]:
        return self._exchange.send("getJob", {"id": id}, ApiCall(query={"wait": wait}, options=options), read_json)

    def list_mistakes(
        self,
        id: str,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> MistakePage:
        """Returns one page of the samples that the winner of a search newly gets right or wrong, in their order."""
        call = ApiCall(query={"limit": limit, "cursor": cursor}, options=options)
        return self._exchange.send("listMistakes", {"id": id}, call, read_json)

    def delete_job(self, id: str, *, if_match: Optional[str] = None, options: Optional[RequestOptions] = None) -> None:
        self._exchange.send("deleteJob", {"id": id}, ApiCall(if_match=if_match, options=options), read_nothing)

    def cancel_job(self, id: str, *, options: Optional[RequestOptions] = None) -> Union[Job, UnreadableJob]:
        return self._exchange.send("cancelJob", {"id": id}, ApiCall(options=options), read_json)

    def get_job_events(
        self, id: str, *, last_event_id: Optional[str] = None, options: Optional[RequestOptions] = None
    ) -> Iterator[JobEvent]:
        """Yields the events of a job until it ends, over as many connections as that takes.

        `last_event_id`: the id of the last event that was seen; the stream goes on after it.
        """
        return job_events(self._exchange, id, last_event_id, options)

    def _start(
        self,
        operation: str,
        request: Any,
        wait: Optional[int],
        idempotency_key: Optional[str],
        options: Optional[RequestOptions],
    ) -> Any:
        return start_job(self._exchange, operation, {}, request, wait, idempotency_key, options)
