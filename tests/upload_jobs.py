"""Uploads as a client makes them, and the jobs that score them."""

from collections.abc import Callable
from typing import Any

import requests
from buckets import Buckets, event_of, no_deadline
from flask.testing import FlaskClient

from app.jobs import s3
from app.jobs.scoring import Scoring


def send(form: dict[str, Any], content: bytes) -> requests.Response:
    """Send a file by its form, as a browser does."""
    return requests.post(form["url"], data=form["fields"], files={"file": ("list.csv", content)}, timeout=30)


def job_of(client: FlaskClient, form: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Return the state of the job of an upload."""
    answer = client.get(form["job"], headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json


def upload_scorer(bucket: Buckets, scoring: Scoring) -> Callable[..., dict[str, Any]]:
    """Return a function that scores an uploaded file, as Lambda does, and returns the log entry."""
    store = bucket.store(scoring)

    def score(key: str, remaining_ms: Callable[[], float] = no_deadline, store: s3.Store = store) -> dict[str, Any]:
        head = bucket.client.head_object(Bucket=bucket.inbox, Key=key)
        event = event_of(bucket.inbox, key, head["ContentLength"], head["ETag"], head.get("VersionId"))
        entries: list[dict[str, Any]] = []
        try:
            s3.handle(event, store, remaining_ms, entries.append)
        except s3.RetryableError:
            assert entries[0]["status"] in s3.DELIVER_AGAIN
        return entries[0]

    return score
