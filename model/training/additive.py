"""Third step of training: customers and labels to a fitted scikit-learn pipeline, whose log-odds are a sum of terms.

One-hot words, piecewise linear numbers (splines of degree 1, constant beyond the outer knots), logistic regression
whose curves are monotone. Degree 1 is as good as degree 3 on the public data (log loss .4175 and .4177 at 8 knots) and
compiles exactly. The pipeline has classes of scikit-learn only.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from model.schema import FEATURES, MONTHLY_CHARGES, Categorical, Numeric
from model.training.metrics import Floats, Ints, round_probabilities
from model.training.monotone import Chain, fit_monotone_logistic

if TYPE_CHECKING:
    from model.training.cross_validation import Fold

WORDS: Final = [feature for feature in FEATURES if isinstance(feature, Categorical)]
NUMBERS: Final = [feature.name for feature in FEATURES if isinstance(feature, Numeric)]

DIRECTIONS: Final = {name: 1 if name == MONTHLY_CHARGES else -1 for name in NUMBERS}
"""A higher bill never lowers the risk; a longer tenure or more paid so far never raises it. Left free, all three
curves of the public data turn in places, and a cheaper offer could get the higher risk; with these directions the
model is no worse (metrics.json, `directions`)."""

SIGNIFICANT_DIGITS: Final = 6
"""Of knots, coefficients and intercept. Other BLAS kernels move a coefficient by some 1e-13; rounding to 6 digits hides
that and costs nothing: the log-odds move by less than 1e-5."""


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


SETTINGS: Final = tuple(Setting(knots, C) for knots in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12) for C in (0.1, 0.3, 1.0))
"""Simplest first: fewer knots, then a stronger penalty. 2 knots are a plain logistic regression. On the public data
14, 16 and 20 knots and C of 3 were tried once and were no better than the best of these."""


def round_digits(value: float) -> float:
    """Return `value` at `SIGNIFICANT_DIGITS`."""
    return float(f"{value:.{SIGNIFICANT_DIGITS - 1}e}")


def quantile_knots(values: "Sequence[float] | pd.Series[float]", count: int) -> list[float]:
    """Return at most `count` strictly rising knots at even quantiles of `values`, from the least to the greatest.

    Parameters
    ----------
    values : array-like of shape (n_customers,)
    """
    quantiles = np.quantile(np.asarray(values, dtype=np.float64), np.linspace(0.0, 1.0, count))
    return sorted({round_digits(quantile) for quantile in quantiles.tolist()})


def fit_features(X: pd.DataFrame, knots: int) -> ColumnTransformer:
    """Return the fitted transformer of the ten columns: words to indicators, numbers to hat functions at knots."""
    words = OneHotEncoder(categories=[list(feature.values) for feature in WORDS], sparse_output=False)
    lines = [(name, _spline(quantile_knots(X[name], knots)), [name]) for name in NUMBERS]
    return ColumnTransformer([("words", words, [feature.name for feature in WORDS]), *lines]).fit(X)


def columns_of(features: ColumnTransformer) -> dict[str, slice]:
    """Return the columns of each feature in the design matrix: one a word, or one a knot."""
    sizes = [(feature.name, len(feature.values)) for feature in WORDS]
    sizes += [(name, features.named_transformers_[name].n_features_out_) for name in NUMBERS]
    columns, start = {}, 0
    for name, size in sizes:
        columns[name] = slice(start, start + size)
        start += size
    return columns


def chains_of(features: ColumnTransformer) -> list[Chain]:
    """Return the columns of each number, and the direction of its curve."""
    columns = columns_of(features)
    return [Chain(columns[name].start, columns[name].stop, sign) for name, sign in DIRECTIONS.items()]


def fit_logistic(
    features: ColumnTransformer,
    design: Floats,
    y: Ints,
    C: float,
    directed: bool = True,
) -> LogisticRegression:
    """Return a logistic regression on a design matrix, coefficients and intercept rounded. No class weights.

    Parameters
    ----------
    features : ColumnTransformer
        The transformer of the design matrix.
    design : ndarray of shape (n_customers, n_columns), float64
    y : ndarray of shape (n_customers,), int
        0 or 1.
    directed : bool
        Whether the curves follow `DIRECTIONS`.
    """
    chains = chains_of(features) if directed else []
    logistic = fit_monotone_logistic(design, y, C, chains)
    logistic.coef_ = np.array([[round_digits(coefficient) for coefficient in logistic.coef_[0].tolist()]])
    logistic.intercept_ = np.array([round_digits(float(logistic.intercept_[0]))])
    return logistic


def fit(X: pd.DataFrame, y: Ints, setting: Setting, directed: bool = True) -> Pipeline:
    """Return the fitted pipeline.

    Parameters
    ----------
    X : DataFrame of shape (n_customers, 10)
    y : ndarray of shape (n_customers,), int
    """
    features = fit_features(X, setting.knots)
    logistic = fit_logistic(features, features.transform(X), y, setting.C, directed)
    return Pipeline([("features", features), ("logistic", logistic)])


def predict(X: pd.DataFrame, y: Ints, fold: "Fold", settings: Sequence[Setting]) -> Iterator[tuple[Setting, Floats]]:
    """Yield, for each setting, the probabilities of the test rows by a model of the training rows.

    Parameters
    ----------
    X : DataFrame of shape (n_customers, 10)
    y : ndarray of shape (n_customers,), int
    settings : sequence of Setting
        Those with equal knots one after the other, so that their features are transformed once.
    """
    train, test = fold
    for knots, group in groupby(settings, key=lambda setting: setting.knots):
        features = fit_features(X.iloc[train], knots)
        X_train, X_test = features.transform(X.iloc[train]), features.transform(X.iloc[test])
        for setting in group:
            logistic = fit_logistic(features, X_train, y[train], setting.C)
            yield setting, round_probabilities(logistic.predict_proba(X_test)[:, 1])


def points_of(pipeline: Pipeline) -> dict[str, list[float]]:
    """Return the coefficients by feature: one a word in schema order, or one a knot."""
    coefficients = pipeline.named_steps["logistic"].coef_[0].tolist()
    return {name: coefficients[columns] for name, columns in columns_of(pipeline.named_steps["features"]).items()}


def knots_of(pipeline: Pipeline, name: str) -> list[float]:
    """Return the knots of a number."""
    return list(pipeline.named_steps["features"].named_transformers_[name].knots[:, 0].tolist())


def _spline(knots: Sequence[float]) -> SplineTransformer:
    return SplineTransformer(degree=1, knots=np.array(knots)[:, np.newaxis], extrapolation="constant")
