"""A list of invented customers to try the service with. Standard library only; it has no customer of any data.

Each value is drawn by itself with the shares of the training data in population.json, so that customers of a list look
like those of the model column by column, though not together.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from model import artifact
from model.artifact import ARTIFACTS, read_json
from model.contents import POPULATION
from model.schema import OTHER, Categorical, Feature, Numeric, Schema
from model.scorecard import Scorer

ROWS: Final = 1000
FIRST_SAMPLE: Final = "sample-1.csv"
"""Next to the versions that come with the code: the list of models that were trained before they carried a schema."""

_MISTAKE_ROWS: Final = (211, 548, 806)
"""As in real lists, so that a first try shows how they are handled."""


def sample(scorer: Scorer) -> str:
    """Return the list as the text of a CSV; the same each time."""
    if scorer.folder is None or not artifact.has_own_schema(scorer.folder):
        return (ARTIFACTS / FIRST_SAMPLE).read_bytes().decode()
    schema, (population, _) = scorer.schema, read_json(scorer.folder, POPULATION)
    described = {feature["feature"]: feature for feature in population["features"]}
    mistakes = dict(zip(_MISTAKE_ROWS, _mistakes(schema), strict=False))
    text = io.StringIO()
    writer = csv.DictWriter(text, schema.columns, lineterminator="\n")
    writer.writeheader()
    draws = _draws()
    for row in range(1, ROWS + 1):
        customer: dict[str, object] = {schema.id: f"SAMPLE-{row:04d}"} if schema.id else {}
        for feature in schema.features:
            customer[feature.name] = _value(feature, described[feature.name], scorer.ranges, draws)
        for feature in schema.features:
            if (
                isinstance(feature, Numeric)
                and feature.blank
                and customer[feature.blank.feature] == feature.blank.value
            ):
                customer[feature.name] = feature.blank.equals
        writer.writerow({**customer, **mistakes.get(row, {})})
    return text.getvalue()


def _draws() -> Iterator[float]:
    """Yield numbers from 0 to 1 that look drawn by lot, and are the same each time."""
    state = 20
    while True:
        # The constants of Numerical Recipes; the low bits repeat soon, so the high ones are taken.
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        yield (state >> 8) / 2**24


def _value(
    feature: Feature, described: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]], draws: Iterator[float]
) -> object:
    if next(draws) < described.get("missing", 0.0):
        return ""
    if isinstance(feature, Categorical):
        # A word that is not listed, as some of the customers' are.
        words = [*feature.values, OTHER]
        return words[_pick([*described["words"].values(), described.get("other", 0.0)], next(draws))]
    low, high = ranges.get(feature.name, (feature.minimum, feature.maximum))
    edges = [low, *described["edges"], high]
    index = _pick(described["shares"], next(draws))
    number = edges[index] + (edges[index + 1] - edges[index]) * next(draws)
    return int(number) if feature.whole else f"{number:.2f}" if abs(number) >= 1 else f"{number:.4g}"


def _pick(shares: Sequence[float], draw: float) -> int:
    """Return the index that a draw from 0 to 1 falls on; shares need not add up to 1."""
    reached = list(accumulate(shares))
    return next((index for index, share in enumerate(reached) if draw * reached[-1] < share), len(shares) - 1)


def _mistakes(schema: Schema) -> Iterator[dict[str, object]]:
    words = [feature for feature in schema.features if isinstance(feature, Categorical) and not feature.accepts_other]
    numbers = [feature for feature in schema.features if isinstance(feature, Numeric)]
    if words:
        yield {words[-1].name: f"{words[-1].values[0]}?"}
    for feature in numbers[:1]:
        yield {feature.name: "n/a"}
    for feature in numbers[1:]:
        if not feature.accepts_missing and not feature.blank:
            yield {feature.name: ""}
