"""Requests are repeated if that is safe and of use."""

from __future__ import annotations

import socket
import time
import unittest
from typing import Any, Callable, Dict

from tests.support import FAST, Scripted, answer, broken, client, page, problem
from tureen import RequestOptions, RetrySettings, TureenConnectionError, TureenProblem
from tureen.retries import retry_after_of

MERGE: Any = {"models": [{"id": "a"}]}


class Repeats(unittest.TestCase):
    def test_follow_refusals_pages_of_proxies_and_broken_connections_with_the_same_key(self) -> None:
        cases: Dict[str, tuple[Callable[[Any], None], float]] = {
            "429 and Retry-After": (problem(429, "TUREEN_RATE_LIMITED", retry_after="1"), 1),
            "503 and Retry-After": (problem(503, "TUREEN_SHUTTING_DOWN", retry_after="1"), 1),
            "409 while the first request runs": (problem(409, "TUREEN_IDEMPOTENCY_KEY_BUSY", retry_after="1"), 1),
            "503": (problem(503, "TUREEN_OUT_OF_MEMORY"), 0),
            "the page of a proxy": (page(502), 0),
            "a broken connection": (broken, 0),
        }
        for what, (first, seconds) in cases.items():
            with self.subTest(what), Scripted(first) as server:
                begun = time.monotonic()
                self.assertEqual(client(server.url).create_merge(MERGE), {"id": "a"})
                self.assertGreaterEqual(time.monotonic() - begun, seconds)
                keys = [each.headers["idempotency-key"] for each in server.requests]
                self.assertEqual(len(keys), 2)
                self.assertEqual(len(set(keys)), 1)
                self.assertEqual(server.requests[0].body, server.requests[1].body)

    def test_of_an_upload_send_the_whole_file_again(self) -> None:
        content = bytes(range(256)) * 1000
        with Scripted(problem(503, "TUREEN_SHUTTING_DOWN")) as server:
            client(server.url).create_model(content)
            self.assertEqual([each.body for each in server.requests], [content] * 2)

    def test_end_after_so_many_with_the_last_error(self) -> None:
        with Scripted(last=problem(503, "TUREEN_OUT_OF_MEMORY")) as server:
            with self.assertRaises(TureenProblem) as caught:
                client(server.url, retry=RetrySettings(retries=2, min_seconds=0.001)).get_usage()
            self.assertEqual((caught.exception.code, len(server.requests)), ("TUREEN_OUT_OF_MEMORY", 3))

    def test_do_not_wait_for_longer_than_they_may(self) -> None:
        with Scripted(last=problem(429, "TUREEN_RATE_LIMITED", retry_after="1000")) as server:
            with self.assertRaises(TureenProblem) as caught:
                client(server.url).get_usage()
            self.assertEqual((caught.exception.retry_after, len(server.requests)), (1000, 1))

    def test_do_not_follow_an_answer_that_stays(self) -> None:
        for status in (400, 404, 409, 422, 500):
            with self.subTest(status), Scripted(last=problem(status, "TUREEN_ANY")) as server:
                self.assertRaises(TureenProblem, client(server.url).get_model, "a")
                self.assertEqual(len(server.requests), 1)

    def test_of_a_cancel_follow_a_refusal_alone(self) -> None:
        with Scripted(problem(503, "TUREEN_SHUTTING_DOWN")) as server:
            client(server.url).cancel_job("a")
            self.assertEqual(len(server.requests), 2)
        with Scripted(broken) as server:
            self.assertRaises(TureenConnectionError, client(server.url).cancel_job, "a")
            self.assertEqual(len(server.requests), 1)

    def test_of_a_stream_there_are_none(self) -> None:
        with Scripted(problem(503, "TUREEN_SHUTTING_DOWN")) as server:
            self.assertRaises(TureenProblem, client(server.url).create_model, iter([b"ab", b"c"]))
            self.assertEqual(len(server.requests), 1)
            self.assertNotIn("content-digest", server.requests[0].headers)

    def test_of_a_deletion_whose_answer_was_lost_find_that_it_is_done(self) -> None:
        with Scripted(broken, problem(404, "TUREEN_NOT_FOUND")) as server:
            client(server.url).delete_model("a")
            self.assertEqual(len(server.requests), 2)
        with Scripted(problem(404, "TUREEN_NOT_FOUND")) as server:
            self.assertRaises(TureenProblem, client(server.url).delete_model, "a")

    def test_have_the_key_that_the_caller_names_and_ask_for_the_token_each_time(self) -> None:
        tokens = iter(["one", "two"])
        with Scripted(broken) as server:
            client(server.url, token=lambda: next(tokens)).create_merge(MERGE, idempotency_key="run-42")
            self.assertEqual([each.headers["idempotency-key"] for each in server.requests], ["run-42"] * 2)
            self.assertEqual([each.headers["authorization"] for each in server.requests], ["Bearer one", "Bearer two"])


class Answers(unittest.TestCase):
    def test_are_told_with_status_and_headers(self) -> None:
        seen = []
        options = RequestOptions(headers={"X-Trace": "7"}, on_answer=lambda status, headers: seen.append((status, headers["etag"])))
        with Scripted(lambda handler: answer(handler, 200, b"{}", content_type="application/json", ETag='"1"')) as server:
            client(server.url, headers={"x-trace": "1", "x-team": "a"}).get_model("a", options=options)
            self.assertEqual(seen, [(200, '"1"')])
            headers = server.requests[0].headers
            self.assertEqual((headers["x-trace"], headers["x-team"]), ("7", "a"))

    def test_of_something_else_are_an_error_that_says_so(self) -> None:
        with Scripted(page(200), page(404)) as server:
            with self.assertRaisesRegex(TureenConnectionError, "of the type text/html, and should be JSON. Check the base URL"):
                client(server.url).get_model("a")
            with self.assertRaisesRegex(TureenConnectionError, "answered with 404, by something else than Tureen: <html> <h1>Bad"):
                client(server.url).get_model("a")

    def test_that_do_not_come_are_an_error(self) -> None:
        with Scripted(last=lambda handler: time.sleep(2)) as server:
            tureen = client(server.url, retry=RetrySettings(retries=0), silence_seconds=0.1)
            with self.assertRaisesRegex(TureenConnectionError, f"GET {server.url}/v1/models/a got no answer: no answer within 0.1"):
                tureen.get_model("a")

    def test_of_no_server_are_an_error_that_says_why(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as place:
            port = place.getsockname()[1]
        with self.assertRaisesRegex(TureenConnectionError, "refused"):
            client(f"http://127.0.0.1:{port}", retry=RetrySettings(retries=0)).get_usage()
        with self.assertRaisesRegex(TureenConnectionError, "is no address of a server"):
            client("localhost:3000", retry=RetrySettings(retries=0)).get_usage()

    def test_that_refuse_are_one_class_with_code_and_causes(self) -> None:
        document = b"""{"type": "/problems/x", "title": "No", "status": 422, "detail": "Two causes.", "code": "TUREEN_X", "requestId": "r",
            "errors": [{"message": "ft1 has another shape", "model": "ft1", "tensor": "W"}]}"""
        with Scripted(lambda handler: answer(handler, 422, document, content_type="application/problem+json")) as server:
            with self.assertRaises(TureenProblem) as caught:
                client(server.url).create_merge(MERGE)
        error = caught.exception
        self.assertEqual((error.code, error.status, error.request_id, error.retry_after), ("TUREEN_X", 422, "r", None))
        self.assertEqual(error.errors[0]["tensor"], "W")
        self.assertEqual(str(error), "TUREEN_X: Two causes.\n  ft1 has another shape")


class RetryAfter(unittest.TestCase):
    def test_is_seconds_or_a_date(self) -> None:
        now = 1767225600.0  # 2026-01-01T00:00:00Z
        expected = {
            "7": 7.0,
            "Thu, 01 Jan 2026 00:00:30 GMT": 30.0,
            "Wed, 31 Dec 2025 00:00:30 GMT": 0.0,
            "soon": None,
        }
        self.assertEqual({value: retry_after_of({"retry-after": value}, now) for value in expected}, expected)
        self.assertIsNone(retry_after_of({}))

    def test_settings_have_the_defaults_that_the_page_tells(self) -> None:
        self.assertEqual(RetrySettings(), RetrySettings(retries=4, min_seconds=0.5, max_seconds=15, max_retry_after=120))
        self.assertEqual(FAST.retries, 4)
