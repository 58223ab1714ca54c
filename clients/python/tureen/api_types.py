"""The types of the API: what the server takes and answers. A script of the project writes this file from the OpenAPI document; do not edit it.

Each type is a dictionary with these keys. Keys that may be left out stand in a class of their own, since Python 3.9 has no NotRequired.
"""

from __future__ import annotations

from typing import Any, Dict, List, Literal, TypedDict, Union


class CandidateLeaseJob(TypedDict):
    """The search. Nothing more comes once it has succeeded, failed or was cancelled."""

    id: str
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]


class CandidateLease(TypedDict):
    id: Union[str, None]
    job: CandidateLeaseJob
    expiresAt: Union[Timestamp, None]
    candidates: List[ExternalCandidate]


class CandidateOutcome(TypedDict, total=False):
    score: float
    scores: List[float]
    error: str
    details: Dict[str, Any]


class CandidatePage(TypedDict):
    items: List[ExternalCandidateItem]
    nextCursor: Union[str, None]


class Checkpoint(TypedDict):
    format: Literal["safetensors", "safetensors-index", "torch"]
    root: str
    roots: List[str]
    metadata: Dict[str, str]
    ignored: List[str]


class _ComparisonJobRequired(TypedDict):
    id: str
    type: Literal["comparison"]
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    progress: Union[JobProgress, None]
    labels: Dict[str, str]
    createdAt: Timestamp
    startedAt: Union[Timestamp, None]
    finishedAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    attempts: int
    request: ResolvedComparisonRequest


class ComparisonJob(_ComparisonJobRequired, total=False):
    lastFailure: FailedStart
    result: ComparisonResult
    error: Problem


class ComparisonRequestModelsItem(TypedDict):
    id: str


class ComparisonRequestModels(TypedDict):
    """Instead of a list: every model with a label, such as {"label": "run:42"}, oldest first. The server looks them up once, when it accepts the request."""

    label: Union[str, List[str]]


class _ComparisonRequestRulesItemRequired(TypedDict):
    match: str


class ComparisonRequestRulesItem(_ComparisonRequestRulesItemRequired, total=False):
    weights: List[Union[float, Gradient]]
    parameters: Dict[str, Any]
    skip: bool


class _ComparisonRequestRequired(TypedDict):
    models: Union[List[ComparisonRequestModelsItem], ComparisonRequestModels]


class ComparisonRequest(_ComparisonRequestRequired, total=False):
    rules: List[ComparisonRequestRulesItem]
    labels: Dict[str, str]
    ttl: int


class ComparisonResultModelsItem(TypedDict):
    id: str
    name: Union[str, None]
    sha256: str


class ComparisonResultPairsItemTotalsNonFinite(TypedDict):
    """Number of NaN and infinite elements of each."""

    a: int
    b: int


class ComparisonResultPairsItemTotals(TypedDict):
    tensors: int
    identical: int
    averaged: int
    nonFinite: ComparisonResultPairsItemTotalsNonFinite


class ComparisonResultPairsItemTensorsItem(TypedDict):
    a: str
    b: str
    dtype: str
    dims: List[int]
    averaged: bool
    identical: bool
    cosine: Union[float, None]
    relativeDistance: Union[float, None]
    nonFinite: Union[ComparisonResultPairsItemTotalsNonFinite, None]


class _ComparisonResultPairsItemRequired(TypedDict):
    a: str
    b: str
    compatible: bool
    reasons: List[ProblemCause]
    cosine: Union[float, None]
    relativeDistance: Union[float, None]
    totals: ComparisonResultPairsItemTotals
    warnings: List[str]
    tensors: List[ComparisonResultPairsItemTensorsItem]
    omitted: int


class ComparisonResultPairsItem(_ComparisonResultPairsItemRequired, total=False):
    rules: List[RuleReport]


class _ComparisonResultRequired(TypedDict):
    pairs: List[ComparisonResultPairsItem]
    warnings: List[str]


class ComparisonResult(_ComparisonResultRequired, total=False):
    models: List[ComparisonResultModelsItem]


class _ConversionBodyRequired(TypedDict):
    checkpoint: str


class ConversionBody(_ConversionBodyRequired, total=False):
    provenance: bool
    name: str
    labels: Dict[str, str]
    ttl: int


class _ConversionJobRequired(TypedDict):
    id: str
    type: Literal["conversion"]
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    progress: Union[JobProgress, None]
    labels: Dict[str, str]
    createdAt: Timestamp
    startedAt: Union[Timestamp, None]
    finishedAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    attempts: int
    request: ConversionRequest


class ConversionJob(_ConversionJobRequired, total=False):
    lastFailure: FailedStart
    result: ConversionResult
    error: Problem


class _ConversionRequestRequired(TypedDict):
    checkpoint: str
    provenance: bool
    labels: Dict[str, str]
    export: str


class ConversionRequest(_ConversionRequestRequired, total=False):
    name: str
    ttl: int


class _ConversionResultModelRequired(TypedDict):
    id: str
    sha256: str
    bytes: int


class ConversionResultModel(_ConversionResultModelRequired, total=False):
    name: Union[str, None]


class ConversionResultReport(TypedDict):
    weights: int
    kept: int
    warnings: List[str]
    bytesRead: int
    bytesWritten: int
    seconds: float


class ConversionResult(TypedDict):
    model: ConversionResultModel
    export: ComparisonResultModelsItem
    checkpoint: ComparisonResultModelsItem
    report: ConversionResultReport


class _DatasetArraysItemRequired(TypedDict):
    name: str
    dtype: str
    dims: List[int]


class DatasetArraysItem(_DatasetArraysItemRequired, total=False):
    tensorName: str


class DatasetUnusableItem(TypedDict):
    name: str
    reason: str


class DatasetFilesItem(TypedDict):
    name: str
    bytes: int
    sha256: str


class _DatasetRequired(TypedDict):
    id: str
    name: Union[str, None]
    labels: Dict[str, str]
    sha256: str
    bytes: int
    kind: Literal["npz", "testDataSet"]
    samples: int
    arrays: List[DatasetArraysItem]
    files: List[DatasetFilesItem]
    createdAt: Timestamp
    expiresAt: Union[Timestamp, None]


class Dataset(_DatasetRequired, total=False):
    unusable: List[DatasetUnusableItem]


class DatasetPage(TypedDict):
    items: List[Union[Dataset, UnreadableDataset]]
    nextCursor: Union[str, None]


class _DatasetSelectionRequired(TypedDict):
    dataset: str
    metric: MetricRequest


class DatasetSelection(_DatasetSelectionRequired, total=False):
    """A data set and the scoring metric on it."""

    inputs: Dict[str, str]
    target: str
    output: str
    batchSize: int


class _DatasetTermRequired(TypedDict):
    dataset: str
    metric: MetricRequest


class DatasetTerm(_DatasetTermRequired, total=False):
    inputs: Dict[str, str]
    target: str
    output: str
    batchSize: int
    weight: float
    atLeast: ScoreThreshold


class _DatasetTestRequired(TypedDict):
    dataset: str


class DatasetTest(_DatasetTestRequired, total=False):
    """A data set; fields that are left out are as in selection."""

    metric: MetricRequest
    inputs: Dict[str, str]
    target: str
    output: str
    batchSize: int


class _EvaluationJobRequired(TypedDict):
    id: str
    type: Literal["evaluation"]
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    progress: Union[JobProgress, None]
    labels: Dict[str, str]
    createdAt: Timestamp
    startedAt: Union[Timestamp, None]
    finishedAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    attempts: int
    request: ResolvedEvaluationRequest


class EvaluationJob(_EvaluationJobRequired, total=False):
    lastFailure: FailedStart
    result: EvaluationResult
    error: Problem


class _EvaluationRequestRequired(TypedDict):
    model: str
    dataset: str


class EvaluationRequest(_EvaluationRequestRequired, total=False):
    inputs: Dict[str, str]
    target: str
    output: str
    batchSize: int
    metrics: List[MetricRequest]
    limit: int
    labels: Dict[str, str]
    ttl: int


class EvaluationResultLatencyMs(TypedDict):
    """Milliseconds of one run of the model over batchSize samples; the first run is left out."""

    median: float
    p95: float


class _EvaluationResultModelRequired(TypedDict):
    sha256: str
    bytes: int


class EvaluationResultModel(_EvaluationResultModelRequired, total=False):
    id: str
    name: Union[str, None]


EvaluationResultPerClassItemClassesItem = TypedDict(
    "EvaluationResultPerClassItemClassesItem",
    {
        "class": "Union[int, str]",
        "value": "Union[float, None]",
        "support": "int",
    },
)


class EvaluationResultPerClassItem(TypedDict):
    metric: str
    classes: List[EvaluationResultPerClassItemClassesItem]


class _EvaluationResultBindingRequired(TypedDict):
    inputs: Dict[str, str]
    target: Union[str, None]
    output: Union[str, None]


class EvaluationResultBinding(_EvaluationResultBindingRequired, total=False):
    guessed: List[str]


class _EvaluationResultRequired(TypedDict):
    metrics: Dict[str, Union[float, None]]
    samples: int
    seconds: float
    latencyMs: EvaluationResultLatencyMs
    batchSize: int
    model: EvaluationResultModel
    threads: int
    runtime: str
    cached: bool
    notes: List[str]
    binding: EvaluationResultBinding


class EvaluationResult(_EvaluationResultRequired, total=False):
    dataset: ComparisonResultModelsItem
    perClass: List[EvaluationResultPerClassItem]
    ignored: Dict[str, int]


class ExportPrefix(TypedDict):
    """Difference between the names of the graph and the keys of the checkpoint."""

    drop: str
    add: str


class ExportCounts(TypedDict):
    """Lengths of the lists of GET /v1/exports/{id}."""

    weights: int
    unmatched: int
    ambiguous: int
    shared: int
    numbers: int
    unused: int


class ExportWeightsItem(TypedDict):
    tensor: str
    dtype: str
    dims: List[int]
    keys: List[str]
    derivation: str


class ExportUnmatchedItem(TypedDict):
    tensor: str
    dtype: str
    dims: List[int]
    nearest: Union[str, None]
    reason: str


class ExportNumbersItem(TypedDict):
    tensor: str
    dtype: str
    dims: List[int]


class ExportAmbiguousItem(TypedDict):
    weights: List[str]
    choices: List[str]


class ExportSharedItemOthersItem(TypedDict):
    output: str
    derivation: str


class ExportSharedItem(TypedDict):
    tensor: str
    others: List[ExportSharedItemOthersItem]


class Export(TypedDict):
    """An export with the steps from tensors of its checkpoint to each weight of its ONNX model."""

    name: Union[str, None]
    labels: Dict[str, str]
    sha256: str
    model: ComparisonResultModelsItem
    checkpoint: ComparisonResultModelsItem
    prefix: ExportPrefix
    counts: ExportCounts
    warnings: List[str]
    createdAt: Timestamp
    expiresAt: Union[Timestamp, None]
    id: str
    weights: List[ExportWeightsItem]
    unmatched: List[ExportUnmatchedItem]
    numbers: List[ExportNumbersItem]
    ambiguous: List[ExportAmbiguousItem]
    shared: List[ExportSharedItem]
    unused: List[str]


class _ExportJobRequired(TypedDict):
    id: str
    type: Literal["export"]
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    progress: Union[JobProgress, None]
    labels: Dict[str, str]
    createdAt: Timestamp
    startedAt: Union[Timestamp, None]
    finishedAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    attempts: int
    request: ResolvedExportRequest


class ExportJob(_ExportJobRequired, total=False):
    lastFailure: FailedStart
    result: ExportResult
    error: Problem


class ExportPage(TypedDict):
    items: List[Union[ExportSummary, UnreadableExport]]
    nextCursor: Union[str, None]


class _ExportRequestRequired(TypedDict):
    model: str
    checkpoint: str


class ExportRequest(_ExportRequestRequired, total=False):
    unmatched: Literal["refuse", "keep"]
    name: str
    labels: Dict[str, str]
    ttl: int


class ExportResult(TypedDict):
    export: ExportSummary


class ExportSummary(TypedDict):
    """An export without its lists; GET /v1/exports/{id} answers with them."""

    id: str
    name: Union[str, None]
    labels: Dict[str, str]
    sha256: str
    model: ComparisonResultModelsItem
    checkpoint: ComparisonResultModelsItem
    prefix: ExportPrefix
    counts: ExportCounts
    warnings: List[str]
    createdAt: Timestamp
    expiresAt: Union[Timestamp, None]


class ExternalCandidateRulesItem(TypedDict):
    match: str
    weights: List[float]


class ExternalCandidateDataItem(TypedDict):
    location: str
    content: str


class _ExternalCandidateRequired(TypedDict):
    id: str
    place: int
    models: List[str]
    weights: List[float]
    split: Literal["selection", "test"]
    scorer: ExternalScorer
    state: Literal["open", "leased", "scored", "unscored"]
    attempts: int
    lease: Union[str, None]
    expiresAt: Union[Timestamp, None]
    score: Union[float, None]
    samples: Union[int, None]
    error: Union[str, None]
    details: Union[Dict[str, Any], None]
    createdAt: Timestamp
    settledAt: Union[Timestamp, None]
    content: str
    recipe: Union[Recipe, None]
    data: List[ExternalCandidateDataItem]


class ExternalCandidate(_ExternalCandidateRequired, total=False):
    rules: List[ExternalCandidateRulesItem]
    parameters: Dict[str, float]


class _ExternalCandidateItemRequired(TypedDict):
    id: str
    place: int
    models: List[str]
    weights: List[float]
    split: Literal["selection", "test"]
    scorer: ExternalScorer
    state: Literal["open", "leased", "scored", "unscored"]
    attempts: int
    lease: Union[str, None]
    expiresAt: Union[Timestamp, None]
    score: Union[float, None]
    samples: Union[int, None]
    error: Union[str, None]
    details: Union[Dict[str, Any], None]
    createdAt: Timestamp
    settledAt: Union[Timestamp, None]
    content: str


class ExternalCandidateItem(_ExternalCandidateItemRequired, total=False):
    rules: List[ExternalCandidateRulesItem]
    parameters: Dict[str, float]


class ExternalScorer(TypedDict):
    """A scorer outside of the server, which gets candidates from /v1/jobs/{id}/leases."""

    name: str
    version: str


class _ExternalSelectionRequired(TypedDict):
    external: ExternalScorer
    direction: Literal["max", "min"]


class ExternalSelection(_ExternalSelectionRequired, total=False):
    """A scorer outside of the server."""

    reuse: bool


class _ExternalTermRequired(TypedDict):
    external: ExternalScorer
    direction: Literal["max", "min"]


class ExternalTerm(_ExternalTermRequired, total=False):
    reuse: bool
    weight: float
    atLeast: ScoreThreshold


class ExternalTest(TypedDict, total=False):
    """With a scorer in selection: the scorer is told that the split is test."""

    external: ExternalScorer


class FailedStart(TypedDict):
    """Last start that ended before the job did, without those that a clean stop of the server ended."""

    startedAt: Union[Timestamp, None]
    foundAt: Timestamp
    message: str


class _GradientRequired(TypedDict):
    gradient: List[float]


class Gradient(_GradientRequired, total=False):
    """A number that changes along the network, linearly between evenly spaced points. By graph: from the first operator with weights to the last. By block: from the first block to the last; tensors outside of blocks get the first point."""

    by: Literal["graph", "block"]


class Health(TypedDict):
    status: Literal["ok"]


class Isolation(TypedDict):
    """Isolation of evaluators, the processes in which models run, as tried at the start of the server."""

    level: Literal["landlock", "bubblewrap", "seccomp", "limits"]
    fileSystem: bool
    network: bool
    processes: bool
    systemCalls: bool
    ownUser: bool
    landlockAbi: Union[int, None]


class JobPage(TypedDict):
    items: List[Union[JobSummary, UnreadableJob]]
    nextCursor: Union[str, None]


class _JobProgressRequired(TypedDict):
    done: float
    total: float
    message: str


class JobProgress(_JobProgressRequired, total=False):
    best: Union[float, None]
    seconds: float
    secondsLeft: Union[float, None]


class _JobSummarySearchWinnerRequired(TypedDict):
    id: str
    sha256: str


class JobSummarySearchWinner(_JobSummarySearchWinnerRequired, total=False):
    """The result: a new model, or a model of the request; with guard the recommended model."""

    name: Union[str, None]


class _JobSummarySearchRequired(TypedDict):
    score: Union[float, None]
    candidates: int
    winner: JobSummarySearchWinner


class JobSummarySearch(_JobSummarySearchRequired, total=False):
    """Summary, if a search succeeded."""

    recommended: RecommendedModel


class _JobSummaryRequired(TypedDict):
    id: str
    type: Literal["merge", "evaluation", "search", "comparison", "export", "conversion"]
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    progress: Union[JobProgress, None]
    name: Union[str, None]
    labels: Dict[str, str]
    createdAt: Timestamp
    startedAt: Union[Timestamp, None]
    finishedAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    attempts: int


class JobSummary(_JobSummaryRequired, total=False):
    """A job without its request and result; GET /v1/jobs/{id} answers with them."""

    search: JobSummarySearch
    error: Problem


class LeaseRenewal(TypedDict):
    seconds: int


class LeaseRequest(TypedDict, total=False):
    count: int
    seconds: int
    scorer: str


class _MergeJobRequired(TypedDict):
    id: str
    type: Literal["merge"]
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    progress: Union[JobProgress, None]
    labels: Dict[str, str]
    createdAt: Timestamp
    startedAt: Union[Timestamp, None]
    finishedAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    attempts: int
    request: ResolvedMergeRequest


class MergeJob(_MergeJobRequired, total=False):
    lastFailure: FailedStart
    result: MergeResult
    error: Problem


class MergeMethodModels(TypedDict):
    min: int
    max: Union[int, None]


class MergeMethod(TypedDict):
    name: str
    description: str
    formula: str
    source: str
    parameters: Dict[str, Any]
    models: MergeMethodModels
    needsBase: bool
    base: Literal["none", "optional", "required"]
    needsFisher: bool
    weights: bool
    normalize: Union[bool, None]
    needs: List[Literal["gram", "threshold", "ranks", "random"]]


class MergeMethodList(TypedDict):
    items: List[MergeMethod]


class MergeParameters2(TypedDict, total=False):
    t: Union[float, Gradient]


class MergeParameters3(TypedDict, total=False):
    along: Literal["tensor", "last", "first"]
    rowWise: bool


class MergeParameters4(TypedDict, total=False):
    eps: Union[float, Gradient]


class MergeParameters5(TypedDict, total=False):
    maxIter: int
    tol: Union[float, Gradient]


MergeParameters6 = TypedDict(
    "MergeParameters6",
    {
        "lambda": "Union[float, Gradient]",
    },
    total=False,
)


MergeParameters7 = TypedDict(
    "MergeParameters7",
    {
        "density": "Union[Union[float, Gradient], List[Union[float, Gradient]]]",
        "lambda": "Union[float, Gradient]",
        "trim": "Literal[\"tensor\", \"global\"]",
    },
    total=False,
)


MergeParameters8 = TypedDict(
    "MergeParameters8",
    {
        "density": "Union[Union[float, Gradient], List[Union[float, Gradient]]]",
        "lambda": "Union[float, Gradient]",
        "seed": "int",
        "rescale": "Literal[\"inverse\", \"l1\"]",
    },
    total=False,
)


MergeParameters9 = TypedDict(
    "MergeParameters9",
    {
        "density": "Union[Union[float, Gradient], List[Union[float, Gradient]]]",
        "epsilon": "Union[Union[float, Gradient], List[Union[float, Gradient]]]",
        "lambda": "Union[float, Gradient]",
        "seed": "int",
    },
    total=False,
)


MergeParameters10 = TypedDict(
    "MergeParameters10",
    {
        "density": "Union[Union[float, Gradient], List[Union[float, Gradient]]]",
        "gamma": "Union[Union[float, Gradient], List[Union[float, Gradient]]]",
        "lambda": "Union[float, Gradient]",
    },
    total=False,
)


class MergeParameters11(TypedDict, total=False):
    topk: Union[float, Gradient]


class MergeParameters12(TypedDict, total=False):
    decay: Union[float, Gradient]


class MergeParameters13(TypedDict, total=False):
    t: Union[float, Gradient]


class MergeParameters14(TypedDict, total=False):
    alpha: Union[float, Gradient]


class _MergeRequestModelsItemRequired(TypedDict):
    id: str


class MergeRequestModelsItem(_MergeRequestModelsItemRequired, total=False):
    weight: Union[float, Gradient]
    fisher: str


class _MergeRequestRulesItemRequired(TypedDict):
    match: str


class MergeRequestRulesItem(_MergeRequestRulesItemRequired, total=False):
    weights: List[Union[float, Gradient]]
    parameters: MergeParameters
    skip: bool


class _MergeRequestRecalibrateRequired(TypedDict):
    dataset: str


class MergeRequestRecalibrate(_MergeRequestRecalibrateRequired, total=False):
    inputs: Dict[str, str]
    batches: int
    batchSize: int
    metric: MetricRequest
    target: str
    output: str


class _MergeRequestRequired(TypedDict):
    models: Union[List[MergeRequestModelsItem], ComparisonRequestModels]


class MergeRequest(_MergeRequestRequired, total=False):
    base: str
    method: MergeMethodName
    parameters: MergeParameters
    normalize: bool
    nonFloat: Literal["error", "base"]
    rules: List[MergeRequestRulesItem]
    outputDtype: Literal["float32", "float16", "bfloat16", "float64"]
    onNonFinite: Literal["warn", "fail"]
    provenance: bool
    blocks: int
    notes: List[str]
    recalibrate: MergeRequestRecalibrate
    name: str
    labels: Dict[str, str]
    ttl: int


class MergeResultReportTensors(TypedDict):
    averaged: int
    copied: int
    nonFloat: int


class _MergeResultReportMethodTensorsItemRequired(TypedDict):
    tensor: str
    elements: int


class MergeResultReportMethodTensorsItem(_MergeResultReportMethodTensorsItemRequired, total=False):
    cosine: Union[float, None]
    t: float
    coefficients: Union[List[float], None]
    kept: List[int]
    signConflicts: int


class _MergeResultReportMethodTotalsRequired(TypedDict):
    elements: int


class MergeResultReportMethodTotals(_MergeResultReportMethodTotalsRequired, total=False):
    kept: List[int]
    signConflicts: int


class MergeResultReportMethod(TypedDict):
    """Facts that the merge method found about each tensor; absent if it finds none."""

    tensors: List[MergeResultReportMethodTensorsItem]
    omitted: int
    totals: MergeResultReportMethodTotals


class _MergeResultReportFromBaseValuesItemRequired(TypedDict):
    tensor: str
    model: str
    base: str
    other: str


class MergeResultReportFromBaseValuesItem(_MergeResultReportFromBaseValuesItemRequired, total=False):
    node: str


class MergeResultReportFromBase(TypedDict):
    """Values that are never averaged and differ between models; "nonFloat": "base" took the ones of the base."""

    values: List[MergeResultReportFromBaseValuesItem]
    omitted: int


class MergeResultReportRecalibrationLayersItem(TypedDict):
    node: str
    channels: int
    meanShift: Union[float, None]
    varianceRatio: Union[float, None]


class MergeResultReportRecalibrationLeftItem(TypedDict):
    node: str
    reason: str


class MergeResultReportRecalibrationScore(TypedDict):
    """Scores of the soup on the whole data set."""

    before: Union[float, None]
    after: Union[float, None]


class _MergeResultReportRecalibrationRequired(TypedDict):
    samples: int
    passes: int
    layers: List[MergeResultReportRecalibrationLayersItem]
    left: List[MergeResultReportRecalibrationLeftItem]


class MergeResultReportRecalibration(_MergeResultReportRecalibrationRequired, total=False):
    score: MergeResultReportRecalibrationScore


class _MergeResultReportRequired(TypedDict):
    tensors: MergeResultReportTensors
    nonFinite: int
    seconds: float
    bytesRead: int
    bytesWritten: int
    warnings: List[str]


class MergeResultReport(_MergeResultReportRequired, total=False):
    method: MergeResultReportMethod
    fromBase: MergeResultReportFromBase
    rules: List[RuleReport]
    recalibration: MergeResultReportRecalibration


class _MergeResultRequired(TypedDict):
    model: ConversionResultModel
    report: MergeResultReport


class MergeResult(_MergeResultRequired, total=False):
    models: List[ComparisonResultModelsItem]


class Metric(TypedDict):
    name: str
    description: str
    direction: Literal["max", "min"]
    per: Literal["sample", "set"]
    target: Literal["classes", "values", "masks", "reference"]
    parameters: Dict[str, Any]


class MetricList(TypedDict):
    items: List[Metric]


class _MetricRequest2Required(TypedDict):
    name: str


class MetricRequest2(_MetricRequest2Required, total=False):
    model: str
    direction: Any


class Mistake(TypedDict):
    sample: int
    outcome: Literal["newlyRight", "newlyWrong"]
    target: Union[float, str]
    winner: Union[float, str, None]
    bestSingle: Union[float, str, None]


class _MistakeCountsRequired(TypedDict):
    on: Literal["selection", "test"]
    newlyRight: int
    newlyWrong: int
    listed: int


class MistakeCounts(_MistakeCountsRequired, total=False):
    term: int


class MistakePage(TypedDict):
    items: List[Mistake]
    nextCursor: Union[str, None]


class ModelFilesItem(TypedDict):
    location: str
    bytes: int
    sha256: str


class ModelOpsetsItem(TypedDict):
    domain: str
    version: int


class ModelInputsItem(TypedDict):
    name: str
    dtype: str
    dims: Union[List[Union[int, str, None]], None]


class ModelLineageInputsItem(TypedDict):
    sha256: str
    weight: Union[float, Gradient]


class _ModelLineageRequired(TypedDict):
    method: str
    inputs: List[ModelLineageInputsItem]
    base: str


class ModelLineage(_ModelLineageRequired, total=False):
    normalize: bool


class Model(TypedDict):
    id: str
    kind: Literal["model", "checkpoint"]
    name: Union[str, None]
    labels: Dict[str, str]
    sha256: str
    bytes: int
    files: List[ModelFilesItem]
    status: Literal["complete", "incomplete"]
    missing: List[str]
    irVersion: Union[int, None]
    producer: Union[str, None]
    opsets: List[ModelOpsetsItem]
    inputs: List[ModelInputsItem]
    outputs: List[ModelInputsItem]
    parameters: int
    tensorCount: int
    dtypes: Dict[str, int]
    fingerprint: Union[str, None]
    checkpoint: Union[Checkpoint, None]
    createdAt: Timestamp
    expiresAt: Union[Timestamp, None]
    lineage: Union[ModelLineage, None]


class ModelPage(TypedDict):
    items: List[Union[Model, UnreadableModel]]
    nextCursor: Union[str, None]


class PairFindingsBarriersItem(TypedDict):
    a: str
    b: str
    barrier: Union[float, None]


class PairFindings(TypedDict):
    barriers: List[PairFindingsBarriersItem]
    groups: List[List[str]]
    spoilers: List[str]


class _ProblemRequired(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: List[ProblemCause]


class Problem(_ProblemRequired, total=False):
    requestId: str


class _ProblemCauseRequired(TypedDict):
    message: str


class ProblemCause(_ProblemCauseRequired, total=False):
    field: str
    model: str
    dataset: str
    export: str
    job: str
    location: str
    tensor: str
    node: str
    expected: str
    actual: str


class _RecipeModelsItemRequired(TypedDict):
    id: str
    weight: Union[float, Gradient]


class RecipeModelsItem(_RecipeModelsItemRequired, total=False):
    fisher: str


class _RecipeRecalibrateRequired(TypedDict):
    dataset: str


class RecipeRecalibrate(_RecipeRecalibrateRequired, total=False):
    inputs: Dict[str, str]
    batches: int
    batchSize: int


class _RecipeRequired(TypedDict):
    method: str
    models: List[RecipeModelsItem]
    nonFloat: Literal["error", "base"]
    provenance: bool


class Recipe(_RecipeRequired, total=False):
    parameters: MergeParameters
    base: str
    normalize: bool
    rules: List[MergeRequestRulesItem]
    outputDtype: Literal["float32", "float16", "bfloat16", "float64"]
    onNonFinite: Literal["warn", "fail"]
    recalibrate: RecipeRecalibrate
    export: str


class _RecommendedModelRequired(TypedDict):
    choice: Literal["winner", "bestSingle"]
    id: str
    sha256: str
    reason: str


class RecommendedModel(_RecommendedModelRequired, total=False):
    name: Union[str, None]


class RecordChange(TypedDict, total=False):
    name: Union[str, None]
    labels: Union[Dict[str, Union[str, None]], None]


class RenewedLease(TypedDict):
    id: str
    expiresAt: Timestamp


class _ResolvedComparisonRequestRequired(TypedDict):
    models: List[ComparisonRequestModelsItem]
    rules: List[ComparisonRequestRulesItem]
    labels: Dict[str, str]


class ResolvedComparisonRequest(_ResolvedComparisonRequestRequired, total=False):
    ttl: int


class _ResolvedDatasetTermRequired(TypedDict):
    dataset: str
    metric: MetricRequest
    weight: float


class ResolvedDatasetTerm(_ResolvedDatasetTermRequired, total=False):
    inputs: Dict[str, str]
    target: str
    output: str
    batchSize: int
    atLeast: ScoreThreshold


class _ResolvedEvaluationRequestRequired(TypedDict):
    model: str
    dataset: str
    labels: Dict[str, str]


class ResolvedEvaluationRequest(_ResolvedEvaluationRequestRequired, total=False):
    inputs: Dict[str, str]
    target: str
    output: str
    batchSize: int
    metrics: List[MetricRequest]
    limit: int
    ttl: int


class _ResolvedExportRequestRequired(TypedDict):
    model: str
    checkpoint: str
    unmatched: Literal["refuse", "keep"]
    labels: Dict[str, str]


class ResolvedExportRequest(_ResolvedExportRequestRequired, total=False):
    name: str
    ttl: int


class ResolvedExternalSelection(TypedDict):
    """A scorer outside of the server."""

    external: ExternalScorer
    direction: Literal["max", "min"]
    reuse: bool


class _ResolvedExternalTermRequired(TypedDict):
    external: ExternalScorer
    direction: Literal["max", "min"]
    reuse: bool
    weight: float


class ResolvedExternalTerm(_ResolvedExternalTermRequired, total=False):
    atLeast: ScoreThreshold


class _ResolvedMergeRequestModelsItemRequired(TypedDict):
    id: str
    weight: Union[float, Gradient]


class ResolvedMergeRequestModelsItem(_ResolvedMergeRequestModelsItemRequired, total=False):
    fisher: str


class _ResolvedMergeRequestRequired(TypedDict):
    models: List[ResolvedMergeRequestModelsItem]
    method: MergeMethodName
    parameters: MergeParameters
    nonFloat: Literal["error", "base"]
    rules: List[MergeRequestRulesItem]
    onNonFinite: Literal["warn", "fail"]
    provenance: bool
    labels: Dict[str, str]


class ResolvedMergeRequest(_ResolvedMergeRequestRequired, total=False):
    base: str
    normalize: bool
    outputDtype: Literal["float32", "float16", "bfloat16", "float64"]
    blocks: int
    notes: List[str]
    recalibrate: MergeRequestRecalibrate
    name: str
    ttl: int


class _ResolvedSearchRequestModelsItemRequired(TypedDict):
    id: str


class ResolvedSearchRequestModelsItem(_ResolvedSearchRequestModelsItemRequired, total=False):
    fisher: str


class _ResolvedSearchRequestRecalibrateRequired(TypedDict):
    dataset: str


class ResolvedSearchRequestRecalibrate(_ResolvedSearchRequestRecalibrateRequired, total=False):
    """Data to measure the batch norms of every soup on before it is scored: one run for each level of batch norms."""

    inputs: Dict[str, str]
    batches: int
    batchSize: int


class ResolvedSearchRequestBudget(TypedDict, total=False):
    """Limits that end the search early, with the best candidate so far. Default: {}."""

    evaluations: int
    seconds: float


class _ResolvedSearchRequestRequired(TypedDict):
    models: List[ResolvedSearchRequestModelsItem]
    strategy: ResolvedSearchStrategy
    selection: Union[DatasetSelection, ResolvedExternalSelection, List[Union[ResolvedDatasetTerm, ResolvedExternalTerm]]]
    method: MergeMethodName
    parameters: MergeParameters
    nonFloat: Literal["error", "base"]
    onNonFinite: Literal["warn", "fail"]
    budget: ResolvedSearchRequestBudget
    labels: Dict[str, str]


class ResolvedSearchRequest(_ResolvedSearchRequestRequired, total=False):
    test: SearchTest
    base: str
    outputDtype: Literal["float32", "float16", "bfloat16", "float64"]
    recalibrate: ResolvedSearchRequestRecalibrate
    guard: bool
    name: str
    ttl: int


class ResolvedSearchStrategyGreedy(TypedDict):
    """Greedy search: starts with the best model and adds the others, best first. A model stays if the soup does not get worse (Wortsman et al. 2022)."""

    type: Literal["greedy"]
    accept: Literal[">=", ">"]


class ResolvedSearchStrategyExhaustive(TypedDict):
    """Exhaustive search: scores all 2^n - 1 subsets of n models, and computes the exact Shapley value of each model."""

    type: Literal["exhaustive"]
    maxModels: int
    emptyScore: float


class _ResolvedSearchStrategyTopKRequired(TypedDict):
    type: Literal["topK"]


class ResolvedSearchStrategyTopK(_ResolvedSearchStrategyTopKRequired, total=False):
    """Top k: averages the best model, the best two, and so on up to k, such as the best 5 epochs."""

    k: int


class _ResolvedSearchStrategySweepRequired(TypedDict):
    type: Literal["sweep"]
    steps: int


class ResolvedSearchStrategySweep(_ResolvedSearchStrategySweepRequired, total=False):
    """Sweep: scores points on the line between two models, and measures the loss barrier between them."""

    parameter: str
    range: List[float]


class ResolvedSearchStrategyPairs(TypedDict):
    """Pairs: scores the midpoint of every pair of models, and measures the barriers between them: which models average well with each other, and which spoil the soup."""

    type: Literal["pairs"]
    tolerance: float


class _ResolvedSearchStrategyCoordinateRequired(TypedDict):
    type: Literal["coordinate"]
    groups: List[str]
    step: float
    minimumStep: float


class ResolvedSearchStrategyCoordinate(_ResolvedSearchStrategyCoordinateRequired, total=False):
    """Coordinate search: moves one weight up or down at a time."""

    parameters: Dict[str, List[float]]


class _ResolvedSearchStrategyCmaEsRequired(TypedDict):
    type: Literal["cmaEs"]
    groups: List[str]
    seed: int
    generations: int
    sigma: float


class ResolvedSearchStrategyCmaEs(_ResolvedSearchStrategyCmaEsRequired, total=False):
    """CMA-ES: finds weights with an evolution strategy."""

    parameters: Dict[str, List[float]]
    population: int


class RuleReport(TypedDict):
    match: str
    tensors: int
    elements: int
    overruled: int


class ScoreDataset(TypedDict):
    sha256: str
    id: Union[str, None]
    name: Union[str, None]


ScorePerClassItem = TypedDict(
    "ScorePerClassItem",
    {
        "class": "Union[int, str]",
        "value": "Union[float, None]",
        "support": "int",
    },
)


class _ScoreRequired(TypedDict):
    dataset: ScoreDataset
    metric: str
    parameters: Dict[str, Any]
    value: Union[float, None]
    samples: int
    limit: Union[int, None]
    batchSize: int
    inputs: Dict[str, str]
    target: Union[str, None]
    output: Union[str, None]
    threads: int
    jobId: Union[str, None]
    createdAt: Timestamp


class Score(_ScoreRequired, total=False):
    perClass: List[ScorePerClassItem]
    note: str
    ignored: int


class ScorePage(TypedDict):
    items: List[Score]
    nextCursor: Union[str, None]


class ScoreThreshold2(TypedDict):
    of: Literal["base", "best"]
    margin: float


class _ScoredSoupRequired(TypedDict):
    models: List[str]
    weights: List[float]
    score: Union[float, None]


class ScoredSoup(_ScoredSoupRequired, total=False):
    rules: List[ExternalCandidateRulesItem]
    parameters: Dict[str, float]
    names: List[Union[str, None]]
    scores: List[Union[float, None]]
    misses: List[int]


class _SearchJobRequired(TypedDict):
    id: str
    type: Literal["search"]
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    progress: Union[JobProgress, None]
    labels: Dict[str, str]
    createdAt: Timestamp
    startedAt: Union[Timestamp, None]
    finishedAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    attempts: int
    request: ResolvedSearchRequest


class SearchJob(_SearchJobRequired, total=False):
    lastFailure: FailedStart
    result: SearchResult
    error: Problem


class _SearchRequestRequired(TypedDict):
    models: Union[List[ResolvedSearchRequestModelsItem], ComparisonRequestModels]
    strategy: SearchStrategy
    selection: Union[DatasetSelection, ExternalSelection, List[Union[DatasetTerm, ExternalTerm]]]


class SearchRequest(_SearchRequestRequired, total=False):
    test: SearchTest
    method: MergeMethodName
    parameters: MergeParameters
    base: str
    nonFloat: Literal["error", "base"]
    outputDtype: Literal["float32", "float16", "bfloat16", "float64"]
    onNonFinite: Literal["warn", "fail"]
    recalibrate: ResolvedSearchRequestRecalibrate
    budget: ResolvedSearchRequestBudget
    guard: bool
    name: str
    labels: Dict[str, str]
    ttl: int


class _SearchResultModelRequired(TypedDict):
    id: str
    sha256: str


class SearchResultModel(_SearchResultModelRequired, total=False):
    """The winner, or the recommended model with guard: a new model, or a model of the request if it is the winner."""

    name: Union[str, None]


class _SearchResultCandidatesItemRequired(TypedDict):
    models: List[str]
    weights: List[float]
    score: Union[float, None]
    seconds: float
    cached: bool


class SearchResultCandidatesItem(_SearchResultCandidatesItemRequired, total=False):
    rules: List[ExternalCandidateRulesItem]
    parameters: Dict[str, float]
    scores: List[Union[float, None]]
    misses: List[int]


class _SearchResultBaseRequired(TypedDict):
    id: str
    sha256: str
    scores: List[Union[float, None]]
    test: Union[List[Union[float, None]], None]


class SearchResultBase(_SearchResultBaseRequired, total=False):
    """Scores of the base beside; absent if selection is no list, or without base in the request."""

    name: Union[str, None]


class _SearchResultContributionsItemRequired(TypedDict):
    model: str
    shapley: float
    marginal: float
    spoils: bool


class SearchResultContributionsItem(_SearchResultContributionsItemRequired, total=False):
    name: Union[str, None]


class SearchResultBarrier(TypedDict):
    """Sweep only: the largest drop below linear interpolation between the two end scores, and its alpha."""

    value: float
    alpha: float


class _SearchResultTestRequired(TypedDict):
    winner: Union[float, None]
    bestSingle: Union[float, None]
    uniform: Union[float, None]
    difference: Union[float, None]
    interval: Union[List[float], None]
    confidence: float
    replicates: int
    samples: Union[int, None]


class SearchResultTest(_SearchResultTestRequired, total=False):
    direction: Literal["max", "min"]
    ignored: int
    leftOut: int


class _SearchResultRequired(TypedDict):
    model: SearchResultModel
    winner: ScoredSoup
    bestSingle: ScoredSoup
    uniform: Union[ScoredSoup, None]
    candidates: List[SearchResultCandidatesItem]
    improved: Union[bool, None]
    test: Union[SearchResultTest, None]
    direction: Literal["max", "min"]
    stopped: Union[Literal["evaluations", "seconds"], None]
    evaluations: int
    seconds: float
    notes: List[str]


class SearchResult(_SearchResultRequired, total=False):
    recommended: RecommendedModel
    models: List[ComparisonResultModelsItem]
    terms: List[SearchTermResult]
    pareto: List[int]
    base: SearchResultBase
    contributions: List[SearchResultContributionsItem]
    emptyScore: float
    barrier: SearchResultBarrier
    pairs: PairFindings
    mistakes: MistakeCounts
    ignored: int
    groups: List[RuleReport]


class _SearchStrategyGreedyRequired(TypedDict):
    type: Literal["greedy"]


class SearchStrategyGreedy(_SearchStrategyGreedyRequired, total=False):
    """Greedy search: starts with the best model and adds the others, best first. A model stays if the soup does not get worse (Wortsman et al. 2022)."""

    accept: Literal[">=", ">"]


class _SearchStrategyExhaustiveRequired(TypedDict):
    type: Literal["exhaustive"]


class SearchStrategyExhaustive(_SearchStrategyExhaustiveRequired, total=False):
    """Exhaustive search: scores all 2^n - 1 subsets of n models, and computes the exact Shapley value of each model."""

    maxModels: int
    emptyScore: float


class _SearchStrategySweepRequired(TypedDict):
    type: Literal["sweep"]


class SearchStrategySweep(_SearchStrategySweepRequired, total=False):
    """Sweep: scores points on the line between two models, and measures the loss barrier between them."""

    steps: int
    parameter: str
    range: List[float]


class _SearchStrategyPairsRequired(TypedDict):
    type: Literal["pairs"]


class SearchStrategyPairs(_SearchStrategyPairsRequired, total=False):
    """Pairs: scores the midpoint of every pair of models, and measures the barriers between them: which models average well with each other, and which spoil the soup."""

    tolerance: float


class _SearchStrategyCoordinateRequired(TypedDict):
    type: Literal["coordinate"]


class SearchStrategyCoordinate(_SearchStrategyCoordinateRequired, total=False):
    """Coordinate search: moves one weight up or down at a time."""

    groups: List[str]
    parameters: Dict[str, List[float]]
    step: float
    minimumStep: float


class _SearchStrategyCmaEsRequired(TypedDict):
    type: Literal["cmaEs"]


class SearchStrategyCmaEs(_SearchStrategyCmaEsRequired, total=False):
    """CMA-ES: finds weights with an evolution strategy."""

    groups: List[str]
    parameters: Dict[str, List[float]]
    seed: int
    generations: int
    population: int
    sigma: float


class SearchTermResultDataset(TypedDict):
    """The data set; absent for a scorer."""

    id: str
    name: Union[str, None]


class _SearchTermResultBestSingleRequired(TypedDict):
    model: str
    score: Union[float, None]


class SearchTermResultBestSingle(_SearchTermResultBestSingleRequired, total=False):
    """The best single model by this term among those that were scored; the first one if none has a score."""

    name: Union[str, None]


class _SearchTermResultTestRequired(TypedDict):
    winner: Union[float, None]
    bestSingle: Union[float, None]
    uniform: Union[float, None]
    difference: Union[float, None]
    interval: Union[List[float], None]
    outcome: Union[Literal["gained", "lost", "neither"], None]
    samples: Union[int, None]
    ignored: int
    leftOut: int


class SearchTermResultTest(_SearchTermResultTestRequired, total=False):
    base: Union[float, None]


class _SearchTermResultRequired(TypedDict):
    direction: Literal["max", "min"]
    weight: float
    bestSingle: SearchTermResultBestSingle
    winner: Union[float, None]
    gain: Union[float, None]
    isRelative: bool
    outcome: Union[Literal["gained", "lost", "neither"], None]
    ignored: int
    test: Union[SearchTermResultTest, None]


class SearchTermResult(_SearchTermResultRequired, total=False):
    dataset: SearchTermResultDataset
    metric: str
    external: ExternalScorer
    atLeast: Union[float, None]
    base: Union[float, None]


class SoupRecipeModelsItem(TypedDict, total=False):
    id: str
    weight: Union[float, Gradient]
    fisher: str


class SoupRecipe(TypedDict, total=False):
    weights: List[Union[float, Gradient]]
    models: List[SoupRecipeModelsItem]
    base: str
    method: MergeMethodName
    parameters: MergeParameters
    normalize: bool
    nonFloat: Literal["error", "base"]
    rules: List[MergeRequestRulesItem]
    outputDtype: Literal["float32", "float16", "bfloat16", "float64"]
    onNonFinite: Literal["warn", "fail"]
    provenance: bool
    blocks: int
    notes: List[str]


class _SoupReportRequired(TypedDict):
    tensors: MergeResultReportTensors
    nonFinite: int
    seconds: float
    bytesRead: int
    bytesWritten: int
    warnings: List[str]
    sha256: str
    bytes: int


class SoupReport(_SoupReportRequired, total=False):
    method: MergeResultReportMethod
    fromBase: MergeResultReportFromBase
    rules: List[RuleReport]


class TensorPageItemsItem(TypedDict):
    name: str
    dtype: str
    dims: List[int]
    bytes: int
    storage: Literal["raw", "typed", "external", "none"]
    where: str
    names: List[str]


class TensorPage(TypedDict):
    items: List[TensorPageItemsItem]
    nextCursor: Union[str, None]


class TensorSummary(TypedDict):
    name: str
    dtype: str
    dims: List[int]
    where: str
    elements: int
    nonFinite: int
    min: Union[float, None]
    max: Union[float, None]
    mean: Union[float, None]
    standardDeviation: Union[float, None]
    norm: Union[float, None]
    bins: List[int]


class UnreadableDataset(TypedDict):
    id: str
    name: Union[str, None]
    labels: Dict[str, str]
    sha256: Union[str, None]
    createdAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    unreadable: str


class UnreadableExport(TypedDict):
    id: str
    name: Union[str, None]
    labels: Dict[str, str]
    sha256: Union[str, None]
    createdAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    unreadable: str


class _UnreadableJobRequired(TypedDict):
    id: str
    type: Union[Literal["merge", "evaluation", "search", "comparison", "export", "conversion"], None]
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    progress: None
    labels: Dict[str, str]
    createdAt: Union[Timestamp, None]
    startedAt: Union[Timestamp, None]
    finishedAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    attempts: int
    unreadable: str


class UnreadableJob(_UnreadableJobRequired, total=False):
    error: Problem


class UnreadableModel(TypedDict):
    id: str
    name: Union[str, None]
    labels: Dict[str, str]
    sha256: Union[str, None]
    createdAt: Union[Timestamp, None]
    expiresAt: Union[Timestamp, None]
    unreadable: str


class UsageToken(TypedDict):
    name: str
    scope: Literal["read", "score", "write", "admin"]


class UsageModels(TypedDict):
    records: int
    bytes: int


class UsageJobs(TypedDict):
    queued: int
    running: int
    waiting: int
    succeeded: int
    failed: int
    cancelled: int


class UsageScores(TypedDict):
    records: int


class UsageContent(TypedDict):
    files: int
    bytes: int


class UsageVerification(TypedDict):
    """Background verification, which hashes content again and compares the digests."""

    days: int
    current: Union[VerificationPass, None]
    last: Union[VerificationPass, None]


class UsageDisk(TypedDict):
    freeBytes: int
    totalBytes: int


class UsageLimits(TypedDict):
    """Limits of this server."""

    uploadBytes: int
    storeBytes: Union[int, None]
    uploads: int
    uploadsOfClient: int
    bytesPerSecond: Union[int, None]
    bodySeconds: int
    connections: int
    eventStreams: int
    waits: int
    models: int
    searchModels: int
    queuedJobs: int
    requestsPerMinute: Union[int, None]
    evaluationSeconds: int
    evaluationMemoryBytes: int
    evaluationThreads: int
    searchMemoryBytes: int
    taskSeconds: int
    jobTtl: Union[int, None]
    idempotencySeconds: int


class Usage(TypedDict):
    token: Union[UsageToken, None]
    models: Union[UsageModels, None]
    datasets: Union[UsageModels, None]
    jobs: Union[UsageJobs, None]
    scores: Union[UsageScores, None]
    content: Union[UsageContent, None]
    quarantine: UsageContent
    verification: UsageVerification
    disk: Union[UsageDisk, None]
    isolation: Isolation
    limits: UsageLimits


class VerificationPassDamagedItem(TypedDict):
    sha256: str
    message: str
    records: List[str]


class VerificationPass(TypedDict):
    startedAt: str
    finishedAt: Union[str, None]
    files: int
    bytes: int
    damagedFiles: int
    damaged: List[VerificationPassDamagedItem]


Job = Union["MergeJob", "EvaluationJob", "SearchJob", "ComparisonJob", "ExportJob", "ConversionJob"]


MergeMethodName = Literal["linear", "slerp", "nuslerp", "multislerp", "karcher", "model_stock", "task_arithmetic", "ties", "dare_linear", "dare_ties", "della", "della_linear", "breadcrumbs", "breadcrumbs_ties", "sce", "ema", "nearswap", "fisher", "wise_ft"]


MergeParameters = Union["MergeParameters2", "MergeParameters3", "MergeParameters4", "MergeParameters5", "MergeParameters6", "MergeParameters7", "MergeParameters8", "MergeParameters9", "MergeParameters10", "MergeParameters11", "MergeParameters12", "MergeParameters13", "MergeParameters14"]


MetricRequest = Union[str, "MetricRequest2"]


ResolvedSearchStrategy = Union["ResolvedSearchStrategyGreedy", "ResolvedSearchStrategyExhaustive", "ResolvedSearchStrategyTopK", "ResolvedSearchStrategySweep", "ResolvedSearchStrategyPairs", "ResolvedSearchStrategyCoordinate", "ResolvedSearchStrategyCmaEs"]


ScoreThreshold = Union[float, Literal["base", "best"], "ScoreThreshold2"]


SearchStrategy = Union["SearchStrategyGreedy", "SearchStrategyExhaustive", "ResolvedSearchStrategyTopK", "SearchStrategySweep", "SearchStrategyPairs", "SearchStrategyCoordinate", "SearchStrategyCmaEs"]


SearchTest = Union["DatasetTest", "ExternalTest", List[Union["DatasetTest", "ExternalTest"]]]


Timestamp = str
