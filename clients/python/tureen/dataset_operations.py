"""Operations on data sets."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Union

from .addresses import RecordOrder, label_texts, record_query
from .api_types import Dataset, DatasetPage, RecordChange, UnreadableDataset
from .arrays import npz_file
from .bodies import Digest, FileBytes, OnProgress, Uploadable, form_upload, json_body, raw_upload
from .exchange import ApiCall, Exchange, read_json, read_nothing
from .settings import RequestOptions


class DatasetOperations:
    """Operations on data sets. `id`: the id of a data set, or the digest of its content."""

    _exchange: Exchange

    def create_dataset(
        self,
        file: Optional[Uploadable] = None,
        *,
        arrays: Optional[Mapping[str, Any]] = None,
        files: Optional[Mapping[str, FileBytes]] = None,
        name: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        ttl: Optional[int] = None,
        digest: Digest = None,
        on_progress: Optional[OnProgress] = None,
        idempotency_key: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> Dataset:
        """Uploads a data set. Give one of `file`, `arrays` and `files`.

        `file`: one .npz file. `arrays`: NumPy arrays by their names. `files`: files by their names, such as shards, or input_0.pb and
        output_0.pb. `digest`: that of a single file, as `sha256:<hex>`, if it is known; False: the client declares none.
        """
        if sum(each is not None for each in (file, arrays, files)) != 1:
            raise TypeError("create_dataset takes exactly one of file, arrays and files.")
        temporary = None if arrays is None else npz_file(arrays)
        try:
            if files is not None:
                body, headers = form_upload([("data", location, each) for location, each in files.items()], digest)
            else:
                body, headers = raw_upload(temporary or file or b"", digest)
            query = record_query(name, labels, ttl)
            call = ApiCall(query, headers, body, on_progress, options, idempotency_key)
            return self._exchange.send("createDataset", {}, call, read_json)
        finally:
            if temporary:
                temporary.close()

    def list_datasets(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        sort: Optional[RecordOrder] = None,
        name: Optional[str] = None,
        label: Optional[Mapping[str, str]] = None,
        created_after: Optional[str] = None,
        created_before: Optional[str] = None,
        min_bytes: Optional[int] = None,
        max_bytes: Optional[int] = None,
        sha256: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> DatasetPage:
        """Returns one page of data sets, newest first unless `sort` says otherwise. Times are UTC, such as 2026-11-30T08:00:00Z."""
        query = {
            "limit": limit,
            "cursor": cursor,
            "sort": sort,
            "name": name,
            "label": label_texts(label),
            "createdAfter": created_after,
            "createdBefore": created_before,
            "minBytes": min_bytes,
            "maxBytes": max_bytes,
            "sha256": sha256,
        }
        return self._exchange.send("listDatasets", {}, ApiCall(query=query, options=options), read_json)

    def get_dataset(self, id: str, *, options: Optional[RequestOptions] = None) -> Union[Dataset, UnreadableDataset]:
        return self._exchange.send("getDataset", {"id": id}, ApiCall(options=options), read_json)

    def update_dataset(
        self,
        id: str,
        change: RecordChange,
        *,
        if_match: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> Dataset:
        """Renames a data set, or sets and removes labels: None removes one."""
        call = ApiCall(body=json_body(change), if_match=if_match, options=options)
        return self._exchange.send("updateDataset", {"id": id}, call, read_json)

    def delete_dataset(
        self, id: str, *, if_match: Optional[str] = None, options: Optional[RequestOptions] = None
    ) -> None:
        self._exchange.send("deleteDataset", {"id": id}, ApiCall(if_match=if_match, options=options), read_nothing)
