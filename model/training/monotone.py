"""A logistic regression whose curves only fall, or only rise: scikit-learn's, on columns that are tied where needed.

Neighbouring coefficients that violate the direction are tied to one value, and the rest is fitted again, until none
violates it and no tie prevents a better fit: the optimum under the constraints, not an approximation.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from model.training.metrics import Floats, Ints

TOLERANCE: Final = 1e-12
"""Of the gradient. Newton's steps converge quadratically, so this takes one step more than 1e-6 does."""

SLACK: Final = 1e-9
"""Per customer. A tie with a smaller multiplier is kept: undone, it would change a coefficient by less than 1e-7."""

ROUNDS: Final = 100
"""More than ever needed (6). Beyond it ties are only added, never removed, so the search ends."""


class Chain(NamedTuple):
    """Neighbouring columns, `start` to `stop` - 1, whose coefficients rise (`sign` 1) or fall (-1)."""

    start: int
    stop: int
    sign: int


def fit_monotone_logistic(
    design: Any,
    y: Ints,
    C: float,
    chains: Sequence[Chain],
) -> LogisticRegression:
    """Return the L2-penalized logistic regression of least loss whose coefficients respect `chains`.

    Parameters
    ----------
    design : ndarray or sparse matrix of shape (n_customers, n_columns), float64
    y : ndarray of shape (n_customers,), int
        0 or 1.
    C : float
        Inverse strength of the penalty.
    chains : sequence of Chain
        None for the plain regression.

    References
    ----------
    The search is an active set method, as in Nocedal and Wright, Numerical Optimization, 2nd ed. 2006, section 16.5.
    The multipliers are those of pooling adjacent violators: Best and Chakravarti, Active Set Algorithms for Isotonic
    Regression, Mathematical Programming 47, 1990.
    """
    tied: set[int] = set()
    for round in range(ROUNDS + design.shape[1]):
        blocks = blocks_of(design.shape[1], tied)
        # A coefficient shared by n columns is penalized n times; a column of n / sqrt(n) makes that the same.
        join = np.zeros((design.shape[1], len(blocks)))
        for column, block in enumerate(blocks):
            join[block, column] = len(block) ** -0.5
        joined = design @ (sparse.csr_array(join) if sparse.issparse(design) else join)
        logistic = LogisticRegression(C=C, solver="newton-cholesky", tol=TOLERANCE).fit(joined, y)
        coefficients = join @ logistic.coef_[0]
        violations = {
            column
            for chain in chains
            for column in range(chain.start + 1, chain.stop)
            if column not in tied and (coefficients[column] - coefficients[column - 1]) * chain.sign < 0.0
        }
        if not violations:
            tie = _worst_tie(design, y, C, chains, blocks, logistic, coefficients) if round < ROUNDS else None
            if tie is None:
                break
            tied.remove(tie)
        tied |= violations
    logistic.coef_ = coefficients[np.newaxis, :]
    logistic.n_features_in_ = design.shape[1]
    return logistic


def blocks_of(count: int, tied: Collection[int]) -> list[list[int]]:
    """Return the columns in groups: those of `tied` with the column before them."""
    blocks: list[list[int]] = []
    for column in range(count):
        if column in tied:
            blocks[-1].append(column)
        else:
            blocks.append([column])
    return blocks


def _worst_tie(
    design: Any,
    y: Ints,
    C: float,
    chains: Sequence[Chain],
    blocks: Sequence[Sequence[int]],
    logistic: LogisticRegression,
    coefficients: Floats,
) -> int | None:
    """Return the column whose tie to the one before most prevents a better fit, by its Lagrange multiplier."""
    log_odds = design @ coefficients + logistic.intercept_[0]
    gradient = design.T @ (1.0 / (1.0 + np.exp(-log_odds)) - y) + coefficients / C
    worst, column = -SLACK * len(y), None
    for chain in chains:
        for block in blocks:
            if chain.start <= block[0] < chain.stop:
                multipliers = -chain.sign * np.cumsum(gradient[block])[:-1]
                if len(multipliers) and multipliers.min() < worst:
                    worst, column = float(multipliers.min()), block[int(multipliers.argmin()) + 1]
    return column
