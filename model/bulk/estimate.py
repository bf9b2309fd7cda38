"""What a model's figures will be on customers whose outcome is not known yet, for `churn estimate`. numpy only.

If the probabilities are right, each customer counts as a leaver with its probability and as a stayer with the rest, and
the figures follow from sums. Kept are sums by printed probability, so memory does not grow with the rows.

References
----------
NannyML, Confidence-based Performance Estimation (CBPE), 2022; benchmarks/cbpe.py compares the two.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.block import Block
from model.bulk.score import STEPS, to_steps
from model.scorecard import PROBABILITY_DECIMALS

DRAWS: Final = 1000
"""Of outcomes, from which the intervals are taken."""

SEED: Final = 0
CONFIDENCE: Final = 0.95

_AT_ONCE: Final = 50
"""Draws whose counts are in memory together: 8 MB with every probability present."""

Floats = NDArray[np.float64]


class Estimate:
    """The expected figures of customers, added block by block.

    Parameters
    ----------
    threshold : float
        The least probability that is labelled churn.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        # Two groups a step: of those that the threshold separates, the labelled customers rank higher.
        groups = 2 * (STEPS + 1)
        self._customers = np.zeros(groups, np.int64)
        self._leavers = np.zeros(groups)
        self._log_odds = np.zeros(groups)
        self._log_stay = 0.0
        self._squares = 0.0
        self._log_loss = 0.0

    def add(self, block: Block) -> None:
        """Add the good rows of one scored block."""
        probability, log_odds = block.probability[block.good], block.log_odds[block.good]
        groups = 2 * to_steps(probability) + (probability >= self._threshold)
        self._customers += np.bincount(groups, minlength=len(self._customers))
        self._leavers += np.bincount(groups, weights=probability, minlength=len(self._leavers))
        self._log_odds += np.bincount(groups, weights=log_odds, minlength=len(self._log_odds))
        log_stay = np.logaddexp(0.0, log_odds)
        self._log_stay += float(log_stay.sum())
        self._log_loss += float((log_stay - probability * log_odds).sum())
        self._squares += float((probability**2).sum())

    def to_dict(self) -> dict[str, Any]:
        """Return the expected figures.

        Returns
        -------
        dict
            `customers`, `expected_churners` and `labelled_churn` are sums. The other figures have a `value`, and an
            interval (`low`, `high`) in which the figure of the real outcome is in 95 % of cases if the probabilities
            are right; a figure that these customers cannot have is None, and so are the bounds of one that some
            outcomes would not have.
        """
        total = int(self._customers.sum())
        present = np.flatnonzero(self._customers)
        leavers = self._leavers[present]
        counts = {
            "customers": total,
            "expected_churners": round(float(leavers.sum()), 2),
            "labelled_churn": int(self._customers[1::2].sum()),
        }
        # The expected log loss is summed customer by customer; that of a draw needs means of groups.
        expected = {name: float(values[0]) for name, values in self._figures(leavers[np.newaxis], present).items()}
        expected["log_loss"] = self._log_loss / total if total else np.nan
        draws = self._draws(present) if total else dict.fromkeys(expected, np.array([np.nan]))
        return {**counts, **{name: _interval(value, draws[name]) for name, value in expected.items()}}

    def _draws(self, present: NDArray[np.int64]) -> dict[str, Floats]:
        generator = np.random.default_rng(SEED)
        customers = self._customers[present]
        # The mean of probabilities next to 1 may exceed it by rounding.
        means = np.minimum(self._leavers[present] / customers, 1.0)
        parts = []
        for _ in range(DRAWS // _AT_ONCE):
            outcomes = generator.binomial(customers, means, size=(_AT_ONCE, len(present)))
            parts.append(self._figures(outcomes.astype(np.float64), present))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _figures(self, leavers: Floats, present: NDArray[np.int64]) -> dict[str, Floats]:
        """Return each figure of some outcomes, NaN where one has none.

        Parameters
        ----------
        leavers : ndarray of shape (n_outcomes, n_groups), float64
            In each group that has customers, by rising probability.
        """
        customers = self._customers[present].astype(np.float64)
        labelled = present % 2 == 1
        total, positives = customers.sum(), customers[labelled].sum()
        churners = leavers.sum(axis=1)
        stayers = customers - leavers
        caught = leavers[:, labelled].sum(axis=1)
        below = np.cumsum(stayers, axis=1) - stayers / 2.0
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "churn_rate": churners / total,
                "roc_auc": (leavers * below).sum(axis=1) / (churners * (total - churners))
                if total > 1
                else np.full(len(leavers), np.nan),
                "precision": caught / positives,
                "recall": caught / churners,
                "f1": 2.0 * caught / (positives + churners),
                "accuracy": (total - positives - churners + 2.0 * caught) / total,
                "log_loss": (self._log_stay - leavers @ (self._log_odds[present] / customers)) / total,
                "brier": (self._squares + leavers @ (1.0 - 2.0 * self._leavers[present] / customers)) / total,
            }


def _interval(value: float, draws: Floats) -> dict[str, float | None] | None:
    if not np.isfinite(value):
        return None
    tail = (1.0 - CONFIDENCE) / 2.0
    if not np.isfinite(draws).all():
        return {"value": _rounded(value), "low": None, "high": None}
    low, high = np.quantile(draws, (tail, 1.0 - tail)).tolist()
    return {"value": _rounded(value), "low": _rounded(min(low, value)), "high": _rounded(max(high, value))}


def _rounded(figure: float) -> float:
    return round(float(figure), PROBABILITY_DECIMALS) + 0.0
