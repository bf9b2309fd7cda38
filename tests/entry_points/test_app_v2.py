"""/v2/customers, /v2/what-if and what GET /v2/... reports: verdicts, reasons, suggestions, and clear refusals."""

import json
import math

import pytest
from shipped import EXAMPLE, FEATURES, NAMES

from app.settings import Settings
from app.web import create_app
from model.actions import ActionsError
from model.schema import Categorical


@pytest.fixture
def ask(client):
    """Post JSON to a route of v2, and return the answer's JSON; `status` is what is expected."""

    def post(path: str, body: object, status: int = 200):
        answer = client.post(f"/v2/{path}", data=json.dumps(body), content_type="application/json")
        assert answer.status_code == status, answer.text
        assert answer.content_type == ("application/json" if status == 200 else "application/problem+json")
        return answer.json

    return post


def test_one_customer_gets_every_field_of_the_answer(ask, customer):
    answer = ask("customers", {"customerID": " 0001 ", **customer})

    assert (answer["customerID"], answer["prediction"], answer["probability"]) == ("0001", "churn", 0.5205)
    assert (answer["tier"], answer["value_at_risk"], answer["notes"]) == ("high", 36.62, [])
    assert [reason["feature"] for reason in answer["reasons"]] == ["InternetService", "Contract", "PaymentMethod"]
    assert answer["reasons"][1]["sentence"] == "Month-to-month contract: raises the risk strongly"
    assert (answer["model_version"], answer["threshold"]) == ("1.0.0", 0.33)
    assert answer["tiers"] == {"high": 0.5, "medium": 0.25, "low": 0.0}
    assert answer["caution"].startswith("Suggestions, not promises")


def test_a_customer_without_an_id_gets_none(ask, customer):
    assert "customerID" not in ask("customers", customer)


def test_an_id_may_be_a_whole_number_or_any_text(ask, make_customer):
    ids = [42, "00042", "=1+1", "\ud800", "naïve \N{SNOWMAN}"]

    answer = ask("customers", {"customers": [make_customer(customerID=item) for item in ids]})

    assert [result["customerID"] for result in answer["results"]] == ["42", *ids[1:]]


def test_baseline_and_all_reasons_add_up_to_the_log_odds(ask, customer):
    answer = ask("customers?reasons=all", customer)

    total = answer["baseline"] + sum(reason["contribution"] for reason in answer["reasons"])
    assert len(answer["reasons"]) == 10
    assert total == pytest.approx(answer["log_odds"], abs=1e-9)
    assert answer["probability"] == round(1 / (1 + math.exp(-answer["log_odds"])), 4)


@pytest.mark.parametrize(("asked", "value"), [("0", 0), ("1", 1), ("010", 10), ("10", 10), ("all", 10)])
def test_so_many_reasons_are_given_as_were_asked_for(ask, customer, asked, value):
    assert len(ask(f"customers?reasons={asked}", customer)["reasons"]) == value


def test_a_threshold_moves_the_label_and_nothing_else(ask, customer):
    low, high = ask("customers?threshold=0.5204", customer), ask("customers?threshold=.5206", customer)

    assert (low["prediction"], high["prediction"]) == ("churn", "not churn")
    assert (low["threshold"], high["threshold"]) == (0.5204, 0.5206)
    assert low["probability"] == high["probability"]
    assert low["tier"] == high["tier"]


@pytest.mark.parametrize(
    "query",
    [
        *("threshold=0", "threshold=1", "threshold=1.5", "threshold=-0.1", "threshold=nan", "threshold=inf"),
        *("threshold=", "threshold=0,5", "threshold=half", "threshold=1e-999", "threshold=%EF%BC%90.5"),
        *("threshold=0.3&threshold=0.4", "reasons=-1", "reasons=11", "reasons=1.5", "reasons=", "reasons=ALL!"),
        *("reasons=%C2%B3", "reasons=999999999999"),
    ],
)
@pytest.mark.parametrize("path", ["customers", "batches"])
def test_an_option_out_of_range_is_refused(client, customer, path, query):
    answer = client.post(f"/v2/{path}?{query}", json=customer)

    assert (answer.status_code, answer.json["code"]) == (400, "bad_option")
    assert answer.json["detail"].startswith(f"{query.partition('=')[0]} must be ")


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("customers", "reasons and threshold"),
        ("what-if", "threshold"),
        (
            "batches",
            (
                "on_error, output, value_at_risk, reasons, notes, include_input, spreadsheet_safe, threshold, "
                "top and charset"
            ),
        ),
    ],
)
def test_an_option_that_is_not_known_is_refused_and_the_known_ones_are_named(client, customer, path, known):
    answer = client.post(f"/v2/{path}?treshold=0.2&Reasons=3", json=customer)

    assert (answer.status_code, answer.json["code"]) == (400, "unknown_option")
    assert answer.json["detail"] == (
        f'The query has unknown options: "treshold" and "Reasons". Known options: {known}.'
    )


def test_bad_customers_of_a_list_have_their_errors_at_their_place(ask, make_customer):
    entries = [
        make_customer(customerID="a"),
        make_customer(customerID="b", tenure="twelve", Contract="Monthly"),
        3,
        {"customer": make_customer()},
        make_customer(customerID=["c"]),
        make_customer(customerID="a", tenure=70),
    ]

    answer = ask("customers", {"customers": entries})

    good = [result.get("prediction") for result in answer["results"]]
    codes = [[error["code"] for error in result.get("errors", [])] for result in answer["results"]]
    assert good == ["churn", None, None, None, None, "not churn"]
    assert codes == [[], ["not_a_number", "unknown_word"], ["not_a_customer"], ["wrapped"], ["bad_id"], []]
    assert [result.get("customerID") for result in answer["results"]] == ["a", "b", None, None, None, "a"]
    assert set(answer["results"][1]) == {"customerID", "errors"}
    assert answer["model_version"] == "1.0.0"


def test_a_list_of_bad_customers_is_answered_too(ask):
    answer = ask("customers", {"customers": [{}, None, [], "x", True]})

    assert [len(result["errors"]) for result in answer["results"]] == [10, 1, 1, 1, 1]


def test_a_bad_customer_alone_is_refused_with_all_its_problems(ask, make_customer):
    problem = ask("customers", make_customer(customerID=1.5, tenure=-1, Partner="maybe"), 422)

    assert problem["code"] == "bad_customer"
    assert [error["field"] for error in problem["errors"]] == ["customerID", "Partner", "tenure"]


def test_a_thousand_customers_are_taken_and_one_more_is_not(ask, customer):
    answer = ask("customers?reasons=0", {"customers": [customer] * 1000})
    problem = ask("customers", {"customers": [customer] * 1001}, 413)

    assert len(answer["results"]) == 1000
    assert problem["code"] == "too_many_entries"
    assert problem["detail"] == (
        'The list "customers" has 1,001 entries; at most 1,000 are accepted in one request. '
        "Send them in parts, or as a CSV to /v2/batches."
    )


def test_how_many_are_taken_is_a_setting(scorer, customer):
    client = create_app(scorer, Settings(max_customers=2)).test_client()

    assert client.post("/v2/customers", json={"customers": [customer] * 2}).status_code == 200
    assert client.post("/v2/customers", json={"customers": [customer] * 3}).status_code == 413
    assert client.post("/v2/what-if", json={"customer": customer, "changes": [{}] * 3}).status_code == 413


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ([dict(EXAMPLE)], "wrong_shape", 'The body must be one customer as a JSON object or {"customers": [...]}, not'),
        (None, "wrong_shape", 'The body must be one customer as a JSON object or {"customers": [...]}, not null.'),
        ({"customers": []}, "wrong_shape", '"customers" must be a list of 1 to 1,000 objects, not an empty list.'),
        ({"customers": dict(EXAMPLE)}, "wrong_shape", '"customers" must be a list of 1 to 1,000 objects, not an obj'),
        ({"customers": None}, "wrong_shape", '"customers" must be a list of 1 to 1,000 objects, not null.'),
        ({"customers": [{}], "reasons": 1}, "unknown_member", 'The body has "reasons"; only "customers" can be in it.'),
        ({"data": [{}]}, "wrapped", 'The customer is wrapped in "data".'),
        ({}, "bad_customer", "SeniorCitizen is missing"),
    ],
)
def test_a_body_of_another_form_is_refused_with_the_right_one(ask, body, code, detail):
    problem = ask("customers", body, 422)

    assert problem["code"] == code
    assert problem["detail"].startswith(detail)


def test_a_body_that_is_too_long_is_refused_with_another_way(client):
    answer = client.post("/v2/customers", data=b" " * 1_048_577, content_type="application/json")

    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
    assert answer.json["detail"].endswith("Send fewer customers, or a CSV to /v2/batches.")


@pytest.mark.parametrize("path", ["customers", "what-if"])
@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"", "application/json", 400, "no_body"),
        (b"{", "application/json", 400, "not_json"),
        (b'{"a": 1, "a": 2}', "application/json", 400, "repeated_key"),
        (b"[" * 100_000, "application/json", 400, "too_deep"),
        (b'"\xff"', "application/json", 400, "not_utf8"),
        (b"{}", "text/plain", 415, "send_json"),
        (b"{}", "application/json; charset=latin-1", 415, "send_utf8"),
    ],
)
def test_json_that_cannot_be_read_is_refused_as_in_v1(client, path, content, content_type, status, code):
    answer = client.post(f"/v2/{path}", data=content, content_type=content_type)

    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_only_actions_that_lower_the_risk_are_suggested_and_each_equals_its_what_if(ask, make_customer):
    for customer in [make_customer(), make_customer(Contract="Two year", tenure=70), make_customer(MonthlyCharges=20)]:
        actions = ask("customers", customer)["actions"]
        changes = [action["changes"] for action in actions]

        compared = ask("what-if", {"customer": customer, "changes": changes})["alternatives"] if changes else []

        assert all(action["difference"] < 0 for action in actions)
        assert [{name: action[name] for name in action if name != "suggestion"} for action in actions] == compared


def test_without_changes_every_single_one_is_tried_and_ranked(ask, customer):
    answer = ask("what-if", {"customer": {"customerID": "x", **customer}})

    actionable = [feature for feature in FEATURES if isinstance(feature, Categorical) and feature.actionable]
    differences = [alternative["difference"] for alternative in answer["alternatives"]]
    assert (answer["customerID"], answer["prediction"], answer["probability"]) == ("x", "churn", 0.5205)
    assert differences == sorted(differences)
    assert all(len(alternative["changes"]) == 1 for alternative in answer["alternatives"])
    assert len(differences) == sum(len(item.values) - 1 for item in actionable) + 2


def test_changes_are_answered_in_the_order_asked(ask, customer):
    changes = [{"Contract": "One year"}, {}, {" contract ": "two YEAR", "tenure": "13"}, {"Partner": True}]

    answer = ask("what-if", {"customer": customer, "changes": changes})

    assert [alternative["changes"] for alternative in answer["alternatives"]] == [
        *({"Contract": "One year"}, {}, {"tenure": 13, "Contract": "Two year"}, {})
    ]
    assert [alternative["difference"] for alternative in answer["alternatives"]][1::2] == [0, 0]
    assert answer["alternatives"][0]["probability"] == 0.3224


def test_one_change_needs_no_list(ask, customer):
    one = ask("what-if", {"customer": customer, "changes": {"Contract": "Two year"}})
    many = ask("what-if", {"customer": customer, "changes": [{"Contract": "Two year"}]})

    assert one == many
    assert ask("what-if", {"customer": customer, "changes": None}) == ask("what-if", {"customer": customer})


def test_a_threshold_holds_for_alternatives_too(ask, customer):
    answer = ask("what-if?threshold=0.2", {"customer": customer, "changes": {"Contract": "One year"}})

    assert answer["alternatives"][0]["prediction"] == "churn"


def test_a_change_of_an_unknown_feature_names_it_and_the_known_ones(ask, customer):
    problem = ask("what-if", {"customer": customer, "changes": {"Contrct": "One year"}}, 422)

    (error,) = problem["errors"]
    assert (problem["code"], error["code"], error["change"]) == ("bad_changes", "unknown_feature", 1)
    assert '"Contrct" is not a feature' in problem["detail"]
    assert all(name in problem["detail"] for name in NAMES)


def test_all_that_is_wrong_with_changes_comes_together(ask, customer):
    changes = [
        {"tenure": -1, "Contract": "One year"},
        {"Contract": "Forever", "MonthlyCharges": "nan"},
        {"customerID": "y"},
        7,
        {"partner": 1, "PARTNER": 2},
        {"TotalCharges": None},
    ]

    problem = ask("what-if", {"customer": customer, "changes": changes}, 422)

    assert [(error["change"], error["code"], error.get("field")) for error in problem["errors"]] == [
        (1, "out_of_range", "tenure"),
        (2, "unknown_word", "Contract"),
        (2, "not_a_number", "MonthlyCharges"),
        (3, "unknown_feature", None),
        (4, "not_changes", None),
        (5, "ambiguous_name", "Partner"),
        (6, "blank_not_new", "TotalCharges"),
    ]
    assert problem["errors"][0]["rule"] == "must be a whole number of months from 0 to 1,200"
    assert problem["errors_total"] == 7


def test_of_many_wrong_changes_twenty_are_written_out(ask, customer):
    problem = ask("what-if", {"customer": customer, "changes": [{"tenure": -1}] * 30}, 422)

    assert (len(problem["errors"]), problem["errors_total"]) == (20, 30)


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ([], "wrong_shape", 'The body must be {"customer": {...}, "changes": [...]}'),
        ({}, "missing_member", 'The body has no "customer".'),
        (dict(EXAMPLE), "unknown_member", 'The body has "SeniorCitizen", "Partner"'),
        ({"customer": dict(EXAMPLE), "change": {}}, "unknown_member", 'The body has "change"; only "customer" and'),
        ({"customer": dict(EXAMPLE), "changes": []}, "wrong_shape", '"changes" must be a list of 1 to 1,000 objects'),
        ({"customer": dict(EXAMPLE), "changes": "Contract"}, "wrong_shape", '"changes" must be a list'),
        ({"customer": 3}, "not_an_object", "The body must be one customer as a JSON object, not 3."),
        ({"customer": {"tenure": 1}}, "bad_customer", "SeniorCitizen is missing"),
    ],
)
def test_a_what_if_of_another_form_is_refused_with_the_right_one(ask, body, code, detail):
    problem = ask("what-if", body, 422)

    assert problem["code"] == code
    assert problem["detail"].startswith(detail)


def test_a_table_of_actions_may_be_set(scorer, customer, tmp_path):
    table = tmp_path / "actions.csv"
    table.write_text("feature,from,to,suggestion\nContract,,Two year,Call.\nContract,,Month-to-month,Never.\n")
    client = create_app(scorer, Settings(actions_file=str(table))).test_client()

    actions = client.post("/v2/customers", json=customer).json["actions"]

    assert [action["suggestion"] for action in actions] == ["Call."]


def test_a_bad_table_of_actions_stops_the_start(scorer, tmp_path):
    table = tmp_path / "actions.csv"
    table.write_text("feature,from,to,suggestion\nContrct,,Two year,Call.\n")

    with pytest.raises(ActionsError, match=r"Line 2 of the table of actions actions.csv names 'Contrct'"):
        create_app(scorer, Settings(actions_file=str(table)))


def test_the_model_is_described_with_honest_metrics(client, scorer):
    model = client.get("/v2/model").json

    assert (model["version"], model["sha256"], model["threshold"]) == ("1.0.0", scorer.sha256, 0.33)
    assert model["trained_on"]["rows"] == 7043
    assert model["trained_at"].startswith("2026-")
    assert model["threshold_choice"]["criterion"].startswith("least mean expected cost out of fold")
    assert 0.83 < model["metrics"]["out_of_fold"]["roc_auc"]["mean"] < 0.86
    assert {"calibration", "slices", "protocol"} <= set(model["metrics"])
    assert [term["feature"] for term in model["terms"]] == list(NAMES)
    assert model["terms"][6]["table"]["Month-to-month"] == pytest.approx(0.5874, abs=1e-4)
    assert len(model["terms"][3]["knots"]) == len(model["terms"][3]["points"]) > 2


def test_a_model_that_was_made_up_has_no_metrics(toy_scorecard):
    model = create_app(toy_scorecard, Settings()).test_client().get("/v2/model").json

    assert model["version"] == "0.0.1"
    assert "metrics" not in model


def test_the_schema_is_that_of_the_features(client, customer):
    answer = client.get("/v2/schema")

    assert answer.content_type == "application/schema+json"
    assert answer.json["required"] == list(customer)


def test_the_template_can_be_sent_as_it_is(client):
    template = client.get("/v2/template.csv")

    assert template.content_type == "text/csv; charset=utf-8"
    assert template.headers["Content-Disposition"] == 'attachment; filename="customers.csv"'
    answer = client.post("/v2/batches", data=template.data, content_type="text/csv")
    assert answer.text.splitlines()[1] == "1,0001-EXMPL,churn,0.5205,high,"


def test_a_request_leaves_counts_in_the_log_and_no_customer(ask, make_customer, capsys):
    ask("customers?threshold=0.4", {"customers": [make_customer(customerID="7590-VHVEG"), {}]})

    line = capsys.readouterr().out
    assert json.loads(line)["route"] == "/v2/customers"
    assert (json.loads(line)["rows_in"], json.loads(line)["rows_rejected"]) == (2, 1)
    assert "VHVEG" not in line
    assert "threshold" not in line
