"""Second step of training: data from which nothing honest can be learnt are refused, before any work."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.metrics import roc_auc_score

from model.errors import TrainingError, show
from model.schema import FEATURES, Numeric
from model.training.data import Labelled

LEAST_ROWS: Final = 200
LEAST_OF_A_CLASS: Final = 50
"""Five folds of five folds leave 2 of 50 in an inner test fold; with fewer, a fold may hold none."""

LEAK: Final = 0.95
"""ROC AUC of one feature alone. The best of the public data, tenure, has 0.75; the whole model 0.85."""

_ROWS_A_BIN: Final = 20
_MOST_BINS: Final = 50


def check(data: Labelled, path: Path, trusted: Collection[str] = ()) -> None:
    """Refuse data from which nothing honest can be learnt.

    Parameters
    ----------
    data : Labelled
    path : Path
        Named in what is said.
    trusted : collection of str
        Columns that may have one word in every row, or tell the outcome almost alone.

    Raises
    ------
    TrainingError
        If there are too few rows, or of a class, or a column never varies, or tells the outcome almost alone, or a
        customerID stands twice: its rows could fall on both sides of a fold and make the figures look better than they
        are.
    """
    _check_counts(len(data.labels), sum(data.labels), path)
    churned = np.array(data.labels)
    for feature in FEATURES:
        values: list[Any] = [customer[feature.name] for customer in data.customers]
        if isinstance(feature, Numeric):
            if len(set(values)) == 1:
                raise TrainingError(
                    f"{feature.name} is the same in every row of {path}; there is nothing to learn from it."
                )
        elif len(set(values)) == 1 and feature.name not in trusted:
            raise TrainingError(
                f"{feature.name} is {show(values[0])} in every row of {path}; there is nothing to learn from it. If "
                f"that is so for all your customers, say --trust {feature.name}: the model will then not look at it."
            )
        alone = _auc_alone(values, churned, isinstance(feature, Numeric))
        if alone >= LEAK and feature.name not in trusted:
            raise TrainingError(
                f"{feature.name} alone tells who churned in {path}: ROC AUC {alone:.4f}, where {LEAK} is the most a "
                "feature may have. Such a column was mostly written after the customer had left, and will not be so "
                f"for those who are to be scored. Take its values from before; if they are, say --trust {feature.name}."
            )
    _check_ids(data.ids, path)


def _check_counts(rows: int, churners: int, path: Path) -> None:
    if rows and churners in {0, rows}:
        kind = "churned" if churners else "stayed"
        raise TrainingError(f"All {rows:,} customers of {path} {kind}; a model needs both kinds.")
    if rows < LEAST_ROWS or min(churners, rows - churners) < LEAST_OF_A_CLASS:
        raise TrainingError(
            f"{path} has {rows:,} rows, {churners:,} of them churners. Training needs at least {LEAST_ROWS} rows, with "
            f"at least {LEAST_OF_A_CLASS} who churned and {LEAST_OF_A_CLASS} who stayed: it is measured on five folds, "
            "within each of which five others choose the setting."
        )


def _auc_alone(values: Sequence[Any], churned: np.ndarray, is_number: bool) -> float:
    """Return how well a feature ranks the churners by itself: by the churn rate of its words or of bins of its numbers.

    A number is also taken as it is, rising and falling, since a bin may hold the border between the two kinds.
    """
    if not is_number:
        _, groups = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        return _auc_of(groups, churned)
    numbers = np.asarray(values, dtype=np.float64)
    bins = max(2, min(_MOST_BINS, len(numbers) // _ROWS_A_BIN))
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1]))
    straight = float(roc_auc_score(churned, numbers))
    return max(straight, 1 - straight, _auc_of(np.searchsorted(edges, numbers, side="right"), churned))


def _auc_of(groups: np.ndarray, churned: np.ndarray) -> float:
    rates = np.bincount(groups, weights=churned) / np.maximum(np.bincount(groups), 1)
    return float(roc_auc_score(churned, rates[groups]))


def _check_ids(ids: Sequence[str], path: Path) -> None:
    first: dict[str, int] = {}
    for row, who in enumerate(ids, start=1):
        if who and first.setdefault(who, row) != row:
            raise TrainingError(
                f"customerID {show(who)} stands in row {first[who]} and again in row {row} of {path}. A customer may "
                "stand in training data once, or the test folds would know the training folds."
            )
