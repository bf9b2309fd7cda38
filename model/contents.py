"""What the files of a model must hold to be served: each number, word and list checked. Standard library only.

The start checks all that a server reads later, too, so that no request meets a file that cannot be used.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from model.artifact import names, read_checked, read_json, read_run
from model.errors import ArtifactError
from model.outputs import PROBABILITY
from model.schema import Categorical, Numeric, Schema, Word
from model.strict_json import Member

if TYPE_CHECKING:
    from model.plausibility import Plausibility

METRICS: Final = "metrics.json"
CARD: Final = "MODEL_CARD.md"
ACTIONS: Final = "actions.csv"
INTERVAL: Final = "interval.json"
POPULATION: Final = "population.json"
MISSING: Final = "(missing)"
"""The word of a group of customers whose own is not known; a group of numbers has a label and no bounds."""

RELATIONS: Final = "relations"
COMBINATIONS: Final = "combinations"
"""Members of population.json that models from before do not have."""


class TrainingData(NamedTuple):
    """What a model knows of the customers that it was trained on, beyond its ranges.

    Attributes
    ----------
    frequent_words : mapping of str to tuple of str or int
        By feature that can be changed: the words that customers have, the most frequent first.
    plausibility : Plausibility, optional
        What belongs together; None where the population does not state it.
    """

    frequent_words: Mapping[str, tuple[Word, ...]]
    plausibility: "Plausibility | None"


def check_contents(folder: Path, schema: Schema) -> TrainingData:
    """Refuse a model whose metrics, card, population, run or actions cannot be shown, compared with or offered.

    Raises
    ------
    ArtifactError, ActionsError
    """
    check_metrics(Member(read_json(folder, METRICS)[0], str(folder / METRICS)))
    population = Member(read_json(folder, POPULATION)[0], str(folder / POPULATION))
    check_population(population, schema)
    run = Member(read_run(folder), str(folder / "run.json"))
    if "trained_at" in run.object():
        run.at("trained_at").text()
    _check_actions(folder, schema)
    if INTERVAL in names(folder):
        # Its content is checked by `model.interval.check_interval`, which the cold start of a function does without.
        read_checked(folder, INTERVAL)
    try:
        read_checked(folder, CARD).decode()
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{folder / CARD} must be text in UTF-8; byte {error.start} is not.") from error
    words = _frequent_words(population, schema)
    if not (population.at(RELATIONS).is_present or population.at(COMBINATIONS).is_present):
        return TrainingData(words, None)
    from model.plausibility import read

    return TrainingData(words, read(population, schema))


def _frequent_words(population: Member, schema: Schema) -> dict[str, tuple[Word, ...]]:
    words = {}
    for described in population.at("features").items():
        feature = schema.by_name[described.at("feature").text()]
        if isinstance(feature, Categorical) and feature.actionable:
            shares = dict(zip(feature.values, described.at("words").object().values(), strict=True))
            held = [word for word in feature.values if shares[word] > 0]
            words[feature.name] = tuple(sorted(held, key=lambda word: -shares[word]))
    return words


def _check_actions(folder: Path, schema: Schema) -> None:
    # A model from before they carried a table has that of the code, which tests check.
    if ACTIONS in names(folder):
        from model import actions

        actions.parse(read_checked(folder, ACTIONS), folder / ACTIONS, schema)


def check_metrics(metrics: Member) -> None:
    """Refuse metrics of which GET /v2/model or a comparison of versions lacks a part."""
    metrics.at("recipe").at("name").text()
    for engine in metrics.at("recipe").at("engines").items():
        engine.text()
    trained_on = metrics.at("trained_on")
    for name in ("rows", "churners"):
        trained_on.at(name).number((0, math.inf), "a number of customers")
    trained_on.at("sha256").text()
    metrics.at("threshold").at("threshold").share()


def check_population(population: Member, schema: Schema) -> None:
    """Refuse a description of the training data that a file of customers cannot be compared with."""
    population.at("customers").number((1, math.inf), "a number of customers, at least 1")
    features = population.at("features").items()
    names = [entry.at("feature").text() for entry in features]
    if sorted(names) != sorted(schema.names):
        population.at("features").refuse(f"a list with each of {', '.join(schema.names)} once", ", ".join(names))
    for described, name in zip(features, names, strict=True):
        feature = schema.by_name[name]
        if isinstance(feature, Categorical):
            words = described.at("words")
            _check_words(words, list(words.object()), [str(value) for value in feature.values])
            for word in words.object():
                words.at(word).share()
            if feature.accepts_other:
                described.at("other").share()
        else:
            _check_bins(described)
        if feature.accepts_missing:
            described.at("missing").share()
    _check_bins(population.at(PROBABILITY.name))
    for segment in population.at("segments").items():
        _check_segment(segment, schema)


def _check_bins(described: Member) -> None:
    described.at("shares").shares(len(described.at("edges").rising()) + 1)


def _check_words(member: Member, words: list[Any], wanted: list[str]) -> None:
    # In this order, because customers are counted by the code of their word.
    if words != wanted:
        member.refuse(f"the words {', '.join(wanted)}, in this order", ", ".join(map(str, words)))


def _check_segment(segment: Member, schema: Schema) -> None:
    name = segment.at("feature").text()
    feature = schema.by_name.get(name)
    if feature is None:
        segment.at("feature").refuse(f"one of {', '.join(schema.names)}")
    groups = segment.at("groups").items()
    if isinstance(feature, Categorical):
        words = [MISSING if level is None else str(level) for level in feature.levels]
        _check_words(segment.at("groups"), [group.at("word").text() for group in groups], words)
    else:
        _check_ranges(segment.at("groups"), groups, feature)
    for group in groups:
        group.at("share").share()
        for figure in ("churn_rate", "mean_probability"):
            group.at(figure).present("a number from 0 to 1, or null")
            if group.at(figure).value is not None:
                group.at(figure).share()


def _check_ranges(member: Member, groups: list[Member], feature: Numeric) -> None:
    ranges = groups[:-1] if feature.accepts_missing else groups
    if not ranges:
        member.refuse("a list of at least one group", "an empty list")
    for group in groups:
        group.at("label").text()
    starts = [group.at("from").number() for group in ranges]
    if any(before >= after for before, after in pairwise(starts)):
        member.refuse("a list of groups that begin one above the other", f"from {starts}")
    if feature.accepts_missing and groups[-1].at("from").is_present:
        groups[-1].refuse("the group of those whose number is not known, without bounds")
