"""A recipe that is not additive: scikit-learn's histogram gradient boosting, with the directions of the schema.

One column a feature: words by the index of their level in the schema, numbers as they are, NaN where missing. The trees
capture interactions; so no curve shows the effect of one feature, and the reasons are shares (model/trees.py), not
parts of a sum.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from model.errors import TrainingError
from model.pipeline import levels_of
from model.schema import FLAT, Numeric, Schema
from model.training.compile import ranges_of
from model.training.metrics import Floats, Ints, round_probabilities
from model.training.spline import SIGNS, numbers_of, words_of
from model.trees import METHOD, TreeReasons

if TYPE_CHECKING:
    from model.training.cross_validation import Fold
    from model.training.data import LabelledData

LEARNING_RATE: Final = 0.05
MAX_SUM_DIFFERENCE: Final = 1e-9
CHECKED_ROWS: Final = 10_000


class Setting(NamedTuple):
    """What cross-validation selects.

    Attributes
    ----------
    leaves : int
        The maximum of each tree.
    trees : int
    """

    leaves: int
    trees: int


SETTINGS: Final = tuple(Setting(leaves, trees) for leaves in (3, 4, 8) for trees in (60, 120, 180, 240))
"""Simplest first. Trees of two leaves use one feature each and would be additive again."""


FEW_SETTINGS: Final = tuple(Setting(leaves, trees) for leaves in (4, 8) for trees in (120, 240))
"""Of a schema with many features."""


def _classifier(schema: Schema, setting: Setting) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE,
        max_iter=setting.trees,
        max_leaf_nodes=setting.leaves,
        min_samples_leaf=40,
        l2_regularization=1.0,
        monotonic_cst=[0] * len(words_of(schema)) + [SIGNS.get(number.direction, 0) for number in _flat_last(schema)],
        # Cross-validation holds customers out already; holding more out would make the counts in the trees, and so the
        # baseline, those of a part of the customers.
        early_stopping=False,
        random_state=0,
    )


def _flat_last(schema: Schema) -> list[Numeric]:
    """Return the numbers in the order of the columns that the trees see."""
    return sorted(numbers_of(schema), key=lambda number: number.direction == FLAT)


def _features(schema: Schema) -> ColumnTransformer:
    words, numbers = words_of(schema), [feature.name for feature in numbers_of(schema) if feature.direction != FLAT]
    flat = [feature.name for feature in numbers_of(schema) if feature.direction == FLAT]
    zeros = FunctionTransformer(np.zeros_like, feature_names_out="one-to-one")
    encoder = OrdinalEncoder(
        categories=[levels_of(feature) for feature in words],
        encoded_missing_value=np.nan,
    )
    return ColumnTransformer(
        [
            ("words", encoder, [feature.name for feature in words]),
            ("numbers", "passthrough", numbers),
            ("flat", zeros, flat),
        ],
        verbose_feature_names_out=False,
    )


def fit(schema: Schema, X: pd.DataFrame, y: Ints, setting: Setting) -> Pipeline:
    """Return the fitted pipeline.

    Parameters
    ----------
    schema : Schema
    X : DataFrame of shape (n_customers, n_features)
    y : ndarray of shape (n_customers,), int
    """
    return Pipeline([("features", _features(schema)), ("trees", _classifier(schema, setting))]).fit(X, y)


def predict(
    schema: Schema, X: pd.DataFrame, y: Ints, fold: "Fold", settings: Sequence[Setting]
) -> Iterator[tuple[Setting, Floats]]:
    """Yield, for each setting, the probabilities of the test rows by a model of the training rows.

    Parameters
    ----------
    schema : Schema
    X : DataFrame of shape (n_customers, n_features)
    y : ndarray of shape (n_customers,), int
    settings : sequence of Setting
        Those with equal leaves one after the other, with rising numbers of trees: fewer trees are the first of more.
    """
    train, test = fold
    for _, equal in groupby(settings, key=lambda setting: setting.leaves):
        group = list(equal)
        model = fit(schema, X.iloc[train], y[train], group[-1])
        stages = model[-1].staged_decision_function(model[:-1].transform(X.iloc[test]))
        log_odds = dict(enumerate(stages, start=1))
        for setting in group:
            yield setting, round_probabilities(expit(log_odds[setting.trees].ravel()))


def to_pipeline_metadata(pipeline: Pipeline, data: "LabelledData", header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of outline.json.

    Raises
    ------
    TrainingError
        If baseline and reasons do not add up to the log-odds.
    """
    X = data.frame()
    log_odds = pipeline.decision_function(X)
    baseline = math.fsum(log_odds.tolist()) / len(log_odds)
    reasons = TreeReasons(pipeline, data.schema.names).of(X[:CHECKED_ROWS])
    difference = float(np.max(np.abs(baseline + reasons.sum(axis=1) - log_odds[:CHECKED_ROWS])))
    if not difference < MAX_SUM_DIFFERENCE:
        raise TrainingError(
            f"Baseline and reasons differ from the log-odds by {difference:.1e}; {MAX_SUM_DIFFERENCE:.0e} is allowed."
        )
    return {
        **header,
        "baseline": baseline,
        "ranges": ranges_of(data),
        "reasons_method": METHOD,
    }
