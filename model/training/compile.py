"""Fourth step of training: a fitted pipeline to the document of scorecard.json, and the proof that the two agree.

At degree 1 the coefficient of a hat function is the curve's value at its knot, so nothing is sampled or approximated.
All arithmetic is Python's own, in a fixed order: the same bytes on every machine.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from sklearn.pipeline import Pipeline

from model.pipeline import to_frame
from model.schema import FEATURES, NAMES, SCHEMA_VERSION, Categorical, Customer
from model.scorecard import LineTerm, Scorecard
from model.training.additive import knots_of, points_of
from model.training.data import LabelledData

TIERS: Final[Mapping[str, float]] = {"high": 0.5, "medium": 0.25, "low": 0.0}
"""Lowest probability of each tier: more likely to leave than to stay; more likely than about the average customer of
the public data (26.5 %); the rest. Fixed, so that a tier means the same from one version to the next."""

EXACT_WITHIN: Final = 1e-12
RANDOM_CUSTOMERS: Final = 200_000


def document_header(data: LabelledData, version: str, threshold: float) -> dict[str, Any]:
    """Return the first members of scorecard.json and outline.json."""
    return {
        "version": version,
        "schema_version": SCHEMA_VERSION,
        "threshold": threshold,
        "tiers": dict(TIERS),
        "trained_on": {"rows": len(data.labels), "churners": sum(data.labels), "sha256": data.sha256},
    }


def to_document(pipeline: Pipeline, data: LabelledData, version: str, threshold: float) -> dict[str, Any]:
    """Return the content of scorecard.json.

    Each term is centred over the training data, so that the intercept is the log-odds of the average customer and a
    term is at once the feature's contribution. For linear models these are the SHAP values under independent features
    [1]_.

    References
    ----------
    .. [1] Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 2017, corollary 1.
    """
    raw = points_of(pipeline)
    terms: list[dict[str, Any]] = []
    means: list[float] = []
    ranges: dict[str, list[float]] = {}
    for feature in FEATURES:
        values: list[Any] = [customer[feature.name] for customer in data.customers]
        if isinstance(feature, Categorical):
            table = dict(zip(feature.values, raw[feature.name], strict=True))
            mean = math.fsum(table[word] for word in values) / len(values)
            terms.append(
                {"feature": feature.name, "table": {str(word): points - mean for word, points in table.items()}}
            )
        else:
            knots = knots_of(pipeline, feature.name)
            line = LineTerm(feature.name, knots, raw[feature.name])
            mean = math.fsum(map(line, values)) / len(values)
            points = [point - mean for point in raw[feature.name]]
            terms.append({"feature": feature.name, "knots": knots, "points": points})
            ranges[feature.name] = [min(values), max(values)]
        means.append(mean)
    return {
        **document_header(data, version, threshold),
        "intercept": math.fsum([float(pipeline.named_steps["logistic"].intercept_[0]), *means]),
        "ranges": ranges,
        "terms": terms,
    }


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a document of the artifact as bytes: keys in their order, floats as repr writes them, a final newline."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def random_customers(scorecard: Scorecard, count: int, seed: int) -> list[Customer]:
    """Return random customers: any words; numbers within, at the knots of, and far beyond the training range."""
    generator = np.random.default_rng(seed)
    columns: dict[str, Sequence[Any]] = {}
    lines = {term.feature: term for term in scorecard.terms if isinstance(term, LineTerm)}
    for feature in FEATURES:
        if isinstance(feature, Categorical):
            columns[feature.name] = [feature.values[i] for i in generator.integers(len(feature.values), size=count)]
            continue
        low, high = scorecard.ranges[feature.name]
        within = generator.uniform(low, high, count)
        near = generator.uniform(feature.minimum, min(2.0 * high, feature.maximum), count)
        beyond = generator.uniform(feature.minimum, feature.maximum, count)
        knots = generator.choice(lines[feature.name].knots, count)
        edges = np.nextafter(knots, generator.choice([-np.inf, np.inf], count)).clip(feature.minimum, feature.maximum)
        kind = generator.integers(5, size=count)
        columns[feature.name] = np.choose(kind, [within, near, beyond, knots, edges]).tolist()
    return [dict(zip(NAMES, values, strict=True)) for values in zip(*(columns[name] for name in NAMES), strict=True)]


def max_difference(pipeline: Pipeline, scorecard: Scorecard, customers: Sequence[Customer]) -> float:
    """Return the greatest absolute difference in log-odds between pipeline and scorecard."""
    frame = to_frame({name: [customer[name] for customer in customers] for name in NAMES})
    compiled = np.array([scorecard.score(customer).log_odds for customer in customers])
    return float(np.max(np.abs(pipeline.decision_function(frame) - compiled)))
