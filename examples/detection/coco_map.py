"""Mean average precision of boxes, as COCO defines it (https://cocodataset.org/#detection-eval), with NumPy alone.

The mean over classes and ten IoU thresholds, 0.50 to 0.95, of the precision at 101 recalls, 0 to 1. Of each image and class the
100 detections with the highest scores count. Objects of all sizes count; COCO's separate figures for small, medium and large
ones are left out. Thresholds, ties and rounding are those of pycocotools, so that both give one number.
"""

import numpy as np

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST_DETECTIONS = 100


def mean_average_precision(truth, found):
    """The mAP of detections, 0 to 1.

    truth: arrays image [m], label [m], box [m, 4] as x1, y1, x2, y2, and optionally crowd [m]
    found: arrays image [n], label [n], box [n, 4], score [n]
    A crowd is a region of many objects: a detection inside is neither right nor wrong. A class without any object that is not a
    crowd has no part in the mean. Raises ValueError if no class is left.
    """
    truth = {"crowd": np.zeros(len(truth["label"]), bool), **truth}
    labels = np.unique(truth["label"][~truth["crowd"]])
    if len(labels) == 0:
        raise ValueError("no object to find: mAP is not defined")
    return float(np.mean([average_precisions(where(truth, "label", each), where(found, "label", each)) for each in labels]))


def where(arrays, key, value):
    return {name: array[arrays[key] == value] for name, array in arrays.items()}


def average_precisions(truth, found):
    """The average precision of one class at each IoU threshold: [10]."""
    outcomes, scores = [np.zeros((len(IOUS), 0))], [np.zeros(0)]
    for image in np.unique(found["image"]):
        objects, here = where(truth, "image", image), where(found, "image", image)
        best = np.argsort(-here["score"], kind="stable")[:MOST_DETECTIONS]
        overlaps = intersections_over_unions(here["box"][best], objects["box"], objects["crowd"])
        outcomes.append(np.array([judge(overlaps, objects["crowd"], threshold) for threshold in IOUS]))
        scores.append(here["score"][best])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    ordered = np.concatenate(outcomes, axis=1)[:, order]
    return [area_under(outcome, np.count_nonzero(~truth["crowd"])) for outcome in ordered]


def intersections_over_unions(found, truth, crowd):
    """[found, truth]. With a crowd, the area of the detection stands for the union."""
    low, high = np.maximum(found[:, None, :2], truth[:, :2]), np.minimum(found[:, None, 2:], truth[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_found, area_truth = (found[:, 2:] - found[:, :2]).prod(axis=1), (truth[:, 2:] - truth[:, :2]).prod(axis=1)
    union = area_found[:, None] + np.where(crowd, 0, area_truth - shared)
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def judge(overlaps, crowd, threshold):
    """For detections of one image, the highest score first: 1 is right, 0 is wrong, -1 does not count. Each object is found once."""
    taken, outcome = np.zeros(len(crowd), bool), []
    for overlap in overlaps:
        free = (overlap >= threshold) & ~crowd & ~taken
        if free.any():
            taken[np.flatnonzero(free & (overlap == overlap[free].max()))[-1]] = True  # of equal ones COCO takes the last
        outcome.append(1 if free.any() else -1 if (crowd & (overlap >= threshold)).any() else 0)
    return outcome


def area_under(outcome, objects):
    """The mean over 101 recalls of the best precision at this recall or a higher one; 0 beyond the highest recall."""
    right, wrong = np.cumsum(outcome == 1), np.cumsum(outcome == 0)
    precision = right / (right + wrong + np.spacing(1))
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return np.append(best, 0)[np.searchsorted(right / objects, RECALLS, side="left")].mean()
