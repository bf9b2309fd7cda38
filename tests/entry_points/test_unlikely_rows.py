"""What does not fit the training data, at every entry point: notes on rows, on files, and what is not offered."""

import csv
import io
import json

import pytest
from commands import run_command
from plausible import write_plausible_model
from shipped import EXAMPLE, NAMES

from app.settings import Settings
from app.web import create_app
from model.engine import load_scorer

FIBER = {**EXAMPLE, "PhoneService": "Yes", "InternetService": "Fiber optic", "Contract": "Month-to-month"}
FIBER |= {"tenure": 10, "MonthlyCharges": 89.1, "TotalCharges": 891}
ODD = {**FIBER, "TotalCharges": 8}
NOTE = (
    "TotalCharges 8 does not fit tenure x MonthlyCharges = 891.00: in the training data it is 0.66 to 1.49 times that."
)
BEYOND = "tenure 100 is beyond the 72 months of the training data."


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_plausible_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def client(models):
    return create_app(load_scorer(models=str(models)), Settings()).test_client()


@pytest.fixture(scope="module")
def shipped():
    return create_app(load_scorer("1.0.0"), Settings()).test_client()


def file_of(*customers) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["customerID", *NAMES], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({"customerID": f"c{row}", **customer} for row, customer in enumerate(customers, start=1))
    return text.getvalue().encode()


def post_file(client, query: str, content: bytes, accept: str):
    return client.post(f"/v2/batches{query}", data=content, headers={"Content-Type": "text/csv", "Accept": accept})


def test_v1_notes_a_contradiction_in_a_header_and_answers_as_ever(client, shipped):
    answer = client.post("/v1/customer", json=ODD)
    assert answer.headers["X-Notes"] == NOTE
    assert answer.data == shipped.post("/v1/customer", json=ODD).data
    assert "X-Notes" not in client.post("/v1/customer", json=FIBER).headers


def test_the_shipped_model_has_no_such_notes(shipped):
    assert "X-Notes" not in shipped.post("/v1/customer", json={**ODD, "tenure": 100}).headers
    assert shipped.post("/v2/customers", json=ODD).json["notes"] == []
    assert post_file(shipped, "", file_of(*[ODD] * 30), "application/json").json["notes"] == []
    alternatives = shipped.post("/v2/what-if", json={"customer": FIBER}).json["alternatives"]
    assert {"InternetService": "No"} in [alternative["changes"] for alternative in alternatives]
    assert not any("notes" in alternative for alternative in alternatives)


def test_v2_notes_a_contradiction_after_numbers_beyond_the_training_data(client):
    assert client.post("/v2/customers", json=ODD).json["notes"] == [NOTE]
    notes = client.post("/v2/customers", json={**ODD, "tenure": 100}).json["notes"]
    assert notes[0] == BEYOND
    assert notes[1].startswith("TotalCharges 8 does not fit tenure x MonthlyCharges = 8,910.00: ")


def test_no_what_if_is_offered_into_what_nobody_has_and_one_that_is_asked_for_has_a_note(client):
    offered = client.post("/v2/what-if", json={"customer": FIBER}).json["alternatives"]
    assert {"InternetService": "DSL"} in [alternative["changes"] for alternative in offered]
    assert {"InternetService": "No"} not in [alternative["changes"] for alternative in offered]
    body = {"customer": FIBER, "changes": [{"InternetService": "No"}, {"Contract": "One year"}]}
    first, second = client.post("/v2/what-if", json=body).json["alternatives"]
    assert first["notes"] == [
        'MonthlyCharges 89.1 is outside the 18.7 to 26.45 of customers with InternetService "No" in the training data.'
    ]
    assert "notes" not in second


def test_rows_of_a_csv_have_notes_where_asked(client):
    content = file_of(FIBER, ODD, {**FIBER, "tenure": "x"}, {**ODD, "tenure": 100})
    plain = post_file(client, "", content, "text/csv").text.splitlines()
    rows = list(csv.DictReader(io.StringIO(post_file(client, "?notes=true", content, "text/csv").text)))
    assert [row["notes"] for row in rows[:3]] == ["", NOTE, ""]
    assert rows[3]["notes"].startswith(f"{BEYOND} TotalCharges 8 does not fit ")
    assert "notes" not in plain[0]
    assert [line.split(",")[:5] for line in plain[1:]] == [list(row.values())[:5] for row in rows]


def test_rows_of_ndjson_have_the_notes_of_one_customer(client):
    customers = [FIBER, ODD, {**ODD, "tenure": 100}]
    content = file_of(*customers, {**FIBER, "tenure": "x"})
    lines = post_file(client, "?notes=true", content, "application/x-ndjson").text.splitlines()
    rows = [json.loads(line) for line in lines]
    for customer, row in zip(customers, rows, strict=False):
        assert row["notes"] == client.post("/v2/customers", json=customer).json["notes"]
    assert "notes" not in rows[3]


def test_a_file_with_many_contradictions_states_it_first(client):
    content = file_of(*[FIBER] * 70, *[{**FIBER, "TotalCharges": 8.91}] * 30)
    content = content.replace(b"customerID", b"number")  # which has a note of its own
    note = (
        "TotalCharges does not fit tenure x MonthlyCharges in 30 of 100 rows (in the training data it is 0.66 to 1.49 "
        "times that), about 100 times too small: another unit?"
    )
    answer = post_file(client, "", content, "application/json")
    assert answer.json["notes"][0] == note
    assert len(answer.json["notes"]) == 2
    assert answer.headers["X-Notes"].startswith(note)
    assert post_file(client, "", content, "text/csv").headers["X-Notes"].startswith(note)
    last = post_file(client, "", content, "application/x-ndjson").text.splitlines()[-1]
    assert json.loads(last)["summary"]["notes"][0] == note
    form = {"file": (io.BytesIO(content), "list.csv")}
    v1 = client.post("/v1/customerbatch", data=form, headers={"Accept": "text/csv"})
    assert v1.headers["X-Notes"].startswith(note)


def test_a_header_that_is_sent_before_the_file_is_read_counts_the_rows_so_far(client):
    rows = 60_000
    odd = {**FIBER, "TotalCharges": 8.91}
    lines = file_of(*[odd] * rows)
    answer = post_file(client, "", lines, "application/x-ndjson")
    assert " of the first " in answer.headers["X-Notes"]
    assert f"in {rows:,} of {rows:,} rows" in json.loads(answer.text.splitlines()[-1])["summary"]["notes"][0]


def test_the_command_states_it_first_and_has_the_option(models, tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(file_of(*[{**FIBER, "MonthlyCharges": 8910, "TotalCharges": 89100}] * 25, ODD))
    result = run_command("score", str(path), "-o", str(tmp_path / "out"), "--notes", "--models", str(models))
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(
        "MonthlyCharges is beyond the 18.25 to 118.75 of the training data in 25 of 26 rows, about 100 times too "
        "large: another unit?\nTotalCharges is beyond "
    )
    with (tmp_path / "out" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["notes"] == NOTE
    assert rows[0]["notes"].startswith("MonthlyCharges 8,910 is beyond the 118.75 ")


def test_a_description_with_notes_on_alternatives_is_that_of_such_a_model(client, shipped):
    def alternative(of):
        return of.get("/openapi.json").json["components"]["schemas"]["Alternative"]["properties"]

    assert "notes" in alternative(client)
    assert "notes" not in alternative(shipped)
