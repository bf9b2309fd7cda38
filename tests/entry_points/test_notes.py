"""What a reader of a result must know is reported at every entry point: an assumed encoding, no ids, no rows."""

import io
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from shipped import CUSTOMER_ID, EXAMPLE, NAMES

from app.cli.__main__ import churn
from app.jobs.s3 import handle
from app.jobs.scoring import Scoring
from app.settings import Settings
from app.web import create_app
from app.web.responses import NOTES_BYTES
from model.bulk import cluster
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)
NO_IDS = "The file has no column customerID, so its rows are identified by their number only."


def csv_of(id_name: str = CUSTOMER_ID, *ids: str) -> str:
    return "\n".join([",".join([id_name, *NAMES]), *(f"{item},{ROW}" for item in ids or ("A", "B"))]) + "\n"


def alike(name: str) -> str:
    return f'{NO_IDS} The column "{name}" looks like it: rename it to customerID.'


FILES = {
    "an encoding": (
        csv_of(CUSTOMER_ID, "Zoë").encode("latin-1"),
        "The file is not UTF-8; it was read as Windows-1252.",
    ),
    "no ids": (csv_of("Remark").encode(), NO_IDS),
    "another name": (csv_of("Customer ID").encode(), alike("Customer ID")),
    "no rows": ((",".join([CUSTOMER_ID, *NAMES]) + "\n").encode(), "The file has a header and no rows."),
    "two": (
        csv_of("Kundennummer", "Zoë").encode("latin-1"),
        "The file is not UTF-8; it was read as Windows-1252. " + alike("Kundennummer"),
    ),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *(("/v1/customerbatch", kind) for kind in ("application/json", "text/csv")),
        *(("/v2/batches", kind) for kind in ("text/csv", "application/x-ndjson", "application/json")),
    ],
)
def test_notes_are_in_a_header_of_every_answer_about_a_file(client, path, accept, name):
    content, note = FILES[name]
    is_listed = (path, accept) == ("/v1/customerbatch", "application/json")

    answer = client.post(path, data={"file": (io.BytesIO(content), "a.csv")}, headers={"Accept": accept})

    if is_listed and "customerID, so" in note:
        assert (answer.status_code, answer.json["code"]) == (422, "missing_columns")
        return
    assert (answer.status_code, answer.headers["X-Notes"]) == (200, note)
    summary = {
        "application/json": lambda: answer.json,
        "application/x-ndjson": lambda: json.loads(answer.text.splitlines()[-1])["summary"],
    }
    if path == "/v2/batches" and accept in summary:
        assert " ".join(summary[accept]()["notes"]) == note


@pytest.mark.parametrize("name", FILES)
def test_notes_are_in_every_summary_and_on_the_terminal(scorer, bucket, tmp_path, name):
    content, note = FILES[name]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(content)

    printed = CliRunner().invoke(churn, ["score", str(tmp_path / "in" / "a.csv"), "-o", str(tmp_path / "out")]).stderr
    CliRunner().invoke(churn, ["watch", str(tmp_path / "in"), str(tmp_path / "box"), "--once", "--interval", "0.05"])
    handle(
        bucket.put("a.csv", content),
        bucket.store(Scoring(scorer, OutputOptions(), FileLimits())),
        lambda: 9e5,
        lambda _: None,
    )
    _, notes = cluster.look(
        io.BytesIO(content), cluster.Work(scorer, None, OutputOptions(), FileLimits(), None, typed=False)
    )

    assert note.replace(". ", ".\n") in printed.replace(". ", ".\n")
    summaries = [
        (tmp_path / "out" / "summary.json").read_bytes(),
        *[path.read_bytes() for path in (tmp_path / "box" / "a.csv").glob("*/summary.json")],
        bucket.results_of("a.csv")["summary.json"],
    ]
    assert [" ".join(json.loads(summary)["notes"]) for summary in summaries] == [note] * 3
    # A part of a file does not know whether there are rows.
    assert " ".join(notes) == ("" if name == "no rows" else note)


@pytest.mark.parametrize(
    "name",
    [
        "Customer ID",
        "customer_id",
        "CUSTOMER-ID",
        "Customer.Id",
        "id",
        "CustID",
        "Account Number",
        "\u200bcustomer id",
        "client_id",
    ],
)
def test_the_column_that_looks_like_the_id_is_named(client, name):
    form = {"file": (io.BytesIO(csv_of(name).encode()), "a.csv")}

    answer = client.post("/v1/customerbatch", data=form)

    assert answer.json["code"] == "missing_columns"
    assert answer.json["detail"].endswith(" looks like it: rename it to customerID.")


def test_the_likeliest_of_several_columns_is_named_and_none_where_none_is_like_it(client):
    def detail(*names: str) -> str:
        content = csv_of(",".join(names), ",".join("x" for _ in names))
        return client.post("/v1/customerbatch", data={"file": (io.BytesIO(content.encode()), "a.csv")}).json["detail"]

    assert '"Customer Id" looks' in detail("id", "account", "Customer Id")
    assert '"id" looks' in detail("Remark", "id")
    assert "looks like" not in detail("Remark", "Idea")


def test_other_columns_that_differ_in_signs_are_named_too(client):
    content = csv_of().replace("MonthlyCharges", "Monthly Charges").replace("tenure", "ten_ure")

    detail = client.post("/v2/batches", data=content, content_type="text/csv").json["detail"]

    assert detail.endswith('Rename "ten_ure" to tenure and "Monthly Charges" to MonthlyCharges.')


def test_notes_in_a_header_are_ascii_and_short(client):
    long = csv_of("Customer_ID").replace("customerID", "x")
    content = long.replace("Customer_ID", '"Customer\u00a0İD😀' + "é" * 300 + '",id\u200b')
    content = content.replace("\nA,", "\nA,A,").replace("\nB,", "\nB,B,")

    answer = client.post("/v2/batches", data=content.encode(), content_type="text/csv")

    note = answer.headers["X-Notes"]
    assert note.isascii()
    assert note.isprintable()
    assert len(note) <= NOTES_BYTES


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\r", "\t", "\x0b", "\x1b", "\x7f"])
def test_a_control_character_in_a_column_name_is_escaped_in_the_header(scorer, sign):
    schema = replace(scorer.schema, id=f"customer{sign}ID")
    client = create_app(replace(scorer, schema=schema), Settings()).test_client()

    answer = client.post("/v2/batches", data=csv_of("Remark").encode(), content_type="text/csv")

    escaped = "".join(f"\\x{ord(letter):02x}" for letter in sign)
    assert answer.status_code == 200
    assert answer.headers["X-Notes"].startswith(f"The file has no column customer{escaped}ID, so")


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\t"])
def test_a_control_character_of_a_file_stays_out_of_the_header(client, sign):
    word = EXAMPLE["Contract"]
    rows = csv_of("Customer_ID", *map(str, range(12))).replace(word, f'"One{sign}off"')
    rows = rows.replace("Customer_ID", f'"Customer_{sign}ID"')

    for accept in ("application/json", "text/csv"):
        answer = client.post("/v2/batches", data=rows.encode(), content_type="text/csv", headers={"Accept": accept})

        assert answer.status_code == 200
        assert answer.headers["X-Notes"].isprintable()


def test_pages_of_other_origins_may_read_the_notes(scorer):
    client = create_app(
        scorer, Settings.from_environment({"CHURN_CORS_ORIGINS": "https://crm.example.com"})
    ).test_client()

    answer = client.get("/health", headers={"Origin": "https://crm.example.com"})

    assert "X-Notes" in answer.headers["Access-Control-Expose-Headers"].split(", ")
