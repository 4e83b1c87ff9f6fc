"""Computes evaluation metrics with scikit-learn and scipy and writes them to metrics.json beside this file; NaN becomes null.

Run with a python that has scikit-learn and scipy:
    python tests/golden/metrics.py
"""

import json
import math
import warnings
from pathlib import Path

import numpy
import scipy
import scipy.stats
import sklearn
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, mean_squared_error

RNG = numpy.random.default_rng(20260)


def class_cases():
    cases = {
        "all right": ([0, 1, 1, 0], [0, 1, 1, 0]),
        "all wrong": ([1, 0, 0, 1], [0, 1, 1, 0]),
        "positives never predicted": ([0, 0, 0, 0, 0], [0, 1, 1, 0, 1]),
        "positives only predicted": ([1, 1, 0, 1], [0, 0, 0, 0]),
        "no positive anywhere": ([0, 0, 0], [0, 0, 0]),
        "positives everywhere": ([1, 1, 1], [1, 1, 1]),
        "one row right": ([1], [1]),
        "one row wrong": ([0], [1]),
        "imbalanced": ([0] * 95 + [1, 1, 0, 0, 1], [0] * 96 + [1, 1, 1, 1]),
        "three classes": ([0, 1, 2, 2, 1, 0, 2], [0, 2, 2, 1, 1, 0, 0]),
        "a class only predicted": ([0, 1, 3, 1, 0], [0, 1, 1, 1, 0]),
        "a class only in the labels": ([0, 1, 1, 1, 0], [0, 1, 5, 1, 5]),
        "classes far apart": ([7, 100000, 7, 4000000000], [7, 7, 100000, 4000000000]),
        "three classes, constant prediction": ([2, 2, 2, 2], [0, 1, 2, 2]),
        "three classes, constant label": ([0, 1, 2, 2], [2, 2, 2, 2]),
    }
    for classes, rows in ((2, 400), (3, 300), (5, 101), (20, 60)):
        labels = RNG.integers(0, classes, rows)
        noisy = numpy.where(RNG.random(rows) < 0.7, labels, RNG.integers(0, classes, rows))
        cases[f"{rows} random rows of {classes} classes"] = (noisy.tolist(), labels.tolist())
    return cases


def measure_classes(predictions, labels):
    expected = {
        "accuracy": accuracy_score(labels, predictions),
        "f1_macro": f1_score(labels, predictions, average="macro"),
        "matthews_correlation": matthews_corrcoef(labels, predictions),
    }
    if set(labels) | set(predictions) <= {0, 1}:
        expected["f1_binary"] = f1_score(labels, predictions, average="binary")
    return expected


def multilabel_cases():
    cases = {
        "cells, all right": ([[1, 0, 1], [0, 1, 0]], [[1, 0, 1], [0, 1, 0]]),
        "cells, none true": ([[0, 0], [0, 0]], [[0, 0], [0, 0]]),
        "cells, nothing predicted": ([[0, 0], [0, 0]], [[1, 0], [0, 1]]),
        "cells, an empty column": ([[1, 0, 0], [1, 1, 0]], [[1, 0, 0], [0, 1, 0]]),
        "cells, a column only predicted": ([[1, 0, 1], [1, 1, 0]], [[1, 0, 0], [0, 1, 0]]),
        "cells, one row": ([[1, 0, 1]], [[1, 1, 1]]),
    }
    for rows, num_labels in ((50, 6), (31, 3)):
        labels = RNG.random((rows, num_labels)) < 0.3
        noisy = labels ^ (RNG.random((rows, num_labels)) < 0.1)
        cases[f"{rows} random rows of {num_labels} cells"] = (noisy.astype(int).tolist(), labels.astype(int).tolist())
    return cases


def measure_cells(predictions, labels):
    return {
        "multilabel_f1_micro": f1_score(labels, predictions, average="micro"),
        "multilabel_f1_macro": f1_score(labels, predictions, average="macro"),
        "subset_accuracy": accuracy_score(labels, predictions),
    }


def regression_cases():
    labels = RNG.normal(2.5, 1.5, 200)
    noisy = labels + RNG.normal(0.0, 0.8, 200)
    grades = RNG.integers(0, 6, 150)
    return {
        "a line": ([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0]),
        "a falling line": ([4.0, 3.0, 2.0, 1.0], [0.1, 0.2, 0.3, 0.4]),
        "two rows": ([0.3, 0.1], [1.0, 2.0]),
        "monotone but curved": ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 8.0, 27.0, 64.0, 125.0]),
        "ties in the labels": ([0.1, 0.9, 0.4, 0.3, 0.7], [1.0, 3.0, 2.0, 1.0, 3.0]),
        "ties on both sides": ([1.0, 1.0, 2.0, 2.0, 3.0, 1.0], [2.0, 2.0, 2.0, 5.0, 5.0, 1.0]),
        "zeros of both signs tie": ([0.0, -0.0, 1.0, -1.0], [1.0, 2.0, 3.0, 0.0]),
        "constant predictions": ([2.5, 2.5, 2.5], [1.0, 2.0, 3.0]),
        "constant labels": ([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]),
        "both constant": ([1.0, 1.0], [1.0, 1.0]),
        "offset far from zero": ([1e6 + 0.1, 1e6 + 0.4, 1e6 + 0.2], [1e6, 1e6 + 0.5, 1e6 + 0.3]),
        "huge": ([-5e200, 5e200, 3e190, -3e190], [1.0, 2.0, 3.0, -4.0]),
        "uncorrelated": ([1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]),
        "200 noisy rows": (noisy.tolist(), labels.tolist()),
        "150 graded rows": (numpy.round(grades + RNG.normal(0, 1, 150), 1).tolist(), grades.astype(float).tolist()),
    }


def measure_values(predictions, labels):
    expected = {
        "pearson": scipy.stats.pearsonr(predictions, labels).statistic,
        "spearman": scipy.stats.spearmanr(predictions, labels).statistic,
    }
    error = mean_squared_error(labels, predictions)
    return expected | ({"mse": error} if math.isfinite(error) else {})


def described(name, predictions, labels, measure):
    expected = {metric: None if math.isnan(value) else float(value) for metric, value in measure(predictions, labels).items()}
    case = {"name": name, "predictions": predictions, "labels": labels, "expected": expected}
    if isinstance(labels[0], list):
        case |= {"num_labels": len(labels[0]), "predictions": sum(predictions, []), "labels": sum(labels, [])}
    return case


def main():
    warnings.simplefilter("ignore")
    groups = ((class_cases(), measure_classes), (multilabel_cases(), measure_cells), (regression_cases(), measure_values))
    cases = [described(name, *pair, measure) for group, measure in groups for name, pair in group.items()]
    versions = {module.__name__: module.__version__ for module in (sklearn, scipy, numpy)}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    text = f'{{\n"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n]\n}}\n'
    Path(__file__).with_suffix(".json").write_text(text)


if __name__ == "__main__":
    main()
