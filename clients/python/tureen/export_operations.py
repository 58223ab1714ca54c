"""Operations on exports."""

from __future__ import annotations

from typing import Literal, Mapping, Optional, Union

from .addresses import label_texts
from .api_types import ConversionBody, ConversionJob, Export, ExportJob, ExportPage, ExportRequest, UnreadableExport
from .exchange import ApiCall, Exchange, read_json, read_nothing
from .settings import RequestOptions
from .start_job import start_job


class ExportOperations:
    """Operations on exports. `id`: the id of an export, or its digest."""

    _exchange: Exchange

    def create_export(
        self,
        request: ExportRequest,
        *,
        wait: Optional[int] = None,
        idempotency_key: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> ExportJob:
        """Finds how the weights of an ONNX model follow from the checkpoint that it was exported from."""
        job: ExportJob = start_job(self._exchange, "createExport", {}, request, wait, idempotency_key, options)
        return job

    def create_conversion(
        self,
        id: str,
        request: ConversionBody,
        *,
        wait: Optional[int] = None,
        idempotency_key: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> ConversionJob:
        """Makes the ONNX model of a checkpoint."""
        values = {"id": id}
        job: ConversionJob = start_job(self._exchange, "createConversion", values, request, wait, idempotency_key, options)
        return job

    def list_exports(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        sort: Optional[Literal["-created", "created", "name", "-name"]] = None,
        name: Optional[str] = None,
        label: Optional[Mapping[str, str]] = None,
        created_after: Optional[str] = None,
        created_before: Optional[str] = None,
        sha256: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> ExportPage:
        """Returns one page of exports without their lists, newest first unless `sort` says otherwise."""
        query = {
            "limit": limit,
            "cursor": cursor,
            "sort": sort,
            "name": name,
            "label": label_texts(label),
            "createdAfter": created_after,
            "createdBefore": created_before,
            "sha256": sha256,
        }
        return self._exchange.send("listExports", {}, ApiCall(query=query, options=options), read_json)

    def get_export(self, id: str, *, options: Optional[RequestOptions] = None) -> Union[Export, UnreadableExport]:
        return self._exchange.send("getExport", {"id": id}, ApiCall(options=options), read_json)

    def delete_export(
        self, id: str, *, if_match: Optional[str] = None, options: Optional[RequestOptions] = None
    ) -> None:
        self._exchange.send("deleteExport", {"id": id}, ApiCall(if_match=if_match, options=options), read_nothing)
