"""Operations that tell about the server: health, usage, and what it can do."""

from __future__ import annotations

from typing import Any, Optional

from .api_types import Health, MergeMethodList, MetricList, Usage
from .exchange import ApiCall, Exchange, read_json, read_text
from .settings import RequestOptions


class ServiceOperations:
    """Operations that tell about the server."""

    _exchange: Exchange

    def get_liveness(self, *, options: Optional[RequestOptions] = None) -> Health:
        return self._told("getLiveness", options)

    def get_inference_liveness(self, *, options: Optional[RequestOptions] = None) -> Health:
        return self._told("getInferenceLiveness", options)

    def get_readiness(self, *, options: Optional[RequestOptions] = None) -> Health:
        return self._told("getReadiness", options)

    def get_inference_readiness(self, *, options: Optional[RequestOptions] = None) -> Health:
        return self._told("getInferenceReadiness", options)

    def get_usage(self, *, options: Optional[RequestOptions] = None) -> Usage:
        """Returns records, files, bytes, jobs and free space, and the limits of the server."""
        return self._told("getUsage", options)

    def get_service_metrics(self, *, options: Optional[RequestOptions] = None) -> str:
        """Returns service metrics in the text format of Prometheus."""
        return self._exchange.send("getServiceMetrics", {}, ApiCall(options=options), read_text)

    def list_merge_methods(self, *, options: Optional[RequestOptions] = None) -> MergeMethodList:
        return self._told("listMergeMethods", options)

    def list_scoring_metrics(self, *, options: Optional[RequestOptions] = None) -> MetricList:
        return self._told("listScoringMetrics", options)

    def _told(self, operation: str, options: Optional[RequestOptions]) -> Any:
        return self._exchange.send(operation, {}, ApiCall(options=options), read_json)
