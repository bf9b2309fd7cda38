"""The 95 % interval of one customer's probability: how far the model may be off. Standard library only.

It is not about chance: a customer either leaves or stays. A model that has interval.json next to its scorecard
knows by how much its points may be off together: deviations, whose squares, each summed over a customer's points first,
add up to the square of the interval's half-width in log-odds. The file is read when an interval is asked for.
model/bulk/interval.py computes the same for columns.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Final, NamedTuple

from model import artifact
from model.contents import INTERVAL
from model.errors import InputError
from model.schema import Categorical, Customer, Feature, Value
from model.scorecard import Score, Scorecard, Scorer, probability
from model.strict_json import Member
from model.terms import LineTerm, PairTerm, StepTerm, TableTerm, Term

MOST_DEVIATIONS: Final = 1000


class Interval(NamedTuple):
    """By how much the points of a scorecard may be off.

    Attributes
    ----------
    scorecard : Scorecard
    unit : float
        Log-odds.
    columns : sequence of int
        Which number of a deviation belongs to the intercept, and to each point of the terms in schema order and then
        of the pairs; points that are off together share one. The points of a term are those of its levels, or of its
        knots or steps and, where it is accepted, of a missing value; those of a pair are in the order of its grid.
    deviations : sequence of sequence of int
        In units.
    """

    scorecard: Scorecard
    unit: float
    columns: Sequence[int]
    deviations: Sequence[Sequence[int]]

    def half_width(self, customer: Customer) -> float:
        """Return the half-width of a customer's interval, in log-odds."""
        points = [(self.columns[index], weight) for index, weight in self._points(customer)]
        squares = 0.0
        for deviation in self.deviations:
            own = float(deviation[self.columns[0]])
            for column, weight in points:
                own += deviation[column] * weight
            squares += own * own
        return math.sqrt(squares) * self.unit

    def _points(self, customer: Customer) -> Iterator[tuple[int, float]]:
        """Yield the index of each point that the customer has, and its weight."""
        starts = starts_of(self.scorecard)
        features = self.scorecard.schema.by_name
        for start, term in zip(starts, self.scorecard.terms, strict=False):
            for index, weight in _points_of(term, features[term.feature], customer[term.feature]):
                yield start + index, weight
        for start, pair in zip(starts[len(self.scorecard.terms) :], self.scorecard.pairs, strict=False):
            first, second = pair.axes
            line = first.line_of(customer[first.feature.name])
            yield start + line * second.size + second.line_of(customer[second.feature.name]), 1.0


def _points_of(term: Term, feature: Feature, value: Value) -> Sequence[tuple[int, float]]:
    if isinstance(feature, Categorical):
        return [(feature.codes[value], 1.0)]
    assert not isinstance(term, TableTerm)
    assert not isinstance(value, str)
    if value is None:
        return [(len(term.points), 1.0)]
    if isinstance(term, StepTerm):
        return [(bisect_right(term.edges, value), 1.0)]
    if len(term.knots) == 1:
        return [(0, 1.0)]
    below = min(max(bisect_right(term.knots, value) - 1, 0), len(term.knots) - 2)
    share = (value - term.knots[below]) / (term.knots[below + 1] - term.knots[below])
    share = min(max(share, 0.0), 1.0)
    return [(below, 1.0 - share), (below + 1, share)]


def starts_of(scorecard: Scorecard) -> list[int]:
    """Return where the points of each term, then of each pair, begin among all of them; at the end, how many there are.

    The first point is the intercept.
    """
    sizes = [_size(term, scorecard.schema.by_name[term.feature]) for term in scorecard.terms]
    sizes += [_grid_size(pair) for pair in scorecard.pairs]
    return list(accumulate(sizes, initial=1))


def _size(term: Term, feature: Feature) -> int:
    if isinstance(feature, Categorical):
        return len(feature.levels)
    assert isinstance(term, LineTerm | StepTerm)
    return len(term.points) + feature.accepts_missing


def _grid_size(pair: PairTerm) -> int:
    first, second = pair.axes
    return first.size * second.size


def names_of(scorecard: Scorecard) -> list[list[str]]:
    """Return the features of each term, then of each pair, in the order of their points."""
    pairs = [[axis.feature.name for axis in pair.axes] for pair in scorecard.pairs]
    return [[term.feature] for term in scorecard.terms] + pairs


def is_available(scorer: Scorer) -> bool:
    """Return whether the model has intervals."""
    return scorer.additive is not None and scorer.folder is not None and INTERVAL in artifact.names(scorer.folder)


def with_interval(scorer: Scorer) -> Scorer:
    """Return the same model with its intervals loaded.

    Raises
    ------
    InputError
        no_interval.
    ArtifactError
        If the file cannot be read.
    """
    if scorer.interval is not None:
        return scorer
    if not is_available(scorer):
        raise InputError("no_interval", version=scorer.version)
    assert scorer.additive is not None
    assert scorer.folder is not None
    loaded: Scorer = replace(scorer, interval=_read(scorer.additive, scorer.folder))  # type: ignore[type-var]
    return loaded


def check_interval(scorer: Scorer) -> None:
    """Refuse a model whose intervals cannot be used; a start does it where it need not be as short as a function's.

    Raises
    ------
    ArtifactError
    """
    if is_available(scorer):
        with_interval(scorer)


def add_interval(scorer: Scorer, customer: Customer, score: Score) -> Score:
    """Return the score of a customer with the bounds of its probability; `with_interval` returned the scorer."""
    assert scorer.interval is not None
    half = scorer.interval.half_width(customer)
    low, high = probability(score.log_odds - half), probability(score.log_odds + half)
    return score._replace(probability_low=low, probability_high=high)


def _read(scorecard: Scorecard, folder: Path) -> Interval:
    terms, unit, columns, deviations = _content(folder)
    path = str(folder / INTERVAL)
    names, count = names_of(scorecard), starts_of(scorecard)[-1]
    if terms != names:
        Member(terms, path, "terms").refuse(f"the terms in the order of the schema and the scorecard, {names}")
    if len(columns) != count:
        Member(columns, path, "columns").refuse(f"a list of {count} numbers, one for each point", len(columns))
    return Interval(scorecard, unit, columns, deviations)


@lru_cache(maxsize=1)
def _content(folder: Path) -> tuple[list[list[str]], float, list[int], list[list[int]]]:
    """Return terms, unit, columns and deviations, checked; kept, because a server reads them for each request."""
    document = Member(artifact.read_json(folder, INTERVAL)[0], str(folder / INTERVAL))
    terms = [[name.text() for name in term.items()] for term in document.at("terms").items()]
    unit = document.at("unit").number((0.0, 1.0), "a number from 0 to 1")
    deviations = [deviation.whole_numbers() for deviation in document.at("deviations").items()]
    width = len(deviations[0]) if deviations else 0
    if not 0 < len(deviations) <= MOST_DEVIATIONS or any(len(deviation) != width for deviation in deviations):
        document.at("deviations").refuse(f"1 to {MOST_DEVIATIONS:,} lists of the same length", len(deviations))
    columns = document.at("columns").whole_numbers()
    for column in columns:
        if not 0 <= column < width:
            document.at("columns").refuse(f"a list of numbers from 0 to {width - 1}", column)
    return terms, unit, columns, deviations
