"""scorecard.json, and what outline.json of a model that is not additive has in common with it, read strictly.

Standard library only.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from model.errors import ArtifactError, show
from model.schema import OTHER, TIERS, Categorical, Numeric, Schema, Value
from model.scorecard import Scorecard
from model.strict_json import Member
from model.terms import Axis, LineTerm, PairTerm, StepTerm, TableTerm, Term

MODEL_SCHEMA: Final = 2
"""`schema_version` of a model with a schema.json; 1 is the schema of artifacts/schema-1.json."""

MAX_PAIRS: Final = 100


def check_version(document: Mapping[str, Any], name: str, expected: int) -> None:
    """Refuse a file of the artifact that was built for another schema.

    Raises
    ------
    ArtifactError
    """
    built_for = document.get("schema_version")
    # True and 1.0 are equal to 1, and were not written by training.
    if type(built_for) is not int or built_for != expected:
        raise ArtifactError(
            f'{name} was built for schema {show(built_for)} and this code reads schema {expected}. Run "churn train".'
        )


def read_scorecard(document: Mapping[str, Any], schema: Schema, sha256: str, folder: Path | None = None) -> Scorecard:
    """Return the scorecard that the content of a scorecard.json describes.

    Raises
    ------
    ArtifactError
        If a feature has no term or a word no points, or a number makes no sense.
    """
    card = Member(document, str(folder / "scorecard.json") if folder else "scorecard.json")
    return Scorecard(
        schema=schema,
        version=card.at("version").text(),
        sha256=sha256,
        **read_cuts(card, schema),
        intercept=card.at("intercept").log_odds(),
        terms=read_terms(card.at("terms"), schema),
        pairs=_pairs(card.at("pairs"), schema),
        folder=folder,
    )


def read_cuts(card: Member, schema: Schema) -> dict[str, Any]:
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
    return {"threshold": cut, "tiers": _tiers(card.at("tiers")), "ranges": _ranges(card.at("ranges"), schema)}


def _tiers(tiers: Member) -> dict[str, float]:
    tiers.exactly(TIERS, "tiers")
    cut_offs = {name: tiers.at(name).share() for name in TIERS}
    falls = all(higher >= lower for higher, lower in pairwise(cut_offs.values()))
    if not falls or cut_offs[TIERS[-1]] != 0:
        written = ", ".join(f"{name} {cut_off:g}" for name, cut_off in cut_offs.items())
        tiers.refuse(f"cut-offs that fall from {TIERS[0]} to {TIERS[-1]}, the last of them 0", written)
    return cut_offs


def _ranges(ranges: Member, schema: Schema) -> dict[str, tuple[float, float]]:
    bounds_by_name = {}
    for name in ranges.object():
        if isinstance(schema.by_name.get(name), Numeric):
            bounds = [bound.number() for bound in ranges.at(name).items()]
            if len(bounds) == 2 and bounds[0] <= bounds[1]:
                bounds_by_name[name] = (bounds[0], bounds[1])
                continue
        ranges.at(name).refuse("the least and the greatest value of a feature that is a number")
    return bounds_by_name


def read_terms(terms: Member, schema: Schema) -> tuple[Term, ...]:
    """Return the terms of a scorecard in schema order, checked.

    Raises
    ------
    ArtifactError
    """
    terms_by_name: dict[str, Term] = {}
    for described in terms.items():
        name = described.at("feature").text()
        feature = schema.by_name.get(name)
        if feature is None or name in terms_by_name:
            described.at("feature").refuse(f"one of {', '.join(schema.names)}, each of them once")
        terms_by_name[name] = (
            _table(feature, described) if isinstance(feature, Categorical) else _curve(feature, described)
        )
    for name in schema.names:
        if name not in terms_by_name:
            terms.refuse(f"a list with a term for each feature; it has none for {name}", len(terms_by_name))
    return tuple(terms_by_name[name] for name in schema.names)


def _table(feature: Categorical, described: Member) -> TableTerm:
    table = described.at("table")
    table.exactly([str(value) for value in feature.values], f"words of {feature.name}")
    points: dict[Value, float] = {value: table.at(str(value)).log_odds() for value in feature.values}
    if feature.accepts_other:
        points[OTHER] = described.at("other").log_odds()
    if feature.accepts_missing:
        points[None] = described.at("missing").log_odds()
    return TableTerm(feature.name, points)


def _curve(feature: Numeric, described: Member) -> LineTerm | StepTerm:
    missing = described.at("missing").log_odds() if feature.accepts_missing else 0.0
    if described.at("edges").is_present:
        edges = described.at("edges").rising()
        return StepTerm(feature.name, edges, _points(described.at("points"), len(edges) + 1, "step"), missing)
    knots = described.at("knots").rising(least=1)
    points = _points(described.at("points"), len(knots), "knot")
    for index, (before, after) in enumerate(pairwise(knots)):
        if not math.isfinite((points[index + 1] - points[index]) / (after - before)):
            described.at("knots").refuse("so far apart that the slope between any two is finite", after - before)
    return LineTerm(feature.name, knots, points, missing)


def _points(points: Member, count: int, unit: str) -> list[float]:
    values = [point.log_odds() for point in points.items()]
    if len(values) != count:
        points.refuse(f"a list of {count} numbers, one for each {unit}", len(values))
    return values


def _pairs(pairs: Member, schema: Schema) -> tuple[PairTerm, ...]:
    if not pairs.is_present:
        return ()
    described = pairs.items()
    if len(described) > MAX_PAIRS:
        pairs.refuse(f"a list of at most {MAX_PAIRS} pairs", len(described))
    return tuple(_pair(pair, schema) for pair in described)


def _pair(pair: Member, schema: Schema) -> PairTerm:
    names = [name.text() for name in pair.at("features").items()]
    if len(set(names)) != 2 or len(names) != 2 or not set(names) <= set(schema.names):
        pair.at("features").refuse("a list of two features")
    edges = pair.at("edges").items("a list with the edges of each feature, null for words")
    if len(edges) != 2:
        pair.at("edges").refuse("a list with the edges of each feature, null for words", len(edges))
    first, second = [_axis(schema, name, own) for name, own in zip(names, edges, strict=True)]
    rows = pair.at("points").items()
    if len(rows) != first.size:
        pair.at("points").refuse(f"a list of {first.size} rows, one for each line of {names[0]}", len(rows))
    return PairTerm((first, second), [_points(row, second.size, f"line of {names[1]}") for row in rows])


def _axis(schema: Schema, name: str, edges: Member) -> Axis:
    feature = schema.by_name[name]
    if isinstance(feature, Numeric):
        return Axis(feature, edges.rising())
    if edges.value is not None:
        edges.refuse(f"null, because {name} has words")
    return Axis(feature)
