"""The one place where an error becomes a status and a body: RFC 9457 problems on every failing path.

Errors of model/ bring their sentence; the few that only HTTP can have find theirs here.
"""

import errno
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from app import log
from model.errors import SHOWN_PROBLEMS, ChurnError, CustomerError, InputError, Problem, show

MEDIA_TYPE: Final = "application/problem+json"

_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}

PACK: Final = "packed by gzip"
MOST: Final = "the most that goes out here"
ASK_FOR_JSON: Final = "ask for application/json, which is shorter"


class Kind(NamedTuple):
    """What all problems of one code share."""

    status: int
    title: str


_FILE = Kind(422, "The file cannot be scored")
_HEADER = Kind(422, "The header of the file does not fit")
_PACKED = Kind(422, "The gzip file cannot be unpacked")
_TEXT = Kind(422, "The text of the file cannot be read")
_LARGE = Kind(413, "Too large")
_JSON = Kind(400, "The JSON cannot be read")
_SHAPE = Kind(422, "The body is not one customer")
_BODY = Kind(422, "The body has another form than is taken here")
_TYPE = Kind(415, "The kind of body does not fit")
_KEY = Kind(401, "A key is needed")
_FORM = Kind(422, "The form does not hold one file")

KINDS: Final[Mapping[str, Kind]] = {
    # Codes of model/errors.py that can head an answer; those of one field or row stand under "errors".
    "no_body": Kind(400, "There is no body"),
    "not_json": _JSON,
    "not_utf8": _JSON,
    "too_deep": _JSON,
    "repeated_key": _JSON,
    "not_an_object": _SHAPE,
    "wrapped": _SHAPE,
    "empty_file": _FILE,
    "no_header": _HEADER,
    "missing_columns": _HEADER,
    "wrong_separator": _HEADER,
    "quoted_lines": _HEADER,
    "duplicate_columns": _HEADER,
    "header_too_long": _HEADER,
    "not_csv": _FILE,
    "binary": _FILE,
    "record_too_long": _FILE,
    "open_quote": _FILE,
    "mixed_decimals": _FILE,
    "truncated_gzip": _PACKED,
    "damaged_gzip": _PACKED,
    "gzip_ratio": _LARGE,
    "encoding": _TEXT,
    "unknown_charset": _TEXT,
    "no_byte_order_mark": _TEXT,
    "damaged_text": _TEXT,
    "too_many_bytes": _LARGE,
    "too_many_columns": _HEADER,
    "too_many_rows": _LARGE,
    "duplicate_id": Kind(422, "A customerID is repeated"),
    # What only HTTP can have.
    "bad_customer": Kind(422, "The customer cannot be scored"),
    "bad_rows": Kind(422, "Rows of the file cannot be scored"),
    "bad_option": Kind(400, "An option has a value that is not known"),
    "unknown_option": Kind(400, "An option is not known"),
    "wrong_shape": _BODY,
    "unknown_member": _BODY,
    "missing_member": _BODY,
    "too_many_entries": _LARGE,
    "bad_changes": Kind(422, "The changes cannot be made"),
    "not_acceptable": Kind(406, "No kind of answer fits"),
    "bad_form": Kind(400, "The form cannot be read"),
    "bad_request": Kind(400, "The request cannot be read"),
    "bad_base64": Kind(400, "The request cannot be read"),
    "no_file": _FORM,
    "several_files": _FORM,
    "not_found": Kind(404, "Nothing is here"),
    "method_not_allowed": Kind(405, "The method is not answered here"),
    "too_large": _LARGE,
    "form_too_large": _LARGE,
    "answer_too_large": _LARGE,
    "too_much_work": Kind(413, "Too much work"),
    "small_chunks": Kind(413, "Too much work"),
    "send_json": _TYPE,
    "send_utf8": _TYPE,
    "send_form": _TYPE,
    "send_csv": _TYPE,
    "send_unpacked": _TYPE,
    "no_key": _KEY,
    "wrong_key": _KEY,
    "key_in_query": Kind(400, "A key does not belong into an address"),
    "too_many_requests": Kind(429, "Too many requests"),
    "uploads_not_configured": Kind(404, "No uploads are taken here"),
    "file_elsewhere": Kind(422, "The file goes to another address"),
    "unknown_job": Kind(404, "There is no such job"),
    "uploads_unavailable": Kind(503, "Uploads do not work at the moment"),
    "busy": Kind(503, "Too much at once"),
    "too_slow": Kind(408, "The request took too long"),
    "no_room": Kind(507, "No room for the file"),
    "no_host": Kind(400, "The request names no host"),
    "long_address": Kind(414, "The address is too long"),
    "long_headers": Kind(431, "The headers are too long"),
    "expectation": Kind(417, "The expectation cannot be met"),
    "transfer_coding": Kind(501, "The Transfer-Encoding is not known"),
    "internal": Kind(500, "Something failed on our side"),
}

RETRY_AFTER_S: Final[Mapping[str, int]] = {"busy": 5, "no_room": 60, "uploads_unavailable": 10}
"""Of Retry-After, for problems that pass by themselves."""

MESSAGES: Final[Mapping[str, str]] = {
    "bad_rows": (
        "{rows_rejected:,} of {scope}{rows_in:,} rows cannot be scored. {first} {listed} of {total:,} problems are "
        "listed under errors. Mend them, or {advice}."
    ),
    "duplicate_id": "{first}{more}",
    "bad_option": "{name} must be {rule}, not {value}.",
    "unknown_option": "The query has {names}, not known here; known are {known}.",
    "wrong_shape": "{name} must be {rule}, not {found}.",
    "unknown_member": "The body has {names}; it takes {known} only. Options stand in the query.",
    "missing_member": 'The body has no "{name}". Send it as an object with the ten features.',
    "too_many_entries": 'The list "{name}" has {count:,} entries; at most {limit:,} are taken at once. {advice}',
    "bad_changes": "{first} Each such problem is listed under errors, with the number of the change.",
    "not_acceptable": (
        "The Accept header asks for {value}. Offered are text/csv, application/x-ndjson and application/json."
    ),
    "bad_form": "The form cannot be read: {reason}. Let the client write the form and its Content-Type.",
    "bad_request": "The request was cut off or malformed, and cannot be read. Send it again.",
    "bad_event": (
        "The event of the gateway has no method or no path as text. Send it as API Gateway, a function URL or a load "
        "balancer does."
    ),
    "bad_event_body": (
        "The body of the event is {found}; a gateway sends it as text. Send the same JSON as one string, as "
        "json.dumps makes it."
    ),
    "bad_base64": "The body is marked as base64 on its way to us, and is not. Send it again; if it stays so, tell us.",
    "no_file": 'The form has no part named "file"; it has {found}. Send the CSV as "file".',
    "several_files": 'The form has {count} parts named "file". Send one file a request.',
    "not_found": "There is nothing at {path}. GET / lists what there is.",
    "method_not_allowed": "{method} is not answered at {path}; it takes {allowed}.",
    "too_large": "The body is longer than {limit:,} bytes, the most that is taken here. {advice}",
    "form_too_large": (
        "The form has too many parts, or a part that is too long and has no file name. Send one part, "
        'named "file", with a file name.'
    ),
    "answer_too_large": "The answer would be longer than {limit:,} bytes, {bound}. {advice}",
    "too_much_work": "Scoring was stopped. {why} {state}{first} {advice}",
    "small_chunks": (
        "The body comes in pieces of fewer than 16 bytes on average, which take too much work to read. Send it with a "
        "Content-Length, or in longer chunks."
    ),
    "send_json": "{found} Send one customer as JSON, with the header 'Content-Type: application/json'.",
    "send_utf8": "The charset {value} is not read here. Send JSON as UTF-8.",
    "send_form": (
        '{found} Send the CSV as multipart/form-data in a part named "file", such as curl -F file=@customers.csv does.'
    ),
    "send_csv": (
        "{found} Send the CSV as text/csv, packed as application/gzip, or as multipart/form-data in a part named "
        '"file".'
    ),
    "send_unpacked": (
        "The Content-Encoding {value} is not read here. Send the body without it; a .csv.gz may be the file itself."
    ),
    "no_key": "The request has no key. Send yours in the header X-Api-Key.",
    "wrong_key": (
        "The key in X-Api-Key is not valid here, perhaps because it was replaced. Whoever runs the service can give "
        "you another."
    ),
    "key_in_query": (
        "The query of the address has a key or token, and logs on the way keep addresses. Send it in the header "
        "X-Api-Key, and have a key that was sent like this replaced."
    ),
    "too_many_requests": "This {whom} has sent more than {limit}. Send the next one in {seconds} s.",
    "uploads_not_configured": (
        "This service has no bucket for uploads. Send the CSV to /v2/batches, in parts if it is too long."
    ),
    "file_elsewhere": (
        "This address takes no body. It answers with a form, url and fields; send the file there, as the part "
        '"file", after the fields.'
    ),
    "unknown_job": "There is no job {value}, or no longer, or it is of another key. POST /v2/uploads begins one.",
    "uploads_unavailable": (
        "The bucket for uploads does not answer as it should. Try again later; if it stays so, name request id "
        "{request_id}: the log has the reason."
    ),
    "busy": "More is asked for at once than is answered here. Nothing is wrong with the request: send it again later.",
    "too_slow": "The request did not come in time, and what came of it was not used. Send it again, in one go.",
    "no_room": (
        "There is no room left to hold the file while it is scored. Whoever runs the service can tell by request id "
        "{request_id}; a smaller file may pass."
    ),
    "no_host": "The request is of HTTP/1.1 and has no Host header. Send one: its value is the host of the address.",
    "long_address": "The address in the request line is too long. Send a customer in the body.",
    "long_headers": "A header of the request is too long, or there are too many. Send fewer or shorter ones.",
    "expectation": 'The request has an Expect header other than "100-continue". Send it without.',
    "transfer_coding": 'The request has a Transfer-Encoding other than "chunked". Send the body plainly or in chunks.',
    "internal": (
        "Something failed on our side; the request may be right. Name request id {request_id} when you ask about it."
    ),
}


class RequestError(ChurnError):
    """A request that HTTP itself makes wrong, or rows that are refused.

    Attributes
    ----------
    code : str
        A key of `KINDS`.
    members : dict
        What the problem has beyond the standard members.
    """

    def __init__(self, code: str, *, members: Mapping[str, object] | None = None, **parts: Any) -> None:
        """Hold the code and its sentence; where the cause is known better, `sentence` among `parts` names another."""
        if "value" in parts:
            parts["value"] = show(parts["value"])
        super().__init__(MESSAGES[parts.pop("sentence", code)].format(**parts))
        self.code = code
        self.members = dict(members or {})


def shorten(*others: str) -> str:
    """Return what to do about a file that is too long, with other ways as clauses, of which empty ones are left out."""
    return f"Send the file in parts{''.join(f', or {each}' for each in others if each)}."


def members_of(
    code: str, detail: str, request_id: str, members: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return a problem as the members of its JSON."""
    kind = KINDS[code]
    return {
        "type": f"urn:churn:problem:{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": request_id,
        "code": code,
        **(members or {}),
    }


def body_of(code: str, detail: str, request_id: str, members: Mapping[str, object] | None = None) -> bytes:
    """Return a problem as the bytes of its JSON."""
    # A lone surrogate becomes \udXXX, which is also how JSON escapes it.
    text = json.dumps(members_of(code, detail, request_id, members), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")


def answer(code: str, detail: str, members: Mapping[str, object] | None = None) -> Response:
    """Return the answer to this request that says what went wrong."""
    g.code = code
    response = Response(body_of(code, detail, g.request_id, members), KINDS[code].status, content_type=MEDIA_TYPE)
    if code in RETRY_AFTER_S:
        response.headers["Retry-After"] = str(RETRY_AFTER_S[code])
    return response


def errors_of(problems: Sequence[Problem], total: int) -> dict[str, object]:
    """Return the members that list problems: the first of them, and how many there are."""
    return {"errors": [each.to_dict() for each in problems[:SHOWN_PROBLEMS]], "errors_total": total}


def parts_of(error: CustomerError | InputError | RequestError) -> tuple[str, str, Mapping[str, object]]:
    """Return the code, the sentence and the further members of the problem that `error` is."""
    if isinstance(error, CustomerError):
        return "bad_customer", str(error), errors_of(error.problems, len(error.problems))
    if isinstance(error, InputError):
        return error.problem.code, str(error), errors_of([error.problem], 1)
    return error.code, str(error), error.members


def _answer_known(error: CustomerError | InputError | RequestError) -> Response:
    return answer(*parts_of(error))


def _answer_http(error: HTTPException) -> Response:
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.code or 500)
    if code is None:
        code = "internal" if (error.code or 500) >= 500 else "bad_request"
    headers = dict(error.get_headers())
    detail = MESSAGES[code].format(
        path=show(request.path),
        method=show(request.method)[1:-1],
        allowed=headers.get("Allow", ""),
        request_id=g.request_id,
    )
    response = answer(code, detail)
    if "Allow" in headers:
        response.headers["Allow"] = headers["Allow"]
    return response


def _answer_unexpected(error: Exception) -> Response:
    code = "no_room" if isinstance(error, OSError) and error.errno in _NO_ROOM else "internal"
    log.write_failure(error, g.request_id)
    return answer(code, MESSAGES[code].format(request_id=g.request_id))


def install(app: Flask) -> None:
    """Answer every error that `app` can raise with a problem."""
    for kind in (CustomerError, InputError, RequestError):
        app.register_error_handler(kind, _answer_known)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unexpected)
