"""NumPy arrays are a data set, and models of the package onnx are models."""

from __future__ import annotations

import hashlib
import tempfile
import unittest
from pathlib import Path
from typing import Any

from tests.support import DIGITS, client
from tureen import ModelFiles, TureenProblem
from tureen.arrays import npz_file

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

try:
    import onnx
    import onnx.numpy_helper
except ImportError:
    onnx = None


@unittest.skipIf(numpy is None, "NumPy is not installed")
class Arrays(unittest.TestCase):
    def test_are_those_that_numpy_reads_from_the_file(self) -> None:
        arrays: Any = {
            "image": numpy.arange(24, dtype="f4").reshape(2, 3, 4)[:, ::-1],
            "file": numpy.array([1, 2], "i8"),
            "half": numpy.array([0.5], "f2"),
            "fortran": numpy.asfortranarray(numpy.arange(6).reshape(2, 3)),
            "names": numpy.array(["cat", "größer"]),
            "scalar": 3.5,
            "list": [1, 2, 3],
        }
        with npz_file(arrays) as file, numpy.load(file, allow_pickle=False) as read:
            self.assertEqual(sorted(read.files), sorted(arrays))
            for name, values in arrays.items():
                numpy.testing.assert_array_equal(read[name], values)
                self.assertEqual(read[name].dtype, numpy.asarray(values).dtype)

    def test_that_are_equal_make_equal_bytes(self) -> None:
        with npz_file({"a": numpy.ones(3)}) as one, npz_file({"a": numpy.ones(3)}) as other:
            self.assertEqual(one.read(), other.read())

    def test_of_objects_are_an_error_that_names_them(self) -> None:
        with self.assertRaisesRegex(ValueError, 'The array "mixed" cannot be uploaded'):
            npz_file({"mixed": numpy.array([{}, []], dtype=object)})
        with self.assertRaisesRegex(ValueError, "at least one array"):
            npz_file({})

    def test_score_as_the_file_does(self) -> None:
        tureen = client()
        model = tureen.create_model(DIGITS / "ft0.onnx")
        with numpy.load(DIGITS / "val.npz") as read:
            arrays = tureen.create_dataset(arrays=dict(read))
        self.assertEqual((arrays["samples"], arrays["kind"]), (500, "npz"))
        # The accuracy of ft0 as NumPy computes it, in examples/digits/expected.json.
        for dataset in (arrays, tureen.create_dataset(DIGITS / "val.npz")):
            job = tureen.create_evaluation({"model": model["id"], "dataset": dataset["id"], "metrics": ["accuracy"]})
            result: Any = tureen.wait(job)["result"]
            self.assertEqual(result["metrics"]["accuracy"], 0.8)

    def test_and_files_exclude_each_other(self) -> None:
        with self.assertRaisesRegex(TypeError, "exactly one of file, arrays and files"):
            client().create_dataset(DIGITS / "val.npz", arrays={"a": [1]})
        with self.assertRaisesRegex(TypeError, "exactly one of file, arrays and files"):
            client().create_dataset()


class StandIn:
    """Takes the place of onnx.ModelProto where the package onnx is not installed: the client calls nothing but this."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def SerializeToString(self) -> bytes:
        return self._content


class LargeModel:
    """Behaves as a ModelProto of more than 2 GB does."""

    def SerializeToString(self) -> bytes:
        raise ValueError("Message onnx.ModelProto exceeds maximum protobuf size of 2GB: 2147483700")


def _values(tensor: Any) -> Any:
    """Returns name and bytes of a tensor."""
    return tensor.name, onnx.numpy_helper.to_array(tensor).tobytes()


class ModelsInMemory(unittest.TestCase):
    def test_are_uploaded_as_they_write_themselves(self) -> None:
        content = (DIGITS / "ft2.onnx").read_bytes()
        expected = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.assertEqual(client().create_model(StandIn(content))["sha256"], expected)

    @unittest.skipIf(onnx is None, "the package onnx is not installed")
    def test_of_the_package_onnx_are_uploaded_and_read_again(self) -> None:
        model = onnx.load(str(DIGITS / "ft2.onnx"))
        for tensor in model.graph.initializer:
            tensor.doc_string = "of the test"
        record = client().create_model(model)
        read = onnx.load_model_from_string(client().get_model_content(record["id"]).read())
        self.assertEqual(read, model)
        with client().make_soup([model, model]) as soup:
            self.assertEqual(onnx.load_model_from_string(soup.read()).graph, model.graph)

    @unittest.skipIf(onnx is None, "the package onnx is not installed")
    def test_with_external_data_are_uploaded_at_once_or_in_parts_and_read_again(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path, weights = Path(name) / "model.onnx", Path(name) / "weights.bin"
            model = onnx.load(str(DIGITS / "ft3.onnx"))
            onnx.save_model(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
            tureen = client()
            part = tureen.create_model(path, name="in parts")
            self.assertEqual((part["status"], part["missing"]), ("incomplete", ["weights.bin"]))
            whole = tureen.put_model_data(part["id"], "weights.bin", weights, if_none_match="*")
            self.assertEqual(whole["status"], "complete")
            with self.assertRaises(TureenProblem) as caught:
                tureen.put_model_data(part["id"], "weights.bin", weights, if_none_match="*")
            self.assertEqual(caught.exception.code, "TUREEN_PRECONDITION_FAILED")
            once = tureen.create_model(path, data={"weights.bin": weights}, name="at once")
            self.assertEqual(once["sha256"], whole["sha256"])
            self.assertEqual(tureen.get_model_data(once["id"], "weights.bin").read(), weights.read_bytes())
            self.assertEqual(tureen.head_model_data(once["id"], "weights.bin").bytes, weights.stat().st_size)
            with tureen.make_soup([ModelFiles(path, {"weights.bin": weights}), DIGITS / "ft3.onnx"]) as soup:
                read = onnx.load_model_from_string(soup.read())
            inline = onnx.load_model_from_string(tureen.get_model_content(once["id"], external="inline").read())
            expected = [_values(each) for each in onnx.load(str(DIGITS / "ft3.onnx")).graph.initializer]
            for other in (read, inline):
                self.assertEqual([_values(each) for each in other.graph.initializer], expected)

    def test_of_more_than_2_gb_are_an_error_that_says_what_to_do(self) -> None:
        with self.assertRaisesRegex(ValueError, "needs external data: save it with"):
            client().create_model(LargeModel())
