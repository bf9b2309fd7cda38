"""The strongest reasons of each row of a block, equal to those that `model.explain` returns for the row alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bulk.block import Block
from model.bulk.score import BulkScorer
from model.explain import Contribution
from model.schema import FEATURES, Categorical, Feature
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
        self.count = count

    def of(self, block: Block) -> list[list[Contribution]]:
        """Return the reasons of every row, the strongest first; those of bad rows have no meaning."""
        contributions = self._scorer.contributions(block.columns, block.rows)
        # Stable, so that ties stay in schema order.
        order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, : self.count]
        strongest = np.take_along_axis(contributions, order, axis=1).tolist()
        values = [_values(block.columns[feature.name], feature) for feature in FEATURES]
        return [
            [
                Contribution(FEATURES[term].name, values[term][row], contribution)
                for term, contribution in zip(terms, parts, strict=True)
            ]
            for row, (terms, parts) in enumerate(zip(order.tolist(), strongest, strict=True))
        ]


def _values(column: NDArray[Any], feature: Feature) -> list[Any]:
    if isinstance(feature, Categorical):
        return [feature.values[code] for code in column.tolist()]
    return [int(value) for value in column.tolist()] if feature.whole else column.tolist()
