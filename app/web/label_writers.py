"""The two forms in which /v1/customerbatch answers, made block by block: a JSON object and the bulk CSV.

Imports numpy and pyarrow, so only app/web/customer_batch.py imports it.
"""

from json.encoder import encode_basestring
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.web.errors import ASK_FOR_JSON
from model.bulk.csv_writer import Predictions
from model.bulk.fallback import is_not_a_customer
from model.bulk.run import Block
from model.errors import SHOWN_PROBLEMS, Problem, problem
from model.schema import BATCH_LABELS, CHURN, CUSTOMER_ID, NOT_CHURN
from model.scorecard import Scorer


class Writer(Protocol):
    """Blocks to the bytes of one answer."""

    media_type: str
    header: bytes
    footer: bytes
    shorter: str
    """How to ask for less, as a clause; may be empty."""

    def note(self, block: Block) -> None:
        """Take in what must be known of every row, written or not."""

    def lines(self, block: Block) -> bytes:
        """Return the bytes of the rows of one block."""

    def repeats(self) -> tuple[list[Problem], int]:
        """Return the problems of the first rows that repeat an earlier id, and how many such rows there are."""


class Table(Predictions):
    """The bulk CSV: one line a row, the bad ones with their error. The row identifies the customer; ids may repeat."""

    media_type = "text/csv; charset=utf-8"
    footer = b""
    shorter = ASK_FOR_JSON

    def note(self, block: Block) -> None:
        """Take in nothing."""

    def repeats(self) -> tuple[list[Problem], int]:
        """Return none."""
        return [], 0


class Listing:
    """One JSON object, customerID to label. The ids of a million rows are kept as Arrow arrays, about 15 bytes each."""

    media_type = "application/json"
    header = b"{"
    footer = b"}"
    shorter = ""

    def __init__(self, scorer: Scorer, skip: bool = False) -> None:
        """Hold the model; with `skip`, only customers that are scored are in the answer, and can repeat each other."""
        self._threshold = scorer.threshold
        self._skip = skip
        self._ids: list[pa.Array] = []
        self._separator = ""

    def note(self, block: Block) -> None:
        """Remember the ids; "" for those of rows that are no customers, such as totals."""
        left_out = ~block.good if self._skip else np.zeros(block.rows, bool)
        left_out[[index for index, problems in block.problems.items() if is_not_a_customer(problems)]] = True
        ids = block.ids
        if left_out.any():
            ids = pc.if_else(pa.array(left_out), "", ids)
        self._ids.append(ids)

    def lines(self, block: Block) -> bytes:
        """Return the pairs of the good rows, with a comma in front of all but the first pair of the file."""
        ids = block.ids.filter(pa.array(block.good)).to_pylist()
        churns = (block.probability[block.good] >= self._threshold).tolist()
        pairs = ",".join(
            f'{encode_basestring(customer_id)}:"{_CHURN if is_churn else _NOT_CHURN}"'
            for customer_id, is_churn in zip(ids, churns, strict=True)
        )
        if not pairs:
            return b""
        separator, self._separator = self._separator, ","
        return (separator + pairs).encode()

    def repeats(self) -> tuple[list[Problem], int]:
        """Find rows that an object could not hold both; where bad rows are not skipped, those are counted as well."""
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
        return [_repeat(ids[row].as_py(), int(first[row]) + 1, row + 1) for row in shown], len(repeated)


_CHURN, _NOT_CHURN = BATCH_LABELS[CHURN], BATCH_LABELS[NOT_CHURN]


def _repeat(customer_id: str, first: int, row: int) -> Problem:
    return problem("duplicate_id", field=CUSTOMER_ID, value=customer_id, first=first, row=row).at(row, customer_id)
