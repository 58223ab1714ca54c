"""A server of this program alone, from the command `tureen`."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import secrets
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Deque, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from .client import Client
from .command import command_line
from .errors import TureenError

#: Seconds for which a server may start. The first start compiles the program.
_START_SECONDS = 120
#: Seconds for which a server may stop. It ends its requests and keeps its jobs.
_STOP_SECONDS = 60


@contextmanager
def local_server(
    store: Union[str, os.PathLike[str], None] = None,
    *,
    command: Optional[Sequence[str]] = None,
    settings: Optional[Mapping[str, str]] = None,
) -> Iterator[Client]:
    """Starts a server on a free port of 127.0.0.1, and stops it at the end. The context is its client.

    The server takes only the token of this client. `store`: its data directory; by default a temporary one that goes at the end. `command`:
    the command `tureen`; by default that of this wheel, or of the PATH. `settings`: more variables, such as TUREEN_JOBS.

    Raises TureenError if there is no command, or if the server does not start.
    """
    known = list(command) if command is not None else _known_command()
    with tempfile.TemporaryDirectory(prefix="tureen-") as name:
        directory = Path(name)
        token = secrets.token_hex(32)
        tokens = directory / "tokens"
        tokens.touch(mode=0o600)
        tokens.write_text(f"local:write:sha256:{hashlib.sha256(token.encode()).hexdigest()}\n", encoding="utf-8")
        data = directory / "store" if store is None else Path(store)
        environment = _environment(data, tokens, settings or {})
        # Ctrl-C ends this program, which then stops the server.
        server = subprocess.Popen(
            [*known, "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with Client(_serving_url(server), token=token) as client:
                yield client
        finally:
            _stop(server)


def _known_command() -> List[str]:
    own = command_line()
    if own is not None:
        return own
    found = shutil.which("tureen")
    if found is not None:
        return [found]
    raise TureenError("There is no command tureen. Install a wheel of a release, which has it, or name the command.")


def _environment(data: Path, tokens: Path, settings: Mapping[str, str]) -> Dict[str, str]:
    # What names a server or a token means clients. A server refuses to start with it.
    others = {name: value for name, value in os.environ.items() if not name.startswith("TUREEN_")}
    own = {
        "HOST": "127.0.0.1",
        "PORT": "0",
        "TUREEN_DATA": str(data.resolve()),
        "TUREEN_RATE_LIMIT": "0",
        "TUREEN_TOKENS_FILE": str(tokens),
    }
    return {**others, **own, **settings}


def _serving_url(server: subprocess.Popen[bytes]) -> str:
    """Returns the URL of a server as soon as it serves."""
    found: queue.Queue[Optional[str]] = queue.Queue()
    last: Deque[str] = deque(maxlen=20)
    output = server.stdout
    if output is None:
        raise TypeError("the server has no pipe to read from")
    threading.Thread(target=_read_log, args=(output, found, last), name="tureen-log", daemon=True).start()
    try:
        url = found.get(timeout=_START_SECONDS)
    except queue.Empty:
        url = None
    if url is None:
        raise TureenError("The server did not start:\n" + "\n".join(last))
    return url


def _read_log(output: IO[bytes], found: queue.Queue[Optional[str]], last: Deque[str]) -> None:
    """Reads what a server writes, to its end: a full pipe would stop it."""
    with output:
        for line in output:
            last.append(line.decode(errors="replace").rstrip())
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and entry.get("msg") == "Tureen is serving":
                found.put(entry["url"])
    found.put(None)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
