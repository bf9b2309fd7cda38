"""The form of the page: one field per feature, from model/schema.py. Imports model/ only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from model.schema import EXAMPLE, FEATURES, Categorical, Feature, Word

_FEW: Final = 3
"""So many options are shown side by side; more are in a drop-down list."""


@dataclass(frozen=True, slots=True)
class FieldOption:
    """One word of a feature: for the API, and for people."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """What the page needs to ask for one feature.

    Attributes
    ----------
    default : str
        That of the example, so that there is a score before anything is entered.
    can_change : bool
        Whether a retention team can offer a change of it.
    lowest, highest : float
        The range of a number in the training data, for a slider.
    """

    name: str
    label: str
    help: str
    rule: str
    default: str
    can_change: bool
    options: tuple[FieldOption, ...] = field(default=())
    unit: str = ""
    whole: bool = False
    lowest: float = 0
    highest: float = 0

    @property
    def is_few(self) -> bool:
        """Whether the options can be shown side by side."""
        return 0 < len(self.options) <= _FEW

    @property
    def is_short(self) -> bool:
        """Whether label and control fit on one line: a number, or one of two."""
        return len(self.options) in (0, 2)


def fields(ranges: Mapping[str, tuple[float, float]]) -> list[Field]:
    """Return a field for each feature, in the order of the schema; `ranges` are those of the training data."""
    return [_field(feature, ranges) for feature in FEATURES]


def label(name: str) -> str:
    """Return the name of a feature in plain words: MonthlyCharges is "Monthly charges"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _field(feature: Feature, ranges: Mapping[str, tuple[float, float]]) -> Field:
    name, default = feature.name, EXAMPLE[feature.name]
    common = (name, label(name), feature.help, feature.rule)
    if isinstance(feature, Categorical):
        options = tuple(FieldOption(str(value), _text(feature, value)) for value in feature.values)
        return Field(*common, str(default), feature.actionable, options)
    lowest, highest = ranges.get(name, (feature.minimum, feature.maximum))
    shown = f"{default}" if feature.whole else f"{default:.2f}"
    return Field(*common, shown, bool(feature.changes), (), feature.unit, feature.whole, lowest, highest)


def _text(feature: Categorical, value: Word) -> str:
    # 0 and 1 are how the data spells no and yes.
    flags = {word: "Yes" if flag else "No" for flag, word in feature.booleans.items()}
    return flags.get(value, str(value))
