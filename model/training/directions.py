"""What holding each curve to one direction costs, and where the data would turn against it: for the model card."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from model.training.additive import DIRECTIONS, Setting, fit, knots_of, points_of
from model.training.cross_validation import Fold, Selection, log_losses, paired_interval, size_ratio
from model.training.metrics import Floats, Ints, round_probabilities, rounded

Curve = tuple[list[float], list[float]]
"""Knots and points."""


def describe_directions(X: pd.DataFrame, y: Ints, selection: Selection) -> dict[str, Any]:
    """Return the model without directions compared with the one with them, on the same folds at the same setting.

    A turn is a stretch on which the free curve goes against its direction. A refit (on the training rows of a fold)
    confirms it if the refit's curve, with its own knots, goes the same way between the ends of the stretch.

    Parameters
    ----------
    X : DataFrame of shape (n_customers, 10)
    y : ndarray of shape (n_customers,), int

    Returns
    -------
    dict
        free, held: log loss and ROC AUC; difference (held - free) with its interval; curves: for each number its
        direction and the turns: from, to, change in log-odds, customers (share within), refits (of `of`).
    """
    folds, held = selection.folds, selection.probabilities
    refits = [fit(X.iloc[train], y[train], selection.setting, directed=False) for train, _ in folds]
    free = [
        round_probabilities(refit.predict_proba(X.iloc[test])[:, 1])
        for refit, (_, test) in zip(refits, folds, strict=True)
    ]
    free_losses, held_losses = log_losses(y, folds, free), log_losses(y, folds, held)
    difference, margin = paired_interval(held_losses - free_losses, size_ratio(folds))
    return {
        "free": {"log_loss": rounded(free_losses.mean()), "roc_auc": _mean_auc(y, folds, free)},
        "held": {"log_loss": rounded(held_losses.mean()), "roc_auc": _mean_auc(y, folds, held)},
        "difference": rounded(difference),
        "low": rounded(difference - margin),
        "high": rounded(difference + margin),
        "curves": _turns(X, y, selection.setting, [_curves(refit) for refit in refits]),
    }


def _turns(X: pd.DataFrame, y: Ints, setting: Setting, refits: Sequence[dict[str, Curve]]) -> list[dict[str, Any]]:
    curves = []
    for name, (knots, points) in _curves(fit(X, y, setting, directed=False)).items():
        turns = []
        for first, last in _runs(np.diff(points) * DIRECTIONS[name] < 0.0):
            ends = [knots[first], knots[last]]
            change = points[last] - points[first]
            # np.interp is constant beyond the outer knots, as the model is.
            confirmed = sum(bool(np.diff(np.interp(ends, *refit[name]))[0] * change > 0.0) for refit in refits)
            turns.append(
                {
                    "from": ends[0],
                    "to": ends[1],
                    "change": rounded(change),
                    "customers": rounded(X[name].between(ends[0], ends[1]).mean()),
                    "refits": confirmed,
                    "of": len(refits),
                }
            )
        curves.append({"feature": name, "direction": "rises" if DIRECTIONS[name] > 0 else "falls", "turns": turns})
    return curves


def _curves(pipeline: Pipeline) -> dict[str, Curve]:
    points = points_of(pipeline)
    return {name: (knots_of(pipeline, name), points[name]) for name in DIRECTIONS}


def _runs(against: Any) -> list[tuple[int, int]]:
    """Return first and last knot of each run of steps that go against the direction."""
    runs: list[tuple[int, int]] = []
    for step in np.flatnonzero(against).tolist():
        if runs and runs[-1][1] == step:
            runs[-1] = (runs[-1][0], step + 1)
        else:
            runs.append((step, step + 1))
    return runs


def _mean_auc(y: Ints, folds: Sequence[Fold], probabilities: Sequence[Floats]) -> float:
    areas = [roc_auc_score(y[test], y_prob) for (_, test), y_prob in zip(folds, probabilities, strict=True)]
    return rounded(np.mean(areas))
