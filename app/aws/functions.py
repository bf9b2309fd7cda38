"""The Lambda functions: `api` for HTTP, `batch` for the bucket, `handler` for both, by the form of the event.

The model is loaded here, once, before the first event. A model that cannot be loaded fails the start with its message,
which Lambda shows. Modules that only files need (numpy, pyarrow, boto3) are imported by the first event with a file.
"""

import functools
import itertools
import re
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from app import wiring
from app.aws.gateway import Gateway, Invocation, routes_of
from app.aws.http_events import MAX_BYTES, is_http
from app.settings import Settings, xray_trace
from app.web import problems
from app.web.errors import STATUSES
from model.errors import CustomerError, InputError, listed, show
from model.parse import parse_customer, resolve
from model.validate import validate

if TYPE_CHECKING:
    from app.jobs.s3_events import EventError
    from app.jobs.s3_job import Store

_SHOWN_NAMES: Final = 10
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}", re.ASCII)
_UNMEASURED: Final = ("ignored", "skipped", "superseded")
"""The statuses of an object that needs no work."""

_SETTINGS: Final = Settings.from_environment()
_SCORER: Final = wiring.make_scorer(_SETTINGS)
# The gateway counts requests: the memory of one function has only a part of them.
_HTTP_SETTINGS: Final = replace(_SETTINGS, max_upload_bytes=min(_SETTINGS.max_upload_bytes, MAX_BYTES), rate_limit=None)
_INBOX: Final = (
    f"s3://{_SETTINGS.inbox_bucket}/{_SETTINGS.inbox_prefix}" if _SETTINGS.inbox_bucket else "the inbox bucket"
)
_LARGE_FILE_ADVICE: Final = (
    f"{'create an upload with POST /v2/uploads, or ' if _SETTINGS.takes_uploads else ''}"
    f"drop it into {_INBOX}, which accepts files of any size"
)
_CALLS: Final = itertools.count()
_APP: Final = wiring.make_app(_HTTP_SETTINGS, _SCORER, _LARGE_FILE_ADVICE)
_GATEWAY: Final = Gateway(_APP, _SCORER.version, _SETTINGS.base_path, _LARGE_FILE_ADVICE, routes_of(_APP))


def handler(event: Any, context: Any = None) -> dict[str, Any] | None:
    """Handle an event of any form.

    Raises
    ------
    EventError, RetryableError
    """
    return batch(event, context) if _is_from_bucket(event) else api(event, context)


def api(event: Any, context: Any = None) -> dict[str, Any]:
    """Answer an HTTP request, a customer as the event itself, or a ping.

    Raises
    ------
    EventError
    """
    invocation = _invocation(context)
    if isinstance(event, dict):
        if is_http(event):
            return _GATEWAY.answer(event, invocation)
        if event.get("ping") is True:
            return _answer_ping(invocation)
        if not _is_from_bucket(event) and _is_customer(event):
            return _score(event, invocation)
    raise _unknown_event(event)


def batch(event: Any, context: Any = None) -> dict[str, Any] | None:
    """Score new files of the bucket, or answer a ping.

    Returns
    -------
    dict or None
        The messages of a queue that are to be delivered again.

    Raises
    ------
    EventError
    RetryableError
        If Lambda should deliver the event again.
    """
    invocation = _invocation(context)
    if isinstance(event, dict) and event.get("ping") is True:
        return _answer_ping(invocation)
    if not _is_from_bucket(event):
        raise _unknown_event(event)
    from app.jobs import s3

    remaining_ms = getattr(context, "get_remaining_time_in_millis", lambda: sys.maxsize)
    return s3.handle(event, _store(), remaining_ms, lambda line: _write_job(line, invocation))


def _invocation(context: Any) -> Invocation:
    return Invocation(
        getattr(context, "aws_request_id", None),
        getattr(context, "function_name", None),
        xray_trace(),
        is_cold=next(_CALLS) == 0,
    )


def _is_from_bucket(event: object) -> bool:
    return isinstance(event, dict) and (
        "Records" in event or event.get("source") == "aws.s3" or event.get("Event") == "s3:TestEvent"
    )


def _is_customer(event: dict[str, Any]) -> bool:
    positions, repeated = resolve(list(event), _SCORER.schema)
    return not {*positions, *repeated}.isdisjoint(_SCORER.schema.names)


def _answer_ping(invocation: Invocation) -> dict[str, Any]:
    invocation.write({"event": "ping", "model_version": _SCORER.version})
    return {"status": "ok", "model_version": _SCORER.version, "model_sha256": _SCORER.sha256}


def _score(event: dict[str, Any], invocation: Invocation) -> dict[str, Any]:
    """Return {"Prediction": ...}, or the problem: not an error of the function, since another try would not help."""
    started = time.perf_counter()
    line: dict[str, object] = {"event": "customer", "model_version": _SCORER.version}
    try:
        schema = _SCORER.schema
        label = _SCORER.score(validate(parse_customer(event, schema), schema.features)).label
    except (CustomerError, InputError) as error:
        code, detail, members = problems.parts_of(error)
        invocation.write_request({**line, "code": code}, STATUSES[code], started)
        return problems.to_members(code, detail, str(invocation.aws_request_id or ""), members)
    invocation.write_request(line, 200, started)
    return {"Prediction": label}


@functools.cache
def _store() -> "Store":
    return wiring.make_store(_SETTINGS, _SCORER)


def _write_job(line: dict[str, Any], invocation: Invocation) -> None:
    if line["status"] in _UNMEASURED:
        invocation.write(line)
        return
    names = {"Rows": "rows_in", "Rejects": "rows_rejected", "Bytes": "bytes_in", "Seconds": "seconds"}
    counts = {metric: line.get(name, 0) for metric, name in names.items()}
    # Absent for a small file, whose index is chance: a 0 would hide the last real one.
    names = {"DriftMax": "drift_max", "ScorePsi": "score_psi"}
    drift = {metric: line[name] for metric, name in names.items() if name in line}
    invocation.write(line, Jobs=1, Failed=int(line["status"] != "done"), **counts, **drift)


def _unknown_event(event: object) -> "EventError":
    """Return an error that describes an event by its keys; one with digits may be an id, so it is hidden."""
    from app.jobs.s3_events import EventError

    if isinstance(event, dict) and event.get("source") == "aws.events":
        return EventError(
            'A scheduled event has no effect here. To keep a function warm, let the rule send {"ping": true}.'
        )
    description = "is not a JSON object"
    if isinstance(event, dict):
        names = [show(name) for name in event if _PLAIN_NAME.fullmatch(name)][:_SHOWN_NAMES]
        others = [f"{len(event) - len(names)} other members"] if len(event) > len(names) else []
        description = f"has {listed([*names, *others])}" if event else "is empty"
    return EventError(
        f"The event {description}. It must be a request of API Gateway, a function URL or a load balancer, a customer "
        'with its fields at the top level, an event of the inbox bucket, or {"ping": true}.'
    )
