"""The digits fine-tunes through the client for Python, as a pipeline would do it: upload, search, gate, merge by recipe, download.

    python3 pipeline.py http://127.0.0.1:3000 [DIRECTORY]

The soups go to DIRECTORY, by default `out` beside this file. TUREEN_TOKEN may have the token of the server.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import List

from tureen import Client, TureenProblem, result_of
from tureen.api_types import JobProgress, MergeRequestModelsItem

HERE = Path(__file__).resolve().parent


def upload(client: Client) -> List[MergeRequestModelsItem]:
    """Uploads the eight fine-tunes. A second run of the pipeline finds them by their keys, and uploads nothing twice."""
    models: List[MergeRequestModelsItem] = []
    for number in range(8):
        path = HERE / f"ft{number}.onnx"
        key = f"digits-{path.stem}"
        models.append({"id": client.create_model(path, name=path.stem, labels={"example": "digits"}, idempotency_key=key)["id"]})
    return models


def show(progress: JobProgress) -> None:
    best = progress.get("best")
    print(f"  {progress['done']} of {progress['total']}{'' if best is None else f', the best so far {best:.3f}'}")


def main(url: str, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with Client(url, token=os.environ.get("TUREEN_TOKEN")) as client:
        models = upload(client)
        val = client.create_dataset(HERE / "val.npz", name="val")
        test = client.create_dataset(HERE / "test.npz", name="test")

        print("Searching which of eight models to average:")
        search = client.create_search(
            {
                "models": [{"id": model["id"]} for model in models],
                "strategy": {"type": "greedy"},
                "selection": {"dataset": val["id"], "metric": "accuracy"},
                "test": {"dataset": test["id"]},
            }
        )
        found = result_of(client.wait(search, on_progress=show))
        winner = found["model"]
        print(f"greedy soup: {found['winner']['score']:.3f} on val, best single model: {found['bestSingle']['score']:.3f}")

        evaluation = client.create_evaluation({"model": winner["id"], "dataset": test["id"], "metrics": ["accuracy"]})
        accuracy = result_of(client.wait(evaluation))["metrics"]["accuracy"]
        print(f"greedy soup: {accuracy:.3f} on test")

        # The recipe makes the same soup again, on any server that has the models.
        recipe = client.get_model_recipe(winner["id"], form="yaml")
        again = result_of(client.wait(client.create_merge(recipe)))["model"]
        print("the recipe makes the same bytes" if again["sha256"] == winner["sha256"] else "the recipe makes other bytes")
        client.get_model_content(winner["id"]).save(out / "greedy.onnx")

        uniform = client.make_soup([HERE / f"ft{number}.onnx" for number in range(8)])
        uniform.save(out / "uniform.onnx")
        print(f"{out / 'greedy.onnx'} and {out / 'uniform.onnx'} are written, {uniform.warnings} warnings")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: pipeline.py URL [DIRECTORY]")
    try:
        main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) == 3 else HERE / "out")
    except TureenProblem as problem:
        sys.exit(str(problem))
