"""Predictions compared with what happened, for `churn backtest`. Probabilities and labels to figures; numpy only.

References
----------
DeLong, DeLong and Clarke-Pearson, Comparing the Areas under Two or More Correlated ROC Curves, Biometrics 44, 1988, for
the interval of the AUC; E. B. Wilson, Probable Inference, JASA 22, 1927, for those of rates.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.outputs import TIER, VALUE_AT_RISK
from model.schema import TIERS
from model.text import default_label

Z: Final = 1.959964
"""Of a 95 % interval."""

DECILES: Final = 10
DECIMALS: Final = 4

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def measure(churned: Labels, probability: Floats, labelled: NDArray[np.bool_]) -> dict[str, Any]:
    """Return how well the probabilities ranked, and whether they were right.

    Parameters
    ----------
    churned : ndarray of shape (n_customers,), int64
        1 for a customer who left, else 0.
    probability : ndarray of shape (n_customers,), float64
    labelled : ndarray of shape (n_customers,), bool
        Who was predicted to churn.

    Returns
    -------
    dict
        Figures with their 95 % interval (`low`, `high`); those that need both kinds of customers are None without.
    """
    count, churners = len(churned), int(churned.sum())
    errors = (probability - churned) ** 2
    caught = int(churned[labelled].sum())
    gap = float(probability.mean() - churned.mean())
    spread = math.sqrt(float((probability * (1 - probability)).sum())) / count
    return {
        "customers": count,
        "churners": churners,
        "churn_rate": rate(churners, count),
        "mean_probability": _written(probability.mean()),
        "expected_churners": round(float(probability.sum()), 2),
        "calibration_gap": _interval(gap, gap, Z * spread),
        "ece": _written(calibration_error(churned, probability)),
        "roc_auc": auc(churned, probability),
        "brier": _interval(float(errors.mean()), float(errors.mean()), Z * _standard_error(errors)),
        "labelled_churn": int(labelled.sum()),
        "precision": rate(caught, int(labelled.sum())),
        "recall": rate(caught, churners),
    }


def deciles(churned: Labels, probability: Floats) -> list[dict[str, Any]]:
    """Return tenths of the customers, those most at risk first: expected leavers, leavers, and the lift.

    Customers with equal probabilities stay in the order of the file.
    """
    order = np.argsort(-probability, kind="stable")
    base = float(churned.mean())
    groups = []
    for number, rows in enumerate(np.array_split(order, DECILES), start=1):
        if len(rows):
            groups.append({"decile": number, **_group(churned[rows], probability[rows], base)})
    return groups


def tiers(churned: Labels, probability: Floats, names: NDArray[Any]) -> list[dict[str, Any]]:
    """Return the same for the tiers, of the predictions."""
    base = float(churned.mean())
    return [
        {TIER.name: tier, **_group(churned[names == tier], probability[names == tier], base)}
        for tier in TIERS
        if (names == tier).any()
    ]


def money(
    churned: Labels, probability: Floats, amounts: Floats, labelled: NDArray[np.bool_], column: str
) -> dict[str, float]:
    """Return what was at risk, what was lost, and how much of that was lost with customers labelled churn.

    Parameters
    ----------
    amounts : ndarray of shape (n_customers,), float64
        Of the column of money.
    column : str
        Its name; that of the sum is made of it.
    """
    lost = amounts * churned
    return {
        default_label(column).lower().replace(" ", "_"): round(float(amounts.sum()), 2),
        VALUE_AT_RISK.name: round(float((amounts * probability).sum()), 2),
        "value_lost": round(float(lost.sum()), 2),
        "value_lost_labelled_churn": round(float(lost[labelled].sum()), 2),
    }


def auc(churned: Labels, probability: Floats) -> dict[str, float] | None:
    """Return the area under the ROC curve, ties counted by half."""
    left, stayed = probability[churned == 1], probability[churned == 0]
    if not len(left) or not len(stayed):
        return None
    above = _below(stayed, left)  # of each churner: the share of stayers that are ranked below
    below = 1.0 - _below(left, stayed)
    area = float(above.mean())
    return _interval(area, area, Z * math.hypot(_standard_error(above), _standard_error(below)))


def calibration_error(churned: Labels, probability: Floats) -> float:
    """Return the mean over customers of |churn rate - mean probability| of their bin, ten bins of equal width."""
    bins = np.minimum((probability * DECILES).astype(np.int64), DECILES - 1)
    gaps = np.bincount(bins, weights=churned - probability, minlength=DECILES)
    return float(np.abs(gaps).sum() / len(churned))


def rate(some: int, many: int) -> dict[str, float] | None:
    """Return a share of counts; None where there is nothing to share."""
    if not many:
        return None
    share, extra = some / many, Z * Z / many
    middle = (share + extra / 2) / (1 + extra)
    margin = Z * math.sqrt(share * (1 - share) / many + extra / (4 * many)) / (1 + extra)
    return _interval(share, middle, margin)


def _group(churned: Labels, probability: Floats, base: float) -> dict[str, Any]:
    churners, count = int(churned.sum()), len(churned)
    return {
        "customers": count,
        "expected_churners": round(float(probability.sum()), 2),
        "churners": churners,
        "mean_probability": _written(probability.mean()),
        "churn_rate": rate(churners, count),
        "lift": _written(churners / count / base) if base else None,
    }


def _below(others: Floats, values: Floats) -> Floats:
    ordered = np.sort(others)
    left, right = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    shares: Floats = (left + right) / (2.0 * len(others))
    return shares


def _standard_error(values: Floats) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def _interval(value: float, middle: float, margin: float) -> dict[str, float]:
    return {"value": _written(value), "low": _written(middle - margin), "high": _written(middle + margin)}


def _written(figure: float) -> float:
    return round(float(figure), DECIMALS) + 0.0
