"""What a schema is: the features of a model with their rules, and the columns that have a role.

Each model has its own, as data: model/schema_file.py reads it. Imports model.text and nothing beyond the standard
library, and knows no company's columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from model.text import clean, decimals, default_label, escaped, fold_case, quoted, with_plural, written

Word = str | int
"""The canonical spelling of a word, as the data has it: text, or a whole number for words such as 0 and 1."""

Value = str | int | float | None
Customer = dict[str, Value]
"""One valid customer: feature name to canonical word, number (int where it is whole), or None where it is missing."""

OTHER: Final = "(other)"
"""The word of a customer whose own the training data had seldom or never, where the feature accepts that."""

FLAT: Final = "flat"
"""The direction of a number that is accepted and has no points."""

CHURN: Final = "churn"
NOT_CHURN: Final = "not churn"
TIERS: Final = ("high", "medium", "low")

BATCH_LABELS: Final[Mapping[str, str]] = MappingProxyType({CHURN: "Churn", NOT_CHURN: "Not Churn"})
"""The labels of /v1/customerbatch, with the capitals that the seed's family of apps has there."""

DEFAULT_POSITIVE: Final = "Yes"
_POSITIVES: Final = ("yes", "true", "1")
_NEGATIVES: Final = ("no", "false", "0")

LISTED_WORDS: Final = 20
"""Words that a rule lists; a feature may have thousands."""


def fold(text: str) -> str:
    """Return `text` cleaned, composed and in lower case: two words, or names, are the same when they fold to the same.

    Letters that only look like those of ASCII, such as the Kelvin sign, stay other letters.
    """
    text = clean(text)
    return text.lower() if text.isascii() else fold_case(text)


class Blank(NamedTuple):
    """What a blank of a number means for some customers: `equals`, where their `feature` is `value`."""

    equals: float
    feature: str
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Categorical:
    """A feature that takes one of some words.

    Attributes
    ----------
    name : str
        The column, as the data spells it.
    label, help : str
        For people: a short name, and what it is.
    aliases : tuple of str
        Other names of the column in files.
    values : tuple of str or int
        The canonical words in the order in which forms show them; their index is the code used in bulk.
    is_flag : bool
        Whether the two words are no and yes, in this order, so that JSON's false and true are accepted.
    synonyms : mapping of str to str or int
        Folded spellings accepted in addition to the canonical ones.
    accepts_missing : bool
        Whether a blank is accepted, as None, and has points of its own.
    accepts_other : bool
        Whether any other word is accepted, as `OTHER`, and has points of its own.
    actionable : bool
        Whether a retention team can offer a change of it.
    is_protected : bool
        Whether the card reports the groups of it; then no change of it is suggested.
    phrases : mapping of str or int to str
        Words as the beginning of a sentence about a customer; a default is made of the others.
    """

    name: str
    values: tuple[Word, ...]
    label: str = ""
    help: str = ""
    aliases: tuple[str, ...] = ()
    is_flag: bool = False
    synonyms: Mapping[str, Word] = field(default_factory=dict)
    accepts_missing: bool = False
    accepts_other: bool = False
    actionable: bool = False
    is_protected: bool = False
    phrases: Mapping[Word, str] = field(default_factory=dict)
    booleans: Mapping[bool, Word] = field(init=False, repr=False)
    """What JSON's true and false mean; empty where a boolean is an error."""
    numbers: bool = field(init=False, repr=False)
    """Whether words are numbers; then a JSON number equal to one is accepted (0, 1, 0.0, 1.0)."""
    spellings: Mapping[str, Word] = field(init=False, repr=False)
    levels: tuple[Value, ...] = field(init=False, repr=False)
    """The words, then `OTHER` and None where they are accepted."""
    codes: Mapping[Value, int] = field(init=False, repr=False)
    """The index of each level."""
    rule: str = field(init=False, repr=False)
    """The rule as the second half of a sentence: `must be "A", "B" or "C"`."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "label", self.label or default_label(self.name))
        set_(self, "help", self.help or self.label)
        set_(self, "booleans", {False: self.values[0], True: self.values[1]} if self.is_flag else {})
        set_(self, "numbers", any(isinstance(value, int) for value in self.values))
        words: dict[str, Word] = {fold(str(value)): value for value in self.values}
        words.update(self.synonyms)
        for flag, word in self.booleans.items():
            words.setdefault(str(flag).lower(), word)
        # The exact spellings too: most cells hold one, and then nothing has to be folded.
        words.update({str(value): value for value in self.values})
        set_(self, "spellings", MappingProxyType(words))
        levels = (*self.values, *[OTHER] * self.accepts_other, *[None] * self.accepts_missing)
        set_(self, "levels", levels)
        set_(self, "codes", MappingProxyType({level: code for code, level in enumerate(levels)}))
        set_(self, "rule", self._rule())

    def _rule(self) -> str:
        if self.accepts_other:
            return "must be a word" if self.numbers else "must be a word (text)"
        shown = [str(value) if self.numbers else quoted(str(value)) for value in self.values[:LISTED_WORDS]]
        if len(self.values) > LISTED_WORDS:
            return f"must be one of {len(self.values):,} words, such as {', '.join(shown)}"
        return f"must be {', '.join(shown[:-1])} or {shown[-1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeric:
    """A feature that takes a number between `minimum` and `maximum`, both allowed.

    Attributes
    ----------
    name, label, help, aliases, accepts_missing, is_protected
        As those of `Categorical`.
    unit : str
        Unit of the number, in the plural; may be empty.
    whole : bool
        Whether only whole numbers are accepted (12 and 12.0, not 12.5).
    blank : Blank, optional
        What a blank means for some customers; for others it is refused.
    direction : {"rises", "falls", "free", "flat"}
        How the risk may follow the number; flat: not at all, it is accepted and has no points.
    groups : tuple of float
        Where the groups of customers begin that summaries and the card show, after the first; quartiles if empty.
    changes : tuple of float
        Relative changes that a retention team can offer, such as -0.1 for ten per cent less.
    phrase : str
        The beginning of a sentence about a customer, with {value} and, for the plural of a unit, {s}.
    """

    name: str
    minimum: float
    maximum: float
    label: str = ""
    help: str = ""
    aliases: tuple[str, ...] = ()
    unit: str = ""
    whole: bool = False
    accepts_missing: bool = False
    blank: Blank | None = None
    direction: str = "free"
    groups: tuple[float, ...] = ()
    changes: tuple[float, ...] = ()
    is_protected: bool = False
    phrase: str = ""
    is_amount: bool = field(default=False, compare=False)
    """Whether it is money, which sentences have with two decimals."""
    rule: str = field(init=False, repr=False)
    """The rule as the second half of a sentence."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "label", self.label or default_label(self.name))
        set_(self, "help", self.help or self.label)
        unit = f" {with_plural(self.unit)}" if self.unit else ""
        set_(self, "phrase", self.phrase or f"{escaped(self.label)} is {{value}}{unit}")
        noun = f"a whole number{f' of {self.unit}' if self.unit else ''}" if self.whole else "a number"
        set_(self, "rule", f"must be {noun} from {written(self.minimum)} to {written(self.maximum)}")

    @property
    def actionable(self) -> bool:
        """Whether a retention team can offer a change of it."""
        return bool(self.changes)

    def changed(self, number: float, share: float) -> float:
        """Return `number` and a share of it, rounded as people write it: an amount in cents stays one."""
        other = number * (1 + share)
        in_cents = self.is_amount and round(number, 2) == number
        return round(other, 0 if self.whole else 2 if in_cents else decimals(other))


Feature = Categorical | Numeric


class Target(NamedTuple):
    """The column of training data that states who left.

    Attributes
    ----------
    column : str
    positive : str
        The word of those who left.
    negative : str
        The word of those who stayed; "" for "no", "false" and "0".
    """

    column: str
    positive: str = DEFAULT_POSITIVE
    negative: str = ""

    @property
    def words(self) -> dict[str, int]:
        """Folded words: 1 for a customer who left, 0 for one who stayed."""
        is_default = fold(self.positive) in _POSITIVES
        left = dict.fromkeys((fold(self.positive), *(_POSITIVES if is_default else ())), 1)
        stayed = [fold(self.negative)] if self.negative else []
        return {**dict.fromkeys([*(_NEGATIVES if is_default or not stayed else ()), *stayed], 0), **left}

    @property
    def rule(self) -> str:
        """What the column must hold, as the second half of a sentence."""
        if fold(self.positive) in _POSITIVES:
            return 'must be "Yes", "No", 1 or 0'
        return f"must be {quoted(self.positive)} or {quoted(self.negative or 'No')}"


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The features of a model, and the columns that have a role.

    Attributes
    ----------
    features : tuple of Categorical or Numeric
        In the order in which terms are added.
    id : str, optional
        The column that identifies a customer.
    target : Target
    money : str, optional
        The number whose product with the probability is `value_at_risk`.
    segments : tuple of str
        The features by which summaries group customers.
    currency : str
        The sign of amounts.
    horizon : str
        What the probability refers to: "within 3 months of the snapshot".
    example : mapping
        One valid customer, for the template and the description of the API.
    """

    features: tuple[Feature, ...]
    example: Mapping[str, Value]
    target: Target
    id: str | None = None
    money: str | None = None
    segments: tuple[str, ...] = ()
    currency: str = "$"
    horizon: str = ""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def by_name(self) -> Mapping[str, Feature]:
        """The features by name."""
        return {feature.name: feature for feature in self.features}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The id, if there is one, and the names of the features."""
        return (*([self.id] if self.id else ()), *self.names)

    @cached_property
    def by_folded(self) -> Mapping[str, str]:
        """The columns by folded name, and by the aliases of features."""
        aliases = {fold(alias): feature.name for feature in self.features for alias in feature.aliases}
        return {**aliases, **{fold(name): name for name in self.columns}}

    @cached_property
    def id_label(self) -> str:
        """The id as sentences name it."""
        return self.id or "id"
