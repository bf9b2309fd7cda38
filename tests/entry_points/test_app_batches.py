"""/v2/batches: a CSV in, rows or their summary out, streamed; what goes wrong is seen, wherever it is found."""

import gzip
import io
import json

import pytest
from shipped import EXAMPLE, NAMES, SCHEMA

from app.settings import Settings
from app.web import create_app
from app.web.responses import CutShortError

HEADER = ",".join(["customerID", *NAMES])
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)


def csv_of(*rows: str, header: str = HEADER) -> bytes:
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


ONE = csv_of(f"a,{ROW}")
BAD = csv_of(f"a,{ROW}", f"b,{ROW}".replace("70.35", "lots"), f"a,{ROW}")


@pytest.fixture
def post(client):
    """Post a CSV as the body; the options go into the query, the rest into headers."""

    def send(content: bytes, query: str = "", content_type: str = "text/csv", client=client, **headers: str):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(f"/v2/batches?{query}", data=content, headers={"Content-Type": content_type, **names})

    return send


def in_form(content: bytes, head: str = 'filename="x.csv"') -> dict[str, object]:
    text = f'--cut\r\nContent-Disposition: form-data; name="file"; {head}\r\n\r\n'.encode()
    return {"content": text + content + b"\r\n--cut--\r\n", "content_type": "multipart/form-data; boundary=cut"}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"content": ONE}, id="body"),
        pytest.param({"content": ONE, "content_type": ""}, id="body without a type"),
        pytest.param({"content": ONE, "content_type": "text/plain;charset=UTF-8"}, id="body as fetch names it"),
        pytest.param({"content": ONE, "content_type": "application/octet-stream"}, id="body of bytes"),
        pytest.param({"content": gzip.compress(ONE), "content_type": "application/gzip"}, id="gzip"),
        pytest.param({"content": gzip.compress(ONE)}, id="gzip called CSV"),
        pytest.param({"content": gzip.compress(ONE), "Content_Encoding": "gzip"}, id="Content-Encoding gzip"),
        pytest.param({"content": ONE, "Content_Encoding": "identity"}, id="Content-Encoding identity"),
        pytest.param(in_form(ONE), id="form"),
        pytest.param(in_form(gzip.compress(ONE)), id="gzip in a form"),
        pytest.param(in_form(ONE, 'filename="x"\r\nContent-Type: text/csv; charset=utf-8'), id="form with a charset"),
        pytest.param(in_form(ONE, "x=y"), id="form without a file name"),
    ],
)
def test_a_csv_may_come_in_several_ways(post, sent):
    answer = post(**sent)

    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    assert answer.text == "row,customerID,prediction,probability,tier,error\n1,a,churn,0.5205,high,\n"
    assert answer.vary == {"Accept"}


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        pytest.param({"content_type": "application/x-www-form-urlencoded"}, 415, "send_csv", id="as curl names it"),
        pytest.param({"content_type": "application/json"}, 415, "send_csv", id="JSON"),
        pytest.param({"Content_Encoding": "br"}, 415, "send_unpacked", id="brotli"),
        pytest.param({"content_type": "multipart/form-data"}, 400, "bad_form", id="form without a boundary"),
        pytest.param({"content_type": "multipart/form-data; boundary=cut"}, 400, "bad_form", id="no form at all"),
        pytest.param({"content": b""}, 422, "empty_file", id="nothing"),
        pytest.param({"query": "charset=klingon"}, 422, "unknown_charset", id="no such charset"),
        pytest.param({"content_type": "text/csv; charset=utf-7"}, 422, "unknown_charset", id="no charset of ours"),
    ],
)
def test_what_is_no_csv_is_refused(post, sent, status, code):
    answer = post(**{"content": ONE, **sent})

    assert (answer.status_code, answer.json["code"]) == (status, code)


@pytest.mark.parametrize(
    ("query", "content_type", "identity"),
    [
        ("", "text/csv", "é"),
        ("", "text/csv; charset=ISO-8859-1", "é"),
        ("charset=latin-1", "text/csv; charset=utf-8", "é"),
        ("charset=utf-16", "text/csv", None),
    ],
)
def test_the_charset_is_that_of_the_query_else_of_the_content_type(post, query, content_type, identity):
    content = csv_of(f"é,{ROW}").decode().encode("latin-1")

    answer = post(content, query, content_type)

    assert (answer.text.splitlines()[1].split(",")[1] if identity else None) == identity


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/csv; charset=utf-8"),
        ("*/*", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("application/*", "application/x-ndjson"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/json", "application/json"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("image/png, application/x-ndjson;q=0.1", "application/x-ndjson"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/csv; charset=utf-8"),
    ],
)
def test_the_answer_is_of_the_kind_that_is_accepted(post, accept, kind):
    answer = post(ONE, Accept=accept)

    assert (answer.status_code, answer.content_type) == (200, kind)


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/xml", "text/csv;q=0", "*/*;q=0", "nonsense"])
def test_where_nothing_offered_is_accepted_the_answer_names_what_is(post, accept):
    answer = post(ONE, Accept=accept)

    assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable")
    assert "text/csv, application/x-ndjson and application/json" in answer.json["detail"]


def test_options_add_columns(post):
    query = "value_at_risk=true&reasons=2&include_input=true&spreadsheet_safe=true&threshold=0.6"

    header, line = post(csv_of(f"=1+1,{ROW}"), query).text.splitlines()

    assert (
        header == f"row,customerID,prediction,probability,tier,error,value_at_risk,reason_1,reason_2,{','.join(NAMES)}"
    )
    assert line.startswith("1,'=1+1,not churn,0.5205,high,,36.62,Fiber optic internet: raises the risk strongly,Month-")
    assert line.endswith(f",{ROW}")


def test_without_spreadsheet_safe_an_id_stays_unchanged(post):
    assert post(csv_of(f"=1+1,{ROW}")).text.splitlines()[1].startswith("1,=1+1,")


@pytest.mark.parametrize("query", ["include_input=1", "top=1001", "top=-1", "on_error=skip", "value_at_risk="])
def test_an_option_with_another_value_is_refused(post, query):
    answer = post(ONE, query)

    assert (answer.status_code, answer.json["code"]) == (400, "bad_option")


def test_ids_may_be_repeated_or_absent(post):
    without = "\n".join(line.partition(",")[2] for line in ONE.decode().splitlines())

    assert [line.split(",")[:3] for line in post(BAD).text.splitlines()[1:]] == [
        *(["1", "a", "churn"], ["2", "b", ""], ["3", "a", "churn"])
    ]
    assert post(without.encode()).text.splitlines()[1] == "1,,churn,0.5205,high,"


def test_ndjson_has_a_line_for_each_row_and_ends_with_the_summary(post):
    answer = post(BAD, "reasons=1&value_at_risk=true&top=1", Accept="application/x-ndjson")

    *rows, last = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["row"] for row in rows] == [1, 2, 3]
    assert rows[0] == {
        "row": 1,
        "customerID": "a",
        "prediction": "churn",
        "probability": 0.5205,
        "tier": "high",
        "value_at_risk": 36.62,
        "reasons": [
            {
                "feature": "InternetService",
                "value": "Fiber optic",
                "contribution": rows[0]["reasons"][0]["contribution"],
                "sentence": "Fiber optic internet: raises the risk strongly",
            }
        ],
    }
    assert rows[1]["errors"][0]["field"] == "MonthlyCharges"
    assert (last["summary"]["rows_in"], last["summary"]["rows_rejected"]) == (3, 1)
    assert [item["row"] for item in last["summary"]["top"]] == [1]


def test_json_is_the_summary_alone_and_equals_the_last_line_of_ndjson(post):
    summary = post(BAD, "threshold=0.6", Accept="application/json").json
    streamed = post(BAD, "threshold=0.6", Accept="application/x-ndjson").text.splitlines()[-1]

    assert summary == json.loads(streamed)["summary"]
    assert (summary["rows_in"], summary["rows_scored"], summary["rows_rejected"]) == (3, 2, 1)
    assert (summary["threshold"], summary["predicted_churn"]) == (0.6, 0)
    assert summary["tiers"] == {"high": 2, "medium": 0, "low": 0}
    assert summary["value_at_risk"] == pytest.approx(2 * 36.62, abs=0.02)
    assert len(summary["by_threshold"]) == 101
    assert [segment["feature"] for segment in summary["segments"]] == ["Contract", "InternetService", "tenure"]
    assert set(summary["drift"]) == {*NAMES, "probability"}
    assert summary["errors_by_code"] == {"not_a_number": 1}


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson", "application/json"])
def test_a_file_with_bad_rows_may_be_refused_as_a_whole(post, accept):
    answer = post(BAD, "on_error=refuse", Accept=accept)

    assert (answer.status_code, answer.json["code"]) == (422, "bad_rows")
    assert (answer.json["rows_in"], answer.json["rows_rejected"], answer.json["errors_total"]) == (3, 1, 1)
    assert answer.json["errors"][0]["row"] == 2
    assert answer.json["detail"].endswith("or leave on_error=refuse out to have each reported in its place.")


@pytest.mark.parametrize("sent", [{"content": ONE}, in_form(ONE), {"content": gzip.compress(ONE)}])
@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson", "application/json"])
def test_a_good_file_is_answered_alike_whether_bad_rows_would_be_refused_or_not(post, sent, accept):
    assert post(**sent, query="on_error=refuse", Accept=accept).data == post(**sent, Accept=accept).data


def long_file(last: str) -> bytes:
    """A file of four blocks, good but for its last line."""
    return csv_of(*(f"customer-{number},{ROW}" for number in range(40_000)), last)


FAULTS = [
    pytest.param(f'"7590-VHVEG,{ROW}', "open_quote", id="open quote"),
    pytest.param(f"\ufffd7590-VHVEG,{ROW}", "damaged_text", id="damaged letters"),
]


@pytest.mark.parametrize(("last", "code"), FAULTS)
def test_an_answer_as_csv_that_cannot_be_finished_breaks_off(post, capsys, last, code):
    answer = post(long_file(last))
    pieces = iter(answer.response)

    received = []
    with pytest.raises(CutShortError):
        received.extend(pieces)
    answer.close()

    line = capsys.readouterr().out
    assert answer.status_code == 200
    assert b"".join(received).count(b"\n") > 20_000
    assert {**json.loads(line), "status": 200, "code": code, "complete": False} == json.loads(line)
    assert json.loads(line)["rows_in"] > 20_000
    assert "VHVEG" not in line


@pytest.mark.parametrize(("last", "code"), FAULTS)
def test_an_ndjson_answer_that_fails_ends_with_the_reason_and_breaks_off(post, last, code):
    answer = post(long_file(last), Accept="application/x-ndjson")
    pieces = iter(answer.response)

    received = []
    with pytest.raises(CutShortError):
        received.extend(pieces)
    answer.close()

    error = json.loads(b"".join(received).splitlines()[-1])["error"]
    assert error["code"] == code
    assert error["message"].startswith("Row 40001 ")


@pytest.mark.parametrize(("last", "code"), FAULTS)
@pytest.mark.parametrize(("query", "accept"), [("on_error=refuse", "text/csv"), ("", "application/json")])
def test_where_nothing_was_sent_yet_a_fault_anywhere_in_the_file_is_a_plain_refusal(post, last, code, query, accept):
    answer = post(long_file(last), query, Accept=accept)

    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_of_a_short_file_every_fault_is_a_plain_refusal(post):
    answer = post(csv_of(*[f"a,{ROW}"] * 5_000, f'"b,{ROW}'))

    assert (answer.status_code, answer.json["code"]) == (422, "open_quote")
    assert "Row 5001 opens a quote" in answer.json["detail"]


class FailingScorer:
    """An engine that fails in the middle of a file, and quotes a customer when it does."""

    version, sha256, threshold, tiers, ranges, folder = "9.9.9", "0" * 64, 0.5, {"low": 0.0}, {}, None
    schema, additive, interval, plausibility, blocks = SCHEMA, None, None, None, 0

    def log_odds_batch(self, columns):
        self.blocks += 1
        if self.blocks == 4:
            raise KeyError("7590-VHVEG")
        return columns["MonthlyCharges"] * 0.0


def test_a_fault_of_ours_in_the_middle_breaks_the_answer_off_and_is_logged_without_its_text(post, capsys):
    app = create_app(FailingScorer(), Settings())
    answer = post(long_file(f"a,{ROW}"), client=app.test_client())

    with pytest.raises(CutShortError):
        list(answer.response)
    answer.close()

    failure, line = map(json.loads, capsys.readouterr().out.splitlines())
    assert (failure["exception"], failure["request_id"]) == ("KeyError", line["request_id"])
    assert (line["status"], line["complete"]) == (200, False)
    assert "VHVEG" not in json.dumps(failure)


def test_a_client_that_stops_reading_leaves_nothing_open(post, capsys):
    answer = post(long_file(f"a,{ROW}"))
    next(iter(answer.response))

    answer.close()

    assert json.loads(capsys.readouterr().out)["complete"] is False


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("length", [2048, 2049, 3000, 300_000])
def test_a_body_is_taken_up_to_the_limit_and_not_a_byte_further(scorer, length, chunked):
    client = create_app(scorer, Settings(max_upload_bytes=2048)).test_client()
    content = ONE + b"\n" * (length - len(ONE))
    environ = {"wsgi.input_terminated": True, "wsgi.input": io.BytesIO(content)} if chunked else {"data": content}
    data = environ.pop("data", None)

    answer = client.post("/v2/batches", data=data, content_type="text/csv", environ_overrides=environ)

    assert answer.status_code == (200 if length == 2048 else 413)
    assert length == 2048 or answer.json["code"] == "too_large"


def test_a_gzip_that_decompresses_too_far_is_refused(post):
    answer = post(gzip.compress(ONE + b"\n" * 20_000_000), Accept="application/json")

    assert (answer.status_code, answer.json["code"]) == (413, "gzip_ratio")


def test_the_rejects_alone_can_be_downloaded_corrected_and_sent_again(post):
    answer = post(BAD, "output=rejects")

    assert answer.content_type == "text/csv; charset=utf-8"
    header, row = answer.text.splitlines()
    assert header == f"row,errors,{HEADER},record"
    assert row.startswith("2,")
    assert row.endswith(f"b,{ROW.replace('70.35', 'lots')},")
    corrected = post(answer.data.replace(b",lots,", b",70.35,"), Accept="application/json").json
    assert (corrected["rows_in"], corrected["rows_rejected"]) == (1, 0)


def test_rejects_for_a_spreadsheet_hold_no_formula(post):
    formula = csv_of(f"=cmd(),{ROW.replace('70.35', 'lots')}", f"+1,{ROW},too,many")

    safe, plain = (post(formula, f"output=rejects&spreadsheet_safe={flag}").text for flag in ("true", "false"))

    assert ",=cmd()," in plain
    assert ",'=cmd()," in safe
    assert "\"'+1," in safe
