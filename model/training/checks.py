"""Second step of training: data that no honest model can be trained on is refused, before any work."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.metrics import roc_auc_score

from model.bulk.block import to_values
from model.errors import TrainingError, show
from model.schema import Feature, Numeric
from model.training.data import LabelledData
from model.training.leaks import LEAK_AUC, MIN_PER_CLASS, MIN_ROWS, is_too_few
from model.training.metrics import Floats, Ints

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
        If there are too few rows, or of a class, or a column never varies, or predicts the outcome almost alone, or an
        id appears twice: its rows could be in both parts of a fold and make the metrics look better than they are.
    """
    _check_counts(data.rows, data.churners, path)
    for feature in data.schema.features:
        column = data.columns[feature.name]
        _check_varies(feature, column, path, trusted)
        alone = auc_alone(column, data.labels, isinstance(feature, Numeric))
        if alone >= LEAK_AUC and feature.name not in trusted:
            raise TrainingError(
                f"{feature.name} alone predicts who churned in {path}: ROC AUC {alone:.4f}, where {LEAK_AUC} is "
                "the most a feature may have. Such a column was probably written after the customer left, and will not "
                "be for the customers to be scored. Use its values from before; if they are from before, pass "
                f"--trust {feature.name}."
            )
    _check_ids(data, path)


def _check_varies(feature: Feature, column: Floats, path: Path, trusted: Collection[str]) -> None:
    if isinstance(feature, Numeric):
        known = column[~np.isnan(column)]
        if not len(known) or (known == known[0]).all():
            state = "the same in every row" if len(known) == len(column) else "nowhere two different numbers"
            raise TrainingError(f"{feature.name} is {state} of {path}; a model cannot be trained on it.")
    elif (column == column[0]).all() and feature.name not in trusted:
        (value,) = to_values(feature, column[:1])
        word = "blank" if value is None else show(value)
        raise TrainingError(
            f"{feature.name} is {word} in every row of {path}; a model cannot be trained on it. If "
            f"that is so for all your customers, pass --trust {feature.name}: the model will then not use it."
        )


def _check_counts(rows: int, churners: int, path: Path) -> None:
    if rows and churners in {0, rows}:
        kind = "churned" if churners else "stayed"
        raise TrainingError(f"All {rows:,} customers of {path} {kind}; a model needs both kinds.")
    if is_too_few(rows, churners):
        raise TrainingError(
            f"{path} has {rows:,} rows, {churners:,} of them churners. Training needs at least {MIN_ROWS} rows, with "
            f"at least {MIN_PER_CLASS} who churned and {MIN_PER_CLASS} who stayed: it is measured on five folds, "
            "and within each of them five others select the setting."
        )


def auc_alone(column: Floats, y: Ints, is_number: bool) -> float:
    """Return the ROC AUC of one feature: of the churn rates of its words, or of bins of its numbers.

    A number is also used as it is, rising and falling, since a bin may hold the border between the two classes. What is
    missing is a word, or a bin, of its own.

    Parameters
    ----------
    column : ndarray of shape (n_customers,)
        As in `LabelledData`.
    y : ndarray of shape (n_customers,), int
    """
    if not is_number:
        return _auc_of_rates(np.unique(column, return_inverse=True)[1], y)
    is_known = ~np.isnan(column)
    known = column[is_known]
    bins = max(2, min(_MAX_BINS, len(known) // _ROWS_PER_BIN))
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    groups = np.searchsorted(edges, column, side="right") + 1
    groups[~is_known] = 0
    unbinned = float(roc_auc_score(y, np.where(is_known, column, known.min() - 1.0)))
    return max(unbinned, 1 - unbinned, _auc_of_rates(groups, y))


def _auc_of_rates(groups: Ints, y: Ints) -> float:
    count = int(groups.max()) + 1
    if count * _ROWS_PER_BIN <= len(y):
        rates = np.bincount(groups, weights=y) / np.maximum(np.bincount(groups), 1)
        return float(roc_auc_score(y, rates[groups]))
    # The rate of a few customers is nearly their own outcome: each half is given the rates of the other.
    scores = np.empty(len(y))
    half = np.random.default_rng(0).permutation(len(y)) % 2 == 0
    for own in (half, ~half):
        totals = np.bincount(groups[~own], minlength=count)
        left = np.bincount(groups[~own], weights=y[~own], minlength=count)
        scores[own] = ((left + y.mean()) / (totals + 1.0))[groups[own]]
    return float(roc_auc_score(y, scores))


def _check_ids(data: LabelledData, path: Path) -> None:
    first: dict[str, int] = {}
    for row, customer_id in enumerate(data.ids, start=1):
        if customer_id and first.setdefault(customer_id, row) != row:
            raise TrainingError(
                f"{data.schema.id_label} {show(customer_id)} is in row {first[customer_id]} and again in row {row} of "
                f"{path}. A customer may be in training data once, or test folds would hold customers of the training "
                "folds."
            )
