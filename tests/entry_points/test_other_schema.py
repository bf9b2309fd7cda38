"""Customers of a wholly different schema, one by one and in lists, over HTTP: as the scorer of its documents."""

import io
import json

import pytest
from other_schema import (
    BAD,
    GOOD,
    GRADE,
    MONEY,
    NAMES,
    ORDERS,
    OTHER,
    PLAN,
    RENEW,
    SCORECARD,
    SHOPPERS,
    SPENT,
    VISIT,
    Shop,
    cells_of,
    expect,
    open_shop,
)

from app.settings import Settings
from app.web import create_app
from model.engine import load_scorer

TERMS = [*NAMES, *(tuple(pair["features"]) for pair in SCORECARD["pairs"])]
NUMBERED = list(enumerate(SHOPPERS))


@pytest.fixture(scope="module", params=[False, True], ids=["no id and no money", "an id and money"])
def shop(request, tmp_path_factory) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"), request.param)


@pytest.fixture(scope="module")
def client(shop):
    return create_app(load_scorer(models=str(shop.models)), Settings()).test_client()


def check_result(result: dict, shop: Shop, number: int) -> None:
    """Hold what is answered about a customer to the scorer written from the documents."""
    shopper, expected = SHOPPERS[number], expect(SHOPPERS[number].typed)
    assert (result["prediction"], result["tier"]) == (expected.label, expected.tier)
    assert f"{result['probability']:.4f}" == expected.printed
    assert result.get("client no") == (shop.ids[number] if shop.ids else None)
    if shop.ids:
        assert f"{result['value_at_risk']:.2f}" == shop.money_of(shopper)
    else:
        assert "value_at_risk" not in result
        assert "client no" not in result


def check_reasons(reasons: list[dict], typed: dict[str, object], count: int | None = None) -> None:
    """Hold reasons to the contributions, strongest first, with the values of a customer."""
    parts = sorted(zip(TERMS, expect(typed).contributions, strict=True), key=lambda part: -abs(part[1]))[:count]
    for reason, (term, contribution) in zip(reasons, parts, strict=True):
        if isinstance(term, tuple):
            assert (reason["features"], reason["values"]) == (list(term), [typed[name] for name in term])
        else:
            assert (reason["feature"], reason["value"]) == (term, typed[term])
        assert reason["contribution"] == contribution
        size = abs(contribution)
        verb = "raises" if contribution > 0 else "lowers"
        effect = f"{verb} the risk{' strongly' if size >= 0.5 else ''}" if size >= 0.05 else "hardly changes the risk"
        assert reason["sentence"].endswith(f": {effect}")


@pytest.mark.parametrize(("number", "shopper"), NUMBERED)
def test_v1_labels_a_customer_by_cells_by_values_and_without_what_is_missing(client, shop, number, shopper):
    present = {name: value for name, value in shopper.typed.items() if value is not None}

    for body in (shopper.row, {**shopper.typed, **shop.identity(number)}, present):
        answer = client.post("/v1/customer", json=body)
        assert (answer.status_code, answer.json) == (200, {"Prediction": expect(shopper.typed).label})


def test_v1_labels_a_file_by_id_or_by_row_number(client, shop):
    form = {"file": (io.BytesIO(shop.file), "shoppers.csv")}

    labels = client.post("/v1/customerbatch", data=form).json

    words = {"churn": "Churn", "not churn": "Not Churn"}
    names = shop.ids or [str(number + 1) for number, _ in NUMBERED]
    assert labels == {name: words[expect(shopper.typed).label] for name, shopper in zip(names, SHOPPERS, strict=True)}


def test_v1_gives_a_line_a_row(client, shop):
    form = {"file": (io.BytesIO(shop.file), "shoppers.csv")}

    answer = client.post("/v1/customerbatch", data=form, headers={"Accept": "text/csv"})

    rows = cells_of(answer.text)
    assert list(rows[0]) == ["row", *(["client no"] if shop.ids else []), "prediction", "probability", "tier", "error"]
    for row, shopper in zip(rows, SHOPPERS, strict=True):
        expected = expect(shopper.typed)
        assert (row["prediction"], row["probability"], row["tier"], row["error"]) == (
            *(expected.label, expected.printed, expected.tier, ""),
        )


@pytest.mark.parametrize(("number", "shopper"), NUMBERED)
def test_v2_explains_a_customer(client, shop, number, shopper):
    body = {**shopper.row, **shop.identity(number)}

    result = client.post("/v2/customers?reasons=all", json=body).json

    check_result(result, shop, number)
    check_reasons(result["reasons"], shopper.typed)
    assert result["log_odds"] == expect(shopper.typed).log_odds
    assert result["baseline"] == SCORECARD["intercept"]


def test_v2_explains_a_list(client, shop):
    body = {"customers": [{**shopper.row, **shop.identity(number)} for number, shopper in NUMBERED]}

    results = client.post("/v2/customers?reasons=4", json=body).json["results"]

    for (number, shopper), result in zip(NUMBERED, results, strict=True):
        check_result(result, shop, number)
        check_reasons(result["reasons"], shopper.typed, 4)


def test_reasons_are_sentences_in_the_words_of_the_schema(client):
    def sentences(number: int) -> list[str]:
        reasons = client.post("/v2/customers?reasons=all", json=SHOPPERS[number].row).json["reasons"]
        return [reason["sentence"] for reason in reasons]

    assert sentences(0) == [
        "Has 0 orders: raises the risk strongly",
        "Days since visit is not known: raises the risk strongly",
        "Auto renew is ja: lowers the risk strongly",
        'Has the size "XL": raises the risk',
        "Spent (EUR) is 0.00 euros: raises the risk",
        "Grade is 1: lowers the risk",
        'Has the size "XL" and has 0 orders: raises the risk',
        'Region is "São Paulo": lowers the risk',
        'Region is "São Paulo" and auto renew is ja: raises the risk',
        "Returns is 0: lowers the risk",
        "Spent (EUR) is 0.00 euros and days since visit is not known: hardly changes the risk",
    ]
    assert "Plan is rare or new: raises the risk strongly" in sentences(5)
    assert "Grade is rare or new: lowers the risk" in sentences(5)
    assert "Plan is rare or new and has 1,000,000,000 orders: raises the risk" not in sentences(8)
    assert "Orders is not known: raises the risk" in sentences(8)
    assert "Plan is not known and orders is not known: raises the risk" in sentences(8)


def test_what_if_compares_with_the_customer_changed(client, shop):
    changes = [
        {PLAN: None},
        {PLAN: "quite unknown"},
        {ORDERS: "5e8", SPENT: -3},
        {VISIT: "", RENEW: False},
        {GRADE: 7},
    ]
    typed = [
        {PLAN: None},
        {PLAN: OTHER},
        {ORDERS: 500_000_000, SPENT: -3.0},
        {VISIT: None, RENEW: "nein"},
        {GRADE: OTHER},
    ]

    answer = client.post("/v2/what-if", json={"customer": GOOD.row, "changes": changes}).json

    before = expect(GOOD.typed).probability
    for alternative, change in zip(answer["alternatives"], typed, strict=True):
        expected = expect({**GOOD.typed, **change})
        assert alternative["changes"] == change
        assert f"{alternative['probability']:.4f}" == expected.printed
        assert (alternative["prediction"], alternative["tier"]) == (expected.label, expected.tier)
        assert alternative["difference"] == pytest.approx(expected.probability - before, abs=5e-5)


def test_what_if_offers_what_the_schema_lets_be_changed(client):
    shopper = SHOPPERS[0]

    alternatives = client.post("/v2/what-if", json={"customer": shopper.row}).json["alternatives"]

    assert {name for alternative in alternatives for name in alternative["changes"]} <= {PLAN, SPENT}
    assert {PLAN: "Standard"} in [alternative["changes"] for alternative in alternatives]
    for alternative in alternatives:
        assert f"{alternative['probability']:.4f}" == expect({**shopper.typed, **alternative["changes"]}).printed


def test_suggestions_come_from_the_table_of_the_model(client):
    def suggested(number: int) -> list[tuple[str, dict]]:
        actions = client.post("/v2/customers", json=SHOPPERS[number].row).json["actions"]
        return [(action["suggestion"], action["changes"]) for action in actions]

    assert suggested(0) == [('Offer "Standard", for less.', {PLAN: "Standard"})]
    assert ("Offer to renew by itself.", {RENEW: "ja"}) in suggested(1)


def test_numbers_beyond_the_training_data_are_noted_and_missing_ones_are_not(client):
    notes = client.post("/v2/customers", json=SHOPPERS[4].row).json["notes"]

    assert notes == [
        "orders 999,999,999 is beyond the 500,000,000 orders of the training data.",
        "spent (EUR) 1,000,000,000,000 is beyond the 5,000.25 euros of the training data.",
        "days since visit 10,000 is beyond the 900 days of the training data.",
        "returns 1,000,000,000 is beyond the 40 of the training data.",
    ]
    assert client.post("/v2/customers", json=SHOPPERS[8].row).json["notes"] == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_customer_is_refused_in_the_words_of_the_schema(client, name):
    row, sentence = BAD[name]

    answers = [
        client.post("/v1/customer", json=row),
        client.post("/v2/customers", json=row),
        client.post("/v2/what-if", json={"customer": row}),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json["code"]) == (422, "bad_customer")
        assert [error["message"] for error in answer.json["errors"]] == [sentence]
    (listed,) = client.post("/v2/customers", json={"customers": [row]}).json["results"]
    assert [error["message"] for error in listed["errors"]] == [sentence]


def test_a_name_in_another_case_is_known_and_an_unknown_change_is_refused(client):
    row = {name.upper() if name.isascii() else name: cell for name, cell in GOOD.row.items()}

    assert client.post("/v2/customers", json=row).json["probability"] == float(expect(GOOD.typed).printed)
    answer = client.post("/v2/what-if", json={"customer": GOOD.row, "changes": [{"tenure": 3}]})
    assert answer.status_code == 422
    assert f"{', '.join(NAMES[:-1])} and {NAMES[-1]}" in json.dumps(answer.json, ensure_ascii=False)


def test_an_option_for_money_is_refused_where_the_schema_has_none(client, shop):
    answer = client.post("/v2/batches?value_at_risk=true", data=shop.file, content_type="text/csv")

    if shop.ids:
        assert [row["value_at_risk"] for row in cells_of(answer.text)] == [shop.money_of(item) for item in SHOPPERS]
        assert MONEY in json.dumps(client.get("/openapi.json").json)
    else:
        assert (answer.status_code, answer.json["code"]) == (400, "unknown_option")
