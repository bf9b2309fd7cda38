"""The form of the page: one field per feature, from the schema of the model. Imports model/ only."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from model.schema import Categorical, Feature, Numeric, Schema, Value, Word

NOT_KNOWN: Final = "Not known"
"""The option of a missing value."""

_FEW: Final = 3
"""So many options are shown side by side, if they are short; more are in a drop-down list."""

_FEW_LETTERS: Final = 60
"""Of the options that are shown side by side."""

_MANY: Final = 12
"""More words than these are not listed but proposed as one of them is typed."""

_PLAIN_NAME: Final = re.compile(r"[A-Za-z]\w*", re.ASCII)
_TAKEN: Final = ("announcer", "caution", "content", "developers", "reasons", "suggestions")
"""Ids of the page that are such names; its others have hyphens."""

_PERIOD: Final = re.compile(r"\b(?:an?|each|every|per) \w+$")


@dataclass(frozen=True, slots=True)
class FieldOption:
    """One word of a feature, or that it is not known: for the API, and for people."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """What the page needs to ask for one feature.

    Attributes
    ----------
    id : str
        Of its control, and the beginning of the ids of what belongs to it.
    aliases : tuple of str
        Other names of the column in files.
    default : str
        That of the example, so that there is a score before anything is entered.
    can_change : bool
        Whether a retention team can offer a change of it.
    options : tuple of FieldOption
        What is chosen from; none where it is typed.
    words : tuple of str
        What is proposed as it is typed.
    may_be_blank : bool
        Whether it is typed, and may be left blank because it is not known.
    is_amount : bool
        Whether it is a number in the currency; of those that can be changed, the money of the schema alone.
    lowest, highest : float
        The range of a number in the training data, for a slider.
    """

    id: str
    name: str
    label: str
    help: str
    aliases: tuple[str, ...]
    rule: str
    default: str
    can_change: bool
    options: tuple[FieldOption, ...] = field(default=())
    words: tuple[str, ...] = ()
    may_be_blank: bool = False
    is_number: bool = False
    is_amount: bool = False
    unit: str = ""
    whole: bool = False
    lowest: float = 0
    highest: float = 0

    @property
    def is_few(self) -> bool:
        """Whether the options can be shown side by side."""
        letters = sum(len(option.text) for option in self.options)
        return 0 < len(self.options) <= _FEW and letters <= _FEW_LETTERS

    @property
    def is_short(self) -> bool:
        """Whether label and control fit on one line: a number, or one of two."""
        return self.is_number or (len(self.options) == 2 and self.is_few)

    @property
    def hint(self) -> str:
        """What is below the label."""
        text = self.help if self.help != self.label else ""
        if self.unit:
            text = f"{text}, in {self.unit}" if text else f"In {self.unit}"
        if self.may_be_blank:
            text = f"{text}. Blank if it is not known." if text else "Blank if it is not known."
        return text

    @property
    def unit_is_shown(self) -> bool:
        """Whether the page shows the number with its unit, and not as an amount."""
        return self.is_number and not self.is_amount and (self.can_change or not self.whole)

    @property
    def is_decimal(self) -> bool:
        """Whether it is a number that may have decimals."""
        return self.is_number and not self.whole


def fields(schema: Schema, ranges: Mapping[str, tuple[float, float]]) -> list[Field]:
    """Return a field for each feature, in the order of the schema; `ranges` are those of the training data."""
    return [_field(number, feature, schema, ranges) for number, feature in enumerate(schema.features, start=1)]


def period(schema: Schema) -> str:
    """Return the end of the unit of the money that names a period: "a month"; "" without one."""
    money = schema.by_name.get(schema.money or "")
    match = _PERIOD.search(money.unit) if isinstance(money, Numeric) else None
    return match.group() if match else ""


def _field(number: int, feature: Feature, schema: Schema, ranges: Mapping[str, tuple[float, float]]) -> Field:
    name = feature.name
    # An id has no spaces.
    id = name if _PLAIN_NAME.fullmatch(name) and name not in _TAKEN else f"feature-{number}"
    default = _default(feature, schema.example[name])
    common = (id, name, feature.label, feature.help, feature.aliases, feature.rule, default)
    if isinstance(feature, Categorical):
        if feature.accepts_other or len(feature.values) > _MANY:
            words = tuple(map(str, feature.values))
            return Field(*common, feature.actionable, words=words, may_be_blank=feature.accepts_missing)
        return Field(*common, feature.actionable, tuple(_options(feature)))
    lowest, highest = ranges.get(name, (feature.minimum, feature.maximum))
    return Field(
        *common,
        feature.actionable,
        may_be_blank=feature.accepts_missing,
        is_number=True,
        is_amount=_is_amount(feature, schema),
        unit=feature.unit,
        whole=feature.whole,
        lowest=lowest,
        highest=highest,
    )


def _default(feature: Feature, value: Value) -> str:
    if value is None:
        return ""
    if isinstance(feature, Categorical) or feature.whole:
        return str(value)
    assert not isinstance(value, str)
    # As an amount where it has no more decimals.
    return f"{value:.2f}" if round(value, 2) == value else str(value)


def _options(feature: Categorical) -> Iterator[FieldOption]:
    # 0 and 1 are how some data spells no and yes.
    booleans = feature.booleans.items() if feature.numbers else ()
    flags: dict[Word, str] = {word: "Yes" if flag else "No" for flag, word in booleans}
    for word in feature.values:
        yield FieldOption(str(word), flags.get(word, str(word)))
    if feature.accepts_missing:
        yield FieldOption("", NOT_KNOWN)


def _is_amount(feature: Numeric, schema: Schema) -> bool:
    """Return whether a number is the money of the schema, or has its unit without the period: $ of $ a month."""
    money = schema.by_name.get(schema.money or "")
    if not isinstance(money, Numeric):
        return False
    has_unit = bool(feature.unit) and feature.unit.split()[0] == money.unit.partition(" ")[0]
    return feature.name == money.name or (has_unit and not feature.actionable)
