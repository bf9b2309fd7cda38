"""One customer, step 2: raw values to typed values, or all their problems at once.

The authority on what is accepted: model/bulk passes every row to it that it could not read. Standard library only.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from model.errors import CustomerError, Problem, problem
from model.schema import OTHER, Categorical, Customer, Feature, Numeric, Value, Word, fold
from model.text import clean

NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
"""The one grammar of numbers in text. It excludes nan, inf, hex, 1_000, 1,000 and full-width digits."""

LONGEST_NUMBER: Final = 400
"""Characters; more than any float needs, and short enough that converting never takes long."""

_INFINITE: Final = float("inf")
_MISSING: Final = object()
NOTHING: Final[Mapping[str, Value]] = MappingProxyType({})


class NumberText(str):
    """A JSON number that no float holds (1e400, NaN), as its text: it is no word."""

    __slots__ = ()


def read_number(text: str) -> float | None:
    """Return the number that `text` (already trimmed) spells, infinite if too large for float, or None."""
    if len(text) > LONGEST_NUMBER or NUMBER.fullmatch(text) is None:
        return None
    return float(text)


def validate(raw: Mapping[str, object], features: Sequence[Feature], known: Mapping[str, Value] = NOTHING) -> Customer:
    """Return the typed customer of `raw`, feature name to value, in the order of `features`.

    Parameters
    ----------
    raw : mapping of str to object
        JSON values or text by feature name. Other keys are ignored.
    features : sequence of Feature
        Those of the schema, or some of them; model/bulk has read the others already.
    known : mapping of str to Value, optional
        Typed values of others, for rules that need them; they are first in the result.

    Raises
    ------
    CustomerError
        With every problem found, in schema order.
    """
    customer: Customer = dict(known)
    problems: list[Problem] = []
    blanks: list[Numeric] = []
    for feature in features:
        value = raw.get(feature.name, _MISSING)
        if value is _MISSING and not feature.accepts_missing:
            problems.append(problem("missing", field=feature.name, rule=feature.rule))
        elif value is _MISSING or value is None or (isinstance(value, str) and is_blank(value)):
            if feature.accepts_missing:
                customer[feature.name] = None
            elif isinstance(feature, Numeric) and feature.blank:
                blanks.append(feature)
                customer[feature.name] = int(feature.blank.equals) if feature.whole else feature.blank.equals + 0.0
            else:
                problems.append(problem("blank", field=feature.name, rule=feature.rule))
        else:
            typed = read_value(feature, value)
            if isinstance(typed, Problem):
                problems.append(typed)
            else:
                customer[feature.name] = typed
    for feature in blanks:
        wrong = _validate_blank(feature, customer)
        if wrong:
            problems.append(wrong)
    if problems:
        raise CustomerError(problems)
    return customer


def read_value(feature: Feature, value: object) -> Value | Problem:
    """Return the typed value of one field that is not blank, or what is wrong with it."""
    return _choose(feature, value) if isinstance(feature, Categorical) else _measure(feature, value)


def find_word(feature: Categorical, text: str) -> Word | None:
    """Return the word that `text` spells, `OTHER` for any other where that is accepted, or None."""
    word = feature.spellings.get(text)
    if word is None:
        word = feature.spellings.get(fold(text))
    return OTHER if word is None and feature.accepts_other else word


def _choose(feature: Categorical, value: object) -> Value | Problem:
    word = None
    if isinstance(value, str) and not isinstance(value, NumberText):
        word = find_word(feature, value)
    elif isinstance(value, bool):
        word = feature.booleans.get(value)
    elif feature.numbers and isinstance(value, int | float):
        if value in feature.values:
            word = int(value)
        elif feature.accepts_other and -_INFINITE < value < _INFINITE:
            word = OTHER
    if word is None:
        return problem("unknown_word", field=feature.name, rule=feature.rule, value=value)
    return word


def _measure(feature: Numeric, value: object) -> Value | Problem:
    number: float | None = None
    if isinstance(value, str):
        number = read_number(clean(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = value
    code = None
    if number is None or number != number:
        code = "not_a_number"
    elif not feature.minimum <= number <= feature.maximum:
        code = "out_of_range"
    elif feature.whole and number != int(number):
        code = "not_whole"
    if number is None or code is not None:
        return problem(code or "not_a_number", field=feature.name, rule=feature.rule, value=value)
    # Adding 0.0 turns -0.0, which "-0" spells, into 0.0.
    return int(number) if feature.whole else float(number) + 0.0


def is_blank(text: str) -> bool:
    """Return whether a cell holds nothing that anybody sees."""
    # Most cells hold a word of ASCII that begins with no space, and are not cleaned for this.
    return not text or ((text[0].isspace() or not text.isascii()) and not clean(text))


def _validate_blank(feature: Numeric, customer: Customer) -> Problem | None:
    assert feature.blank
    name, value = feature.blank.feature, feature.blank.value
    if name not in customer:
        # It is wrong too and has been named; without it the blank cannot be accepted.
        return problem("blank", field=feature.name, rule=feature.rule)
    if customer[name] == value:
        return None
    return problem(
        "blank_not_new", field=feature.name, rule=feature.rule, other=name, wanted=value, actual=customer[name]
    )
