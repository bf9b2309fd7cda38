"""Last step of the road: scored blocks to predictions.csv and rejects.csv, as bytes. One writer for every bulk door."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.bulk.arrays import octets_of, to_arrow, to_string, to_strings
from model.bulk.columns import Block
from model.bulk.records import split
from model.bulk.score import STEPS, to_steps, to_tiers
from model.errors import Problem
from model.schema import CHURN, CUSTOMER_ID, MONTHLY_CHARGES, NOT_CHURN, TIERS
from model.scorecard import DECIMALS, Scorer

FORMAT: Final = 1
"""Raised by one when the bytes of an output change for the same input."""

ROW, PREDICTION, PROBABILITY, TIER, VALUE_AT_RISK, ERROR = (
    "row",
    "prediction",
    "probability",
    "tier",
    "value_at_risk",
    "error",
)
ERRORS, RECORD = "errors", "record"

_LABELS: Final = (NOT_CHURN, CHURN)
_COMMA, _END_OF_LINE = to_string(","), to_string("\n")
_SPECIAL: Final = ',"\r\n'


@dataclass(frozen=True, slots=True)
class Options:
    """What predictions.csv holds beside its standard columns.

    Attributes
    ----------
    value_at_risk : bool
        A column with MonthlyCharges x probability, at two decimals.
    """

    value_at_risk: bool = False


def quote(text: str, delimiter: str = ",") -> str:
    """Return `text` as a CSV cell, in quotes where it needs them.

    The csv module leaves a carriage return unquoted before Python 3.13, and so writes other bytes there.
    """
    if delimiter in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def sentences(problems: Iterable[Problem]) -> str:
    """Return what is wrong with a row as the text of one cell."""
    return " ".join([each.message for each in problems])


def header(options: Options | None = None) -> bytes:
    """Return the header line of predictions.csv."""
    extra = [VALUE_AT_RISK] if options and options.value_at_risk else []
    return (",".join([ROW, CUSTOMER_ID, PREDICTION, PROBABILITY, TIER, *extra, ERROR]) + "\n").encode()


class Predictions:
    """Writes predictions.csv: one line out for each row in, in file order.

    Parameters
    ----------
    scorer : Scorer
        Gives the threshold and the tiers.
    """

    def __init__(self, scorer: Scorer, options: Options | None = None) -> None:
        self._threshold = scorer.threshold
        self._tiers = scorer.tiers
        self._options = options or Options()
        self.header = header(self._options)

    def lines(self, block: Block) -> bytes:
        """Return the lines of one scored block."""
        if not block.rows:
            return b""
        numbers = to_arrow(np.arange(block.first_row, block.first_row + block.rows)).cast(pa.string())
        texts = _tails().take(to_arrow(self._codes(block)))
        cells = [numbers, _quoted(block.ids), texts]
        if self._options.value_at_risk:
            at_risk = (block.columns[MONTHLY_CHARGES] * block.probability).tolist()
            cells.append(to_strings(f"{each:.2f}" for each in at_risk))
        lines = pc.binary_join_element_wise(*cells, _END_OF_LINE, _COMMA)
        if block.problems:
            lines = self._with_errors(lines, block)
        return octets_of(lines)

    def _codes(self, block: Block) -> NDArray[np.int64]:
        chance = block.probability
        combined = (chance >= self._threshold) * len(TIERS) + to_tiers(chance, self._tiers)
        return to_steps(chance) + combined * (STEPS + 1)

    def _with_errors(self, lines: Any, block: Block) -> Any:
        """Return the lines with those of bad rows replaced."""
        blanks = "," * (self.header.count(b",") - 2)
        bad = []
        for index, problems in block.problems.items():
            identity = quote(problems[0].customer_id or "")
            bad.append(f"{block.first_row + index},{identity}{blanks},{quote(sentences(problems))}\n")
        order = np.arange(block.rows)
        order[~block.good] = block.rows + np.arange(len(bad))
        return pa.concat_arrays([lines, to_strings(bad)]).take(to_arrow(order))


@cache
def _tails() -> Any:
    """Return every `prediction,probability,tier` by code: formatting floats costs as much as reading the file."""
    chances = to_strings(f"{step / STEPS:.{DECIMALS}f}" for step in range(STEPS + 1))
    return pa.concat_arrays(
        pc.binary_join_element_wise(to_string(label), chances, to_string(tier), _COMMA)
        for label in _LABELS
        for tier in TIERS
    )


def _quoted(ids: Any) -> Any:
    octets = octets_of(ids)
    if not any(special.encode() in octets for special in _SPECIAL):
        return ids
    return to_strings(quote(each) for each in ids.to_pylist())


class Rejects:
    """Writes rejects.csv: the bad rows in the input's own columns and separator, to be mended and dropped again.

    The row's number and its errors stand in front; a record that has too many or too few fields stands whole in the
    last column. Where the input is itself such a file, its own three columns are not repeated.

    Parameters
    ----------
    names : list of str
        The header of the input.
    delimiter : str
    """

    def __init__(self, names: list[str], delimiter: str) -> None:
        self._own = slice(2, -1) if names[:2] == [ROW, ERRORS] and names[-1] == RECORD else slice(None)
        self._is_again = self._own != slice(None)
        self._delimiter = delimiter
        self._nothing = delimiter * (len(names[self._own]) - 1)
        self.header = (self._join([ROW, ERRORS, *names[self._own], RECORD]) + "\n").encode()

    def lines(self, block: Block) -> bytes:
        """Return the lines of one block; b"" where all its rows are good."""
        separator = self._delimiter
        lines = []
        for index, problems in block.problems.items():
            record, whole = block.records[index], ""
            if problems[0].code == "field_count":
                record, whole = self._nothing, quote(record, separator)
            elif self._is_again or '"' in record:
                cells = split(record.encode(), separator)
                record = self._join(cells[self._own])
                if self._is_again:  # a ragged record that nobody has mended yet
                    whole = quote(cells[-1], separator)
            errors = quote(sentences(problems), separator)
            lines.append(f"{block.first_row + index}{separator}{errors}{separator}{record}{separator}{whole}\n")
        return "".join(lines).encode()

    def _join(self, cells: list[str]) -> str:
        return self._delimiter.join(quote(cell, self._delimiter) for cell in cells)
