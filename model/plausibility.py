"""Whether a customer's values fit each other as those of the training data do. One customer, standard library only.

`relations` are numbers that follow from others (a = b x c, a = b x constant); `combinations` are the values of two
features that occur together. Both are members of population.json; a model without them has nothing to compare with.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from model.contents import COMBINATIONS, RELATIONS
from model.schema import OTHER, Categorical, Customer, Feature, Numeric, Schema, Value
from model.strict_json import Member
from model.text import quoted, shown, written

ABSENT: Final = "absent"
BELOW: Final = "below"
ABOVE: Final = "above"
"""In which way a combination is not in the training data."""

_SEEN, _UNSEEN = "1", "0"


class Relation(NamedTuple):
    """A number that is, in the training data, so many times one other or the product of two others.

    Attributes
    ----------
    feature : str
    factors : tuple of str
        One name or two.
    low, high : float
        Of feature / product.
    rounding : float
        By how much the number may lie beyond low x product and high x product, because it is rounded.
    """

    feature: str
    factors: tuple[str, ...]
    low: float
    high: float
    rounding: float

    @property
    def product(self) -> str:
        """What the number follows from, in words."""
        return " x ".join(self.factors)

    def contradiction(self, customer: Customer) -> str:
        """Return how the numbers of a customer contradict each other; "" where they do not, or one is missing."""
        value = customer[self.feature]
        if value is None:
            return ""
        product = 1.0
        for name in self.factors:
            factor = customer[name]
            if factor is None:
                return ""
            product *= float(factor)
        number = float(value)
        if self.low * product - self.rounding <= number <= self.high * product + self.rounding:
            return ""
        result = shown(product, least=2) if len(self.factors) > 1 else written(product)
        return (
            f"{self.feature} {written(number)} does not fit {self.product} = {result}: in the training data it is "
            f"{written(self.low)} to {written(self.high)} times that."
        )


class WordPair(NamedTuple):
    """Two features with words: which of them occur together.

    Attributes
    ----------
    features : (Categorical, Categorical)
    seen : sequence of str
        For each level of the first a text with a "1" or a "0" for each level of the second.
    """

    features: tuple[Categorical, Categorical]
    seen: Sequence[str]

    def oddity(self, customer: Customer) -> str:
        """Return in which way the values of a customer do not occur together; "" where they do."""
        first, second = self.features
        line, column = first.codes[customer[first.name]], second.codes[customer[second.name]]
        return "" if self.seen[line][column] == _SEEN else ABSENT

    def sentence(self, customer: Customer) -> str:
        """Return that the values of a customer do not occur together, in words."""
        named = " and ".join([name_value(feature, customer[feature.name]) for feature in self.features])
        return f"Hardly any customer of the training data has {named}."


class NumberRange(NamedTuple):
    """A feature with words, and the range of a number within each.

    Attributes
    ----------
    features : (Categorical, Numeric)
    ranges : sequence of (float, float) or None
        By level of the first; None for one that hardly any customer has.
    missing : str
        By level a "1" where the number is missing for some customers, else a "0".
    """

    features: tuple[Categorical, Numeric]
    ranges: Sequence[tuple[float, float] | None]
    missing: str

    def oddity(self, customer: Customer) -> str:
        """Return in which way the number is not one of customers with the word; "" where it is."""
        words, number = self.features
        line, value = words.codes[customer[words.name]], customer[number.name]
        bounds = self.ranges[line]
        if value is None:
            return "" if self.missing[line] == _SEEN else ABSENT
        if bounds is None:
            return ABSENT
        return BELOW if float(value) < bounds[0] else ABOVE if float(value) > bounds[1] else ""

    def sentence(self, customer: Customer) -> str:
        """Return that the number is not one of customers with the word, in words."""
        words, number = self.features
        word, value = customer[words.name], customer[number.name]
        bounds = self.ranges[words.codes[word]]
        if value is None or bounds is None:
            both = f"{name_value(words, word)} and {name_value(number, value)}"
            return f"Hardly any customer of the training data has {both}."
        return (
            f"{name_value(number, value)} is outside the {written(bounds[0])} to {written(bounds[1])} of customers "
            f"with {name_value(words, word)} in the training data."
        )


Combination = WordPair | NumberRange


def name_value(feature: Feature, value: Value) -> str:
    """Return a feature with its value: `Size "XL"`, `orders 12`, `NPS not known`."""
    if value is None:
        return f"{feature.name} not known"
    if isinstance(feature, Categorical) and value == OTHER:
        return f"{feature.name} rare or new"
    return f"{feature.name} {quoted(value)}" if isinstance(value, str) else f"{feature.name} {written(value)}"


class Plausibility(NamedTuple):
    """What the training data holds together.

    Attributes
    ----------
    relations : tuple of Relation
    combinations : mapping of str to tuple of WordPair or NumberRange
        By each feature that is in them.
    """

    relations: tuple[Relation, ...] = ()
    combinations: Mapping[str, tuple[Combination, ...]] = {}

    def contradictions(self, customer: Customer) -> list[str]:
        """Return which numbers of a customer contradict each other, in the order of the relations."""
        return [sentence for relation in self.relations if (sentence := relation.contradiction(customer))]

    def new_combinations(self, customer: Customer, changed: Customer) -> list[str]:
        """Return which combinations of values a changed customer has that the training data does not hold.

        One does not count where the customer as it is, is outside in the same way.
        """
        sentences = []
        for name, value in changed.items():
            if value != customer[name]:
                for combination in self.combinations.get(name, ()):
                    oddity = combination.oddity(changed)
                    if oddity and oddity != combination.oddity(customer):
                        sentences.append(combination.sentence(changed))
        # Two changed features are in the same combination.
        return list(dict.fromkeys(sentences))


def read(population: Member, schema: Schema) -> Plausibility:
    """Return what population.json states about values that belong together.

    Raises
    ------
    DocumentError
    """
    combinations: dict[str, list[Combination]] = {}
    for member in population.at(COMBINATIONS).items():
        combination = _read_combination(member, schema)
        for feature in combination.features:
            combinations.setdefault(feature.name, []).append(combination)
    return Plausibility(
        tuple([_read_relation(member, schema) for member in population.at(RELATIONS).items()]),
        {name: tuple(entries) for name, entries in combinations.items()},
    )


def _read_relation(member: Member, schema: Schema) -> Relation:
    factors = member.at("factors").items("a list of one name or two")
    if len(factors) not in (1, 2):
        member.at("factors").refuse("a list of one name or two", len(factors))
    for name in (member.at("feature"), *factors):
        if not isinstance(schema.by_name.get(name.text()), Numeric):
            name.refuse("the name of a number of the schema")
    low = member.at("low").number((0.0, float("inf")), "a number of at least 0")
    high = member.at("high").number((low, float("inf")), "a number that is not below the low one")
    rounding = member.at("rounding").number((0.0, float("inf")), "a number of at least 0")
    return Relation(member.at("feature").text(), tuple([name.text() for name in factors]), low, high, rounding)


def _read_combination(member: Member, schema: Schema) -> Combination:
    names = member.at("features").items("a list of two names")
    if len(names) != 2:
        member.at("features").refuse("a list of two names", len(names))
    features = [schema.by_name.get(name.text()) for name in names]
    for name, feature in zip(names, features, strict=True):
        if feature is None:
            name.refuse(f"one of {', '.join(schema.names)}")
    first, second = features
    if not isinstance(first, Categorical):
        names[0].refuse("a feature with words")
    if isinstance(second, Categorical):
        rows = member.at("seen").items()
        if len(rows) != len(first.levels):
            member.at("seen").refuse(f"a list of {len(first.levels)} texts, one for each word", len(rows))
        return WordPair((first, second), [_read_bits(row, len(second.levels)) for row in rows])
    assert isinstance(second, Numeric)
    bounds = member.at("ranges").items()
    if len(bounds) != len(first.levels):
        member.at("ranges").refuse(f"a list of {len(first.levels)} ranges, one for each word", len(bounds))
    missing = _read_bits(member.at("missing"), len(first.levels))
    return NumberRange((first, second), [_read_bounds(pair) for pair in bounds], missing)


def _read_bits(member: Member, count: int) -> str:
    text = member.text()
    if len(text) != count or set(text) - {_SEEN, _UNSEEN}:
        member.refuse(f'a text of {count} characters, each "1" or "0"')
    return text


def _read_bounds(member: Member) -> tuple[float, float] | None:
    if member.value is None:
        return None
    numbers = [bound.number() for bound in member.items("null, or the least and the greatest number")]
    if len(numbers) != 2 or numbers[0] > numbers[1]:
        member.refuse("null, or the least and the greatest number")
    return numbers[0], numbers[1]
