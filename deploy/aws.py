"""From this folder to AWS: builds the image, pushes it, passes its digest to osls, and sends it a request.

A deployment is a shell script that this module writes. --dry-run prints it, which needs neither AWS nor docker; without
it, bash runs the same text. Imports the standard library, the example customer, and the build command of an image.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from deploy.images import build_command
from model.artifact import load_schema

ROOT: Final = Path(__file__).parent.parent
SERVICE: Final = "churn"
"""As in serverless.yml; also the repository of the images, one for all stages: the tested image is promoted."""

TOOLS: Final = {
    "aws": "the AWS CLI, version 2",
    "bash": "bash",
    "curl": "curl",
    "node": "Node.js 20.19, 22.13, 24 or later",
}

MIN_EXECUTIONS: Final = 200
"""Concurrent executions of the account, for some to be reserved. Lambda refuses to leave fewer than 100 to all other
functions; the quota of a new account may be 10."""

OSLS: Final = "node_modules/.bin/osls"

_DRY_MESSAGE: Final = {"Body": "{}", "ReceiptHandle": "RECEIPT"}


class DeployError(Exception):
    """Something to correct before anything is started; the message names it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.aws", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    deploy = commands.add_parser("deploy", help="build, push and deploy")
    deploy.add_argument("--image", default="", help="deploy this image again (by digest), and build none")
    redrive = commands.add_parser("redrive", help="send the events in the queue of failures to the function again")
    for command in (deploy, redrive):
        command.add_argument("--stage", default="dev", help="dev, prod, ...: a deployment of its own")
        command.add_argument("--region", default="eu-central-1")
        command.add_argument("--dry-run", action="store_true", help="print the commands instead")
    options = parser.parse_args(arguments)
    try:
        check_names(options.stage, options.region)
        if options.command == "redrive":
            return resend(options.stage, options.region, options.dry_run)
        check_image(options.image, options.region)
        script = deployment(options.stage, options.region, options.image, builder=find_builder(), tag=tag())
        if options.dry_run:
            print(script, end="")
            return 0
        check_machine(is_building=not options.image)
        return subprocess.run(["bash", "-c", script], cwd=ROOT, check=False).returncode
    except DeployError as error:
        print(error, file=sys.stderr)
        return 2


def check_names(stage: str, region: str) -> None:
    """Refuse names that AWS would refuse later. A bucket's name contains both, and has at most 63 characters."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", stage, re.ASCII) or len(stage) > 15:
        raise DeployError(f'STAGE must be 1 to 15 lower-case letters, digits and hyphens, such as dev, not "{stage}".')
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", region, re.ASCII):
        raise DeployError(f'REGION must be a region of AWS, such as eu-central-1, not "{region}".')


def check_image(image: str, region: str) -> None:
    """Refuse an image that is not named by digest, or that is in another region."""
    pattern = rf"[0-9]{{12}}\.dkr\.ecr\.{re.escape(region)}\.amazonaws\.com/[a-z0-9._/-]+@sha256:[0-9a-f]{{64}}"
    if image and not re.fullmatch(pattern, image, re.ASCII):
        raise DeployError(
            f"IMAGE must be an image in ECR in {region}, by digest: "
            f'<account>.dkr.ecr.{region}.amazonaws.com/{SERVICE}@sha256:<64 hex digits>, not "{image}".'
        )


def check_machine(is_building: bool) -> None:
    """Report all tools that this machine lacks, in one error."""
    missing = [name for command, name in TOOLS.items() if shutil.which(command) is None]
    if is_building and not (shutil.which("docker") or shutil.which("podman")):
        missing.append("docker or podman")
    if missing:
        raise DeployError(f"This machine lacks {', '.join(missing)}. docs/aws.md lists what a deployment needs.")
    if not (ROOT / OSLS).exists():
        raise DeployError(f"There is no {OSLS}. Run: npm ci")
    if is_building and not (ROOT / "Dockerfile.lambda").exists():
        raise DeployError("There is no Dockerfile.lambda to build. Name an image in ECR with IMAGE=...@sha256:...")


def find_builder() -> str:
    """Return docker, or podman where only that is installed."""
    return "podman" if shutil.which("podman") and not shutil.which("docker") else "docker"


def tag() -> str:
    """Return a tag that was never used: the time, and the commit for those who read the list of images."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        commit = done.stdout.strip()
    except OSError:
        commit = ""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{commit or 'unknown'}"


def deployment(stage: str, region: str, image: str, builder: str, tag: str) -> str:
    """Return the script that deploys, for bash, run in the root of this repository.

    Parameters
    ----------
    image : str
        By digest; if empty, one is built and pushed.
    builder : str
        docker or podman.
    tag : str
        Of the image to be built.
    """
    build = f"export CHURN_IMAGE_URI={image}\n" if image else _build(builder, tag)
    return f"""\
set -euo pipefail
export AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_PAGER= SLS_TELEMETRY_DISABLED=1

# Into which account; fails here where there are no credentials.
ACCOUNT=$(aws sts get-caller-identity --query Account --output text)

{build}
# Executions can be reserved for files only where the account's quota leaves enough. A new account may have 10.
if [ -z "${{CHURN_BATCH_CONCURRENCY:-}}" ]; then
    EXECUTIONS=$(aws lambda get-account-settings --query AccountLimit.ConcurrentExecutions --output text)
    if [ "$EXECUTIONS" -lt {MIN_EXECUTIONS} ]; then
        echo "This account runs $EXECUTIONS executions at once: none are reserved for files. See docs/aws.md." >&2
        export CHURN_BATCH_CONCURRENCY=0
    fi
fi

{OSLS} deploy --stage {stage} --region {region}

# A request to each function. The first start of a new image is slow: AWS fetches it.
API=$(aws cloudformation describe-stacks --stack-name {SERVICE}-{stage} \\
    --query "Stacks[0].Outputs[?OutputKey=='ApiUrl'].OutputValue" --output text)
curl --fail --silent --show-error --max-time 60 --retry 5 --retry-all-errors "$API/health"
echo
curl --fail --silent --show-error --max-time 60 "$API/v1/customer" -H 'Content-Type: application/json' \\
    -d {_quoted(dict(load_schema().example))}
echo
FAULT=$(aws lambda invoke --function-name {SERVICE}-{stage}-batch --cli-binary-format raw-in-base64-out \\
    --payload {_quoted({"ping": True})} /dev/stderr --query FunctionError --output text)
if [ "$FAULT" != None ]; then
    echo "{SERVICE}-{stage}-batch does not start; its output is above." >&2
    exit 1
fi

aws cloudformation describe-stacks --stack-name {SERVICE}-{stage} \\
    --query "Stacks[0].Outputs[].[OutputKey,OutputValue]" --output table
echo "To return to this version: make deploy-aws STAGE={stage} REGION={region} IMAGE=$CHURN_IMAGE_URI"
"""


def _build(builder: str, tag: str) -> str:
    words = build_command(builder, "lambda", tag="$IMAGE")
    build = " ".join('"$IMAGE"' if word == "$IMAGE" else shlex.quote(word) for word in words)
    return f"""\
# The repository of the images: tags never change, images are scanned for known faults, the last hundred are kept.
REGISTRY=$ACCOUNT.dkr.ecr.$AWS_REGION.amazonaws.com
if ! aws ecr describe-repositories --repository-names {SERVICE} >/dev/null 2>&1; then
    aws ecr create-repository --repository-name {SERVICE} --image-tag-mutability IMMUTABLE \\
        --image-scanning-configuration scanOnPush=true --encryption-configuration encryptionType=AES256 >/dev/null
fi
aws ecr put-lifecycle-policy --repository-name {SERVICE} --lifecycle-policy-text file://deploy/images.json >/dev/null

# Lambda takes one image for one platform; attestations would make it a list of images, which Lambda refuses.
IMAGE=$REGISTRY/{SERVICE}:{tag}
BUILDX_NO_DEFAULT_ATTESTATIONS=1 {build}
aws ecr get-login-password | {builder} login --username AWS --password-stdin "$REGISTRY"
{builder} push "$IMAGE"
DIGEST=$(aws ecr describe-images --repository-name {SERVICE} --image-ids imageTag={tag} \\
    --query 'imageDetails[0].imageDigest' --output text)
export CHURN_IMAGE_URI=$REGISTRY/{SERVICE}@$DIGEST
"""


def _quoted(document: object) -> str:
    return shlex.quote(json.dumps(document))


def resend(stage: str, region: str, is_dry: bool) -> int:
    """Send the events in the queue of failures to the function again, and delete them from the queue."""
    aws = _Aws(region, is_dry)
    name = f"{SERVICE}-{stage}-failures"
    queue = aws.run("sqs", "get-queue-url", "--queue-name", name).get("QueueUrl", "QUEUE_URL")
    sent = 0
    while True:
        received = aws.run("sqs", "receive-message", "--queue-url", queue, "--max-number-of-messages", "10")
        messages = received.get("Messages", [])
        for message in [_DRY_MESSAGE] if is_dry else messages:
            failure = json.loads(message["Body"])
            print(*_summary(failure), sep="\n", file=sys.stderr)
            aws.invoke(f"{SERVICE}-{stage}-batch", failure.get("requestPayload", {"Records": []}))
            receipt = message["ReceiptHandle"]
            # Only after Lambda has accepted it: if this stops in between, the event is sent twice, its job done once.
            aws.run("sqs", "delete-message", "--queue-url", queue, "--receipt-handle", receipt)
            sent += 1
        if not messages:
            break
    if not is_dry:
        print(f"{sent} events sent again. Those that fail again are back in {name} after three tries.")
    return 0


def _summary(failure: dict[str, Any]) -> list[str]:
    """Return the files of a failed event and the reason of the failure: names and reasons, no data of customers."""
    lines = []
    for record in (failure.get("requestPayload") or {}).get("Records", []):
        s3 = record.get("s3", {})
        lines.append(f"s3://{s3.get('bucket', {}).get('name')}/{s3.get('object', {}).get('key')}")
    reason = (failure.get("responsePayload") or {}).get("errorMessage")
    return [*lines, f"    {reason}"] if reason else lines


class _Aws:
    """The AWS CLI; in a dry run its commands are printed instead."""

    def __init__(self, region: str, is_dry: bool) -> None:
        self._region = region
        self._is_dry = is_dry

    def run(self, *words: str) -> dict[str, Any]:
        command = ["aws", *words, "--region", self._region, "--output", "json"]
        if self._is_dry:
            print(shlex.join(command))
            return {}
        if shutil.which("aws") is None:
            raise DeployError("This machine lacks the AWS CLI, version 2.")
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False, env={**os.environ, "AWS_PAGER": ""}
        )
        if done.returncode:
            raise DeployError(f"{shlex.join(command[:3])} failed; its output is above.")
        return dict(json.loads(done.stdout or "{}"))

    def invoke(self, function: str, event: object) -> None:
        # By a file: an event with many records is longer than a command may be.
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(event, file)
            file.flush()
            path = "event.json" if self._is_dry else file.name
            words = ["lambda", "invoke", "--function-name", function, "--invocation-type", "Event"]
            self.run(*words, "--cli-binary-format", "raw-in-base64-out", "--payload", f"file://{path}", os.devnull)


if __name__ == "__main__":
    sys.exit(main())
