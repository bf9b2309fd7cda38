"""The same customers through every entry point: the same bytes, or the same refusal.

The table of files and their outcomes is tests/outcomes.py.
"""

import csv
import io
import json
import secrets
from pathlib import Path

import pytest
from buckets import Buckets, no_deadline
from click.testing import CliRunner
from outcomes import DATA, OUTCOMES, REFUSED, SCORED
from shipped import FEATURES, NAMES

from app.cli.__main__ import churn
from app.jobs.s3 import handle
from app.jobs.scoring import Scoring
from model.bulk.source import FileLimits
from model.errors import CustomerError
from model.outputs import OutputOptions
from model.schema import BATCH_LABELS
from model.validate import validate

STREAMED = ("text/csv", "application/x-ndjson", "application/json")


class Terminal:
    """`churn score` on each file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def outputs(self, name: str) -> dict[str, bytes]:
        actual = CliRunner().invoke(churn, ["score", str(DATA / name), "-o", str(self._root / name)])
        folder = self._root / name
        assert actual.exit_code == (0 if folder.is_dir() else 2), actual.output
        self.stderr = actual.stderr
        return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.is_dir() else {}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory) -> Terminal:
    return Terminal(tmp_path_factory.mktemp("terminal"))


@pytest.fixture(scope="module")
def outbox(tmp_path_factory) -> Path:
    """The outbox of `churn watch` after one sweep over all the data."""
    outbox = tmp_path_factory.mktemp("watch") / "out"
    done = CliRunner().invoke(churn, ["watch", str(DATA), str(outbox), "--once", "--interval", "0.05"])
    assert done.exit_code == 0, done.output
    return outbox


@pytest.fixture(scope="module")
def results(s3, scorer) -> Buckets:
    """The buckets after one event that reports of all the data."""
    buckets = Buckets(s3, secrets.token_hex(6))
    records = [buckets.put(file.name, file.read_bytes())["Records"][0] for file in sorted(DATA.iterdir())]
    lines: list[dict] = []
    handle(
        {"Records": records}, buckets.store(Scoring(scorer, OutputOptions(), FileLimits())), no_deadline, lines.append
    )
    assert [line["status"] for line in lines] == ["done" if line["key"][9:] in SCORED else "failed" for line in lines]
    return buckets


def dropped(outbox: Path, name: str) -> dict[str, bytes]:
    (job,) = (outbox / name).iterdir()
    return {file.name: file.read_bytes() for file in job.iterdir()}


def without_job(result: dict[str, bytes]) -> dict[str, object]:
    """Return the files; in JSON, without the name of the job, for which a bucket and a folder pin the content each."""
    documents = {name: json.loads(content) for name, content in result.items() if name.endswith(".json")}
    return {**result, **{name: {**document, "job": None} for name, document in documents.items()}}


def post(client, name: str, accept: str):
    form = {"file": (io.BytesIO((DATA / name).read_bytes()), name)}
    return client.post("/v1/customerbatch?on_error=skip", data=form, headers={"Accept": accept})


def post_batch(client, name: str, accept: str = "text/csv", query: str = ""):
    """Send a file of tests/data to /v2/batches as the body."""
    content = (DATA / name).read_bytes()
    return client.post(f"/v2/batches{query}", data=content, headers={"Accept": accept, "Content-Type": "text/csv"})


def test_every_file_is_in_the_table():
    assert sorted(OUTCOMES) == sorted(file.name for file in DATA.iterdir())


@pytest.mark.parametrize("name", SCORED)
def test_a_readable_file_gives_the_same_bytes_at_every_entry_point(name, terminal, outbox, results, client):
    rows_in, rows_rejected, blank_lines = OUTCOMES[name]

    by_terminal = terminal.outputs(name)
    by_folder = dropped(outbox, name)
    by_s3 = results.results_of(name)
    by_http = post(client, name, "text/csv")

    assert by_terminal == by_folder
    assert without_job(by_s3) == without_job(by_folder)
    assert by_http.data == by_terminal["predictions.csv"]
    assert by_http.headers["X-Rejected-Rows"] == str(rows_rejected)
    assert post_batch(client, name).data == by_terminal["predictions.csv"]
    summary = json.loads(by_terminal["summary.json"])
    assert post_batch(client, name, "application/json").json == {
        member: value for member, value in summary.items() if member != "job"
    }
    assert (summary["rows_in"], summary["rows_rejected"], summary["blank_lines"]) == (
        rows_in,
        rows_rejected,
        blank_lines,
    )
    assert summary["rows_scored"] == rows_in - rows_rejected


@pytest.mark.parametrize("name", REFUSED)
def test_an_unreadable_file_is_refused_with_the_same_sentence_at_every_entry_point(
    name, terminal, outbox, results, client
):
    by_terminal = terminal.outputs(name)
    by_folder = dropped(outbox, name)
    by_s3 = results.results_of(name)
    by_http = post(client, name, "text/csv")

    assert by_terminal == {}
    assert list(by_folder) == ["failure.json"]
    assert without_job(by_s3) == without_job(by_folder)
    failure = json.loads(by_folder["failure.json"])
    assert failure["code"] == OUTCOMES[name]
    assert terminal.stderr.strip() == failure["message"]
    for answer in (by_http, *(post_batch(client, name, accept) for accept in STREAMED)):
        assert answer.status_code == 422
        assert (answer.json["code"], answer.json["detail"]) == (failure["code"], failure["message"])


def test_one_customer_alone_is_scored_as_in_a_file(scorer, client):
    data = (DATA / "sample.csv").read_text(encoding="utf-8")
    listed = post(client, "sample.csv", "application/json").json
    lines = csv.DictReader(io.StringIO(post(client, "sample.csv", "text/csv").text))

    for raw, line in zip(csv.DictReader(io.StringIO(data)), lines, strict=True):
        alone = client.post("/v1/customer", json={name: raw[name] for name in NAMES}).json["Prediction"]
        score = scorer.score(validate(raw, FEATURES))

        assert alone == line["prediction"] == score.label
        assert listed[raw["customerID"]] == BATCH_LABELS[alone]
        assert (line["probability"], line["tier"]) == (f"{score.probability:.4f}", score.tier)


def test_a_bad_row_gets_the_same_sentences_alone_and_in_a_list(client):
    raw = list(csv.DictReader(io.StringIO((DATA / "bad_numbers.csv").read_text(encoding="utf-8"))))
    lines = list(csv.DictReader(io.StringIO(post(client, "bad_numbers.csv", "text/csv").text)))

    for customer, line in zip(raw, lines, strict=True):
        answer = client.post("/v1/customer", json={name: customer[name] for name in NAMES})
        sentences = " ".join(error["message"] for error in answer.json.get("errors", []))

        assert sentences == line["error"]
        if sentences:
            with pytest.raises(CustomerError):
                validate(customer, FEATURES)


def test_a_list_of_v2_agrees_with_v1_and_with_the_bulk_pipeline(client):
    raw = list(csv.DictReader(io.StringIO((DATA / "sample.csv").read_text(encoding="utf-8"))))
    query = "?reasons=all&value_at_risk=true"

    listed = client.post("/v2/customers?reasons=all", json={"customers": raw}).json["results"]
    streamed = post_batch(client, "sample.csv", "application/x-ndjson", query).text.splitlines()[:-1]
    labels = post(client, "sample.csv", "application/json").json

    for one, line, customer in zip(listed, map(json.loads, streamed), raw, strict=True):
        alone = client.post("/v2/customers?reasons=all", json=customer).json
        assert {name: alone[name] for name in one} == one
        assert {name: one[name] for name in line if name != "row"} == {
            name: value for name, value in line.items() if name != "row"
        }
        assert labels[one["customerID"]] == BATCH_LABELS[one["prediction"]]


def test_bad_rows_have_the_same_errors_in_a_list_and_in_a_stream(client):
    raw = list(csv.DictReader(io.StringIO((DATA / "bad_numbers.csv").read_text(encoding="utf-8"))))

    listed = client.post("/v2/customers", json={"customers": raw}).json["results"]
    streamed = post_batch(client, "bad_numbers.csv", "application/x-ndjson").text.splitlines()[:-1]

    for one, line in zip(listed, map(json.loads, streamed), strict=True):
        assert one.get("customerID") == line.get("customerID")
        assert [(error["code"], error["field"], error["value"]) for error in one.get("errors", [])] == [
            (error["code"], error["field"], error["value"]) for error in line.get("errors", [])
        ]
