"""interval.json: by how much the points of a fitted model may be off together, for the intervals of probabilities.

Those of a penalized regression come from its posterior distribution [1]_: on average over the customers they cover the
truth about as often as they should, the bias of the penalty included [2]_.

References
----------
.. [1] Wahba, Bayesian "Confidence Intervals" for the Cross-Validated Smoothing Spline, JRSS B 45, 1983.
.. [2] Nychka, Bayesian Confidence Intervals for Smoothing Splines, JASA 83, 1988.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy import sparse
from scipy.linalg import cholesky, solve_triangular

from model.training.metrics import Floats, Ints

Z: Final = 1.959964
"""Of a 95 % interval."""

MOST: Final = 60
"""Deviations; they hold the posterior of so many coefficients or fewer exactly. Of more, they are random ones: with
30 of them for 46 coefficients the intervals covered 93 % instead of 94.5."""

MOST_NUMBERS: Final = 300_000
LEAST: Final = 10
"""Deviations. A model with so many points that fewer would fit into `MOST_NUMBERS` has no intervals."""

UNIT: Final = 0.0001
SEED: Final = 0


def posterior(design: Any, log_odds: Floats, C: float, ties: Sequence[Sequence[int]]) -> Floats:
    """Return deviations of the coefficients of a logistic regression, whose squares add up to their variances.

    Parameters
    ----------
    design : ndarray or sparse matrix of shape (n_customers, n_columns), float64
    log_odds : ndarray of shape (n_customers,), float64
        By the fitted model.
    C : float
        Inverse strength of the L2 penalty.
    ties : sequence of sequence of int
        Groups of columns whose coefficients are one value, since a direction ties them; every column is in one.

    Returns
    -------
    ndarray of shape (n_deviations, 1 + n_columns), float64
        Of the intercept and the coefficients.
    """
    weights = 0.25 / np.cosh(log_odds / 2.0) ** 2
    join = np.zeros((design.shape[1], len(ties)))
    for column, group in enumerate(ties):
        join[group, column] = 1.0
    scaled = design.multiply(weights[:, np.newaxis]).tocsr() if sparse.issparse(design) else design * weights[:, None]
    product = design.T @ scaled
    inner = join.T @ (product.toarray() if sparse.issparse(product) else product) @ join
    sums = join.T @ np.asarray(design.T @ weights).ravel()
    penalty = np.diag(join.sum(axis=0)) / C
    information = np.block([[weights.sum(), sums[np.newaxis, :]], [sums[:, np.newaxis], inner + penalty]])
    root = cholesky(information, lower=True)
    free = solve_triangular(root, _directions(len(root)), lower=True, trans="T")
    return np.vstack([free[:1], join @ free[1:]]).T


def _directions(size: int, most: int = MOST) -> Floats:
    """Return vectors whose products with themselves add up to 1: the axes, or random ones where these are too many."""
    if size <= most:
        return np.eye(size)
    directions, _ = np.linalg.qr(np.random.default_rng(SEED).standard_normal((size, most)))
    scaled: Floats = directions * np.sqrt(size / most)
    return scaled


def to_interval(deviations: Floats) -> dict[str, Any] | None:
    """Return the content of interval.json; None for a model with too many points.

    Parameters
    ----------
    deviations : ndarray of shape (n_deviations, n_points), float64
        In log-odds, of the intercept and then of the points in the order of `model.interval.Interval`; their squares
        add up to variances.
    """
    deviations = deviations * (Z / UNIT)
    units, columns = _distinct(deviations)
    count = MOST_NUMBERS // units.shape[1]
    if count < LEAST:
        return None
    if count < len(units):
        units, columns = _distinct(_directions(len(deviations), count).T @ deviations)
    return {"unit": UNIT, "columns": columns.tolist(), "deviations": units.tolist()}


def _distinct(deviations: Floats) -> tuple[Ints, Ints]:
    """Return the different columns in whole units, and which of them each column is."""
    units, columns = np.unique(np.rint(deviations).astype(np.int64), axis=1, return_inverse=True)
    return units, columns


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return the file, with a line for each deviation."""
    lines = ",\n".join(json.dumps(deviation, separators=(",", ":")) for deviation in document["deviations"])
    others = {name: value for name, value in document.items() if name != "deviations"}
    return f'{json.dumps(others, separators=(",", ":"))[:-1]},"deviations":[{lines}]}}\n'.encode("ascii")
