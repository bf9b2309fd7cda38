"""What might be offered to a customer: an editable table, and the entries that would lower this customer's risk.

Each model may have one, actions.csv, with a line an action: the feature, the value it is for (blank: any), the value it
would become (a word, a number, or a change such as -10%), and the sentence to show. Standard library only.
"""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from model import artifact
from model.artifact import ARTIFACTS, read_checked
from model.errors import ChurnError, Problem, show
from model.schema import OTHER, Categorical, Customer, Numeric, Schema, Value, fold
from model.scorecard import PROBABILITY_DECIMALS, Scorer
from model.validate import read_value
from model.whatif import Alternative, apply_changes

TABLE: Final = "actions.csv"
FIRST_TABLE: Final = "actions-1.csv"
"""Next to the versions that come with the code: that of models that were trained before they carried their own."""

HEADER: Final = ("feature", "from", "to", "suggestion")
_SHARE: Final = re.compile(r"([+-][0-9]{1,3})%", re.ASCII)


class ActionsError(ChurnError):
    """A table of actions that cannot be used; names the line."""


class Action(NamedTuple):
    """One line of the table, its values typed; `share` is a relative change, given instead of `to`."""

    feature: str
    only_for: Value | None
    to: Value | None
    share: float | None
    suggestion: str


class Suggestion(NamedTuple):
    """An action that would lower a customer's risk, if the model's comparison of customers held for this one."""

    suggestion: str
    alternative: Alternative


def load(path: Path, schema: Schema) -> tuple[Action, ...]:
    """Return the actions of a table.

    Raises
    ------
    ActionsError
        With the line, what is wrong with it and what is accepted.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ActionsError(f"The table of actions {path} cannot be read: {error}.") from error
    return parse(content, path, schema)


def load_of(scorer: Scorer) -> tuple[Action, ...]:
    """Return the actions that come with a model, none where it has no table.

    Raises
    ------
    ActionsError, ArtifactError
    """
    if scorer.folder is None:
        return ()
    if TABLE in artifact.names(scorer.folder):
        return parse(read_checked(scorer.folder, TABLE), scorer.folder / TABLE, scorer.schema)
    return () if artifact.has_own_schema(scorer.folder) else load(ARTIFACTS / FIRST_TABLE, scorer.schema)


def parse(content: bytes, path: Path, schema: Schema) -> tuple[Action, ...]:
    """Return the actions of the content of a table."""
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        lines = [line for line in csv.reader(text) if any(cell.strip() for cell in line)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ActionsError(f"The table of actions {path} cannot be read: {error}.") from error
    if not lines or tuple(cell.strip() for cell in lines[0]) != HEADER:
        raise ActionsError(f"The table of actions {path} must begin with the line {','.join(HEADER)}.")
    return tuple(_read(path, number, line, schema) for number, line in enumerate(lines[1:], start=2))


def _read(path: Path, number: int, line: Sequence[str], schema: Schema) -> Action:
    where = f"Line {number} of the table of actions {path.name}"
    if len(line) != len(HEADER):
        raise ActionsError(f"{where} has {len(line)} cells, not {len(HEADER)}.")
    name, only_for, to, suggestion = (cell.strip() for cell in line)
    feature = schema.by_name.get(schema.by_folded.get(fold(name), name))
    if feature is None:
        raise ActionsError(f"{where} names {name!r}, which is no feature.")
    if not suggestion:
        raise ActionsError(f"{where} has no suggestion.")
    share = _SHARE.fullmatch(to)
    if share and isinstance(feature, Numeric):
        if int(share[1]) < -100:
            raise ActionsError(f"{where} takes more than all of {feature.name} away: {to}. The most is -100%.")
        return Action(feature.name, _typed(where, feature, only_for), None, int(share[1]) / 100, suggestion)
    target = _typed(where, feature, to)
    if target is None:
        raise ActionsError(f'{where} does not state what {feature.name} would become; in "to", it {feature.rule}.')
    return Action(feature.name, _typed(where, feature, only_for), target, None, suggestion)


def _typed(where: str, feature: Categorical | Numeric, text: str) -> Value | None:
    if not text:
        return None
    value = read_value(feature, text)
    if isinstance(value, Problem):
        raise ActionsError(f"{where}: {value.message}")
    if value == OTHER and text != OTHER:
        raise ActionsError(f"{where}: {show(text)} is no word of {feature.name}; {OTHER} is any that is not listed.")
    return value


def suggest(actions: Sequence[Action], scorer: Scorer, customer: Customer) -> list[Suggestion]:
    """Return the actions that fit `customer` and whose what-if lowers the risk, the largest drop first.

    None changes a protected feature, or leads to a combination of values that the training data does not hold.
    """
    fitting: list[tuple[str, dict[str, object]]] = []
    for action in actions:
        feature = scorer.schema.by_name[action.feature]
        value = customer[action.feature]
        if feature.is_protected:
            continue
        if action.only_for is not None and action.only_for != value:
            continue
        to = action.to
        if action.share is not None:
            if value is None or isinstance(value, str):
                continue
            assert isinstance(feature, Numeric)
            to = feature.changed(value, action.share)
            if not feature.minimum <= to <= feature.maximum:
                continue
        fitting.append((action.suggestion, {action.feature: to}))
    offered = apply_changes(scorer, customer, [changes for _, changes in fitting])
    suggestions = [
        Suggestion(suggestion, alternative)
        for (suggestion, _), alternative in zip(fitting, offered, strict=True)
        # What is printed as no difference is no reason to offer anything.
        if round(alternative.difference, PROBABILITY_DECIMALS) < 0 and not alternative.notes
    ]
    return sorted(suggestions, key=lambda offer: offer.alternative.difference)
