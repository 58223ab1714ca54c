"""Operations on models and their files."""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Mapping, Optional, Union, overload

from .addresses import RecordOrder, label_texts, record_query
from .api_types import Model, ModelPage, Recipe, RecordChange, ScorePage, TensorPage, TensorSummary, UnreadableModel
from .bodies import Body, Digest, FileBytes, FormPart, OnProgress, Uploadable, form_upload, json_body, raw_upload
from .downloads import ByteRange, ContentFacts, Download, OnReceived, head_of, start_download
from .exchange import ApiCall, Exchange, read_json, read_nothing, read_text
from .settings import RequestOptions

#: `inline`: one file with the external data inside, if that is below 2 GiB. By default the model's own file comes.
External = Literal["inline"]

#: Another format for a checkpoint.
ContentFormat = Literal["safetensors"]


class ModelOperations:
    """Operations on models. `id`: the id of a model, or the digest of its content."""

    _exchange: Exchange

    def create_model(
        self,
        file: Uploadable,
        *,
        data: Optional[Mapping[str, FileBytes]] = None,
        name: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        ttl: Optional[int] = None,
        root: Optional[str] = None,
        digest: Digest = None,
        on_progress: Optional[OnProgress] = None,
        idempotency_key: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> Model:
        """Uploads a model. The same bytes with the same name and labels are one record.

        `data`: its external data, by the locations that the model writes; then `file` cannot be a stream. `ttl`: seconds until the record
        expires. `root`: place of the dict of tensors in a checkpoint. `digest`: that of a single file, as `sha256:<hex>`, if it is known. By default the client reads the file twice, and declares
        its digest so that the server refuses damaged bytes; False: it does not.
        """
        if data is None:
            body, headers = raw_upload(file, digest)
        else:
            body, headers = form_upload([("model", "model.onnx", file), *data_parts(data)], digest)
        query = record_query(name, labels, ttl, root)
        return self._upload("createModel", {}, query, body, headers, on_progress, options, idempotency_key)

    def put_model(
        self,
        file: Uploadable,
        *,
        name: str,
        labels: Optional[Mapping[str, str]] = None,
        ttl: Optional[int] = None,
        root: Optional[str] = None,
        digest: Digest = None,
        on_progress: Optional[OnProgress] = None,
        idempotency_key: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> Model:
        """Uploads a model by PUT. It differs from `create_model` only for proxies."""
        body, headers = raw_upload(file, digest)
        query = record_query(name, labels, ttl, root)
        return self._upload("putModel", {}, query, body, headers, on_progress, options, idempotency_key)

    def put_model_data(
        self,
        id: str,
        location: str,
        file: Uploadable,
        *,
        digest: Digest = None,
        on_progress: Optional[OnProgress] = None,
        if_match: Optional[str] = None,
        if_none_match: Optional[Literal["*"]] = None,
        options: Optional[RequestOptions] = None,
    ) -> Model:
        """Uploads one file of external data. `location`: as the model writes it; `if_none_match`: `*`, only if it is not there yet."""
        body, headers = raw_upload(file, digest)
        if if_none_match is not None:
            headers["if-none-match"] = if_none_match
        values = {"id": id, "location": location}
        return self._upload("putModelData", values, {}, body, headers, on_progress, options, None, if_match)

    def list_models(
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
        fingerprint: Optional[str] = None,
        sha256: Optional[str] = None,
        kind: Optional[Literal["model", "checkpoint"]] = None,
        options: Optional[RequestOptions] = None,
    ) -> ModelPage:
        """Returns one page of models and checkpoints, newest first unless `sort` says otherwise. Times are UTC, such as 2026-11-30T08:00:00Z."""
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
            "fingerprint": fingerprint,
            "sha256": sha256,
            "kind": kind,
        }
        return self._exchange.send("listModels", {}, ApiCall(query=query, options=options), read_json)

    def get_model(self, id: str, *, options: Optional[RequestOptions] = None) -> Union[Model, UnreadableModel]:
        return self._exchange.send("getModel", {"id": id}, ApiCall(options=options), read_json)

    def update_model(
        self,
        id: str,
        change: RecordChange,
        *,
        if_match: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> Model:
        """Renames a model, or sets and removes labels: None removes one."""
        call = ApiCall(body=json_body(change), if_match=if_match, options=options)
        return self._exchange.send("updateModel", {"id": id}, call, read_json)

    def delete_model(
        self, id: str, *, if_match: Optional[str] = None, options: Optional[RequestOptions] = None
    ) -> None:
        self._exchange.send("deleteModel", {"id": id}, ApiCall(if_match=if_match, options=options), read_nothing)

    def list_model_tensors(
        self,
        id: str,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> TensorPage:
        """Returns one page of tensors, in the order of the file."""
        call = ApiCall(query={"limit": limit, "cursor": cursor}, options=options)
        return self._exchange.send("listModelTensors", {"id": id}, call, read_json)

    def get_tensor_summary(
        self, id: str, *, tensor: str, options: Optional[RequestOptions] = None
    ) -> TensorSummary:
        """Returns moments, norm and histogram of one tensor. `tensor`: its name, or its place."""
        call = ApiCall(query={"tensor": tensor}, options=options)
        return self._exchange.send("getTensorSummary", {"id": id}, call, read_json)

    def list_model_scores(
        self,
        id: str,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        options: Optional[RequestOptions] = None,
    ) -> ScorePage:
        """Returns one page of kept scores, newest first."""
        call = ApiCall(query={"limit": limit, "cursor": cursor}, options=options)
        return self._exchange.send("listModelScores", {"id": id}, call, read_json)

    @overload
    def get_model_recipe(self, id: str, *, options: Optional[RequestOptions] = None) -> Recipe: ...
    @overload
    def get_model_recipe(self, id: str, *, form: Literal["json"], options: Optional[RequestOptions] = None) -> Recipe: ...
    @overload
    def get_model_recipe(self, id: str, *, form: Literal["yaml"], options: Optional[RequestOptions] = None) -> str: ...

    def get_model_recipe(
        self, id: str, *, form: str = "json", options: Optional[RequestOptions] = None
    ) -> Union[Recipe, str]:
        """Returns the recipe that makes a soup again; as a YAML text if `form` is `yaml`."""
        if form == "yaml":
            call = ApiCall(headers={"accept": "application/yaml"}, options=options)
            return self._exchange.send("getModelRecipe", {"id": id}, call, read_text)
        return self._exchange.send("getModelRecipe", {"id": id}, ApiCall(options=options), read_json)

    def get_model_content(
        self,
        id: str,
        *,
        external: Optional[External] = None,
        format: Optional[ContentFormat] = None,
        part: Optional[ByteRange] = None,
        on_progress: Optional[OnReceived] = None,
        options: Optional[RequestOptions] = None,
    ) -> Download:
        """Downloads the file. `external`: whether its external data come inside; `format`: of a checkpoint; `part`: the bytes to load, all by default."""
        query = {"external": external, "format": format}
        return start_download(self._exchange, "getModelContent", {"id": id}, query, part, on_progress, options)

    def head_model_content(
        self,
        id: str,
        *,
        external: Optional[External] = None,
        format: Optional[ContentFormat] = None,
        options: Optional[RequestOptions] = None,
    ) -> ContentFacts:
        query = {"external": external, "format": format}
        return head_of(self._exchange, "headModelContent", {"id": id}, query, options)

    def get_model_content_as(
        self,
        id: str,
        filename: str,
        *,
        external: Optional[External] = None,
        format: Optional[ContentFormat] = None,
        part: Optional[ByteRange] = None,
        on_progress: Optional[OnReceived] = None,
        options: Optional[RequestOptions] = None,
    ) -> Download:
        """Downloads the file under a file name. It differs from `get_model_content` only for proxies and logs."""
        values, query = {"id": id, "filename": filename}, {"external": external, "format": format}
        return start_download(self._exchange, "getModelContentAs", values, query, part, on_progress, options)

    def head_model_content_as(
        self,
        id: str,
        filename: str,
        *,
        external: Optional[External] = None,
        format: Optional[ContentFormat] = None,
        options: Optional[RequestOptions] = None,
    ) -> ContentFacts:
        values, query = {"id": id, "filename": filename}, {"external": external, "format": format}
        return head_of(self._exchange, "headModelContentAs", values, query, options)

    def get_model_data(
        self,
        id: str,
        location: str,
        *,
        part: Optional[ByteRange] = None,
        on_progress: Optional[OnReceived] = None,
        options: Optional[RequestOptions] = None,
    ) -> Download:
        """Downloads one file of external data."""
        values = {"id": id, "location": location}
        return start_download(self._exchange, "getModelData", values, {}, part, on_progress, options)

    def head_model_data(self, id: str, location: str, *, options: Optional[RequestOptions] = None) -> ContentFacts:
        return head_of(self._exchange, "headModelData", {"id": id, "location": location}, {}, options)

    def _upload(
        self,
        operation: str,
        values: Dict[str, str],
        query: Mapping[str, Any],
        body: Body,
        headers: Dict[str, str],
        on_progress: Optional[OnProgress],
        options: Optional[RequestOptions],
        idempotency_key: Optional[str],
        if_match: Optional[str] = None,
    ) -> Model:
        call = ApiCall(query, headers, body, on_progress, options, idempotency_key, if_match)
        return self._exchange.send(operation, values, call, read_json)


def data_parts(data: Mapping[str, FileBytes]) -> List[FormPart]:
    """Returns external data as parts of a form."""
    return [("data", location, file) for location, file in data.items()]
