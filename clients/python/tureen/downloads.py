"""Downloads that go on after a broken connection, and verify the digest."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from pathlib import Path
from random import random
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Type, TypeVar, Union
from urllib.parse import unquote

from .digests import declared_digest
from .errors import ContentChanged, TureenConnectionError, TureenDigestError, TureenError, TureenProblem, reason_of
from .exchange import ApiCall, Exchange, answer_itself, read_nothing
from .retries import comes_back
from .settings import RequestOptions
from .transports import Answer

_PIECE_BYTES = 256 * 1024

#: Called while a file is received: with the bytes so far, and those in all, which are None if unknown.
OnReceived = Callable[[int, Optional[int]], None]


Self = TypeVar("Self", bound="Download")


class ContentFacts(NamedTuple):
    """Facts about a file that the server offers."""

    #: Bytes of the whole file; None if the server does not say.
    bytes: Optional[int]
    #: Digest of the whole file, `sha256:<hex>`; None if the server does not say.
    sha256: Optional[str]
    etag: Optional[str]
    #: Name that the server proposes for the file.
    filename: Optional[str]


class ByteRange(NamedTuple):
    """First and last byte of a part of a file. A part is not verified, since the digest is that of the whole file."""

    start: int
    #: None: to the end of the file.
    end: Optional[int] = None


def facts_of(headers: Mapping[str, str]) -> ContentFacts:
    """Returns the facts about a file from the headers of an answer."""
    whole = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", headers.get("content-range", ""))
    length = whole.group(1) if whole else headers.get("content-length")
    return ContentFacts(
        bytes=None if length is None else int(length),
        sha256=declared_digest(headers.get("repr-digest")),
        etag=headers.get("etag"),
        filename=_filename_of(headers.get("content-disposition", "")),
    )


def _filename_of(disposition: str) -> Optional[str]:
    encoded = re.search(r"filename\*=UTF-8''([^;]+)", disposition, re.IGNORECASE)
    quoted = re.search(r'filename="([^"]*)"', disposition, re.IGNORECASE)
    return unquote(encoded.group(1)) if encoded else quoted.group(1) if quoted else None


class Download:
    """A file that is being downloaded. Iterate over its bytes once, or `read()` or `save()` them. As a context, it ends the connection."""

    def __init__(
        self,
        what: str,
        first: Answer,
        facts: ContentFacts,
        *,
        part: Optional[ByteRange] = None,
        resume: Optional[Callable[[int], Answer]] = None,
        may_go_on: Callable[[BaseException, int], bool] = lambda error, failures: False,
        on_progress: Optional[OnReceived] = None,
    ) -> None:
        """`resume` asks for the bytes from an offset on; None if the content cannot be asked for once more.

        `may_go_on`: true if the download may go on after this failure; it gets the failures without a byte between them, and waits.
        """
        #: Facts about the file.
        self.facts = facts
        self._what, self._part, self._resume, self._may_go_on = what, part, resume, may_go_on
        self._on_progress = on_progress
        self._answer: Optional[Answer] = first
        self._is_started = False
        self._start = part.start if part else 0
        self._offset = self._start
        self._skip = 0
        last = None if part is None or part.end is None else part.end + 1
        self._end = facts.bytes if last is None else last if facts.bytes is None else min(last, facts.bytes)

    def __iter__(self) -> Iterator[bytes]:
        """Yields the bytes. The end raises TureenDigestError if they do not have the digest: keep them only after the end."""
        if self._is_started:
            raise TureenError(f"{self._what} can be read once. Start another one.")
        self._is_started = True
        return self._pieces()

    def read(self) -> bytes:
        """Returns all bytes, verified."""
        return b"".join(self)

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes a file, which appears at once and whole: its bytes are verified and flushed under another name in the same directory."""
        target = Path(path)
        unfinished = target.parent / f".{secrets.token_hex(16)}.part"
        try:
            with open(unfinished, "xb") as file:
                for piece in self:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, target)
        finally:
            self.close()
            unfinished.unlink(missing_ok=True)

    def close(self) -> None:
        """Ends the connection."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def _pieces(self) -> Iterator[bytes]:
        sha256 = None if self._part else hashlib.sha256()
        failures = 0
        while True:
            try:
                piece = self._next()
            except (OSError, TureenError) as error:
                self.close()
                failures += 1
                if isinstance(error, ContentChanged) or self._resume is None or not self._may_go_on(error, failures):
                    if isinstance(error, TureenError):
                        raise
                    raise TureenConnectionError(f"{self._what} broke off: {reason_of(error)}") from error
                continue
            if not piece:
                break
            failures = 0
            self._offset += len(piece)
            if sha256:
                sha256.update(piece)
            if self._on_progress:
                total = None if self._end is None else self._end - self._start
                self._on_progress(self._offset - self._start, total)
            yield piece
        self.close()
        declared = self.facts.sha256
        actual = f"sha256:{sha256.hexdigest()}" if sha256 else None
        if actual is not None and declared is not None and actual != declared:
            raise TureenDigestError(self._what, declared, actual)

    def _next(self) -> bytes:
        """Returns the next bytes; none at the end."""
        if self._answer is None:
            if self._resume is None or (self._end is not None and self._offset >= self._end):
                return b""
            self._answer = self._resumed(self._resume(self._offset))
        while piece := self._answer.read(_PIECE_BYTES):
            # The whole content came instead of the rest: leaves out the bytes that are there already.
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            if skipped < len(piece):
                return piece[skipped:]
        if self._end is not None and self._offset < self._end:
            raise TureenConnectionError(f"{self._what} ended after {self._offset} of {self._end} bytes")
        return b""

    def _resumed(self, answer: Answer) -> Answer:
        """Returns an answer that goes on where the download was. Raises ContentChanged if it does not."""
        found = re.match(r"bytes (\d+)-", answer.headers.get("content-range", ""))
        etag = self.facts.etag
        is_same = etag is not None and answer.headers.get("etag") == etag
        self._skip = 0
        if is_same and answer.status == 206 and found and int(found.group(1)) == self._offset:
            return answer
        if answer.status == 206 or not is_same or self._part:
            answer.close()
            raise ContentChanged(f"{self._what} has changed while it was downloaded. Download it again.")
        self._skip = self._offset
        return answer


def head_of(
    exchange: Exchange,
    operation: str,
    values: Mapping[str, str],
    query: Mapping[str, Any],
    options: Optional[RequestOptions],
) -> ContentFacts:
    """Asks for the facts about content, without the content."""

    def read(answer: Answer) -> ContentFacts:
        read_nothing(answer)
        return facts_of(answer.headers)

    return exchange.send(operation, values, ApiCall(query=query, options=options), read)


def start_download(
    exchange: Exchange,
    operation: str,
    values: Mapping[str, str],
    query: Mapping[str, Any],
    part: Optional[ByteRange],
    on_progress: Optional[OnReceived],
    options: Optional[RequestOptions],
) -> Download:
    """Starts a download. `operation`: one that begins with `get`, and has another one of the same name that begins with `head`."""

    def ask(headers: Dict[str, str]) -> Answer:
        return exchange.send(operation, values, ApiCall(query=query, headers=headers, options=options), answer_itself)

    def range_from(offset: int) -> str:
        return f"bytes={offset}-{'' if part is None or part.end is None else part.end}"

    first = ask({"range": range_from(part.start)} if part else {})
    if part and first.status != 206:
        first.close()
        raise TureenConnectionError("The whole file came in place of the range.")
    facts = facts_of(first.headers)
    if facts.sha256 is None:
        # A server that sends clients to another place for the bytes tells the digest itself.
        head = f"head{operation[len('get'):]}"
        known = head_of(exchange, head, values, query, options)
        facts = known._replace(bytes=known.bytes if facts.bytes is None else facts.bytes, etag=facts.etag)
    settings = exchange.settings.retry
    etag = facts.etag

    def resume(offset: int) -> Answer:
        return ask({"range": range_from(offset), "if-range": etag or ""})

    def may_go_on(error: BaseException, failures: int) -> bool:
        if failures > settings.retries or (isinstance(error, TureenProblem) and not comes_back(error)):
            return False
        time.sleep(min(settings.min_seconds * 2 ** (failures - 1) * random(), settings.max_seconds))
        return True

    return Download(
        f"The download of {'/'.join(values.values())}",
        first,
        facts,
        part=part,
        resume=None if etag is None else resume,
        may_go_on=may_go_on,
        on_progress=on_progress,
    )
