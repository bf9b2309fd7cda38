"""The Lambda handler under awslambdaric, the runtime of the image."""

import json
from types import SimpleNamespace

import pytest
from commands import run_python
from http_events import event

import handler

CONTEXT = SimpleNamespace(
    aws_request_id="id-of-lambda", function_name="churn", get_remaining_time_in_millis=lambda: 25_000
)


def test_the_runtime_finds_the_functions_and_can_send_their_answers():
    bootstrap = pytest.importorskip("awslambdaric.bootstrap")
    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller").LambdaMarshaller()

    for name in ("handler", "api", "batch"):
        assert bootstrap._get_handler(f"handler.{name}") is getattr(handler, name)
    answer = handler.handler(marshaller.unmarshal_request(json.dumps(event("http_api_v2")).encode()), CONTEXT)
    sent, kind = marshaller.marshal_response(answer)
    assert (json.loads(sent), kind) == (answer, "application/json")


RUNTIME_SCRIPT = """
import json, sys
from types import SimpleNamespace
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from http_events import event
from shipped import EXAMPLE

class Service:
    marshaller = LambdaMarshaller()
    calls = iter([{"ping": True}, dict(EXAMPLE), {}, event("http_alb", "/health", "GET")])
    def wait_next_invocation(self):
        message = next(self.calls, None)
        if message is None:
            sys.exit(0)
        return SimpleNamespace(
            invoke_id="c6af9ac6", tenant_id=None, x_amzn_trace_id="Root=1-5759e988-bd862e3fe1be46a994272793",
            event_body=json.dumps(message).encode(), content_type="application/json", client_context=None,
            cognito_identity=None, invoked_function_arn="arn", deadline_time_in_ms=9e12, invocation_id=None)
    def post_invocation_result(self, invoke_id, result, *_):
        print("RESULT", result)
    def post_invocation_error(self, invoke_id, error, *_):
        print("ERROR", error)
    def post_init_error(self, error):
        print("INIT", json.dumps(error))

bootstrap.run("handler.handler", Service())
"""


def test_under_the_runtime_events_are_answered_and_errors_reported():
    pytest.importorskip("awslambdaric")

    done = run_python(RUNTIME_SCRIPT, AWS_LAMBDA_FUNCTION_NAME="churn-api")

    assert done.returncode == 0, done.stderr
    results = [line for line in done.stdout.splitlines() if line.startswith(("RESULT", "ERROR"))]
    assert json.loads(results[0].removeprefix("RESULT "))["status"] == "ok"
    assert json.loads(results[1].removeprefix("RESULT ")) == {"Prediction": "churn"}
    assert json.loads(results[2].removeprefix("ERROR "))["errorType"] == "EventError"
    assert json.loads(results[3].removeprefix("RESULT "))["statusDescription"] == "200 OK"
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"time"')]
    assert [line.get("FunctionName") for line in lines] == [None, "churn-api", "churn-api"]
    assert {line["trace_id"] for line in lines[:2]} == {"5759e988bd862e3fe1be46a994272793"}


def test_the_runtime_reports_why_a_model_cannot_be_loaded():
    pytest.importorskip("awslambdaric")

    done = run_python(RUNTIME_SCRIPT, CHURN_MODEL_VERSION="9.9.9")

    (line,) = [line for line in done.stdout.splitlines() if line.startswith("INIT")]
    error = json.loads(line.removeprefix("INIT "))
    assert (done.returncode, error["errorType"]) == (1, "ArtifactError")
    assert "9.9.9" in error["errorMessage"]
