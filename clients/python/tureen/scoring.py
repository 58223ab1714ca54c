"""A scorer: it leases the candidates of a search, measures them, and sends their scores."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence, TypeVar, Union

from .api_types import CandidateOutcome, ExternalCandidate, LeaseRequest
from .client import Client
from .errors import TureenConnectionError, TureenError, TureenProblem
from .retries import comes_back

#: A score; one score for each sample, whose mean counts; or an outcome with details, as the API takes it.
Measured = Union[float, Sequence[float], CandidateOutcome]

#: Measures one candidate. It gets the path of the ONNX file, and the candidate: `split` is `selection` or `test`.
Measure = Callable[[Path, ExternalCandidate], Measured]

Result = TypeVar("Result")

_ENDED = ("succeeded", "failed", "cancelled")
#: Most characters of the reason why there is no score.
_MOST_REASON = 2000


def score_candidates(
    client: Client,
    job: str,
    measure: Measure,
    *,
    count: int = 1,
    seconds: int = 60,
    scorer: Optional[str] = None,
    reconnect_seconds: float = 300,
) -> int:
    """Scores the candidates of a search until the search ends. Returns how many scores the server took.

    An exception of `measure` becomes the reason why the candidate has no score. `count`: candidates in one lease. `seconds`: of a lease, which
    is renewed after a third of them. `scorer`: name of the scorer, if the search has several. `reconnect_seconds`: for how long the
    scorer goes on although the server does not answer.
    """
    request: LeaseRequest = {"count": count, "seconds": seconds}
    if scorer is not None:
        request["scorer"] = scorer
    persist = _Persistence(reconnect_seconds)
    taken = 0
    while True:
        lease = persist(lambda: client.create_lease(job, request, wait=30))
        if lease["job"]["status"] in _ENDED:
            return taken
        lease_id = lease["id"]
        if lease_id is None:
            continue
        with _held(client, job, lease_id, seconds):
            for candidate in lease["candidates"]:
                is_taken = _score(client, persist, job, candidate, measure)
                if is_taken is None:
                    break
                taken += is_taken


def _score(
    client: Client, persist: _Persistence, job: str, candidate: ExternalCandidate, measure: Measure
) -> Optional[bool]:
    """Scores one candidate. Returns True if the server took the score; None if the search has ended or the candidate is gone."""
    with tempfile.TemporaryDirectory(prefix="tureen-candidate-") as directory:
        try:
            path = persist(lambda: _load(client, job, candidate, Path(directory)))
        except TureenProblem as error:
            if error.status in (404, 409):
                return None
            raise
        outcome = _outcome_of(measure, path, candidate)
    try:
        persist(lambda: client.put_candidate_score(job, candidate["id"], outcome))
        return True
    except TureenProblem as error:
        # Another scorer was first, or the search has ended.
        if error.status in (404, 409):
            return False
        raise


def _load(client: Client, job: str, candidate: ExternalCandidate, directory: Path) -> Path:
    """Downloads the files of a candidate. Returns the path of its ONNX file."""
    path = directory / "candidate.onnx"
    client.get_candidate_content(job, candidate["id"]).save(path)
    for file in candidate["data"]:
        place = _place_of(directory, file["location"])
        place.parent.mkdir(parents=True, exist_ok=True)
        client.get_candidate_data(job, candidate["id"], file["location"]).save(place)
    return path


def _place_of(directory: Path, location: str) -> Path:
    """Returns the path of a file beside the model. Raises TureenError for a location that would lie elsewhere: models write what they like."""
    steps = PurePosixPath(location).parts
    is_outside = location.startswith("/") or ".." in steps or "\\" in location or PureWindowsPath(location).drive != ""
    if is_outside or steps in ((), ("candidate.onnx",)):
        raise TureenError(f'The candidate has external data at "{location}", which is no place beside it.')
    return directory.joinpath(*steps)


def _outcome_of(measure: Measure, path: Path, candidate: ExternalCandidate) -> CandidateOutcome:
    try:
        return _as_outcome(measure(path, candidate))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return {"error": reason[:_MOST_REASON]}


def _as_outcome(measured: Any) -> CandidateOutcome:
    if isinstance(measured, Mapping):
        outcome: Any = dict(measured)
        told: CandidateOutcome = outcome
        return told
    # Arrays of NumPy, and its numbers, which JSON does not know.
    values = measured.tolist() if hasattr(measured, "tolist") else measured
    scores = [float(value) for value in values] if isinstance(values, (list, tuple)) else [float(values)]
    if not all(math.isfinite(score) for score in scores):
        return {"error": f"{measured} is no finite number"[:_MOST_REASON]}
    return {"scores": scores} if isinstance(values, (list, tuple)) else {"score": scores[0]}


class _Persistence:
    """Repeats a call while the server restarts, or the network is away."""

    def __init__(self, reconnect_seconds: float) -> None:
        self._reconnect_seconds = reconnect_seconds

    def __call__(self, call: Callable[[], Result]) -> Result:
        heard = time.monotonic()
        while True:
            try:
                return call()
            except (TureenProblem, TureenConnectionError) as error:
                if not comes_back(error) or time.monotonic() - heard > self._reconnect_seconds:
                    raise
            time.sleep(2)


@contextmanager
def _held(client: Client, job: str, lease: str, seconds: int) -> Iterator[None]:
    """Renews a lease after each third of its seconds, and gives it back if the scorer ends early."""
    is_over = threading.Event()

    def renew() -> None:
        while not is_over.wait(seconds / 3):
            try:
                client.update_lease(job, lease, seconds)
            except TureenError:
                # The lease has expired, or the server is away: the score is still taken if nobody else has sent one.
                continue

    thread = threading.Thread(target=renew, name="tureen-lease", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        is_over.set()
        try:
            client.delete_lease(job, lease)
        except TureenError:
            pass
        raise
    finally:
        is_over.set()
        # A renewal that waits for a server that is away is no reason to wait here too.
        thread.join(timeout=2)
