"""Files too large for a request: forms to upload them straight to the inbox bucket, and the state of their jobs.

Keeps no state of its own. A receipt under results/uploads/ records that an id was given out; the objects next to it and
in the inbox are the state. The files themselves are never read: the inbox is only listed.
"""

import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3

from app.jobs import bucket
from app.jobs.bucket import JSON, Bucket, ObjectInfo
from app.jobs.layout import FAILURE, PREDICTIONS, PROGRESS, REJECTS, SUMMARY, UPLOADS, BucketLayout
from app.jobs.s3_errors import GoneError, s3_errors
from model.errors import ChurnError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RECEIPT: Final = "upload.json"
ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
"""128 random bits, in letters that no key, address or event escapes."""

CONTENT_TYPE: Final = "application/octet-stream"
"""Of every upload, compressed or not: only the job reads it, and no browser shows it."""

RESULTS: Final = (PREDICTIONS, REJECTS, SUMMARY)

_HIDDEN: Final = ("name", "job")
"""Members of failure.json about keys in the bucket, which clients do not know."""


def connect() -> "S3Client":
    """Return a client whose links lead to the host of the bucket's own region, which does not redirect.

    Without a region it is a ChurnError: S3 would refuse each link that is signed for a guess.
    """
    if not boto3.session.Session().region_name:
        raise ChurnError("No region is set. Name that of the buckets in AWS_DEFAULT_REGION.")
    client = _connect("virtual")
    # Elsewhere (AWS_ENDPOINT_URL) a bucket is seldom a host.
    return client if _is_aws(client) else _connect("path")


def _connect(style: bucket.AddressingStyle) -> "S3Client":
    # A client waits for the answer, and the API has 25 s for it: a request that hangs ends after 18 s at most.
    with s3_errors("to connect"):
        return bucket.connect(max_attempts=2, timeout_s=4, style=style)


def _is_aws(client: "S3Client") -> bool:
    return str(urlsplit(client.meta.endpoint_url).hostname).endswith((".amazonaws.com", ".amazonaws.com.cn"))


class Uploads:
    """The uploads in the two buckets.

    `max_bytes` limits one file, `link_s` the use of a form or link.
    """

    def __init__(self, layout: BucketLayout, client: "S3Client", max_bytes: int, link_s: int) -> None:
        self._layout, self._client, self._max_bytes, self._link_s = layout, client, max_bytes, link_s
        self._inbox = Bucket(client, str(layout.inbox_bucket))
        self._results = Bucket(client, str(layout.results_bucket))

    @property
    def origins(self) -> list[str]:
        """Return where the forms and links lead, as sources for a Content-Security-Policy."""
        return sorted({self._origin(self._inbox.name), self._origin(self._results.name)})

    def _origin(self, bucket_name: str) -> str:
        endpoint = urlsplit(self._client.meta.endpoint_url)
        is_host = _is_aws(self._client) and "." not in bucket_name
        return (
            f"{endpoint.scheme}://{bucket_name}.{endpoint.netloc}"
            if is_host
            else f"{endpoint.scheme}://{endpoint.netloc}"
        )

    def create_upload(self, owner: str) -> dict[str, Any]:
        """Return a new id, and the form that uploads its file.

        Only `owner` will see the job.
        """
        upload_id = secrets.token_hex(16)
        key = self._layout.inbox_key(_name(owner, upload_id))
        # Signing asks nobody. Without this request a bucket that does not exist would show as a network error in the
        # browser, and without credentials botocore 1.44 fails with a TypeError.
        self._inbox.list(key)
        expires = _now() + timedelta(seconds=self._link_s)
        with s3_errors(f"to sign for s3://{self._inbox.name}/{key}"):
            form = self._client.generate_presigned_post(
                Bucket=self._inbox.name,
                Key=key,
                Fields={"Content-Type": CONTENT_TYPE, "success_action_status": "201"},
                Conditions=[
                    {"Content-Type": CONTENT_TYPE},
                    {"success_action_status": "201"},
                    ["content-length-range", 0, self._max_bytes],
                ],
                ExpiresIn=self._link_s,
            )
        receipt = {"expires": _to_text(expires), "max_bytes": self._max_bytes}
        self._results.put_once(self._prefix(owner, upload_id) + RECEIPT, (json.dumps(receipt) + "\n").encode(), JSON)
        return {"id": upload_id, "url": form["url"], "fields": form["fields"], **receipt}

    def get_job(self, owner: str, upload_id: str) -> dict[str, Any] | None:
        """Return the state of the job of an upload; None for an id that `owner` was never given, or long ago."""
        if not ID.fullmatch(upload_id):
            return None
        prefix = self._prefix(owner, upload_id)
        objects = self._results.list(prefix)
        if objects.pop(prefix + RECEIPT, None) is None:
            return None
        if not objects:
            return {"id": upload_id, **self._state_before_job(owner, upload_id)}
        # If a form was used twice, the later file counts.
        newest = max(objects, key=lambda key: objects[key].modified)
        job_prefix = newest.rpartition("/")[0] + "/"
        files = {key.removeprefix(job_prefix): info for key, info in objects.items() if key.startswith(job_prefix)}
        return {"id": upload_id, **self._state_of_job(job_prefix, files)}

    def _prefix(self, owner: str, upload_id: str) -> str:
        return self._layout.jobs_prefix(_name(owner, upload_id))

    def _state_before_job(self, owner: str, upload_id: str) -> dict[str, Any]:
        key = self._layout.inbox_key(_name(owner, upload_id))
        file = self._inbox.list(key).get(key)
        if file:
            return {"status": "waiting", "uploaded": True, "bytes": file.size}
        expires = self._read(self._prefix(owner, upload_id) + RECEIPT)["expires"]
        if datetime.fromisoformat(expires) < _now():
            return {"status": "expired", "expires": expires}
        return {"status": "waiting", "uploaded": False, "expires": expires}

    def _state_of_job(self, prefix: str, files: Mapping[str, ObjectInfo]) -> dict[str, Any]:
        if SUMMARY in files:
            return {
                "status": "done",
                "summary": self._read(prefix + SUMMARY),
                "files": {name: self._link(prefix, name, files[name].size) for name in RESULTS if name in files},
                "expires": _to_text(_now() + timedelta(seconds=self._link_s)),
            }
        if FAILURE in files:
            failure = self._read(prefix + FAILURE)
            return {"status": "failed", "failure": {name: failure[name] for name in failure if name not in _HIDDEN}}
        try:
            progress = self._read(prefix + PROGRESS) if PROGRESS in files else {}
        except GoneError:
            # Removed since it was listed: the job is about to end.
            progress = {}
        if "stopped" in progress:
            return {"status": "waiting", "uploaded": True, **progress}
        updated = {"updated": _to_text(files[PROGRESS].modified)} if progress else {}
        return {"status": "running", **progress, **updated}

    def _link(self, prefix: str, name: str, size: int) -> dict[str, Any]:
        with s3_errors(f"to sign for s3://{self._results.name}/{prefix}{name}"):
            url = self._client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._results.name,
                    "Key": prefix + name,
                    "ResponseContentDisposition": f'attachment; filename="{name}"',
                },
                ExpiresIn=self._link_s,
            )
        return {"url": url, "bytes": size}

    def _read(self, key: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._results.read(key))
        return document


def _name(owner: str, upload_id: str) -> str:
    return f"{UPLOADS}{owner}/{upload_id}.csv"


def _now() -> datetime:
    return datetime.now(UTC)


def _to_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
