"""Counts over a whole file, for summary.json: a few numbers a block, so the memory does not grow with the rows."""

from collections import Counter
from typing import Any

import numpy as np

from model.bulk.columns import Block
from model.bulk.score import to_tiers
from model.schema import MONTHLY_CHARGES, TIERS
from model.scorecard import Scorer


class Summary:
    """What a file came to.

    Attributes
    ----------
    rows_in, rows_scored, rows_rejected, blank_lines : int
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.rows_in = self.rows_scored = self.rows_rejected = self.blank_lines = 0
        self._churn = 0
        self._tiers = np.zeros(len(TIERS), np.int64)
        self._expected_churners = 0.0
        self._value_at_risk = 0.0
        self._codes: Counter[str] = Counter()

    def add(self, block: Block) -> None:
        """Count one scored block."""
        self.rows_in += block.rows
        self.rows_rejected += len(block.problems)
        self.rows_scored += int(block.good.sum())
        self.blank_lines += block.blank_lines
        for problems in block.problems.values():
            self._codes.update({each.code for each in problems})
        chance = block.probability[block.good]
        self._churn += int((chance >= self._scorer.threshold).sum())
        self._tiers += np.bincount(to_tiers(chance, self._scorer.tiers), minlength=len(TIERS))
        self._expected_churners += float(chance.sum())
        self._value_at_risk += float((chance * block.columns[MONTHLY_CHARGES][block.good]).sum())

    def to_dict(self) -> dict[str, Any]:
        """Return the summary; rows in = rows scored + rows rejected, or it raises AssertionError."""
        if self.rows_in != self.rows_scored + self.rows_rejected:
            raise AssertionError(f"{self.rows_in} rows in, {self.rows_scored} scored, {self.rows_rejected} rejected")
        return {
            "rows_in": self.rows_in,
            "rows_scored": self.rows_scored,
            "rows_rejected": self.rows_rejected,
            "blank_lines": self.blank_lines,
            "model_version": self._scorer.version,
            "threshold": self._scorer.threshold,
            "predicted_churn": self._churn,
            "tiers": dict(zip(TIERS, self._tiers.tolist(), strict=True)),
            "expected_churners": round(self._expected_churners, 2),
            "value_at_risk": round(self._value_at_risk, 2),
            "errors_by_code": dict(sorted(self._codes.items())),
        }
