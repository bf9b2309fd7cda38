"""What the training data holds together, for `model.plausibility`: combinations of values, and relations among numbers.

Both are read off the data alone: nobody names them, and a relation is kept only where it is tight.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.plausibility import is_contradicted
from model.contents import COMBINATIONS, RELATIONS
from model.plausibility import Relation
from model.schema import Categorical, Numeric, Schema
from model.training.data import LabelledData

LEAST_CUSTOMERS: Final = 5
LEAST_SHARE: Final = 0.001
"""Of the customers with a word: so many, and at least `LEAST_CUSTOMERS`, must have a combination for it to count. One
typing error makes none."""

MAX_LEVELS: Final = 50
"""Of a feature in combinations: 60 features of 50 words are 4 MB at the most, if every one is actionable."""

QUANTILES: Final = (0.005, 0.995)
"""Of the ratio of a number to what it follows from; whatever is wrong in 1 % of the rows does not show."""

WIDENING: Final = 0.5
LEAST_WIDENING: Final = math.log(1.01)
"""The range between them is widened on each side by half of itself, on a logarithmic scale, and by 1 % at least. Of the
public data 0.04 % of the rows are then outside."""

MAX_WIDTH: Final = math.log(4)
"""A ratio that varies more shows no contradiction."""

MAX_OF_OWN_WIDTH: Final = 0.25
"""And it varies at most by so much of what either side varies by itself (logarithms): else it means nothing."""

MAX_OF_ONE_FACTOR: Final = 0.5
"""The same for a product, compared with the ratio to either factor alone."""

LEAST_ROWS: Final = 100
LEAST_ROWS_SHARE: Final = 0.05
"""Of rows in which all the numbers are above 0."""

_SCREENED_ROWS: Final = 250
_SCREENED_LEAST: Final = 20
_SCREENED_QUANTILES: Final = (0.025, 0.975)
_SCREENED_BEST: Final = 5

Floats = NDArray[np.float64]


def describe_plausibility(data: LabelledData) -> dict[str, Any]:
    """Return the members of population.json that `model.plausibility.read` reads."""
    return {
        RELATIONS: find_relations(data.columns, data.schema),
        COMBINATIONS: find_combinations(data.columns, data.schema),
    }


def find_combinations(columns: Mapping[str, NDArray[Any]], schema: Schema) -> list[dict[str, Any]]:
    """Return the combinations of each feature that can be changed with each other one: words, or numbers by word.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n_customers,)
        By feature name: codes of words, numbers with NaN for a missing one.
    schema : Schema
    """
    members: list[dict[str, Any]] = []
    for one, other in combinations(schema.features, 2):
        if not (one.actionable or other.actionable):
            continue
        first, second = (other, one) if isinstance(one, Numeric) else (one, other)
        if not isinstance(first, Categorical) or len(first.levels) > MAX_LEVELS:
            continue
        codes = columns[first.name]
        common = {"features": [first.name, second.name]}
        if isinstance(second, Numeric):
            members.append({**common, **_ranges(codes, len(first.levels), columns[second.name])})
        elif len(second.levels) <= MAX_LEVELS:
            counts = np.zeros((len(first.levels), len(second.levels)), np.int64)
            np.add.at(counts, (codes, columns[second.name]), 1)
            rarer = np.minimum(counts.sum(axis=1)[:, None], counts.sum(axis=0)[None, :])
            members.append({**common, "seen": [_bits(line) for line in counts >= _least(rarer)]})
    return members


def _least(customers: NDArray[np.int64]) -> Floats:
    least: Floats = np.maximum(LEAST_CUSTOMERS, np.ceil(LEAST_SHARE * customers))
    return least


def _ranges(codes: NDArray[Any], levels: int, values: Floats) -> dict[str, Any]:
    """Return the range of a number by level: so many customers have its least and its greatest value, or one beyond."""
    ranges: list[list[float] | None] = []
    has_missing = []
    for level in range(levels):
        own = values[codes == level]
        least = int(_least(np.array(len(own))))
        known = np.sort(own[~np.isnan(own)])
        ranges.append([float(known[least - 1]), float(known[-least])] if len(known) >= 2 * least else None)
        has_missing.append(len(own) - len(known) >= least)
    return {"ranges": ranges, "missing": _bits(np.array(has_missing))}


def _bits(flags: NDArray[np.bool_]) -> str:
    return "".join("1" if flag else "0" for flag in flags.tolist())


def find_relations(columns: Mapping[str, NDArray[Any]], schema: Schema) -> list[dict[str, Any]]:
    """Return the tightest relation of each number to those before it or to the product of any two others.

    Parameters
    ----------
    columns, schema
        As for `find_combinations`.
    """
    numbers = [feature for feature in schema.features if isinstance(feature, Numeric)]
    names = [feature.name for feature in numbers if not (columns[feature.name] < 0).any()]
    with np.errstate(divide="ignore"):
        logs = {name: np.where(columns[name] > 0, np.log(columns[name]), np.nan) for name in names}
    relations = []
    for name in names:
        factors = _factors(name, names, logs)
        if factors:
            relation = _relation(name, factors, columns)
            if relation:
                relations.append({**relation._asdict(), "factors": list(factors)})
    return relations


def _factors(name: str, names: Sequence[str], logs: Mapping[str, Floats]) -> tuple[str, ...]:
    """Return what a number follows from: one before it, or the product of any two; none where nothing is tight."""
    others = [other for other in names if other != name]
    for candidates in ([(other,) for other in names[: names.index(name)]], list(combinations(others, 2))):
        tight = [factors for factors in _screen(name, candidates, logs) if _is_tight(name, factors, logs)]
        if tight:
            return min(tight, key=lambda factors: _width(logs[name] - _sum(factors, logs)))
    return ()


def _sum(factors: tuple[str, ...], logs: Mapping[str, Floats]) -> Floats:
    total: Floats = np.sum([logs[factor] for factor in factors], axis=0)
    return total


def _screen(name: str, candidates: Sequence[tuple[str, ...]], logs: Mapping[str, Floats]) -> list[tuple[str, ...]]:
    """Return the candidates that are tight in some of the rows, the tightest first: exact widths take long."""
    if not candidates:
        return []
    step = max(1, len(logs[name]) // _SCREENED_ROWS)
    few = {other: values[::step] for other, values in logs.items()}
    rest = np.array([few[name] - _sum(factors, few) for factors in candidates])
    # NaN sorts last.
    rest.sort(axis=1)
    known = (~np.isnan(rest)).sum(axis=1)
    lines = np.arange(len(rest))
    low, high = [(known * quantile).astype(int).clip(0, rest.shape[1] - 1) for quantile in _SCREENED_QUANTILES]
    widths = np.where(known >= _SCREENED_LEAST, rest[lines, high] - rest[lines, low], np.inf)
    order = np.argsort(widths, kind="stable")[:_SCREENED_BEST]
    return [candidates[index] for index in order.tolist() if widths[index] <= MAX_WIDTH]


def _is_tight(name: str, factors: tuple[str, ...], logs: Mapping[str, Floats]) -> bool:
    product = _sum(factors, logs)
    known = ~np.isnan(product) & ~np.isnan(logs[name])
    if known.sum() < max(LEAST_ROWS, LEAST_ROWS_SHARE * len(known)):
        return False
    target, product = logs[name][known], product[known]
    width = _width(target - product)
    if width > min(MAX_WIDTH, MAX_OF_OWN_WIDTH * _width(target), MAX_OF_OWN_WIDTH * _width(product)):
        return False
    alone = [_width(target - logs[factor][known]) for factor in factors] if len(factors) > 1 else []
    return all(width <= MAX_OF_ONE_FACTOR * other for other in alone)


def _width(logs: Floats) -> float:
    low, high = np.quantile(logs[~np.isnan(logs)], QUANTILES)
    return float(high - low)


def _relation(name: str, factors: tuple[str, ...], columns: Mapping[str, Floats]) -> Relation | None:
    """Return the relation with its bounds; None where more rows than expected are outside, such as those with 0."""
    product = np.prod([columns[factor] for factor in factors], axis=0)
    known = (product > 0) & (columns[name] > 0)
    low, high = np.quantile(np.log(columns[name][known] / product[known]), QUANTILES).tolist()
    margin = max(WIDENING * (high - low), LEAST_WIDENING)
    bounds = _outward(math.exp(low - margin), math.floor), _outward(math.exp(high + margin), math.ceil)
    relation = Relation(name, factors, *bounds, _unit(columns[name]))
    outside = is_contradicted(relation, columns)
    stated = ~np.isnan(product) & ~np.isnan(columns[name])
    return relation if outside.sum() <= (1 - QUANTILES[1] + QUANTILES[0]) * stated.sum() else None


def _outward(number: float, to_whole: Any) -> float:
    """Return a number at three digits, so that what is written is what is compared."""
    decimals = 2 - math.floor(math.log10(number))
    return float(round(to_whole(number * 10.0**decimals) / 10.0**decimals, max(decimals, 0)))


def _unit(values: Floats) -> float:
    """Return one in the last place of the numbers, at most four decimals."""
    known = values[~np.isnan(values)]
    for decimals in range(4):
        if np.array_equal(np.round(known, decimals), known):
            return float(10.0**-decimals)
    return 0.0001
