"""A scorer gives a search its scores, and survives what happens meanwhile."""

from __future__ import annotations

import json
import math
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Any, Dict, List

from tests.support import DIGITS, Scripted, answer, client, problem
from tureen import TureenError, TureenProblem, result_of, score_candidates
from tureen.scoring import _as_outcome, _place_of

NAMES = ("ft0", "ft1", "ft3")


def start_search(name: str, **selection: Any) -> Any:
    tureen = client()
    models: Any = [{"id": tureen.create_model(DIGITS / f"{each}.onnx", name=each)["id"]} for each in NAMES]
    external: Any = {"external": {"name": name, "version": "1"}, "direction": "max", "reuse": False, **selection}
    return tureen.create_search({"models": models, "strategy": {"type": "exhaustive"}, "selection": external})


def size_of(path: Path) -> float:
    """Stands for a measurement: any number that only the bytes decide."""
    return float(sum(path.read_bytes()) % 1009)


class Scorers(unittest.TestCase):
    def test_score_every_candidate_and_the_search_takes_the_best(self) -> None:
        job = start_search("sum")
        paths: List[Path] = []

        def measure(path: Path, candidate: Any) -> float:
            paths.append(path)
            self.assertEqual(candidate["split"], "selection")
            return size_of(path)

        self.assertEqual(score_candidates(client(), job["id"], measure, count=3), 7)
        result = result_of(client().wait(job))
        scores = [each["score"] for each in result["candidates"]]
        self.assertEqual(result["winner"]["score"], max(score for score in scores if score is not None))
        singles = [size_of(DIGITS / f"{name}.onnx") for name in NAMES]
        self.assertEqual(len(scores), 7)
        self.assertEqual([path.exists() for path in paths], [False] * 7)
        self.assertTrue(all(math.isfinite(each) for each in singles))

    def test_send_the_reason_of_an_exception_and_details(self) -> None:
        job = start_search("faulty")
        calls = iter(range(100))

        def measure(path: Path, candidate: Any) -> Any:
            number = next(calls)
            if number == 0:
                raise ValueError("diverged at step 12")
            if number == 1:
                return math.nan
            return {"score": 1.0, "details": {"number": number}} if number == 2 else [1.0, 0.0]

        score_candidates(client(), job["id"], measure)
        candidates = client().list_candidates(job["id"])["items"]
        self.assertEqual(candidates[0]["error"], "ValueError: diverged at step 12")
        self.assertEqual(candidates[1]["error"], "nan is no finite number")
        self.assertEqual((candidates[2]["score"], candidates[2]["details"]), (1.0, {"number": 2}))
        self.assertEqual((candidates[3]["score"], candidates[3]["samples"]), (0.5, 2))

    def test_renew_a_lease_for_as_long_as_they_measure(self) -> None:
        job = start_search("slow")
        slept = iter([2.5])

        def measure(path: Path, candidate: Any) -> float:
            time.sleep(next(slept, 0))
            return 1.0

        score_candidates(client(), job["id"], measure, seconds=1)
        self.assertEqual([each["attempts"] for each in client().list_candidates(job["id"])["items"]], [1] * 7)

    def test_that_are_interrupted_give_their_lease_back(self) -> None:
        job = start_search("interrupted")

        def interrupt(path: Path, candidate: Any) -> float:
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            score_candidates(client(), job["id"], interrupt)
        first = client().list_candidates(job["id"])["items"][0]
        self.assertEqual((first["state"], first["attempts"]), ("open", 0))
        client().cancel_job(job["id"])

    def test_share_the_candidates_of_a_search(self) -> None:
        job = start_search("shared")
        counts: List[int] = []
        threads = [
            threading.Thread(target=lambda: counts.append(score_candidates(client(), job["id"], lambda path, _: size_of(path))))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(counts), sum(counts)), (3, 7))

    def test_go_on_after_a_restart_of_the_server(self) -> None:
        ended = {"id": None, "job": {"id": "j", "status": "succeeded"}, "expiresAt": None, "candidates": []}
        done = lambda handler: answer(handler, 200, json.dumps(ended).encode(), content_type="application/json")
        with Scripted(*[problem(503, "TUREEN_SHUTTING_DOWN")] * 6, last=done) as server:
            self.assertEqual(score_candidates(client(server.url), "j", lambda path, _: 1.0), 0)
        with Scripted(last=problem(404, "TUREEN_NOT_FOUND")) as server:
            self.assertRaises(TureenProblem, score_candidates, client(server.url), "j", lambda path, _: 1.0)


class Outcomes(unittest.TestCase):
    def test_are_numbers_or_lists_of_them_also_of_numpy(self) -> None:
        self.assertEqual(_as_outcome(1), {"score": 1.0})
        self.assertEqual(_as_outcome([1, 0.5]), {"scores": [1.0, 0.5]})
        self.assertEqual(_as_outcome([1, math.inf]), {"error": "[1, inf] is no finite number"})
        try:
            import numpy
        except ImportError:
            self.skipTest("NumPy is not installed")
        self.assertEqual(_as_outcome(numpy.float32(0.5)), {"score": 0.5})
        self.assertEqual(_as_outcome(numpy.array([1, 0])), {"scores": [1.0, 0.0]})


class ExternalData(unittest.TestCase):
    def test_lies_beside_the_model_or_nowhere(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            self.assertEqual(_place_of(directory, "weights/W.bin"), directory / "weights" / "W.bin")
            places: Dict[str, str] = {"above": "../a", "inside": "a/../../b", "root": "/etc/a", "drive": "C:a", "steps": "a\\..\\..\\b"}
            for what, location in {**places, "none": ".", "model": "candidate.onnx"}.items():
                with self.subTest(what), self.assertRaisesRegex(TureenError, "no place beside it"):
                    _place_of(directory, location)
