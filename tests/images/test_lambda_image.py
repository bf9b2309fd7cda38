"""The Lambda image behind the runtime's emulator, as Lambda runs it."""

import gzip
import json
import subprocess
import sys
import time

import pytest
from buckets import upload
from http_events import event, read
from image_runs import (
    CUSTOMERS,
    FORM,
    JSON,
    MOST_BYTES,
    SAMPLE,
    SOAK,
    form_of,
    note,
)
from podman import (
    LAMBDA_PATH,
    ROOT,
    pieces,
    podman,
)
from shipped import EXAMPLE

from model import artifact

OBJECT_ROWS = 1_000_000 if SOAK else 200_000

# The first of them bootstraps a base image and builds.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("edge", ["http_rest_v1", "http_api_v2", "http_function_url", "http_alb"])
def test_the_function_answers_every_edge(function, edge):
    http_event = event(
        edge, "/v1/customer", body=json.dumps(dict(EXAMPLE)).encode(), headers={"content-type": "application/json"}
    )

    answer = read(edge, function.invoke(http_event))

    assert (answer.status, answer.json) == (200, {"Prediction": "churn"})


def test_the_function_answers_a_customer_as_the_event(function):
    assert function.invoke(dict(EXAMPLE)) == {"Prediction": "churn"}


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_the_function_answers_a_form_in_base64_as_the_server_does(function, local_server, accept):
    headers = {**FORM, "Accept": accept}
    http_event = event("http_api_v2", "/v1/customerbatch", body=form_of(SAMPLE), headers=headers, as_base64=True)

    answer = read("http_api_v2", function.invoke(http_event))

    assert answer.status == 200
    assert answer.body == local_server.ask("POST", "/v1/customerbatch", form_of(SAMPLE), headers)[2]


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_the_function_answers_a_customer_as_the_server_does(function, local_server, customer):
    body = json.dumps(customer).encode()

    answer = read("http_rest_v1", function.invoke(event("http_rest_v1", body=body, headers=JSON)))

    assert answer.status == 200
    assert answer.body == local_server.ask("POST", "/v1/customer", body, JSON)[2]


def test_an_answer_that_lambda_would_refuse_is_a_problem_and_no_502(function):
    compressed = gzip.compress(b"".join(pieces(400_000)), 1)
    http_event = event("http_api_v2", "/v1/customerbatch", body=form_of(compressed), headers=FORM, as_base64=True)

    answer = read("http_api_v2", function.invoke(http_event))

    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json["code"] in {"answer_too_large", "file_too_large", "too_large"}


def test_the_function_runs_as_lambda_runs_it(function):
    output = podman(
        "exec", function.name, "sh", "-c", "id -u; touch /var/task/x /opt/x 2>&1; touch /tmp/x && echo written"
    )

    assert output.splitlines()[0] == "993"
    assert output.count("Read-only file system") == 2
    assert output.endswith("written")


def test_a_damaged_model_stops_the_start_with_its_reason(start_lambda, tmp_path):
    scorecard = f"model/artifacts/{artifact.default_version()}/scorecard.json"
    damaged = tmp_path / "scorecard.json"
    damaged.write_bytes((ROOT / scorecard).read_bytes().replace(b'"intercept": -', b'"intercept": +', 1)[:-1] + b" ")
    damaged.chmod(0o644)

    with start_lambda("--volume", f"{damaged}:/var/task/{scorecard}:ro") as container:
        status, _, body = container.ask("POST", LAMBDA_PATH, json.dumps(dict(EXAMPLE)).encode())
        logs = container.logs()

    assert b"Prediction" not in body, status
    assert "scorecard.json has sha256" in logs
    assert "It was changed or damaged." in logs


def test_the_function_scores_a_file_of_the_bucket(bucket_function, bucket, tmp_path):
    s3_event = bucket.put("customers.csv", SAMPLE)

    answer = bucket_function.invoke(s3_event)

    assert not answer or "errorMessage" not in answer, answer
    results = bucket.results_of("customers.csv")
    (tmp_path / "customers.csv").write_bytes(SAMPLE)
    words = [sys.executable, str(ROOT / "app/cli"), "score", "customers.csv", "-o", "out"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert set(results) == {"predictions.csv", "rejects.csv", "summary.json"}
    assert results["predictions.csv"] == (tmp_path / "out" / "predictions.csv").read_bytes()


@pytest.mark.soak
def test_the_function_accepts_uploads_and_reports_their_jobs(bucket_function, bucket):
    job = upload(bucket_function.invoke, bucket, gzip.compress(SAMPLE))

    assert job["status"] == "done"
    assert sorted(job["files"]) == ["predictions.csv", "rejects.csv", "summary.json"]


def test_a_large_object_is_scored_within_the_memory_of_the_function(bucket_function, bucket):
    s3_event = bucket.put("many.csv", b"".join(pieces(OBJECT_ROWS)))

    started = time.monotonic()
    answer = bucket_function.invoke(s3_event)
    seconds = time.monotonic() - started

    assert not answer or "errorMessage" not in answer, answer
    results = bucket.results_of("many.csv")
    summary = json.loads(results["summary.json"])
    assert (summary["rows_in"], summary["rows_scored"]) == (OBJECT_ROWS, OBJECT_ROWS)
    assert results["predictions.csv"].count(b"\n") == OBJECT_ROWS + 1
    peak, kills, most = bucket_function.memory()
    note(
        what="an object through the function",
        rows=OBJECT_ROWS,
        seconds=round(seconds, 1),
        process_mb=round(most / 1e6),
        peak_mb=round(peak / 1e6),
    )
    assert kills == 0
    assert most < MOST_BYTES
    assert peak <= 512 * 1024**2
