"""The client has what the OpenAPI document of a server has."""

from __future__ import annotations

import inspect
import json
import re
import unittest
import urllib.request
from typing import Any, Dict, Set

from tests.support import SERVER, client
from tureen import OPERATIONS, Client, all_items
from tureen.addresses import filled_path, query_text

#: Parameters that the client has for a reason of its own, or leaves out: `wait` does what `prefer` does; a failed job is a job.
NOT_TAKEN = {"prefer", "fail"}


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def described() -> Dict[str, Dict[str, Any]]:
    """Returns the operations of the server's document by their operationId."""
    with urllib.request.urlopen(f"{SERVER}/openapi.json") as answer:
        document = json.load(answer)
    shared = document["components"]["parameters"]
    operations = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = [shared[each["$ref"].split("/")[-1]] if "$ref" in each else each for each in operation.get("parameters", [])]
            operations[operation["operationId"]] = {"method": method.upper(), "path": path, "parameters": parameters}
    return operations


class Operations(unittest.TestCase):
    def setUp(self) -> None:
        self.described = described()

    def test_are_those_of_the_document_with_methods_paths_and_keys(self) -> None:
        told = {id: (each.method, each.path, each.keyed) for id, each in OPERATIONS.items()}
        expected = {
            id: (each["method"], each["path"], any(one["name"] == "idempotency-key" for one in each["parameters"]))
            for id, each in self.described.items()
        }
        self.assertEqual(told, expected)

    def test_are_methods_of_the_client_beside_wait_and_close(self) -> None:
        methods = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
        self.assertEqual(methods - {"wait", "close"}, {snake(id) for id in OPERATIONS})

    def test_take_the_parameters_of_the_document(self) -> None:
        for id, operation in self.described.items():
            taken: Set[str] = set(inspect.signature(getattr(Client, snake(id))).parameters)
            for parameter in operation["parameters"]:
                name = snake(parameter["name"].replace("-", "_"))
                if name in NOT_TAKEN or parameter["in"] == "path":
                    continue
                # Records have labels; lists filter by a label.
                names = {name, "labels"} if name == "label" else {name}
                self.assertTrue(names & taken, f"{id} lacks {name}")

    def test_fill_the_places_of_their_paths(self) -> None:
        for operation in OPERATIONS.values():
            names = re.findall(r"\{(\w+)\}", operation.path)
            self.assertNotIn("{", filled_path(operation.path, {name: "a" for name in names}))

    def test_that_take_nothing_all_answer(self) -> None:
        with client() as tureen:
            for check in (tureen.get_liveness, tureen.get_inference_liveness, tureen.get_readiness, tureen.get_inference_readiness):
                self.assertEqual(check(), {"status": "ok"})
            self.assertGreater(tureen.get_usage()["limits"]["uploadBytes"], 0)
            self.assertIn("# TYPE tureen_", tureen.get_service_metrics())
            self.assertIn("ties", [each["name"] for each in tureen.list_merge_methods()["items"]])
            self.assertIn("accuracy", [each["name"] for each in tureen.list_scoring_metrics()["items"]])


class Addresses(unittest.TestCase):
    def test_keep_the_slashes_of_a_location_and_no_step_up(self) -> None:
        path = "/v1/models/{id}/data/{location}"
        self.assertEqual(filled_path(path, {"id": "a/b", "location": "w/ü 1.bin"}), "/v1/models/a%2Fb/data/w/%C3%BC%201.bin")
        self.assertEqual(filled_path(path, {"id": "a", "location": "../x"}), "/v1/models/a/data/..%2Fx")
        for value in ("", ".", ".."):
            with self.assertRaisesRegex(ValueError, "cannot be id"):
                filled_path(path, {"id": value, "location": "w"})

    def test_repeat_a_parameter_with_several_values_and_leave_out_none(self) -> None:
        self.assertEqual(query_text({"label": ["a:1", "b:x y"], "limit": 2, "cursor": None}), "?label=a%3A1&label=b%3Ax+y&limit=2")
        self.assertEqual(query_text({"cursor": None, "label": []}), "")


class Lists(unittest.TestCase):
    def test_of_several_pages_are_read_to_their_end(self) -> None:
        pages = {None: {"items": [1, 2], "nextCursor": "b"}, "b": {"items": [3], "nextCursor": None}}
        seen = []

        def list_page(**filters: Any) -> Any:
            seen.append(filters)
            return pages[filters["cursor"]]

        self.assertEqual(list(all_items(list_page, label={"run": "1"})), [1, 2, 3])
        self.assertEqual([each["label"] for each in seen], [{"run": "1"}] * 2)
