"""Any schema, any customer of it: the single path, the bulk path and a scorer written from the documents agree."""

import csv
import io

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from other_schema import expect
from schemas import TEXTS, customers, respelt, schemas, scorecards

from model.bulk.run import Run
from model.errors import CustomerError
from model.explain import explain
from model.json_schema import json_schema
from model.parse import parse_customer
from model.schema_document import to_document
from model.schema_file import read_schema
from model.scorecard import Scorecard
from model.scorecard_file import read_scorecard
from model.strict_json import Member
from model.validate import validate


@st.composite
def models(draw) -> tuple[dict, dict, Scorecard]:
    schema = draw(schemas())
    card = draw(scorecards(schema))
    return schema, card, read_scorecard(card, read_schema(Member(schema, "schema.json")), "0" * 64)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), models())
def test_one_customer_is_scored_as_the_documents_describe_it(data, model):
    schema, card, scorer = model
    cells, typed = data.draw(customers(schema))

    respelt_cells = {data.draw(respelt(name)): cell for name, cell in cells.items()}
    customer = validate(parse_customer(respelt_cells, scorer.schema), scorer.schema.features)
    score, expected = scorer.score(customer), expect(typed, schema, card)

    assert customer == typed
    assert list(map(type, customer.values())) == list(map(type, typed.values()))
    assert (score.log_odds, score.label, score.tier) == (expected.log_odds, expected.label, expected.tier)
    assert score.probability == pytest.approx(expected.probability, abs=1e-15)
    assert scorer.contributions(customer) == expected.contributions
    reasons = explain(scorer, customer)
    assert sorted(reason.contribution for reason in reasons) == sorted(expected.contributions)
    assert all(reason.sentence.endswith(("the risk", "the risk strongly")) for reason in reasons)
    assert validate(typed, scorer.schema.features) == typed
    assert json_schema(scorer.schema)["examples"] == [scorer.schema.example]
    assert read_schema(Member(to_document(scorer.schema), "schema.json")) == scorer.schema


UNSEEN = st.text(' \t\n\x1c\x85\xa0\u2003\u200b\u2028\ufeff\U0001d173\U000e0001"', max_size=6)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(schemas(), st.lists(UNSEEN | TEXTS, min_size=1, max_size=9))
def test_a_text_is_a_word_for_the_published_schema_where_it_is_one_for_the_server(document, texts):
    schema = read_schema(Member(document, "schema.json"))
    published = json_schema(schema)["properties"]
    for feature in document["features"]:
        accepts_any = feature.get("other") == "accept"
        rule = jsonschema_rs.validator_for(published[feature["name"]])
        for text in [*texts, "", *map(str, feature.get("values", []))]:
            try:
                validate({**schema.example, feature["name"]: text}, schema.features)
            except CustomerError as error:
                assert not rule.is_valid(text) or feature["name"] not in [own.field for own in error.problems]
            else:
                assert rule.is_valid(text) or not accepts_any


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), models())
def test_a_file_is_scored_row_by_row_as_its_customers_are_alone(data, model):
    schema, card, scorer = model
    rows = data.draw(st.lists(customers(schema), min_size=1, max_size=12))
    text = io.StringIO()
    # A column that is ignored: rows of blanks alone are blank lines, and a file that begins with { would be JSON.
    writer = csv.DictWriter(text, ["number of the row", *rows[0][0]])
    writer.writerow({name: data.draw(respelt(name)) for name in writer.fieldnames})
    writer.writerows({"number of the row": number, **cells} for number, (cells, _) in enumerate(rows))

    blocks = list(Run(io.BytesIO(text.getvalue().encode()), scorer))

    scored = [(block, row) for block in blocks for row in range(block.rows)]
    assert len(scored) == len(rows)
    for (block, row), (_, typed) in zip(scored, rows, strict=True):
        expected = expect(typed, schema, card)
        assert block.good[row], block.errors
        assert block.customer(row) == typed
        assert block.probability[row] == scorer.score(typed).probability
        assert block.probability[row] == pytest.approx(expected.probability, abs=1e-15)
