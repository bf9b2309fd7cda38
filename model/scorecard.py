"""The score of one customer: log-odds, probability, label and tier. Standard library only.

The model is additive: an intercept and one term a feature, a table for words and a piecewise linear curve for numbers.
The terms are centred over the training data, so the intercept is the log-odds of the average customer and each term is
at once that feature's contribution. model/bulk adds the same terms in the same order, and so gets the same bits.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from model.errors import ArtifactError, show
from model.schema import CHURN, NOT_CHURN, SCHEMA_VERSION, TIERS, Customer, Value
from model.scorecard_file import read_cuts, read_terms
from model.strict_json import Member

PROBABILITY_DECIMALS: Final = 4
"""Of every probability printed anywhere; label and tier come from the unrounded one."""


EXACT: Final = "exact"
"""Reasons that are the parts of an additive model's sum."""


class Score(NamedTuple):
    """The model's result for one customer.

    Attributes
    ----------
    log_odds : float
    probability : float
        Of churn, in [0, 1], unrounded.
    label : str
        `churn` where the probability reaches the threshold, else `not churn`.
    tier : str
        high, medium or low.
    """

    log_odds: float
    probability: float
    label: str
    tier: str


def probability(log_odds: float) -> float:
    """Return the logistic function of `log_odds`: 1 / (1 + exp(-z)), in (0, 1)."""
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700.0 else 0.0


@dataclass(frozen=True, slots=True)
class TableTerm:
    """A feature of words: points, in log-odds, by canonical word."""

    feature: str
    points: Mapping[Value, float]

    def __call__(self, value: Value) -> float:
        """Return the points of a canonical word."""
        return self.points[value]


class LineTerm:
    """A feature of numbers: the points, in log-odds, are linear between knots and constant beyond the outer ones.

    Parameters
    ----------
    feature : str
    knots : sequence of float, strictly rising
    points : sequence of float
        At each knot.
    """

    __slots__ = ("feature", "knots", "points", "slopes")

    def __init__(self, feature: str, knots: Sequence[float], points: Sequence[float]) -> None:
        if len(knots) != len(points) or any(left >= right for left, right in pairwise(knots)):
            raise ArtifactError(f"The knots of {feature} must rise strictly and have one point each.")
        self.feature = feature
        self.knots = list(map(float, knots))
        self.points = list(map(float, points))
        # The slope beyond the last knot is 0 and that before the first is never used: see __call__.
        self.slopes = [
            (self.points[i + 1] - self.points[i]) / (self.knots[i + 1] - self.knots[i]) for i in range(len(knots) - 1)
        ] + [0.0]

    def __call__(self, value: Value) -> float:
        """Return the points at a number."""
        assert not isinstance(value, str)
        below = bisect_right(self.knots, value) - 1
        if below < 0:
            return self.points[0]
        return self.points[below] + self.slopes[below] * (value - self.knots[below])


Term = TableTerm | LineTerm


class Scorer(Protocol):
    """What entry points need of an engine; there are two, the scorecard and the pipeline."""

    @property
    def version(self) -> str:
        """MAJOR.MINOR.PATCH of the artifact."""

    @property
    def sha256(self) -> str:
        """Hash of the file that was loaded."""

    @property
    def threshold(self) -> float:
        """The least probability that is labelled churn."""

    @property
    def tiers(self) -> Mapping[str, float]:
        """The least probability of each tier, highest first."""

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """Least and greatest value of each number seen in training."""

    @property
    def baseline(self) -> float:
        """Log-odds from which the contributions count: with all of them added it is the customer's own."""

    @property
    def reasons_method(self) -> str:
        """How contributions are computed: `EXACT`, or the name of an approximation."""

    @property
    def additive(self) -> "Scorecard | None":
        """The same model as terms; None for one that is not additive."""

    @property
    def folder(self) -> Path | None:
        """The folder of the artifact; None for a model that was not loaded from one."""

    def score(self, customer: Customer) -> Score:
        """Return the score of one valid customer."""

    def score_all(self, customers: Sequence[Customer]) -> list[Score]:
        """Return the same for each of several."""

    def contributions(self, customer: Customer) -> list[float]:
        """Return what each feature adds to the baseline, in schema order."""

    def with_threshold(self, threshold: float) -> "Scorer":
        """Return the same model with another threshold."""


@dataclass(frozen=True)
class Scorecard:
    """The compiled model.

    Attributes
    ----------
    version : str
        MAJOR.MINOR.PATCH.
    sha256 : str
        Of the file that it was loaded from.
    threshold : float
        The least probability that is labelled churn.
    tiers : mapping of str to float
        The least probability of each tier, highest first; the last is 0.
    intercept : float
        Log-odds of the average customer of the training data.
    terms : tuple of TableTerm or LineTerm
        In schema order.
    ranges : mapping of str to (float, float)
        Least and greatest value of each number seen in training.
    folder : Path, optional
        Of the artifact.
    """

    version: str
    sha256: str
    threshold: float
    tiers: Mapping[str, float]
    intercept: float
    terms: tuple[Term, ...]
    ranges: Mapping[str, tuple[float, float]]
    folder: Path | None = None

    @property
    def baseline(self) -> float:
        """Log-odds of the average customer of the training data."""
        return self.intercept

    @property
    def reasons_method(self) -> str:
        """Its terms are the contributions."""
        return EXACT

    @property
    def additive(self) -> "Scorecard":
        """The model itself."""
        return self

    def contributions(self, customer: Customer) -> list[float]:
        """Return the points of each feature in schema order; with the intercept they add up to the log-odds."""
        return [term(customer[term.feature]) for term in self.terms]

    def score(self, customer: Customer) -> Score:
        """Return log-odds, probability, label and tier of a customer that `validate` made."""
        log_odds = self.intercept
        for term in self.terms:
            log_odds += term(customer[term.feature])
        return classify(self, log_odds)

    def score_all(self, customers: Sequence[Customer]) -> list[Score]:
        """Return the same for each of several."""
        return [self.score(customer) for customer in customers]

    def with_threshold(self, threshold: float) -> "Scorecard":
        """Return the same model with another threshold."""
        return replace(self, threshold=threshold)


def classify(scorer: Scorer, log_odds: float) -> Score:
    """Return the score that belongs to `log_odds` under the threshold and the tiers of `scorer`."""
    chance = probability(log_odds)
    label = CHURN if chance >= scorer.threshold else NOT_CHURN
    return Score(log_odds, chance, label, tier_of(chance, scorer.tiers))


def tier_of(chance: float, tiers: Mapping[str, float]) -> str:
    """Return the first tier whose least probability is reached; `tiers` runs from high to low and ends at 0."""
    for tier, cut_off in tiers.items():
        if chance >= cut_off:
            return tier
    return TIERS[-1]


def check_schema(document: Mapping[str, Any], name: str) -> None:
    """Refuse a file of the artifact that was built for another schema.

    Raises
    ------
    ArtifactError
    """
    built_for = document.get("schema_version")
    # True and 1.0 are equal to 1, and were not written by training.
    if type(built_for) is not int or built_for != SCHEMA_VERSION:
        raise ArtifactError(
            f"{name} was built for schema {show(built_for)} and this code reads schema {SCHEMA_VERSION}. "
            'Run "churn train".'
        )


def from_document(document: Mapping[str, Any], sha256: str, folder: Path | None = None) -> Scorecard:
    """Return the scorecard that the content of a scorecard.json describes.

    Raises
    ------
    ArtifactError
        If it was built for another schema, a feature has no term or a word no points, or a number makes no sense.
    """
    where = str(folder / "scorecard.json") if folder else "scorecard.json"
    check_schema(document, where)
    card = Member(document, where)
    return Scorecard(
        version=card.at("version").text(),
        sha256=sha256,
        **read_cuts(card),
        intercept=card.at("intercept").log_odds(),
        terms=tuple(
            TableTerm(name, shape) if isinstance(shape, dict) else LineTerm(name, *shape)
            for name, shape in read_terms(card.at("terms")).items()
        ),
        folder=folder,
    )
