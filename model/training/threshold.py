"""The threshold behind "churn": the least expected cost out of fold, contacts and saves at stated prices.

A contact (a call and an offer) is taken to cost one monthly bill. It keeps a leaving customer for a further year with a
chance of one in four, so reaching a churner saves three bills on average, and contacting a customer who would have
stayed anyway costs one. A company with other figures sets CHURN_THRESHOLD to its own cost : saved value.
"""

from typing import Any, Final

import numpy as np

from model.training.metrics import settle, written

CONTACT_COST: Final = 1.0
SAVED_VALUE: Final = 3.0
"""Both in monthly bills."""

HIGHEST: Final = 0.5
STEPS: Final = 50


def expected_cost(churned: np.ndarray, probability: np.ndarray, threshold: float) -> float:
    """Return the mean cost of a customer, in monthly bills: contacts made, and value lost with churners not contacted.

    Parameters
    ----------
    churned : ndarray of shape (n_customers,), int
    probability : ndarray of shape (n_customers,), float64
    """
    contacted = settle(probability) >= threshold
    missed = int(churned[~contacted].sum())
    return (CONTACT_COST * int(contacted.sum()) + SAVED_VALUE * missed) / len(churned)


def choose_threshold(outcomes: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Return the threshold of least mean cost among 0.01, 0.02, ... 0.50, and what else is worth knowing of it.

    For calibrated probabilities the best threshold is contact cost : saved value [1]_, here 1/3. It stands beside the
    one found.

    Parameters
    ----------
    outcomes : list of (churned, probability)
        One a repeat, out of fold. Of thresholds with equal cost the higher, which contacts fewer, is taken.

    References
    ----------
    .. [1] Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001, section 1, equation 2.
    """
    steps = [round(step * HIGHEST / STEPS, 2) for step in range(1, STEPS + 1)]
    costs = {step: float(np.mean([expected_cost(*each, step) for each in outcomes])) for step in steps}
    best = min(reversed(steps), key=lambda step: round(costs[step], 12))
    theoretical = CONTACT_COST / SAVED_VALUE
    churned = np.concatenate([each[0] for each in outcomes])
    contacted = settle(np.concatenate([each[1] for each in outcomes])) >= best
    base = float(churned.mean())
    return {
        "threshold": best,
        "criterion": "least mean expected cost out of fold, in steps of 0.01 up to 0.50",
        "contact_cost": CONTACT_COST,
        "saved_value": SAVED_VALUE,
        "unit": "monthly bills",
        "theoretical": written(theoretical),
        "cost": written(costs[best]),
        "cost_at_theoretical": written(np.mean([expected_cost(*each, theoretical) for each in outcomes])),
        "cost_at_half": written(costs[HIGHEST]),
        "cost_contact_nobody": written(SAVED_VALUE * base),
        "cost_contact_all": written(CONTACT_COST),
        "contacted": written(contacted.mean()),
        "precision": written(churned[contacted].mean()) if contacted.any() else None,
        "recall": written(churned[contacted].sum() / churned.sum()),
    }
