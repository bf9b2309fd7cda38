"""A whole file in numbers, for summary.json: a few counts a block, so that memory does not grow with the rows."""

import heapq
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.block import Block
from model.bulk.plausibility import ImplausibleRows
from model.bulk.population import Comparison, load
from model.bulk.rejected import count_problems
from model.bulk.score import to_tiers
from model.outputs import PROBABILITY, ROW, VALUE_AT_RISK
from model.schema import TIERS, Schema
from model.scorecard import PROBABILITY_DECIMALS, Scorer

TOP: Final = 10
"""Customers that a summary names unless asked for more: those with most value at risk, or most likely to leave."""

STEPS: Final = 100
"""`by_threshold` has a line for each hundredth, and one for 1."""

_STEPS_IN_A_BAND: Final = 5
"""`distribution` has twenty bands; a probability of 1 belongs to the last."""


class Summary:
    """The counts of one file.

    Parameters
    ----------
    scorer : Scorer
    top : int
        How many customers to name: those with most value at risk, or without money those most likely to leave.
    population : dict, optional
        The content of population.json, if the folder of the scorer is not on this machine.
    numbered : bool
        Whether rows have numbers.

    Attributes
    ----------
    rows_in, rows_scored, rows_rejected, blank_lines : int
    """

    def __init__(
        self,
        scorer: Scorer,
        top: int = TOP,
        population: Mapping[str, Any] | None = None,
        numbered: bool = True,
    ) -> None:
        self._scorer = scorer
        self.rows_in = self.rows_scored = self.rows_rejected = self.blank_lines = 0
        self._churn = 0
        self._tiers = np.zeros(len(TIERS), np.int64)
        self._codes: Counter[str] = Counter()
        self._money = scorer.schema.money
        self._may_lack_money = bool(self._money) and scorer.schema.by_name[self._money or ""].accepts_missing
        self._by_step = np.zeros((3 if self._money else 2, STEPS + 1))
        self._top = _Top(top, numbered, scorer.schema, self._may_lack_money)
        population = population or load(scorer)
        self._comparison = Comparison(population, scorer.schema) if population else None
        self._implausible = ImplausibleRows(scorer, population) if population and scorer.plausibility else None

    def add(self, block: Block) -> None:
        """Count one scored block."""
        self.rows_in += block.rows
        self.rows_rejected += len(block.problems)
        self.rows_scored += int(block.good.sum())
        self.blank_lines += block.blank_lines
        for problems, rows in count_problems(block):
            self._codes.update(dict.fromkeys({problem.code for problem in problems}, rows))
        # Where all are good nothing has to be copied.
        good = block.good if block.problems else slice(None)
        probability = block.probability[good]
        weights = [None, probability]
        if self._money:
            at_risk = probability * block.columns[self._money][good]
            # That of a customer whose money is missing is not known, and adds nothing.
            weights.append(np.nan_to_num(at_risk) if self._may_lack_money else at_risk)
        self._churn += int((probability >= self._scorer.threshold).sum())
        self._tiers += np.bincount(to_tiers(probability, self._scorer.tiers), minlength=len(TIERS))
        steps = _steps_of(probability)
        for line, weight in enumerate(weights):
            self._by_step[line] += np.bincount(steps, weights=weight, minlength=STEPS + 1)
        if self._comparison:
            self._comparison.add(block)
        if self._implausible:
            self._implausible.add(block)
        self._top.add(block, at_risk if self._money else probability)

    @property
    def notes(self) -> list[str]:
        """What to know about the rows as a whole."""
        return self._comparison.notes() if self._comparison else []

    def implausible(self, is_whole: bool = True) -> list[str]:
        """Return what to know first: that many rows are unlike the training data; `is_whole` if all were read."""
        return self._implausible.notes(self.rows_scored, is_whole) if self._implausible else []

    def state(self) -> dict[str, Any]:
        """Return the counts as JSON values, for `merge`; floats keep every bit."""
        return {
            "rows": [self.rows_in, self.rows_scored, self.rows_rejected, self.blank_lines, self._churn],
            "tiers": self._tiers.tolist(),
            "codes": dict(self._codes),
            "by_step": self._by_step.tolist(),
            "top": self._top.entries,
            "comparison": self._comparison.state() if self._comparison else None,
            "implausible": self._implausible.state() if self._implausible else None,
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        """Add the counts of another part. Counts are exact in any order, sums of floats to about 12 digits."""
        rows_in, scored, rejected, blank, churn = state["rows"]
        self.rows_in += rows_in
        self.rows_scored += scored
        self.rows_rejected += rejected
        self.blank_lines += blank
        self._churn += churn
        self._tiers += np.array(state["tiers"], np.int64)
        self._codes.update(state["codes"])
        self._by_step += np.array(state["by_step"])
        for entry in state["top"]:
            self._top.offer(tuple(entry))
        if self._comparison and state["comparison"]:
            self._comparison.merge(state["comparison"])
        if self._implausible and state["implausible"]:
            self._implausible.merge(state["implausible"])

    def to_dict(self) -> dict[str, Any]:
        """Return the summary; rows in = rows scored + rows rejected, or it raises AssertionError."""
        if self.rows_in != self.rows_scored + self.rows_rejected:
            raise AssertionError(f"{self.rows_in} rows in, {self.rows_scored} scored, {self.rows_rejected} rejected")
        from_above = np.cumsum(self._by_step[:, ::-1], axis=1)[:, ::-1].T.tolist()
        money = [VALUE_AT_RISK.name] if self._money else []
        by_threshold = [
            {
                "threshold": step / STEPS,
                "customers": int(customers),
                "expected_churners": round(churners, 2),
                **dict(zip(money, [round(value, 2) for value in values], strict=True)),
            }
            for step, (customers, churners, *values) in enumerate(from_above)
        ]
        bands = self._by_step[0, :-1].reshape(-1, _STEPS_IN_A_BAND).sum(axis=1)
        bands[-1] += self._by_step[0, -1]
        width = _STEPS_IN_A_BAND / STEPS
        distribution = [
            {"from": round(band * width, 2), "to": round((band + 1) * width, 2), "customers": int(customers)}
            for band, customers in enumerate(bands.tolist())
        ]
        return {
            "rows_in": self.rows_in,
            "rows_scored": self.rows_scored,
            "rows_rejected": self.rows_rejected,
            "blank_lines": self.blank_lines,
            "model_version": self._scorer.version,
            "threshold": self._scorer.threshold,
            "reasons_method": self._scorer.reasons_method,
            "predicted_churn": self._churn,
            "tiers": dict(zip(TIERS, self._tiers.tolist(), strict=True)),
            "expected_churners": by_threshold[0]["expected_churners"],
            **({VALUE_AT_RISK.name: by_threshold[0][VALUE_AT_RISK.name]} if self._money else {}),
            "errors_by_code": dict(sorted(self._codes.items())),
            "top": self._top.to_list(),
            "segments": self._comparison.segments() if self._comparison else [],
            "drift": self._comparison.drift() if self._comparison else {},
            "distribution": distribution,
            "by_threshold": by_threshold,
        }


def _steps_of(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the highest hundredth that each probability reaches, compared unrounded."""
    steps = (probability * STEPS).astype(np.int64)
    # The product may round up to the next step, or stay below one that is reached.
    steps -= probability < steps / STEPS
    steps += (steps < STEPS) & (probability >= (steps + 1) / STEPS)
    return steps


class _Top:
    """The rows with most value at risk so far, or without money those most likely to leave; of equal ones the first."""

    def __init__(self, most: int, numbered: bool, schema: Schema, may_be_nan: bool) -> None:
        self._may_be_nan = may_be_nan
        self._most = most
        self._numbered = numbered
        self._schema = schema
        self.entries: list[tuple[float, int, str, float]] = []

    def add(self, block: Block, weights: NDArray[np.float64]) -> None:
        if not self._most or not len(weights):
            return
        if self._may_be_nan:
            # Behind all others, and back to None in `to_list`.
            weights = np.where(np.isnan(weights), -math.inf, weights)
        rows = np.flatnonzero(block.good)
        if len(weights) > self._most:
            least = np.partition(weights, -self._most)[-self._most]
            candidates = weights >= least
            rows, weights = rows[candidates], weights[candidates]
        for index, weight in zip(rows.tolist(), weights.tolist(), strict=True):
            # The row is negated, so that of equal weights the earlier one ranks higher.
            number = block.first_row + index if self._numbered else 0
            self.offer((weight, -number, block.ids[index].as_py(), float(block.probability[index])))

    def offer(self, entry: tuple[float, int, str, float]) -> None:
        """Keep an entry if it ranks among the highest."""
        if len(self.entries) < self._most:
            heapq.heappush(self.entries, entry)
        elif self._most and entry > self.entries[0]:
            heapq.heapreplace(self.entries, entry)

    def to_list(self) -> list[dict[str, Any]]:
        return [
            {
                **({ROW.name: -row} if self._numbered else {}),
                **({self._schema.id: customer_id} if self._schema.id else {}),
                PROBABILITY.name: round(probability, PROBABILITY_DECIMALS),
                **({VALUE_AT_RISK.name: _to_money(weight)} if self._schema.money else {}),
            }
            for weight, row, customer_id, probability in sorted(self.entries, reverse=True)
        ]


def _to_money(weight: float) -> float | None:
    return round(weight, 2) if math.isfinite(weight) else None
