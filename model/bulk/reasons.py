"""The strongest reasons of each row of a block, equal to those that `model.explain` returns for the row alone."""

import numpy as np

from model.bulk.block import Block, to_values
from model.bulk.score import BulkScorer
from model.explain import Contribution, terms_of
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

    def of(self, block: Block) -> list[list[Contribution]]:
        """Return the reasons of every row, the strongest first; those of bad rows have no meaning."""
        contributions = self._scorer.contributions(block.columns, block.rows)
        # Stable, so that ties stay in the order of the terms.
        order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, : self.count]
        strongest = np.take_along_axis(contributions, order, axis=1).tolist()
        values = {feature.name: to_values(feature, block.columns[feature.name]) for feature in block.schema.features}
        values_of_terms = [
            list(zip(*[values[feature.name] for feature in features], strict=True)) for features in self._terms
        ]
        return [
            [
                Contribution(self._terms[term], values_of_terms[term][row], contribution)
                for term, contribution in zip(terms, parts, strict=True)
            ]
            for row, (terms, parts) in enumerate(zip(order.tolist(), strongest, strict=True))
        ]
