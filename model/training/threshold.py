"""The threshold of the label "churn": the least expected cost out of fold, for a given cost and value of a contact.

A contact (a call and an offer) that reaches a customer who is leaving is assumed to save three times its cost on
average: one in four stays, and brings in twelve times the cost of a contact. With a customer who would have stayed
anyway its cost is lost. A company with other costs sets CHURN_THRESHOLD to its own ratio of cost to saved value.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from model.schema import TIERS
from model.training.metrics import Floats, Ints, round_probabilities, rounded

CONTACT_COST: Final = 1.0
SAVED_VALUE: Final = 3.0
"""Both in contacts."""

HIGHEST: Final = 0.5
STEPS: Final = 50

HIGH_RATIO: Final = 2.0
"""The tier high begins where customers are twice as likely to leave as the average one, or at 0.5 if that is less."""

FEW_CONTACTS: Final = 0.1
"""Share of the churn rate. A threshold that fewer customers reach labels nearly nobody, whatever the costs."""


LEAST_COST: Final = "least mean expected cost out of fold, in steps of 0.01 up to 0.50"
TIER_HIGH: Final = "where the tier high begins, since nearly nobody reaches the threshold of least expected cost"


def choose_tiers(churn_rate: float) -> dict[str, float]:
    """Return the least probability of each tier: high as `HIGH_RATIO` has it, medium half of that.

    So high means more likely to leave than to stay, or twice as likely as the average customer, whichever is less, and
    medium as likely as the average customer. From a churn rate of 25 % on, and so for the public data, these are 0.5
    and 0.25; where 1 % leave, 0.02 and 0.01.
    """
    high = min(HIGHEST, float(f"{HIGH_RATIO * churn_rate:.1e}"))
    return dict(zip(TIERS, (high, high / 2, 0.0), strict=True))


def expected_cost(y_true: Ints, y_prob: Floats, threshold: float) -> float:
    """Return the mean cost of a customer, in contacts: contacts, and value lost with churners not contacted.

    Parameters
    ----------
    y_true : ndarray of shape (n_customers,), int
    y_prob : ndarray of shape (n_customers,), float64
    """
    contacted = round_probabilities(y_prob) >= threshold
    missed = int(y_true[~contacted].sum())
    return (CONTACT_COST * int(contacted.sum()) + SAVED_VALUE * missed) / len(y_true)


def choose_threshold(outcomes: list[tuple[Ints, Floats]], tiers: Mapping[str, float]) -> dict[str, Any]:
    """Return the threshold of least mean cost among 0.01, 0.02, ... 0.50, and its costs, precision and recall.

    For calibrated probabilities the best threshold is contact cost : saved value [1]_, here 1/3; it is returned too.
    Where nearly nobody reaches it, since few customers leave, it is where the tier high begins.

    Parameters
    ----------
    outcomes : list of (y_true, y_prob)
        One a repeat, out of fold. Of thresholds with equal cost the higher, which contacts fewer, is chosen.
    tiers : mapping of str to float

    References
    ----------
    .. [1] Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001, section 1, equation 2.
    """
    steps = [round(step * HIGHEST / STEPS, 2) for step in range(1, STEPS + 1)]
    costs = {step: _mean_cost(outcomes, step) for step in steps}
    best = min(reversed(steps), key=lambda step: round(costs[step], 12))
    theoretical = CONTACT_COST / SAVED_VALUE
    y_true = np.concatenate([labels for labels, _ in outcomes])
    y_prob = round_probabilities(np.concatenate([y_prob for _, y_prob in outcomes]))
    criterion = LEAST_COST
    if _labels_nobody(best, y_prob, float(y_true.mean())):
        best, criterion = tiers[TIERS[0]], TIER_HIGH
        costs[best] = _mean_cost(outcomes, best)
    contacted = y_prob >= best
    return {
        "threshold": best,
        "criterion": criterion,
        "contact_cost": CONTACT_COST,
        "saved_value": SAVED_VALUE,
        "unit": "contacts",
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


def keep_threshold(
    threshold: Mapping[str, Any], y_prob: Floats, churn_rate: float, tiers: Mapping[str, float]
) -> dict[str, Any]:
    """Return what `choose_threshold` returned, for other probabilities of the same customers.

    Without what depends on who has which probability: the costs, and how many are contacted and found.

    The threshold of least cost follows from contact cost and saved value, and so stays, unless nearly nobody reaches it
    now.
    """
    names = ("threshold", "criterion", "contact_cost", "saved_value", "unit", "theoretical")
    kept = {name: threshold[name] for name in names if name in threshold}
    if kept["criterion"] != LEAST_COST or _labels_nobody(kept["threshold"], y_prob, churn_rate):
        kept |= {"threshold": tiers[TIERS[0]], "criterion": TIER_HIGH}
    return kept


def _labels_nobody(threshold: float, y_prob: Floats, churn_rate: float) -> bool:
    return bool((y_prob >= threshold).mean() < FEW_CONTACTS * churn_rate)


def _mean_cost(outcomes: list[tuple[Ints, Floats]], threshold: float) -> float:
    return float(np.mean([expected_cost(y_true, y_prob, threshold) for y_true, y_prob in outcomes]))
