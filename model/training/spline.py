"""Third step of training: customers and labels to a fitted scikit-learn pipeline, whose log-odds are a sum of terms.

One-hot words, piecewise linear numbers (splines of degree 1, constant beyond the outer knots), an indicator for each
number that may be missing; logistic regression whose curves follow the directions of the schema. Degree 1 is as good as
degree 3 on the public data (log loss .4175 and .4177 at 8 knots) and compiles exactly. The pipeline has classes of
scikit-learn only.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from model.pipeline import levels_of, to_series
from model.schema import FLAT, Categorical, Numeric, Schema, Value
from model.training.interval import posterior
from model.training.metrics import Floats, Ints, round_probabilities
from model.training.monotone import Chain, blocks_of, fit_monotone_logistic

if TYPE_CHECKING:
    from model.training.cross_validation import Fold
    from model.training.data import LabelledData

SIGNS: Final = {"rises": 1, "falls": -1}

SIGNIFICANT_DIGITS: Final = 6
"""Of knots, coefficients and intercept. Other BLAS kernels move a coefficient by some 1e-13; rounding to 6 digits hides
that and costs nothing: the log-odds move by less than 1e-5."""

RARE: Final = 10
"""Customers. Words that fewer have share one coefficient, and so do words that none has."""

MOST_WORDS: Final = 300
"""Columns of the words of all features together; the rarest of a feature share one where there are more."""

LARGE: Final = 40_000_000
"""Numbers in a design matrix, 320 MB; a larger one is kept sparse, which takes longer and a tenth of the memory."""


_WORDS, _NUMBER, _MISSING = "words", "number {}", "missing {}"
"""The steps of the transformer: not the names of features, which may be any text."""


class Setting(NamedTuple):
    """What cross-validation selects.

    Attributes
    ----------
    knots : int
        Quantile knots of each number; equal ones are merged. 2 is the straight line between least and greatest.
    C : float
        Inverse strength of the L2 penalty.
    """

    knots: int
    C: float


_STRENGTHS: Final = (0.1, 0.3, 1.0)
SETTINGS: Final = tuple(Setting(knots, C) for knots in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12) for C in _STRENGTHS)
"""Simplest first: fewer knots, then a stronger penalty. 2 knots are a plain logistic regression. On the public data
14, 16 and 20 knots and C of 3 were tried once and were no better than the best of these."""

FEW_SETTINGS: Final = tuple(Setting(knots, C) for knots in (2, 4, 8) for C in (0.1, 1.0))
"""Of a schema with many features."""


def round_digits(value: float) -> float:
    """Return `value` at `SIGNIFICANT_DIGITS`."""
    return float(f"{value:.{SIGNIFICANT_DIGITS - 1}e}")


def quantile_knots(values: "Sequence[float] | pd.Series[float]", count: int) -> list[float]:
    """Return at most `count` strictly rising knots at even quantiles of `values`, from the least to the greatest.

    Parameters
    ----------
    values : array-like of shape (n_customers,)
        NaN where missing.
    """
    numbers = np.asarray(values, dtype=np.float64)
    quantiles = np.quantile(numbers[~np.isnan(numbers)], np.linspace(0.0, 1.0, count))
    return sorted({round_digits(quantile) for quantile in quantiles.tolist()})


def words_of(schema: Schema) -> list[Categorical]:
    """Return the features of words."""
    return [feature for feature in schema.features if isinstance(feature, Categorical)]


def numbers_of(schema: Schema) -> list[Numeric]:
    """Return the features of numbers."""
    return [feature for feature in schema.features if isinstance(feature, Numeric)]


def directions_of(schema: Schema) -> dict[str, int]:
    """Return 1 for each number with which the risk may only rise, -1 for each with which it may only fall."""
    return {feature.name: SIGNS[feature.direction] for feature in numbers_of(schema) if feature.direction in SIGNS}


def fit_features(schema: Schema, X: pd.DataFrame, knots: int) -> ColumnTransformer:
    """Return the fitted transformer of the columns: words to indicators, numbers to hat functions at knots."""
    words = words_of(schema)
    knots_by_name = {feature.name: _knots(feature, X[feature.name], knots) for feature in numbers_of(schema)}
    columns = sum(len(feature.levels) for feature in words) + sum(map(len, knots_by_name.values()))
    is_sparse = columns * len(X) > LARGE
    steps: list[tuple[str, Any, list[str]]] = []
    if words:
        encoder = OneHotEncoder(
            categories=[levels_of(feature) for feature in words],
            handle_unknown="infrequent_if_exist",
            min_frequency=RARE,
            max_categories=max(2, MOST_WORDS // len(words)),
            sparse_output=is_sparse,
        )
        steps.append((_WORDS, encoder, [feature.name for feature in words]))
    for index, feature in enumerate(numbers_of(schema)):
        if feature.direction == FLAT:
            continue
        spline = SplineTransformer(
            degree=1,
            knots=np.array(knots_by_name[feature.name])[:, np.newaxis],
            extrapolation="constant",
            handle_missing="zeros" if feature.accepts_missing else "error",
            sparse_output=is_sparse,
        )
        steps.append((_NUMBER.format(index), spline, [feature.name]))
        if feature.accepts_missing:
            steps.append((_MISSING.format(index), MissingIndicator(features="all"), [feature.name]))
    return ColumnTransformer(steps, sparse_threshold=1.0 if is_sparse else 0.0).fit(X)


def _knots(feature: Numeric, values: "pd.Series[float]", count: int) -> list[float]:
    """Return the knots of a number, two at least: a part of the customers may all have one value, or none."""
    knots = quantile_knots(values, count) if values.notna().any() else [feature.minimum]
    return knots if len(knots) > 1 else [knots[0], knots[0] + 1.0]


def chains_of(schema: Schema, features: ColumnTransformer) -> list[Chain]:
    """Return the columns of each number with a direction, and that direction."""
    chains = []
    for index, feature in enumerate(numbers_of(schema)):
        if feature.direction in SIGNS:
            columns = features.output_indices_[_NUMBER.format(index)]
            chains.append(Chain(columns.start, columns.stop, SIGNS[feature.direction]))
    return chains


def fit_logistic(design: Any, y: Ints, C: float, chains: Sequence[Chain]) -> LogisticRegression:
    """Return a logistic regression on a design matrix, coefficients and intercept rounded. No class weights.

    Parameters
    ----------
    design : ndarray or sparse matrix of shape (n_customers, n_columns), float64
    y : ndarray of shape (n_customers,), int
        0 or 1.
    chains : sequence of Chain
        Of the columns whose curves have a direction.
    """
    logistic = fit_monotone_logistic(design, y, C, chains)
    logistic.coef_ = np.array([[round_digits(coefficient) for coefficient in logistic.coef_[0].tolist()]])
    logistic.intercept_ = np.array([round_digits(float(logistic.intercept_[0]))])
    return logistic


def fit(schema: Schema, X: pd.DataFrame, y: Ints, setting: Setting) -> Pipeline:
    """Return the fitted pipeline.

    Parameters
    ----------
    schema : Schema
    X : DataFrame of shape (n_customers, n_features)
    y : ndarray of shape (n_customers,), int
    """
    features = fit_features(schema, X, setting.knots)
    logistic = fit_logistic(features.transform(X), y, setting.C, chains_of(schema, features))
    return Pipeline([("features", features), ("logistic", logistic)])


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
        Those with equal knots one after the other, so that their features are transformed once.
    """
    train, test = fold
    for knots, group in groupby(settings, key=lambda setting: setting.knots):
        features = fit_features(schema, X.iloc[train], knots)
        X_train, X_test = features.transform(X.iloc[train]), features.transform(X.iloc[test])
        chains = chains_of(schema, features)
        for setting in group:
            logistic = fit_logistic(X_train, y[train], setting.C, chains)
            yield setting, round_probabilities(logistic.predict_proba(X_test)[:, 1])


def points_of(schema: Schema, pipeline: Pipeline) -> dict[str, list[float]]:
    """Return the coefficients by feature: one a level, or one a knot and, where it is accepted, one for missing."""
    coefficients = pipeline.named_steps["logistic"].coef_[0].tolist()
    columns = columns_of(schema, pipeline.named_steps["features"])
    return {name: [0.0 if column is None else coefficients[column] for column in own] for name, own in columns.items()}


def columns_of(schema: Schema, features: ColumnTransformer) -> dict[str, list[int | None]]:
    """Return the columns of the design matrix of the points; rare words share one, and points that are 0 have none."""
    columns = _columns_of_words(schema, features)
    for index, feature in enumerate(numbers_of(schema)):
        if feature.direction == FLAT:
            columns[feature.name] = [None] * (1 + feature.accepts_missing)
            continue
        own = features.output_indices_[_NUMBER.format(index)]
        columns[feature.name] = [*range(own.start, own.stop)]
        if feature.accepts_missing:
            columns[feature.name].append(features.output_indices_[_MISSING.format(index)].start)
    return columns


def _columns_of_words(schema: Schema, features: ColumnTransformer) -> dict[str, list[int | None]]:
    words = words_of(schema)
    if not words:
        return {}
    encoder = features.named_transformers_[_WORDS]
    most = max(len(feature.levels) for feature in words)
    every = pd.DataFrame({feature.name: to_series(feature, _repeat(feature.levels, most)) for feature in words})
    indicators = encoder.transform(every)
    indicators = indicators.toarray() if encoder.sparse_output else indicators
    columns: dict[str, list[int | None]] = {}
    start = features.output_indices_[_WORDS].start
    for feature, categories, rare in zip(words, encoder.categories_, encoder.infrequent_categories_, strict=True):
        stop = start + len(categories) - (0 if rare is None else len(rare) - 1)
        chosen = indicators[: len(feature.levels), start:stop].argmax(axis=1)
        columns[feature.name] = [start + column for column in chosen.tolist()]
        start = stop
    return columns


def deviations_of(data: "LabelledData", pipeline: Pipeline, setting: Setting) -> Floats:
    """Return by how much the points may be off, for `model.training.interval.to_interval`."""
    schema, features, logistic = data.schema, pipeline.named_steps["features"], pipeline.named_steps["logistic"]
    design = features.transform(data.frame())
    log_odds = design @ logistic.coef_[0] + logistic.intercept_[0]
    tied = _tied(chains_of(schema, features), logistic.coef_[0])
    deviations = posterior(design, log_odds, setting.C, blocks_of(design.shape[1], tied))
    deviations = np.hstack([deviations, np.zeros((len(deviations), 1))])
    columns = columns_of(schema, features)
    points = [0, *[-1 if column is None else 1 + column for name in schema.names for column in columns[name]]]
    return deviations[:, points]


def _tied(chains: Sequence[Chain], coefficients: Floats) -> set[int]:
    """Return the columns whose coefficient a direction has made equal to that of the column before."""
    return {
        column
        for chain in chains
        for column in range(chain.start + 1, chain.stop)
        if coefficients[column] == coefficients[column - 1]
    }


def _repeat(levels: Sequence[Value], count: int) -> list[Value]:
    return [levels[index % len(levels)] for index in range(count)]


def knots_of(schema: Schema, pipeline: Pipeline, name: str) -> list[float]:
    """Return the knots of a number."""
    index = [feature.name for feature in numbers_of(schema)].index(name)
    if numbers_of(schema)[index].direction == FLAT:
        return [numbers_of(schema)[index].minimum]
    knots = pipeline.named_steps["features"].named_transformers_[_NUMBER.format(index)].knots
    return list(knots[:, 0].tolist())
