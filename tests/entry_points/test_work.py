"""What a request may cost: CPU and bytes of answer for the bytes that it brings, over bodies made to cost much."""

import gc
import gzip
import io
import json
from pathlib import Path

import pytest
from costs import (
    CHOSEN,
    CSV,
    EVERY_OPTION,
    FORM,
    HEADER,
    JSON,
    MB,
    NDJSON,
    PART,
    ROW,
    SHORTEST,
    WIDE,
    check,
    cost_of,
    drawn,
    good_rows,
    noise,
    repeated,
)
from shipped import EXAMPLE, NAMES

from app.settings import Settings
from app.web import create_app
from model.bulk.budget import Budget, OutOfCpuError
from model.bulk.run import Run
from model.errors import InputError

# Measuring coverage takes CPU, which these tests limit.
pytestmark = pytest.mark.no_cover


def wrong_by_turns(number: int) -> str:
    return ",".join(["", *("x" if position == number % 10 else cell for position, cell in enumerate(ROW.split(",")))])


HOSTILE: dict[str, bytes] = {
    "one letter": repeated("x\n"),
    "empty lines": repeated("\n"),
    "rows of separators": repeated(",,,,,,,,,,\n"),
    "rows of no-break spaces": repeated("\u00a0,,,,,,,,,,\n"),
    "only separators": repeated(","),
    "several kinds of errors": repeated(f"x\n,,,,,,,,,,x\na,0,x,,,,,,,,\n,x,,,,,,,,,\n,,x,,,,,,,,\na,{ROW}\n"),
    "each row wrong in another column": drawn(wrong_by_turns),
    "all cells wrong alike": repeated("a,x,x,x,x,x,x,x,x,x,x\n"),
    "all cells wrong, each in its own way": drawn(lambda _: ",".join(noise() for _ in range(11))),
    "short cells wrong, each in its own way": drawn(lambda _: ",".join(noise(3) for _ in range(11))),
    "words spelled oddly": drawn(
        lambda number: f",0{' ' * (number % 90)},yEs,no,{number % 70}.0,YES,dsl,ONE YEAR,x,1,1"
    ),
    "odd quotes": repeated('a"b\n'),
    "odd quotes in good rows": repeated(f'a"b,{ROW}\n'),
    "odd quotes before quoted cells": repeated('"","","","","","","","","","",""\n', HEADER + '\na"b'),
    "quotes alone": repeated('"\n'),
    "half a million columns": repeated("x\n", HEADER + ",x" * 250_000),
    "quoted columns": repeated("x\n", HEADER + ',""' * 150_000),
    "rows of 16,000 columns": repeated(f"a,{ROW}{',' * 16_000}\n", WIDE),
    "short rows under 16,000 columns": repeated("a\n", WIDE),
    "names of 60 KB": repeated(
        f"a,{ROW},,,,,\n", f"{HEADER}," + ",".join(f"{position}{'x' * 60_000}" for position in range(5))
    ),
    "NUL": repeated("\0,\0,\0,\0,\0,\0,\0,\0,\0,\0,\0\n"),
    "letters of all the world": drawn(lambda _: ",".join(chr(CHOSEN.randrange(0x4E00, 0x9000)) for _ in range(11))),
    "bytes that Windows-1252 lacks": f"{HEADER}\n".encode() + b"\x81a\x8d\n" * (MB // 8),
    "UTF-16": ("\ufeff" + HEADER + "\n" + "x\n" * (MB // 8)).encode("utf-16-le"),
    "lone surrogates": f"\ufeff{HEADER}\n".encode("utf-16-le") + b"\x00\xd8" * (MB // 4),
    "semicolons and two decimal marks": repeated("a;0;Yes;No;1;Yes;DSL;x;x;x,y;x.y\n", HEADER.replace(",", ";")),
    "one id": repeated(f"a,{SHORTEST}\n"),
    "few short rows": repeated("x\n", length=9_999),
    "few rows with ten errors": repeated(",,,,,,,,,,x\n", length=9_999 * 12),
}


@pytest.fixture(scope="module", autouse=True)
def only_its_own_garbage():
    """What pytest and other tests hold is no part of what a request costs: looking through it takes 0.1 s."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_file_costs_no_more_than_it_brings(client, body):
    check(client, body)


def test_a_gzip_bomb_costs_no_more_than_it_may_decompress_to(client):
    for rows in (b"x\n" * 2_600_000, b"\n" * 5_000_000):
        body = gzip.compress(HEADER.encode() + b"\n" + rows)
        check(client, body, decompressed=50 * len(body))


OBJECTS = {
    "a thousand empty customers": {"customers": [{}] * 1000},
    "a thousand numbers": {"customers": [1] * 1000},
    "a thousand good customers": {"customers": [dict(EXAMPLE)] * 1000},
    "a thousand wrong customers": {"customers": [dict.fromkeys(NAMES, "x")] * 1000},
    "ids of controls": {"customers": [{**EXAMPLE, "customerID": "\x01" * 100}] * 1000},
    "a thousand changes": {"customer": dict(EXAMPLE), "changes": [{}] * 1000},
    "changes of unknown features": {
        "customer": dict(EXAMPLE),
        "changes": [{f"x{position}": 1 for position in range(75_000)}],
    },
    "unknown members": {f"x{position}": 1 for position in range(75_000)},
}
TEXTS = {
    "deep lists": b"[" * 1_000_000,
    "deep objects": b'{"a":' * 200_000,
    "a long number": b'{"tenure":' + b"9" * 1_000_000 + b"}",
    "long numbers": b"[" + b",".join([b"9" * 399] * 2_500) + b"]",
    "one key many times": b"{" + b",".join([b'"a":1'] * 170_000) + b"}",
    **{name: json.dumps(value, separators=(",", ":")).encode() for name, value in OBJECTS.items()},
}


@pytest.mark.parametrize("body", TEXTS.values(), ids=TEXTS)
def test_json_costs_no_more_than_it_brings(client, body):
    requests = [("/v1/customer", "", JSON), ("/v2/customers", "reasons=all", JSON), ("/v2/what-if", "", JSON)]
    check(client, body, requests, JSON)


FORMS = {
    "beginnings of its end": PART + b"\r\n\r\n" + b"\r\n--cu" * 80_000 + b"\r\n--cut--\r\n",
    "headers": PART + b"\r\nX: 1" * 8_000 + b"\r\n\r\nx\r\n--cut--\r\n",
    "parts": b'--cut\r\nContent-Disposition: form-data; name="x"\r\n\r\na\r\n' * 10_000 + b"--cut--\r\n",
    "parameters": PART + b'; a="b"' * 9_000 + b"\r\n\r\nx\r\n--cut--\r\n",
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_a_form_costs_no_more_than_it_brings(client, body):
    check(client, body, [("/v2/batches", "", CSV)], FORM)


@pytest.mark.parametrize(
    ("path", "query", "accept"),
    [
        ("/v1/customerbatch", "", JSON),
        ("/v1/customerbatch", "", CSV),
        ("/v2/batches", "", CSV),
        ("/v2/batches", "reasons=3", NDJSON),
        ("/v2/batches", "", JSON),
    ],
)
def test_four_hundred_thousand_good_rows_are_answered(client, path, query, accept):
    body = good_rows(400_000)

    _, length, answer, _ = cost_of(client, path, query, accept, body, CSV)

    assert answer.status_code == 200
    # One object is one pair a customer; a table has a line for each.
    assert accept == JSON or length > 400_000 * len("1,1,churn,0.5205,high,")
    assert answer.content_length is None or answer.content_length == length


@pytest.mark.parametrize("query", ["", EVERY_OPTION, f"on_error=refuse&{EVERY_OPTION}"])
@pytest.mark.parametrize("accept", [CSV, NDJSON, JSON])
def test_a_list_with_the_columns_of_the_public_data_is_answered_with_every_option(client, query, accept):
    others = "Female,Yes,No,No phone service,No internet service,No internet service,No internet service,Month-to-month"
    rows = [f"{number:04}-VHVEG,{ROW},{others}" for number in range(7_043)]
    body = "\n".join([f"{HEADER},{','.join('abcdefgh')}", *rows, ""]).encode()

    answer = client.post(f"/v2/batches?{query}", data=body, content_type=CSV, headers={"Accept": accept})

    assert answer.status_code == 200
    assert accept == JSON or answer.data.count(b"\n") == 7_044


@pytest.mark.parametrize("path", ["/v1/customerbatch", "/v2/batches"])
def test_a_list_that_is_wrong_in_one_way_ends_early_with_the_first_problems(client, path):
    body = drawn(lambda number: f"{number},{ROW.replace('70.35', 'lots')}", length=3 * MB)
    query = "on_error=skip" if path.startswith("/v1") else ""

    _, _, answer, text = cost_of(client, path, query, CSV, body, CSV)
    problem = json.loads(text)

    assert (answer.status_code, problem["code"]) == (413, "too_much_work")
    assert 10_000 <= problem["rows_in"] == problem["rows_rejected"] < 35_000 < body.count(b"\n")
    assert problem["errors_total"] == problem["rows_in"]
    assert [error["row"] for error in problem["errors"]] == list(range(1, 21))
    for words in (f"{problem['rows_in']:,}", 'not "lots"', "churn score"):
        assert words in problem["detail"]


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/v1/customerbatch", JSON), ("/v2/batches", CSV), ("/v2/batches", NDJSON), ("/v2/batches", JSON)],
)
def test_a_list_whose_wrong_rows_come_first_is_scored_where_they_are_fewer_than_half(client, path, accept):
    wrong, good = ROW.replace("70.35", "lots"), ROW
    body = drawn(lambda number: f"{number},{wrong if number <= 20_000 else good}", length=4 * MB)
    rows = body.count(b"\n") - 1
    query = "on_error=skip" if path.startswith("/v1") else ""

    _, _, answer, _ = cost_of(client, path, query, accept, body, CSV)
    _, _, compressed, _ = cost_of(client, path, query, accept, gzip.compress(body), CSV)

    assert rows > 45_000
    assert (answer.status_code, compressed.status_code) == (200, 200)
    if path.startswith("/v1"):
        assert answer.headers["X-Rejected-Rows"] == compressed.headers["X-Rejected-Rows"] == "20000"


def test_junk_rows_that_are_skipped_are_no_reason_to_refuse_a_list(client):
    customers = "".join(f"{number},{ROW}\n" for number in range(5_000))
    for junk in ("Total\n", f"Total{',' * 10}\n", f"Total{chr(44) + chr(34) * 2}" * 1 + "\n"):
        body = f"{HEADER}\n{customers}{junk * 20_000}".encode()

        _, _, answer, _ = cost_of(client, "/v1/customerbatch", "on_error=skip", JSON, body, CSV)

        assert (answer.status_code, answer.headers["X-Rejected-Rows"]) == (200, "20000")


@pytest.mark.parametrize("accept", [CSV, NDJSON, JSON])
@pytest.mark.parametrize("note", ["é" * 120, "e" * 400], ids=["Windows-1252", "long rows first"])
def test_what_is_half_of_a_file_is_not_guessed_from_the_length_of_its_rows(client, accept, note):
    wrong = ROW.replace("70.35", "lots")
    first = [f"{number},{wrong if number % 20 < 7 else ROW},{note}" for number in range(12_000)]
    if note.isascii():
        first = [f"{number},{wrong},{note}" for number in range(12_000)]
    rest = [f"{number},{ROW}," for number in range(38_000 if note.isascii() else 0)]
    body = "\n".join([f"{HEADER},note", *first, *rest, ""]).encode("cp1252")

    _, _, answer, _ = cost_of(client, "/v2/batches", "", accept, body, CSV)

    assert answer.status_code == 200


def test_a_list_that_is_refused_for_its_rows_reports_how_far_it_was_read(client):
    body = drawn(lambda number: f"{number},{ROW.replace('70.35', 'lots')}", length=3 * MB)

    for path, query in (("/v1/customerbatch", ""), ("/v2/batches", "on_error=refuse")):
        _, _, answer, text = cost_of(client, path, query, JSON, body, CSV)
        problem = json.loads(text)
        assert (answer.status_code, problem["code"]) == (422, "bad_rows")
        assert f"of the first {problem['rows_in']:,} rows" in problem["detail"]
        # The option that reports or skips such rows would end in the same limit.
        assert "on_error" not in problem["detail"]
        assert "churn score" in problem["detail"]


def test_a_short_list_that_is_wrong_in_one_way_is_reported_row_by_row(client):
    body = drawn(lambda number: f"{number},{ROW.replace('70.35', 'lots')}", length=9_000 * 75)

    answer = client.post("/v2/batches", data=body, content_type=CSV)

    assert answer.status_code == 200
    assert answer.data.count(b'not ""lots""') == body.count(b"lots")


def test_elsewhere_a_list_goes_on_to_its_end(scorer):
    body = drawn(lambda number: f"{number},{ROW.replace('70.35', 'lots')}", length=3 * MB)
    run = Run(io.BytesIO(body), scorer)

    assert sum(len(block.problems) for block in run) == run.rows_in == body.count(b"lots")


def test_the_problem_names_where_larger_work_goes(scorer):
    settings = Settings(max_file_cpu_s=1, max_answer_bytes=2048, max_rows=20_000)
    client = create_app(scorer, settings, "drop it into the inbox").test_client()

    long = client.post("/v2/batches?reasons=3", data=good_rows(1_000), content_type=CSV, headers={"Accept": NDJSON})
    many = client.post("/v2/batches", data=good_rows(20_001), content_type=CSV, headers={"Accept": JSON})
    wrong = client.post("/v2/batches", data=repeated("x\n", length=30_000), content_type=CSV)

    assert (long.status_code, long.json["code"]) == (413, "answer_too_large")
    assert "2,048 bytes" in long.json["detail"]
    assert "Ask for fewer reasons, ask for text/csv, " in long.json["detail"]
    assert (many.status_code, many.json["code"]) == (413, "too_many_rows")
    assert "20,000 rows" in many.json["detail"]
    assert (wrong.status_code, wrong.json["code"]) == (413, "too_much_work")
    for answer in (long, wrong):
        assert "churn score" in answer.json["detail"]
        assert "drop it into the inbox" in answer.json["detail"]


def test_a_budget_counts_work_and_no_waiting():
    now = [0.0]
    budget = Budget(60, lambda: now[0])
    budget.bytes_in = MB

    with budget.working():
        now[0] += 1
        budget.check()
    now[0] += 100
    budget.check()

    assert budget.limit_s == 1.5
    with budget.working():
        now[0] += 0.5
        with pytest.raises(OutOfCpuError, match=r"1\.5 s"):
            budget.check()
    budget.bytes_in = 1000 * MB
    assert budget.limit_s == 60


def test_columns_are_limited_to_those_of_a_sheet(toy_scorecard):
    wide = f"{HEADER}{',x' * (16_384 - 11)}\n"

    assert len(Run(io.BytesIO(wide.encode()), toy_scorecard).header) == 16_384
    for header in (wide.replace("\n", ",x\n"), wide.replace("\n", ',"a;b"\n')):
        with pytest.raises(InputError, match="more than 16,384 columns"):
            Run(io.BytesIO(header.encode()), toy_scorecard)


def test_the_public_data_is_answered_with_every_option(client, telco):
    for accept in (CSV, NDJSON, JSON):
        answer = client.post(f"/v2/batches?{EVERY_OPTION}", data=telco, content_type=CSV, headers={"Accept": accept})

        assert answer.status_code == 200
        assert accept == JSON or answer.data.count(b"\n") == 7_044


@pytest.fixture
def telco() -> bytes:
    import os

    path = os.environ.get("TELCO_CSV")
    if not path:
        pytest.skip("TELCO_CSV names no file")
    return Path(path).read_bytes()
