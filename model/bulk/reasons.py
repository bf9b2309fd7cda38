"""Why, for columns: the strongest reasons of each row, equal to what `model.explain` gives for the row alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bulk.columns import Block
from model.bulk.score import BulkScorer
from model.explain import Contribution
from model.schema import FEATURES, Categorical
from model.scorecard import Scorer


class Reasons:
    """The strongest reasons of each row.

    Parameters
    ----------
    scorer : Scorer
    most : int
        How many for each row.
    """

    def __init__(self, scorer: Scorer, most: int) -> None:
        self._scorer = BulkScorer(scorer.additive or scorer)
        self.most = most

    def of(self, block: Block) -> list[list[Contribution]]:
        """Return the reasons of every row, the strongest first; those of bad rows mean nothing."""
        points = self._scorer.contributions(block.columns, block.rows)
        # Stable, so that ties stay in schema order.
        order = np.argsort(-np.abs(points), axis=1, kind="stable")[:, : self.most]
        strongest = np.take_along_axis(points, order, axis=1).tolist()
        values = [_values(block.columns[feature.name], feature) for feature in FEATURES]
        return [
            [
                Contribution(FEATURES[place].name, values[place][row], point)
                for place, point in zip(places, parts, strict=True)
            ]
            for row, (places, parts) in enumerate(zip(order.tolist(), strongest, strict=True))
        ]


def _values(column: NDArray[Any], feature: Any) -> list[Any]:
    if isinstance(feature, Categorical):
        return [feature.values[code] for code in column.tolist()]
    return [int(value) for value in column.tolist()] if feature.whole else column.tolist()
