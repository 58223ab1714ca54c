"""Bodies of requests: files, streams, forms and JSON."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, Literal, Optional, Protocol, Sequence, Tuple, Union
from urllib.parse import quote

from .digests import digest_header

#: Bytes that are read and sent at once.
PIECE_BYTES = 64 * 1024

#: Called while a body is sent: with the bytes so far, and those in all, which are None if unknown.
OnProgress = Callable[[int, Optional[int]], None]


class SerializableModel(Protocol):
    """A model in memory that can write itself, such as `onnx.ModelProto`."""

    def SerializeToString(self) -> bytes: ...


#: A path, bytes, a binary file that can seek, or a model of the package onnx.
FileBytes = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, IO[bytes], SerializableModel]

#: The bytes of a file, or a stream of them: a file that cannot seek, or an iterable of bytes. A stream can be sent once: the request is not
#: repeated, and declares no digest.
Uploadable = Union[FileBytes, Iterable[bytes]]

#: The digest of a file as `sha256:<hex>`; None: the client computes it; False: it declares none.
Digest = Union[str, Literal[False], None]


class Body:
    """The body of a request."""

    #: Bytes in all; None if unknown.
    length: Optional[int] = None
    #: True if the body can be sent again.
    is_repeatable = True
    #: True for files, whose answer may take any time.
    is_upload = True

    def pieces(self) -> Iterator[bytes]:
        """Yields the bytes, piece by piece, from the beginning."""
        raise NotImplementedError


class BytesBody(Body):
    """Bytes in memory."""

    def __init__(self, content: Union[bytes, bytearray, memoryview], *, is_upload: bool = True) -> None:
        self._content = memoryview(content).cast("B")
        self.length = self._content.nbytes
        self.is_upload = is_upload

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, self._content.nbytes, PIECE_BYTES):
            yield bytes(self._content[start : start + PIECE_BYTES])


class FileBody(Body):
    """The rest of an open file that can seek."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start = file.tell()
        self.length = file.seek(0, io.SEEK_END) - self._start
        file.seek(self._start)

    def pieces(self) -> Iterator[bytes]:
        self._file.seek(self._start)
        yield from _exactly(self._file, self.length or 0, getattr(self._file, "name", "the file"))


class PathBody(Body):
    """A file by its path. It is opened for each time that it is sent."""

    def __init__(self, path: Union[str, "os.PathLike[str]"]) -> None:
        self._path = os.fspath(path)
        self.length = os.stat(self._path).st_size

    def pieces(self) -> Iterator[bytes]:
        with open(self._path, "rb") as file:
            yield from _exactly(file, self.length or 0, self._path)


class StreamBody(Body):
    """A stream, which can be sent once."""

    is_repeatable = False

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def pieces(self) -> Iterator[bytes]:
        if not hasattr(self._pieces, "read"):
            yield from self._pieces
            return
        file: Any = self._pieces
        while piece := file.read(PIECE_BYTES):
            yield piece


class JoinedBody(Body):
    """Bodies one after the other."""

    def __init__(self, parts: Sequence[Body]) -> None:
        self._parts = parts
        lengths = [part.length for part in parts]
        self.length = None if None in lengths else sum(length or 0 for length in lengths)
        self.is_repeatable = all(part.is_repeatable for part in parts)

    def pieces(self) -> Iterator[bytes]:
        for part in self._parts:
            yield from part.pieces()


def _exactly(file: IO[bytes], length: int, name: object) -> Iterator[bytes]:
    left = length
    while left > 0:
        piece = file.read(min(PIECE_BYTES, left))
        if not piece:
            raise ValueError(f"{name} has become shorter while it was sent. Upload it when nothing writes to it.")
        left -= len(piece)
        yield piece


def json_body(value: object) -> Body:
    """Returns a value as JSON. Raises ValueError for NaN and infinity, which JSON has not."""
    return BytesBody(json.dumps(value, allow_nan=False).encode(), is_upload=False)


def file_body(file: Uploadable) -> Body:
    """Returns the bytes of a file. A text is a path."""
    if isinstance(file, (bytes, bytearray, memoryview)):
        return BytesBody(file)
    if isinstance(file, (str, os.PathLike)):
        return PathBody(file)
    if hasattr(file, "SerializeToString"):
        return BytesBody(_serialized(file))
    if hasattr(file, "read"):
        return FileBody(file) if _can_seek(file) else StreamBody(file)  # type: ignore[arg-type]
    if hasattr(file, "__iter__"):
        return StreamBody(file)
    raise TypeError(f"{type(file).__name__} is no file. Give a path, bytes, a binary file, a stream of bytes or an onnx.ModelProto.")


def _serialized(model: Any) -> bytes:
    try:
        content: bytes = model.SerializeToString()
        return content
    except Exception as error:
        raise ValueError(
            f"The model cannot be serialized: {error}. A model of more than 2 GB needs external data: save it with "
            "onnx.save_model(..., save_as_external_data=True), and upload the files."
        ) from error


def _can_seek(file: Any) -> bool:
    try:
        file.seek(file.tell())
        return True
    except (AttributeError, OSError, ValueError):
        return False


#: One part of a form: the name of its field, the name of the file, and the file. Without a file name, the third is a text.
FormPart = Tuple[str, Optional[str], Any]


def raw_upload(file: Uploadable, digest: Digest = None) -> Tuple[Body, Dict[str, str]]:
    """Returns the body of an upload that is one file, with the headers that describe it."""
    body = file_body(file)
    return body, {"content-type": "application/octet-stream", **_digest_headers(body, digest)}


def form_upload(parts: Iterable[FormPart], digest: Digest = None) -> Tuple[Body, Dict[str, str]]:
    """Returns the body of an upload that is a form (RFC 7578), with its headers. Its parts keep their order."""
    if isinstance(digest, str):
        raise ValueError("A form has no digest that is known before. Leave digest out, or set it to False.")
    boundary = f"tureen-{secrets.token_hex(16)}"
    bodies: List[Body] = []
    for field, filename, content in parts:
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="{field}"'
        if filename is None:
            bodies.append(BytesBody(f"{head}\r\n\r\n{content}\r\n".encode()))
            continue
        file = file_body(content)
        if not file.is_repeatable:
            raise TypeError(f"{filename} is a stream. A form takes paths, bytes, and files that can seek.")
        described = f"{head}{_filename_of(filename)}\r\ncontent-type: application/octet-stream\r\n\r\n"
        bodies += [BytesBody(described.encode()), file, BytesBody(b"\r\n")]
    body = JoinedBody([*bodies, BytesBody(f"--{boundary}--\r\n".encode())])
    return body, {"content-type": f"multipart/form-data; boundary={boundary}", **_digest_headers(body, digest)}


def _digest_headers(body: Body, known: Digest) -> Dict[str, str]:
    if known is False or (known is None and not body.is_repeatable):
        return {}
    return {"content-digest": digest_header(known if isinstance(known, str) else _digest_of(body))}


def _digest_of(body: Body) -> str:
    sha256 = hashlib.sha256()
    for piece in body.pieces():
        sha256.update(piece)
    return f"sha256:{sha256.hexdigest()}"


def _filename_of(name: str) -> str:
    """Returns both forms of a name: the server prefers `filename*`, which has a place for every character."""
    ascii_name = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
