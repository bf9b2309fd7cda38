"""What scorecard.json, and outline.json of a model that is not additive, must hold, as plain values.

Standard library only.
"""

import math
from itertools import pairwise
from typing import Any

from model.schema import BY_NAME, FEATURES, TIERS, Categorical, Numeric, Value
from model.strict_json import Member

Table = dict[Value, float]
"""Points by canonical word."""

Line = tuple[list[float], list[float]]
"""Knots, and the points at each."""


def read_cuts(card: Member) -> dict[str, Any]:
    """Return the threshold, tiers and ranges that the file of any model has, checked.

    Raises
    ------
    ArtifactError
    """
    threshold = card.at("threshold")
    rule = "a number above 0 and below 1"
    cut = threshold.number(rule=rule)
    if not 0 < cut < 1:
        threshold.refuse(rule)
    return {"threshold": cut, "tiers": _tiers(card.at("tiers")), "ranges": _ranges(card.at("ranges"))}


def _tiers(tiers: Member) -> dict[str, float]:
    tiers.exactly(TIERS, "tiers")
    cut_offs = {name: tiers.at(name).share() for name in TIERS}
    falls = all(higher >= lower for higher, lower in pairwise(cut_offs.values()))
    if not falls or cut_offs[TIERS[-1]] != 0:
        written = ", ".join(f"{name} {cut_off:g}" for name, cut_off in cut_offs.items())
        tiers.refuse(f"cut-offs that fall from {TIERS[0]} to {TIERS[-1]}, the last of them 0", written)
    return cut_offs


def _ranges(ranges: Member) -> dict[str, tuple[float, float]]:
    bounds_by_name = {}
    for name in ranges.object():
        if isinstance(BY_NAME.get(name), Numeric):
            bounds = [bound.number() for bound in ranges.at(name).items()]
            if len(bounds) == 2 and bounds[0] <= bounds[1]:
                bounds_by_name[name] = (bounds[0], bounds[1])
                continue
        ranges.at(name).refuse("the least and the greatest value of a feature that is a number")
    return bounds_by_name


def read_terms(terms: Member) -> dict[str, Table | Line]:
    """Return the terms of a scorecard by feature, in schema order, checked.

    Raises
    ------
    ArtifactError
    """
    terms_by_name: dict[str, Table | Line] = {}
    for described in terms.items():
        name = described.at("feature").text()
        feature = BY_NAME.get(name)
        if feature is None or name in terms_by_name:
            described.at("feature").refuse(f"one of {', '.join(BY_NAME)}, each of them once")
        terms_by_name[name] = _table(feature, described) if isinstance(feature, Categorical) else _line(described)
    for name in BY_NAME:
        if name not in terms_by_name:
            terms.refuse(f"a list with a term for each feature; it has none for {name}", len(terms_by_name))
    return {feature.name: terms_by_name[feature.name] for feature in FEATURES}


def _table(feature: Categorical, described: Member) -> Table:
    table = described.at("table")
    table.exactly([str(value) for value in feature.values], f"words of {feature.name}")
    return {value: table.at(str(value)).log_odds() for value in feature.values}


def _line(described: Member) -> Line:
    knots = described.at("knots").rising(least=1)
    points = [point.log_odds() for point in described.at("points").items()]
    if len(points) != len(knots):
        described.at("points").refuse(f"a list of {len(knots)} numbers, one for each knot", len(points))
    for index, (before, after) in enumerate(pairwise(knots)):
        if not math.isfinite((points[index + 1] - points[index]) / (after - before)):
            described.at("knots").refuse("so far apart that the slope between any two is finite", after - before)
    return knots, points
