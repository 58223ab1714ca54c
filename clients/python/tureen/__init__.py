"""The client of Tureen for Python: model soups of ONNX files, over HTTP. It needs the standard library alone."""

__version__ = "0.1.0"

from .client import Client, all_items
from .downloads import ByteRange, ContentFacts, Download
from .errors import TureenConnectionError, TureenDigestError, TureenError, TureenProblem
from .job_events import JobEvent
from .local_server import local_server
from .operations import OPERATIONS, Operation
from .scoring import score_candidates
from .settings import RequestOptions, RetrySettings
from .soup_operations import ModelFiles, SoupDownload
from .transports import Answer, HttpTransport, Request, Transport, UnixSocketTransport
from .waiting import result_of

__all__ = [
    "Answer",
    "ByteRange",
    "Client",
    "ContentFacts",
    "Download",
    "HttpTransport",
    "JobEvent",
    "ModelFiles",
    "OPERATIONS",
    "Operation",
    "Request",
    "RequestOptions",
    "RetrySettings",
    "SoupDownload",
    "Transport",
    "TureenConnectionError",
    "TureenDigestError",
    "TureenError",
    "TureenProblem",
    "UnixSocketTransport",
    "all_items",
    "local_server",
    "result_of",
    "score_candidates",
]
