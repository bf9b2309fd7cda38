"""Last step of the road where the outputs are tables: scored blocks to typed columns, one row out for each row in."""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from model.bulk.columns import Block
from model.bulk.csv_writer import ERROR, PREDICTION, PROBABILITY, RECORD, TIER, VALUE_AT_RISK, Options, sentences
from model.bulk.score import STEPS, to_steps, to_tiers
from model.schema import CHURN, CUSTOMER_ID, MONTHLY_CHARGES, NOT_CHURN, TIERS
from model.scorecard import Scorer

KIND, PREDICTIONS, REJECTS = "kind", "predictions", "rejects"
"""What a row is; the first column of what a worker gives."""

_CENTS: Final = 2


def columns_of(options: Options) -> dict[str, str]:
    """Return the columns of predictions and rejects, and their types: `string` or `double`."""
    amounts = {VALUE_AT_RISK: "double"} if options.value_at_risk else {}
    texts = dict.fromkeys((ERROR, RECORD), "string")
    return {CUSTOMER_ID: "string", PREDICTION: "string", PROBABILITY: "double", TIER: "string", **amounts, **texts}


class ArrowWriter:
    """Makes record batches of scored blocks.

    A row of predictions has its error where it is bad; rejects holds the bad rows again, with the record as it came.
    """

    def __init__(self, scorer: Scorer, options: Options) -> None:
        self._scorer = scorer
        self._options = options
        types = {"string": pa.string(), "double": pa.float64()}
        self._fields = {name: types[kind] for name, kind in columns_of(options).items()}
        self._schema = pa.schema([(KIND, pa.string()), *self._fields.items()])

    def rows(self, block: Block) -> Any:
        """Return predictions and rejects of one block."""
        bad = ~block.good
        chance = block.probability
        errors = np.full(block.rows, None, object)
        for index, problems in block.problems.items():
            errors[index] = sentences(problems)
        predictions = {
            CUSTOMER_ID: block.ids,
            PREDICTION: _words((NOT_CHURN, CHURN), chance >= self._scorer.threshold, bad),
            PROBABILITY: pa.array(to_steps(chance) / STEPS, mask=bad),
            TIER: _words(TIERS, to_tiers(chance, self._scorer.tiers), bad),
            ERROR: pa.array(errors, pa.string()),
        }
        if self._options.value_at_risk:
            at_risk = np.round(block.columns[MONTHLY_CHARGES] * chance, _CENTS)
            predictions[VALUE_AT_RISK] = pa.array(at_risk, mask=bad)
        made = [self._batch(PREDICTIONS, block.rows, predictions)]
        if block.problems:
            places = pa.array(list(block.problems))
            rejects = {name: predictions[name].take(places) for name in (CUSTOMER_ID, ERROR)}
            rejects[RECORD] = pa.array(list(block.records.values()), pa.string())
            made.append(self._batch(REJECTS, len(places), rejects))
        return pa.concat_batches(made)

    def message(self, kind: str, text: str) -> Any:
        """Return a row that holds a message of ours."""
        return self._batch(kind, 1, {RECORD: pa.array([text])})

    def _batch(self, kind: str, rows: int, columns: dict[str, Any]) -> Any:
        arrays = [columns.get(name, pa.nulls(rows, type_)) for name, type_ in self._fields.items()]
        return pa.RecordBatch.from_arrays([pa.array([kind] * rows, pa.string()), *arrays], schema=self._schema)


def _words(words: tuple[str, ...], codes: np.ndarray[Any, Any], bad: np.ndarray[Any, Any]) -> Any:
    return pa.array(words).take(pa.array(codes.astype(np.int64), mask=bad))
