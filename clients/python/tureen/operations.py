"""Every operation of the API, by its operationId. A test compares the table with the OpenAPI document of a server."""

from __future__ import annotations

from typing import Dict, NamedTuple


class Operation(NamedTuple):
    """An operation of the API."""

    method: str
    path: str
    #: True if it takes an Idempotency-Key, which makes a repeat safe.
    keyed: bool = False
    #: True if a repeat is not safe, unless the server has refused the request.
    once: bool = False


OPERATIONS: Dict[str, Operation] = {
    "getLiveness": Operation("GET", "/healthz"),
    "getInferenceLiveness": Operation("GET", "/v2/health/live"),
    "getReadiness": Operation("GET", "/readyz"),
    "getInferenceReadiness": Operation("GET", "/v2/health/ready"),
    "getUsage": Operation("GET", "/v1/usage"),
    "getServiceMetrics": Operation("GET", "/metrics"),
    "createModel": Operation("POST", "/v1/models", keyed=True),
    "putModel": Operation("PUT", "/v1/models", keyed=True),
    "listModels": Operation("GET", "/v1/models"),
    "getModel": Operation("GET", "/v1/models/{id}"),
    "updateModel": Operation("PATCH", "/v1/models/{id}"),
    "deleteModel": Operation("DELETE", "/v1/models/{id}"),
    "listModelTensors": Operation("GET", "/v1/models/{id}/tensors"),
    "getTensorSummary": Operation("GET", "/v1/models/{id}/tensor-summary"),
    "listModelScores": Operation("GET", "/v1/models/{id}/scores"),
    "getModelRecipe": Operation("GET", "/v1/models/{id}/recipe"),
    "putModelData": Operation("PUT", "/v1/models/{id}/data/{location}"),
    "getModelData": Operation("GET", "/v1/models/{id}/data/{location}"),
    "headModelData": Operation("HEAD", "/v1/models/{id}/data/{location}"),
    "getModelContent": Operation("GET", "/v1/models/{id}/content"),
    "headModelContent": Operation("HEAD", "/v1/models/{id}/content"),
    "getModelContentAs": Operation("GET", "/v1/models/{id}/content/{filename}"),
    "headModelContentAs": Operation("HEAD", "/v1/models/{id}/content/{filename}"),
    "createDataset": Operation("POST", "/v1/datasets", keyed=True),
    "listDatasets": Operation("GET", "/v1/datasets"),
    "getDataset": Operation("GET", "/v1/datasets/{id}"),
    "updateDataset": Operation("PATCH", "/v1/datasets/{id}"),
    "deleteDataset": Operation("DELETE", "/v1/datasets/{id}"),
    "createExport": Operation("POST", "/v1/exports", keyed=True),
    "listExports": Operation("GET", "/v1/exports"),
    "getExport": Operation("GET", "/v1/exports/{id}"),
    "deleteExport": Operation("DELETE", "/v1/exports/{id}"),
    "createConversion": Operation("POST", "/v1/exports/{id}/models", keyed=True),
    "makeSoup": Operation("POST", "/v1/soup"),
    "listMergeMethods": Operation("GET", "/v1/methods"),
    "listScoringMetrics": Operation("GET", "/v1/metrics"),
    "createMerge": Operation("POST", "/v1/merges", keyed=True),
    "createComparison": Operation("POST", "/v1/comparisons", keyed=True),
    "createSearch": Operation("POST", "/v1/searches", keyed=True),
    "createEvaluation": Operation("POST", "/v1/evaluations", keyed=True),
    "listJobs": Operation("GET", "/v1/jobs"),
    "getJob": Operation("GET", "/v1/jobs/{id}"),
    "listMistakes": Operation("GET", "/v1/jobs/{id}/mistakes"),
    "deleteJob": Operation("DELETE", "/v1/jobs/{id}"),
    "cancelJob": Operation("POST", "/v1/jobs/{id}/cancel", once=True),
    "getJobEvents": Operation("GET", "/v1/jobs/{id}/events"),
    # A lost answer is a lease that nobody works on, until it expires.
    "createLease": Operation("POST", "/v1/jobs/{id}/leases", once=True),
    "updateLease": Operation("PATCH", "/v1/jobs/{id}/leases/{lease}"),
    "deleteLease": Operation("DELETE", "/v1/jobs/{id}/leases/{lease}"),
    "listCandidates": Operation("GET", "/v1/jobs/{id}/candidates"),
    "getCandidate": Operation("GET", "/v1/jobs/{id}/candidates/{candidate}"),
    "putCandidateScore": Operation("PUT", "/v1/jobs/{id}/candidates/{candidate}/score"),
    "getCandidateContent": Operation("GET", "/v1/jobs/{id}/candidates/{candidate}/content"),
    "headCandidateContent": Operation("HEAD", "/v1/jobs/{id}/candidates/{candidate}/content"),
    "getCandidateData": Operation("GET", "/v1/jobs/{id}/candidates/{candidate}/data/{location}"),
    "headCandidateData": Operation("HEAD", "/v1/jobs/{id}/candidates/{candidate}/data/{location}"),
}
