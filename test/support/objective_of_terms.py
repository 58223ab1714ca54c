"""An evaluation of the objective of several data sets, with NumPy alone and from the definition: the oracle of searches over terms.

    objective_of_terms.py data DIRECTORY                writes the two data sets: digits below 5, and the others, of examples/digits/val.npz
    objective_of_terms.py judge DIRECTORY < REQUEST     averages, runs and scores candidates, and says which is the best;
                                                        keeps logits in the directory for the next request about the same soups

A term's gain of a soup is (score - best) x direction / |best|, where best is the score of the best single model by this term. The
objective is the weighted sum of gains. A soup that misses a bound has no objective. Ties go to fewer models, then to earlier ones,
then to the soup that comes first.

REQUEST: {"models": [path], "terms": [{"dataset": path, "metric": "accuracy"|"crossEntropy", "weight": number, "atLeast": number|null}],
          "candidates": [{"models": [index], "weights": [number]}] | "subsets"}
The answer: {"candidates": [{"models", "weights", "scores": [number], "objective": number|null}], "winner": index, "pareto": [index],
             "bestSingles": [index of a model for each term], "greedy": [index of a model]}
"""

import itertools
import json
import pickle
import sys
from pathlib import Path

import numpy as np

root = Path(__file__).parents[2]
sys.path.insert(0, str(root / "examples/detection"))
from numpy_network import convolve, initializers

DIRECTIONS = {"accuracy": 1, "crossEntropy": -1}


def write_data(directory):
    """Two tasks of different sizes that one network does: digits below 5, and the others."""
    with np.load(root / "examples/digits/val.npz") as data:
        image, label = data["image"], data["label"]
    for name, rows in (("low", label < 5), ("high", label >= 5)):
        np.savez(directory / f"{name}.npz", image=image[rows], label=label[rows])


def average(models, weights):
    """sum(w x) / sum(w) in float64, from left to right, rounded once to float32."""
    result = {}
    for name in models[0]:
        total = sum(weight * model[name].astype("f8") for weight, model in zip(weights, models))
        result[name] = (total / sum(weights)).astype("f4")
    return result


def logits_of(weights, image):
    """The network of examples/digits/train.py."""
    w = {name: array.astype("f8") for name, array in weights.items()}
    x = np.maximum(convolve(image.astype("f8"), w["conv1.weight"], w["conv1.bias"], 1), 0)
    x = np.maximum(convolve(x, w["conv2.weight"], w["conv2.bias"], 2), 0)
    x = x.reshape(len(x), -1)
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    x = x * w["norm.weight"] + w["norm.bias"]
    x = np.maximum(x @ w["fc1.weight"].T + w["fc1.bias"], 0)
    return x @ w["fc2.weight"].T + w["fc2.bias"]


def score(metric, logits, label):
    if metric == "accuracy":
        return float((logits.argmax(1) == label).mean())
    shifted = logits - logits.max(1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(label)), label]).mean())


class Judge:
    def __init__(self, request, directory):
        self.file = directory / "logits.pickle"
        self.logits = pickle.loads(self.file.read_bytes()) if self.file.exists() else {}
        self.paths = request["models"]
        self.models = [initializers(Path(path).read_bytes()) for path in request["models"]]
        self.terms = request["terms"]
        self.data = {}
        for term in self.terms:
            with np.load(term["dataset"]) as data:
                self.data[term["dataset"]] = (data["image"], data["label"])
        self.kept = {}
        count = len(self.models)
        self.subsets = [
            {"models": list(members), "weights": [1] * len(members)}
            for size in range(1, count + 1)
            for members in itertools.combinations(range(count), size)
        ]
        self.candidates = self.subsets if request["candidates"] == "subsets" else request["candidates"]
        singles = [self.scores(each) for each in self.subsets[:count]]
        better = [DIRECTIONS[term["metric"]] for term in self.terms]
        self.best_singles = [max(range(count), key=lambda m: better[t] * singles[m][t]) for t in range(len(better))]
        self.best = [singles[model][t] for t, model in enumerate(self.best_singles)]

    def scores(self, soup):
        key = json.dumps([soup["models"], soup["weights"]])
        if key not in self.kept:
            logits = self.logits_by_data(soup)
            self.kept[key] = [
                score(term["metric"], logits[term["dataset"]], self.data[term["dataset"]][1]) for term in self.terms
            ]
        return self.kept[key]

    def logits_by_data(self, soup):
        """The logits of a soup for the images of each data set."""
        members = [self.paths[model] for model in soup["models"]]
        key = json.dumps([members, soup["weights"], sorted(self.data)])
        if key not in self.logits:
            weights = average([self.models[model] for model in soup["models"]], soup["weights"])
            self.logits[key] = {path: logits_of(weights, image) for path, (image, _) in self.data.items()}
        return self.logits[key]

    def keep(self):
        self.file.write_bytes(pickle.dumps(self.logits))

    def objective(self, soup):
        """None if the soup misses a bound."""
        total = 0
        for term, value, best in zip(self.terms, self.scores(soup), self.best):
            direction = DIRECTIONS[term["metric"]]
            if term["atLeast"] is not None and direction * value < direction * term["atLeast"]:
                return None
            total += term["weight"] * (value - best) * direction / abs(best)
        return total

    def best_of(self, soups):
        """The index of the best soup; None if all miss a bound."""
        ranked = [
            (-self.objective(soup), len(soup["models"]), soup["models"], index)
            for index, soup in enumerate(soups)
            if self.objective(soup) is not None
        ]
        return min(ranked)[-1] if ranked else None

    def pareto(self):
        """Candidates that meet the bounds, and that no other of these beats: as good in all terms, and better in one."""
        better = np.array([DIRECTIONS[term["metric"]] for term in self.terms])
        met = [index for index, soup in enumerate(self.candidates) if self.objective(soup) is not None]
        points = {index: better * np.array(self.scores(self.candidates[index])) for index in met}
        beaten = lambda a: any((points[b] >= points[a]).all() and (points[b] > points[a]).any() for b in met)
        return [index for index in met if not beaten(index)]

    def greedy(self):
        """Starts with the best model and adds the others, best first, if the soup is then at least as good."""
        goodness = lambda soup: -np.inf if self.objective(soup) is None else self.objective(soup)
        count = len(self.models)
        order = sorted(range(count), key=lambda model: -goodness(self.subsets[model]))
        soup = self.subsets[order[0]]
        for model in order[1:]:
            members = sorted([*soup["models"], model])
            larger = {"models": members, "weights": [1] * len(members)}
            if goodness(larger) >= goodness(soup):
                soup = larger
        return soup["models"]

    def answer(self):
        return {
            "candidates": [
                {**soup, "scores": self.scores(soup), "objective": self.objective(soup)} for soup in self.candidates
            ],
            "winner": self.best_of(self.candidates),
            "pareto": self.pareto(),
            "bestSingles": self.best_singles,
            "greedy": self.greedy(),
        }


if sys.argv[1] == "data":
    write_data(Path(sys.argv[2]))
    print("{}")
else:
    judge = Judge(json.load(sys.stdin), Path(sys.argv[2]))
    print(json.dumps(judge.answer()))
    judge.keep()
