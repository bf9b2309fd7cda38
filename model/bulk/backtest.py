"""predictions.csv and a later truth, matched by customerID: no row is lost, and what has no partner is counted.

Bytes of two CSVs in, figures out. Known of the truth is only who left; who stayed because somebody called looks like a
customer who would have stayed.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from model.bulk import outcomes
from model.bulk.encoding import Utf8Stream
from model.bulk.reader import Reader, check_utf8
from model.bulk.records import is_blank, split
from model.bulk.source import Readable
from model.errors import SHOWN_PROBLEMS, ChurnError, InputError, listed, show
from model.outputs import ERROR, PREDICTION, PROBABILITY, TIER, VALUE_AT_RISK
from model.parse import resolve
from model.schema import CHURN, CUSTOMER_ID, LABEL_RULE, LABELS, MONTHLY_CHARGES, NOT_CHURN, TARGET, TIERS, fold
from model.text import clean, clean_id
from model.validate import read_number

SHOWN_IDS: Final = 5
FEW_CUSTOMERS: Final = 100
FEW_CHURNERS: Final = 20
MOST_KNOWN: Final = 0.9
"""Share of the predictions below which the truth may be of a chosen part."""


class Table:
    """The rows of a CSV as its columns by name; blank lines are no rows.

    Parameters
    ----------
    source : Readable
    needed, also : sequence of str
        Columns that must be there, and those that may.

    Attributes
    ----------
    rows : int
        So far.
    """

    def __init__(self, source: Readable, needed: Sequence[str], also: Sequence[str] = ()) -> None:
        self.rows = 0
        self._text = Utf8Stream(source)
        self._reader = Reader(self._text, next_row=lambda: self.rows + 1, needed=needed)
        self._positions = {**resolve(self._reader.header.names, also)[0], **self._reader.header.positions}

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Yield the trimmed cells of each row."""
        width = len(self._reader.header.names)
        for records in self._reader:
            check_utf8(records, self._text.encoding, self.rows + 1)
            for index in range(records.count):
                record = records[index]
                if is_blank(record, self._reader.header.delimiter):
                    continue
                self.rows += 1
                cells = split(record, self._reader.header.delimiter)
                if len(cells) != width:
                    raise InputError(
                        "field_count", row=self.rows, fields=_fields(len(cells)), expected=_fields(width), advice=""
                    )
                yield {name: _clean(name, cells[column]) for name, column in self._positions.items()}


class Row(NamedTuple):
    """What is kept of a row: of a prediction all, of a truth `churned` and `charges`."""

    churned: bool
    charges: float
    probability: float = math.nan
    tier: str = ""


@dataclass
class Side:
    """The rows of one file by customerID, and those that cannot be matched.

    Attributes
    ----------
    rows, rejected, without_id : int
    rows_by_id : dict of str to Row
        By id; the first one where an id occurs more than once.
    again : Counter
        How often an id is repeated; only those that are.
    """

    rows: int = 0
    rejected: int = 0
    without_id: int = 0
    rows_by_id: dict[str, Row] = field(default_factory=dict)
    again: Counter[str] = field(default_factory=Counter)

    def add(self, customer_id: str, row: Row) -> None:
        """Add one row."""
        if not customer_id:
            self.without_id += 1
        elif customer_id in self.rows_by_id:
            self.again[customer_id] += 1
        else:
            self.rows_by_id[customer_id] = row

    def has_once(self, customer_id: str) -> bool:
        """Return whether an id occurs exactly once in the file."""
        return customer_id in self.rows_by_id and customer_id not in self.again

    def to_dict(self, other: "Side") -> dict[str, Any]:
        """Return where the rows went; they add up."""
        single = [customer_id for customer_id in self.rows_by_id if customer_id not in self.again]
        alone = [customer_id for customer_id in single if not other.has_once(customer_id)]
        counts = {
            "rows": self.rows,
            "matched": len(single) - len(alone),
            "unmatched": len(alone),
            "duplicates": len(self.again) + self.again.total(),
            "without_id": self.without_id,
            "rejected": self.rejected,
        }
        if self.rows != sum(counts.values()) - self.rows:
            raise AssertionError(counts)
        return {**counts, "unmatched_ids": alone[:SHOWN_IDS], "duplicate_ids": list(self.again)[:SHOWN_IDS]}


def backtest(predicted: Side, known: Side) -> dict[str, Any]:
    """Return how a scored list compares with what happened.

    Parameters
    ----------
    predicted, known : Side
        What `read_predictions` and `read_truth` return.

    Raises
    ------
    ChurnError
        If no customer occurs once in both files.
    """
    pairs = [
        (predicted.rows_by_id[customer_id], known.rows_by_id[customer_id])
        for customer_id in predicted.rows_by_id
        if predicted.has_once(customer_id) and known.has_once(customer_id)
    ]
    if not pairs:
        first, second = (_first_id(side) for side in (predicted, known))
        raise ChurnError(
            f"No customer is in both files exactly once: the predictions have {first}, the truth has {second}."
        )
    churned = np.array([truth.churned for _, truth in pairs], np.int64)
    probability = np.array([prediction.probability for prediction, _ in pairs])
    labelled = np.array([prediction.churned for prediction, _ in pairs])
    charges = np.array([[row.charges for row in pair] for pair in pairs])
    charges = np.where(np.isnan(charges[:, 0]), charges[:, 1], charges[:, 0])
    priced = ~np.isnan(charges)
    counts = {"predictions": predicted.to_dict(known), "truth": known.to_dict(predicted)}
    return {
        **counts,
        **outcomes.measure(churned, probability, labelled),
        "deciles": outcomes.deciles(churned, probability),
        "tiers": outcomes.tiers(churned, probability, np.array([prediction.tier for prediction, _ in pairs])),
        "money": (
            outcomes.money(churned[priced], probability[priced], charges[priced], labelled[priced])
            if priced.any()
            else None
        ),
        "notes": _notes(counts, int(churned.sum()), int(priced.sum())),
    }


def read_predictions(source: Readable) -> Side:
    """Return the rows of a predictions.csv; those with an error, which were not scored, are counted apart.

    Raises
    ------
    InputError
        If the file cannot be read as a whole.
    ChurnError
        If a probability, a prediction or a tier is none.
    """
    side = Side()
    table = Table(
        source,
        (CUSTOMER_ID, PREDICTION.name, PROBABILITY.name, TIER.name),
        (ERROR.name, VALUE_AT_RISK.name, MONTHLY_CHARGES),
    )
    for row in table:
        if row.get(ERROR.name) or not row[PREDICTION.name]:
            side.rejected += 1
            continue
        chance = read_number(row[PROBABILITY.name])
        if chance is None or not 0.0 <= chance <= 1.0:
            raise _refuse(table, PROBABILITY.name, "a number from 0 to 1", row[PROBABILITY.name])
        if row[PREDICTION.name] not in (CHURN, NOT_CHURN):
            raise _refuse(table, PREDICTION.name, f'"{CHURN}" or "{NOT_CHURN}"', row[PREDICTION.name])
        if row[TIER.name] not in TIERS:
            raise _refuse(table, TIER.name, listed(TIERS, last="or"), row[TIER.name])
        label = row[PREDICTION.name] == CHURN
        # One object for each tier, not one for each row.
        side.add(row[CUSTOMER_ID], Row(label, _charges(row, chance), chance, sys.intern(row[TIER.name])))
    side.rows = table.rows
    return side


def read_truth(source: Readable) -> Side:
    """Return the rows of a CSV of who left.

    Raises
    ------
    InputError
        If the file cannot be read as a whole.
    ChurnError
        If a label is none; the first 20 are named.
    """
    side, wrong = Side(), []
    table = Table(source, (CUSTOMER_ID, TARGET), (MONTHLY_CHARGES,))
    for row in table:
        label = LABELS.get(fold(row[TARGET]))
        if label is None:
            wrong.append(f"Row {table.rows}: {TARGET} {LABEL_RULE}, not {show(row[TARGET])}.")
            continue
        side.add(row[CUSTOMER_ID], Row(bool(label), _charges(row)))
    side.rows = table.rows
    if wrong:
        rest = f"\n... and {len(wrong) - SHOWN_PROBLEMS:,} more" if len(wrong) > SHOWN_PROBLEMS else ""
        raise ChurnError("\n".join(wrong[:SHOWN_PROBLEMS]) + rest)
    return side


def _clean(name: str, cell: str) -> str:
    return clean_id(cell) if name == CUSTOMER_ID else clean(cell)


def _charges(row: Mapping[str, str], chance: float = 0.0) -> float:
    """Return the monthly charges of a row, or NaN."""
    if MONTHLY_CHARGES in row:
        charges = read_number(row[MONTHLY_CHARGES])
        return math.nan if charges is None else charges
    at_risk = read_number(row.get(VALUE_AT_RISK.name, ""))
    # Both are rounded: the quotient is within a few per cent where the probability is small, and unknown where it is 0.
    return at_risk / chance if at_risk is not None and chance else math.nan


def _notes(counts: Mapping[str, Mapping[str, Any]], churners: int, priced: int) -> list[str]:
    predicted = counts["predictions"]
    notes = []
    if predicted["matched"] < MOST_KNOWN * (predicted["rows"] - predicted["rejected"]):
        share = predicted["matched"] / (predicted["rows"] - predicted["rejected"])
        notes.append(f"The truth is known of {share:.0%} of the scored customers; the figures are of those alone.")
    if predicted["matched"] < FEW_CUSTOMERS or churners < FEW_CHURNERS:
        notes.append("So few customers show little: look at the intervals.")
    if not priced:
        notes.append(
            f"Without {MONTHLY_CHARGES} or {VALUE_AT_RISK.name} no money can be estimated. Score with "
            f"--value-at-risk, or give the truth a column {MONTHLY_CHARGES}."
        )
    elif priced < predicted["matched"]:
        unknown = predicted["matched"] - priced
        notes.append(f"Of {unknown:,} customers the charges are not known; the money is estimated without them.")
    return notes


def _refuse(table: Table, name: str, rule: str, value: str) -> ChurnError:
    return ChurnError(f"Row {table.rows}: {name} must be {rule}, not {show(value)}. Is it a predictions.csv?")


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _first_id(side: "Side") -> str:
    identity = next(iter(side.rows_by_id), "")
    return f"customerID {show(identity)} first" if identity else "no customerID"
