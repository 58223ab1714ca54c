"""Downloads go on after broken connections, and are verified."""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable, List, Optional

from tests.support import DIGITS, Proxy, Scripted, answer, client, problem
from tureen import ByteRange, Client, RetrySettings, TureenConnectionError, TureenDigestError, TureenError
from tureen.digests import declared_digest, digest_header

#: Cases of properties; CI tries three times as many.
CASES = 300 if os.environ.get("CI") else 100


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class FromAServer(unittest.TestCase):
    content: bytes
    model: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.content = (DIGITS / "ft4.onnx").read_bytes()
        cls.model = client().create_model(cls.content, name="päper/clip")["id"]

    def test_is_whole_verified_and_tells_its_facts(self) -> None:
        received: List[int] = []
        download = client().get_model_content(self.model, on_progress=lambda sent, total: received.append(sent))
        facts = download.facts
        self.assertEqual((facts.bytes, facts.sha256, facts.filename), (len(self.content), sha256(self.content), "päper_clip.onnx"))
        self.assertEqual(download.read(), self.content)
        self.assertEqual(received[-1], len(self.content))
        self.assertEqual(client().head_model_content(self.model), facts)
        with client().get_model_content_as(self.model, "a b.onnx", external="inline") as named:
            self.assertEqual(named.facts.filename, "a b.onnx")
        self.assertEqual(client().head_model_content_as(self.model, "a b.onnx").filename, "a b.onnx")

    def test_of_a_part_is_those_bytes(self) -> None:
        part = client().get_model_content(self.model, part=ByteRange(100_000, 119_999))
        self.assertEqual(part.read(), self.content[100_000:120_000])
        self.assertEqual(client().get_model_content(self.model, part=ByteRange(len(self.content) - 3)).read(), self.content[-3:])

    def test_whose_connection_breaks_again_and_again_goes_on_where_it_was(self) -> None:
        with Proxy(cut_after=30_000) as proxy:
            download = client(proxy.url).get_model_content(self.model)
            self.assertEqual(download.read(), self.content)
            self.assertGreaterEqual(proxy.connections, 6)

    def test_whose_connection_falls_silent_goes_on_with_another_one(self) -> None:
        with Proxy(stall_after=30_000) as proxy:
            download = client(proxy.url, silence_seconds=0.3).get_model_content(self.model)
            self.assertEqual(download.read(), self.content)
            self.assertEqual(proxy.connections, 2)

    def test_fails_after_some_tries_if_the_server_is_gone_and_says_why(self) -> None:
        with Proxy(cut_after=30_000) as proxy:
            download = client(proxy.url, retry=RetrySettings(retries=1, min_seconds=0.001)).get_model_content(self.model)
        with self.assertRaisesRegex(TureenConnectionError, "refused"):
            download.read()

    def test_is_a_file_that_appears_whole_or_not_at_all(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            client().get_model_content(self.model).save(directory / "model.onnx")
            self.assertEqual((directory / "model.onnx").read_bytes(), self.content)

            def fail(received: int, total: Optional[int]) -> None:
                raise KeyboardInterrupt

            with self.assertRaises(KeyboardInterrupt):
                client().get_model_content(self.model, on_progress=fail).save(directory / "other.onnx")
            self.assertEqual([each.name for each in directory.iterdir()], ["model.onnx"])

    def test_can_be_read_once(self) -> None:
        download = client().get_model_content(self.model)
        download.read()
        with self.assertRaisesRegex(TureenError, "can be read once"):
            download.read()


def flaky(
    content: bytes, cuts: List[int], *, declared: Optional[bytes] = None, changes: bool = False, ranges: bool = True
) -> Callable[[Any], None]:
    """Returns answers with a content, of which each breaks off after some bytes. `declared`: the content that its digest is of."""
    answers = 0

    def give(handler: Any) -> None:
        nonlocal answers
        answers += 1
        asked = handler.headers.get("range") if ranges else None
        start = int(asked.split("=")[1].rstrip("-")) if asked else 0
        rest = content[start:]
        headers = {
            "ETag": f'"{answers}"' if changes else '"same"',
            "Repr_Digest": digest_header(sha256(content if declared is None else declared)),
            "content_length": str(len(rest)),
        }
        if start > 0:
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = cuts.pop(0) if cuts else None
        handler.close_connection = True
        answer(handler, 206 if start > 0 else 200, rest[:cut], **headers)

    return give


class FromAServerThatBreaksOff(unittest.TestCase):
    def read(self, script: Callable[[Any], None]) -> bytes:
        with Scripted(last=script) as server:
            return client(server.url).get_model_content("a").read()

    def test_at_random_places_is_whole(self) -> None:
        for seed in range(CASES):
            choice = random.Random(seed)
            content = choice.randbytes(choice.randint(1, 300))
            cuts = [choice.randint(1, 80) for _ in range(choice.randint(0, 12))]
            with self.subTest(seed=seed):
                self.assertEqual(self.read(flaky(content, cuts)), content)

    def test_and_sends_the_whole_content_again_leaves_out_what_is_there(self) -> None:
        content = bytes(range(250))
        self.assertEqual(self.read(flaky(content, [100, 200, 240], ranges=False)), content)

    def test_and_knows_no_ranges_is_an_error_for_whoever_wants_a_part(self) -> None:
        with Scripted(last=flaky(bytes(300), [], ranges=False)) as server:
            with self.assertRaisesRegex(TureenConnectionError, "The whole file came in place of the range"):
                client(server.url).get_model_content("a", part=ByteRange(100))

    def test_and_then_has_other_content_is_an_error(self) -> None:
        for ranges in (True, False):
            with self.subTest(ranges=ranges), self.assertRaisesRegex(TureenConnectionError, "has changed while it was downloaded"):
                self.read(flaky(bytes(300), [100], changes=True, ranges=ranges))

    def test_and_sends_other_bytes_is_an_error_with_both_digests(self) -> None:
        with self.assertRaises(TureenDigestError) as caught:
            self.read(flaky(b"\1\2\4", [], declared=b"\1\2\3"))
        self.assertEqual((caught.exception.expected, caught.exception.actual), (sha256(b"\1\2\3"), sha256(b"\1\2\4")))
        with Scripted(last=flaky(b"\1\2\4", [1], declared=b"\1\2\3")) as server, tempfile.TemporaryDirectory() as name:
            with self.assertRaises(TureenDigestError):
                client(server.url).get_model_content("a").save(Path(name) / "model.onnx")
            self.assertEqual(list(Path(name).iterdir()), [])


class FromAnotherPlace(unittest.TestCase):
    def test_is_verified_with_the_digest_of_the_server_and_gets_no_token(self) -> None:
        content = b"a model"

        def redirect(handler: Any) -> None:
            if handler.command == "HEAD":
                answer(handler, 200, b"", Repr_Digest=digest_header(sha256(content)), content_length=str(len(content)))
            else:
                answer(handler, 307, b"", Location=place.url + "/bucket/a?signature=1")

        with Scripted(last=lambda handler: answer(handler, 200, content, ETag='"place"')) as place, Scripted(last=redirect) as server:
            download = Client(server.url, token="secret").get_model_content("a")
            self.assertEqual((download.read(), download.facts.sha256), (content, sha256(content)))
            self.assertEqual([each.path for each in place.requests], ["/bucket/a?signature=1"])
            self.assertNotIn("authorization", place.requests[0].headers)
            self.assertTrue(all(each.headers["authorization"] == "Bearer secret" for each in server.requests))

    def test_that_sends_on_and_on_is_an_error(self) -> None:
        with Scripted(last=lambda handler: answer(handler, 302, b"", Location="/again")) as server:
            with self.assertRaisesRegex(TureenConnectionError, "more than 5 redirects"):
                client(server.url, retry=RetrySettings(retries=0)).get_model_content("a")


class Digests(unittest.TestCase):
    def test_of_headers_are_those_of_rfc_9530(self) -> None:
        # The example of RFC 9530, appendix B.1: the digest of {"hello": "world"} and a line feed.
        header = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        self.assertEqual(digest_header(sha256(b'{"hello": "world"}\n')), header)
        self.assertEqual(declared_digest(f"md5=:AA==:, {header}"), sha256(b'{"hello": "world"}\n'))
        self.assertIsNone(declared_digest(None))
        self.assertIsNone(declared_digest("sha-256=:short:"))


class AServerThatIsStopping(unittest.TestCase):
    def test_is_asked_again(self) -> None:
        with Scripted(problem(503, "TUREEN_SHUTTING_DOWN"), last=flaky(b"content", [])) as server:
            self.assertEqual(client(server.url).get_model_content("a").read(), b"content")
