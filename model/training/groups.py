"""How differently groups of customers are treated: rates of each group, and the gaps between groups, at any threshold.

Groups that churn at different rates cannot have equal label rates, equal error rates and calibrated probabilities all
at once [1]_, so a gap is something to look at, not by itself a fault.

References
----------
.. [1] Kleinberg, Mullainathan and Raghavan, Inherent Trade-Offs in the Fair Determination of Risk Scores, ITCS 2017.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from model.schema import TENURE, Customer
from model.training.metrics import settle, written
from model.training.population import groups

FEATURES: Final = ("SeniorCitizen", "Partner", "Dependents", "Contract", TENURE)

RATES: Final = {
    "label_rate": "labelled churn",
    "true_positive_rate": "found, of those who left",
    "false_positive_rate": "labelled wrongly, of those who stayed",
    "calibration_gap": "mean probability less churn rate",
}

LEAST: Final = 20
"""A rate over fewer customers than this is not compared: one of them would move it by 5 points."""

Rates = dict[str, np.ndarray]


class Groups:
    """Customers in the groups of one feature, made ready for thresholds and draws.

    Attributes
    ----------
    feature : str
    names : list of str
        Of the groups that have customers.
    """

    def __init__(
        self, feature: str, customers: Sequence[Customer], churned: np.ndarray, probability: np.ndarray
    ) -> None:
        tests = groups(feature)
        places = np.array([next(i for i, (_, holds) in enumerate(tests) if holds(each)) for each in customers])
        present, self._member = np.unique(places, return_inverse=True)
        labels = [tests[place][0] for place in present]
        self.feature = feature
        self.names = [str(each.get("word", each.get("label"))) for each in labels]
        self._left, self._probability = churned.astype(np.float64), settle(probability)
        left = self._sum(self._left)
        count = self._sum(np.ones(len(churned)))
        self._enough = {
            "label_rate": count >= LEAST,
            "calibration_gap": count >= LEAST,
            "true_positive_rate": left >= LEAST,
            "false_positive_rate": count - left >= LEAST,
        }

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self._member, weights=values, minlength=len(self.names))

    def rates(self, threshold: float, weights: np.ndarray | None = None) -> Rates:
        """Return each rate of each group; nan where it has too few customers to be compared."""
        weights = np.ones(len(self._member)) if weights is None else weights.astype(np.float64)
        labelled = weights * (self._probability >= threshold)
        count, left = self._sum(weights), self._sum(weights * self._left)
        called, caught = self._sum(labelled), self._sum(labelled * self._left)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {
                "label_rate": called / count,
                "true_positive_rate": caught / left,
                "false_positive_rate": (called - caught) / (count - left),
                "calibration_gap": (self._sum(weights * self._probability) - left) / count,
            }
        return {name: np.where(self._enough[name], rates, np.nan) for name, rates in found.items()}

    def gap(self, name: str, rates: np.ndarray) -> dict[str, Any]:
        """Return the greatest difference of a rate between groups, and between which; None with fewer than two."""
        known = np.flatnonzero(~np.isnan(rates))
        if len(known) < 2:
            return {"feature": self.feature, "rate": name, "gap": None, "highest": None, "lowest": None}
        highest, lowest = (int(known[pick(rates[known])]) for pick in (np.argmax, np.argmin))
        return {
            "feature": self.feature,
            "rate": name,
            "gap": written(rates[highest] - rates[lowest]),
            "highest": self.names[highest],
            "lowest": self.names[lowest],
        }


def spread(rates: np.ndarray) -> float:
    """Return greatest less least of the rates that are known; nan with fewer than two."""
    known = rates[~np.isnan(rates)]
    return float(known.max() - known.min()) if len(known) > 1 else float("nan")
