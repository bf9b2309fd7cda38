"""First step of training: a CSV with the ten columns and Churn to validated customers and labels.

Read by the code that scores files, so that a model is trained on the customers it would score and on no other: the
public data of 21 columns and a company's own CSV alike.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model.bulk.block import Block
from model.bulk.columns import Columns
from model.bulk.encoding import Utf8Stream
from model.bulk.reader import Reader, check_utf8
from model.bulk.unchanged import Unchanged
from model.errors import SHOWN_PROBLEMS, InputError, Problem, TrainingError, problem
from model.pipeline import to_frame
from model.schema import CUSTOMER_ID, LABEL_RULE, LABELS, NAMES, TARGET, Customer, fold

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LabelledData:
    """Customers whose outcome is known.

    Attributes
    ----------
    customers : list of Customer, length n_customers
    labels : list of int, length n_customers
        1 for a customer who left, else 0.
    ids : list of str
        The customerID of each; empty where the file has no such column.
    sha256 : str
        Of the file.
    """

    customers: list[Customer]
    labels: list[int]
    ids: list[str]
    sha256: str

    def frame(self) -> "pd.DataFrame":
        """Return the customers as the input of a pipeline: shape (n_customers, 10), columns in schema order."""
        return to_frame({name: [customer[name] for customer in self.customers] for name in NAMES})

    def subset(self, rows: Sequence[int]) -> "LabelledData":
        """Return the customers of some rows, counted from 0."""
        ids = [self.ids[row] for row in rows] if self.ids else []
        return LabelledData([self.customers[row] for row in rows], [self.labels[row] for row in rows], ids, self.sha256)


def read(path: Path) -> LabelledData:
    """Return the labelled customers of a CSV.

    Raises
    ------
    TrainingError
        If the file cannot be read, lacks a column, or has rows that are not valid: the first 20 problems are listed.
    FileChangedError
        If it changes meanwhile.
    """
    try:
        with path.open("rb") as file:
            content = Unchanged(file, path).read()
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}.") from error
    data = LabelledData([], [], [], hashlib.sha256(content).hexdigest())
    problems: list[Problem] = []
    try:
        text = Utf8Stream(io.BytesIO(content))
        rows = 0
        reader = Reader(text, next_row=lambda: rows + 1, needed=(*NAMES, TARGET))
        columns = Columns(reader.header.names, reader.header.positions, reader.header.delimiter, id_required=False)
        for records in reader:
            check_utf8(records, text.encoding, rows + 1)
            block = columns.parse(records, rows + 1)
            problems += _add(block, reader.header.positions[TARGET], data)
            rows += block.rows
    except InputError as error:
        raise TrainingError(f"{path}: {error}") from error
    if problems:
        raise _refusal(path, problems)
    if CUSTOMER_ID not in reader.header.positions:
        data.ids.clear()
    return data


def _add(block: Block, target: int, data: LabelledData) -> list[Problem]:
    """Add the rows of a block to `data`, and return the problems of the rows and of their labels."""
    problems: list[Problem] = []
    ids = block.ids.to_pylist()
    for index in range(block.rows):
        wrong = list(block.located(index)) if index in block.problems else []
        problems += wrong
        if wrong and wrong[0].code == "field_count":
            continue
        label = block.cells(index)[target]
        if fold(label) in LABELS:
            data.labels.append(LABELS[fold(label)])
        else:
            code = "unknown_word" if label.strip() else "blank"
            wrong_label = problem(code, field=TARGET, rule=LABEL_RULE, value=label)
            problems.append(wrong_label.at(block.first_row + index, ids[index]))
        if not wrong:
            data.customers.append(block.customer(index))
        data.ids.append(ids[index])
    return problems


def _refusal(path: Path, problems: Sequence[Problem]) -> TrainingError:
    shown = problems[:SHOWN_PROBLEMS]
    rest = f"\n... and {len(problems) - len(shown):,} more" if len(problems) > len(shown) else ""
    listing = "\n".join(map(str, shown))
    count = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
    return TrainingError(
        f"{path} has {count}; a model is trained on whole, valid rows only.\n{listing}{rest}", shown, len(problems)
    )
