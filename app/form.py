"""The form of the page: one field a feature, drawn from model/schema.py. Imports model/ only."""

import re
from dataclasses import dataclass, field
from typing import Final

from model.schema import EXAMPLE, FEATURES, Choice, Feature, Word

_FEW: Final = 3
"""So many options stand side by side; more are a list to open."""


@dataclass(frozen=True, slots=True)
class Option:
    """One word of a choice: as the API takes it, and as people read it."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """What the page needs to ask for one feature.

    Attributes
    ----------
    default : str
        That of the example, so that there is an answer before anything was entered.
    can_change : bool
        Whether a retention team can offer a change of it.
    """

    name: str
    label: str
    help: str
    rule: str
    default: str
    can_change: bool
    options: tuple[Option, ...] = field(default=())
    unit: str = ""
    whole: bool = False

    @property
    def is_few(self) -> bool:
        """Whether the options can stand side by side."""
        return 0 < len(self.options) <= _FEW


def fields() -> list[Field]:
    """Return a field for each feature, in the schema's order."""
    return [_field(feature) for feature in FEATURES]


def label(name: str) -> str:
    """Return the name of a feature in plain words: MonthlyCharges is "Monthly charges"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _field(feature: Feature) -> Field:
    name, default = feature.name, EXAMPLE[feature.name]
    if isinstance(feature, Choice):
        options = tuple(Option(str(value), _text(feature, value)) for value in feature.values)
        return Field(name, label(name), feature.help, feature.rule, str(default), feature.actionable, options)
    shown = f"{default}" if feature.whole else f"{default:.2f}"
    can_change = bool(feature.changes)
    return Field(
        name, label(name), feature.help, feature.rule, shown, can_change, unit=feature.unit, whole=feature.whole
    )


def _text(feature: Choice, value: Word) -> str:
    # 0 and 1 are how the data spells no and yes.
    flags = {word: "Yes" if flag else "No" for flag, word in feature.booleans.items()}
    return flags.get(value, str(value))
