"""Settings of a client, and options of its requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional, Union


@dataclass(frozen=True)
class RetrySettings:
    """When a client repeats requests. It repeats those alone that have no other effect when they arrive twice."""

    #: Most repeats of a request; 0: none.
    retries: int = 4
    #: Seconds before the first repeat, doubled with each one, times a random number from 1 to 2.
    min_seconds: float = 0.5
    #: Most seconds between two repeats, unless the server asks for more with Retry-After.
    max_seconds: float = 15
    #: Most seconds of Retry-After that the client waits; an answer that asks for more is an error at once.
    max_retry_after: float = 120


#: Called with the status and headers of each answer, such as `etag`; names are in lower case. A repeated request has several answers.
OnAnswer = Callable[[int, Mapping[str, str]], None]


@dataclass(frozen=True)
class RequestOptions:
    """Options that every request has."""

    #: Headers of this request; they win over those of the client.
    headers: Mapping[str, str] = field(default_factory=dict)
    on_answer: Optional[OnAnswer] = None


@dataclass(frozen=True)
class ClientSettings:
    """Settings that all requests of a client share. `Client` explains them."""

    url: str
    token: Union[str, Callable[[], Optional[str]], None]
    headers: Mapping[str, str]
    retry: RetrySettings
    silence_seconds: float
