"""The request that starts a job."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .bodies import BytesBody, json_body
from .exchange import ApiCall, Exchange, read_json
from .settings import RequestOptions


def start_job(
    exchange: Exchange,
    operation: str,
    values: Mapping[str, str],
    request: Any,
    wait: Optional[int],
    idempotency_key: Optional[str],
    options: Optional[RequestOptions],
) -> Any:
    """Sends a request that starts a job, and returns the job. `request`: an object, or a text in YAML. `values`: those of the path."""
    is_yaml = isinstance(request, str)
    body = BytesBody(request.encode(), is_upload=False) if is_yaml else json_body(request)
    headers = {"content-type": "application/yaml" if is_yaml else "application/json"}
    call = ApiCall({"wait": wait}, headers, body, None, options, idempotency_key)
    return exchange.send(operation, values, call, read_json)
