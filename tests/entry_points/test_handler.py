"""Lambda's door as a whole: what it does with an event of any shape, and what a cold start costs and loads."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from buckets import upload
from edges import EDGES, event, recorded
from test_app_nasty import HEADER, JSON_BODIES, ROW, form_of

import handler
from app.jobs.s3_events import EventError
from model import artifact
from model.schema import EXAMPLE, NAMES

ROOT = Path(__file__).parents[2]
CONTEXT = SimpleNamespace(
    aws_request_id="id-of-lambda", function_name="churn", get_remaining_time_in_millis=lambda: 25_000
)
MODEL = artifact.load()


def lines(capsys) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("door", [handler.handler, handler.api], ids=["handler", "api"])
@pytest.mark.parametrize("edge", EDGES)
def test_an_event_of_http_is_answered(door, edge):
    answer = door(event(edge, body=json.dumps(dict(EXAMPLE)).encode()), CONTEXT)

    assert (answer["statusCode"], answer["body"]) == (200, '{"Prediction": "churn"}')


@pytest.mark.parametrize("door", [handler.handler, handler.api], ids=["handler", "api"])
def test_a_customer_as_the_event_is_scored(door, make_customer):
    assert door(make_customer(), CONTEXT) == {"Prediction": "churn"}
    assert door(make_customer(tenure="60", Contract="two year"), CONTEXT) == {"Prediction": "not churn"}
    assert door({name.upper(): value for name, value in EXAMPLE.items()}, None) == {"Prediction": "churn"}


def test_a_bad_customer_as_the_event_gives_the_problem_of_http(make_customer, capsys):
    answer = handler.handler(make_customer(tenure=-1, Contract=...), CONTEXT)

    assert (answer["status"], answer["code"], answer["instance"]) == (422, "bad_customer", "id-of-lambda")
    assert [(each["field"], each["code"]) for each in answer["errors"]] == [
        ("tenure", "out_of_range"),
        ("Contract", "missing"),
    ]
    (line,) = lines(capsys)
    assert (line["event"], line["status"], line["code"], line["Errors4xx"]) == ("customer", 422, "bad_customer", 1)


def parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


# Nasty as bytes only.
FINE = {"UTF-16", "10 MB"}
DIRECT = {id: parsed(body) for id, (body, *_) in JSON_BODIES.items() if id not in FINE}
DIRECT = {id: found for id, found in DIRECT.items() if isinstance(found, dict)}


@pytest.mark.parametrize("found", DIRECT.values(), ids=DIRECT)
def test_a_nasty_customer_as_the_event_is_a_problem_or_is_refused(found):
    try:
        answer = handler.handler(found, CONTEXT)
    except EventError as error:
        assert not {*found} & {*NAMES}, error
    else:
        assert answer["status"] == 422
        json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize("door", [handler.handler, handler.api, handler.batch], ids=["handler", "api", "batch"])
@pytest.mark.parametrize("ping", [{"ping": True}, {"ping": True, "source": "aws.events"}])
def test_a_ping_is_answered_and_not_counted(door, ping, capsys):
    answer = door(ping, CONTEXT)

    assert answer == {"status": "ok", "model_version": MODEL.version, "model_sha256": MODEL.sha256}
    (line,) = lines(capsys)
    assert line["event"] == "ping"
    assert "Requests" not in line


SCHEDULED = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}

# id: (event, words of the message)
UNKNOWN: dict[str, tuple[object, str]] = {
    "empty": ({}, "The event is empty."),
    "null": (None, "The event is not a JSON object."),
    "a list": ([dict(EXAMPLE)], "The event is not a JSON object."),
    "text": ("tenure", "The event is not a JSON object."),
    "other names": ({"a": 1, "b": 2}, 'The event has "a" and "b".'),
    "a customer wrapped": ({"customer": dict(EXAMPLE)}, "a customer with its fields at top level"),
    "only an id": ({"customerID": "0002-EXMPL"}, 'The event has "customerID".'),
    "ids as names": ({"0002-EXMPL": "Churn", "x": 1}, 'The event has "x" and 1 other members.'),
    "a schedule": (SCHEDULED, 'let the rule send {"ping": true}'),
    "a schedule that pings otherwise": ({**SCHEDULED, "ping": "true"}, 'let the rule send {"ping": true}'),
    "another warm-up": ({"source": "serverless-plugin-warmup"}, 'The event has "source".'),
    "a remote command": ({"_serverless-wsgi": {"command": "exec", "data": "print(1)"}}, "1 other members"),
    "a websocket": ({"requestContext": {"connectionId": "a", "eventType": "CONNECT"}}, '"requestContext"'),
    "the old Lambda integration": ({"method": "GET", "requestPath": "/"}, '"method" and "requestPath"'),
    "another service": (
        {"source": "aws.ec2", "detail-type": "x", "detail": {}},
        '"source", "detail-type" and "detail"',
    ),
}


@pytest.mark.parametrize("door", [handler.handler, handler.api, handler.batch], ids=["handler", "api", "batch"])
@pytest.mark.parametrize(("found", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_event_fails_with_what_it_is(door, found, words):
    with pytest.raises(EventError) as caught:
        door(found, CONTEXT)

    assert words in str(caught.value)
    assert "EXMPL" not in str(caught.value)


@pytest.mark.parametrize("name", ["s3_put_2_6_versioned", "s3_test_event", "eventbridge_created", "sqs_s3", "sns_s3"])
def test_an_event_of_the_bucket_is_none_of_http(name):
    with pytest.raises(EventError):
        handler.api(recorded(name), CONTEXT)


def test_a_request_is_none_of_the_bucket():
    with pytest.raises(EventError):
        handler.batch(event("http_api_v2"), CONTEXT)


def test_a_remote_command_beside_a_request_does_nothing(capsys):
    made = event("http_api_v2", "/health", "GET", **{"_serverless-wsgi": {"command": "exec", "data": "print('done')"}})

    assert handler.handler(made, CONTEXT)["statusCode"] == 200
    assert "done" not in capsys.readouterr().out


def test_nothing_of_one_call_is_left_in_the_next(monkeypatch, capsys):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    handler.handler(dict(EXAMPLE), CONTEXT)
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    handler.handler(dict(EXAMPLE), None)

    first, second = lines(capsys)
    assert (first["trace_id"], first["aws_request_id"]) == ("5759e988bd862e3fe1be46a994272793", "id-of-lambda")
    assert not {"trace_id", "aws_request_id", "_aws"} & set(second)


# What only a fresh process shows.

DROPS = """
import json, sys
import handler
from types import SimpleNamespace

context = SimpleNamespace(
    aws_request_id="id-of-lambda", function_name="churn-batch", get_remaining_time_in_millis=lambda: int(sys.argv[1])
)
for event in json.load(sys.stdin):
    try:
        print("ANSWER", json.dumps(handler.handler(event, context)))
    except Exception as error:
        print("ERROR", type(error).__name__, error)
print("LOADED", "pandas" in sys.modules or "sklearn" in sys.modules)
"""


def drop(events: list[object], bucket, remaining_ms: int = 900_000) -> tuple[list[dict[str, object]], list[str]]:
    """Hand events to the function as Lambda would, and return its lines and how it ended each."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DROPS, str(remaining_ms)],
        cwd=ROOT,
        env={**os.environ, "CHURN_INBOX_BUCKET": bucket.inbox, "CHURN_RESULTS_BUCKET": bucket.results},
        input=json.dumps(events),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said.pop() == "LOADED False"
    return [json.loads(line) for line in said if line.startswith("{")], [line for line in said if line[0] != "{"]


def test_a_dropped_file_is_scored_logged_and_counted(bucket):
    content = f"{HEADER}\nA,{ROW}\nB,{ROW.replace('12', 'x', 1)}\n".encode()
    event = bucket.drop("list.csv", content)

    (done, skipped), ends = drop([event, event], bucket)

    assert ends == ["ANSWER null", "ANSWER null"]
    assert sorted(bucket.results_of("list.csv")) == ["predictions.csv", "rejects.csv", "summary.json"]
    assert (done["status"], done["cold_start"], done["aws_request_id"]) == ("done", True, "id-of-lambda")
    assert [done[name] for name in ("Jobs", "Failed", "Rows", "Rejects", "Bytes", "ColdStart")] == [
        *(1, 0, 2, 1, len(content), 1)
    ]
    assert (done["FunctionName"], done["Seconds"]) == ("churn-batch", done["seconds"])
    assert skipped["status"] == "skipped"
    assert not {"_aws", "cold_start"} & set(skipped)


def test_a_file_that_is_large_enough_tells_its_drift(bucket):
    rows = "".join(f"{number},{ROW}\n" for number in range(500))

    (large, small), _ = drop(
        [
            bucket.drop(name, content.encode())
            for name, content in {"large.csv": f"{HEADER}\n{rows}", "small.csv": f"{HEADER}\n1,{ROW}\n"}.items()
        ],
        bucket,
    )

    assert large["DriftMax"] == large["drift_max"] > 1, "five hundred times the same customer"
    assert large["ScorePsi"] == large["score_psi"] > 1
    assert {"DriftMax", "ScorePsi"} <= {metric["Name"] for metric in large["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert not {"DriftMax", "ScorePsi", "drift_max"} & set(small)


FUNCTION = """
import json, sys
import handler
for line in sys.stdin:
    print("ANSWER", json.dumps(handler.handler(json.loads(line))), flush=True)
"""


@pytest.fixture
def function(bucket):
    """A process of the function that has both buckets; call it with one event after the other."""
    environ = {**os.environ, "CHURN_INBOX_BUCKET": bucket.inbox, "CHURN_RESULTS_BUCKET": bucket.results}
    words = [sys.executable, "-W", "error", "-c", FUNCTION]
    with subprocess.Popen(
        words, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def invoke(event):
            process.stdin.write(json.dumps(event) + "\n")
            process.stdin.flush()
            answer = next(line for line in process.stdout if line.startswith("ANSWER "))
            return json.loads(answer.removeprefix("ANSWER "))

        yield invoke
        process.stdin.close()


def test_a_file_is_uploaded_and_its_job_told_by_events_alone(function, bucket):
    job = upload(function, bucket, f"{HEADER}\nA,{ROW}\nB,{ROW.replace('12', 'x', 1)}\n".encode())

    assert (job["status"], job["summary"]["rows_in"], job["summary"]["rows_rejected"]) == ("done", 2, 1)
    assert len(job["files"]) == 3


def test_what_is_too_large_for_lambda_is_sent_to_the_uploads_where_there_are_some(function, bucket):
    answer = function(event("http_api_v2", "/v2/batches", body=b"x" * 4_800_000, as_base64=True))

    assert answer["statusCode"] == 413
    advice = f"or begin an upload with POST /v2/uploads, or drop it into s3://{bucket.inbox}/incoming/"
    assert advice in json.loads(answer["body"])["detail"]


def test_a_file_that_cannot_be_scored_is_counted_as_failed_and_not_tried_again(bucket):
    (line,), ends = drop([bucket.drop("list.xlsx", b"PK")], bucket)

    assert ends == ["ANSWER null"]
    assert (line["status"], line["Failed"], line["Jobs"]) == ("failed", 1, 1)


def test_out_of_time_the_event_is_delivered_again(bucket):
    event = bucket.drop("list.csv", f"{HEADER}\nA,{ROW}\n".encode())
    queued = {"Records": [{"eventSource": "aws:sqs", "messageId": "m-1", "body": json.dumps(event)}]}

    lines, ends = drop([event, queued], bucket, remaining_ms=0)

    assert [line["status"] for line in lines] == ["retry", "retry"]
    assert ends[0].startswith("ERROR RetryableError")
    assert ends[1] == 'ANSWER {"batchItemFailures": [{"itemIdentifier": "m-1"}]}'
    assert bucket.found() == {}


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("CHURN_", "AWS_"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={**plain, "PYTHONPATH": str(ROOT / "tests"), **environment},
        capture_output=True,
        text=True,
    )


def test_the_first_call_alone_is_cold():
    code = "import handler\nfor _ in range(3): handler.handler({'ping': True}, None)"

    done = python(code)

    assert [json.loads(line).get("cold_start") for line in done.stdout.splitlines()] == [True, None, None]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"CHURN_MODEL_VERSION": "9.9.9"}, "9.9.9"),
        ({"CHURN_THRESHOLD": "2"}, 'CHURN_THRESHOLD must be a number between 0 and 1, such as 0.35, not "2".'),
        ({"CHURN_BASE_PATH": "churn/"}, "CHURN_BASE_PATH must be a path such as /churn, without a slash at its end"),
    ],
)
def test_what_cannot_be_served_fails_the_start_with_its_sentence(environment, sentence):
    done = python("import handler", **environment)

    assert done.returncode != 0
    assert sentence in done.stderr.splitlines()[-1]


def test_a_damaged_model_fails_the_start_with_its_sentence(tmp_path):
    for name in ("app", "model", "handler.py"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "training"))
        else:
            shutil.copy(source, tmp_path)
    scorecard = tmp_path / "model" / "artifacts" / MODEL.version / "scorecard.json"
    scorecard.write_bytes(scorecard.read_bytes().replace(b"0", b"1", 1))

    done = subprocess.run([sys.executable, "-c", "import handler"], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode != 0
    assert re.fullmatch(r"model\.errors\.ArtifactError: .*scorecard\.json.*\.", done.stderr.splitlines()[-1])


def test_the_runtime_of_lambda_finds_the_doors_and_can_send_what_they_return():
    bootstrap = pytest.importorskip("awslambdaric.bootstrap")
    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller").LambdaMarshaller()

    for name in ("handler", "api", "batch"):
        assert bootstrap._get_handler(f"handler.{name}") is getattr(handler, name)
    answer = handler.handler(marshaller.unmarshal_request(json.dumps(event("http_api_v2")).encode()), CONTEXT)
    sent, kind = marshaller.marshal_response(answer)
    assert (json.loads(sent), kind) == (answer, "application/json")


RUNTIME = """
import json, sys
from types import SimpleNamespace
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from edges import event
from model.schema import EXAMPLE

class Service:
    marshaller = LambdaMarshaller()
    calls = iter([{"ping": True}, dict(EXAMPLE), {}, event("http_alb", "/health", "GET")])
    def wait_next_invocation(self):
        found = next(self.calls, None)
        if found is None:
            sys.exit(0)
        return SimpleNamespace(
            invoke_id="c6af9ac6", tenant_id=None, x_amzn_trace_id="Root=1-5759e988-bd862e3fe1be46a994272793",
            event_body=json.dumps(found).encode(), content_type="application/json", client_context=None,
            cognito_identity=None, invoked_function_arn="arn", deadline_time_in_ms=9e12, invocation_id=None)
    def post_invocation_result(self, invoke_id, result, *_):
        print("RESULT", result)
    def post_invocation_error(self, invoke_id, error, *_):
        print("ERROR", error)
    def post_init_error(self, error):
        print("INIT", json.dumps(error))

bootstrap.run("handler.handler", Service())
"""


def test_under_the_runtime_of_lambda_events_are_answered_and_errors_told():
    pytest.importorskip("awslambdaric")

    done = python(RUNTIME, AWS_LAMBDA_FUNCTION_NAME="churn-api")

    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith(("RESULT", "ERROR"))]
    assert json.loads(told[0].removeprefix("RESULT "))["status"] == "ok"
    assert json.loads(told[1].removeprefix("RESULT ")) == {"Prediction": "churn"}
    assert json.loads(told[2].removeprefix("ERROR "))["errorType"] == "EventError"
    assert json.loads(told[3].removeprefix("RESULT "))["statusDescription"] == "200 OK"
    written = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"time"')]
    assert [line.get("FunctionName") for line in written] == [None, "churn-api", "churn-api"]
    assert {line["trace_id"] for line in written[:2]} == {"5759e988bd862e3fe1be46a994272793"}


def test_the_runtime_of_lambda_tells_why_a_model_cannot_be_loaded():
    pytest.importorskip("awslambdaric")

    done = python(RUNTIME, CHURN_MODEL_VERSION="9.9.9")

    (told,) = [line for line in done.stdout.splitlines() if line.startswith("INIT")]
    error = json.loads(told.removeprefix("INIT "))
    assert (done.returncode, error["errorType"]) == (1, "ArtifactError")
    assert "9.9.9" in error["errorMessage"]


WRITTEN = """
import json, os, sys
opened = []
def note(name, found):
    if name == "open" and (found[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        opened.append(str(found[0]))
    elif name.split(".")[0] in ("os", "shutil", "tempfile") and name not in ("os.listdir", "os.scandir", "os.putenv"):
        opened.extend(str(part) for part in found if isinstance(part, str) and "/" in part)
sys.addaudithook(note)
import handler
made = json.load(sys.stdin)
assert handler.handler(made, None)["statusCode"] == 200
print(json.dumps(opened), file=sys.stderr)
"""


def test_an_upload_is_spooled_into_the_temporary_folder_only(tmp_path):
    rows = "".join(f"{number},{ROW}\n" for number in range(55_000))
    form = form_of(("file", f"{HEADER}\n{rows}".encode()))
    made = event(
        "http_api_v2",
        "/v1/customerbatch",
        body=form,
        headers={"content-type": "multipart/form-data; boundary=cut"},
        as_base64=True,
    )

    done = subprocess.run(
        [sys.executable, "-B", "-c", WRITTEN],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        input=json.dumps(made),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    opened = json.loads(done.stderr.splitlines()[-1])
    assert opened, "a file part of over 500 KB is spooled to disk"
    assert [name for name in opened if not name.startswith((str(tmp_path), "/dev/"))] == []
    assert list(tmp_path.iterdir()) == []
