"""What holding curves to their directions costs, and where the data would turn against them: for the model card."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from model.schema import Numeric, Schema
from model.training import spline
from model.training.cross_validation import Fold, Selection, log_losses, paired_interval, size_ratio
from model.training.metrics import Floats, Ints, round_probabilities, rounded
from model.training.spline import SIGNS, Setting, knots_of, numbers_of, points_of

Curve = tuple[list[float], list[float]]
"""Knots and points."""

Fit = Callable[[Schema, pd.DataFrame, Ints, Any], Pipeline]

FREE: Final = "free"


def describe_directions(
    schema: Schema, X: pd.DataFrame, y: Ints, selection: Selection, fit: Fit = spline.fit
) -> dict[str, Any]:
    """Return the model without directions compared with the one with them, on the same folds at the same setting.

    A turn is a stretch on which the free curve goes against its direction. A refit (on the training rows of a fold)
    confirms it if the refit's curve, with its own knots, goes the same way between the ends of the stretch.

    Parameters
    ----------
    schema : Schema
    X : DataFrame of shape (n_customers, n_features)
    y : ndarray of shape (n_customers,), int
    fit : callable (schema, X, y, setting) -> Pipeline
        Of the recipe.

    Returns
    -------
    dict
        Empty where no number has a direction. Else `directions`: free, held: log loss and ROC AUC; difference (log
        loss held - free) with its interval; roc_auc: difference (ROC AUC held - free) with its interval; curves: for
        each number with a direction that, `cost` (where the directions together cost something beyond chance: what
        this one alone does, or None) and, of the recipe spline, the turns: from, to, change in log-odds, customers
        (share within), refits (of `of`).
    """
    directed = [feature for feature in numbers_of(schema) if feature.direction in SIGNS]
    if not directed:
        return {}
    folds, held = selection.folds, selection.probabilities
    free_schema = without_directions(schema, [feature.name for feature in directed])
    refits = [fit(free_schema, X.iloc[train], y[train], selection.setting) for train, _ in folds]
    free = _predict(refits, X, folds)
    cost = _cost(y, folds, held, free)
    curves: list[dict[str, Any]] = [{"feature": feature.name, "direction": feature.direction} for feature in directed]
    if fit is spline.fit:
        curves = _turns(free_schema, directed, X, y, selection.setting, refits)
    for curve in curves:
        curve["cost"] = None
        if is_costly(cost) and len(directed) == 1:
            curve["cost"] = cost
        elif is_costly(cost):
            alone = without_directions(schema, [curve["feature"]])
            models = [fit(alone, X.iloc[train], y[train], selection.setting) for train, _ in folds]
            own = _cost(y, folds, held, _predict(models, X, folds))
            curve["cost"] = own if is_costly(own) else None
    return {
        "directions": {
            "free": _means(y, folds, free),
            "held": _means(y, folds, held),
            **cost,
            "curves": curves,
        }
    }


def warnings_of(metrics: dict[str, Any]) -> list[str]:
    """Return what `describe_directions` found to cost accuracy beyond chance, as sentences."""
    directions = metrics.get("directions")
    if directions is None or not is_costly(directions):
        return []
    costly = [curve for curve in directions["curves"] if curve["cost"]]
    named = ", ".join(f"{curve['feature']} ({curve['direction']})" for curve in costly or directions["curves"])
    held, free = directions["held"], directions["free"]
    sentence = (
        f"The direction of {named} costs accuracy beyond chance: log loss {held['log_loss']:.4f}, and "
        f"{free['log_loss']:.4f} with the curves free; ROC AUC {held['roc_auc']:.4f} and {free['roc_auc']:.4f}. Write "
        f'direction = "{FREE}" unless the direction is known to be right.'
    )
    return [sentence]


def is_costly(cost: dict[str, Any]) -> bool:
    """Return whether log loss or ROC AUC is worse beyond chance; costs of earlier versions have no ROC AUC."""
    return bool(cost["low"] > 0.0 or ("roc_auc" in cost and cost["roc_auc"]["high"] < 0.0))


def without_directions(schema: Schema, names: Sequence[str]) -> Schema:
    """Return the schema with some numbers free."""
    features = tuple(
        replace(feature, direction=FREE) if isinstance(feature, Numeric) and feature.name in names else feature
        for feature in schema.features
    )
    return replace(schema, features=features)


def _predict(models: Sequence[Pipeline], X: pd.DataFrame, folds: Sequence[Fold]) -> list[Floats]:
    return [
        round_probabilities(model.predict_proba(X.iloc[test])[:, 1])
        for model, (_, test) in zip(models, folds, strict=True)
    ]


def _cost(y: Ints, folds: Sequence[Fold], held: Sequence[Floats], free: Sequence[Floats]) -> dict[str, Any]:
    """Return what `held` costs compared with `free`: in log loss (more is worse) and in ROC AUC (less is worse)."""
    losses = log_losses(y, folds, held) - log_losses(y, folds, free)
    areas = _areas(y, folds, held) - _areas(y, folds, free)
    return {**_interval(losses, folds), "roc_auc": _interval(areas, folds)}


def _interval(differences: Floats, folds: Sequence[Fold]) -> dict[str, float]:
    difference, margin = paired_interval(differences, size_ratio(folds))
    return {
        "difference": rounded(difference),
        "low": rounded(difference - margin),
        "high": rounded(difference + margin),
    }


def _turns(
    schema: Schema,
    directed: Sequence[Numeric],
    X: pd.DataFrame,
    y: Ints,
    setting: Setting,
    refits: Sequence[Pipeline],
) -> list[dict[str, Any]]:
    whole = _curves(schema, directed, spline.fit(schema, X, y, setting))
    parts = [_curves(schema, directed, refit) for refit in refits]
    curves = []
    for feature in directed:
        turns = []
        knots, points = whole[feature.name]
        for first, last in _runs(np.diff(points) * SIGNS[feature.direction] < 0.0):
            ends = [knots[first], knots[last]]
            change = points[last] - points[first]
            # np.interp is constant beyond the outer knots, as the model is.
            confirmed = sum(bool(np.diff(np.interp(ends, *part[feature.name]))[0] * change > 0.0) for part in parts)
            turns.append(
                {
                    "from": ends[0],
                    "to": ends[1],
                    "change": rounded(change),
                    "customers": rounded(X[feature.name].between(ends[0], ends[1]).mean()),
                    "refits": confirmed,
                    "of": len(refits),
                }
            )
        curves.append({"feature": feature.name, "direction": feature.direction, "turns": turns})
    return curves


def _curves(schema: Schema, features: Sequence[Numeric], pipeline: Pipeline) -> dict[str, Curve]:
    points = points_of(schema, pipeline)
    curves = {}
    for feature in features:
        knots = knots_of(schema, pipeline, feature.name)
        # The last point, where there is one more, is that of missing.
        curves[feature.name] = (knots, points[feature.name][: len(knots)])
    return curves


def _runs(against: Any) -> list[tuple[int, int]]:
    """Return first and last knot of each run of steps that go against the direction."""
    runs: list[tuple[int, int]] = []
    for step in np.flatnonzero(against).tolist():
        if runs and runs[-1][1] == step:
            runs[-1] = (runs[-1][0], step + 1)
        else:
            runs.append((step, step + 1))
    return runs


def _areas(y: Ints, folds: Sequence[Fold], probabilities: Sequence[Floats]) -> Floats:
    return np.array([roc_auc_score(y[test], y_prob) for (_, test), y_prob in zip(folds, probabilities, strict=True)])


def _means(y: Ints, folds: Sequence[Fold], probabilities: Sequence[Floats]) -> dict[str, float]:
    return {
        "log_loss": rounded(log_losses(y, folds, probabilities).mean()),
        "roc_auc": rounded(_areas(y, folds, probabilities).mean()),
    }
