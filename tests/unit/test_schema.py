"""Whatever is made from the ten features of the shipped model follows its schema, and no code writes them down."""

import csv
import io
import re
from pathlib import Path

import pytest
from shipped import COLUMNS, CUSTOMER_ID, EXAMPLE, FEATURES, NAMES, SCHEMA

from model import artifact, describe
from model.bulk.encoding import Utf8Stream
from model.bulk.reader import Reader
from model.bulk.run import Run
from model.errors import CustomerError, InputError
from model.json_schema import json_schema
from model.parse import parse_customer
from model.schema import Categorical, Numeric
from model.terms import LineTerm, TableTerm
from model.validate import validate

ROOT = Path(__file__).parents[2]
CHOICES = [feature for feature in FEATURES if isinstance(feature, Categorical)]
NUMBERS = [feature for feature in FEATURES if isinstance(feature, Numeric)]


def to_csv(*customers: dict[str, object]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(customers)
    return text.getvalue().encode()


def test_there_are_ten_features_with_a_name_of_their_own():
    assert len(FEATURES) == len(set(NAMES)) == 10


def test_the_json_schema_has_each_feature_with_its_words_or_bounds():
    schema = json_schema(SCHEMA)

    assert list(schema["properties"]) == list(COLUMNS)
    assert schema["required"] == list(NAMES)
    for feature in CHOICES:
        assert schema["properties"][feature.name]["enum"] == list(feature.values)
    for feature in NUMBERS:
        described = schema["properties"][feature.name]
        assert (described["minimum"], described["maximum"]) == (feature.minimum, feature.maximum)


def test_the_example_is_a_valid_customer():
    assert validate(parse_customer(dict(EXAMPLE), SCHEMA), FEATURES) == EXAMPLE


def test_the_template_has_each_column_and_the_example():
    (row,) = csv.DictReader(io.StringIO(describe.template(SCHEMA)))

    assert list(row) == list(COLUMNS)
    assert validate(row, FEATURES) == EXAMPLE


def test_the_api_page_has_the_table_of_features():
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")

    assert describe.feature_table(SCHEMA) in page, "paste the output of: churn schema --table"


def test_the_table_of_features_names_every_word_and_bound():
    lines = describe.feature_table(SCHEMA).splitlines()[2:]

    for feature, line in zip(FEATURES, lines, strict=True):
        assert line.startswith(f"| `{feature.name}` | {feature.help} |")
        accepted = feature.values if isinstance(feature, Categorical) else [f"{feature.maximum:,.0f}"]
        assert all(str(item) in line for item in accepted)


@pytest.mark.parametrize("name", NAMES)
def test_a_customer_without_a_feature_is_refused_by_its_name(name):
    customer = {key: value for key, value in EXAMPLE.items() if key != name}

    with pytest.raises(CustomerError) as refusal:
        validate(customer, FEATURES)

    assert [(problem.code, problem.field) for problem in refusal.value.problems] == [("missing", name)]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_without_a_feature_is_refused_by_its_name(name):
    header = ",".join(column for column in COLUMNS if column != name) + "\n"

    with pytest.raises(InputError, match=rf"The header lacks {name}\."):
        Reader(Utf8Stream(io.BytesIO(header.encode())), next_row=lambda: 1, schema=SCHEMA)


@pytest.mark.parametrize("feature", CHOICES, ids=lambda feature: feature.name)
def test_every_word_is_read_alike_in_json_and_in_csv(feature, toy_scorecard):
    customers = [{**EXAMPLE, feature.name: word} for word in [*feature.values, *feature.spellings]]

    (block,) = Run(io.BytesIO(to_csv(*customers)), toy_scorecard)

    assert [block.customer(row) for row in range(block.rows)] == [
        validate(customer, FEATURES) for customer in customers
    ]


@pytest.mark.parametrize("feature", NUMBERS, ids=lambda feature: feature.name)
def test_both_bounds_are_accepted_and_what_lies_beyond_is_not_in_json_and_in_csv(feature, toy_scorecard):
    within = [{**EXAMPLE, feature.name: int(bound)} for bound in (feature.minimum, feature.maximum)]
    beyond = [{**EXAMPLE, feature.name: int(bound)} for bound in (feature.minimum - 1, feature.maximum + 1)]

    (block,) = Run(io.BytesIO(to_csv(*within, *beyond)), toy_scorecard)

    assert block.good.tolist() == [True, True, False, False]
    assert [validate(customer, FEATURES)[feature.name] for customer in within] == [feature.minimum, feature.maximum]
    for customer in beyond:
        with pytest.raises(CustomerError):
            validate(customer, FEATURES)


def test_the_model_has_a_term_for_each_feature_and_points_for_each_word():
    scorecard = artifact.load()

    assert [term.feature for term in scorecard.terms] == list(NAMES)
    assert list(scorecard.ranges) == [feature.name for feature in NUMBERS]
    for feature, term in zip(FEATURES, scorecard.terms, strict=True):
        if isinstance(feature, Categorical):
            assert isinstance(term, TableTerm)
            assert tuple(term.points) == feature.values
        else:
            assert isinstance(term, LineTerm)


def test_training_takes_each_feature_once():
    spline = pytest.importorskip("model.training.spline", exc_type=ImportError)

    assert spline.words_of(SCHEMA) == CHOICES
    assert spline.numbers_of(SCHEMA) == NUMBERS


def test_the_pipeline_takes_the_features_in_order():
    frame = pytest.importorskip("model.pipeline").to_frame({name: [EXAMPLE[name]] for name in NAMES}, SCHEMA)

    assert list(frame.columns) == list(NAMES)


def words() -> set[str]:
    """Return the words that only the schema may spell; Yes and No are words of English."""
    spelt = {str(value) for feature in CHOICES for value in feature.values if isinstance(value, str)}
    return spelt - {"Yes", "No"}


SUFFIXES = {".py", ".html", ".js", ".css", ".json", ".md", ".csv"}


def shipped_files() -> list[Path]:
    """Return what is served and what serves, but for the artifacts and what others have written."""
    files = [*ROOT.glob("*.py"), *(path for top in ("app", "model") for path in (ROOT / top).rglob("*"))]
    return [
        path
        for path in files
        if path.suffix in SUFFIXES and not {"artifacts", "vendor"} & {*path.relative_to(ROOT).parts}
    ]


@pytest.mark.parametrize("word", [*NAMES, CUSTOMER_ID, *sorted(words())])
def test_no_module_and_no_page_knows_a_column_or_a_word_of_the_shipped_model(word):
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")

    written = {
        path.relative_to(ROOT).as_posix() for path in shipped_files() if whole.search(path.read_text(encoding="utf-8"))
    }

    assert written == set()
