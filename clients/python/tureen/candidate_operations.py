"""Operations of scorers."""

from __future__ import annotations

from typing import Literal, Optional

from .api_types import CandidateLease, CandidateOutcome, CandidatePage, ExternalCandidate, LeaseRequest, RenewedLease
from .bodies import json_body
from .downloads import ByteRange, ContentFacts, Download, OnReceived, head_of, start_download
from .exchange import ApiCall, Exchange, read_json, read_nothing
from .settings import RequestOptions

CandidateState = Literal["open", "leased", "scored", "unscored"]


class CandidateOperations:
    """Operations of scorers. `job`: the id of a search with scores from outside; `candidate`: the id of one of its candidates."""

    _exchange: Exchange

    def create_lease(
        self,
        job: str,
        request: Optional[LeaseRequest] = None,
        *,
        wait: Optional[int] = None,
        options: Optional[RequestOptions] = None,
    ) -> CandidateLease:
        """Leases candidates to score. `wait`: seconds until there are some or the search has ended, at most 45."""
        call = ApiCall(query={"wait": wait}, body=json_body(request or {}), options=options)
        return self._exchange.send("createLease", {"id": job}, call, read_json)

    def update_lease(
        self, job: str, lease: str, seconds: int, *, options: Optional[RequestOptions] = None
    ) -> RenewedLease:
        """Makes a lease expire so many seconds from now."""
        call = ApiCall(body=json_body({"seconds": seconds}), options=options)
        return self._exchange.send("updateLease", {"id": job, "lease": lease}, call, read_json)

    def delete_lease(self, job: str, lease: str, *, options: Optional[RequestOptions] = None) -> None:
        """Gives a lease back. Its candidates without an outcome go to the next scorer."""
        self._exchange.send("deleteLease", {"id": job, "lease": lease}, ApiCall(options=options), read_nothing)

    def list_candidates(
        self,
        job: str,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        state: Optional[CandidateState] = None,
        options: Optional[RequestOptions] = None,
    ) -> CandidatePage:
        """Returns one page of candidates, in the order in which the search asked."""
        call = ApiCall(query={"limit": limit, "cursor": cursor, "state": state}, options=options)
        return self._exchange.send("listCandidates", {"id": job}, call, read_json)

    def get_candidate(
        self, job: str, candidate: str, *, options: Optional[RequestOptions] = None
    ) -> ExternalCandidate:
        values = {"id": job, "candidate": candidate}
        return self._exchange.send("getCandidate", values, ApiCall(options=options), read_json)

    def put_candidate_score(
        self,
        job: str,
        candidate: str,
        outcome: CandidateOutcome,
        *,
        if_match: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> ExternalCandidate:
        """Sends the score of a candidate, the scores of all samples, or the reason why there is none."""
        call = ApiCall(body=json_body(outcome), if_match=if_match, options=options)
        return self._exchange.send("putCandidateScore", {"id": job, "candidate": candidate}, call, read_json)

    def get_candidate_content(
        self,
        job: str,
        candidate: str,
        *,
        part: Optional[ByteRange] = None,
        on_progress: Optional[OnReceived] = None,
        options: Optional[RequestOptions] = None,
    ) -> Download:
        """Downloads the ONNX file of a candidate."""
        values = {"id": job, "candidate": candidate}
        return start_download(self._exchange, "getCandidateContent", values, {}, part, on_progress, options)

    def head_candidate_content(
        self, job: str, candidate: str, *, options: Optional[RequestOptions] = None
    ) -> ContentFacts:
        return head_of(self._exchange, "headCandidateContent", {"id": job, "candidate": candidate}, {}, options)

    def get_candidate_data(
        self,
        job: str,
        candidate: str,
        location: str,
        *,
        part: Optional[ByteRange] = None,
        on_progress: Optional[OnReceived] = None,
        options: Optional[RequestOptions] = None,
    ) -> Download:
        """Downloads one file of external data, which belongs beside an ONNX file of more than 2 GB."""
        values = {"id": job, "candidate": candidate, "location": location}
        return start_download(self._exchange, "getCandidateData", values, {}, part, on_progress, options)

    def head_candidate_data(
        self, job: str, candidate: str, location: str, *, options: Optional[RequestOptions] = None
    ) -> ContentFacts:
        values = {"id": job, "candidate": candidate, "location": location}
        return head_of(self._exchange, "headCandidateData", values, {}, options)
