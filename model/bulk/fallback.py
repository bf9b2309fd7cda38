"""The rows that the columns could not read: `model.validate` decides about each field, as for a customer sent as JSON.

Each distinct cell, and each distinct set of wrong cells, is validated once: most bad rows of a file are wrong alike.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from model.bulk.block import Block
from model.bulk.numbers import comma_to_point, numeric_features
from model.bulk.partial_block import WRONG_FIELD_COUNT, PartialBlock
from model.bulk.records import Records, split
from model.bulk.records import is_blank as is_blank_record
from model.errors import CustomerError, Problem, problem
from model.schema import Customer, Feature, Numeric, Schema, Value
from model.text import clean_id
from model.validate import is_blank, read_value, validate

MAX_REMEMBERED_BYTES: Final = 400
"""Of a cell, or the cells of a row; longer ones are validated each time."""

CHECK_EVERY: Final = 64
"""Rows, or distinct spellings, that are validated between two checks of the CPU budget; each takes 2 to 60 us."""

_MAX_CELLS: Final = 4_096
"""Cells whose outcome is remembered. A power of two; with its problem a cell takes up to 1.5 KB."""

_MAX_ROWS: Final = 1_000
"""Rows whose outcome is remembered, likewise."""

MAX_COMBINATIONS: Final = 2048
"""Combinations of unread features, and counts of fields, that are remembered: files choose them."""

_LATE_QUOTE: Final = (
    " A quote after a space does not open a cell, so a separator inside the quotes cuts it: remove the space after the "
    "separator."
)
_WHOLE_LINE: Final = (
    " The line is in quotes as a whole, so that it is one cell: remove the quotes at its start and end."
)


def validate_cell(by_name: Mapping[str, Feature], name: str, cell: str) -> Value | Problem:
    """Return what `model.validate` makes of one field, unless it depends on another of the same customer."""
    if not is_blank(cell):
        # What `validate` does with it as well; its exception takes as long again.
        return read_value(by_name[name], cell)
    try:
        return validate({name: cell}, [by_name[name]])[name]
    except CustomerError as error:
        return error.problems[0]


@functools.lru_cache(MAX_COMBINATIONS)
def field_count(count: int, expected: int, advice: str = "") -> Problem:
    """Return the problem of a record with too many or too few fields."""
    return problem("field_count", fields=_fields(count), expected=_fields(expected), advice=advice)


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"


def _quote_advice(cells: list[str], delimiter: str) -> str:
    """Return what to do about quotes that may be why a record has too many or too few fields, "" without any."""
    if len(cells) == 1 and delimiter in cells[0]:
        return _WHOLE_LINE
    is_late = any(cell[:1].isspace() and cell.lstrip()[:1] == '"' for cell in cells)
    return _LATE_QUOTE if is_late else ""


def is_not_a_customer(problems: Sequence[Problem], schema: Schema) -> bool:
    """Return whether nothing in a row is a customer's: a total, a footer, a row of other columns."""
    wrong = sum(problem.field in schema.by_name for problem in problems)
    return problems[0].code == "field_count" or wrong == len(schema.features)


class _Unread(NamedTuple):
    """Some unread features, and those that were read and decide about blanks of them."""

    names: tuple[str, ...]
    deciding: tuple[str, ...]


class Fallback:
    """Validates the unread fields of one file.

    Parameters
    ----------
    schema : Schema
    width : int
        Fields of a record.
    positions : mapping of str to int
        The index of each column of the schema.
    id_required : bool
    has_commas : bool
        Whether the decimal mark may be a comma.
    check : callable
        Called every `CHECK_EVERY` rows; may raise an exception that ends the work.
    """

    def __init__(
        self,
        schema: Schema,
        width: int,
        positions: Mapping[str, int],
        id_required: bool,
        has_commas: bool,
        check: Callable[[], object],
    ) -> None:
        self._schema = schema
        self._width, self._positions, self._id_required = width, positions, id_required
        self._check = check
        self._id_position = positions.get(schema.id, width) if schema.id else width
        self._blank_id = problem("blank_id", field=schema.id_label)
        self._with_commas = {feature.name for feature in numeric_features(schema)} if has_commas else set()
        needed = [bit for bit, feature in enumerate(schema.features) if not feature.accepts_missing]
        self._needed = sum(1 << bit for bit in needed or range(len(schema.features)))
        self._blanks = {
            feature.name: feature.blank.feature
            for feature in schema.features
            if isinstance(feature, Numeric) and feature.blank
        }
        self._validate_cell = functools.partial(validate_cell, schema.by_name)
        self._remembered_cell = functools.lru_cache(_MAX_CELLS)(self._validate_cell)
        self._combinations: dict[int, _Unread] = {}
        self._outcomes: dict[tuple[object, ...], Customer | tuple[Problem, ...]] = {}

    def complete(self, records: Records, first_row: int, partial: PartialBlock, strays: Mapping[int, str]) -> Block:
        """Return the block with its unread fields decided and its blank records left out."""
        is_row = ~records.are_empty()
        delimiter = records.delimiter
        problems: dict[int, tuple[Problem, ...]] = {}
        identities: dict[int, str] = {}
        texts: dict[int, str] = {}
        accepted: dict[int, Customer] = {}
        other_ids: list[str] = []
        indices = np.flatnonzero(is_row & (partial.unread != 0))
        # Empty lines are counted all at once: ten million of them are a small file.
        empty_above = np.cumsum(~is_row)[indices].tolist()
        deciding = {name: partial.values_at(name, indices) for name in set(self._blanks.values())}
        blank_records = 0
        for number, (index, unread) in enumerate(zip(indices.tolist(), partial.unread[indices].tolist(), strict=True)):
            if not number % CHECK_EVERY:
                self._check()
            record = records[index]
            # A row with a value of a feature that needs one is not blank.
            if unread & self._needed == self._needed and is_blank_record(record, delimiter):
                is_row[index] = False
                blank_records += 1
                continue
            cells = split(record, delimiter)
            identity = clean_id(cells[self._id_position]) if self._id_position < len(cells) else ""
            if unread == WRONG_FIELD_COUNT:
                other_ids.append(identity)
            outcome = self._decide(cells, identity, unread, deciding, number, delimiter)
            if index in strays:
                others = () if isinstance(outcome, dict) else outcome
                outcome = (*others, problem("stray_byte", bytes=strays[index]))
            row = index - blank_records - empty_above[number]
            if isinstance(outcome, dict):
                accepted[row] = outcome
                continue
            problems[row] = outcome
            identities[row] = identity
            texts[row] = record.decode("utf-8").rstrip("\r\n")
        rows = np.flatnonzero(is_row)
        good = np.ones(len(rows), bool)
        good[list(problems)] = False
        return Block(
            self._schema,
            first_row,
            len(rows),
            partial.ids_at(rows, other_ids),
            partial.columns_at(rows, accepted),
            good,
            problems,
            identities,
            texts,
            blank_lines=records.count - len(rows),
            source=records,
            record_indices=rows,
        )

    def _decide(
        self,
        cells: list[str],
        identity: str,
        unread: int,
        deciding: Mapping[str, Sequence[Value]],
        number: int,
        delimiter: str,
    ) -> Customer | tuple[Problem, ...]:
        """Return the values of the unread fields, or all that is wrong with the row.

        Parameters
        ----------
        deciding : mapping of str to sequence of Value
            Features that decide about blanks of others; `number` is the index of the row among their values.
        """
        if len(cells) != self._width:
            return (field_count(len(cells), self._width, _quote_advice(cells, delimiter)),)
        combination = self._combination(unread)
        texts = tuple([cells[self._positions[name]] for name in combination.names])
        known = tuple([deciding[name][number] for name in combination.deciding])
        key = (unread, texts, known, self._id_required and not identity)
        outcome = self._outcomes.get(key)
        if outcome is None:
            others = dict(zip(combination.deciding, known, strict=True))
            outcome = self._validate(combination.names, texts, others, self._id_required and not identity)
            if len(self._outcomes) < _MAX_ROWS and sum(map(len, texts)) <= MAX_REMEMBERED_BYTES:
                self._outcomes[key] = outcome
        return outcome

    def _validate(
        self, names: tuple[str, ...], cells: tuple[str, ...], known: Customer, lacks_id: bool
    ) -> Customer | tuple[Problem, ...]:
        values: Customer = {}
        blanks: list[str] = []
        problems: list[Problem] = [self._blank_id] if lacks_id else []
        for name, text in zip(names, cells, strict=True):
            cell = self.with_point(name, text)
            if name in self._blanks and is_blank(cell):
                blanks.append(name)
                continue
            validate_ = self._remembered_cell if len(cell) <= MAX_REMEMBERED_BYTES else self._validate_cell
            outcome = validate_(name, cell)
            if isinstance(outcome, Problem):
                problems.append(outcome)
            else:
                values[name] = outcome
        if blanks:
            # After the others, as in `validate` itself.
            features = [self._schema.by_name[name] for name in blanks]
            try:
                customer = validate(dict.fromkeys(blanks, ""), features, {**known, **values})
            except CustomerError as error:
                problems.extend(error.problems)
            else:
                values.update({name: customer[name] for name in blanks})
        return tuple(problems) if problems else values

    def _combination(self, unread: int) -> _Unread:
        combination = self._combinations.get(unread)
        if combination is None:
            names = tuple([feature.name for bit, feature in enumerate(self._schema.features) if unread >> bit & 1])
            deciding = {self._blanks[name] for name in names if name in self._blanks}
            combination = _Unread(names, tuple(sorted(deciding - set(names))))
            if len(self._combinations) < MAX_COMBINATIONS:
                self._combinations[unread] = combination
        return combination

    def with_point(self, name: str, cell: str) -> str:
        """Return a cell with a point for the decimal comma, where the file may have one."""
        return comma_to_point(cell) if name in self._with_commas else cell
