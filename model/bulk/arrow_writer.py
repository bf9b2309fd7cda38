"""Scored blocks to typed columns, for outputs that are tables: one row out for each row in."""

from typing import Any

import numpy as np
import pyarrow as pa

from model.bulk.block import Block
from model.bulk.csv_writer import RECORD, sentences
from model.bulk.plausibility import notes_of
from model.bulk.reasons import Reasons
from model.bulk.score import STEPS, to_steps, to_tiers
from model.outputs import ERROR, NOTES, PREDICTION, PROBABILITY, TIER, OutputOptions, computed_columns, reason_names
from model.schema import CHURN, NOT_CHURN, TIERS, Schema
from model.scorecard import Scorer

KIND, PREDICTIONS, REJECTS = "kind", "predictions", "rejects"
"""What a row is; the first column of what a worker gives."""


def columns_of(schema: Schema, options: OutputOptions) -> dict[str, str]:
    """Return the columns of predictions and rejects, and their types: `string` or `double`."""
    return {
        **({schema.id: "string"} if schema.id else {}),
        PREDICTION.name: "string",
        PROBABILITY.name: "double",
        TIER.name: "string",
        **{column.name: "double" for column in computed_columns(schema, options)},
        **dict.fromkeys(reason_names(options.reasons), "string"),
        **dict.fromkeys([NOTES.name] * options.notes, "string"),
        **dict.fromkeys((ERROR.name, RECORD), "string"),
    }


class ArrowWriter:
    """Makes record batches of scored blocks.

    A row of predictions has its error where it is bad; rejects holds the bad rows again, with their record.
    """

    def __init__(self, scorer: Scorer, options: OutputOptions) -> None:
        self._scorer = scorer
        self._computed = computed_columns(scorer.schema, options)
        self._reasons = Reasons(scorer, options.reasons) if options.reasons else None
        types = {"string": pa.string(), "double": pa.float64()}
        self._fields = {name: types[kind] for name, kind in columns_of(scorer.schema, options).items()}
        self._schema = pa.schema([(KIND, pa.string()), *self._fields.items()])

    def rows(self, block: Block) -> Any:
        """Return predictions and rejects of one block."""
        bad = ~block.good
        probability = block.probability
        errors = np.full(block.rows, None, object)
        for index, problems in block.problems.items():
            errors[index] = sentences(problems)
        predictions = {
            **self._ids(block),
            PREDICTION.name: _words((NOT_CHURN, CHURN), probability >= self._scorer.threshold, bad),
            PROBABILITY.name: pa.array(to_steps(probability) / STEPS, mask=bad),
            TIER.name: _words(TIERS, to_tiers(probability, self._scorer.tiers), bad),
            ERROR.name: pa.array(errors, pa.string()),
        }
        for column in self._computed:
            numbers = np.round(column.compute(block.schema, block.columns, block), column.decimals)
            predictions[column.name] = pa.array(numbers, mask=bad | np.isnan(numbers))
        if self._reasons:
            texts, _ = self._reasons.of(block, lambda part: part.sentence)
            for name, sentences_of_rank in zip(reason_names(self._reasons.count), texts.T, strict=True):
                predictions[name] = pa.array(sentences_of_rank, pa.string(), mask=bad)
        if NOTES.name in self._fields:
            noted = {row: " ".join(sentences) for row, sentences in notes_of(self._scorer, block).items()}
            predictions[NOTES.name] = pa.array([noted.get(row) for row in range(block.rows)], pa.string())
        batches = [self._batch(PREDICTIONS, block.rows, predictions)]
        if block.problems:
            rejected = pa.array(list(block.problems))
            rejects = {name: predictions[name].take(rejected) for name in (*self._ids(block), ERROR.name)}
            rejects[RECORD] = pa.array(list(block.records.values()), pa.string())
            batches.append(self._batch(REJECTS, len(rejected), rejects))
        return pa.concat_batches(batches)

    def _ids(self, block: Block) -> dict[str, Any]:
        return {self._scorer.schema.id: block.ids} if self._scorer.schema.id else {}

    def message(self, kind: str, text: str) -> Any:
        """Return a row that holds a message of ours."""
        return self._batch(kind, 1, {RECORD: pa.array([text])})

    def _batch(self, kind: str, rows: int, columns: dict[str, Any]) -> Any:
        arrays = [columns.get(name, pa.nulls(rows, type_)) for name, type_ in self._fields.items()]
        return pa.RecordBatch.from_arrays([pa.array([kind] * rows, pa.string()), *arrays], schema=self._schema)


def _words(words: tuple[str, ...], codes: np.ndarray[Any, Any], bad: np.ndarray[Any, Any]) -> Any:
    return pa.array(words).take(pa.array(codes.astype(np.int64), mask=bad))
