"""First step of training: a CSV with the ten columns and Churn to validated customers and labels.

The public 21-column data and a company's own CSV are read alike: columns in any order and case, others ignored. Every
row goes through `model.validate`, so that a model never learns from a customer it would refuse to score.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model.bulk.source import MIB, Text
from model.errors import SHOWN_PROBLEMS, CustomerError, InputError, Problem, TrainingError, listed, problem, show
from model.parse import resolve
from model.pipeline import to_frame
from model.schema import CUSTOMER_ID, FEATURES, NAMES, TARGET, Customer, Number, fold
from model.validate import validate

if TYPE_CHECKING:
    import pandas as pd

LABELS: Final = {"yes": 1, "no": 0, "1": 1, "0": 0}
"""Folded spellings of the label."""

LABEL_RULE: Final = 'must be "Yes", "No", 1 or 0'

LEAST_ROWS: Final = 200
LEAST_OF_A_CLASS: Final = 50
"""Five folds of five folds leave 2 of 50 in an inner test fold; with fewer, a fold may hold none."""

_DELIMITERS: Final = (",", ";", "\t")


@dataclass(frozen=True)
class Labelled:
    """Customers whose outcome is known.

    Attributes
    ----------
    customers : list of Customer, length n_customers
    labels : list of int, length n_customers
        1 for a customer who left, else 0.
    ids : list of str
        customerID of each; empty where the file has no such column.
    sha256 : str
        Of the file.
    """

    customers: list[Customer]
    labels: list[int]
    ids: list[str]
    sha256: str

    def frame(self) -> "pd.DataFrame":
        """Return the customers as the pipeline takes them: shape (n_customers, 10), columns in schema order."""
        return to_frame({name: [customer[name] for customer in self.customers] for name in NAMES})


def read(path: Path) -> Labelled:
    """Return the labelled customers of a CSV.

    Raises
    ------
    TrainingError
        If the file cannot be read, lacks a column, or holds rows that are not valid: the first 20 problems are
        written out.
    """
    try:
        content = path.read_bytes()
        source = Text(io.BytesIO(content))
        text = b"".join(iter(lambda: source.read(MIB), b"")).decode("utf-8")
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}.") from error
    except InputError as error:
        raise TrainingError(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path} is not UTF-8: byte {error.start} does not fit. Save it as UTF-8.") from error
    records = _records(text, path)
    header = next(records, None)
    if header is None:
        raise TrainingError(f"{path} is empty. Expected a CSV with a header and one row a customer.")
    positions, target = _columns(header, path)
    found = Labelled([], [], [], hashlib.sha256(content).hexdigest())
    problems: list[Problem] = []
    for row, record in enumerate(records, start=1):
        who = record[positions[CUSTOMER_ID]].strip() if CUSTOMER_ID in positions and len(record) == len(header) else ""
        if len(record) != len(header):
            wrong = [problem("field_count", found=_fields(len(record)), expected=len(header), row=row)]
        else:
            wrong = _read_row(record, positions, target, found)
            found.ids.append(who)
        problems += [each.at(row, who) for each in wrong]
    if problems:
        _refuse(path, problems)
    if CUSTOMER_ID not in positions:
        found.ids.clear()
    return found


def check_enough(data: Labelled, path: Path) -> None:
    """Refuse data from which nothing honest can be learnt.

    Raises
    ------
    TrainingError
        If there are too few rows, or of a class, or a number never varies, or a customerID stands twice: its rows
        could fall on both sides of a fold and make the figures look better than they are.
    """
    rows, churners = len(data.labels), sum(data.labels)
    if rows and churners in {0, rows}:
        kind = "churned" if churners else "stayed"
        raise TrainingError(f"All {rows:,} customers of {path} {kind}; a model needs both kinds.")
    fewest = min(churners, rows - churners)
    if rows < LEAST_ROWS or fewest < LEAST_OF_A_CLASS:
        raise TrainingError(
            f"{path} has {rows:,} rows, {churners:,} of them churners. Training needs at least {LEAST_ROWS} rows, with "
            f"at least {LEAST_OF_A_CLASS} who churned and {LEAST_OF_A_CLASS} who stayed."
        )
    for feature in FEATURES:
        if isinstance(feature, Number) and len({customer[feature.name] for customer in data.customers}) == 1:
            raise TrainingError(
                f"{feature.name} is the same in every row of {path}; there is nothing to learn from it."
            )
    first: dict[str, int] = {}
    for row, who in enumerate(data.ids, start=1):
        if who and first.setdefault(who, row) != row:
            raise TrainingError(
                f"customerID {show(who)} stands in row {first[who]} and again in row {row} of {path}. A customer may "
                "stand in training data once, or the test folds would know the training folds."
            )


def _records(text: str, path: Path) -> Iterator[list[str]]:
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if any(cell.strip() for cell in record):
                yield record
    except csv.Error as error:
        raise TrainingError(f"{path} is not a CSV that can be read: {error}.") from error


def _columns(header: Sequence[str], path: Path) -> tuple[dict[str, int], int]:
    positions, repeated = resolve(header)
    labels = [position for position, name in enumerate(header) if fold(name) == fold(TARGET)]
    exact = [position for position in labels if header[position].strip() == TARGET]
    labels = exact or labels
    missing = [name for name in NAMES if name not in positions] + ([] if labels else [TARGET])
    if missing:
        shown = ", ".join(name.strip() for name in header[:30])
        raise TrainingError(f"The header of {path} lacks {listed(missing)}. It has {len(header)} columns: {shown}.")
    twice = sorted(repeated) + ([TARGET] if len(labels) > 1 else [])
    if twice:
        raise TrainingError(f"The header of {path} has {listed(twice)} more than once. Keep one of each.")
    return positions, labels[0]


def _read_row(record: Sequence[str], positions: dict[str, int], target: int, found: Labelled) -> list[Problem]:
    problems: list[Problem] = []
    try:
        found.customers.append(validate({name: record[positions[name]] for name in NAMES}))
    except CustomerError as error:
        problems += error.problems
    label = LABELS.get(fold(record[target]))
    if label is not None:
        found.labels.append(label)
    elif not record[target].strip():
        problems.append(problem("blank", field=TARGET, rule=LABEL_RULE))
    else:
        problems.append(problem("unknown_word", field=TARGET, rule=LABEL_RULE, value=record[target]))
    return problems


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _refuse(path: Path, problems: Sequence[Problem]) -> None:
    shown = problems[:SHOWN_PROBLEMS]
    rest = f"\n... and {len(problems) - len(shown):,} more" if len(problems) > len(shown) else ""
    listing = "\n".join(str(each) if each.field else f"Row {each.row}: {each.message}" for each in shown)
    count = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
    raise TrainingError(
        f"{path} has {count}; a model is learnt from whole, valid rows only.\n{listing}{rest}", shown, len(problems)
    )
