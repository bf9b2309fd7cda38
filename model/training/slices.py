"""Figures for parts of the customers: by age group, contract and tenure."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from model.schema import Customer
from model.training.metrics import expected_calibration_error, measure, settle, written
from model.training.population import groups

SLICES: Final = ("SeniorCitizen", "Contract", "tenure")


def slices(
    customers: Sequence[Customer],
    repeats: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    features: Sequence[str] = SLICES,
) -> list[dict[str, Any]]:
    """Return figures for parts of the customers, each the mean over the repeats.

    Parameters
    ----------
    repeats : sequence of (rows, churned, probability), ndarrays of shape (n_customers,)
        Row numbers into `customers`, labels, and probabilities out of fold.
    """
    found = []
    for feature in features:
        for group, holds in groups(feature):
            figures = [_slice(customers, holds, *repeat) for repeat in repeats]
            found.append({"feature": feature, "group": group.get("word", group.get("label")), **mean_of(figures)})
    return found


def mean_of(figures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of each figure over `figures`; None where it is None in any, whole numbers stay whole."""
    means: dict[str, Any] = {}
    for name, first in figures[0].items():
        values = [each[name] for each in figures]
        if None in values:
            means[name] = None
        else:
            means[name] = first if isinstance(first, int) else written(np.mean(values))
    return means


def _slice(
    customers: Sequence[Customer],
    holds: Callable[[Customer], bool],
    rows: np.ndarray,
    churned: np.ndarray,
    probability: np.ndarray,
) -> dict[str, Any]:
    inside = np.array([holds(customers[row]) for row in rows])
    churned, probability = churned[inside], settle(probability[inside])
    known = len(churned) > 0
    both = known and 0 < churned.sum() < len(churned)
    figures = measure(churned, probability) if known else {}
    return {
        "customers": len(churned),
        "churn_rate": written(churned.mean()) if known else None,
        "mean_probability": written(probability.mean()) if known else None,
        "roc_auc": figures.get("roc_auc") if both else None,
        "brier": figures.get("brier"),
        "ece": written(expected_calibration_error(churned, probability)) if known else None,
    }
