"""The body of GET /v2/model as JSON Schema: the kinds of terms that the model has."""

from app.web.description import TEXT, JsonSchema
from app.web.json_schemas import METHOD, NUMBER, SHARE, array, by, described, feature_name, members
from model.outputs import PROBABILITY
from model.schema import TIERS, Categorical, Schema
from model.scorecard import Scorer
from model.terms import StepTerm


def _term(scorer: Scorer) -> JsonSchema:
    """Return the schema of a term, with the members that those of the model have."""
    schema, additive = scorer.schema, scorer.additive
    terms = additive.terms if additive else ()
    pairs = additive.pairs if additive else ()
    table = {"type": "object", "additionalProperties": NUMBER}
    optional = {"table": table, "knots": array(NUMBER), "points": array(NUMBER)}
    if any(isinstance(term, StepTerm) for term in terms):
        optional["edges"] = described(array(NUMBER), "Where steps begin, after the first; points has one more")
    if any(isinstance(feature, Categorical) and feature.accepts_other for feature in schema.features):
        optional["other"] = described(NUMBER, "The points of other words")
    if any(feature.accepts_missing for feature in schema.features):
        optional["missing"] = described(NUMBER, "The points of a value that is not known")
    one = members({"feature": feature_name(schema)}, optional)
    return {"anyOf": [one, _pair(schema)]} if pairs else one


def _pair(schema: Schema) -> JsonSchema:
    two = {"minItems": 2, "maxItems": 2}
    edges = {"anyOf": [array(NUMBER), {"type": "null"}]}
    levels = {"anyOf": [array({"type": ["string", "null"]}), {"type": "null"}]}
    return members(
        {
            "features": {**array(feature_name(schema)), **two},
            "edges": described({**array(edges), **two}, "Of a number: where steps begin, after the first"),
            "levels": described({**array(levels), **two}, "Of words: each, and null for a value that is not known"),
            "points": described(array(array(NUMBER)), "By line of the first feature, then of the second"),
        }
    )


def _threshold_choice() -> JsonSchema:
    """Return the schema of how the threshold was chosen; after a recalibration its costs and rates are not known."""
    known = {"threshold": SHARE, "criterion": TEXT, "contact_cost": NUMBER, "saved_value": NUMBER, "theoretical": SHARE}
    costs = ("cost", "cost_at_theoretical", "cost_at_half", "cost_contact_nobody", "cost_contact_all")
    measured = {
        "unit": described(TEXT, "What costs are counted in"),
        **dict.fromkeys(costs, described(NUMBER, "Mean cost of a customer out of fold")),
        "contacted": described(SHARE, "Share of customers that reach the threshold"),
        "precision": described({"type": ["number", "null"]}, "Null where nobody reaches the threshold"),
        "recall": SHARE,
    }
    return described(members(known, measured), "Of a recalibrated model, without what was measured before")


def model(scorer: Scorer) -> JsonSchema:
    """Return the schema of what GET /v2/model answers."""
    feature = feature_name(scorer.schema)
    return members(
        {
            "version": TEXT,
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "threshold": SHARE,
            "tiers": by(TIERS, SHARE),
            "baseline": members({"log_odds": NUMBER, PROBABILITY.name: SHARE}),
            "ranges": {"type": "object", "propertyNames": feature, "additionalProperties": array(NUMBER)},
            **METHOD,
            "additive": described({"type": "boolean"}, "Whether the model is a sum of terms; if not, terms is empty"),
            "terms": array(_term(scorer)),
        },
        {
            "recipe": members({"name": TEXT, "engines": array(TEXT)}),
            "trained_on": {"type": "object"},
            "trained_at": {"type": "string", "format": "date-time"},
            "threshold_choice": _threshold_choice(),
            "metrics": {"type": "object"},
            "horizon": described(TEXT, "What the probability refers to"),
            "card": described(TEXT, "The model card, in Markdown"),
        },
    )
