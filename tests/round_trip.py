"""A server with a bucket whose drops are scored, as on AWS: S3, its notification, and the handler of Lambda."""

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import boto3
from buckets import Buckets
from ports import free_port

ROOT: Final = Path(__file__).parent.parent
CLI: Final = [sys.executable, str(ROOT / "app/cli")]

# Lambda's part: hands the bucket's notifications to the function, one event after the other.
WORKER: Final = """
import sys, boto3, handler
sqs = boto3.client("sqs")
while True:
    for message in sqs.receive_message(QueueUrl=sys.argv[1], WaitTimeSeconds=1).get("Messages", []):
        record = {"messageId": message["MessageId"], "eventSource": "aws:sqs", "body": message["Body"]}
        handler.batch({"Records": [record]})
        sqs.delete_message(QueueUrl=sys.argv[1], ReceiptHandle=message["ReceiptHandle"])
"""

_FOR_PAGES: Final = {
    "CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET", "POST"], "AllowedHeaders": ["content-type"]}]
}


@contextlib.contextmanager
def round_trip(s3: Any, moto_server: str, endpoint: str, folder: Path, **environment: str) -> Iterator[SimpleNamespace]:
    """Give the `url` of the server, its `log`, the `worker` and the `buckets`; the server names S3 as `endpoint`."""
    buckets = Buckets(s3, secrets.token_hex(6), versioned=True)
    for name in (buckets.inbox, buckets.results):
        s3.put_bucket_cors(Bucket=name, CORSConfiguration=_FOR_PAGES)
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName=buckets.inbox)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    configuration = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=buckets.inbox,
        NotificationConfiguration={"QueueConfigurations": [configuration]},
        SkipDestinationValidation=True,
    )
    port = free_port()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CHURN_")},
        "CHURN_INBOX_BUCKET": buckets.inbox,
        "CHURN_RESULTS_BUCKET": buckets.results,
        "CHURN_MAX_JOB_BYTES": "20000000",
        "PORT": str(port),
        "CPU_CORES": "1",
        **environment,
    }
    log = folder / "log"
    with log.open("wb") as out:
        running = [
            subprocess.Popen(words, cwd=ROOT, env={**environ, "AWS_ENDPOINT_URL": to}, stdout=out, stderr=out)
            for words, to in (
                ([*CLI, "serve"], endpoint),
                ([sys.executable, "-c", WORKER, queue], moto_server),
            )
        ]
    try:
        subprocess.run([*CLI, "ask", "--wait", "60"], env=environ, check=True, capture_output=True)
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}", log=log, buckets=buckets, worker=running[1])
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)
