"""How certain a metric is: its percentile interval over resampled customers, by scipy.stats.bootstrap.

A calibration error is above 0 by chance alone, and that of a draw once more: its interval is corrected for both, see
`intervals`.

A draw is a weight for each customer, so probabilities are sorted once and all metrics of a draw of 7,043 customers cost
0.3 ms; scikit-learn's on the drawn customers cost 9.1 ms (500,000 customers: 34 and 430 ms).
"""

import warnings
from collections.abc import Callable
from typing import Final

import numpy as np
from scipy import stats

from model.training.metrics import BINS, Floats, Ints, bins_of, losses_of, round_probabilities, rounded

DRAWS: Final = 1000
CONFIDENCE: Final = 0.95
BIASED: Final = "ece"


class WeightedMetrics:
    """The metrics of labels and probabilities in which each customer counts as often as it was drawn.

    Parameters
    ----------
    y_true : ndarray of shape (n_customers,), int
    y_prob : ndarray of shape (n_customers,), float64
    threshold : float
        From which a customer is labelled.
    """

    def __init__(self, y_true: Ints, y_prob: Floats, threshold: float) -> None:
        y_prob = round_probabilities(y_prob)
        self._order = np.argsort(-y_prob, kind="stable")
        self._left = y_true[self._order].astype(np.float64)
        self._probability = y_prob[self._order]
        self._labelled = self._probability >= threshold
        self._loss = losses_of(y_true[self._order], self._probability)
        self._squared_error = (self._probability - self._left) ** 2
        self._bin = bins_of(self._probability)
        # Where each run of equal probabilities ends.
        self._ends = np.append(np.flatnonzero(np.diff(self._probability)), len(y_true) - 1)

    def __call__(self, weights: Ints) -> dict[str, float]:
        """Return the metrics of one draw; NaN where there is none, such as the AUC without churners.

        Parameters
        ----------
        weights : ndarray of shape (n_customers,), int
            How often each customer was drawn.
        """
        counts = weights[self._order].astype(np.float64)
        total = counts.sum()
        left = counts * self._left
        churners, stayers = left.sum(), total - left.sum()
        true_positives = np.cumsum(left)[self._ends]
        positives = np.cumsum(counts)[self._ends]
        with np.errstate(divide="ignore", invalid="ignore"):
            recall = np.append(0.0, true_positives / churners)
            false_positive_rate = np.append(0.0, (positives - true_positives) / stayers)
            precision = np.where(positives > 0, true_positives / positives, 0.0)
            labelled_churners = left[self._labelled].sum()
            gaps = np.bincount(self._bin, weights=left - counts * self._probability, minlength=BINS)
            tenth = np.interp(total / 10, np.append(0.0, positives), np.append(0.0, true_positives))
            return {
                "roc_auc": float(np.trapezoid(recall, false_positive_rate)),
                "pr_auc": float((np.diff(recall) * precision).sum()),
                "log_loss": float((counts * self._loss).sum() / total),
                "brier": float((counts * self._squared_error).sum() / total),
                "ece": float(np.abs(gaps).sum() / total),
                "top_decile_lift": float(tenth / (total / 10) / (churners / total)),
                "precision": float(labelled_churners / counts[self._labelled].sum()),
                "recall": float(labelled_churners / churners),
            }


def intervals(
    statistic: Callable[[Ints], dict[str, float]],
    n_customers: int,
    seed: int,
    draws: int = DRAWS,
    progress: Callable[[float], None] = lambda _: None,
    by_chance: float | None = None,
) -> dict[str, list[float] | None]:
    """Return the 95 % percentile interval of each value of `statistic`; None where some draw has no such value.

    The interval of `BIASED` is corrected by the mean of the draws minus the value: the lower bound twice (the value has
    about the same bias as a draw), the upper one once, since the bias shrinks as the true error grows. Simulated with
    200 samples a cell (true error 0, .022 and .04; 300, 1,400 and 7,000 customers) it covers the truth in 91 to 98 %,
    and holds the value itself always; the percentile interval covered 0 to 93 %, and BCa 0 to 94 %.

    Parameters
    ----------
    statistic : callable (weights) -> dict of float
        `weights` is how often each of `n_customers` customers was drawn.
    by_chance : float, optional
        A value of `BIASED` that perfect probabilities hardly exceed; up to it the interval begins at 0. None for the
        difference of two models.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 10.2 and 13.3.
    """
    if n_customers == 1:  # Every draw is the same, and scipy refuses it.
        only = statistic(np.ones(1, dtype=np.int64))
        return {name: None if np.isnan(value) else [rounded(value)] * 2 for name, value in only.items()}
    names: list[str] = []
    bounds: dict[str, list[float] | None]
    done = 0

    def values_of(rows: Ints) -> Floats:
        nonlocal done
        values = statistic(np.bincount(rows, minlength=n_customers))
        names[:] = values
        done += 1
        progress(min(1.0, done / draws))
        return np.array(list(values.values()))

    with warnings.catch_warnings():
        # A value that no draw changes, or that some draw has not, is no mistake here.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (np.arange(n_customers),),
            values_of,
            n_resamples=draws,
            batch=1,
            vectorized=False,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    bounds = {}
    for index, (name, low, high) in enumerate(zip(names, *result.confidence_interval, strict=True)):
        if np.isnan(low) or np.isnan(high):
            bounds[name] = None
            continue
        if name == BIASED:
            value = statistic(np.ones(n_customers, dtype=np.int64))[name]
            bias = float(result.bootstrap_distribution[index].mean()) - value
            low, high = low - max(bias, 2 * bias), high - min(bias, 2 * bias)
            if by_chance is not None:
                low = 0.0 if value <= by_chance else max(0.0, low)
        bounds[name] = [rounded(low), rounded(high)]
    return bounds
