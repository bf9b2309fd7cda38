"""First step of training: a CSV with the columns of a schema and its target to validated customers and labels.

Read by the code that scores files, so that a model is trained on the customers it would score and on no other.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.bulk.unchanged import Unchanged
from model.errors import SHOWN_PROBLEMS, CustomerError, Problem, TrainingError, problem
from model.parse import resolve
from model.pipeline import frame_of_columns
from model.schema import Categorical, Customer, Feature, Schema, Target, Value, fold
from model.text import clean, clean_id
from model.training.metrics import Ints
from model.validate import validate

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
        columns = [values_of(feature, self.columns[feature.name]) for feature in self.schema.features]
        return [dict(zip(self.schema.names, values, strict=True)) for values in zip(*columns, strict=True)]

    def frame(self) -> "pd.DataFrame":
        """Return the input of a pipeline: shape (n_customers, n_features), columns in schema order."""
        return frame_of_columns(self.columns, self.schema)

    def subset(self, rows: Ints) -> "LabelledData":
        """Return the customers of some rows, counted from 0."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        ids = [self.ids[row] for row in rows] if self.ids else []
        return replace(self, columns=columns, labels=self.labels[rows], ids=ids)


def values_of(feature: Feature, column: Any) -> list[Value]:
    """Return the values of a column of `LabelledData`, as a customer has them."""
    if isinstance(feature, Categorical):
        return [feature.levels[code] for code in column.tolist()]
    values: list[Value] = [None if value != value else value for value in column.tolist()]
    return [None if value is None else int(value) for value in values] if feature.whole else values


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
    target = schema.target.column
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    header = next(lines, [])
    positions, _ = resolve(header, schema, [target])
    missing = [name for name in (*schema.names, target) if name not in positions]
    if missing:
        raise TrainingError(f"{path} lacks {', '.join(missing)}.")
    customers, ids, words, problems = [], [], [], []
    for row, line in enumerate(lines, start=1):
        identity = clean_id(line[positions[schema.id]]) if schema.id in positions else ""
        words.append(line[positions[target]])
        ids.append(identity)
        try:
            customers.append(validate({name: line[positions[name]] for name in schema.names}, schema.features))
        except CustomerError as error:
            problems += [wrong.at(row, identity) for wrong in error.problems]
    if problems:
        raise _refusal(path, problems)
    chosen = _with_negative(schema.target, words)
    labels = _labels(words, chosen, problems, ids)
    if problems:
        raise _refusal(path, problems)
    columns = {
        feature.name: _column(feature, [customer[feature.name] for customer in customers])
        for feature in schema.features
    }
    return LabelledData(
        replace(schema, target=chosen),
        columns,
        labels,
        ids if schema.id in positions else [],
        hashlib.sha256(content).hexdigest(),
    )


def _column(feature: Feature, values: Sequence[Value]) -> Any:
    if isinstance(feature, Categorical):
        return np.array([feature.codes[value] for value in values], dtype=np.int64)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _with_negative(target: Target, words: Sequence[str]) -> Target:
    """Return the target with the word of those who stayed: where it is not stated, the other one of a file of two."""
    seen = {fold(word): word for word in dict.fromkeys(words)}
    if target.negative or len(seen) != 2 or fold(target.positive) not in seen:
        return target
    (other,) = (word for folded, word in seen.items() if folded != fold(target.positive))
    return target if fold(other) in target.words or not clean(other) else target._replace(negative=clean(other))


def _labels(words: Sequence[str], target: Target, problems: list[Problem], ids: Sequence[str]) -> Ints:
    known = target.words
    labels = np.array([known.get(fold(word), -1) for word in words], dtype=np.int64)
    for index in np.flatnonzero(labels < 0).tolist():
        code = "unknown_word" if words[index].strip() else "blank"
        wrong = problem(code, field=target.column, rule=target.rule, value=words[index])
        problems.append(wrong.at(index + 1, ids[index]))
    return labels


def _refusal(path: Path, problems: Sequence[Problem]) -> TrainingError:
    shown = problems[:SHOWN_PROBLEMS]
    rest = f"\n... and {len(problems) - len(shown):,} more" if len(problems) > len(shown) else ""
    listing = "\n".join(map(str, shown))
    count = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
    return TrainingError(
        f"{path} has {count}; a model is trained on whole, valid rows only.\n{listing}{rest}", shown, len(problems)
    )
