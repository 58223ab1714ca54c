"""Waits follow a job to its end, over broken connections and without event streams."""

from __future__ import annotations

import json
import time
import unittest
from typing import Any, Dict, List

from tests.support import DIGITS, Proxy, Scripted, answer, client, page, problem
from tureen import JobEvent, RetrySettings, TureenConnectionError, TureenError, TureenProblem, result_of

JOB: Dict[str, Any] = {"id": "j", "type": "merge", "status": "running", "progress": {"done": 1, "total": 2, "message": "half"}}
ENDED = {**JOB, "status": "succeeded", "result": {"model": {"id": "m"}}}


def job(state: Any) -> Any:
    return lambda handler: answer(handler, 200, json.dumps(state).encode(), content_type="application/json")


def events(*lines: str, breaks: bool = False) -> Any:
    """Returns an answer that is a stream of events. `breaks`: the connection ends within it."""

    def give(handler: Any) -> None:
        content = "\n".join(lines).encode() + b"\n\n"
        handler.close_connection = True
        length = str(len(content) + (10 if breaks else 0))
        answer(handler, 200, content, content_type="text/event-stream", content_length=length)

    return give


PROGRESS = ("id: 1", "event: progress", 'data: {"done": 1, "total": 2, "message": "half"}')
DONE = ("id: 2", "event: done", f"data: {json.dumps(ENDED)}")


class OfAServer(unittest.TestCase):
    def setUp(self) -> None:
        tureen = client()
        names = ("ft0", "ft1", "ft2", "ft3")
        self.models: Any = [{"id": tureen.create_model(DIGITS / f"{name}.onnx", name=name)["id"]} for name in names]

    def start_search(self) -> Any:
        """Starts a search that scores 15 candidates."""
        tureen = client()
        selection: Any = {"dataset": tureen.create_dataset(DIGITS / "val.npz")["id"], "metric": "accuracy"}
        return tureen.create_search({"models": self.models, "strategy": {"type": "exhaustive"}, "selection": selection})

    def test_tell_progress_and_events_and_end_with_the_job(self) -> None:
        tureen = client()
        started = self.start_search()
        told: List[Any] = []
        seen: List[JobEvent] = []
        ended = tureen.wait(started, on_progress=told.append, on_event=seen.append)
        self.assertEqual(ended["status"], "succeeded")
        self.assertEqual(len(result_of(ended)["candidates"]), 15)
        self.assertEqual(seen[-1].type, "done")
        self.assertTrue(all(each["total"] >= each["done"] for each in told))
        again = list(tureen.get_job_events(started["id"], last_event_id=seen[-1].id))
        self.assertEqual(again, [])

    def test_whose_connection_breaks_miss_no_event_and_tell_none_twice(self) -> None:
        started = self.start_search()
        seen: List[str] = []
        with Proxy() as proxy:

            def break_connections(event: JobEvent) -> None:
                seen.append(event.id)
                proxy.reset_all()

            self.assertEqual(client(proxy.url).wait(started, on_event=break_connections)["status"], "succeeded")
            self.assertEqual(proxy.connections, len(seen))
        self.assertEqual(seen, sorted(set(seen), key=int))

    def test_by_polls_end_alike(self) -> None:
        started = client().create_merge({"models": self.models})
        self.assertEqual(client().wait(started["id"], by="polls")["status"], "succeeded")

    def test_with_a_bound_end_while_the_job_goes_on(self) -> None:
        tureen = client()
        scorer: Any = {"external": {"name": "nobody", "version": "1"}, "direction": "max"}
        waiting = tureen.create_search({"models": self.models, "strategy": {"type": "greedy"}, "selection": scorer})
        with self.assertRaisesRegex(TimeoutError, "has not ended within 0.3 seconds. It goes on"):
            tureen.wait(waiting, timeout=0.3)
        tureen.cancel_job(waiting["id"])
        ended = tureen.wait(waiting, timeout=60)
        self.assertEqual(ended["status"], "cancelled")
        with self.assertRaises(TureenProblem) as caught:
            result_of(ended)
        self.assertEqual(caught.exception.code, "TUREEN_JOB_CANCELLED")


class OfAFlakyServer(unittest.TestCase):
    def test_go_on_after_the_last_event(self) -> None:
        with Scripted(events(*PROGRESS, breaks=True), page(502), events(*DONE)) as server:
            told: List[Any] = []
            self.assertEqual(client(server.url).wait("j", on_progress=told.append), ENDED)
            self.assertEqual([each["done"] for each in told], [1])
            self.assertEqual([each.headers.get("last-event-id") for each in server.requests], [None, "1", "1"])

    def test_poll_if_a_proxy_sends_no_event_stream(self) -> None:
        with Scripted(*[page(200)] * 5, job(JOB), job(ENDED)) as server:
            told: List[Any] = []
            self.assertEqual(client(server.url).wait("j", on_progress=told.append), ENDED)
            self.assertEqual([each.path for each in server.requests[5:]], ["/v1/jobs/j?wait=0", "/v1/jobs/j?wait=25"])
            self.assertEqual([each["done"] for each in told], [1])

    def test_are_over_if_the_job_is_gone(self) -> None:
        with Scripted(last=problem(404, "TUREEN_NOT_FOUND")) as server:
            self.assertRaises(TureenProblem, client(server.url).wait, "j")
            self.assertEqual(len(server.requests), 1)

    def test_give_up_on_a_server_that_stays_away(self) -> None:
        with Scripted(last=page(502)) as server:
            begun = time.monotonic()
            with self.assertRaises(TureenConnectionError):
                client(server.url, retry=RetrySettings(retries=1, min_seconds=0.001)).wait("j", by="polls", reconnect_seconds=0)
            self.assertLess(time.monotonic() - begun, 30)

    def test_of_a_record_that_cannot_be_read_say_so(self) -> None:
        unreadable = {"id": "j", "type": "merge", "status": "failed", "unreadable": "the row is damaged", "error": None}
        with Scripted(last=job(unreadable)) as server:
            with self.assertRaisesRegex(TureenError, "The record of job j cannot be read: the row is damaged"):
                client(server.url).wait("j", by="polls")

    def test_for_a_job_of_another_type_are_an_error(self) -> None:
        with Scripted(last=job(ENDED)) as server:
            search: Any = {"id": "j", "type": "search"}
            with self.assertRaisesRegex(TureenError, "Job j is a job of the type merge"):
                client(server.url).wait(search, by="polls")


class Results(unittest.TestCase):
    def test_of_a_running_job_are_not_there(self) -> None:
        running: Any = JOB
        with self.assertRaisesRegex(TureenError, "Job j is running and has no result yet. Wait for it first"):
            result_of(running)
