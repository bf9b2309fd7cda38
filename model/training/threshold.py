"""The threshold of the label "churn": the least expected cost out of fold, for a given cost and value of a contact.

A contact (a call and an offer) is assumed to cost one monthly bill. It keeps a leaving customer for a further year with
a probability of one in four, so contacting a churner saves three bills on average, and contacting a customer who would
have stayed anyway costs one. A company with other costs sets CHURN_THRESHOLD to its own ratio of cost to saved value.
"""

from typing import Any, Final

import numpy as np

from model.training.metrics import Floats, Ints, round_probabilities, rounded

CONTACT_COST: Final = 1.0
SAVED_VALUE: Final = 3.0
"""Both in monthly bills."""

HIGHEST: Final = 0.5
STEPS: Final = 50


def expected_cost(y_true: Ints, y_prob: Floats, threshold: float) -> float:
    """Return the mean cost of a customer, in monthly bills: contacts, and value lost with churners not contacted.

    Parameters
    ----------
    y_true : ndarray of shape (n_customers,), int
    y_prob : ndarray of shape (n_customers,), float64
    """
    contacted = round_probabilities(y_prob) >= threshold
    missed = int(y_true[~contacted].sum())
    return (CONTACT_COST * int(contacted.sum()) + SAVED_VALUE * missed) / len(y_true)


def choose_threshold(outcomes: list[tuple[Ints, Floats]]) -> dict[str, Any]:
    """Return the threshold of least mean cost among 0.01, 0.02, ... 0.50, and its costs, precision and recall.

    For calibrated probabilities the best threshold is contact cost : saved value [1]_, here 1/3; it is returned too.

    Parameters
    ----------
    outcomes : list of (y_true, y_prob)
        One a repeat, out of fold. Of thresholds with equal cost the higher, which contacts fewer, is chosen.

    References
    ----------
    .. [1] Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001, section 1, equation 2.
    """
    steps = [round(step * HIGHEST / STEPS, 2) for step in range(1, STEPS + 1)]
    costs = {step: _mean_cost(outcomes, step) for step in steps}
    best = min(reversed(steps), key=lambda step: round(costs[step], 12))
    theoretical = CONTACT_COST / SAVED_VALUE
    y_true = np.concatenate([labels for labels, _ in outcomes])
    contacted = round_probabilities(np.concatenate([y_prob for _, y_prob in outcomes])) >= best
    return {
        "threshold": best,
        "criterion": "least mean expected cost out of fold, in steps of 0.01 up to 0.50",
        "contact_cost": CONTACT_COST,
        "saved_value": SAVED_VALUE,
        "unit": "monthly bills",
        "theoretical": rounded(theoretical),
        "cost": rounded(costs[best]),
        "cost_at_theoretical": rounded(_mean_cost(outcomes, theoretical)),
        "cost_at_half": rounded(costs[HIGHEST]),
        "cost_contact_nobody": rounded(SAVED_VALUE * float(y_true.mean())),
        "cost_contact_all": rounded(CONTACT_COST),
        "contacted": rounded(contacted.mean()),
        "precision": rounded(y_true[contacted].mean()) if contacted.any() else None,
        "recall": rounded(y_true[contacted].sum() / y_true.sum()),
    }


def _mean_cost(outcomes: list[tuple[Ints, Floats]], threshold: float) -> float:
    return float(np.mean([expected_cost(y_true, y_prob, threshold) for y_true, y_prob in outcomes]))
