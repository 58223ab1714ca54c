"""Tools that the tests share: the server, the digits, and servers and proxies that misbehave."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional
from urllib.parse import urlsplit

from tureen import Client, RetrySettings

#: URL of a server that starts with an empty store. What runs these tests starts it.
SERVER = os.environ.get("TUREEN_TEST_URL", "http://127.0.0.1:3000")
ROOT = Path(__file__).resolve().parents[3]
#: The command `tureen` of the checkout.
COMMAND = [os.environ.get("TUREEN_TEST_NODE", "node"), str(ROOT / "src" / "tureen.ts")]
DIGITS = ROOT / "examples" / "digits"
FAST = RetrySettings(min_seconds=0.001, max_seconds=0.002)


def client(url: str = SERVER, **settings: Any) -> Client:
    """Returns a client that waits no time worth speaking of before it repeats a request."""
    return Client(url, **{"retry": FAST, **settings})


class Seen(NamedTuple):
    """A request that a scripted server got."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes


class Scripted:
    """A server that gives answers one after the other.

    `answers`: functions that get the handler; afterwards it answers with `last`. `reads_bodies`: False: the answers read them, if at all.
    `context`: of a server with TLS.
    """

    def __init__(
        self,
        *answers: Callable[[Any], None],
        last: Optional[Callable[[Any], None]] = None,
        reads_bodies: bool = True,
        context: Optional[ssl.SSLContext] = None,
    ) -> None:
        self.requests: List[Seen] = []
        script, requests = list(answers), self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                length = int(self.headers.get("content-length", 0)) if reads_bodies else 0
                body = self.rfile.read(length) if length else b""
                headers = {name.lower(): value for name, value in self.headers.items()}
                requests.append(Seen(self.command, self.path, headers, body))
                (script.pop(0) if script else last or record)(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A connection that breaks is what tests are about.
        setattr(self._server, "handle_error", lambda request, address: None)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


def answer(handler: Any, status: int, content: bytes, **headers: str) -> None:
    """Answers with a status, a content, and headers, whose names have underscores in place of hyphens."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if "content_length" not in headers:
        handler.send_header("content-length", str(len(content)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)


def record(handler: Any) -> None:
    """Answers as the server does: with a record, or with nothing after a deletion."""
    if handler.command == "DELETE":
        answer(handler, 204, b"")
    else:
        answer(handler, 200, b'{"id": "a"}', content_type="application/json")


def problem(status: int, code: str, **headers: str) -> Callable[[Any], None]:
    """Returns an answer that is a problem document."""
    document = {"type": f"/problems/{code}", "title": "No", "status": status, "detail": "Not now.", "code": code, "errors": []}
    content = json.dumps(document).encode()
    return lambda handler: answer(handler, status, content, content_type="application/problem+json", **headers)


def page(status: int) -> Callable[[Any], None]:
    """Returns an answer that is the page of a proxy."""
    return lambda handler: answer(handler, status, b"<html>  <h1>Bad gateway</h1></html>", content_type="text/html")


def broken(handler: Any) -> None:
    """Closes the connection without an answer."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


class Proxy:
    """A proxy in front of a server.

    `cut_after`: bytes of answers after which it ends each connection. `stall_after`: bytes of answers after which the first connection gets no more.
    `path`: of a Unix socket to listen on.
    """

    def __init__(
        self,
        url: str = SERVER,
        *,
        cut_after: Optional[int] = None,
        stall_after: Optional[int] = None,
        path: Optional[str] = None,
    ) -> None:
        place = urlsplit(url)
        self._far = (place.hostname or "", place.port or 80)
        self.cut_after = cut_after
        self.connections = 0
        self.stall_after = stall_after
        self._open: List[socket.socket] = []
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
            self._listener.listen()
            self.url = "http://localhost"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._far)
            except OSError:
                return
            self.connections += 1
            self._open += [near, far]
            stall_after, self.stall_after = self.stall_after, None
            most = self.cut_after if stall_after is None else stall_after
            threading.Thread(target=self._pump, args=(near, far, None, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, most, stall_after is not None), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, left: Optional[int], stalls: bool) -> None:
        try:
            while piece := source.recv(1 << 14):
                target.sendall(piece if left is None else piece[:left])
                left = None if left is None else max(left - len(piece), 0)
                if left == 0 and not stalls:
                    break
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def reset_all(self) -> None:
        """Ends all connections."""
        for each in self._open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
        self._open = []

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: Any) -> None:
        try:
            # Closing it alone would leave the thread that accepts connections at it.
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._thread.join()
        self.reset_all()
