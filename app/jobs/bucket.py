"""Reliable access to one S3 bucket: a read returns one content, complete; an upload appears complete or not at all.

Knows nothing of customers or jobs.
"""

import hashlib
import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from app.jobs.s3_errors import S3_FAILURES, GoneError, RetryableError, s3_errors, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

JSON: Final = "application/json"

MIB: Final = 1 << 20
PART_BYTES: Final = 8 * MIB
"""Of a multipart upload. 10,000 such parts are 80 GiB, the predictions of over a billion customers."""

MAX_RESUMES: Final = 5
"""How often an interrupted read is resumed, and once more for each 64 MiB that were read."""

MAX_CONFLICTS: Final = 4
"""How often a small object is put again while S3 reports another write of the same key."""

PAUSE_S: Final = 0.05
"""Before the first of these repetitions, doubled before each further one."""

_MD5: Final = re.compile('"[0-9a-f]{32}"', re.ASCII)

AddressingStyle = Literal["auto", "virtual", "path"]
"""Whether a bucket is a host of its own or a path below S3's."""


def connect(max_attempts: int = 5, timeout_s: float = 30, style: AddressingStyle = "auto") -> "S3Client":
    """Return a client for the region, credentials and AWS_ENDPOINT_URL of the environment, which boto3 reads itself."""
    config = Config(
        # Conditional writes need it, and presigned requests still use the older one by default.
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": max_attempts},
        connect_timeout=5,
        read_timeout=timeout_s,
        tcp_keepalive=True,
        s3={"addressing_style": style},
    )
    # The default session is not safe while several threads create clients.
    return boto3.session.Session().client("s3", config=config)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What S3 reports about an object. A list does not report the version."""

    size: int
    modified: datetime
    etag: str
    version: str | None = None


class ObjectReader:
    """The bytes of one object, pinned: they never mix with another content of the same key.

    An interrupted read is resumed where it broke off; b"" is returned only after the last byte. If the ETag is the MD5
    of the content, the bytes are checked against it. For multipart uploads it is not; botocore checks those against
    their checksum, if they have one and were read in one response. Creating and reading raise GoneError or
    RetryableError.
    """

    def __init__(self, client: "S3Client", bucket: str, key: str, pin: dict[str, str]) -> None:
        self._client, self._pin = client, pin
        self._request: dict[str, Any] = {"Bucket": bucket, "Key": key, **pin}
        self._action = f"to read s3://{bucket}/{key}"
        self._interruptions = 0
        self.bytes_read = 0
        response = self._get()
        self._body = response["Body"]
        self.size: int = response["ContentLength"]
        self._etag = response.get("ETag", "").strip('"')
        self._md5 = hashlib.md5(usedforsecurity=False) if _has_md5(response) else None

    def _get(self, **options: Any) -> Any:
        with s3_errors(self._action, reading=True):
            return self._client.get_object(**self._request, **options)

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        while True:
            try:
                content: bytes = self._body.read(size)
            except S3_FAILURES as error:
                self._resume(error)
                continue
            self.bytes_read += len(content)
            if self._md5:
                self._md5.update(content)
                if self.bytes_read == self.size and self._md5.hexdigest() != self._etag:
                    raise RetryableError(f"S3 failed {self._action}: it sent other bytes than the ETag is of.")
            if content or self.bytes_read >= self.size:
                return content
            self._resume(EOFError())

    def _resume(self, error: Exception) -> None:
        self._interruptions += 1
        if self._interruptions > MAX_RESUMES + self.bytes_read // (64 * MIB):
            raise RetryableError(
                f"S3 failed {self._action}: it broke off {self._interruptions} times, the last time at byte "
                f"{self.bytes_read:,} of {self.size:,} ({type(error).__name__})."
            ) from error
        self.close()
        time.sleep(PAUSE_S * 2 ** min(self._interruptions, MAX_RESUMES))
        response = self._get(Range=f"bytes={self.bytes_read}-") if self.bytes_read else self._get()
        self._body = response["Body"]
        if response["ContentLength"] != self.size - self.bytes_read:
            raise RetryableError(f"S3 failed {self._action}: asked for the rest, it sent another length.")

    @contextmanager
    def again(self) -> Iterator["ObjectReader"]:
        """Give the same content once more, from its start."""
        second = ObjectReader(self._client, self._request["Bucket"], self._request["Key"], self._pin)
        try:
            yield second
        finally:
            second.close()

    def close(self) -> None:
        """Release the connection."""
        with suppress(*S3_FAILURES):
            self._body.close()


def _has_md5(response: Any) -> bool:
    """Return whether the ETag is the MD5: not under a key of KMS, and not of a multipart upload (`<hash>-<parts>`)."""
    is_plain = response.get("ServerSideEncryption", "AES256") == "AES256"
    return is_plain and bool(_MD5.fullmatch(response.get("ETag", "")))


class Upload:
    """A multipart upload. The object appears when it is completed, with all its bytes."""

    def __init__(self, client: "S3Client", bucket: str, key: str, content_type: str, part_bytes: int) -> None:
        self._client, self._part_bytes = client, part_bytes
        self._action = f"to write s3://{bucket}/{key}"
        self._buffer = io.BytesIO()
        self._parts: list[CompletedPartTypeDef] = []
        with s3_errors(self._action):
            response = client.create_multipart_upload(Bucket=bucket, Key=key, ContentType=content_type)
        self._target: Any = {"Bucket": bucket, "Key": key, "UploadId": response["UploadId"]}

    def write(self, content: bytes, /) -> None:
        """Buffer the next bytes, and send each part that is full."""
        rest = memoryview(content)
        while rest:
            room = self._part_bytes - self._buffer.tell()
            self._buffer.write(rest[:room])
            rest = rest[room:]
            if self._buffer.tell() == self._part_bytes:
                self._send_part()

    def _send_part(self) -> None:
        number = len(self._parts) + 1
        self._buffer.seek(0)
        with s3_errors(self._action):
            response = self._client.upload_part(**self._target, PartNumber=number, Body=self._buffer)
        self._parts.append({"ETag": response["ETag"], "PartNumber": number})
        self._buffer.seek(0)
        self._buffer.truncate()

    def complete(self) -> None:
        """Send the last part and let the object appear."""
        if self._buffer.tell() or not self._parts:
            self._send_part()
        with s3_errors(self._action):
            self._client.complete_multipart_upload(**self._target, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        """Remove the parts. If S3 refuses even that, the bucket's lifecycle rule removes them days later."""
        with suppress(*S3_FAILURES):
            self._client.abort_multipart_upload(**self._target)


class Bucket:
    """One bucket, accessed by a client."""

    def __init__(self, client: "S3Client", name: str, part_bytes: int = PART_BYTES) -> None:
        self._client = client
        self._part_bytes = part_bytes
        self.name = name

    def find(self, key: str, version: str | None = None, etag: str | None = None) -> ObjectInfo | None:
        """Return what S3 reports about `key`; None if it does not exist, or not in that version or with that ETag."""
        try:
            with s3_errors(f"to look at s3://{self.name}/{key}", reading=True):
                head = self._client.head_object(Bucket=self.name, Key=key, **_pin(version, etag))
        except GoneError:
            return None
        version = head.get("VersionId")
        return ObjectInfo(
            head["ContentLength"], head["LastModified"], head["ETag"].strip('"'), None if version == "null" else version
        )

    def open(self, key: str, version: str | None = None, etag: str | None = None) -> ObjectReader:
        """Return the bytes of `key`: of that version if there is one, else as long as they have that ETag."""
        return ObjectReader(self._client, self.name, key, _pin(version, etag))

    def read(self, key: str) -> bytes:
        """Return the whole content of a small object."""
        reader = self.open(key)
        try:
            return b"".join(iter(lambda: reader.read(MIB), b""))
        finally:
            reader.close()

    def list(self, prefix: str) -> dict[str, ObjectInfo]:
        """Return the first thousand objects below `prefix`. In a list a missing object is no error 403."""
        with s3_errors(f"to list s3://{self.name}/{prefix}"):
            response = self._client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return {
            item["Key"]: ObjectInfo(item["Size"], item["LastModified"], item["ETag"].strip('"'))
            for item in response.get("Contents", [])
        }

    @contextmanager
    def upload(self, key: str, content_type: str) -> Iterator[Upload]:
        """Give an upload. It is completed at the end of the block, and aborted if the block, or that, fails."""
        upload = Upload(self._client, self.name, key, content_type, self._part_bytes)
        try:
            yield upload
            upload.complete()
        except BaseException:
            upload.abort()
            raise

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Put a small object; it replaces one that exists."""
        with s3_errors(f"to write s3://{self.name}/{key}"):
            self._client.put_object(Bucket=self.name, Key=key, Body=content, ContentType=content_type)

    def put_once(self, key: str, content: bytes, content_type: str) -> bool:
        """Put a small object if there is none yet; return whether there was none."""
        with s3_errors(f"to write s3://{self.name}/{key}"):
            for conflicts in range(1, MAX_CONFLICTS + 1):
                try:
                    self._client.put_object(
                        Bucket=self.name, Key=key, Body=content, ContentType=content_type, IfNoneMatch="*"
                    )
                except ClientError as error:
                    if status_of(error) == 412:
                        return False
                    if status_of(error) != 409 or conflicts == MAX_CONFLICTS:
                        raise
                    time.sleep(PAUSE_S * 2**conflicts)
                else:
                    break
        return True

    def remove(self, key: str) -> None:
        """Remove an object, if it exists."""
        with s3_errors(f"to remove s3://{self.name}/{key}"):
            self._client.delete_object(Bucket=self.name, Key=key)


def _pin(version: str | None, etag: str | None) -> Any:
    if version:
        return {"VersionId": version}
    return {"IfMatch": f'"{etag}"'} if etag else {}
