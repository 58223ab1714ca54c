"""A program can have a server of its own."""

from __future__ import annotations

import os
import tempfile
import unittest
from typing import Any
from unittest import mock

from tests.support import COMMAND, DIGITS
from tureen import Client, RetrySettings, TureenConnectionError, TureenError, TureenProblem, local_server, result_of


class LocalServers(unittest.TestCase):
    def test_merge_and_score_for_their_client_alone_and_end_with_it(self) -> None:
        with mock.patch.dict(os.environ, {"TUREEN_URL": "http://127.0.0.1:9", "TUREEN_TOKEN": "other"}):
            with local_server(command=COMMAND) as client:
                model: Any = client.create_model(DIGITS / "ft0.onnx")
                dataset = client.create_dataset(DIGITS / "val.npz")
                request: Any = {"model": model["id"], "dataset": dataset["id"], "metrics": ["accuracy"]}
                # The accuracy of ft0 as NumPy computes it, in examples/digits/expected.json.
                self.assertEqual(result_of(client.wait(client.create_evaluation(request)))["metrics"]["accuracy"], 0.8)
                url = client._exchange.settings.url
                with self.assertRaises(TureenProblem) as caught:
                    Client(url).get_model(model["id"])
                self.assertEqual(caught.exception.status, 401)
        with self.assertRaises(TureenConnectionError):
            Client(url, retry=RetrySettings(retries=0)).get_liveness()

    def test_keep_a_store_that_has_a_name(self) -> None:
        with tempfile.TemporaryDirectory() as store:
            with local_server(store, command=COMMAND) as client:
                id = client.create_model(DIGITS / "ft0.onnx")["id"]
            with local_server(store, command=COMMAND) as client:
                self.assertEqual(client.get_model(id)["id"], id)

    def test_that_do_not_start_say_why(self) -> None:
        with self.assertRaisesRegex(TureenError, "did not start:\n.*TUREEN_JOBS=x: must be a whole number"):
            with local_server(command=COMMAND, settings={"TUREEN_JOBS": "x"}):
                self.fail("the server has started")

    def test_need_the_command(self) -> None:
        with mock.patch.dict(os.environ, {"PATH": ""}), self.assertRaisesRegex(TureenError, "There is no command tureen"):
            with local_server():
                self.fail("the server has started")
