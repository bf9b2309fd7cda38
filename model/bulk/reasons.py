"""The strongest reasons of each row of a block, equal to those that `model.explain` returns for the row alone."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bulk.block import Array, Block, to_values
from model.bulk.score import BulkScorer, Floats
from model.explain import HARDLY, STRONGLY, Contribution, terms_of
from model.schema import Feature
from model.scorecard import Scorer


class Reasons:
    """The strongest reasons of each row.

    Parameters
    ----------
    scorer : Scorer
    count : int
        How many for each row.
    """

    def __init__(self, scorer: Scorer, count: int) -> None:
        self._scorer = BulkScorer(scorer.additive or scorer)
        self._terms = terms_of(scorer)
        self.count = count

    def of(self, block: Block, to_text: Callable[[Contribution], Any]) -> tuple[NDArray[Any], Floats]:
        """Return the reasons of every row, the strongest first; those of bad rows have no meaning.

        Parameters
        ----------
        to_text : callable
            Makes what is returned for a reason. Called once for reasons that differ in their number of log-odds only
            and have the same sentence: of the rows of a block, few are not such.

        Returns
        -------
        texts : ndarray of shape (rows, count), object
        contributions : ndarray of shape (rows, count), float64
            In log-odds.
        """
        contributions = self._scorer.contributions(block.columns, block.rows)
        # Stable, so that ties stay in the order of the terms.
        order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, : self.count]
        strongest = np.take_along_axis(contributions, order, axis=1)
        texts = np.empty(order.size, object)
        points = strongest.ravel()
        terms = order.ravel().astype(np.int16)
        by_term = np.argsort(terms, kind="stable")
        bounds = np.searchsorted(terms[by_term], np.arange(len(self._terms) + 1))
        for features, (start, stop) in zip(self._terms, pairwise(bounds.tolist()), strict=True):
            cells = by_term[start:stop]
            columns = [block.columns[feature.name].take(cells // order.shape[1]) for feature in features]
            texts[cells] = _texts_of(features, columns, points[cells], to_text)
        return texts.reshape(order.shape), strongest


def _texts_of(
    features: tuple[Feature, ...], columns: Sequence[Array], points: Floats, to_text: Callable[[Contribution], Any]
) -> NDArray[Any]:
    """Return the text of each of some reasons of one term."""
    sizes = np.abs(points)
    # By what `explain.effect` distinguishes, and by the values.
    keys = np.sign(points).astype(np.int64) * ((sizes >= HARDLY) + 1 * (sizes >= STRONGLY)) + 2
    for column in columns:
        distinct, codes = np.unique(column, return_inverse=True)
        keys = keys * len(distinct) + codes
    _, firsts, inverse = np.unique(keys, return_index=True, return_inverse=True)
    values = zip(
        *[to_values(feature, column[firsts]) for feature, column in zip(features, columns, strict=True)], strict=True
    )
    texts = np.empty(len(firsts), object)
    for index, (of_reason, contribution) in enumerate(zip(values, points[firsts].tolist(), strict=True)):
        texts[index] = to_text(Contribution(features, of_reason, contribution))
    return texts.take(inverse)
