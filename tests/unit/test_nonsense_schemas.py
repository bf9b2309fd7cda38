"""A schema or pair whose checksum is right and whose content is nonsense: the start names file, key, rule and value."""

import copy
import csv
import io
import json
import math
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutations import mutate
from other_schema import (
    ORDERS,
    PLAN,
    POPULATION,
    REGION,
    SCHEMA,
    SCORECARD,
    SHOPPERS,
    VERSION,
    files,
    to_bytes,
    write_models,
)
from trainings import rewrite

from model.bulk.run import Run
from model.engine import load_scorer
from model.errors import ArtifactError, CustomerError
from model.json_schema import json_schema
from model.model_info import model_info
from model.sample import sample
from model.scorecard import Scorer
from model.validate import validate

ROOT = Path(__file__).parents[2]
BILLION = 1_000_000_000
Spoil = Callable[[dict[str, Any]], object]


@pytest.fixture
def models(tmp_path) -> Path:
    return write_models(tmp_path)


def change(models: Path, name: str, document: dict, spoil: Spoil) -> None:
    document = copy.deepcopy(document)
    spoil(document)
    rewrite(models / VERSION, name, to_bytes(document))


def feature(schema: dict, name: str) -> dict:
    return next(item for item in schema["features"] if item["name"] == name)


SCHEMAS: list[tuple[Spoil, str]] = [
    (lambda it: it.pop("features"), "features is missing; it must be a list of features"),
    (lambda it: it.update(features=[]), "features must be a list of 1 to 60 features, not 0"),
    (lambda it: it.update(features={}), "features must be a list of features, not an object"),
    (lambda it: it.update(colour="red"), "colour is not known; the keys are id, target"),
    (lambda it: it.update(id=" x"), 'id must be the name of a column, without spaces around it, not " x"'),
    (lambda it: it.update(id="Row"), "id must be a column that no column of the results is named like"),
    (lambda it: it.update(id=PLAN.upper()), r"features\[0\].name must be unlike the name of any other feature"),
    (lambda it: it.update(id="CODE"), "id must be a column that no column of the results is named like"),
    (lambda it: it.update(id=7), "id must be text, not 7"),
    (lambda it: it.pop("target"), "target is missing"),
    (lambda it: it.update(target=PLAN), "target must be another column than the id and the features"),
    (lambda it: it.update(positive="stayed"), "positive must be another word than that of those who stayed"),
    (lambda it: it.update(money=PLAN), "money must be a feature that is a number"),
    (lambda it: it.update(money="profit"), "money must be a feature that is a number"),
    (lambda it: it.update(segments=[PLAN, PLAN]), r"segments\[0\] must be a feature, once"),
    (lambda it: it.update(segments=["x"]), r'segments\[0\] must be a feature, once, not "x"'),
    (lambda it: it.update(segments=PLAN), "segments must be a list of features"),
    (lambda it: it.update(currency=""), "currency must be text of 1 to 10 printable characters"),
    (lambda it: it.update(horizon="a\nb"), "horizon must be text of 1 to 500 printable characters"),
    (lambda it: it["example"].pop(REGION), "example: région is missing; it must be .* Change it or remove .example"),
    (lambda it: it["example"].update(orders=-1), "example: orders must be a whole .* Change it or"),
    (lambda it: it["example"].update(x=1), "example.x is not known"),
    (lambda it: it["features"][0].pop("name"), r"features\[0\].name is missing"),
    (lambda it: it["features"][0].update(name=REGION), r"features\[1\].name must be unlike the name"),
    (lambda it: it["features"][0].update(name="Customers"), "another name: a JSON body has a member of this name"),
    (lambda it: it["features"][0].update(kind="text"), 'kind must be "flag", "category" or "number", not "text"'),
    (lambda it: it["features"][0].update(minimum=1), r"features\[0\].minimum is not known"),
    (lambda it: it["features"][0].update(missing="yes"), 'missing must be "refuse" or "accept", not "yes"'),
    (lambda it: it["features"][0].update(other=True), 'other must be "refuse" or "accept", not true'),
    (lambda it: it["features"][0].update(actionable="yes"), "actionable must be true or false"),
    (lambda it: it["features"][0].update(protected=True), "protected must be false where the feature is actionable"),
    (lambda it: it["features"][0].update(values=[]), r"values must be a list of 2 to 10,000 words, not 0"),
    (lambda it: it["features"][0].update(values=["a", "A"]), r'values\[1\] must be a word that is unlike "a"'),
    (lambda it: it["features"][0].update(values=["a", ""]), r"values\[1\] must be a word: text that is not blank"),
    (lambda it: it["features"][0].update(values=["a", 1.5]), r"values\[1\] must be a word: .*, not 1.5"),
    (lambda it: it["features"][0].update(values=["a", True]), r"values\[1\] must be a word: .*, not true"),
    (lambda it: it["features"][0].update(values=["a", "(other)"]), r"values\[1\] must be another word than \(other\)"),
    (lambda it: it["features"][0].update(values=["x"] * 10_001), "a list of 2 to 10,000 words, not 10001"),
    (lambda it: it["features"][0].update(synonyms={"Weird": ["x"]}), "synonyms.Weird is not known"),
    (lambda it: it["features"][0].update(synonyms={"a;b": ["STANDARD"]}), "must be a spelling of one word only"),
    (lambda it: it["features"][0].update(phrases={"Weird": "x"}), "phrases.Weird is not known"),
    (lambda it: it["features"][0].update(label=" "), "label must be text of 1 to 500 printable characters"),
    (lambda it: it["features"][2].update(values=["nein"]), "values must be a list of two words"),
    (lambda it: feature(it, ORDERS).update(minimum=BILLION), "maximum must be above the minimum, 1e[+]09"),
    (lambda it: feature(it, ORDERS).update(maximum=1.5), "maximum must be a whole number, as the feature is one"),
    (
        lambda it: feature(it, ORDERS).update(maximum=1e300),
        r"maximum must be a number from -1e\+15 to 1e\+15",
    ),
    (lambda it: feature(it, ORDERS).pop("maximum"), "maximum is missing"),
    (lambda it: feature(it, ORDERS).update(whole="true"), "whole must be true or false"),
    (lambda it: feature(it, ORDERS).update(direction="up"), 'direction must be "rises", "falls", "free" or "flat"'),
    (lambda it: feature(it, ORDERS).update(groups=[100, 1]), 'groups must be .*each above the one before, not "100 b'),
    (lambda it: feature(it, ORDERS).update(changes=[-2]), r"changes\[0\] must be a relative change from -1"),
    (lambda it: feature(it, ORDERS).update(phrases="{x}"), "the beginning of a sentence with {value}"),
    (lambda it: feature(it, ORDERS).update(phrases="{value.x}"), "the beginning of a sentence with {value}"),
    (lambda it: it["features"][6]["missing"].update(equals=-1), "equals must be a whole number from minimum"),
    (lambda it: it["features"][6]["missing"].update(when={}), "when must be one feature and its value"),
    (lambda it: it["features"][6]["missing"].update(when={"x": 0}), "when must be a feature that comes before"),
    (lambda it: it["features"][6]["missing"].update(when={ORDERS: "x"}), "must be a value that orders may have"),
    (lambda it: it["features"][6]["missing"].pop("when"), "when is missing"),
]


@pytest.mark.parametrize(("spoil", "sentence"), SCHEMAS)
def test_a_schema_that_makes_no_sense_ends_the_start_with_file_key_rule_and_value(models, spoil, sentence):
    change(models, "schema.json", SCHEMA, spoil)

    with pytest.raises(ArtifactError, match=sentence) as refused:
        load_scorer(models=str(models))

    assert str(refused.value).startswith(str(models / VERSION / "schema.json"))


def term(card: dict, name: str) -> dict:
    return next(item for item in card["terms"] if item["feature"] == name)


SCORECARDS: list[tuple[Spoil, str]] = [
    (lambda it: it.update(schema_version=1), "was built for schema 1 and this code reads schema 2"),
    (lambda it: term(it, PLAN).pop("other"), r"terms\[0\].other is missing"),
    (lambda it: term(it, PLAN).pop("missing"), r"terms\[0\].missing is missing"),
    (lambda it: term(it, ORDERS).pop("missing"), r"terms\[3\].missing is missing"),
    (lambda it: term(it, ORDERS).update(missing=None), r"terms\[3\].missing must be a number from -1,000,000"),
    (lambda it: term(it, ORDERS)["edges"].reverse(), "each above the one before"),
    (lambda it: term(it, ORDERS)["points"].pop(), "points must be a list of 5 numbers, one for each step, not 4"),
    (lambda it: term(it, ORDERS).update(edges="x"), "edges must be a list"),
    (lambda it: it.update(pairs={}), "pairs must be a list"),
    (lambda it: it["pairs"].extend(it["pairs"] * 50), "pairs must be a list of at most 100 pairs, not 153"),
    (lambda it: it["pairs"][0].update(features=[PLAN]), r"pairs\[0\].features must be a list of two features"),
    (lambda it: it["pairs"][0].update(features=[PLAN, PLAN]), r"pairs\[0\].features must be a list of two features"),
    (lambda it: it["pairs"][0].update(features=[PLAN, "x"]), r"pairs\[0\].features must be a list of two features"),
    (lambda it: it["pairs"][0].update(features=[PLAN, 1]), r"features\[1\] must be text, not 1"),
    (lambda it: it["pairs"][0].pop("edges"), r"edges is missing"),
    (lambda it: it["pairs"][0].update(edges=[None]), "edges must be a list with the edges of each feature"),
    (lambda it: it["pairs"][0].update(edges=[[1], [1, 1000]]), r"edges\[0\] must be null, because Plan"),
    (lambda it: it["pairs"][0].update(edges=[None, None]), r"edges\[1\] must be a list"),
    (lambda it: it["pairs"][0].update(edges=[None, [2, 1]]), r"edges\[1\] must be .*each above the one before"),
    (lambda it: it["pairs"][0]["points"].pop(), "points must be a list of 6 rows, one for each line of Plan"),
    (lambda it: it["pairs"][0]["points"][2].pop(), r"points\[2\] must be a list of 4 numbers, one for each line of"),
    (lambda it: it["pairs"][0]["points"][2].__setitem__(1, "x"), r"points\[2\]\[1\] must be a number from -1,000,000"),
    (lambda it: it["pairs"][0]["points"].__setitem__(1, 3), r"points\[1\] must be a list"),
]


@pytest.mark.parametrize(("spoil", "sentence"), SCORECARDS)
def test_a_scorecard_with_wrong_pairs_steps_or_levels_ends_the_start(models, spoil, sentence):
    change(models, "scorecard.json", SCORECARD, spoil)

    with pytest.raises(ArtifactError, match=sentence) as refused:
        load_scorer(models=str(models))

    assert str(refused.value).startswith(str(models / VERSION / "scorecard.json"))


POPULATIONS: list[tuple[Spoil, str]] = [
    (lambda it: it["features"][0].pop("other"), r"features\[0\].other is missing"),
    (lambda it: it["features"][0].pop("missing"), r"features\[0\].missing is missing"),
    (lambda it: it["features"][3].update(missing=1.5), r"features\[3\].missing must be a number from 0 to 1, not 1.5"),
    (lambda it: it["segments"][0]["groups"].pop(), r"groups must be the words .*\(other\), \(missing\), in this order"),
    (lambda it: it["segments"][1]["groups"].pop(), r"groups\[3\] must be the group of those whose number is not known"),
    (lambda it: it["segments"][1]["groups"][-1].pop("label"), r"groups\[4\].label is missing"),
]


@pytest.mark.parametrize(("spoil", "sentence"), POPULATIONS)
def test_a_population_without_missing_or_other_words_ends_the_start(models, spoil, sentence):
    change(models, "population.json", POPULATION, spoil)

    with pytest.raises(ArtifactError, match=sentence):
        load_scorer(models=str(models))


def test_a_model_of_its_own_schema_cannot_do_without_the_file(tmp_path):
    contents = {name: content for name, content in files().items() if name != "schema.json"}

    with pytest.raises(ArtifactError, match="was built for schema 2 and this code reads schema 1"):
        load_scorer(models=str(write_models(tmp_path, contents)))


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def _replace(content: bytes) -> Callable[[Path], None]:
    return lambda path: rewrite(path.parent, path.name, content)


DAMAGES = {
    "changed": (_append, r"schema\.json has sha256 [0-9a-f]{64}, but SHA256SUMS has [0-9a-f]{64}\. It was changed"),
    "removed": (Path.unlink, r"is incomplete: No such file or directory: .*schema\.json"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), r"is incomplete: Is a directory: .*schema\.json"),
    "a list": (_replace(b"[]"), r"schema\.json must hold a JSON object, not a list"),
    "no JSON": (_replace(b"target = 'left'"), r"schema\.json is not JSON"),
    "no text": (_replace(b'{"target": "\xff"}'), r"schema\.json is not JSON"),
    "NaN": (_replace(b'{"target": NaN}'), r"schema\.json is not JSON: it holds NaN"),
    "a key twice": (_replace(b'{"target": "a", "target": "b"}'), r'schema\.json has the key "target" more than once'),
    "endless": (_replace(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), r"schema\.json is not JSON"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_schema_that_was_changed_or_cannot_be_read_ends_the_start(models, damage):
    spoil, sentence = DAMAGES[damage]
    spoil(models / VERSION / "schema.json")

    with pytest.raises(ArtifactError, match=sentence):
        load_scorer(models=str(models))


@pytest.mark.parametrize("damage", ["changed", "a list"])
@pytest.mark.parametrize(
    "words",
    [
        [str(ROOT / "app/cli"), "score", "-", "-o", "out"],
        [str(ROOT / "app/cli"), "serve", "--port", "65535"],
        [str(ROOT / "app/cli"), "schema"],
        ["-c", "import handler"],
    ],
    ids=["score", "serve", "schema", "Lambda"],
)
def test_no_entry_point_starts_with_it(models, words, damage):
    spoil, _ = DAMAGES[damage]
    spoil(models / VERSION / "schema.json")
    environment = {"CHURN_MODELS": str(models), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, *words],
        input="",
        env=environment,
        cwd=models,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == (1 if words[0] == "-c" else 2), done.stderr
    assert "schema.json" in done.stderr.splitlines()[-1]
    assert words[0] == "-c" or done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert not (models / "out").exists()


def test_a_schema_is_written_as_it_is_read():
    from model.schema_document import to_document, to_json
    from model.schema_file import read_schema
    from model.strict_json import Member

    schema = read_schema(Member(SCHEMA, "schema.json"))

    assert read_schema(Member(to_document(schema), "schema.json")) == schema
    assert read_schema(Member(json.loads(to_json(schema)), "schema.json")) == schema


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["schema.json", "scorecard.json", "population.json"])
def test_a_mutated_model_is_refused_or_scores_alike_alone_and_in_a_file(tmp_path, name):
    """Never another exception, and never two answers."""
    documents = {"schema.json": SCHEMA, "scorecard.json": SCORECARD, "population.json": POPULATION}
    dice, refused = random.Random(name), 0
    for number in range(400):
        document = copy.deepcopy(documents[name])
        for _ in range(dice.choice([1, 1, 2, 5])):
            mutate(document, dice)
        models = write_models(tmp_path / str(number), {**files(), name: to_bytes(document)})
        try:
            scorer = load_scorer(models=str(models))
        except ArtifactError as error:
            refused += 1
            assert str(error).endswith(".")
            continue
        rows = [scorer.schema.example, *(shopper.row for shopper in SHOPPERS)]
        _check_alike(
            scorer, [{key: "" if row.get(key) is None else row[key] for key in scorer.schema.names} for row in rows]
        )
        json.dumps([model_info(scorer), json_schema(scorer.schema)], allow_nan=False)
        assert len(sample(scorer).splitlines()) == 1001
    assert 50 < refused < 400


def _check_alike(scorer: Scorer, rows: list[dict[str, object]]) -> None:
    text = io.StringIO()
    # A column that is ignored: rows of blanks alone are blank lines.
    writer = csv.DictWriter(text, ["number of the row", *scorer.schema.names])
    writer.writeheader()
    writer.writerows({"number of the row": number, **row} for number, row in enumerate(rows))
    (block,) = Run(io.BytesIO(text.getvalue().encode()), scorer)
    for index, row in enumerate(rows):
        try:
            customer = validate({name: str(value) for name, value in row.items()}, scorer.schema.features)
        except CustomerError as error:
            assert [problem.message for problem in block.problems[index]] == [item.message for item in error.problems]
            continue
        assert block.probability[index] == scorer.score(customer).probability
        assert math.isfinite(scorer.score(customer).log_odds)
