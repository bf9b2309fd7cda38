"""Third step of training: customers and labels to a fitted scikit-learn pipeline.

One-hot words, piecewise linear numbers (splines of degree 1, constant beyond the outer knots), logistic regression
whose curves go one way. Degree 1 is as good as degree 3 on the public data (log loss .4175 and .4177 at 8 knots) and
compiles exactly. No class of ours is inside.
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
from model.training.metrics import settle
from model.training.monotone import Chain, fit_monotone

if TYPE_CHECKING:
    from model.training.cross_validation import Fold

WORDS: Final = [feature for feature in FEATURES if isinstance(feature, Categorical)]
NUMBERS: Final = [feature.name for feature in FEATURES if isinstance(feature, Numeric)]

DIRECTIONS: Final = {name: 1 if name == MONTHLY_CHARGES else -1 for name in NUMBERS}
"""A dearer bill never lowers the risk; a longer tenure or more paid so far never raises it. Left free, all three
curves of the public data turn here and there, and a cheaper offer could come out as the riskier one; held to these
directions the model is no worse (metrics.json, `directions`)."""

SIGNIFICANT_DIGITS: Final = 6
"""Of knots, coefficients and intercept. Other BLAS kernels move a coefficient by some 1e-13; rounding to 6 digits hides
that and costs nothing: the log-odds move by less than 1e-5."""


class Setting(NamedTuple):
    """What the protocol chooses.

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
14, 16 and 20 knots and C of 3 were looked at once and were no better than the best of these."""


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
    return sorted({round_digits(each) for each in quantiles.tolist()})


def fit_features(frame: pd.DataFrame, knots: int) -> ColumnTransformer:
    """Return the fitted transformer of the ten columns: words to indicators, numbers to hat functions at knots."""
    words = OneHotEncoder(categories=[list(feature.values) for feature in WORDS], sparse_output=False)
    lines = [(name, _spline(quantile_knots(frame[name], knots)), [name]) for name in NUMBERS]
    return ColumnTransformer([("words", words, [feature.name for feature in WORDS]), *lines]).fit(frame)


def columns_of(features: ColumnTransformer) -> dict[str, slice]:
    """Return where the columns of each feature stand in the design matrix: one a word, or one a knot."""
    sizes = [(feature.name, len(feature.values)) for feature in WORDS]
    sizes += [(name, features.named_transformers_[name].n_features_out_) for name in NUMBERS]
    places, start = {}, 0
    for name, size in sizes:
        places[name] = slice(start, start + size)
        start += size
    return places


def fit_logistic(
    features: ColumnTransformer,
    design: np.ndarray,
    churned: np.ndarray,
    C: float,  # noqa: N803  scikit-learn's name
    directed: bool = True,
) -> LogisticRegression:
    """Return a logistic regression on a design matrix, coefficients and intercept rounded. No class weights.

    Parameters
    ----------
    features : ColumnTransformer
        That made the design matrix.
    design : ndarray of shape (n_customers, n_columns), float64
    churned : ndarray of shape (n_customers,), int
        0 or 1.
    directed : bool
        Whether the curves are held to `DIRECTIONS`.
    """
    places = columns_of(features)
    chains = (
        [Chain(places[name].start, places[name].stop, sign) for name, sign in DIRECTIONS.items()] if directed else []
    )
    logistic = fit_monotone(design, churned, C, chains)
    logistic.coef_ = np.array([[round_digits(each) for each in logistic.coef_[0].tolist()]])
    logistic.intercept_ = np.array([round_digits(float(logistic.intercept_[0]))])
    return logistic


def fit(frame: pd.DataFrame, churned: np.ndarray, setting: Setting, directed: bool = True) -> Pipeline:
    """Return the fitted pipeline.

    Parameters
    ----------
    frame : DataFrame of shape (n_customers, 10)
    churned : ndarray of shape (n_customers,), int
    """
    features = fit_features(frame, setting.knots)
    logistic = fit_logistic(features, features.transform(frame), churned, setting.C, directed)
    return Pipeline([("features", features), ("logistic", logistic)])


def predict(
    frame: pd.DataFrame, churned: np.ndarray, fold: "Fold", settings: Sequence[Setting]
) -> Iterator[tuple[Setting, np.ndarray]]:
    """Yield, for each setting, the probabilities of the test rows by a model of the training rows.

    Parameters
    ----------
    frame : DataFrame of shape (n_customers, 10)
    churned : ndarray of shape (n_customers,), int
    settings : sequence of Setting
        Equal knots side by side, so that the features are made once for them.
    """
    train, test = fold
    for knots, group in groupby(settings, key=lambda setting: setting.knots):
        features = fit_features(frame.iloc[train], knots)
        known, unknown = features.transform(frame.iloc[train]), features.transform(frame.iloc[test])
        for setting in group:
            logistic = fit_logistic(features, known, churned[train], setting.C)
            yield setting, settle(logistic.predict_proba(unknown)[:, 1])


def points_of(pipeline: Pipeline) -> dict[str, list[float]]:
    """Return the coefficients by feature: one a word in schema order, or one a knot."""
    coefficients = pipeline.named_steps["logistic"].coef_[0].tolist()
    return {name: coefficients[place] for name, place in columns_of(pipeline.named_steps["features"]).items()}


def knots_of(pipeline: Pipeline, name: str) -> list[float]:
    """Return the knots of a number."""
    knots: list[float] = pipeline.named_steps["features"].named_transformers_[name].knots[:, 0].tolist()
    return knots


def _spline(knots: Sequence[float]) -> SplineTransformer:
    return SplineTransformer(degree=1, knots=np.array(knots)[:, np.newaxis], extrapolation="constant")
