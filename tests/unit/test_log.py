"""Log lines: JSON that CloudWatch can count, ids of traces, and nothing that an exception states."""

import json
import re

import pytest

from app import log

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
UNITS = {"Count", "Milliseconds", "Seconds", "Bytes", "None"}
REQUEST = {"Requests": 1, "Errors4xx": 0, "Errors5xx": 0, "LatencyMs": 1.25, "ColdStart": 1}
JOB = {"Jobs": 1, "Failed": 0, "Rows": 10, "Rejects": 1, "Bytes": 900, "Seconds": 0.5, "ColdStart": 0}
DRIFT = {**JOB, "DriftMax": 0.31, "ScorePsi": 0.02}


def written(capsys) -> dict[str, object]:
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


@pytest.mark.parametrize("values", [REQUEST, JOB, DRIFT], ids=["request", "job", "drift"])
def test_a_line_with_metrics_keeps_the_rules_of_the_embedded_format(capsys, values):
    log.write(status=200, model_version="1.0.0", **log.metrics("churn-api", **values))

    line = written(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert set(line["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert abs(line["_aws"]["Timestamp"] - 1.8e12) < 2e11, "milliseconds, not seconds"
    assert re.fullmatch(r"[A-Za-z0-9._/#-]{1,256}", directive["Namespace"])
    assert directive["Dimensions"] == [["FunctionName"]]
    assert line["FunctionName"] == "churn-api"
    assert [metric["Name"] for metric in directive["Metrics"]] == list(values)
    assert len(directive["Metrics"]) <= 100
    for metric in directive["Metrics"]:
        assert set(metric) == {"Name", "Unit"}
        assert metric["Unit"] in UNITS
        assert line[metric["Name"]] == values[metric["Name"]]
        assert isinstance(line[metric["Name"]], int | float)
    assert (line["status"], line["model_version"]) == (200, "1.0.0")


def test_every_metric_has_its_unit():
    assert {*REQUEST, *DRIFT} == set(log.METRIC_UNITS)
    assert set(log.METRIC_UNITS.values()) == UNITS
    with pytest.raises(KeyError):
        log.metrics("churn-api", Churned=1)


@pytest.mark.parametrize("function_name", [None, ""])
def test_where_there_is_no_function_there_are_no_metrics(function_name):
    assert log.metrics(function_name, **REQUEST) == {}


ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"
JOINED = "5759e988bd862e3fe1be46a994272793"


@pytest.mark.parametrize(
    ("traceparent", "xray", "expected"),
    [
        (None, None, None),
        (None, ROOT, JOINED),
        (None, f"Self=1-00000000-000000000000000000000000; {ROOT};Parent=53995c3f42cd8ad8;Sampled=1", JOINED),
        (None, "Root=1-5759e988-bd86", None),
        (None, "1-5759e988-bd862e3fe1be46a994272793", None),
        (None, "Root=1-00000000-000000000000000000000000", None),
        (f"00-{'0af7' * 8}-b7ad6b7169203331-01", None, "0af7" * 8),
        (f"00-{'0af7' * 8}-b7ad6b7169203331-01", ROOT, "0af7" * 8),
        (f"cc-{'0af7' * 8}-b7ad6b7169203331-01-what-comes-later", ROOT, "0af7" * 8),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", ROOT, JOINED),
        (f"00-{'0AF7' * 8}-b7ad6b7169203331-01", ROOT, JOINED),
        ("00-\n", ROOT, JOINED),
    ],
)
def test_the_trace_is_that_of_w3c_or_else_of_x_ray(traceparent, xray, expected):
    assert log.trace_id(traceparent, xray) == expected


def test_members_that_are_none_are_left_out(capsys):
    log.write(status=200, code=None)

    line = written(capsys)
    assert set(line) == {"time", "status"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])


def test_a_failure_is_logged_by_kind_and_line_and_never_by_its_text(capsys):
    try:
        raise ValueError("0002-EXMPL")
    except ValueError as error:
        log.write_failure(error, "id-1")

    line = written(capsys)
    assert (line["exception"], line["request_id"]) == ("ValueError", "id-1")
    assert line["where"][-1].startswith("unit/test_log.py:")
    assert "EXMPL" not in json.dumps(line)
