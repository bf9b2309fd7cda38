"""How sure a figure is: the percentile bootstrap over customers, each drawn as often as chance has it.

A draw is a weight a customer, so probabilities are sorted once and every draw costs a few passes over them: 1,000 draws
of 7,043 customers take 0.6 s.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from model.training.metrics import BINS, settle, written

DRAWS: Final = 1000
CONFIDENCE: Final = 0.95
_CLIP: Final = 1e-15
"""As scikit-learn's log loss."""

Figures = dict[str, float]


class Sample:
    """Labels and probabilities made ready for draws.

    Parameters
    ----------
    churned : ndarray of shape (n_customers,), int
    probability : ndarray of shape (n_customers,), float64
    threshold : float
        From which a customer is labelled.
    """

    def __init__(self, churned: np.ndarray, probability: np.ndarray, threshold: float) -> None:
        probability = settle(probability)
        self.count = len(churned)
        self._order = np.argsort(-probability, kind="stable")
        self._left = churned[self._order].astype(np.float64)
        self._probability = probability[self._order]
        self._labelled = self._probability >= threshold
        clipped = np.clip(self._probability, _CLIP, 1 - _CLIP)
        self._loss = -np.where(self._left == 1, np.log(clipped), np.log1p(-clipped))
        self._square = (self._probability - self._left) ** 2
        self._bin = np.minimum((self._probability * BINS).astype(int), BINS - 1)
        # Where each run of equal probabilities ends.
        self._ends = np.append(np.flatnonzero(np.diff(self._probability)), self.count - 1)

    def figures(self, weights: np.ndarray) -> Figures:
        """Return the figures of one draw; one that cannot be told, such as an AUC without churners, is nan.

        Parameters
        ----------
        weights : ndarray of shape (n_customers,)
            How often each customer was drawn.
        """
        weights = weights[self._order].astype(np.float64)
        total = weights.sum()
        left = weights * self._left
        churners, stayers = left.sum(), total - left.sum()
        found = np.cumsum(left)[self._ends]
        taken = np.cumsum(weights)[self._ends]
        with np.errstate(divide="ignore", invalid="ignore"):
            hits, false = np.append(0.0, found / churners), np.append(0.0, (taken - found) / stayers)
            precision = np.where(taken > 0, found / taken, 0.0)
            called = weights[self._labelled].sum()
            caught = left[self._labelled].sum()
            gaps = np.bincount(self._bin, weights=left - weights * self._probability, minlength=BINS)
            tenth = np.interp(total / 10, np.append(0.0, taken), np.append(0.0, found))
            return {
                "roc_auc": float(np.trapezoid(hits, false)),
                "pr_auc": float((np.diff(hits) * precision).sum()),
                "log_loss": float((weights * self._loss).sum() / total),
                "brier": float((weights * self._square).sum() / total),
                "ece": float(np.abs(gaps).sum() / total),
                "top_decile_lift": float(tenth / (total / 10) / (churners / total)),
                "precision": float(caught / called),
                "recall": float(caught / churners),
            }


def draws(count: int, seed: int, number: int = DRAWS) -> Iterator[np.ndarray]:
    """Yield the weights of each draw: how often each of `count` customers was drawn."""
    generator = np.random.default_rng(seed)
    for _ in range(number):
        yield np.bincount(generator.integers(count, size=count), minlength=count)


def intervals(found: Sequence[Figures]) -> dict[str, list[float] | None]:
    """Return of each figure the 95 % interval over draws; None where some draw could not tell it."""
    return {name: interval(np.array([each[name] for each in found])) for name in found[0]}


def interval(values: np.ndarray) -> list[float] | None:
    """Return the percentile interval of a figure over draws, or None if some draw has none.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    if np.isnan(values).any():
        return None
    tail = (1 - CONFIDENCE) / 2
    return [written(each) for each in np.quantile(values, [tail, 1 - tail])]
