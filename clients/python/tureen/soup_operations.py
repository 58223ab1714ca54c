"""The operation that makes a soup in one request."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Iterable, List, Literal, Mapping, Optional, Sequence, Union, overload

from .api_types import SoupRecipe, SoupReport
from .bodies import Digest, FileBytes, FormPart, OnProgress, form_upload
from .downloads import Download, OnReceived, facts_of
from .exchange import ApiCall, Exchange, answer_itself, read_json
from .model_operations import data_parts
from .settings import RequestOptions


@dataclass(frozen=True)
class ModelFiles:
    """A model with external data: its file, and its data by the locations that the model writes."""

    file: FileBytes
    data: Mapping[str, FileBytes] = field(default_factory=dict)


#: A model of a soup: its file, or its files.
SoupPart = Union[FileBytes, ModelFiles]


class SoupDownload(Download):
    """A soup that is being downloaded. The digest of its bytes is verified."""

    #: Number of warnings. With `report="only"` the server tells them, in place of the soup.
    warnings: int = 0
    #: The report of the merge; None if it is too long for a header.
    report: Optional[SoupReport] = None


class SoupOperations:
    """The operation that makes a soup in one request."""

    _exchange: Exchange

    @overload
    def make_soup(
        self,
        models: Sequence[SoupPart],
        *,
        base: Optional[SoupPart] = None,
        fishers: Sequence[SoupPart] = (),
        recipe: Union[SoupRecipe, str, None] = None,
        weights: Optional[Sequence[float]] = None,
        report: None = None,
        digest: Digest = None,
        on_progress: Optional[OnProgress] = None,
        on_received: Optional[OnReceived] = None,
        options: Optional[RequestOptions] = None,
    ) -> SoupDownload: ...
    @overload
    def make_soup(
        self,
        models: Sequence[SoupPart],
        *,
        base: Optional[SoupPart] = None,
        fishers: Sequence[SoupPart] = (),
        recipe: Union[SoupRecipe, str, None] = None,
        weights: Optional[Sequence[float]] = None,
        report: Literal["only"],
        digest: Digest = None,
        on_progress: Optional[OnProgress] = None,
        on_received: Optional[OnReceived] = None,
        options: Optional[RequestOptions] = None,
    ) -> SoupReport: ...

    def make_soup(
        self,
        models: Sequence[SoupPart],
        *,
        base: Optional[SoupPart] = None,
        fishers: Sequence[SoupPart] = (),
        recipe: Union[SoupRecipe, str, None] = None,
        weights: Optional[Sequence[float]] = None,
        report: Optional[Literal["only"]] = None,
        digest: Digest = None,
        on_progress: Optional[OnProgress] = None,
        on_received: Optional[OnReceived] = None,
        options: Optional[RequestOptions] = None,
    ) -> Union[SoupDownload, SoupReport]:
        """Merges the models of the request. The server keeps nothing of it. With `report="only"` returns the report in place of the soup.

        `base`: the model whose file, names and interface the soup has; the first one by default. `fishers`: files with the Fisher
        information of the models. `recipe`: also a text in JSON or YAML. `weights`: one for each model, in place of a recipe.
        `digest`: False, to declare none.
        """
        body, headers = form_upload(_parts_of(models, base, fishers, recipe, weights), digest)
        call = ApiCall({"report": report}, headers, body, on_progress, options)
        if report == "only":
            return self._exchange.send("makeSoup", {}, call, read_json)
        first = self._exchange.send("makeSoup", {}, call, answer_itself)
        # The server has forgotten the models, so the download cannot go on.
        soup = SoupDownload("The soup", first, facts_of(first.headers), on_progress=on_received)
        soup.warnings = int(first.headers.get("tureen-warnings", 0))
        soup.report = _report_of(first.headers.get("tureen-report"))
        return soup


def _parts_of(
    models: Sequence[SoupPart],
    base: Optional[SoupPart],
    fishers: Sequence[SoupPart],
    recipe: Union[SoupRecipe, str, None],
    weights: Optional[Sequence[float]],
) -> List[FormPart]:
    parts: List[FormPart] = []
    if recipe is not None:
        parts.append(("recipe", None, recipe if isinstance(recipe, str) else json.dumps(recipe, allow_nan=False)))
    parts += [("weights", None, repr(float(weight))) for weight in weights or ()]
    parts += _files("model", models)
    parts += _files("base", () if base is None else (base,))
    parts += _files("fisher", fishers)
    return parts


def _files(field_name: str, models: Iterable[SoupPart]) -> List[FormPart]:
    parts: List[FormPart] = []
    for index, model in enumerate(models):
        files = model if isinstance(model, ModelFiles) else ModelFiles(model)
        parts += [(field_name, f"{field_name}-{index}.onnx", files.file), *data_parts(files.data)]
    return parts


def _report_of(header: Optional[str]) -> Optional[SoupReport]:
    """Returns the report in the header Tureen-Report: JSON in base64url."""
    if header is None:
        return None
    report: Any = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    told: SoupReport = report
    return told
