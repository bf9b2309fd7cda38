"""The terms of an additive model: from one feature, or two, to points in log-odds. Standard library only."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from model.errors import ArtifactError
from model.schema import Categorical, Customer, Feature, Value


@dataclass(frozen=True, slots=True)
class TableTerm:
    """A feature of words: points, in log-odds, by canonical word, `OTHER` and None where the feature accepts them."""

    feature: str
    points: Mapping[Value, float]

    def __call__(self, value: Value) -> float:
        """Return the points of a level."""
        return self.points[value]


class LineTerm:
    """A feature of numbers: the points, in log-odds, are linear between knots and constant beyond the outer ones.

    Parameters
    ----------
    feature : str
    knots : sequence of float, strictly rising
    points : sequence of float
        At each knot.
    missing : float
        The points of a missing number, where the feature accepts that.
    """

    __slots__ = ("feature", "knots", "missing", "points", "slopes")

    def __init__(self, feature: str, knots: Sequence[float], points: Sequence[float], missing: float = 0.0) -> None:
        if len(knots) != len(points) or any(left >= right for left, right in pairwise(knots)):
            raise ArtifactError(f"The knots of {feature} must rise strictly and have one point each.")
        self.feature = feature
        self.knots = list(map(float, knots))
        self.points = list(map(float, points))
        self.missing = missing
        # The slope beyond the last knot is 0 and that before the first is never used: see __call__.
        self.slopes = [
            (self.points[i + 1] - self.points[i]) / (self.knots[i + 1] - self.knots[i]) for i in range(len(knots) - 1)
        ] + [0.0]

    def __call__(self, value: Value) -> float:
        """Return the points at a number, or of a missing one."""
        if value is None:
            return self.missing
        assert not isinstance(value, str)
        below = bisect_right(self.knots, value) - 1
        if below < 0:
            return self.points[0]
        return self.points[below] + self.slopes[below] * (value - self.knots[below])


@dataclass(frozen=True, slots=True)
class StepTerm:
    """A feature of numbers: the points, in log-odds, are constant between edges.

    Attributes
    ----------
    feature : str
    edges : sequence of float, strictly rising
        A number belongs to the step that begins at the greatest edge it reaches.
    points : sequence of float
        Of each step, one more than there are edges.
    missing : float
        The points of a missing number, where the feature accepts that.
    """

    feature: str
    edges: Sequence[float]
    points: Sequence[float]
    missing: float = 0.0

    def __call__(self, value: Value) -> float:
        """Return the points at a number, or of a missing one."""
        if value is None:
            return self.missing
        assert not isinstance(value, str)
        return self.points[bisect_right(self.edges, value)]


Term = TableTerm | LineTerm | StepTerm


class Axis(NamedTuple):
    """One side of the grid of a pair.

    Attributes
    ----------
    feature : Categorical or Numeric
    edges : sequence of float, strictly rising
        Of a number, as those of `StepTerm`; the words of a `Categorical` need none.
    """

    feature: Feature
    edges: Sequence[float] = ()

    @property
    def size(self) -> int:
        """The lines of the grid: the levels, or the steps and, where it is accepted, one for missing."""
        if isinstance(self.feature, Categorical):
            return len(self.feature.levels)
        return len(self.edges) + 1 + self.feature.accepts_missing

    def line_of(self, value: Value) -> int:
        """Return the line of a value."""
        if isinstance(self.feature, Categorical):
            return self.feature.codes[value]
        if value is None:
            return len(self.edges) + 1
        assert not isinstance(value, str)
        return bisect_right(self.edges, value)


class PairTerm(NamedTuple):
    """Two features together: points, in log-odds, in a grid.

    Attributes
    ----------
    axes : (Axis, Axis)
    points : sequence of sequence of float
        A row for each line of the first axis, in it a number for each of the second.
    """

    axes: tuple[Axis, Axis]
    points: Sequence[Sequence[float]]

    def __call__(self, customer: Customer) -> float:
        """Return the points of a customer."""
        first, second = self.axes
        return self.points[first.line_of(customer[first.feature.name])][second.line_of(customer[second.feature.name])]
