"""What of a file of customers does not fit a schema: each finding counted, with its first rows. No training library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.distinct import Column, Table, read_table
from model.bulk.numbers import comma_to_point
from model.errors import Problem, listed, show
from model.parse import resolve
from model.schema import OTHER, Categorical, Feature, Numeric, Schema, Value, fold
from model.text import to_percent
from model.training.leaks import TOO_FEW, find_leak, is_too_few, suspicions
from model.training.profile import Profile
from model.training.roles import likeness, near_names, repeated_ids
from model.validate import read_value

_SHOWN_ROWS: Final = 5
_SHOWN_WORDS: Final = 10
_SHOWN_NAMES: Final = 30

Bools = NDArray[np.bool_]


@dataclass
class Findings:
    """What a file and a schema have to do with each other.

    Attributes
    ----------
    problems : list of str
        What does not fit, a sentence each.
    notes : list of str
        What fits, and should be looked at.
    rows : int
        The rows of the file.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0


def check_schema(schema: Schema, path: Path) -> Findings:
    """Return what of a file does not fit a schema.

    Raises
    ------
    TrainingError
        If the file cannot be read.
    """
    table = read_table(path)
    findings = Findings(rows=table.rows + len(table.wrong_rows), notes=list(table.notes))
    for row, what in list(table.wrong_rows.items())[:_SHOWN_ROWS]:
        findings.problems.append(f"Row {row} {what}.")
    if len(table.wrong_rows) > _SHOWN_ROWS:
        findings.problems.append(f"{len(table.wrong_rows) - _SHOWN_ROWS:,} further rows are wrong like these.")
    if not table.rows:
        findings.problems.append("The file has no rows below its header.")
        return findings
    columns = _resolve(schema, table, findings)
    left = _check_target(schema, columns, table, findings)
    _check_id(schema, columns, table, left is not None, findings)
    values: dict[str, _Values] = {}
    for feature in schema.features:
        if feature.name in columns:
            checked = _Values(feature, columns[feature.name], table)
            values[feature.name] = checked
            findings.problems += checked.problems(values)
            constant, notes = checked.notes()
            (findings.problems if left is not None else findings.notes).extend(constant)
            findings.notes += notes
            if left is not None and not constant:
                _check_leak(checked, left, schema, findings)
    return findings


def _resolve(schema: Schema, table: Table, findings: Findings) -> dict[str, Column]:
    """Return the columns of the schema by name, as scoring finds them; add those that are missing or claimed twice."""
    wanted = (*schema.columns, schema.target.column)
    positions, repeated = resolve(table.names, schema, [schema.target.column])
    for name, names in repeated.items():
        others = f", as {listed([show(other) for other in names])}" if len({*names}) > 1 else ""
        findings.problems.append(f"The header has {name} {len(names)} times{others}. Keep one.")
    known = {*schema.by_folded, fold(schema.target.column)}
    unused = [name for name in table.names if name and fold(name) not in known]
    meant = _meant([name for name in wanted if name not in positions], unused)
    for name, near in meant.items():
        question = f" Did you mean {listed([show(other) for other in near], 'or')}?" if near else ""
        sentence = f"The file has no column {name}.{question}"
        (findings.problems if name in schema.by_name else findings.notes).append(sentence)
    if unused:
        shown = [show(name)[1:-1] for name in unused[:_SHOWN_NAMES]]
        rest = f" and {len(unused) - len(shown):,} others" if len(unused) > len(shown) else ""
        findings.notes.append(f"No part of the schema: {', '.join(shown)}{rest}.")
    return {name: table.columns[position] for name, position in positions.items() if name not in repeated}


def _meant(missing: Sequence[str], unused: Sequence[str]) -> dict[str, list[str]]:
    """Return the names that each missing column may have instead: each name for the column it is most like."""
    near = {name: near_names(name, unused) for name in missing}
    likest = {
        other: max(missing, key=lambda name: (other in near[name], likeness(name, other)))
        for other in {other for others in near.values() for other in others}
    }
    return {name: [other for other in others if likest[other] == name] for name, others in near.items()}


def _check_target(schema: Schema, columns: Mapping[str, Column], table: Table, findings: Findings) -> Bools | None:
    """Return who left, None where the file does not hold it for everyone."""
    target = schema.target
    column = columns.get(target.column)
    if column is None:
        return None
    meaning = np.array([target.words.get(fold(text), -1) for text in column.texts])
    if not target.negative and (meaning == 1).any() and len({fold(text) for text in column.words}) == 2:
        # Training takes the one other word for that of those who stayed.
        meaning[(meaning < 0) & np.array([bool(text) for text in column.texts])] = 0
    outcome = meaning[column.codes]
    if (outcome < 0).any():
        wrong = {text or "": int(column.counts[index]) for index, text in enumerate(column.texts) if meaning[index] < 0}
        words = ", ".join(f"{show(text)} ({count:,})" for text, count in list(wrong.items())[:_SHOWN_WORDS])
        where = _where(table.row_numbers, outcome < 0)
        findings.problems.append(f"{target.column} does not state who left in {where}: {words}. It {target.rule}.")
        return None
    if outcome.min() == outcome.max():
        kind = "left" if outcome[0] else "stayed"
        findings.problems.append(f"{target.column}: all customers {kind}; a model needs both kinds.")
        return None
    left: Bools = outcome == 1
    counts = f"{int(left.sum()):,} of {len(left):,} customers left ({to_percent(float(left.mean()))})"
    if is_too_few(len(left), int(left.sum())):
        findings.problems.append(f"{counts}: {TOO_FEW}.")
    else:
        findings.notes.append(f"{counts}.")
    return left


def _check_id(
    schema: Schema, columns: Mapping[str, Column], table: Table, is_labelled: bool, findings: Findings
) -> None:
    column = columns.get(schema.id or "")
    if column is not None:
        warnings = repeated_ids(Profile(column, False, table.row_numbers))
        (findings.problems if is_labelled else findings.notes).extend(warnings)


def _check_leak(checked: "_Values", left: Bools, schema: Schema, findings: Findings) -> None:
    leak = find_leak(checked.profile, left, schema.target.column)
    name = checked.feature.name
    if leak:
        findings.problems.append(f"{name}: {leak}. Remove it, or train with --trust if it is from before.")
    else:
        findings.notes += [f"{name}: {note}" for note in suspicions(checked.profile, left, schema.target.column)]


class _Values:
    """The cells of one feature, each distinct text validated once."""

    def __init__(self, feature: Feature, column: Column, table: Table) -> None:
        self.feature, self._column, self._rows = feature, column, table.row_numbers
        has_commas = table.delimiter != ","
        self.profile = Profile(column, has_commas, table.row_numbers)
        is_numeric = isinstance(feature, Numeric) or feature.numbers
        self.typed: list[Value | Problem] = [
            read_value(feature, comma_to_point(text) if has_commas and is_numeric else text) if text else None
            for text in column.texts
        ]

    def equals(self, value: Value) -> Bools:
        """Return the rows with a value."""
        matches: Bools = np.array([typed == value and typed is not None for typed in self.typed], bool)
        return matches[self._column.codes]

    def problems(self, values: Mapping[str, "_Values"]) -> list[str]:
        """Return what is not accepted, a sentence for each kind of problem."""
        by_code: dict[str, list[int]] = {}
        for index, typed in enumerate(self.typed):
            if isinstance(typed, Problem) and self._column.counts[index]:
                by_code.setdefault(typed.code, []).append(index)
        return [*self._blanks(values), *[self._describe(code, texts) for code, texts in by_code.items()]]

    def _blanks(self, values: Mapping[str, "_Values"]) -> list[str]:
        feature, wrong, where = self.feature, self._column.is_blank, ""
        if feature.accepts_missing:
            return []
        if isinstance(feature, Numeric) and feature.blank and feature.blank.feature in values:
            wrong = wrong & ~values[feature.blank.feature].equals(feature.blank.value)
            where = f" where {feature.blank.feature} is not {feature.blank.value}"
        if not wrong.any():
            return []
        advice = ', or missing = "accept"' if not where else ""
        return [f"{feature.name} is blank{where} in {self._where(wrong)}. It {feature.rule}{advice}."]

    def _describe(self, code: str, texts: Sequence[int]) -> str:
        rows = np.isin(self._column.codes, texts)
        where = self._where(rows)
        return f"{self.feature.name} has {_KINDS[code]} in {where}: {self._listing(texts)}. It {self.feature.rule}."

    def _listing(self, texts: Sequence[int]) -> str:
        ranked = sorted(texts, key=lambda index: -self._column.counts[index])
        words = [self._with_count(index) for index in ranked[:_SHOWN_WORDS]]
        return ", ".join(words) + (f" and {len(texts) - _SHOWN_WORDS:,} others" if len(texts) > _SHOWN_WORDS else "")

    def _with_count(self, index: int) -> str:
        text, count = self._column.texts[index], self._column.counts[index]
        near = (
            near_names(text, [str(value) for value in self.feature.values])
            if isinstance(self.feature, Categorical) and not self.feature.accepts_other
            else []
        )
        return f"{show(text)} ({count:,}{f'; did you mean {show(near[0])}?' if near else ''})"

    def _where(self, rows: Bools) -> str:
        return _where(self._rows, rows)

    def _others(self) -> str:
        name, rows = self.feature.name, self.equals(OTHER)
        if not rows.any():
            return f"{name} accepts other words, and no row has one: this file shows nothing about them."
        others = [index for index, typed in enumerate(self.typed) if typed == OTHER and self._column.counts[index]]
        return f"{name} has words that are not listed in {self._where(rows)}: {self._listing(others)}."

    def notes(self) -> tuple[list[str], list[str]]:
        """Return what makes the feature useless with this file, and what to know about it."""
        feature = self.feature
        distinct = {
            typed
            for typed, count in zip(self.typed, self._column.counts, strict=True)
            if count and not isinstance(typed, Problem)
        }
        if distinct == {None}:
            return [f"{feature.name} is blank in every row."], []
        if len(distinct) == 1:
            return [f"{feature.name} is {show(next(iter(distinct)))} in every row."], []
        notes = []
        if feature.accepts_missing and None not in distinct:
            notes.append(f"{feature.name} accepts blanks, and no row has one: this file shows nothing about them.")
        if isinstance(feature, Categorical):
            unused = [value for value in feature.values if value not in distinct]
            if unused:
                shown = ", ".join(show(value) for value in unused[:_SHOWN_WORDS])
                rest = f" and {len(unused) - _SHOWN_WORDS:,} others" if len(unused) > _SHOWN_WORDS else ""
                notes.append(f"{feature.name}: no row has {shown}{rest}.")
            if feature.accepts_other:
                notes.append(self._others())
        return [], notes


_KINDS: Final = {
    "unknown_word": "words that are not known",
    "not_a_number": "cells that are no numbers",
    "out_of_range": "numbers beyond its bounds",
    "not_whole": "numbers that are not whole",
}


def _where(row_numbers: NDArray[np.int64], rows: Bools) -> str:
    """Return some rows in words: the first of them, how many, and their share."""
    numbers = row_numbers[rows]
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    shown = ", ".join([*map(str, numbers[:_SHOWN_ROWS]), *["…"] * (len(numbers) > _SHOWN_ROWS)])
    return f"{len(numbers):,} rows ({len(numbers) / len(row_numbers):.2%}; {shown})"
