"""Failures of S3 as two errors with sentences: try again, or gone for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from model.errors import ChurnError

# botocore passes TLS errors of urllib3 and errors of sockets on as they are.
S3_FAILURES: Final = (ClientError, BotoCoreError, HTTPError, OSError)

_CREDENTIALS: Final = {
    "InvalidAccessKeyId": "S3 does not know the access key. Correct the credentials, then send the event again.",
    "SignatureDoesNotMatch": "the secret key is wrong. Correct the credentials, then send the event again.",
    "RequestTimeTooSkewed": "the clock of this machine is wrong by more than 15 minutes. Set it.",
}
"""Answers with status 403 that no permission would change."""

_GONE_CODES: Final = {"NoSuchKey", "NoSuchVersion", "PreconditionFailed", "404", "412"}


class RetryableError(ChurnError):
    """A failure that may pass by itself or once a person acts. Nothing is lost, and nothing half done remains.

    Missing permissions are one of these: the file waits in the queue of failures until somebody grants them.
    """


class GoneError(ChurnError):
    """The object no longer exists, or has other content by now, which has an event of its own."""


@contextmanager
def s3_errors(action: str, *, reading: bool = False) -> Iterator[None]:
    """Turn failures of S3 into RetryableError, and into GoneError if `reading` an object that is gone.

    The action is for the message: "to write s3://bucket/key".
    """
    try:
        yield
    except S3_FAILURES as error:
        if reading and _code(error) in _GONE_CODES:
            raise GoneError(_code(error)) from error
        raise RetryableError(_describe(action, error, reading)) from error


def _describe(action: str, error: Exception, reading: bool) -> str:
    code = _code(error)
    if code == "InvalidObjectState":
        return (
            f"S3 failed {action}: the object is archived (storage class GLACIER, DEEP_ARCHIVE, or an archive tier). "
            "Restore it, or upload the file again; then send the event again."
        )
    if code in _CREDENTIALS:
        return f"S3 failed {action} ({code}): {_CREDENTIALS[code]}"
    if status_of(error) == 403:
        may_be_missing = " Without s3:ListBucket, S3 answers the same for an object that is not there."
        return (
            f"S3 refused {action} ({code}). Give the function's role the permissions of docs/aws.md, "
            f"then send the event again.{may_be_missing if reading else ''}"
        )
    return f"S3 failed {action} ({code or type(error).__name__})."


def status_of(error: Exception) -> int:
    """Return the HTTP status of an answer of S3, 0 for other failures."""
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"]) if isinstance(error, ClientError) else 0


def _code(error: Exception) -> str:
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""
