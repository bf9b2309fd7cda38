"""Everything that v2 answers about one customer, as values ready for JSON. Standard library only."""

from collections.abc import Sequence
from typing import Any, Final

from model.actions import Action, suggest
from model.explain import Contribution, explain, notes
from model.interval import add_interval
from model.outputs import (
    DEFAULT_REASONS,
    NOTES,
    PREDICTION,
    PROBABILITY,
    PROBABILITY_HIGH,
    PROBABILITY_LOW,
    REASONS,
    TIER,
    computed_columns,
)
from model.schema import Customer, Schema
from model.scorecard import PROBABILITY_DECIMALS, Score, Scorer
from model.whatif import Alternative

SUGGESTION_NOTE: Final = (
    "Suggestions, not promises: the model compares this customer with others who have that already; "
    "it does not know what an offer would do."
)


def rounded(probability: float) -> float:
    """Return a probability as every entry point prints it."""
    return round(probability, PROBABILITY_DECIMALS)


def to_result(
    scorer: Scorer, customer: Customer, customer_id: str, actions: Sequence[Action], reasons: int = DEFAULT_REASONS
) -> dict[str, Any]:
    """Return the answer about one customer.

    Parameters
    ----------
    scorer : Scorer
        With its intervals loaded, the answer has that of the probability.
    customer_id : str
        "" where none was given; then the answer has none.
    reasons : int
        How many to give, the strongest first; with all, baseline + contributions = log_odds.
    """
    score, columns = scorer.score(customer), computed_columns(scorer.schema)
    if scorer.interval is not None:
        score = add_interval(scorer, customer, score)
        columns = [*columns, PROBABILITY_LOW, PROBABILITY_HIGH]
    return {
        **to_identity(scorer.schema, customer_id),
        **to_verdict(score),
        **{
            column.name: _rounded(column.compute(scorer.schema, customer, score), column.decimals) for column in columns
        },
        "log_odds": score.log_odds,
        "baseline": scorer.baseline,
        REASONS.name: [to_reason(reason) for reason in explain(scorer, customer)[:reasons]] if reasons else [],
        "actions": [
            {"suggestion": suggestion.suggestion, **to_alternative(suggestion.alternative)}
            for suggestion in suggest(actions, scorer, customer)
        ],
        NOTES.name: notes(scorer, customer),
    }


def _rounded(number: float | None, decimals: int) -> float | None:
    return None if number is None else round(number, decimals)


def to_identity(schema: Schema, customer_id: str) -> dict[str, str]:
    """Return the id under its column's name; nothing where there is none."""
    return {schema.id: customer_id} if schema.id and customer_id else {}


def to_verdict(score: Score) -> dict[str, Any]:
    """Return the members that every answer about a customer has."""
    return {PREDICTION.name: score.label, PROBABILITY.name: rounded(score.probability), TIER.name: score.tier}


def to_reason(part: Contribution) -> dict[str, Any]:
    """Return one reason; the contribution is in log-odds, unrounded."""
    names = [feature.name for feature in part.features]
    one = {"feature": names[0], "value": part.values[0]}
    pair = {"features": names, "values": list(part.values)}
    return {**(one if len(names) == 1 else pair), "contribution": part.contribution, "sentence": part.sentence}


def to_alternative(alternative: Alternative) -> dict[str, Any]:
    """Return one what-if: the changes, the verdict with them, and the difference to the customer as it is."""
    return {
        "changes": alternative.changes,
        **to_verdict(alternative.score),
        # Adding 0.0 turns -0.0 into 0.0.
        "difference": round(alternative.difference, PROBABILITY_DECIMALS) + 0.0,
        **({NOTES.name: alternative.notes} if alternative.notes else {}),
    }
