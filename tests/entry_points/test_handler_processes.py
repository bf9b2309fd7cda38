"""The Lambda handler in a process of its own: files of the bucket, uploads, and what stops the start."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bad_input import HEADER, ROW, form_of
from buckets import upload
from commands import run_python
from http_events import event

from model import artifact

ROOT = Path(__file__).parents[2]
MODEL = artifact.load()

EVENTS_SCRIPT = """
import json, sys
# As in the image, which has none; pyarrow would import it here.
class WithoutPandas:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, WithoutPandas())
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
print("LOADED", "sklearn" in sys.modules)
"""


def invoke_with(events: list[object], bucket, remaining_ms: int = 900_000) -> tuple[list[dict[str, object]], list[str]]:
    """Invoke the function with events as Lambda would; return its log lines and the result of each."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EVENTS_SCRIPT, str(remaining_ms)],
        cwd=ROOT,
        env={**os.environ, "CHURN_INBOX_BUCKET": bucket.inbox, "CHURN_RESULTS_BUCKET": bucket.results},
        input=json.dumps(events),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    output = done.stdout.splitlines()
    assert output.pop() == "LOADED False"
    return [json.loads(line) for line in output if line.startswith("{")], [line for line in output if line[0] != "{"]


def test_a_file_in_the_inbox_is_scored_logged_and_counted(bucket):
    content = f"{HEADER}\nA,{ROW}\nB,{ROW.replace('12', 'x', 1)}\n".encode()
    event = bucket.put("list.csv", content)

    (done, skipped), ends = invoke_with([event, event], bucket)

    assert ends == ["ANSWER null", "ANSWER null"]
    assert sorted(bucket.results_of("list.csv")) == ["predictions.csv", "rejects.csv", "summary.json"]
    assert (done["status"], done["cold_start"], done["aws_request_id"]) == ("done", True, "id-of-lambda")
    assert [done[name] for name in ("Jobs", "Failed", "Rows", "Rejects", "Bytes", "ColdStart")] == [
        *(1, 0, 2, 1, len(content), 1)
    ]
    assert (done["FunctionName"], done["Seconds"]) == ("churn-batch", done["seconds"])
    assert skipped["status"] == "skipped"
    assert not {"_aws", "cold_start"} & set(skipped)


def test_the_drift_of_a_large_enough_file_is_reported(bucket):
    rows = "".join(f"{number},{ROW}\n" for number in range(500))

    (large, small), _ = invoke_with(
        [
            bucket.put(name, content.encode())
            for name, content in {"large.csv": f"{HEADER}\n{rows}", "small.csv": f"{HEADER}\n1,{ROW}\n"}.items()
        ],
        bucket,
    )

    assert large["DriftMax"] == large["drift_max"] > 1, "five hundred times the same customer"
    assert large["ScorePsi"] == large["score_psi"] > 1
    assert {"DriftMax", "ScorePsi"} <= {metric["Name"] for metric in large["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert not {"DriftMax", "ScorePsi", "drift_max"} & set(small)


FUNCTION_SCRIPT = """
import json, sys
import handler
for line in sys.stdin:
    print("ANSWER", json.dumps(handler.handler(json.loads(line))), flush=True)
"""


@pytest.fixture
def function(bucket):
    """A process of the function that has both buckets; call it with one event after another."""
    environ = {**os.environ, "CHURN_INBOX_BUCKET": bucket.inbox, "CHURN_RESULTS_BUCKET": bucket.results}
    words = [sys.executable, "-W", "error", "-c", FUNCTION_SCRIPT]
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


def test_a_file_is_uploaded_scored_and_reported_by_events_alone(function, bucket):
    job = upload(function, bucket, f"{HEADER}\nA,{ROW}\nB,{ROW.replace('12', 'x', 1)}\n".encode())

    assert (job["status"], job["summary"]["rows_in"], job["summary"]["rows_rejected"]) == ("done", 2, 1)
    assert len(job["files"]) == 3


def test_a_body_too_large_for_lambda_is_refused_with_the_upload_route_where_configured(function, bucket):
    answer = function(event("http_api_v2", "/v2/batches", body=b"x" * 4_800_000, as_base64=True))

    assert answer["statusCode"] == 413
    advice = f"or create an upload with POST /v2/uploads, or drop it into s3://{bucket.inbox}/incoming/"
    assert advice in json.loads(answer["body"])["detail"]


def test_a_file_that_cannot_be_scored_is_counted_as_failed_and_not_tried_again(bucket):
    (line,), ends = invoke_with([bucket.put("list.xlsx", b"PK")], bucket)

    assert ends == ["ANSWER null"]
    assert (line["status"], line["Failed"], line["Jobs"]) == ("failed", 1, 1)


def test_out_of_time_the_event_is_delivered_again(bucket):
    event = bucket.put("list.csv", f"{HEADER}\nA,{ROW}\n".encode())
    queued = {"Records": [{"eventSource": "aws:sqs", "messageId": "m-1", "body": json.dumps(event)}]}

    lines, ends = invoke_with([event, queued], bucket, remaining_ms=0)

    assert [line["status"] for line in lines] == ["retry", "retry"]
    assert ends[0].startswith("ERROR RetryableError")
    assert ends[1] == 'ANSWER {"batchItemFailures": [{"itemIdentifier": "m-1"}]}'
    assert bucket.contents() == {}


def test_the_first_call_alone_is_cold():
    code = "import handler\nfor _ in range(3): handler.handler({'ping': True}, None)"

    done = run_python(code)

    assert [json.loads(line).get("cold_start") for line in done.stdout.splitlines()] == [True, None, None]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"CHURN_MODEL_VERSION": "9.9.9"}, "9.9.9"),
        ({"CHURN_THRESHOLD": "2"}, 'CHURN_THRESHOLD must be a number between 0 and 1, such as 0.35, not "2".'),
        ({"CHURN_BASE_PATH": "churn/"}, "CHURN_BASE_PATH must be a path such as /churn, without a slash at its end"),
    ],
)
def test_bad_settings_stop_the_start_with_a_sentence(environment, sentence):
    done = run_python("import handler", **environment)

    assert done.returncode != 0
    assert sentence in done.stderr.splitlines()[-1]


def test_a_damaged_model_stops_the_start_with_a_sentence(tmp_path):
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


AUDIT_SCRIPT = """
import json, os, sys
opened = []
def note(name, found):
    if name == "open" and (found[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        opened.append(str(found[0]))
    elif name.split(".")[0] in ("os", "shutil", "tempfile") and name not in ("os.listdir", "os.scandir", "os.putenv"):
        opened.extend(str(part) for part in found if isinstance(part, str) and "/" in part)
sys.addaudithook(note)
import handler
http_event = json.load(sys.stdin)
assert handler.handler(http_event, None)["statusCode"] == 200
print(json.dumps(opened), file=sys.stderr)
"""


@pytest.mark.no_cover
def test_an_upload_is_spooled_into_the_temporary_folder_only(tmp_path):
    rows = "".join(f"{number},{ROW}\n" for number in range(55_000))
    form = form_of(("file", f"{HEADER}\n{rows}".encode()))
    http_event = event(
        "http_api_v2",
        "/v1/customerbatch",
        body=form,
        headers={"content-type": "multipart/form-data; boundary=cut"},
        as_base64=True,
    )

    done = subprocess.run(
        [sys.executable, "-B", "-c", AUDIT_SCRIPT],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        input=json.dumps(http_event),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    opened = json.loads(done.stderr.splitlines()[-1])
    assert opened, "a file part of over 500 KB is spooled to disk"
    assert [name for name in opened if not name.startswith((str(tmp_path), "/dev/"))] == []
    assert list(tmp_path.iterdir()) == []
