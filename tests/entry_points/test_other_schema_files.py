"""Files of a wholly different schema at every entry point that takes files: the same bytes, and the right ones."""

import io
import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from buckets import no_deadline
from click.testing import CliRunner
from commands import ROOT, clear_settings
from http_events import event
from other_schema import (
    BAD,
    GOOD,
    ID,
    NAMES,
    ORDERS,
    OTHER,
    PLAN,
    POPULATION,
    SHOPPERS,
    Shop,
    cells_of,
    expect,
    open_shop,
    to_csv,
)

from app.cli.__main__ import churn
from app.jobs import s3
from app.jobs.scoring import Scoring
from app.settings import Settings
from app.web import create_app
from model.bulk.source import FileLimits
from model.engine import load_scorer
from model.outputs import OutputOptions
from model.scorecard import Scorer

TIERS = Counter(expect(shopper.typed).tier for shopper in SHOPPERS)
LAMBDA = """
import json, sys
import handler
from types import SimpleNamespace

context = SimpleNamespace(
    aws_request_id="1", function_name="churn", get_remaining_time_in_millis=lambda: 900_000
)
for name, event in json.load(sys.stdin):
    print("ANSWER", json.dumps(getattr(handler, name)(event, context)))
"""


@pytest.fixture(scope="module", params=[False, True], ids=["no id and no money", "an id and money"])
def shop(request, tmp_path_factory) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"), request.param)


@pytest.fixture
def scorer(shop) -> Scorer:
    return load_scorer(models=str(shop.models))


@pytest.fixture
def client(scorer):
    return create_app(scorer, Settings()).test_client()


@pytest.fixture
def run(shop, tmp_path, monkeypatch):
    """Run a command that serves the shop's model, in a folder with the file of its customers."""
    clear_settings(monkeypatch)
    monkeypatch.setenv("CHURN_MODELS", str(shop.models))
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/shoppers.csv").write_bytes(shop.file)

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(churn, words)
        assert done.exit_code == code, done.output
        return done.output

    return run


def check_rows(shop: Shop, text: str, reasons: int = 0, money: bool = False, inputs: bool = False) -> None:
    """Hold predictions to the scorer of the documents."""
    identity = [ID] if shop.ids else []
    header = ["row", *identity, "prediction", "probability", "tier", "error"]
    header += ["value_at_risk"] * money + [f"reason_{number}" for number in range(1, reasons + 1)]
    rows = cells_of(text)
    assert list(rows[0])[: len(header)] == header
    assert len(rows) == len(SHOPPERS)
    for number, (row, shopper) in enumerate(zip(rows, SHOPPERS, strict=True)):
        expected = expect(shopper.typed)
        assert row["row"] == str(number + 1)
        assert not identity or row[ID] == shop.ids[number]
        assert (row["prediction"], row["probability"], row["tier"]) == (expected.label, expected.printed, expected.tier)
        assert row["error"] == ""
        assert not money or row["value_at_risk"] == shop.money_of(shopper)
        parts = sorted(expected.contributions, key=lambda part: -abs(part))
        for rank in range(reasons):
            verb = "raises" if parts[rank] > 0 else "lowers"
            assert f": {verb} the risk" in row[f"reason_{rank + 1}"] or abs(parts[rank]) < 0.05
        assert not inputs or [row[name] for name in NAMES] == shopper.cells


def test_every_entry_point_gives_the_same_bytes(shop, scorer, client, run, s3, bucket, monkeypatch):
    run("score", "in/shoppers.csv", "-o", "scored")
    run("watch", "in", "out", "--once", "--interval", "0.05")
    store = bucket.store(Scoring(scorer, OutputOptions(), FileLimits()))
    handle_all(bucket.put("shoppers.csv", shop.file), store)
    posted = client.post("/v2/batches", data=shop.file, content_type="text/csv")
    form = {"file": (io.BytesIO(shop.file), "shoppers.csv")}
    listed = client.post("/v1/customerbatch", data=form, headers={"Accept": "text/csv"})

    scored = {path.name: path.read_bytes() for path in Path("scored").iterdir()}
    (folder,) = Path("out/shoppers.csv").iterdir()
    check_rows(shop, scored["predictions.csv"].decode())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == scored
    in_bucket = bucket.results_of("shoppers.csv")
    assert in_bucket["predictions.csv"] == posted.data == listed.data == scored["predictions.csv"]
    summaries = [json.loads(content["summary.json"]) for content in (scored, in_bucket)]
    assert {**summaries[0], "job": None} == {**summaries[1], "job": None}
    assert (summaries[0]["rows_in"], summaries[0]["rows_scored"]) == (len(SHOPPERS), len(SHOPPERS))


def handle_all(records: dict, store) -> None:
    lines: list[dict] = []
    s3.handle(records, store, no_deadline, lines.append)
    assert [line["status"] for line in lines] == ["done"], lines


def test_the_options_add_reasons_money_and_the_cells_of_the_file(shop, client, run):
    money = ["--value-at-risk"] if shop.ids else []
    run("score", "in/shoppers.csv", "-o", "scored", "--reasons", "all", "--include-input", *money)
    query = f"reasons=all&include_input=true{'&value_at_risk=true' if money else ''}"

    posted = client.post(f"/v2/batches?{query}", data=shop.file, content_type="text/csv")

    assert posted.data == Path("scored/predictions.csv").read_bytes()
    check_rows(shop, posted.text, reasons=11, money=bool(money), inputs=True)
    assert cells_of(posted.text)[0]["reason_7"] == 'Has the size "XL" and has 0 orders: raises the risk'


def test_the_reasons_of_a_file_are_those_of_each_customer(shop, client):
    headers = {"Accept": "application/x-ndjson", "Content-Type": "text/csv"}

    *rows, last = map(
        json.loads, client.post("/v2/batches?reasons=all", data=shop.file, headers=headers).text.split("\n")[:-1]
    )

    for number, (row, shopper) in enumerate(zip(rows, SHOPPERS, strict=True)):
        alone = client.post("/v2/customers?reasons=all", json={**shopper.row, **shop.identity(number)}).json
        for name in ("prediction", "probability", "tier", "reasons"):
            assert row[name] == alone[name]
        assert row.get(ID) == (shop.ids[number] if shop.ids else None)
    assert last["summary"]["rows_scored"] == len(SHOPPERS)


def test_the_summary_counts_tiers_and_groups_missing_and_new_words_too(shop, client):
    headers = {"Accept": "application/json", "Content-Type": "text/csv"}

    summary = client.post("/v2/batches", data=shop.file, headers=headers).json

    assert summary["tiers"] == {tier: TIERS[tier] for tier in ("high", "medium", "low")}
    assert ("value_at_risk" in json.dumps(summary)) == bool(shop.ids)
    segments = {segment["feature"]: segment["groups"] for segment in summary["segments"]}
    assert list(segments) == [PLAN, ORDERS]
    plans = Counter(shopper.typed[PLAN] for shopper in SHOPPERS)
    assert [(group["group"], group["customers"]) for group in segments[PLAN]] == [
        (word, plans[None if word == "(missing)" else word])
        for word in ['Größe "XL"', "O'Brien, Ltd", "a;b", "Standard", OTHER, "(missing)"]
    ]
    assert [group["customers"] for group in segments[ORDERS]] == [1, 3, 2, 2, 2]
    assert segments[ORDERS][-1]["group"] == "not known"


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson"])
def test_bad_rows_have_the_sentences_of_the_schema(shop, client, accept):
    headers = {"Accept": accept, "Content-Type": "text/csv"}
    sentences = [sentence for _, sentence in BAD.values()]

    answer = client.post("/v2/batches", data=shop.bad_file, headers=headers)

    if accept == "text/csv":
        first, *rows = cells_of(answer.text)
        assert (first["probability"], first["error"]) == (expect(GOOD.typed).printed, "")
        assert [row["error"] for row in rows] == sentences
        assert {row["prediction"] for row in rows} == {""}
    else:
        first, *rows, last = map(json.loads, answer.text.splitlines())
        subjects = [f"Row {row['row']}{f' (client no {row[ID]})' if shop.ids else ''}" for row in rows]
        assert [[error["message"] for error in row["errors"]] for row in rows] == [
            [f"{subject}: {sentence}"] for subject, sentence in zip(subjects, sentences, strict=True)
        ]
        assert [[error.get(ID) for error in row["errors"]] for row in rows] == [[row.get(ID)] for row in rows]
        assert (last["summary"]["rows_in"], last["summary"]["rows_rejected"]) == (len(BAD) + 1, len(BAD))


def test_rejects_are_the_rows_as_they_were(shop, run):
    Path("bad.csv").write_bytes(shop.bad_file)

    run("score", "bad.csv", "-o", "scored")

    rejects = cells_of(Path("scored/rejects.csv").read_text(encoding="utf-8"))
    assert [row["errors"] for row in rejects] == [sentence for _, sentence in BAD.values()]
    assert [[row[name] for name in NAMES] for row in rejects] == [[*row.values()] for row, _ in BAD.values()]


def test_columns_in_another_order_and_case_among_others_are_found(shop, client):
    lines = [[*reversed(row)] for row in (NAMES, *(shopper.cells for shopper in SHOPPERS))]
    lines[0] = [name.upper() if name.isascii() else name for name in lines[0]]
    content = to_csv([dict(zip(NAMES, line, strict=True)) for line in lines]).partition(b"\n")[2]

    answer = client.post("/v2/batches", data=content, content_type="text/csv")

    assert [row["probability"] for row in cells_of(answer.text)] == [expect(item.typed).printed for item in SHOPPERS]


def test_a_file_without_a_column_is_refused_by_its_name_and_one_alike(client):
    content = to_csv([GOOD.row]).replace(b"spent (EUR)", b"Spent EUR", 1)

    answer = client.post("/v2/batches", data=content, content_type="text/csv")

    assert (answer.status_code, answer.json["code"]) == (422, "missing_columns")
    assert "spent (EUR)" in answer.json["detail"]
    assert answer.json["detail"].endswith('The column "Spent EUR" looks like it: rename it to spent (EUR).')


def test_a_note_about_ids_is_only_for_a_schema_that_has_one(shop, client):
    answer = client.post("/v2/batches", data=to_csv([GOOD.row]), content_type="text/csv")

    note = "The file has no column client no, so its rows are identified by their number only."
    assert answer.headers.get("X-Notes", "") == (note if shop.ids else "")


def test_lambda_answers_requests_and_scores_files(shop, bucket):
    typed = {**GOOD.typed, **shop.identity(0)}
    batch = {"headers": {"content-type": "text/csv", "accept": "text/csv"}, "as_base64": True}
    events = [
        ("api", event("http_api_v2", body=json.dumps(typed).encode())),
        ("api", event("http_rest_v1", "/v2/customers", body=json.dumps(GOOD.row).encode())),
        ("api", event("http_api_v2", "/v2/batches", body=shop.file, **batch)),
        ("handler", typed),
        ("batch", bucket.put("shoppers.csv", shop.file)),
    ]
    environment = {"CHURN_INBOX_BUCKET": bucket.inbox, "CHURN_RESULTS_BUCKET": bucket.results}

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LAMBDA],
        cwd=ROOT,
        env={**os.environ, **environment, "CHURN_MODELS": str(shop.models)},
        input=json.dumps(events),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("ANSWER ") for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    v1, v2, csv, alone, _ = map(json.loads, lines)
    expected = expect(GOOD.typed)
    assert json.loads(v1["body"]) == alone == {"Prediction": expected.label}
    assert f"{json.loads(v2['body'])['probability']:.4f}" == expected.printed
    predictions = bucket.results_of("shoppers.csv")["predictions.csv"]
    check_rows(shop, predictions.decode())

    assert csv["body"] == predictions.decode() or csv["isBase64Encoded"]


def index_of(counts: list[int], shares: list[float]) -> float:
    """Return the population stability index, written from its definition."""
    total = sum(counts)
    pairs = [(max(count / total, 0.0001), max(share, 0.0001)) for count, share in zip(counts, shares, strict=True)]
    return sum((now - then) * math.log(now / then) for now, then in pairs)


def test_drift_counts_missing_and_new_words(run, shop):
    ids = [str(number) for number in range(500)] if shop.ids else []
    Path("many.csv").write_bytes(to_csv([shopper.row for shopper in SHOPPERS] * 50, ids))

    result = json.loads(run("drift", "many.csv", "--json"))

    indices = {feature["feature"]: feature["psi"] for feature in result["features"]}
    plan, orders = POPULATION["features"][0], POPULATION["features"][3]
    plans = Counter(shopper.typed[PLAN] for shopper in SHOPPERS)
    counts = [plans[word] for word in [*plan["words"], OTHER, None]]
    assert indices[PLAN] == pytest.approx(index_of(counts, [*plan["words"].values(), 0.2, 0.1]), abs=1e-5)
    numbers = [shopper.typed[ORDERS] for shopper in SHOPPERS]
    known = [number for number in numbers if number is not None]
    starts = [-1, *orders["edges"]]
    counts = [
        sum(start <= number < end for number in known)
        for start, end in zip(starts, [*orders["edges"], math.inf], strict=True)
    ]
    shares = [*orders["shares"], orders["missing"]]
    assert indices[ORDERS] == pytest.approx(index_of([*counts, numbers.count(None)], shares), abs=1e-5)
    text = run("drift", "many.csv")
    assert PLAN in text


def test_the_command_prints_the_schema_and_a_template_that_scores(run, shop):
    schema = json.loads(run("schema"))
    Path("template.csv").write_text(run("template"), encoding="utf-8")

    run("score", "template.csv", "-o", "scored")

    assert list(schema["properties"]) == [*([ID] if shop.ids else []), *NAMES]
    (row,) = cells_of(Path("scored/predictions.csv").read_text(encoding="utf-8"))
    assert row["probability"] == expect(shop.schema["example"]).printed
