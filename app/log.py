"""Log lines: one JSON object a line on standard output. Never a customer's data, so never the text of an exception.

Every entry point writes its lines here. On Lambda a line has its metrics too, in CloudWatch's embedded format, so that
no call to CloudWatch is needed.
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
METRIC_UNITS: Final = {
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
"""Every metric with its unit."""

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
    """Write the type of an exception and its innermost frames, without their values."""
    frames = traceback.extract_tb(error.__traceback__)[-SHOWN_FRAMES:]
    where = [f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
    write(level="error", exception=type(error).__name__, where=where, request_id=request_id)


def metrics(function_name: str | None, **values: float) -> dict[str, object]:
    """Return the members that add metrics to a line; none where there is no Lambda function.

    Parameters
    ----------
    function_name : str, optional
        The only dimension. A model version would create new metrics, and costs, at every training; it is a property.
    **values : float
        Keys of `METRIC_UNITS`.
    """
    if not function_name:
        return {}
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name, "Unit": METRIC_UNITS[name]} for name in values],
    }
    stamp = int(time.time() * 1000)
    return {"_aws": {"Timestamp": stamp, "CloudWatchMetrics": [directive]}, "FunctionName": function_name, **values}


def trace_id(traceparent: str | None, xray: str | None) -> str | None:
    """Return the W3C id of the trace that a request belongs to: that of `traceparent`, else that of X-Ray, if any."""
    for match in (_TRACEPARENT.fullmatch(traceparent or ""), _XRAY_ROOT.search(xray or "")):
        # An id of zeros is not valid: W3C Trace Context 3.2.2.3.
        if match and (trace := "".join(match.groups())).strip("0"):
            return trace
    return None
