"""An inbox and a bucket for results on a running server, and the events that S3 sends of what is dropped."""

import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import requests
from http_events import event

from app.jobs import s3
from app.jobs.scoring import Scoring

PLENTY_MS = 900_000


def no_deadline() -> float:
    return PLENTY_MS


class Buckets:
    def __init__(self, client: Any, name: str, versioned: bool = False) -> None:
        self.client = client
        self.inbox, self.results = f"inbox-{name}", f"results-{name}"
        for item in (self.inbox, self.results):
            client.create_bucket(Bucket=item, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
            if versioned:
                client.put_bucket_versioning(Bucket=item, VersioningConfiguration={"Status": "Enabled"})

    @property
    def layout(self) -> s3.BucketLayout:
        return s3.BucketLayout(self.inbox, self.results)

    def store(self, scoring: Scoring, client: Any = None, **more: Any) -> s3.Store:
        return s3.Store(self.layout, scoring, client or self.client, **more)

    def put(self, name: str, content: bytes) -> dict[str, Any]:
        """Put a file, and return the event that S3 sends of it."""
        key = f"incoming/{name}"
        put = self.client.put_object(Bucket=self.inbox, Key=key, Body=content)
        return event_of(self.inbox, key, len(content), put["ETag"], put.get("VersionId"))

    def contents(self, prefix: str = "") -> dict[str, bytes]:
        """Return all that anyone can see in the bucket of results."""
        listed = self.client.list_objects_v2(Bucket=self.results, Prefix=prefix).get("Contents", [])
        return {
            item["Key"]: self.client.get_object(Bucket=self.results, Key=item["Key"])["Body"].read() for item in listed
        }

    def results_of(self, name: str) -> dict[str, bytes]:
        """Return the files of the one job under a name."""
        prefix = f"results/{name}/"
        below = {key.removeprefix(prefix): content for key, content in self.contents(prefix).items()}
        assert len({key.split("/")[0] for key in below}) == 1, sorted(below)
        return {key.split("/")[1]: content for key, content in below.items()}

    def unfinished(self) -> list[str]:
        """Return the keys of uploads that were begun and neither finished nor taken back."""
        return [item["Key"] for item in self.client.list_multipart_uploads(Bucket=self.results).get("Uploads", [])]

    def digests(self) -> dict[str, str]:
        return {key: hashlib.sha256(content).hexdigest() for key, content in self.contents().items()}


def event_of(bucket: str, key: str, size: int, etag: str, version: str | None = None) -> dict[str, Any]:
    details = {
        "key": quote_plus(key, safe="/"),
        "size": size,
        "eTag": etag.strip('"'),
        "sequencer": "0066F1A2B3C4D5E6F7",
    }
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-central-1",
                "eventTime": "2026-11-22T09:14:07.123Z",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "drops",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {**details, "versionId": version} if version else details,
                },
            }
        ]
    }


def upload(invoke: Callable[[object], Any], buckets: Buckets, content: bytes) -> dict[str, Any]:
    """Send a file by the API of a function, let the same function score it, and return the state of the job."""
    begun = invoke(event("http_api_v2", "/v2/uploads"))
    assert (begun["statusCode"], begun["isBase64Encoded"]) == (201, False), begun
    form = json.loads(begun["body"])
    sent = requests.post(form["url"], data=form["fields"], files={"file": content}, timeout=30)
    assert sent.ok, sent.text
    key = form["fields"]["key"]
    head = buckets.client.head_object(Bucket=buckets.inbox, Key=key)
    invoke(event_of(buckets.inbox, key, head["ContentLength"], head["ETag"], head.get("VersionId")))
    answer = invoke(event("http_api_v2", form["job"], "GET"))
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])
