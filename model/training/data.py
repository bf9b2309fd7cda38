"""First step of training: a CSV with the columns of a schema and its target to validated customers and labels.

Read by the code that scores files, so that a model is trained on the customers it would score and on no other.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.bulk.block import Block, column_type, to_values
from model.bulk.columns import Columns
from model.bulk.encoding import Utf8Stream
from model.bulk.reader import Reader, check_utf8
from model.bulk.unchanged import Unchanged
from model.errors import SHOWN_PROBLEMS, InputError, Problem, TrainingError, problem
from model.pipeline import frame_of_columns
from model.schema import Customer, Schema, Target, fold
from model.text import clean
from model.training.metrics import Ints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LabelledData:
    """Customers whose outcome is known.

    Attributes
    ----------
    schema : Schema
        Its target has the word of those who stayed, where the file decided it.
    columns : dict of str to ndarray of shape (n_customers,)
        By feature name: codes into `levels` for words, float64 for numbers, NaN where missing.
    labels : ndarray of shape (n_customers,), int
        1 for a customer who left, else 0.
    ids : list of str
        The id of each; empty where the file has no such column.
    sha256 : str
        Of the file.
    """

    schema: Schema
    columns: dict[str, Any]
    labels: Ints
    ids: list[str]
    sha256: str

    @property
    def rows(self) -> int:
        """The number of customers."""
        return len(self.labels)

    @property
    def churners(self) -> int:
        """The number of those who left."""
        return int(self.labels.sum())

    @cached_property
    def customers(self) -> list[Customer]:
        """Each customer, as `validate` returns one."""
        columns = [to_values(feature, self.columns[feature.name]) for feature in self.schema.features]
        return [dict(zip(self.schema.names, values, strict=True)) for values in zip(*columns, strict=True)]

    def frame(self) -> "pd.DataFrame":
        """Return the input of a pipeline: shape (n_customers, n_features), columns in schema order."""
        return frame_of_columns(self.columns, self.schema)

    def subset(self, rows: Ints) -> "LabelledData":
        """Return the customers of some rows, counted from 0."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        ids = [self.ids[row] for row in rows] if self.ids else []
        return replace(self, columns=columns, labels=self.labels[rows], ids=ids)


def read(path: Path, schema: Schema) -> LabelledData:
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
    rows = _Rows()
    try:
        text = Utf8Stream(io.BytesIO(content))
        needed = (*schema.names, schema.target.column)
        reader = Reader(text, lambda: rows.count + 1, schema, needed)
        positions = reader.header.positions
        columns = Columns(schema, reader.header.names, positions, reader.header.delimiter, id_required=False)
        for records in reader:
            check_utf8(records, text.encoding, rows.count + 1)
            rows.add(columns.parse(records, rows.count + 1), positions[schema.target.column])
    except InputError as error:
        raise TrainingError(f"{path}: {error}") from error
    target = _with_negative(schema.target, rows.words)
    labels = np.array([target.words.get(fold(word), -1) for word in rows.words], dtype=np.int64)
    problems = rows.with_labels(target, labels)
    if problems:
        raise _refusal(path, problems)
    parts = {
        feature.name: [np.zeros(0, column_type(feature)), *(block[feature.name] for block in rows.columns)]
        for feature in schema.features
    }
    return LabelledData(
        replace(schema, target=target),
        {name: np.concatenate(columns) for name, columns in parts.items()},
        labels,
        rows.ids if schema.id in positions else [],
        hashlib.sha256(content).hexdigest(),
    )


@dataclass
class _Rows:
    """What the blocks of a file hold.

    Attributes
    ----------
    columns : list of dict of str to ndarray
        Of each block.
    words : list of str
        The cell of the target of each row.
    ids : list of str
    problems : dict of int to list of Problem
        By index of the row.
    unlabelled : set of int
        The rows with too few or too many cells, whose target is not known.
    """

    columns: list[Mapping[str, Any]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    problems: dict[int, list[Problem]] = field(default_factory=dict)
    unlabelled: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.words)

    def add(self, block: Block, target: int) -> None:
        """Add the rows of a block; `target` is the index of its cell."""
        start = self.count
        for index in block.problems:
            self.problems[start + index] = list(block.located(index))
            if block.problems[index][0].code == "field_count":
                self.unlabelled.add(start + index)
        self.columns.append(block.columns)
        self.words += [
            "" if start + index in self.unlabelled else block.cells(index)[target] for index in range(block.rows)
        ]
        self.ids += block.ids.to_pylist()

    def with_labels(self, target: Target, labels: Ints) -> list[Problem]:
        """Return the problems of the rows and of their labels, in file order."""
        for index in np.flatnonzero(labels < 0).tolist():
            if index not in self.unlabelled:
                word = self.words[index]
                code = "unknown_word" if word.strip() else "blank"
                wrong = problem(code, field=target.column, rule=target.rule, value=word)
                self.problems.setdefault(index, []).append(wrong.at(index + 1, self.ids[index]))
        return [wrong for index in sorted(self.problems) for wrong in self.problems[index]]


def _with_negative(target: Target, words: Sequence[str]) -> Target:
    """Return the target with the word of those who stayed: where it is not stated, the other one of a file of two."""
    seen = {fold(word): word for word in dict.fromkeys(words)}
    if target.negative or len(seen) != 2 or fold(target.positive) not in seen:
        return target
    (other,) = (word for folded, word in seen.items() if folded != fold(target.positive))
    return target if fold(other) in target.words or not clean(other) else target._replace(negative=clean(other))


def _refusal(path: Path, problems: Sequence[Problem]) -> TrainingError:
    shown = problems[:SHOWN_PROBLEMS]
    rest = f"\n... and {len(problems) - len(shown):,} more" if len(problems) > len(shown) else ""
    listing = "\n".join(map(str, shown))
    count = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
    return TrainingError(
        f"{path} has {count}; a model is trained on whole, valid rows only.\n{listing}{rest}", shown, len(problems)
    )
