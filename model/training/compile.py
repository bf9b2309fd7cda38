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

from model.bulk.block import to_values
from model.pipeline import to_frame
from model.schema import OTHER, Categorical, Customer, Numeric
from model.scorecard import Scorecard
from model.scorecard_file import MODEL_SCHEMA
from model.terms import LineTerm, StepTerm, TableTerm
from model.training.data import LabelledData
from model.training.spline import knots_of, points_of

EXACT_WITHIN: Final = 1e-12
RANDOM_CUSTOMERS: Final = 200_000
COMPARED_AT_ONCE: Final = 20_000


def document_header(data: LabelledData, version: str, threshold: float, tiers: Mapping[str, float]) -> dict[str, Any]:
    """Return the first members of scorecard.json and outline.json."""
    return {
        "version": version,
        "schema_version": MODEL_SCHEMA,
        "threshold": threshold,
        "tiers": dict(tiers),
        "trained_on": {"rows": data.rows, "churners": data.churners, "sha256": data.sha256},
    }


def to_document(pipeline: Pipeline, data: LabelledData, header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of scorecard.json.

    Each term is centred over the training data, so that the intercept is the log-odds of the average customer and a
    term is at once the feature's contribution. For linear models these are the SHAP values under independent features
    [1]_.

    References
    ----------
    .. [1] Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 2017, corollary 1.
    """
    raw = points_of(data.schema, pipeline)
    terms: list[dict[str, Any]] = []
    means: list[float] = []
    for feature in data.schema.features:
        values = to_values(feature, data.columns[feature.name])
        points = raw[feature.name]
        if isinstance(feature, Categorical):
            by_level = dict(zip(feature.levels, points, strict=True))
            mean = math.fsum(by_level[level] for level in values) / len(values)
            terms.append(table(feature, {level: point - mean for level, point in by_level.items()}))
        else:
            missing = points.pop() if feature.accepts_missing else 0.0
            knots = knots_of(data.schema, pipeline, feature.name)
            mean = math.fsum(map(LineTerm(feature.name, knots, points, missing), values)) / len(values)
            line = {"feature": feature.name, "knots": knots, "points": [point - mean for point in points]}
            terms.append({**line, **({"missing": missing - mean} if feature.accepts_missing else {})})
        means.append(mean)
    return {
        **header,
        "intercept": math.fsum([float(pipeline.named_steps["logistic"].intercept_[0]), *means]),
        "ranges": ranges_of(data),
        "terms": terms,
    }


def table(feature: Categorical, points: Mapping[Any, float]) -> dict[str, Any]:
    """Return the term of a feature of words, with its points by level."""
    return {
        "feature": feature.name,
        "table": {str(word): points[word] for word in feature.values},
        **({"other": points[OTHER]} if feature.accepts_other else {}),
        **({"missing": points[None]} if feature.accepts_missing else {}),
    }


def ranges_of(data: LabelledData) -> dict[str, list[float]]:
    """Return the least and the greatest value of each number."""
    ranges: dict[str, list[float]] = {}
    for feature in data.schema.features:
        if isinstance(feature, Numeric):
            column = data.columns[feature.name]
            bounds = [float(np.nanmin(column)), float(np.nanmax(column))]
            ranges[feature.name] = [int(bound) for bound in bounds] if feature.whole else bounds
    return ranges


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a document of the artifact as bytes: keys in their order, floats as repr writes them, a final newline."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def random_customers(scorecard: Scorecard, count: int, seed: int) -> list[Customer]:
    """Return random customers: any level; numbers within, at the knots of, and far beyond the training range."""
    generator = np.random.default_rng(seed)
    columns: list[Sequence[Any]] = []
    for feature, term in zip(scorecard.schema.features, scorecard.terms, strict=True):
        if isinstance(feature, Categorical):
            columns.append([feature.levels[i] for i in generator.integers(len(feature.levels), size=count)])
            continue
        assert not isinstance(term, TableTerm)
        low, high = scorecard.ranges[feature.name]
        within = generator.uniform(low, high, count)
        near = generator.uniform(feature.minimum, min(max(2.0 * high, feature.minimum), feature.maximum), count)
        beyond = generator.uniform(feature.minimum, feature.maximum, count)
        borders = term.edges if isinstance(term, StepTerm) else term.knots
        knots = generator.choice([*borders] or [low], count)
        edges = np.nextafter(knots, generator.choice([-np.inf, np.inf], count)).clip(feature.minimum, feature.maximum)
        kind = generator.integers(5 + feature.accepts_missing, size=count)
        numbers = np.choose(np.minimum(kind, 4), [within, near, beyond, knots, edges]).tolist()
        columns.append([None if kind == 5 else number for kind, number in zip(kind.tolist(), numbers, strict=True)])
    return [dict(zip(scorecard.schema.names, values, strict=True)) for values in zip(*columns, strict=True)]


def max_difference(pipeline: Pipeline, scorecard: Scorecard, customers: Sequence[Customer]) -> float:
    """Return the greatest absolute difference in log-odds between pipeline and scorecard."""
    schema, greatest = scorecard.schema, 0.0
    # In parts, because a design matrix of all would be larger than that of the training data.
    for start in range(0, len(customers), COMPARED_AT_ONCE):
        part = customers[start : start + COMPARED_AT_ONCE]
        frame = to_frame({name: [customer[name] for customer in part] for name in schema.names}, schema)
        compiled = np.array([scorecard.score(customer).log_odds for customer in part])
        greatest = max(greatest, float(np.max(np.abs(pipeline.decision_function(frame) - compiled))))
    return greatest
