"""A bucket made safe: reads are pinned to one content and whole, uploads appear whole or not at all.

Every failure of S3 becomes one of two errors: try again, or gone for good. Knows nothing of customers or jobs.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
import smart_open.s3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from model.errors import ChurnError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

JSON: Final = "application/json"

MIB: Final = 1 << 20
PART_BYTES: Final = 8 * MIB
"""Of a multipart upload. 10,000 parts of it are 80 GiB, the predictions of over a billion customers."""

RESUMES: Final = 5
"""How often a broken read is taken up again, and once more for each 64 MiB that came."""

CONFLICTS: Final = 4
"""How often a small object is put again while S3 says that another write of it is under way."""

PAUSE_S: Final = 0.05
"""Before the first of such repetitions, doubled before each further one."""

# urllib3's TLS errors come through botocore as they are, and so do those of sockets.
BROKEN: Final = (ClientError, BotoCoreError, HTTPError, OSError)

_MD5: Final = re.compile('"[0-9a-f]{32}"', re.ASCII)

_CREDENTIALS: Final = {
    "InvalidAccessKeyId": "S3 does not know the access key. Correct the credentials, then send the event again.",
    "SignatureDoesNotMatch": "the secret key is wrong. Correct the credentials, then send the event again.",
    "RequestTimeTooSkewed": "the clock of this machine is wrong by more than 15 minutes. Set it.",
}
"""Answers with status 403 that no permission would change."""

_MAY_BE_MISSING: Final = " Without s3:ListBucket, S3 answers the same for an object that is not there."

GONE_CODES: Final = {"NoSuchKey", "NoSuchVersion", "PreconditionFailed", "404", "412"}

# smart_open's own retries wait 10 s each, also after the last; those of the client below know the answers' codes.
smart_open.s3.RETRY.exceptions = []
smart_open.s3.RETRY.client_error_codes = []


Style = Literal["auto", "virtual", "path"]
"""How a bucket is addressed: as a host of its own, or below that of S3."""


class RetryableError(ChurnError):
    """What may go well the next time, or once a person has mended something: nothing is lost, nothing half done stays.

    Wrong permissions are among these: the file waits for whoever mends them, in the queue of failures.
    """


class GoneError(ChurnError):
    """The object is no longer there, or it holds something else by now, which has an event of its own."""


def connect(max_attempts: int = 5, timeout_s: float = 30, style: Style = "auto") -> "S3Client":
    """Return a client for the region, credentials and AWS_ENDPOINT_URL of the environment, which boto3 reads itself."""
    config = Config(
        # Conditional writes need it, and the default of presigned requests is still the older one.
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": max_attempts},
        connect_timeout=5,
        read_timeout=timeout_s,
        tcp_keepalive=True,
        s3={"addressing_style": style},
    )
    # The default session may not be used by several threads while it makes a client.
    return boto3.session.Session().client("s3", config=config)


def _status(error: BaseException) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"]) if isinstance(error, ClientError) else 0


def _code(error: BaseException) -> str:
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


def _retryable(doing: str, error: BaseException) -> RetryableError:
    code = _code(error)
    if code == "InvalidObjectState":
        return RetryableError(
            f"S3 failed {doing}: the object is archived (storage class GLACIER, DEEP_ARCHIVE, or an archive tier). "
            "Restore it, or upload the file again; then send the event again."
        )
    if code in _CREDENTIALS:
        return RetryableError(f"S3 failed {doing} ({code}): {_CREDENTIALS[code]}")
    if _status(error) == 403:
        return RetryableError(
            f"S3 refused {doing} ({code}). Give the function's role the permissions of docs/aws.md, "
            f"then send the event again.{_MAY_BE_MISSING if doing.startswith(('to read', 'to look')) else ''}"
        )
    return RetryableError(f"S3 failed {doing} ({code or type(error).__name__}).")


@contextmanager
def telling(doing: str) -> Iterator[None]:
    """Raise what S3 fails with as errors of ours."""
    try:
        yield
    except BROKEN as error:
        raise _retryable(doing, error) from error


@dataclass(frozen=True, slots=True)
class Found:
    """What a bucket says of an object."""

    version: str | None
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says of an object."""

    size: int
    modified: datetime


class Source:
    """The bytes of one object, pinned: another content under its key is never mixed in.

    A read that breaks off is taken up where it broke; it ends with b"" only after the last byte. Where the ETag is the
    MD5 of the content, what came is held against it; of uploads in parts it is not, and botocore holds those against
    their checksum, if they have one and came in one go.

    Raises
    ------
    GoneError, RetryableError
        On creation and while reading.
    """

    def __init__(self, client: "S3Client", bucket: str, key: str, pin: dict[str, str]) -> None:
        self._client, self._pin = client, pin
        self._request: dict[str, Any] = {"Bucket": bucket, "Key": key, **pin}
        self._doing = f"to read s3://{bucket}/{key}"
        self._breaks = 0
        self.bytes_read = 0
        answer = self._get()
        self._body = answer["Body"]
        self.size: int = answer["ContentLength"]
        self._etag = answer.get("ETag", "").strip('"')
        self._md5 = hashlib.md5(usedforsecurity=False) if _is_md5(answer) else None

    def _get(self, **more: Any) -> Any:
        try:
            return self._client.get_object(**self._request, **more)
        except ClientError as error:
            if _code(error) in GONE_CODES:
                raise GoneError(_code(error)) from error
            raise _retryable(self._doing, error) from error
        except BROKEN as error:
            raise _retryable(self._doing, error) from error

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        while True:
            try:
                content: bytes = self._body.read(size)
            except BROKEN as error:
                self._resume(error)
                continue
            self.bytes_read += len(content)
            if self._md5:
                self._md5.update(content)
                if self.bytes_read == self.size and self._md5.hexdigest() != self._etag:
                    raise RetryableError(f"S3 failed {self._doing}: it sent other bytes than the ETag is of.")
            if content or self.bytes_read >= self.size:
                return content
            self._resume(EOFError())

    def _resume(self, error: Exception) -> None:
        self._breaks += 1
        if self._breaks > RESUMES + self.bytes_read // (64 * MIB):
            raise RetryableError(
                f"S3 failed {self._doing}: it broke off {self._breaks} times, the last time at byte "
                f"{self.bytes_read:,} of {self.size:,} ({type(error).__name__})."
            ) from error
        self.close()
        time.sleep(PAUSE_S * 2 ** min(self._breaks, RESUMES))
        answer = self._get(Range=f"bytes={self.bytes_read}-") if self.bytes_read else self._get()
        self._body = answer["Body"]
        if answer["ContentLength"] != self.size - self.bytes_read:
            raise RetryableError(f"S3 failed {self._doing}: asked for the rest, it sent another length.")

    @contextmanager
    def again(self) -> Iterator["Source"]:
        """Give the same content once more, from its start."""
        second = Source(self._client, self._request["Bucket"], self._request["Key"], self._pin)
        try:
            yield second
        finally:
            second.close()

    def close(self) -> None:
        """Give the connection back."""
        with suppress(*BROKEN):
            self._body.close()


def _is_md5(answer: Any) -> bool:
    # Not under a key of KMS, and not of an upload in parts, which has the number of parts at its end.
    plain = answer.get("ServerSideEncryption", "AES256") == "AES256"
    return plain and bool(_MD5.fullmatch(answer.get("ETag", "")))


class _Writer(smart_open.s3.MultipartWriter):
    def __del__(self) -> None:
        # The inherited one closes, and closing completes the upload with whatever parts there are: if an upload failed
        # and could not be aborted either, a truncated object would appear as soon as the writer is collected.
        pass


class Upload:
    """An object in the making, in parts; it appears at `finish`, whole."""

    def __init__(self, client: "S3Client", bucket: str, key: str, content_type: str, part_bytes: int) -> None:
        self._doing = f"to write s3://{bucket}/{key}"
        kept = {"S3.Client.create_multipart_upload": {"ContentType": content_type}}
        try:
            self._writer = _Writer(bucket, key, part_bytes, client, kept)
        except (ValueError, *BROKEN) as error:
            # smart_open wraps what S3 said.
            raise _retryable(self._doing, error.__cause__ or error) from error

    def write(self, content: bytes, /) -> None:
        """Take the next bytes, and send a part where one is full."""
        with telling(self._doing):
            self._writer.write(content)

    def finish(self) -> None:
        """Send the last part and let the object appear."""
        with telling(self._doing):
            self._writer.close()

    def abandon(self) -> None:
        """Take back what was sent. Where S3 refuses even that, the bucket's lifecycle rule does it days later."""
        with suppress(*BROKEN):
            self._writer.terminate()


class Bucket:
    """One bucket, by a client."""

    def __init__(self, client: "S3Client", name: str, part_bytes: int = PART_BYTES) -> None:
        self._client = client
        self._part_bytes = part_bytes
        self.name = name

    def find(self, key: str, version: str | None = None, etag: str | None = None) -> Found | None:
        """Return what there is under `key`, if it is there and is what was asked for."""
        try:
            answer = self._client.head_object(Bucket=self.name, Key=key, **_pin(version, etag))
        except ClientError as error:
            if _code(error) in GONE_CODES:
                return None
            raise _retryable(f"to look at s3://{self.name}/{key}", error) from error
        except BROKEN as error:
            raise _retryable(f"to look at s3://{self.name}/{key}", error) from error
        version = answer.get("VersionId")
        return Found(None if version == "null" else version, answer["ETag"].strip('"'), answer["ContentLength"])

    def open(self, key: str, version: str | None, etag: str | None) -> Source:
        """Return the bytes under `key`, of that version where there is one, else as long as they have that ETag."""
        return Source(self._client, self.name, key, _pin(version, etag))

    def read(self, key: str) -> bytes:
        """Return all of a small object."""
        source = Source(self._client, self.name, key, {})
        try:
            return b"".join(iter(lambda: source.read(MIB), b""))
        finally:
            source.close()

    def below(self, prefix: str) -> dict[str, Listed]:
        """Return the first thousand objects below `prefix`. Seen by a list, so that absence is no error 403."""
        with telling(f"to list s3://{self.name}/{prefix}"):
            answer = self._client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return {each["Key"]: Listed(each["Size"], each["LastModified"]) for each in answer.get("Contents", [])}

    @contextmanager
    def upload(self, key: str, content_type: str) -> Iterator[Upload]:
        """Give an upload that is finished at the end of the block, and taken back by whatever ends it otherwise."""
        upload = Upload(self._client, self.name, key, content_type, self._part_bytes)
        try:
            yield upload
            upload.finish()
        except BaseException:
            upload.abandon()
            raise

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Put a small object, in place of the one that may be there."""
        with telling(f"to write s3://{self.name}/{key}"):
            self._client.put_object(Bucket=self.name, Key=key, Body=content, ContentType=content_type)

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        with telling(f"to remove s3://{self.name}/{key}"):
            self._client.delete_object(Bucket=self.name, Key=key)

    def put_once(self, key: str, content: bytes, content_type: str) -> bool:
        """Put a small object where there is none; return whether there was none."""
        for conflicts in range(CONFLICTS):
            try:
                self._client.put_object(
                    Bucket=self.name, Key=key, Body=content, ContentType=content_type, IfNoneMatch="*"
                )
            except ClientError as error:
                if _status(error) == 412:
                    return False
                if _status(error) != 409 or conflicts == CONFLICTS - 1:
                    raise _retryable(f"to write s3://{self.name}/{key}", error) from error
                time.sleep(PAUSE_S * 2 ** (conflicts + 1))
            except BROKEN as error:
                raise _retryable(f"to write s3://{self.name}/{key}", error) from error
            else:
                return True
        raise AssertionError(conflicts)


def _pin(version: str | None, etag: str | None) -> Any:
    if version:
        return {"VersionId": version}
    return {"IfMatch": f'"{etag}"'} if etag else {}
