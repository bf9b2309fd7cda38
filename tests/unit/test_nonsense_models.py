"""A model whose checksums are right and whose content is nonsense: the start reports it, and nothing scores with it."""

import hashlib
import json
import math
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutations import mutate
from shipped import EXAMPLE, SCHEMA

from model import actions, artifact, describe
from model.actions import ActionsError
from model.bulk.run import Run
from model.engine import load_scorer
from model.errors import ArtifactError
from model.model_info import model_info
from model.versions import list_versions

ROOT = Path(__file__).parents[2]
HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)

Spoil = Callable[[dict[str, Any]], object]


@pytest.fixture
def models(tmp_path) -> Path:
    """A copy of the shipped model."""
    shutil.copytree(artifact.folder_of(), tmp_path / "1.0.0")
    (tmp_path / "DEFAULT").write_text("1.0.0\n")
    return tmp_path


def write(models: Path, name: str, content: bytes | str) -> None:
    """Write a file of the model, and its sum."""
    folder = models / "1.0.0"
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "SHA256SUMS"}
    (folder / "SHA256SUMS").write_bytes(artifact.sums_of(files))


def spoil(models: Path, name: str, change: Spoil) -> None:
    document = json.loads((models / "1.0.0" / name).read_bytes())
    change(document)
    write(models, name, json.dumps(document))


def term(document: dict[str, Any], feature: str) -> dict[str, Any]:
    result: dict[str, Any] = next(item for item in document["terms"] if item["feature"] == feature)
    return result


SCORECARDS: list[tuple[Spoil, str]] = [
    *[
        (lambda card, value=value: card.update(threshold=value), "threshold must be a number above 0 and below 1, not ")
        for value in (2, 0, 1, -0.3, True, "0.33", None, [0.33], 10**400)
    ],
    (lambda card: card.pop("threshold"), "threshold is missing; it must be a number above 0 and below 1"),
    (lambda card: card["tiers"].update(high=0.25, medium=0.5), 'tiers must be cut-offs that fall .*"high 0.25'),
    (lambda card: card["tiers"].update(low=0.1), "the last of them 0"),
    (lambda card: card["tiers"].update(high=1.5), r"tiers.high must be a number from 0 to 1, not 1\.5"),
    (lambda card: card["tiers"].pop("medium"), "tiers.medium is missing"),
    (lambda card: card["tiers"].update(extreme=0.9), 'the tiers high, medium, low alone, not "extreme"'),
    (lambda card: card.update(tiers=[0.5, 0.25, 0]), "tiers must be an object, not a list"),
    *[
        (
            lambda card, value=value: card.update(intercept=value),
            "intercept must be a number from -1,000,000 to 1,000,000",
        )
        for value in (1e300, -1e7, False, "0", {})
    ],
    (lambda card: card.pop("intercept"), "intercept is missing"),
    (lambda card: term(card, "tenure").update(knots=[], points=[]), r"terms\[3\].knots must be a list of at least 1"),
    (lambda card: term(card, "tenure")["knots"].reverse(), r"each above the one before, not \"72 before 67\""),
    (lambda card: term(card, "tenure")["knots"].__setitem__(1, 0.0), "each above the one before"),
    (lambda card: term(card, "tenure")["knots"].__setitem__(1, "3"), r"knots\[1\] must be a finite number, not \"3\""),
    (lambda card: term(card, "tenure")["points"].pop(), "points must be a list of 9 numbers, one for each knot, not 8"),
    (lambda card: term(card, "tenure").update(knots=[0, 5e-324], points=[0, 1]), "the slope between any two is finite"),
    (lambda card: term(card, "tenure").update(knots=7), "knots must be a list"),
    (lambda card: term(card, "tenure").pop("points"), "points must be|points is missing"),
    (lambda card: term(card, "Contract")["table"].pop("Two year"), "table.Two year is missing"),
    (lambda card: term(card, "Contract")["table"].update(Weekly=1.0), 'words of Contract .* alone, not "Weekly"'),
    (lambda card: term(card, "Contract")["table"].update({"Two year": True}), "table.Two year must be a number"),
    (lambda card: term(card, "Contract").update(feature="contract"), r'feature must be one of .*, not "contract"'),
    (lambda card: term(card, "Contract").update(feature="tenure"), r'each of them once, not "tenure"'),
    (lambda card: term(card, "Contract").update(feature=["Contract"]), r"feature must be text, not a list"),
    (lambda card: card["terms"].pop(), "it has none for TotalCharges"),
    (lambda card: card.update(terms={}), "terms must be a list, not an object"),
    (lambda card: card["terms"].__setitem__(0, "SeniorCitizen"), r"terms\[0\] must be an object"),
    (lambda card: card["ranges"].update(tenure=[72, 0]), "ranges.tenure must be the least and the greatest value"),
    (lambda card: card["ranges"].update(tenure=[0]), "ranges.tenure must be the least and the greatest value"),
    (lambda card: card["ranges"].update(Contract=[0, 1]), "ranges.Contract must be the least and the greatest value"),
    (lambda card: card["ranges"].update(tenure=[0, None]), r"ranges.tenure\[1\] must be a finite number, not null"),
    (lambda card: card.pop("ranges"), "ranges is missing"),
    *[
        (
            lambda card, value=value: card.update(schema_version=value),
            "was built for schema .* and this code reads schema 1",
        )
        for value in (2, 0, True, 1.0, "1", None)
    ],
    (lambda card: card.update(version=1), "version must be text, not 1"),
    (lambda card: card.update(version="1.0.1"), r"has the version 1\.0\.1"),
]


@pytest.mark.parametrize(("change", "sentence"), SCORECARDS)
def test_a_scorecard_that_makes_no_sense_is_refused_with_file_key_rule_and_value(models, change, sentence):
    spoil(models, "scorecard.json", change)

    with pytest.raises(ArtifactError, match=sentence) as refused:
        load_scorer(models=str(models))

    assert str(refused.value).startswith(str(models / "1.0.0" / "scorecard.json"))


NO_OBJECTS = [
    "[]",
    "null",
    "1",
    '"text"',
    "true",
    "",
    "{",
    "\xff",
    '{"a": NaN}',
    '{"a": -Infinity}',
    '{"a": 1e999}',
    '{"a": 1, "a": 2}',
]
DEEP = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize("name", ["scorecard.json", "metrics.json", "population.json", "run.json"])
@pytest.mark.parametrize("content", [*NO_OBJECTS, DEEP, '{"a": ' + "9" * 5_000 + "}"], ids=lambda text: text[:16])
def test_a_file_that_is_no_plain_json_object_ends_the_start(models, name, content):
    write(models, name, content.encode("latin-1"))

    with pytest.raises(ArtifactError, match=name):
        load_scorer(models=str(models))


POPULATIONS: list[tuple[Spoil, str]] = [
    (lambda item: item.pop("customers"), "customers is missing"),
    (lambda item: item.update(customers=0), "customers must be"),
    (lambda item: item["features"].pop(), "features must be a list with each of"),
    (lambda item: item["features"][0]["words"].update({"0": 2}), r"words\.0 must be a number from 0 to 1"),
    (lambda item: item["features"][0].update(words={"1": 0.2, "0": 0.8}), "words 0, 1, in this order"),
    (lambda item: item["features"][3]["edges"].reverse(), "each above the one before"),
    (lambda item: item["features"][3]["shares"].pop(), "a list of 10 numbers"),
    (lambda item: item.update(probability=None), "probability must be an object"),
    (lambda item: item["segments"][0]["groups"].pop(), "in this order"),
    (lambda item: item["segments"][2]["groups"].reverse(), "begin one above the other"),
    (lambda item: item["segments"][2].update(groups=[]), "at least one group"),
    (lambda item: item["segments"][2]["groups"][0].pop("churn_rate"), "churn_rate is missing"),
    (lambda item: item["segments"][0].update(feature="Weather"), "feature must be one of"),
]
METRICS: list[tuple[Spoil, str]] = [
    (lambda item: item.pop("recipe"), "recipe is missing"),
    (lambda item: item.update(recipe="additive"), "recipe must be an object"),
    (lambda item: item["recipe"].update(engines="scorecard"), "recipe.engines must be a list"),
    (lambda item: item["trained_on"].update(rows="many"), "trained_on.rows must be a number"),
    (lambda item: item.update(threshold=0.3), "threshold must be an object"),
]


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        *[("population.json", *population) for population in POPULATIONS],
        *[("metrics.json", *metric) for metric in METRICS],
        ("run.json", lambda item: item.update(trained_at=7), "trained_at must be text"),
    ],
)
def test_what_is_only_read_later_is_checked_at_the_start_too(models, name, change, sentence):
    spoil(models, name, change)

    with pytest.raises(ArtifactError, match=sentence):
        load_scorer(models=str(models))


@pytest.mark.parametrize("name", ["MODEL_CARD.md", "SHA256SUMS"])
def test_text_that_is_no_text_is_refused(models, name):
    content = (models / "1.0.0" / name).read_bytes() + b"\xff"
    if name == "SHA256SUMS":
        (models / "1.0.0" / name).write_bytes(content)
    else:
        write(models, name, content)

    with pytest.raises(ArtifactError, match=name):
        load_scorer(models=str(models))


@pytest.mark.parametrize("what", [b"", b"no pickle", b"\x80\x04K\x01."])
def test_a_pipeline_that_is_none_is_refused(models, what):
    write(models, "churn_prediction_model_v1_0.joblib", what)

    with pytest.raises(ArtifactError, match="is no pipeline that scores a customer"):
        load_scorer(engine="pipeline", models=str(models))


@pytest.mark.parametrize("name", ["scorecard.json", "metrics.json", "run.json"])
def test_a_list_of_versions_names_the_one_that_is_damaged(models, name):
    write(models, name, "[]")

    (entry,) = list_versions(models)

    assert name == "scorecard.json" or "must hold a JSON object, not a list" in entry["fault"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scorecard.json", "metrics.json", "population.json", "run.json"])
def test_a_mutated_model_is_refused_or_scores(models, name):
    """Never another exception, and never a probability that is none."""
    whole, dice = (models / "1.0.0" / name).read_bytes(), random.Random(name)
    refused = 0
    for _ in range(600):
        document = json.loads(whole)
        for _ in range(dice.choice([1, 1, 2, 5])):
            mutate(document, dice)
        write(models, name, json.dumps(document))
        try:
            scorer = load_scorer(models=str(models))
        except ArtifactError as error:
            refused += 1
            assert str(error).endswith(".")
            continue
        model_info(scorer)
        scores = [scorer.score({**EXAMPLE, "tenure": tenure, "TotalCharges": 1e9}) for tenure in (0, 1, 5, 1200)]
        file = (HEADER + LINE).encode()
        run = Run(_Bytes(file), scorer)
        (bulk,) = [block.probability[0] for block in run]
        assert run.summary()["rows_in"] == 1
        assert all(0 <= score.probability <= 1 and math.isfinite(score.log_odds) for score in scores)
        assert bulk == scorer.score(dict(EXAMPLE)).probability
        json.dumps(model_info(scorer), allow_nan=False)
    assert refused > 100 or name in ("run.json", "metrics.json")


class _Bytes:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int, /) -> bytes:
        values, self._content = self._content[:size], self._content[size:]
        return values


@pytest.mark.parametrize(
    "words",
    [
        ["app/cli", "score", "-", "-o", "out"],
        ["app/cli", "serve", "--port", "65535"],
        ["app/cli", "promote", "1.0.0"],
    ],
    ids=lambda words: words[1],
)
@pytest.mark.parametrize("name", ["scorecard.json", "population.json"])
def test_every_command_ends_with_the_sentence_and_no_traceback(models, words, name):
    write(models, name, "[]")

    done = subprocess.run(
        [sys.executable, str(ROOT / words[0]), *words[1:]],
        input=HEADER + LINE,
        env={"CHURN_MODELS": str(models), "PATH": "/usr/bin:/bin"},
        cwd=models,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"{name} must hold a JSON object, not a list." in done.stderr


@pytest.mark.parametrize("name", ["scorecard.json", "population.json"])
def test_a_function_on_lambda_that_cannot_start_ends_with_the_sentence(models, name):
    write(models, name, "[]")

    done = subprocess.run(
        [sys.executable, "-c", "import handler"],
        env={"CHURN_MODELS": str(models), "PATH": "/usr/bin:/bin"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    last = done.stderr.splitlines()[-1]
    assert last == f"model.errors.ArtifactError: {models / '1.0.0' / name} must hold a JSON object, not a list."


@pytest.mark.no_cover
def test_the_checks_of_a_start_take_less_than_a_few_milliseconds(models):
    load_scorer(models=str(models))
    times = []
    for _ in range(20):
        started = time.process_time()
        load_scorer(models=str(models))
        times.append(time.process_time() - started)

    assert min(times) < 0.005


def test_the_shipped_model_is_as_it_was():
    assert hashlib.sha256((artifact.folder_of() / "scorecard.json").read_bytes()).hexdigest() == load_scorer().sha256


def test_an_action_that_takes_more_than_all_away_is_refused(tmp_path):
    table = tmp_path / "actions.csv"
    table.write_text("feature,from,to,suggestion\nMonthlyCharges,,-150%,Pay them\n")

    with pytest.raises(ActionsError, match=r"Line 2 .* takes more than all of MonthlyCharges away: -150%"):
        actions.load(table, SCHEMA)


@pytest.mark.parametrize(("feature", "share"), [("TotalCharges", "+900%"), ("tenure", "+15%"), ("tenure", "-100%")])
def test_an_action_never_makes_a_customer_that_cannot_be_scored(scorer, tmp_path, feature, share):
    table = tmp_path / "actions.csv"
    table.write_text(f"feature,from,to,suggestion\n{feature},,{share},Try it\n")

    actual = actions.suggest(actions.load(table, SCHEMA), scorer, {**EXAMPLE, "tenure": 1199, "TotalCharges": 9e8})

    assert [item.suggestion for item in actual] in ([], ["Try it"])
