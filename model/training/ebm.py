"""The recipe `ebm`: interpret's explainable boosting machine, compiled exactly into a scorecard with pairs.

Each main effect is a table or steps, each pair a grid [1]_, so nothing of interpret is needed to serve the model, and
the artifact has no pickle of it.

References
----------
.. [1] Lou, Caruana, Gehrke and Hooker, Accurate Intelligible Models with Pairwise Interactions, KDD 2013.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from interpret.glassbox import ExplainableBoostingClassifier
from interpret.utils import purify
from scipy.special import expit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from model.pipeline import levels_of
from model.schema import FLAT, Categorical, Feature, Numeric, Schema
from model.training.compile import ranges_of, table
from model.training.directions import describe_directions
from model.training.metrics import Floats, Ints, round_probabilities
from model.training.spline import directions_of

if TYPE_CHECKING:
    from model.training.cross_validation import Fold, Selection
    from model.training.data import LabelledData

SEED: Final = 0

OUT_OF_BAG: Final = 0.15
"""The share of the customers that end the fit of a bag to the others."""

MAX_PAIR_WORDS: Final = 50
"""A feature with more words is in no pair: its grid would have more points than there are customers to fit them."""


class Setting(NamedTuple):
    """What could be chosen and is not: one setting for all data.

    Attributes
    ----------
    pairs : int
        Those whose grids reduce the loss most.
    steps : int
        The maximum of a number's main effect.
    pair_steps : int
        The maximum of a number in a pair.
    bags : int
        Machines fitted to 85 % of the customers each, of which the model is the mean.
    """

    pairs: int = 16
    steps: int = 64
    pair_steps: int = 16
    bags: int = 8


SETTINGS: Final = (Setting(),)


def encode(X: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return words as their codes in text, numbers as they are, missing ones as None and NaN.

    Codes, because interpret takes words such as 1 and 1.0, or with spaces around them, for the same.
    """
    columns: dict[str, Any] = {}
    for feature in schema.features:
        if isinstance(feature, Categorical):
            texts = {level: str(code) for code, level in enumerate(levels_of(feature)) if level is not None}
            columns[feature.name] = pd.Series(list(map(texts.get, X[feature.name])), index=X.index, dtype=object)
        elif feature.direction == FLAT:
            columns[feature.name] = pd.Series(0.0, index=X.index)
        else:
            columns[feature.name] = X[feature.name].astype(np.float64)
    return pd.DataFrame(columns)


def fit(schema: Schema, X: pd.DataFrame, y: Ints, setting: Setting) -> Pipeline:
    """Return the fitted pipeline. A feature with a direction is in no pair.

    Parameters
    ----------
    schema : Schema
    X : DataFrame of shape (n_customers, n_features)
    y : ndarray of shape (n_customers,), int
    """
    directions = directions_of(schema)
    signs = [directions.get(feature.name, 0) for feature in schema.features]
    unpaired = [
        sign != 0
        or getattr(feature, "direction", "") == FLAT
        or X[feature.name].nunique() < 2
        or len(getattr(feature, "values", ())) > MAX_PAIR_WORDS
        for feature, sign in zip(schema.features, signs, strict=True)
    ]
    pairs = list(combinations(range(len(signs)), 2))
    excluded = [(first, second) for first, second in pairs if unpaired[first] or unpaired[second]]
    classifier = ExplainableBoostingClassifier(
        feature_types=["nominal" if isinstance(feature, Categorical) else "continuous" for feature in schema.features],
        max_bins=setting.steps + 2,  # with those of missing and of unknown values
        max_interaction_bins=setting.pair_steps + 2,
        interactions=min(setting.pairs, len(pairs) - len(excluded)),
        exclude=excluded,
        outer_bags=setting.bags,
        validation_size=OUT_OF_BAG,
        monotone_constraints=signs,
        # One process: the result is the same with several, an interruption stops at once, and memory stays that of one.
        n_jobs=1,
        random_state=SEED,
    )
    codes = FunctionTransformer(encode, kw_args={"schema": schema})
    with warnings.catch_warnings():
        # That its plots would not show missing values, and that a number is missing in all rows of a fold.
        warnings.filterwarnings("ignore", message="Missing values detected|All-NaN slice")
        return Pipeline([("codes", codes), ("ebm", classifier)]).fit(X, y)


def predict(
    schema: Schema, X: pd.DataFrame, y: Ints, fold: "Fold", settings: Sequence[Setting]
) -> Iterator[tuple[Setting, Floats]]:
    """Yield, for each setting, the probabilities of the test rows by a model of the training rows."""
    train, test = fold
    for setting in settings:
        pipeline = fit(schema, X.iloc[train], y[train], setting)
        yield setting, round_probabilities(expit(pipeline.decision_function(X.iloc[test])))


def to_document(pipeline: Pipeline, data: "LabelledData", header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of scorecard.json."""
    return {**header, "ranges": ranges_of(data), **compile_terms(pipeline, data.schema)}


def describe(schema: Schema, X: pd.DataFrame, y: Ints, selection: "Selection") -> dict[str, Any]:
    """Return what the directions of the schema cost."""
    return describe_directions(schema, X, y, selection, fit)


def deviations_of(data: "LabelledData", pipeline: Pipeline, setting: Setting) -> Floats:
    """Return by how much the points may be off, for `model.training.interval.to_interval`.

    The bags are a jackknife that leaves out 15 % of the customers: the model's variance is theirs times 85 / 15 [1]_.

    References
    ----------
    .. [1] Shao and Wu, A General Theory for Jackknife Variance Estimation, Annals of Statistics 17, 1989.
    """
    classifier, schema = pipeline.named_steps["ebm"], data.schema
    served = compile_terms(pipeline, schema)
    bags = []
    for number in range(setting.bags):
        bag = copy(classifier)
        bag.term_scores_ = [scores[number] for scores in classifier.bagged_scores_]
        bag.intercept_ = classifier.bagged_intercept_[[number]]
        bags.append(_points_at(served, compile_terms(Pipeline([("ebm", bag)]), schema)))
    deviations = np.array(bags) - np.mean(bags, axis=0)
    scaled: Floats = deviations * math.sqrt((1.0 - OUT_OF_BAG) / OUT_OF_BAG / (setting.bags - 1))
    return scaled


def _points_at(served: Mapping[str, Any], compiled: Mapping[str, Any]) -> list[float]:
    """Return the intercept and all points of a compiled bag, those of a number at the steps of the model."""
    points = [compiled["intercept"]]
    for term, own in zip(served["terms"], compiled["terms"], strict=True):
        if "edges" in term:
            starts = [-math.inf, *term["edges"]]
            points += [own["points"][step] for step in np.searchsorted(own["edges"], starts, side="right").tolist()]
        else:
            points += own["table"].values()
        points += [own[name] for name in ("other", "missing") if name in own]
    for pair in compiled["pairs"]:
        points += [point for row in pair["points"] for point in row]
    return points


def compile_terms(pipeline: Pipeline, schema: Schema) -> dict[str, Any]:
    """Return `intercept`, `terms` and `pairs` of scorecard.json.

    What one feature of a pair does alone is moved from the grid to its own term, so that a pair is what the two do
    together and each feature has one term [1]_. All are centred over the training data, as those of other recipes.

    References
    ----------
    .. [1] Lengerich et al., Purifying Interaction Effects with the Functional ANOVA, AISTATS 2020.
    """
    classifier = pipeline.named_steps["ebm"]
    intercepts = [float(classifier.intercept_[0])]
    parts: dict[int, list[tuple[Any, Floats]]] = {index: [] for index in range(len(schema.features))}
    pairs: list[dict[str, Any]] = []
    terms = zip(classifier.term_features_, classifier.term_scores_, classifier.bin_weights_, strict=True)
    for indices, scores, counts in terms:
        # The bins of a main effect come first, then the coarser ones of pairs where those are others.
        bins = [classifier.bins_[index][: len(indices)][-1] for index in indices]
        pure, impurities, intercept = purify(scores, counts, is_randomized=False)
        intercepts.append(float(intercept[0]))
        if len(indices) == 1:
            parts[indices[0]].append((bins[0], pure))
            continue
        for (side,), own in impurities:
            parts[indices[side]].append((bins[side], own))
        features = [schema.features[index] for index in indices]
        lines = [_lines(feature, own) for feature, own in zip(features, bins, strict=True)]
        pairs.append(
            {
                "features": [feature.name for feature in features],
                "edges": [None if isinstance(own, Mapping) else own.tolist() for own in bins],
                "points": pure[np.ix_(*lines)].tolist(),
            }
        )
    return {
        "intercept": math.fsum(intercepts),
        "terms": [
            _words(feature, parts[index]) if isinstance(feature, Categorical) else _steps(feature, parts[index])
            for index, feature in enumerate(schema.features)
        ],
        "pairs": pairs,
    }


def _lines(feature: Feature, bins: Any) -> list[int]:
    """Return the index in a tensor of interpret of each level, or each step and then of missing.

    Index 0 is that of missing values, the last that of words which the training data never had.
    """
    if isinstance(feature, Categorical):
        return [0 if level is None else bins.get(str(code), -1) for level, code in feature.codes.items()]
    return [*range(1, len(bins) + 2), *[0] * feature.accepts_missing]


def _words(feature: Categorical, parts: Sequence[tuple[Any, Floats]]) -> dict[str, Any]:
    """Return the term of words: the sum of its parts, each with bins of its own."""
    points = np.sum([scores[_lines(feature, bins)] for bins, scores in parts], axis=0).tolist()
    return table(feature, dict(zip(feature.levels, points, strict=True)))


def _steps(feature: Numeric, parts: Sequence[tuple[Any, Floats]]) -> dict[str, Any]:
    """Return the term of a number: the sum of its parts at the edges of all of them, equal neighbours as one step."""
    edges = np.unique(np.concatenate([cuts for cuts, _ in parts]))
    starts = np.concatenate([[-np.inf], edges])
    points = np.sum([scores[1 + np.searchsorted(cuts, starts, side="right")] for cuts, scores in parts], axis=0)
    changes = np.flatnonzero(np.diff(points))
    return {
        "feature": feature.name,
        "edges": edges[changes].tolist(),
        "points": points[[0, *(changes + 1)]].tolist(),
        **({"missing": math.fsum(float(scores[0]) for _, scores in parts)} if feature.accepts_missing else {}),
    }
