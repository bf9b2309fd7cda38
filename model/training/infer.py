"""A schema proposed from a file of customers whose outcome is known. Imports no training library.

Whatever was unclear is a comment of the schema file and a line of the report; nothing is decided silently.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.distinct import Table, read_table
from model.errors import InputError, TrainingError, listed, show
from model.schema import Blank, Feature, Numeric, Schema, Value, fold
from model.schema_file import MAX_FEATURES, with_example
from model.schema_toml import parse_toml, to_toml
from model.text import counted, to_percent
from model.training import roles
from model.training.leaks import TOO_FEW, find_copies, find_leak, is_too_few, suspicions
from model.training.profile import Profile, auc_alone
from model.training.proposal import propose

_SHOWN_ROWS: Final = 5
_COMPARED: Final = 10
"""Times as many columns as a schema may have are compared with each other; the time is quadratic in them."""


_ABOVE: Final = (
    "A proposal of churn infer-schema; docs/schema.md explains each key. Read it, change it, and go on with",
    "churn check-schema and churn train --schema.",
    "Words and bounds come from one file: add the words that customers may have, and set minimum and maximum to what",
    "cannot be true. Mark what you can change for a customer (actionable = true) and what describes who they are",
    '(protected = true). How the risk follows a number is free, unless direction = "rises" or "falls" forces it.',
)


@dataclass
class Inferred:
    """A schema that is proposed, and why.

    Attributes
    ----------
    schema : Schema
    comments : dict of str to list of str
        By feature, or key of the top level: the comments above it.
    notes : dict of str to list of str
        By feature: what people must look at.
    ignored : dict of str to str
        Columns that are no features, and why.
    warnings : list of str
        About the file as a whole.
    """

    schema: Schema
    comments: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def to_toml(self) -> str:
        """Return the text of the schema file."""
        above = [*_ABOVE, *(["", *self.warnings] if self.warnings else [])]
        below = ["ignored", *[f"    {_shown(name)}: {reason}." for name, reason in self.ignored.items()]]
        text = to_toml(self.schema, above, self.comments, below if self.ignored else ())
        # What is proposed must be a schema.
        parse_toml(text, "The proposed schema")
        return text

    def report(self) -> list[str]:
        """Return what people must look at, a line each."""
        features = [f"{name}: {note}" for name in self.schema.names for note in self.notes.get(name, ())]
        ignored = [f"{_shown(name)} is ignored: {reason}." for name, reason in self.ignored.items()]
        return [*self.warnings, *features, *ignored]


def _shown(name: str) -> str:
    return show(name)[1:-1] or "A column without a name"


def infer(path: Path, target: str, id_column: str | None = None, positive: str | None = None) -> Inferred:
    """Return the schema that a file of customers suggests.

    Parameters
    ----------
    path : Path
    target : str
        The column that holds who left.
    id_column : str, optional
        The column that identifies a customer; chosen if None.
    positive : str, optional
        The word of those who left; chosen if None.

    Raises
    ------
    TrainingError
        If the file cannot be read, or no schema can be proposed from it.
    """
    table = read_table(path)
    columns = check_names(table, path)
    if not table.rows:
        raise TrainingError(f"{path} has no rows below its header.")
    target_column = columns[find_column(target, columns, path, "--target")]
    chosen_target, left, known = roles.read_target(target_column, positive, path)
    warnings = [*table.notes, *_row_warnings(table, target_column.name, known)]
    table, left = table.subset(known), left[known]
    warnings += [*_count_warnings(left), *_order_warnings(left, target_column.name)]
    profiles = {
        column.name: Profile(column, table.delimiter != ",", table.row_numbers)
        for column in table.columns
        if column.name != target_column.name
    }
    chosen_id = find_column(id_column, columns, path, "--id") if id_column else roles.find_id(list(profiles.values()))
    if chosen_id == target_column.name:
        raise TrainingError(f"--id and --target both name {show(chosen_id)}.")
    id_profile = profiles.pop(chosen_id, None) if chosen_id else None
    warnings += roles.repeated_ids(id_profile) if id_profile else roles.repeated_rows(list(profiles.values()))
    inferred = Inferred(Schema(features=(), example={}, target=chosen_target, id=chosen_id), warnings=warnings)
    _add_features(inferred, profiles, left)
    if not inferred.schema.features:
        reasons = "\n".join(f"{_shown(name)}: {reason}." for name, reason in list(inferred.ignored.items())[:20])
        beyond = f" next to the id, {chosen_id}" if chosen_id else ""
        raise TrainingError(f"{path} has no column that may be a feature{beyond}.\n{reasons}".rstrip())
    _add_roles(inferred, profiles, left)
    return inferred


def check_names(table: Table, path: Path) -> dict[str, Any]:
    """Return the columns by name, or raise TrainingError if two have the same one."""
    counts = Counter(fold(name) for name in table.names if name)
    repeated = [name for name in dict.fromkeys(table.names) if counts[fold(name)] > 1]
    if repeated:
        shown = listed([show(name) for name in repeated[:_SHOWN_ROWS]])
        raise TrainingError(f"{path}: the header has {shown} more than once, but for case. Keep one of each.")
    return {column.name: column for column in table.columns}


def find_column(wanted: str, columns: Mapping[str, Any], path: Path, option: str) -> str:
    """Return the column that an option names, or raise TrainingError with what may be meant."""
    by_folded = {fold(name): name for name in columns if name}
    if fold(wanted) in by_folded:
        return by_folded[fold(wanted)]
    near = roles.near_names(wanted, list(by_folded.values()))
    meant = f" Did you mean {listed([show(name) for name in near], 'or')}?" if near else ""
    if len(columns) == 1:
        _check_separator(next(iter(columns)), wanted, path)
    names = ", ".join(show(name)[1:-1] for name in list(by_folded.values())[:30])
    raise TrainingError(
        f"{path} has no column {show(wanted)} ({option}).{meant} It has {len(columns)}: {names}"
        f"{', …' if len(by_folded) > 30 else ''}."
    )


def _check_separator(header: str, wanted: str, path: Path) -> None:
    """Raise TrainingError if the one column of a header is several, by another separator."""
    for separator in "|^~:,;\t":
        if fold(wanted) in map(fold, header.split(separator)):
            kind = "quoted_lines" if separator in ",;\t" else "wrong_separator"
            raise TrainingError(f"{path}: {InputError(kind, value=separator)}")


def _row_warnings(table: Table, target: str, known: NDArray[np.bool_]) -> list[str]:
    warnings = []
    if table.wrong_rows:
        first = [f"row {row} {what}" for row, what in list(table.wrong_rows.items())[:_SHOWN_ROWS]]
        warnings.append(f"{counted(len(table.wrong_rows), 'row')} cannot be used: {listed(first)}.")
    unknown = table.row_numbers[~known]
    if len(unknown):
        shown = ", ".join([*map(str, unknown[:_SHOWN_ROWS]), *["…"] * (len(unknown) > _SHOWN_ROWS)])
        warnings.append(f"{target} is blank in {counted(len(unknown), 'row')} ({shown}); training refuses them.")
    return warnings


def _count_warnings(left: NDArray[np.bool_]) -> list[str]:
    leavers = int(left.sum())
    warnings = [f"{len(left):,} customers, of which {leavers:,} left ({to_percent(float(left.mean()))})."]
    if is_too_few(len(left), leavers):
        warnings.append(f"That is {TOO_FEW}.")
    return warnings


def _order_warnings(left: NDArray[np.bool_], target: str) -> list[str]:
    # Two runs of a few rows may be chance.
    if np.count_nonzero(left[1:] != left[:-1]) != 1 or min(left.sum(), (~left).sum()) < _SHOWN_ROWS:
        return []
    return [f"The rows are sorted by {target}: a column that only counts them or dates the export gives it away."]


def _add_features(inferred: Inferred, profiles: Mapping[str, Profile], left: NDArray[np.bool_]) -> None:
    """Add each column to the features, or to those that are ignored."""
    target, ignored, comments = inferred.schema.target.column, inferred.ignored, inferred.comments
    features: dict[str, Feature] = {}
    example: dict[str, Value] = {}
    facts: dict[str, Sequence[str]] = {}
    for name, profile in profiles.items():
        proposal = propose(profile, len(left))
        # A leak is named as one even where there is no feature: it is the worst that a column can be.
        varies = len(profile.column.words) + bool(profile.blanks) > 1
        leak = find_leak(profile, left, target) if varies else ""
        if leak or proposal.feature is None:
            ignored[name] = leak or proposal.reason
            continue
        features[name], example[name] = proposal.feature, proposal.typical
        inferred.notes[name] = [*proposal.notes, *suspicions(profile, left, target)]
        if proposal.feature.is_protected:
            inferred.notes[name].append("It seems to describe who customers are, so it is protected.")
        facts[name] = proposal.facts
    _keep_best(features, MAX_FEATURES * _COMPARED, ignored, profiles, left)
    for name, reason in find_copies([profiles[name] for name in features]).items():
        del features[name]
        ignored[name] = reason
    _keep_best(features, MAX_FEATURES, ignored, profiles, left)
    for name in features:
        features[name] = _with_blank_rule(name, features, profiles, inferred.notes[name])
        comments[name] = [*inferred.notes[name], *facts[name]]
    order = list(profiles)
    inferred.ignored = dict(sorted(ignored.items(), key=lambda item: order.index(item[0])))
    inferred.schema = replace(inferred.schema, features=tuple(features.values()))
    inferred.schema = with_example(inferred.schema, {name: example[name] for name in features})


def _keep_best(
    features: dict[str, Feature],
    most: int,
    ignored: dict[str, str],
    profiles: Mapping[str, Profile],
    left: NDArray[np.bool_],
) -> None:
    """Ignore the features that separate leavers from stayers least, where there are more than a schema may have."""
    if len(features) > most:
        ranked = sorted(features, key=lambda name: -auc_alone(profiles[name].levels, left))
        for name in ranked[most:]:
            ignored[name] = f"it separates leavers from stayers least, and a schema has {MAX_FEATURES} features at most"
            del features[name]


def _with_blank_rule(
    name: str, features: Mapping[str, Feature], profiles: Mapping[str, Profile], notes: list[str]
) -> Feature:
    """Return a number with the rule that a blank is 0, where it is blank exactly where an earlier number is 0."""
    feature, profile = features[name], profiles[name]
    if not isinstance(feature, Numeric) or profile.blanks < _SHOWN_ROWS or feature.minimum > 0:
        return feature
    blank = profile.column.is_blank
    for other in list(features)[: list(features).index(name)]:
        earlier = features[other]
        if isinstance(earlier, Numeric) and not earlier.blank and ((profiles[other].values == 0) == blank).all():
            notes.append(f"It is blank exactly where {other} is 0, so a blank there is 0, and an error elsewhere.")
            zero = 0 if earlier.whole else 0.0
            return replace(feature, accepts_missing=False, blank=Blank(0.0, other, zero))
    return feature


def _add_roles(inferred: Inferred, profiles: Mapping[str, Profile], left: NDArray[np.bool_]) -> None:
    schema, comments = inferred.schema, inferred.comments
    money = roles.find_money(schema.features)
    currency, why = roles.find_currency(money, list(profiles.values()))
    comments["positive"] = ["The word of those who left."]
    comments["money"] = (
        ["The amount a customer pays a month: value_at_risk is its product with the risk. Remove it if it is not that."]
        if money
        else ["Not found: the column of what a customer pays a month, for value_at_risk.", 'money = "..."']
    )
    segments = roles.find_segments(schema.features, profiles, left)
    comments["segments"] = ["By these, summaries and reports group customers."] if segments else ['segments = ["..."]']
    comments["currency"] = [why]
    comments["horizon"] = ["Fill in what the outcome refers to:", 'horizon = "within 3 months of the snapshot"']
    if schema.id is None:
        comments["id"] = ["No column identifies a customer.", 'id = "..."']
    inferred.schema = replace(schema, money=money, segments=segments, currency=currency)
