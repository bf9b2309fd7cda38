"""make deploy-aws and make redrive-aws, against stand-ins of aws, docker, curl and osls."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stand_in_commands
from cloudformation import (
    IMAGE,
    ROOT,
)
from shipped import EXAMPLE

from deploy import aws


def make(*words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CHURN_", "AWS_", "MAKE"))}
    command = [shutil.which("make"), "--no-print-directory", *words, f"PYTHON={sys.executable}"]
    return subprocess.run(
        command, cwd=ROOT, env={**environ, "PATH": path or environ["PATH"]}, capture_output=True, text=True, timeout=60
    )


def test_a_dry_run_prints_the_commands_in_order_and_needs_nothing(tmp_path):
    for tool in ("sh", "env"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    done = make("deploy-aws", "DRY_RUN=1", "STAGE=prod", "REGION=eu-west-1", path=str(tmp_path))

    assert done.returncode == 0, done.stderr
    steps = [
        "aws sts get-caller-identity",
        "aws ecr create-repository --repository-name churn --image-tag-mutability IMMUTABLE",
        "aws ecr put-lifecycle-policy",
        "docker build --platform linux/amd64 -f Dockerfile.lambda",
        "docker login --username AWS --password-stdin",
        "docker push",
        "DIGEST=$(aws ecr describe-images",
        "export CHURN_IMAGE_URI=$REGISTRY/churn@$DIGEST",
        "node_modules/.bin/osls deploy --stage prod --region eu-west-1",
        '"$API/health"',
        '"$API/v1/customer"',
        "aws lambda invoke --function-name churn-prod-batch",
        "make deploy-aws STAGE=prod REGION=eu-west-1 IMAGE=$CHURN_IMAGE_URI",
    ]
    output = re.sub(r" \\\n +", " ", done.stdout)
    order = [output.index(step) for step in steps]
    assert order == sorted(order)
    assert json.dumps(dict(EXAMPLE)) in done.stdout


def test_an_earlier_image_is_deployed_again_without_building():
    done = make("deploy-aws", "DRY_RUN=1", f"IMAGE={IMAGE}")

    assert f"export CHURN_IMAGE_URI={IMAGE}\n" in done.stdout
    assert " build " not in done.stdout
    assert " push " not in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["STAGE=Prod"], 'STAGE must be 1 to 15 lower-case letters, digits and hyphens, such as dev, not "Prod".'),
        (["STAGE=a;b"], "STAGE must be"),
        (["STAGE=" + "s" * 16], "STAGE must be"),
        (["REGION=europe"], 'REGION must be a region of AWS, such as eu-central-1, not "europe".'),
        (["IMAGE=churn:latest"], "IMAGE must be an image in ECR in eu-central-1, by digest"),
        ([f"IMAGE={IMAGE}", "REGION=eu-west-1"], "IMAGE must be an image in ECR in eu-west-1, by digest"),
    ],
)
def test_options_that_aws_would_refuse_are_refused_before_anything_starts(words, sentence):
    done = make("deploy-aws", "DRY_RUN=1", *words)

    assert done.returncode != 0
    assert sentence in done.stderr
    assert done.stdout == ""


@pytest.fixture
def tools(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder of stand-ins for aws, docker, curl, node and osls, and of their state."""
    stand_in_commands.write(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name in list(os.environ):
        if name.startswith(("AWS_", "CHURN_")):
            monkeypatch.delenv(name)
    return tmp_path


def deployed(tools: Path, executions: int, image: str = "") -> subprocess.CompletedProcess[str]:
    (tools / "executions").write_text(str(executions))
    script = aws.deployment("dev", "eu-central-1", image, builder="docker", tag="tag").replace(aws.OSLS, "osls")
    return subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_deployment_passes_the_digest_that_was_pushed_to_osls(tools):
    done = deployed(tools, executions=1000)

    assert done.returncode == 0, done.stderr
    image = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/churn@sha256:{'ab' * 32}"
    assert f"CHURN_IMAGE_URI={image}" in (tools / "environment").read_text().splitlines()
    assert f"make deploy-aws STAGE=dev REGION=eu-central-1 IMAGE={image}" in done.stdout
    calls = (tools / "calls").read_text()
    assert "ecr create-repository" in calls
    assert "osls deploy --stage dev --region eu-central-1" in calls
    assert "CHURN_BATCH_CONCURRENCY" not in (tools / "environment").read_text()


def test_nothing_is_reserved_in_an_account_with_ten_executions(tools):
    done = deployed(tools, executions=10, image=IMAGE)

    assert done.returncode == 0, done.stderr
    assert "CHURN_BATCH_CONCURRENCY=0" in (tools / "environment").read_text().splitlines()
    assert "This account runs 10 executions at once" in done.stderr


def test_a_deployment_ends_at_the_first_command_that_fails(tools):
    (tools / "docker").write_text("#!/bin/sh\nexit 1\n")

    done = deployed(tools, executions=1000)

    assert done.returncode != 0
    assert "osls" not in (tools / "calls").read_text()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["aws", "ecr", "delete-everything"], 252),
        (["aws", "sts", "get-caller-identity", "--profile-name", "x"], 252),
        (["aws", "ecr", "create-repository"], 252),
        (["aws", "ecr", "describe-images", "--repository-name", "churn", "--image-ids", "imageTag=tag"], 254),
        (["aws", "cloudformation", "describe-stacks", "--stack-name", "churn-dev"], 254),
        (["aws", "sqs", "receive-message", "--queue-url", "https://queue"], 254),
        (["docker", "push", "churn:tag"], 1),
        (["docker", "build", "--sbom", "."], 125),
        (["curl", "--fail", "https://api"], 6),
        (["osls", "deploy", "--stage", "dev", "--region", "eu-central-1"], 1),
        (["node", "script.js"], 1),
    ],
)
def test_a_fake_command_fails_where_the_real_command_would(tools, words, code):
    assert subprocess.run(words, cwd=ROOT, capture_output=True, timeout=30).returncode == code


def failure(key: str) -> str:
    event = {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "inbox"}, "object": {"key": key}}}]}
    return json.dumps({"requestPayload": event, "responsePayload": {"errorMessage": f"S3 failed to read {key}."}})


def test_redrive_sends_every_event_of_the_queue_again_and_empties_it(tools, capfd):
    keys = ["incoming/a.csv", "incoming/b+c.csv", "incoming/d.csv"]
    for number, key in enumerate(keys):
        (tools / "queue" / str(number)).write_text(failure(key))

    code = aws.main(["redrive", "--stage", "dev"])

    sent = [json.loads(line) for line in (tools / "sent").read_text().splitlines()]
    assert code == 0
    assert [event["Records"][0]["s3"]["object"]["key"] for event in sent] == keys
    assert list((tools / "queue").iterdir()) == []
    output = capfd.readouterr()
    assert "3 events sent again." in output.out
    assert "s3://inbox/incoming/a.csv\n    S3 failed to read incoming/a.csv." in output.err


def test_an_event_that_could_not_be_sent_stays_in_the_queue(tools, capfd):
    (tools / "queue" / "1").write_text(failure("incoming/a.csv"))
    (tools / "no function").touch()

    code = aws.main(["redrive", "--stage", "dev"])

    assert code == 2
    assert "aws lambda invoke failed" in capfd.readouterr().err
    assert len(list((tools / "queue").iterdir())) == 1


def test_a_dry_redrive_prints_its_commands(capfd):
    assert aws.main(["redrive", "--stage", "dev", "--dry-run"]) == 0

    output = capfd.readouterr().out
    steps = ["sqs get-queue-url", "sqs receive-message", "lambda invoke", "sqs delete-message"]
    assert [output.index(step) for step in steps] == sorted(output.index(step) for step in steps)
