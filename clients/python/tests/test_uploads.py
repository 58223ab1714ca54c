"""Files reach the server whole, whatever they come from."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import unittest
from pathlib import Path
from typing import Any, Iterator, List, Optional, Tuple

from tests.support import DIGITS, Scripted, answer, client
from tureen import ModelFiles, RequestOptions, RetrySettings, TureenError, TureenProblem
from tureen.digests import digest_header


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Models(unittest.TestCase):
    def setUp(self) -> None:
        self.path = DIGITS / "ft5.onnx"
        self.content = self.path.read_bytes()

    def test_come_from_paths_bytes_files_and_streams(self) -> None:
        def pieces() -> Iterator[bytes]:
            yield self.content[:1000]
            yield b""
            yield self.content[1000:]

        reading, writing = os.pipe()
        with open(self.path, "rb") as file, os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb") as other:
            behind = io.BytesIO(b"head" + self.content)
            behind.seek(4)
            other.write(b"no model")
            other.close()
            for what, source in {
                "a text": str(self.path),
                "a path": self.path,
                "bytes": self.content,
                "a view": memoryview(bytearray(self.content)),
                "an open file": file,
                "the rest of an open file": behind,
                "a stream": pieces(),
            }.items():
                with self.subTest(what):
                    self.assertEqual(client().create_model(source)["sha256"], sha256(self.content))
            with self.subTest("a pipe"), self.assertRaises(TureenProblem) as caught:
                client().create_model(pipe)
            self.assertEqual(caught.exception.status, 400)

    def test_tell_their_progress_and_their_digest(self) -> None:
        told: List[Tuple[int, Optional[int]]] = []
        with Scripted() as server:
            client(server.url).create_model(self.path, name="a b", labels={"run": "42"}, ttl=60, on_progress=lambda *each: told.append(each))
            seen = server.requests[0]
        self.assertEqual(told[-1], (len(self.content), len(self.content)))
        self.assertEqual(told, sorted(told))
        self.assertGreater(len(told), 2)
        self.assertEqual(seen.path, "/v1/models?name=a+b&ttl=60&label=run%3A42")
        self.assertEqual(seen.headers["content-digest"], digest_header(sha256(self.content)))
        self.assertEqual(seen.headers["content-length"], str(len(self.content)))

    def test_with_another_digest_are_refused(self) -> None:
        with self.assertRaises(TureenProblem) as caught:
            client().create_model(self.path, digest=sha256(b"other"))
        self.assertEqual(caught.exception.status, 400)
        self.assertEqual(client().create_model(self.path, digest=False)["sha256"], sha256(self.content))

    def test_are_put_and_found_by_name_and_label(self) -> None:
        model = client().put_model(self.path, name="put", labels={"kind": "put"})
        found = client().list_models(label={"kind": "put"}, sha256=model["sha256"])["items"]
        self.assertEqual([each["name"] for each in found], ["put"])
        seen: List[str] = []
        client().get_model(model["id"], options=RequestOptions(on_answer=lambda status, headers: seen.append(headers["etag"])))
        with self.assertRaises(TureenProblem) as caught:
            client().delete_model(model["id"], if_match='"other"')
        self.assertEqual(caught.exception.code, "TUREEN_PRECONDITION_FAILED")
        client().delete_model(model["id"], if_match=seen[0])
        self.assertEqual(client().list_models(label={"kind": "put"})["items"], [])

    def test_that_cannot_be_read_are_an_error_at_once(self) -> None:
        with self.assertRaises(FileNotFoundError):
            client().create_model("no-such-file.onnx")
        with self.assertRaisesRegex(TypeError, "int is no file"):
            client().create_model(7)  # type: ignore[arg-type]

    def test_that_shrink_while_they_are_sent_are_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "model.onnx"
            path.write_bytes(bytes(1_000_000))

            def shrink(sent: int, total: Optional[int]) -> None:
                os.truncate(path, 100_000)

            with Scripted() as server, self.assertRaisesRegex(ValueError, "has become shorter while it was sent"):
                client(server.url).create_model(path, on_progress=shrink, digest=False)

    def test_whose_file_is_gone_at_the_second_try_are_no_reason_to_try_again(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "model.onnx"
            path.write_bytes(b"content")

            def refuse(handler: Any) -> None:
                path.unlink()
                answer(handler, 503, b"busy", content_type="text/plain")

            with Scripted(refuse) as server, self.assertRaisesRegex(TureenError, "What was to be sent cannot be read"):
                client(server.url).create_model(path)
            self.assertEqual(len(server.requests), 1)


class ExternalData(unittest.TestCase):
    def test_goes_with_the_model_under_its_locations(self) -> None:
        with Scripted() as server:
            client(server.url).create_model(b"main", data={"gewichte/ü 1.bin": b"weights", 'a"b': io.BytesIO(b"more")})
            seen = server.requests[0]
        boundary = seen.headers["content-type"].split("boundary=")[1]
        parts = [part.strip(b"\r\n").split(b"\r\n\r\n") for part in seen.body.split(f"--{boundary}".encode())[1:-1]]
        self.assertEqual([content for _, content in parts], [b"main", b"weights", b"more"])
        self.assertIn(b"name=\"model\"; filename=\"model.onnx\"; filename*=UTF-8''model.onnx", parts[0][0])
        self.assertIn(b"name=\"data\"; filename=\"gewichte/_ 1.bin\"; filename*=UTF-8''gewichte%2F%C3%BC%201.bin", parts[1][0])
        self.assertIn(b"filename=\"a_b\"; filename*=UTF-8''a%22b", parts[2][0])
        self.assertEqual(seen.headers["content-digest"], digest_header(sha256(seen.body)))

    def test_cannot_be_a_stream_in_a_form(self) -> None:
        with self.assertRaisesRegex(TypeError, "is a stream. A form takes"):
            client().create_model(b"main", data={"w": iter([b"weights"])})  # type: ignore[dict-item]
        with self.assertRaisesRegex(ValueError, "no digest that is known before"):
            client().create_model(b"main", data={"w": b""}, digest=sha256(b""))


class Soups(unittest.TestCase):
    def test_in_one_request_have_the_bytes_that_the_report_tells(self) -> None:
        files = [DIGITS / "ft0.onnx", ModelFiles(DIGITS / "ft1.onnx")]
        report = client().make_soup(files, weights=[2, 3], report="only")
        received: List[int] = []
        with client().make_soup(files, weights=[2, 3], on_received=lambda sent, total: received.append(sent)) as soup:
            content = soup.read()
        self.assertEqual(sha256(content), report["sha256"])
        self.assertEqual((soup.warnings, received[-1]), (0, len(content)))
        assert soup.report is not None
        self.assertEqual(soup.report["sha256"], report["sha256"])
        again = client().make_soup(files, recipe={"models": [{"weight": 2}, {"weight": 3}]})
        self.assertEqual(again.read(), content)

    def test_that_are_refused_say_which_model_is_to_blame(self) -> None:
        with self.assertRaises(TureenProblem) as caught:
            client(retry=RetrySettings(retries=0)).make_soup([DIGITS / "ft0.onnx", b"no model"])
        self.assertIn("model-1.onnx", str(caught.exception.errors))
