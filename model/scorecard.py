"""The score of one customer: log-odds, probability, label and tier. Standard library only.

The model is additive: an intercept, a term for each feature, and pair terms; see model/terms.py. They are centred over
the training data, so the intercept is the log-odds of the average customer and each term is at once a contribution.
model/bulk adds the same terms in the same order, and so gets the same bits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from model.schema import CHURN, NOT_CHURN, TIERS, Customer, Schema, Word
from model.terms import PairTerm, Term

if TYPE_CHECKING:
    from model.interval import Interval
    from model.plausibility import Plausibility

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
    probability_low, probability_high : float, optional
        The bounds of its 95 % interval, where that was asked for: see model/interval.py.
    """

    log_odds: float
    probability: float
    label: str
    tier: str
    probability_low: float | None = None
    probability_high: float | None = None


def probability(log_odds: float) -> float:
    """Return the logistic function of `log_odds`: 1 / (1 + exp(-z)), in (0, 1)."""
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700.0 else 0.0


class Scorer(Protocol):
    """What entry points need of an engine; there are two, the scorecard and the pipeline."""

    @property
    def schema(self) -> Schema:
        """The features, and the columns that have a role."""

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

    @property
    def interval(self) -> "Interval | None":
        """By how much the points may be off; None until `model.interval.with_interval` loads it."""

    @property
    def plausibility(self) -> "Plausibility | None":
        """What the training data holds together; None for a model that does not state it."""

    @property
    def frequent_words(self) -> Mapping[str, Sequence[Word]]:
        """By feature: the words that customers of the training data have, the most frequent first."""

    def score(self, customer: Customer) -> Score:
        """Return the score of one valid customer."""

    def score_all(self, customers: Sequence[Customer]) -> list[Score]:
        """Return the same for each of several."""

    def contributions(self, customer: Customer) -> list[float]:
        """Return what each feature adds to the baseline, in schema order, and after them each pair."""

    def with_threshold(self, threshold: float) -> "Scorer":
        """Return the same model with another threshold."""


@dataclass(frozen=True)
class Scorecard:
    """The compiled model.

    Attributes
    ----------
    schema : Schema
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
    terms : tuple of TableTerm, LineTerm or StepTerm
        In schema order.
    pairs : tuple of PairTerm
    ranges : mapping of str to (float, float)
        Least and greatest value of each number seen in training.
    folder : Path, optional
        Of the artifact.
    interval : Interval, optional
        By how much the points may be off, where that was loaded.
    plausibility : Plausibility, optional
        What the training data holds together.
    frequent_words : mapping of str to sequence of str or int
        By feature that can be changed: the words that customers of the training data have, the most frequent first.
    """

    schema: Schema
    version: str
    sha256: str
    threshold: float
    tiers: Mapping[str, float]
    intercept: float
    terms: tuple[Term, ...]
    ranges: Mapping[str, tuple[float, float]]
    pairs: tuple[PairTerm, ...] = ()
    folder: Path | None = None
    interval: "Interval | None" = None
    plausibility: "Plausibility | None" = None
    frequent_words: Mapping[str, Sequence[Word]] = field(default_factory=dict)

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
        """Return the points of each feature, then of each pair; with the intercept they add up to the log-odds."""
        return [*[term(customer[term.feature]) for term in self.terms], *[pair(customer) for pair in self.pairs]]

    def score(self, customer: Customer) -> Score:
        """Return log-odds, probability, label and tier of a customer that `validate` made."""
        log_odds = self.intercept
        for term in self.terms:
            log_odds += term(customer[term.feature])
        for pair in self.pairs:
            log_odds += pair(customer)
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
