"""The seed's contract: one customer as JSON, many as a CSV in a form, answered exactly as promised."""

import gzip
import io
import json

import pytest
from shipped import EXAMPLE, NAMES

from app.settings import Settings
from app.web import create_app

HEADER = ",".join(["customerID", *NAMES])
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)
LOYAL = ROW.replace("Month-to-month", "Two year").replace("Fiber optic", "DSL").replace(",12,", ",70,")


def csv_of(*rows: str, header: str = HEADER) -> bytes:
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


@pytest.fixture
def post_file(client):
    """Post a file as the part named "file"; the form is written here, for Werkzeug's client leaks large ones."""

    def post(content: bytes, query: str = "", file_name: str = "customers.csv", accept: str = "*/*"):
        head = f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n\r\n'
        return client.post(
            f"/v1/customerbatch{query}",
            data=head.encode() + content + b"\r\n--cut--\r\n",
            headers={"Accept": accept, "Content-Type": "multipart/form-data; boundary=cut"},
        )

    return post


def test_the_example_of_the_seed_is_churn(client, customer):
    answer = client.post("/v1/customer", json=customer)

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.data == b'{"Prediction": "churn"}'


def test_a_loyal_customer_is_not_churn(client, make_customer):
    loyal = make_customer(tenure=70, Contract="Two year", InternetService="DSL", TotalCharges=4900)

    assert client.post("/v1/customer", json=loyal).data == b'{"Prediction": "not churn"}'


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/vnd.crm+json",
        "application/json; charset=utf8",
        "",
    ],
)
def test_json_may_be_named_in_several_ways_or_not_at_all(client, customer, content_type):
    answer = client.post("/v1/customer", data=json.dumps(customer), content_type=content_type or None)

    assert answer.status_code == 200


def test_json_may_come_with_a_byte_order_mark_and_text_for_numbers(client, make_customer):
    body = b"\xef\xbb\xbf" + json.dumps(make_customer(tenure="12", MonthlyCharges=" 70.35 ", extra=[1])).encode()

    assert client.post("/v1/customer", data=body).data == b'{"Prediction": "churn"}'


@pytest.mark.parametrize("total", ["", " ", None])
def test_a_blank_total_of_a_new_customer_is_scored(client, make_customer, total):
    assert client.post("/v1/customer", json=make_customer(tenure=0, TotalCharges=total)).status_code == 200


def test_query_options_mean_nothing_for_one_customer(client, customer):
    assert client.post("/v1/customer?threshold=0.99", json=customer).data == b'{"Prediction": "churn"}'


def test_a_file_is_answered_by_id_in_file_order(post_file):
    answer = post_file(csv_of(f"B,{ROW}", f"A,{LOYAL}", f"10,{ROW}"))

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.data == b'{"B":"Churn","A":"Not Churn","10":"Churn"}'
    assert answer.content_length == len(answer.data)


def test_an_id_stays_unchanged_value(post_file):
    ids = ["00000042", "NA", "1E5", "=1+1", "null", "Zoë", '"', "\\", "a\tb", "x" * 10_000]
    cells = [f'"{item.replace(chr(34), chr(34) * 2)}"' for item in ids]

    answer = post_file(csv_of(*(f"{cell},{ROW}" for cell in cells)))

    assert list(answer.json) == ids


@pytest.mark.parametrize("file_name", ["customers.csv", "no_suffix", "x.xlsx", "ü ö.CSV", "../../etc/passwd"])
def test_the_name_of_the_file_does_not_matter(post_file, file_name):
    assert post_file(csv_of(f"A,{ROW}"), file_name=file_name).json == {"A": "Churn"}


def test_the_type_of_the_part_does_not_matter(client):
    form = {"file": (io.BytesIO(csv_of(f"A,{ROW}")), "x", "application/vnd.ms-excel")}

    assert client.post("/v1/customerbatch", data=form).json == {"A": "Churn"}


def test_a_part_without_a_file_name_is_taken_too(client):
    answer = client.post(
        "/v1/customerbatch",
        data={"file": csv_of(f"Zoë,{ROW}").decode()},
        content_type="multipart/form-data",
    )

    assert answer.json == {"Zoë": "Churn"}


def test_other_parts_of_the_form_are_ignored(client):
    form = {"file": (io.BytesIO(csv_of(f"A,{ROW}")), "x.csv"), "note": "hello", "other": (io.BytesIO(b"x"), "y")}

    assert client.post("/v1/customerbatch", data=form).json == {"A": "Churn"}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(gzip.compress(csv_of(f"A,{ROW}")), id="gzip"),
        pytest.param(b"\xef\xbb\xbf" + csv_of(f"A,{ROW}"), id="byte order mark"),
        pytest.param(csv_of(f"A,{ROW}").decode().encode("utf-16"), id="utf-16"),
        pytest.param(csv_of(f"A,{ROW}").replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(
            csv_of(f"A,{ROW}").replace(b",", b";").replace(b"844.2", b"844,2").replace(b"70.35", b"70,35"),
            id="semicolons",
        ),
        pytest.param(csv_of(f'A,{ROW},"a\nb"', header=f"{HEADER},note"), id="quoted line break"),
        pytest.param(csv_of(f"A,{ROW}", "", ""), id="blank lines"),
    ],
)
def test_a_file_may_come_in_many_dresses(post_file, content):
    assert post_file(content).json == {"A": "Churn"}


def test_a_declared_charset_is_believed(post_file):
    content = csv_of(f"Zoë,{ROW}").decode().encode("latin-1")

    assert post_file(content, "?charset=latin-1").json == {"Zoë": "Churn"}


def test_a_header_without_rows_is_an_empty_object(post_file):
    assert post_file(csv_of()).data == b"{}"


def test_an_answer_longer_than_memory_holds_comes_whole(post_file):
    rows = [f"customer-{number:028d},{ROW}" for number in range(40_000)]

    answer = post_file(csv_of(*rows))

    assert len(answer.data) == answer.content_length > 1024**2
    assert list(answer.json) == [row.split(",")[0] for row in rows]


def test_bad_rows_refuse_the_file_and_are_all_named(post_file):
    worse = ROW.replace("Month-to-month", "Monthly").replace(",12,", ",soon,")

    answer = post_file(csv_of(f"A,{ROW}", f"B,{worse}", f"C,{ROW},extra"))

    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    problem = answer.json
    assert (problem["code"], problem["rows_in"], problem["rows_rejected"]) == ("bad_rows", 3, 2)
    assert problem["errors_total"] == 3
    assert [(error["row"], error.get("field"), error["code"]) for error in problem["errors"]] == [
        (2, "tenure", "not_a_number"),
        (2, "Contract", "unknown_word"),
        (3, None, "field_count"),
    ]
    assert problem["errors"][1] == {
        "row": 2,
        "customerID": "B",
        "field": "Contract",
        "value": '"Monthly"',
        "code": "unknown_word",
        "rule": 'must be "Month-to-month", "One year" or "Two year"',
        "message": 'Row 2 (customerID B): Contract must be "Month-to-month", "One year" or "Two year", not "Monthly".',
    }


def test_the_detail_names_the_first_bad_row_and_the_way_on(post_file):
    answer = post_file(csv_of(f"A,{ROW.replace(',12,', ',-3,')}"))

    assert answer.json["detail"] == (
        "1 of 1 rows cannot be scored. Row 1 (customerID A): tenure must be a whole number of months from 0 to 1,200, "
        'not "-3". 1 of 1 problems are listed under errors. Correct them, or add ?on_error=skip to score the other '
        "rows."
    )


def test_one_bad_row_in_ten_thousand_is_found(post_file):
    rows = [f"{number},{ROW}" for number in range(1, 10_001)]
    rows[6_999] = rows[6_999].replace("Electronic check", "Cash")

    answer = post_file(csv_of(*rows))

    assert [(error["row"], error["customerID"]) for error in answer.json["errors"]] == [(7_000, "7000")]
    assert answer.json["rows_in"] == 10_000


def test_the_first_twenty_problems_are_written_out_and_the_rest_counted(post_file):
    bad = ROW.replace("Electronic check", "Cash").replace(",12,", ",,")

    answer = post_file(csv_of(*(f"{number},{bad}" for number in range(30))))

    assert [error["row"] for error in answer.json["errors"]] == [row for row in range(1, 11) for _ in range(2)]
    assert (answer.json["errors_total"], answer.json["rows_rejected"]) == (60, 30)


def test_skip_scores_the_good_rows_and_counts_the_others(post_file):
    answer = post_file(csv_of(f"A,{ROW.replace('Yes', 'Ja')}", f"B,{ROW}", f",{ROW}"), "?on_error=skip")

    assert answer.data == b'{"B":"Churn"}'
    assert answer.headers["X-Rejected-Rows"] == "2"


def test_skip_without_bad_rows_reports_none(post_file):
    assert post_file(csv_of(f"A,{ROW}"), "?on_error=skip").headers["X-Rejected-Rows"] == "0"


def test_other_values_of_on_error_are_refused_and_other_options_ignored(post_file):
    answer = post_file(csv_of(f"A,{ROW}"), "?on_error=maybe")

    assert (answer.status_code, answer.json["detail"]) == (400, 'on_error must be refuse or skip, not "maybe".')
    assert post_file(csv_of(f"A,{ROW}"), "?on_error=refuse&reasons=3").status_code == 200


def test_a_file_without_ids_is_refused_by_name(post_file):
    answer = post_file(csv_of(ROW, header=",".join(NAMES)))

    assert (answer.status_code, answer.json["code"]) == (422, "missing_columns")
    assert "customerID" in answer.json["detail"]


def test_a_blank_id_is_a_problem_of_its_row(post_file):
    answer = post_file(csv_of(f"A,{ROW}", f" ,{ROW}", f",{ROW}"))

    assert [(error["row"], error["code"]) for error in answer.json["errors"]] == [(2, "blank_id"), (3, "blank_id")]


@pytest.mark.parametrize("query", ["", "?on_error=skip"])
def test_a_repeated_id_is_refused_with_both_rows(post_file, query):
    answer = post_file(csv_of(f"A,{ROW}", f"B,{ROW}", f" A ,{LOYAL}"), query)

    assert (answer.status_code, answer.json["code"]) == (422, "duplicate_id")
    assert [(error["row"], error["customerID"]) for error in answer.json["errors"]] == [(3, "A")]
    assert answer.json["detail"] == (
        'customerID "A" is in row 1 and again in row 3. A response listed by customerID can have it only once. '
        "Ask for text/csv, which has one line per row."
    )


def test_many_repeated_ids_are_counted_with_bad_rows_in_file_order(post_file):
    rows = [f"{number % 30},{ROW}" for number in range(60)]
    rows[40] = rows[40].replace("Yes", "Ja")

    answer = post_file(csv_of(*rows))

    assert [error["row"] for error in answer.json["errors"]] == [*range(31, 41), 41, 41, 41, *range(42, 49)]
    assert answer.json["errors_total"] == 30 + 2
    assert answer.json["detail"].endswith("29 more rows repeat an earlier id.")


def test_repeats_are_found_across_the_blocks_of_a_long_file(post_file):
    rows = [f"{number},{ROW}" for number in range(1, 120_001)]
    rows[-1] = f"1,{ROW}"

    answer = post_file(csv_of(*rows))

    assert [(error["row"], error["code"]) for error in answer.json["errors"]] == [(120_000, "duplicate_id")]
    assert "row 1 and again in row 120000" in answer.json["detail"]


def test_csv_is_answered_row_by_row_where_it_is_asked_for(post_file):
    answer = post_file(csv_of(f"A,{ROW}", f"A,{LOYAL}", f",{ROW}"), accept="text/csv")

    lines = answer.text.splitlines()
    assert answer.content_type == "text/csv; charset=utf-8"
    assert lines[0] == "row,customerID,prediction,probability,tier,error"
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["1", "A", "churn"],
        ["2", "A", "not churn"],
        ["3", "", "churn"],
    ]


def test_csv_needs_no_ids(post_file):
    answer = post_file(csv_of(ROW, header=",".join(NAMES)), accept="text/csv")

    assert answer.text.splitlines()[1].startswith("1,,churn,")


def test_csv_with_bad_rows_is_refused_unless_they_are_skipped(post_file):
    content = csv_of(f"A,{ROW}", f"B,{ROW.replace('Yes', 'Ja')}")

    refused = post_file(content, accept="text/csv")
    skipped = post_file(content, "?on_error=skip", accept="text/csv")

    assert (refused.status_code, refused.content_type) == (422, "application/problem+json")
    assert skipped.headers["X-Rejected-Rows"] == "1"
    assert [line.split(",")[2] for line in skipped.text.splitlines()[1:]] == ["churn", ""]


@pytest.mark.parametrize("accept", ["*/*", "", "application/json", "text/html", "application/json, text/csv"])
def test_json_is_answered_unless_csv_is_preferred(post_file, accept):
    answer = post_file(csv_of(f"A,{ROW}"), accept=accept)

    assert answer.json == {"A": "Churn"}
    assert answer.vary == {"Accept"}


def test_a_batch_is_one_log_line_with_its_counts(post_file, capsys):
    answer = post_file(csv_of(f"7590-VHVEG,{ROW}", f"B,{ROW.replace('Yes', 'Ja')}"), "?on_error=skip")
    assert answer.data

    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert (line["route"], line["status"], line["complete"]) == ("/v1/customerbatch", 200, True)
    assert (line["rows_in"], line["rows_rejected"]) == (2, 1)
    assert line["bytes_out"] == len(b'{"7590-VHVEG":"Churn"}')
    assert "VHVEG" not in json.dumps(line)


def test_labels_follow_the_threshold_of_the_scorer(scorer):
    client = create_app(scorer.with_threshold(0.99), Settings()).test_client()
    form = {"file": (io.BytesIO(csv_of(f"A,{ROW}")), "x.csv")}

    assert client.post("/v1/customer", json=dict(EXAMPLE)).json == {"Prediction": "not churn"}
    assert client.post("/v1/customerbatch", data=form).json == {"A": "Not Churn"}


def test_a_charset_on_the_part_is_used_and_an_assumed_one_is_reported(client):
    # Its first letter beyond ASCII comes after the first MiB: the whole file decides.
    content = csv_of(*[f"{number},{ROW}" for number in range(15_000)]) + f"Zoë,{ROW}\n".encode("latin-1")
    head = '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv{}\r\n\r\n'

    def post(charset: str, content: bytes):
        data = head.format(charset).encode() + content + b"\r\n--cut--\r\n"
        return client.post("/v1/customerbatch", data=data, content_type="multipart/form-data; boundary=cut")

    assert "Zoë" in post("; charset=latin-1", content).json
    assert "Zoë" in post("", content).json
    assert post("", csv_of(f"Zoë,{ROW}").decode().encode("latin-1")).headers["X-Notes"] == (
        "The file is not UTF-8; it was read as Windows-1252."
    )
