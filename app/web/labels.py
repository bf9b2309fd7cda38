"""The JSON object of /v1/customerbatch, id to label, written block by block; row number to label without an id column.

Imports numpy and pyarrow, so only app/web/customer_batch.py imports it.
"""

from json.encoder import encode_basestring

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from model.bulk.fallback import is_not_a_customer
from model.bulk.run import Block
from model.errors import SHOWN_PROBLEMS, Problem, problem
from model.schema import BATCH_LABELS, CHURN, NOT_CHURN
from model.scorecard import Scorer

_CHURN, _NOT_CHURN = BATCH_LABELS[CHURN], BATCH_LABELS[NOT_CHURN]


class LabelObject:
    """Blocks to one JSON object. The ids of a million rows are kept as Arrow arrays, about 15 bytes each."""

    header = b"{"
    footer = b"}"

    def __init__(self, scorer: Scorer, skip: bool = False) -> None:
        """With `skip`, only customers that are scored are in the object, and can repeat each other."""
        self._id_name, self._threshold = scorer.schema.id, scorer.threshold
        self._skip = skip
        self._ids: list[pa.Array] = []
        self._separator = ""

    def add_ids(self, block: Block) -> None:
        """Keep the ids of a block, written or not; "" for those of rows that are no customers, such as totals."""
        if self._id_name is None:
            return
        left_out = ~block.good if self._skip else np.zeros(block.rows, bool)
        left_out[[index for index, problems in block.problems.items() if is_not_a_customer(problems, block.schema)]] = (
            True
        )
        ids = block.ids
        if left_out.any():
            ids = pc.if_else(pa.array(left_out), "", ids)
        self._ids.append(ids)

    def lines(self, block: Block) -> bytes:
        """Return the pairs of the good rows, with a comma in front of all but the first pair of the file."""
        ids = self._names(block)
        churns = (block.probability[block.good] >= self._threshold).tolist()
        pairs = ",".join(
            f'{encode_basestring(customer_id)}:"{_CHURN if is_churn else _NOT_CHURN}"'
            for customer_id, is_churn in zip(ids, churns, strict=True)
        )
        if not pairs:
            return b""
        separator, self._separator = self._separator, ","
        return (separator + pairs).encode()

    def _names(self, block: Block) -> list[str]:
        """Return what the good rows are listed by."""
        if self._id_name is None:
            return [str(block.first_row + index) for index in np.flatnonzero(block.good).tolist()]
        ids: list[str] = block.ids.filter(pa.array(block.good)).to_pylist()
        return ids

    def repeated_ids(self) -> tuple[list[Problem], int]:
        """Return the problems of the first rows that repeat an earlier id, and how many such rows there are.

        Where bad rows are not skipped, they count as well.
        """
        ids = pa.chunked_array(self._ids, type=pa.string())
        if pc.count_distinct(ids).as_py() == len(ids):
            return [], 0
        codes = np.concatenate([chunk.indices.to_numpy() for chunk in ids.dictionary_encode().chunks])
        _, firsts, inverse = np.unique(codes, return_index=True, return_inverse=True)
        first = firsts[inverse]
        # A blank id is a problem of its own row, not a repeat of another blank one.
        is_blank = np.concatenate([pc.binary_length(chunk).to_numpy() for chunk in ids.chunks]) == 0
        repeated = np.flatnonzero((first != np.arange(len(codes))) & ~is_blank)
        shown = repeated[:SHOWN_PROBLEMS].tolist()
        return [self._duplicate(ids[row].as_py(), int(first[row]) + 1, row + 1) for row in shown], len(repeated)

    def _duplicate(self, customer_id: str, first: int, row: int) -> Problem:
        repeat = problem("duplicate_id", field=self._id_name, value=customer_id, first=first, row=row)
        return repeat.at(row, customer_id, self._id_name)
