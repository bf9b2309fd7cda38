"""What holding the curves to one direction costs, and which turns of the data it irons out: for the model card."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from model.training.additive import DIRECTIONS, Setting, fit, knots_of, points_of
from model.training.cross_validation import Choice, paired_interval
from model.training.metrics import settle, written


def describe_directions(frame: pd.DataFrame, churned: np.ndarray, choice: Choice) -> dict[str, Any]:
    """Return the model without directions beside the one with them, on the same folds and at the same setting.

    A turn is a stretch on which the free curve goes against its direction. It is found again in a refit (on the
    training rows of a fold) if the refit's curve, with its own knots, goes the same way between the stretch's ends.

    Parameters
    ----------
    frame : DataFrame of shape (n_customers, 10)
    churned : ndarray of shape (n_customers,), int

    Returns
    -------
    dict
        free, held: log loss and ROC AUC; difference (held - free) with its interval; curves: for each number its
        direction and the turns: from, to, change in log-odds, customers (share within), refits (of `of`).
    """
    refits = [fit(frame.iloc[train], churned[train], choice.setting, directed=False) for train, _ in choice.folds]
    tests = [test for _, test in choice.folds]
    free = [settle(each.predict_proba(frame.iloc[test])[:, 1]) for each, test in zip(refits, tests, strict=True)]
    losses = [_losses(churned, tests, each) for each in (free, choice.probabilities)]
    difference, margin = paired_interval(losses[1] - losses[0], len(tests[0]) / (len(churned) - len(tests[0])))
    return {
        "free": {"log_loss": written(losses[0].mean()), "roc_auc": _mean_auc(churned, tests, free)},
        "held": {"log_loss": written(losses[1].mean()), "roc_auc": _mean_auc(churned, tests, choice.probabilities)},
        "difference": written(difference),
        "low": written(difference - margin),
        "high": written(difference + margin),
        "curves": _turns(frame, churned, choice.setting, [_curves(each) for each in refits]),
    }


def _turns(
    frame: pd.DataFrame,
    churned: np.ndarray,
    setting: Setting,
    refits: Sequence[dict[str, tuple[list[float], list[float]]]],
) -> list[dict[str, Any]]:
    curves = []
    for name, (knots, points) in _curves(fit(frame, churned, setting, directed=False)).items():
        turns = []
        for first, last in _runs(np.diff(points) * DIRECTIONS[name] < 0.0):
            ends = [knots[first], knots[last]]
            change = points[last] - points[first]
            # np.interp is constant beyond the outer knots, as the model is.
            agree = sum(bool(np.diff(np.interp(ends, *refit[name]))[0] * change > 0.0) for refit in refits)
            turns.append(
                {
                    "from": ends[0],
                    "to": ends[1],
                    "change": written(change),
                    "customers": written(frame[name].between(ends[0], ends[1]).mean()),
                    "refits": agree,
                    "of": len(refits),
                }
            )
        curves.append({"feature": name, "direction": "rises" if DIRECTIONS[name] > 0 else "falls", "turns": turns})
    return curves


def _curves(pipeline: Any) -> dict[str, tuple[list[float], list[float]]]:
    points = points_of(pipeline)
    return {name: (knots_of(pipeline, name), points[name]) for name in DIRECTIONS}


def _runs(against: np.ndarray) -> list[tuple[int, int]]:
    """Return first and last knot of each run of steps that go against the direction."""
    runs: list[tuple[int, int]] = []
    for step in np.flatnonzero(against).tolist():
        if runs and runs[-1][1] == step:
            runs[-1] = (runs[-1][0], step + 1)
        else:
            runs.append((step, step + 1))
    return runs


def _losses(churned: np.ndarray, tests: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([log_loss(churned[test], each) for test, each in zip(tests, probabilities, strict=True)])


def _mean_auc(churned: np.ndarray, tests: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]) -> float:
    return written(
        np.mean([roc_auc_score(churned[test], each) for test, each in zip(tests, probabilities, strict=True)])
    )
