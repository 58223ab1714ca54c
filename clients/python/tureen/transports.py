"""Transports: how a request reaches a server. `Transport` is the interface, for those who bring their own."""

from __future__ import annotations

import http.client
import os
import selectors
import socket
import ssl
import threading
import time
from functools import lru_cache, partial
from itertools import chain
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Protocol, Tuple
from urllib.parse import urljoin, urlsplit

from .bodies import Body, OnProgress
from .errors import TureenError

#: Seconds for which a connection without a request is kept. The server closes it after 72 seconds, some proxies after 5.
IDLE_SECONDS = 4.0

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


class Request(NamedTuple):
    """A request, as a transport takes it."""

    method: str
    #: The base URL of the client, followed by path and query.
    url: str
    #: Names are in lower case.
    headers: Mapping[str, str]
    body: Optional[Body]
    #: Seconds without a byte after which the connection counts as broken.
    silence_seconds: float
    #: Seconds for which the server may hold the answer back beyond that; None: as long as it likes.
    held_seconds: Optional[float]
    on_sent: Optional[OnProgress]


class Answer(Protocol):
    """An answer whose body can be read."""

    status: int
    #: Names are in lower case. Several headers of one name are joined with commas.
    headers: Mapping[str, str]

    def read(self, most: int) -> bytes:
        """Returns the bytes that are there, at most so many; none at the end. Raises OSError if the answer breaks off before."""
        ...

    def close(self) -> None:
        """Gives the connection back, or ends it if the body is not read to its end."""
        ...


class Transport(Protocol):
    """Sends requests."""

    def send(self, request: Request) -> Answer:
        """Sends a request and returns the answer as soon as its headers are there. Raises OSError if there is no answer."""
        ...

    def close(self) -> None:
        """Closes the connections that are kept."""
        ...


class _Connections:
    """Connections that are open and have no request, by their origin. Threads may share them; a forked process gets none of its parent."""

    def __init__(self, connect: Callable[[str, str, float], http.client.HTTPConnection]) -> None:
        self._connect = connect
        self._idle: Dict[Tuple[str, str], List[Tuple[http.client.HTTPConnection, float]]] = {}
        self._process = os.getpid()
        self._lock = threading.Lock()

    def take(self, scheme: str, place: str, timeout: float) -> http.client.HTTPConnection:
        with self._lock:
            if self._process != os.getpid():
                # Closing a copy of a socket leaves the connection of the parent as it is.
                self._close_idle()
                self._process = os.getpid()
            idle = self._idle.get((scheme, place), [])
            while idle:
                connection, since = idle.pop()
                if time.monotonic() - since < IDLE_SECONDS and not _is_readable(connection.sock):
                    connection.sock.settimeout(timeout)
                    return connection
                connection.close()
        return self._connect(scheme, place, timeout)

    def give_back(self, scheme: str, place: str, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.setdefault((scheme, place), []).append((connection, time.monotonic()))

    def close(self) -> None:
        with self._lock:
            self._close_idle()

    def __del__(self) -> None:
        # A client that nobody closes leaves no open sockets.
        self._close_idle()

    def _close_idle(self) -> None:
        for idle in self._idle.values():
            for connection, _ in idle:
                connection.close()
        self._idle = {}


class _Response(http.client.HTTPResponse):
    """A response whose headers are whole. Otherwise http.client takes what came before a broken connection for all of them."""

    def begin(self) -> None:
        lines: Any = _WatchedLines(self.fp)
        self.fp = lines
        try:
            super().begin()
        finally:
            self.fp = lines.file
        if lines.last == b"":
            raise http.client.HTTPException("the connection was closed within the headers of the answer")


class _WatchedLines:
    """A file that remembers the last line that was read."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.last: Optional[bytes] = None

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self.file.readline(limit)
        self.last = line
        return line


class _HttpAnswer:
    """An answer of http.client. It tells a body that breaks off from one that has ended."""

    def __init__(
        self,
        answer: http.client.HTTPResponse,
        silence_seconds: float,
        connection: http.client.HTTPConnection,
        give_back: Callable[[], None],
    ) -> None:
        self.status = answer.status
        headers: Dict[str, str] = {}
        for name, value in answer.getheaders():
            before = headers.get(name.lower())
            headers[name.lower()] = value if before is None else f"{before}, {value}"
        self.headers: Mapping[str, str] = headers
        self._silence_seconds = silence_seconds
        self._answer, self._connection, self._give_back = answer, connection, give_back
        # http.client counts the bytes that `read1` gives in newer versions only.
        self._left = answer.length
        self._is_open = True

    def read(self, most: int) -> bytes:
        if not self._is_open:
            return b""
        if self._left == 0:
            self._finish(is_whole=True)
            return b""
        try:
            piece = self._answer.read1(most if self._left is None else min(most, self._left))
        except socket.timeout as error:
            self._finish(is_whole=False)
            raise OSError(f"no byte within {self._silence_seconds:g} seconds") from error
        except (http.client.HTTPException, ValueError) as error:
            self._finish(is_whole=False)
            raise OSError("the connection was closed before the end of the answer") from error
        except OSError:
            self._finish(is_whole=False)
            raise
        if self._left is not None:
            self._left -= len(piece)
            if not piece:
                self._finish(is_whole=False)
                raise OSError("the connection was closed before the end of the answer")
        elif not piece:
            self._finish(is_whole=True)
        return piece

    def close(self) -> None:
        self._finish(is_whole=self._left == 0)

    def __del__(self) -> None:
        self._finish(is_whole=False)

    def _finish(self, is_whole: bool) -> None:
        if not self._is_open:
            return
        self._is_open = False
        is_kept = is_whole and self._connection.sock is not None
        self._answer.close()
        if is_kept:
            self._give_back()
        else:
            self._connection.close()


class HttpTransport:
    """The transport by TCP. It follows redirects of downloads, and shows the token only to the server of the client.

    `context`: how certificates are verified, for those who have their own.
    """

    def __init__(self, *, context: Optional[ssl.SSLContext] = None) -> None:
        self._connections = _Connections(partial(_connect_tcp, context))

    def send(self, request: Request) -> Answer:
        origin = urlsplit(request.url)[:2]
        for _ in range(_MOST_REDIRECTS):
            answer = _exchange(self._connections, request)
            place = answer.headers.get("location")
            if request.method not in ("GET", "HEAD") or answer.status not in _REDIRECTS or place is None:
                return answer
            answer.close()
            url = urljoin(request.url, place)
            secret = () if urlsplit(url)[:2] == origin else ("authorization", "cookie")
            headers = {name: value for name, value in request.headers.items() if name not in secret}
            request = request._replace(url=url, headers=headers)
        raise OSError(f"the server answered with more than {_MOST_REDIRECTS} redirects")

    def close(self) -> None:
        self._connections.close()


class UnixSocketTransport:
    """The transport to a server on a Unix socket. The base URL of the client then only gives the header Host, such as http://localhost."""

    def __init__(self, path: str) -> None:
        self._connections = _Connections(partial(_connect_unix, os.fspath(path)))

    def send(self, request: Request) -> Answer:
        return _exchange(self._connections, request)

    def close(self) -> None:
        self._connections.close()


def _connect_tcp(
    context: Optional[ssl.SSLContext], scheme: str, place: str, timeout: float
) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(place, timeout=timeout)
    return http.client.HTTPSConnection(place, timeout=timeout, context=context or _default_context())


@lru_cache(maxsize=None)
def _default_context() -> ssl.SSLContext:
    """Returns the context that trusts the certificates of the system. Reading them takes tens of milliseconds."""
    return ssl.create_default_context()


def _connect_unix(path: str, _scheme: str, place: str, timeout: float) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(place, timeout=timeout)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(timeout)
    try:
        connection.sock.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def _exchange(connections: _Connections, request: Request) -> _HttpAnswer:
    scheme, place, path, query, _ = urlsplit(request.url)
    if scheme not in ("http", "https"):
        raise OSError(f"{request.url} is no address of a server. Write one such as http://127.0.0.1:3000")
    connection = connections.take(scheme, place, request.silence_seconds)
    try:
        connection.response_class = _Response
        if connection.sock is None:
            connection.connect()
        sock: Any = connection.sock
        is_sent = _send(connection, request, f"{path or '/'}{f'?{query}' if query else ''}")
        # A long wait shows a lost connection only by probes.
        if sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        held = request.held_seconds
        patience = None if held is None else request.silence_seconds + held
        sock.settimeout(patience)
        try:
            answer = connection.getresponse()
        except socket.timeout as error:
            raise OSError(f"no answer within {patience:g} seconds") from error
        sock.settimeout(request.silence_seconds)
    except http.client.HTTPException as error:
        connection.close()
        raise OSError(str(error) or "the answer is no HTTP") from error
    except BaseException:
        connection.close()
        raise

    def give_back() -> None:
        if is_sent:
            connections.give_back(scheme, place, connection)
        else:
            connection.close()

    return _HttpAnswer(answer, request.silence_seconds, connection, give_back)


def _send(connection: http.client.HTTPConnection, request: Request, target: str) -> bool:
    """Sends a request. Returns False if the server did not take the whole body; it may have answered before."""
    # A file that cannot be read is found before anything is sent.
    pieces = _read_pieces(request.body)
    first = next(pieces, b"")
    connection.putrequest(request.method, target, skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, value)
    body = request.body
    is_chunked = body is not None and body.length is None
    if body is not None:
        connection.putheader(*(("transfer-encoding", "chunked") if is_chunked else ("content-length", str(body.length))))
    connection.endheaders()
    if body is None:
        return True
    sent = 0
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        for piece in chain([first], pieces):
            # An answer may come before the body is sent. TLS has messages of its own, which look like one.
            if not isinstance(connection.sock, ssl.SSLSocket) and selector.select(0):
                return False
            if not piece:
                continue
            try:
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            except socket.timeout as error:
                raise OSError(f"nothing of the body was taken within {request.silence_seconds:g} seconds") from error
            except OSError:
                # The server has closed the connection. What it said before can be read.
                return False
            sent += len(piece)
            if request.on_sent:
                request.on_sent(sent, body.length)
    if is_chunked:
        connection.send(b"0\r\n\r\n")
    return True


def _read_pieces(body: Optional[Body]) -> Iterator[bytes]:
    """Yields the pieces of a body. Raises TureenError if they cannot be read: that is no reason to send the request again."""
    try:
        yield from () if body is None else body.pieces()
    except OSError as error:
        raise TureenError(f"What was to be sent cannot be read: {error}") from error


def _is_readable(sock: socket.socket) -> bool:
    """True if a connection without a request has something to read: then the server has closed it."""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            return bool(selector.select(0))
    except (OSError, ValueError):
        return True
