"""Log lines: one JSON object a line on standard output. Never a customer's data, so never the text of an exception.

For every door: those that wire things call it, and the server does for requests that never reach the app. On Lambda a
line carries its metrics too, in CloudWatch's embedded format, so that no call to CloudWatch is made.
"""

import contextlib
import json
import re
import sys
import time
import traceback
from pathlib import Path
from typing import Final

SHOWN_FRAMES: Final = 8

NAMESPACE: Final = "Churn"
METRICS: Final = {
    "Requests": "Count",
    "Errors4xx": "Count",
    "Errors5xx": "Count",
    "LatencyMs": "Milliseconds",
    "ColdStart": "Count",
    "Jobs": "Count",
    "Failed": "Count",
    "Rows": "Count",
    "Rejects": "Count",
    "Bytes": "Bytes",
    "Seconds": "Seconds",
    "DriftMax": "None",
    "ScorePsi": "None",
}
"""Every metric there is, with its unit."""

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.ASCII)
_XRAY_ROOT: Final = re.compile(r"(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)", re.ASCII)


def write(**members: object) -> None:
    """Write one line; members that are None are left out."""
    stamp = time.time()
    now = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(stamp))}.{int(stamp % 1 * 1000):03d}Z"
    line = {"time": now, **{name: value for name, value in members.items() if value is not None}}
    # A closed pipe behind standard output must not fail the answer.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def write_failure(error: BaseException, request_id: str | None = None) -> None:
    """Write what kind of exception came from where: the innermost frames, without their values."""
    frames = traceback.extract_tb(error.__traceback__)[-SHOWN_FRAMES:]
    where = [f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
    write(level="error", exception=type(error).__name__, where=where, request_id=request_id)


def metrics(function_name: str | None, **values: float) -> dict[str, object]:
    """Return the members that make a line one of metrics too; none where there is no Lambda function.

    Parameters
    ----------
    function_name : str, optional
        The one dimension. A model version would make new metrics, and new costs, at every training; it is a property.
    **values : float
        Keys of `METRICS`.
    """
    if not function_name:
        return {}
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name, "Unit": METRICS[name]} for name in values],
    }
    stamp = int(time.time() * 1000)
    return {"_aws": {"Timestamp": stamp, "CloudWatchMetrics": [directive]}, "FunctionName": function_name, **values}


def trace_id(traceparent: str | None, xray: str | None) -> str | None:
    """Return the W3C id of the trace that a request belongs to: that of `traceparent`, else that of X-Ray, if any."""
    for found in (_TRACEPARENT.fullmatch(traceparent or ""), _XRAY_ROOT.search(xray or "")):
        # An id of zeros is none, says W3C Trace Context 3.2.2.3.
        if found and (joined := "".join(found.groups())).strip("0"):
            return joined
    return None
