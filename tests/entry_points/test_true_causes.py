"""A message names the true cause: separators, quotes, archives, and rows that are no customers."""

import io
import json

import pytest
from http_events import event
from shipped import CUSTOMER_ID, EXAMPLE, NAMES

import handler
from app.jobs.s3 import handle
from app.jobs.scoring import Scoring
from model.bulk.run import FileLimits, Run
from model.errors import InputError
from model.outputs import OutputOptions

HEADER = ",".join([CUSTOMER_ID, *NAMES])
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)
TOTAL = "Total" + "," * 10
SUMS = "Total,,,,,,,,,140.70,1688.4"


def lines(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def refusal(content: bytes, scorer) -> InputError:
    with pytest.raises(InputError) as error:
        list(Run(io.BytesIO(content), scorer))
    return error.value


@pytest.mark.parametrize(
    ("separator", "shown"),
    [("|", '"|"'), ("^", '"^"'), ("~", '"~"'), (":", '":"'), (" | ", '"|"'), ("\x01", '"\\u0001"')],
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_file_with_another_separator_is_called_that(toy_scorecard, separator, shown, quote):
    content = separator.join(f"{quote}{name}{quote}" for name in HEADER.split(",")) + "\n" + ROW.replace(",", separator)

    error = refusal(content.encode(), toy_scorecard)

    assert error.problem.code == "wrong_separator"
    assert str(error) == (
        f"The file is separated by {shown}. Comma, semicolon and tab are accepted; save it with one of them."
    )


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_lines_in_quotes_as_a_whole_are_called_that(toy_scorecard, separator):
    content = lines(*(f'"{line}"' for line in (HEADER, f"A,{ROW}"))).replace(b",", separator.encode())

    assert refusal(content, toy_scorecard).problem.code == ("wrong_separator" if separator == "|" else "quoted_lines")


def test_a_row_in_quotes_as_a_whole_below_a_plain_header_is_called_that(toy_scorecard):
    (block,) = Run(io.BytesIO(lines(HEADER, f'"A,{ROW}"')), toy_scorecard)

    ((problem,),) = block.problems.values()
    assert problem.message == (
        "The row has 1 field, but the header has 11 fields. The line is in quotes as a whole, so that it is one cell: "
        "remove the quotes at its start and end."
    )


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"customerID\nabc\n", b"a|b|c\n1|2|3\n", HEADER.replace("tenure,", "").encode()]
)
def test_other_headers_are_called_what_they_were(toy_scorecard, content):
    assert refusal(content, toy_scorecard).problem.code in ("no_header", "missing_columns")


JUNK = {
    "totals": [TOTAL, TOTAL],
    "totals with sums": [SUMS, SUMS],
    "short totals": ["Total", "Total", "Total,1"],
    "ctrl-z": ["\x1a", "\x1a"],
    "headers again": [HEADER, HEADER],
    "footers": ["--- 2 rows ---", "Exported 2026-11-29, by CRM"],
    "an id without a customer": ["A" + "," * 10],
}


@pytest.mark.parametrize("junk", JUNK)
def test_rows_that_are_no_customers_do_not_defeat_skip(client, junk):
    rows = JUNK[junk]
    content = lines(HEADER, f"A,{ROW}", *rows, f"B,{ROW}", *rows)

    answer = client.post("/v1/customerbatch?on_error=skip", data={"file": (io.BytesIO(content), "a.csv")})

    assert (answer.status_code, answer.json) == (200, {"A": "Churn", "B": "Churn"})
    assert answer.headers["X-Rejected-Rows"] == str(2 * len(rows))
    summary = client.post(
        "/v2/batches", data=content, headers={"Accept": "application/json", "Content-Type": "text/csv"}
    ).json
    assert (summary["rows_in"], summary["rows_scored"], summary["rows_rejected"]) == (
        2 + 2 * len(rows),
        2,
        2 * len(rows),
    )


def test_without_skip_they_are_bad_rows_and_no_repeated_customers(client):
    content = lines(HEADER, f"A,{ROW}", TOTAL, TOTAL, "Total", "Total")

    answer = client.post("/v1/customerbatch", data={"file": (io.BytesIO(content), "a.csv")})

    assert (answer.status_code, answer.json["code"]) == (422, "bad_rows")
    assert (answer.json["rows_in"], answer.json["rows_rejected"]) == (5, 4)


@pytest.mark.parametrize("query", ["", "?on_error=skip"])
def test_two_customers_with_one_id_are_still_refused(client, query):
    content = lines(HEADER, f"A,{ROW}", TOTAL, f"A,{ROW}", TOTAL)

    answer = client.post(f"/v1/customerbatch{query}", data={"file": (io.BytesIO(content), "a.csv")})

    assert (answer.status_code, answer.json["code"]) == (422, "duplicate_id")
    assert "row 1 and again in row 3" in answer.json["detail"]


@pytest.mark.parametrize("kind", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_called_archived_and_waits(scorer, bucket, kind):
    event = bucket.put("a.csv", lines(HEADER, f"A,{ROW}"))
    bucket.client.put_object(
        Bucket=bucket.inbox, Key="incoming/a.csv", Body=lines(HEADER, f"A,{ROW}"), StorageClass=kind
    )
    written: list[dict] = []

    queue = {"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": json.dumps(event)}]}
    failed = handle(queue, bucket.store(Scoring(scorer, OutputOptions(), FileLimits())), lambda: 9e5, written.append)

    assert failed == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert written[0]["status"] == "retry"
    assert "is archived" in written[0]["reason"]
    assert "Restore it" in written[0]["reason"]
    assert "permission" not in written[0]["reason"]


@pytest.mark.parametrize(
    ("code", "words", "without"),
    [
        ("AccessDenied", ["permissions", "for an object that is not there"], "archived"),
        ("InvalidAccessKeyId", ["credentials"], "permissions"),
        ("SignatureDoesNotMatch", ["credentials"], "permissions"),
        ("RequestTimeTooSkewed", ["clock"], "permissions"),
    ],
)
def test_a_403_is_explained_by_its_reason(code, words, without):
    from botocore.exceptions import ClientError

    from app.jobs.s3_errors import RetryableError, s3_errors

    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    with pytest.raises(RetryableError) as error, s3_errors("to read s3://inbox/incoming/a.csv", reading=True):
        raise ClientError(answer, "GetObject")

    assert all(word in str(error.value) for word in words)
    assert without not in str(error.value)


@pytest.mark.parametrize(
    ("body", "description"),
    [({"tenure": 1}, "an object"), ([1], "a list"), (7, "7"), (True, "true")],
    ids=["object", "list", "number", "bool"],
)
@pytest.mark.parametrize("edge", ["http_api_v2", "rest_v1", "function_url"])
def test_a_body_that_is_no_text_is_not_called_cut_off(edge, body, description):
    answer = handler.api({**event(f"{edge}" if edge.startswith("http") else f"http_{edge}"), "body": body}, None)

    detail = json.loads(answer["body"])["detail"]
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "bad_request")
    assert detail.startswith(f"The body of the event is {description}; a gateway sends it as text.")
    assert "cut off" not in detail
