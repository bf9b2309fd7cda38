"""Second step of training: data that no honest model can be trained on is refused, before any work."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.metrics import roc_auc_score

from model.errors import TrainingError, show
from model.schema import FEATURES, Numeric
from model.training.data import LabelledData
from model.training.metrics import Ints

MIN_ROWS: Final = 200
MIN_PER_CLASS: Final = 50
"""Five folds of five folds leave 2 of 50 in an inner test fold; with fewer, a fold may hold none."""

LEAK_AUC: Final = 0.95
"""ROC AUC of one feature alone. The best of the public data, tenure, has 0.75; the whole model 0.85."""

_ROWS_PER_BIN: Final = 20
_MAX_BINS: Final = 50


def check(data: LabelledData, path: Path, trusted: Collection[str] = ()) -> None:
    """Refuse data that no honest model can be trained on.

    Parameters
    ----------
    data : LabelledData
    path : Path
        Named in the message.
    trusted : collection of str
        Columns that may have one word in every row, or predict the outcome almost alone.

    Raises
    ------
    TrainingError
        If there are too few rows, or of a class, or a column never varies, or predicts the outcome almost alone, or a
        customerID appears twice: its rows could be in both parts of a fold and make the metrics look better than they
        are.
    """
    _check_counts(len(data.labels), sum(data.labels), path)
    y = np.array(data.labels)
    for feature in FEATURES:
        values: list[Any] = [customer[feature.name] for customer in data.customers]
        if isinstance(feature, Numeric):
            if len(set(values)) == 1:
                raise TrainingError(
                    f"{feature.name} is the same in every row of {path}; a model cannot be trained on it."
                )
        elif len(set(values)) == 1 and feature.name not in trusted:
            raise TrainingError(
                f"{feature.name} is {show(values[0])} in every row of {path}; a model cannot be trained on it. If "
                f"that is so for all your customers, pass --trust {feature.name}: the model will then not use it."
            )
        alone = _auc_alone(values, y, isinstance(feature, Numeric))
        if alone >= LEAK_AUC and feature.name not in trusted:
            raise TrainingError(
                f"{feature.name} alone predicts who churned in {path}: ROC AUC {alone:.4f}, where {LEAK_AUC} is "
                "the most a feature may have. Such a column was probably written after the customer left, and will not "
                "be for the customers to be scored. Use its values from before; if they are from before, pass "
                f"--trust {feature.name}."
            )
    _check_ids(data.ids, path)


def _check_counts(rows: int, churners: int, path: Path) -> None:
    if rows and churners in {0, rows}:
        kind = "churned" if churners else "stayed"
        raise TrainingError(f"All {rows:,} customers of {path} {kind}; a model needs both kinds.")
    if rows < MIN_ROWS or min(churners, rows - churners) < MIN_PER_CLASS:
        raise TrainingError(
            f"{path} has {rows:,} rows, {churners:,} of them churners. Training needs at least {MIN_ROWS} rows, with "
            f"at least {MIN_PER_CLASS} who churned and {MIN_PER_CLASS} who stayed: it is measured on five folds, "
            "and within each of them five others select the setting."
        )


def _auc_alone(values: Sequence[Any], y: Ints, is_number: bool) -> float:
    """Return the ROC AUC of one feature: of the churn rates of its words, or of bins of its numbers.

    A number is also used as it is, rising and falling, since a bin may hold the border between the two classes.
    """
    if not is_number:
        _, groups = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        return _auc_of_rates(groups, y)
    numbers = np.asarray(values, dtype=np.float64)
    bins = max(2, min(_MAX_BINS, len(numbers) // _ROWS_PER_BIN))
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1]))
    unbinned = float(roc_auc_score(y, numbers))
    return max(unbinned, 1 - unbinned, _auc_of_rates(np.searchsorted(edges, numbers, side="right"), y))


def _auc_of_rates(groups: Ints, y: Ints) -> float:
    rates = np.bincount(groups, weights=y) / np.maximum(np.bincount(groups), 1)
    return float(roc_auc_score(y, rates[groups]))


def _check_ids(ids: Sequence[str], path: Path) -> None:
    first: dict[str, int] = {}
    for row, customer_id in enumerate(ids, start=1):
        if customer_id and first.setdefault(customer_id, row) != row:
            raise TrainingError(
                f"customerID {show(customer_id)} is in row {first[customer_id]} and again in row {row} of {path}. A "
                "customer may be in training data once, or test folds would hold customers of the training folds."
            )
