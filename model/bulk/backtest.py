"""predictions.csv and a later truth, matched by id: no row is lost, and what has no partner is counted.

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
from model.schema import CHURN, NOT_CHURN, TIERS, Schema, fold
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
    schema : Schema
    needed, also : sequence of str
        Columns that must be there, and those that may.

    Attributes
    ----------
    rows : int
        So far.
    """

    def __init__(self, source: Readable, schema: Schema, needed: Sequence[str], also: Sequence[str] = ()) -> None:
        self.rows = 0
        self._id = schema.id
        self._text = Utf8Stream(source)
        self._reader = Reader(self._text, next_row=lambda: self.rows + 1, schema=schema, needed=needed)
        self._positions = {**resolve(self._reader.header.names, schema, also)[0], **self._reader.header.positions}

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
                yield {
                    name: clean_id(cells[column]) if name == self._id else clean(cells[column])
                    for name, column in self._positions.items()
                }


class Row(NamedTuple):
    """What is kept of a row: of a prediction all, of a truth `churned` and `money`."""

    churned: bool
    money: float
    probability: float = math.nan
    tier: str = ""


@dataclass
class Side:
    """The rows of one file by id, and those that cannot be matched.

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


def backtest(predicted: Side, known: Side, schema: Schema) -> dict[str, Any]:
    """Return how a scored list compares with what happened.

    Parameters
    ----------
    predicted, known : Side
        What `read_predictions` and `read_truth` return.
    schema : Schema
        Of the model that predicted.

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
        first, second = (_first_id(side, schema) for side in (predicted, known))
        raise ChurnError(
            f"No customer is in both files exactly once: the predictions have {first}, the truth has {second}."
        )
    churned = np.array([truth.churned for _, truth in pairs], np.int64)
    probability = np.array([prediction.probability for prediction, _ in pairs])
    labelled = np.array([prediction.churned for prediction, _ in pairs])
    money = np.array([[row.money for row in pair] for pair in pairs])
    money = np.where(np.isnan(money[:, 0]), money[:, 1], money[:, 0])
    priced = ~np.isnan(money)
    counts = {"predictions": predicted.to_dict(known), "truth": known.to_dict(predicted)}
    return {
        **counts,
        **outcomes.measure(churned, probability, labelled),
        "deciles": outcomes.deciles(churned, probability),
        "tiers": outcomes.tiers(churned, probability, np.array([prediction.tier for prediction, _ in pairs])),
        "money": (
            outcomes.money(churned[priced], probability[priced], money[priced], labelled[priced], schema.money)
            if schema.money and priced.any()
            else None
        ),
        "notes": _notes(counts, int(churned.sum()), int(priced.sum()), schema.money),
    }


def read_predictions(source: Readable, schema: Schema) -> Side:
    """Return the rows of a predictions.csv; those with an error, which were not scored, are counted apart.

    Parameters
    ----------
    schema : Schema
        Of the model that predicted.

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
        schema,
        (_id_of(schema), PREDICTION.name, PROBABILITY.name, TIER.name),
        (ERROR.name, VALUE_AT_RISK.name),
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
        money = _money(row, schema.money, chance)
        side.add(row[_id_of(schema)], Row(label, money, chance, sys.intern(row[TIER.name])))
    side.rows = table.rows
    return side


def read_truth(source: Readable, schema: Schema) -> Side:
    """Return the rows of a CSV of who left, in the target column of the schema.

    Raises
    ------
    InputError
        If the file cannot be read as a whole.
    ChurnError
        If a label is none; the first 20 are named.
    """
    side, wrong = Side(), []
    target, words = schema.target, schema.target.words
    table = Table(source, schema, (_id_of(schema), target.column))
    for row in table:
        label = words.get(fold(row[target.column]))
        if label is None:
            wrong.append(f"Row {table.rows}: {target.column} {target.rule}, not {show(row[target.column])}.")
            continue
        side.add(row[_id_of(schema)], Row(bool(label), _money(row, schema.money)))
    side.rows = table.rows
    if wrong:
        rest = f"\n... and {len(wrong) - SHOWN_PROBLEMS:,} more" if len(wrong) > SHOWN_PROBLEMS else ""
        raise ChurnError("\n".join(wrong[:SHOWN_PROBLEMS]) + rest)
    return side


def _id_of(schema: Schema) -> str:
    if schema.id is None:
        raise ChurnError("The schema of the model has no id, so predictions cannot be matched with what happened.")
    return schema.id


def _money(row: Mapping[str, str], column: str | None, chance: float = 0.0) -> float:
    """Return the money of a row, or NaN."""
    if column is not None and column in row:
        money = read_number(row[column])
        return math.nan if money is None else money
    at_risk = read_number(row.get(VALUE_AT_RISK.name, ""))
    # Both are rounded: the quotient is within a few per cent where the probability is small, and unknown where it is 0.
    return at_risk / chance if at_risk is not None and chance else math.nan


def _notes(counts: Mapping[str, Mapping[str, Any]], churners: int, priced: int, money: str | None) -> list[str]:
    predicted = counts["predictions"]
    notes = []
    if predicted["matched"] < MOST_KNOWN * (predicted["rows"] - predicted["rejected"]):
        share = predicted["matched"] / (predicted["rows"] - predicted["rejected"])
        notes.append(f"The truth is known of {share:.0%} of the scored customers; the figures are of those alone.")
    if predicted["matched"] < FEW_CUSTOMERS or churners < FEW_CHURNERS:
        notes.append("So few customers show little: look at the intervals.")
    if money and not priced:
        notes.append(
            f"Without {money} or {VALUE_AT_RISK.name} no money can be estimated. Score with "
            f"--value-at-risk, or give the truth a column {money}."
        )
    elif money and priced < predicted["matched"]:
        unknown = predicted["matched"] - priced
        notes.append(f"Of {unknown:,} customers {money} is not known; the money is estimated without them.")
    return notes


def _refuse(table: Table, name: str, rule: str, value: str) -> ChurnError:
    return ChurnError(f"Row {table.rows}: {name} must be {rule}, not {show(value)}. Is it a predictions.csv?")


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _first_id(side: "Side", schema: Schema) -> str:
    identity = next(iter(side.rows_by_id), "")
    return f"{schema.id_label} {show(identity)} first" if identity else f"no {schema.id_label}"
