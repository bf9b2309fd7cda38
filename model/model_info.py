"""The model as people ask about it: where it comes from, how good it is, where it cuts, and the shape of each term.

Standard library only.
"""

from typing import Any, Final

from model.artifact import read_checked, read_json, read_run
from model.contents import CARD, METRICS
from model.outputs import PROBABILITY
from model.schema import OTHER, Categorical, Numeric, Schema
from model.scorecard import Scorer, probability
from model.terms import LineTerm, PairTerm, TableTerm, Term

_ELSEWHERE: Final = ("version", "schema_version", "recipe", "trained_on", "threshold", "tiers", "example")


def model_info(scorer: Scorer) -> dict[str, Any]:
    """Return the facts about a model; those of its training are absent for one that was made up.

    A model that is not additive has no terms: the effect of a feature depends on the others, so no curve shows it.

    Raises
    ------
    ArtifactError
        If the metrics or the card are absent or damaged.
    """
    terms = (*scorer.additive.terms, *scorer.additive.pairs) if scorer.additive else ()
    return {
        "version": scorer.version,
        "sha256": scorer.sha256,
        **_training(scorer),
        "threshold": scorer.threshold,
        "tiers": dict(scorer.tiers),
        "baseline": {"log_odds": scorer.baseline, PROBABILITY.name: probability(scorer.baseline)},
        **({"horizon": scorer.schema.horizon} if scorer.schema.horizon else {}),
        "ranges": {name: list(bounds) for name, bounds in scorer.ranges.items()},
        "reasons_method": scorer.reasons_method,
        "additive": scorer.additive is not None,
        "terms": [_shape(term, scorer.schema) for term in terms],
    }


def _training(scorer: Scorer) -> dict[str, Any]:
    if scorer.folder is None:
        return {}
    metrics, _ = read_json(scorer.folder, METRICS)
    trained_at = read_run(scorer.folder).get("trained_at")
    return {
        "recipe": metrics["recipe"],
        "trained_on": metrics["trained_on"],
        **({"trained_at": trained_at} if trained_at else {}),
        "threshold_choice": metrics["threshold"],
        "metrics": {name: value for name, value in metrics.items() if name not in _ELSEWHERE},
        "card": read_checked(scorer.folder, CARD).decode(),
    }


def _levels(feature: Categorical) -> list[str | None]:
    return [None if level is None else str(level) for level in feature.levels]


def _shape(term: Term | PairTerm, schema: Schema) -> dict[str, Any]:
    if isinstance(term, PairTerm):
        return {
            "features": [axis.feature.name for axis in term.axes],
            "edges": [list(axis.edges) if isinstance(axis.feature, Numeric) else None for axis in term.axes],
            "levels": [_levels(axis.feature) if isinstance(axis.feature, Categorical) else None for axis in term.axes],
            "points": [list(row) for row in term.points],
        }
    if isinstance(term, TableTerm):
        special = {"other": OTHER, "missing": None}
        return {
            "feature": term.feature,
            "table": {str(word): points for word, points in term.points.items() if word not in special.values()},
            **{name: term.points[level] for name, level in special.items() if level in term.points},
        }
    at = {"knots": term.knots} if isinstance(term, LineTerm) else {"edges": list(term.edges)}
    missing = {"missing": term.missing} if schema.by_name[term.feature].accepts_missing else {}
    return {"feature": term.feature, **at, "points": list(term.points), **missing}
