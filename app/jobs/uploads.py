"""Files too long for HTTP: forms by which clients send them straight to the inbox, and how far their jobs are.

Nothing is remembered here. A receipt under results/uploads/ says that an id was given out; what stands beside it, and
in the inbox, is the state. The files themselves are never read: the inbox is only listed.
"""

import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3

from app.jobs import bucket, jobs
from app.jobs.bucket import JSON, Bucket, GoneError, Listed, telling
from app.jobs.places import UPLOADS, Places
from model.errors import ChurnError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RECEIPT: Final = "upload.json"
ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
"""128 random bits, in letters that stay themselves in every key, address and event."""

CONTENT_TYPE: Final = "application/octet-stream"
"""Of every upload, packed or not: nobody but the job reads it, and no browser shows it."""

RESULTS: Final = (jobs.PREDICTIONS, jobs.REJECTS, jobs.SUMMARY)


def connect() -> "S3Client":
    """Return a client whose links lead to the host of the bucket's own region, which sends no one elsewhere.

    Raises
    ------
    ChurnError
        If no region is set: links signed for a guess would be refused, by S3, one by one.
    """
    if not boto3.session.Session().region_name:
        raise ChurnError("No region is set. Name that of the buckets in AWS_DEFAULT_REGION.")
    client = _connect("virtual")
    # Elsewhere (AWS_ENDPOINT_URL) a bucket is seldom a host.
    return client if _is_aws(client) else _connect("path")


def _connect(style: bucket.Style) -> "S3Client":
    # Someone waits for the answer, and the API has 25 s for it: a request that hangs ends after 18 s at most.
    with telling("to connect"):
        return bucket.connect(max_attempts=2, timeout_s=4, style=style)


def _is_aws(client: "S3Client") -> bool:
    return str(urlsplit(client.meta.endpoint_url).hostname).endswith((".amazonaws.com", ".amazonaws.com.cn"))


class Uploads:
    """What the API knows of uploads.

    Parameters
    ----------
    max_bytes : int
        Of one file.
    link_s : int
        How long a form, or a link to a result, may be used.
    """

    def __init__(self, places: Places, client: "S3Client", max_bytes: int, link_s: int) -> None:
        self._places, self._client, self._max_bytes, self._link_s = places, client, max_bytes, link_s
        self._inbox = Bucket(client, str(places.inbox_bucket))
        self._results = Bucket(client, str(places.results_bucket))

    @property
    def origins(self) -> list[str]:
        """Return where the forms and links lead, as a Content-Security-Policy has it."""
        return sorted({self._origin(self._inbox.name), self._origin(self._results.name)})

    def _origin(self, name: str) -> str:
        endpoint = urlsplit(self._client.meta.endpoint_url)
        is_host = _is_aws(self._client) and "." not in name
        return f"{endpoint.scheme}://{name}.{endpoint.netloc}" if is_host else f"{endpoint.scheme}://{endpoint.netloc}"

    def begin(self, owner: str) -> dict[str, Any]:
        """Return a new id, and the form that sends its file.

        Parameters
        ----------
        owner : str
            Who alone will see the job.

        Raises
        ------
        ChurnError
        """
        made = secrets.token_hex(16)
        key = self._places.dropped(_name(owner, made))
        # Signing asks nobody: a bucket that is not there would show in the browser, as an error of its network, and of
        # missing credentials botocore 1.44 dies there.
        self._inbox.below(key)
        expires = _now() + timedelta(seconds=self._link_s)
        with telling(f"to sign for s3://{self._inbox.name}/{key}"):
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
        receipt = {"expires": _text(expires), "max_bytes": self._max_bytes}
        self._results.put_once(self._folder(owner, made) + RECEIPT, _to_json(receipt), JSON)
        return {"id": made, "url": form["url"], "fields": form["fields"], **receipt}

    def state(self, owner: str, wanted: str) -> dict[str, Any] | None:
        """Return how far the job of an upload is; None for an id that was never given out to `owner`, or long ago.

        Raises
        ------
        ChurnError
        """
        if not ID.fullmatch(wanted):
            return None
        below = self._folder(owner, wanted)
        found = self._results.below(below)
        if found.pop(below + RECEIPT, None) is None:
            return None
        if not found:
            return {"id": wanted, **self._before(owner, wanted)}
        # Where a form was used twice, the later file counts.
        newest = max(found, key=lambda key: found[key].modified)
        folder = newest.rpartition("/")[0] + "/"
        objects = {key.removeprefix(folder): each for key, each in found.items() if key.startswith(folder)}
        return {"id": wanted, **self._job(folder, objects)}

    def _folder(self, owner: str, made: str) -> str:
        return self._places.results_of(_name(owner, made))

    def _before(self, owner: str, wanted: str) -> dict[str, Any]:
        """Return the state of an upload of which there is no job yet."""
        key = self._places.dropped(_name(owner, wanted))
        dropped = self._inbox.below(key).get(key)
        if dropped:
            return {"status": "waiting", "uploaded": True, "bytes": dropped.size}
        expires = self._read(self._folder(owner, wanted) + RECEIPT)["expires"]
        if datetime.fromisoformat(expires) < _now():
            return {"status": "expired", "expires": expires}
        return {"status": "waiting", "uploaded": False, "expires": expires}

    def _job(self, folder: str, objects: Mapping[str, Listed]) -> dict[str, Any]:
        if jobs.SUMMARY in objects:
            return {
                "status": "done",
                "summary": self._read(folder + jobs.SUMMARY),
                "files": {name: self._link(folder + name, objects[name]) for name in RESULTS if name in objects},
                "expires": _text(_now() + timedelta(seconds=self._link_s)),
            }
        if jobs.FAILURE in objects:
            failure = self._read(folder + jobs.FAILURE)
            return {"status": "failed", "failure": {name: failure[name] for name in failure if name not in _OURS}}
        try:
            told = self._read(folder + jobs.PROGRESS) if jobs.PROGRESS in objects else {}
        except GoneError:
            # Taken back since it was listed: the job is at its end.
            told = {}
        if "stopped" in told:
            return {"status": "waiting", "uploaded": True, **told}
        since = {"updated": _text(objects[jobs.PROGRESS].modified)} if told else {}
        return {"status": "running", **told, **since}

    def _link(self, key: str, listed: Listed) -> dict[str, Any]:
        name = key.rpartition("/")[2]
        with telling(f"to sign for s3://{self._results.name}/{key}"):
            url = self._client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._results.name,
                    "Key": key,
                    "ResponseContentDisposition": f'attachment; filename="{name}"',
                },
                ExpiresIn=self._link_s,
            )
        return {"url": url, "bytes": listed.size}

    def _read(self, key: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._results.read(key))
        return document


_OURS: Final = ("name", "job")
"""What failure.json says of the places of operators, which a client does not know."""


def _name(owner: str, made: str) -> str:
    return f"{UPLOADS}{owner}/{made}.csv"


def _now() -> datetime:
    return datetime.now(UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _to_json(document: Mapping[str, object]) -> bytes:
    return (json.dumps(document) + "\n").encode()
