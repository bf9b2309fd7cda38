"""The errors that only HTTP can have, in the form of model/errors.py; and `RequestError`, which carries one."""

from collections.abc import Mapping
from typing import Any, Final

from model import errors
from model.errors import ChurnError, ErrorKind, show

IN_GZIP: Final = "compressed with gzip"
ASK_FOR_JSON: Final = "ask for application/json, which is shorter"
HIGHEST_LIMIT: Final = "the highest limit of this service"

# One error a line, so that adding one is adding a line.
# fmt: off
HTTP_ERRORS: Final[dict[str, ErrorKind]] = {
    # Customers and files.
    "bad_customer": ErrorKind(422, "The customer cannot be scored", "{problems}"),
    "bad_rows": ErrorKind(422, "Rows of the file cannot be scored", "{rows_rejected:,} of {scope}{rows_in:,} rows cannot be scored. {first} {listed} of {total:,} problems are listed under errors. Correct them, or {advice}."),
    "wrong_shape": ErrorKind(422, "The body does not have the expected form", "{name} must be {rule}, not {shown}."),
    "unknown_member": ErrorKind(422, "The body does not have the expected form", "The body has {names}; only {known} can be in it. Put options in the query."),
    "missing_member": ErrorKind(422, "The body does not have the expected form", 'The body has no "{name}". Send it as an object with the {count} features.'),
    "too_many_entries": ErrorKind(413, "Too large", 'The list "{name}" has {count:,} entries; at most {limit:,} are accepted in one request. {advice}'),
    "bad_changes": ErrorKind(422, "The changes cannot be applied", "{first} Each such problem is listed under errors, with the number of the change."),
    # Options and the form of the response.
    "bad_option": ErrorKind(400, "An option has a value that is not accepted", "{name} must be {rule}, not {value}."),
    "unknown_option": ErrorKind(400, "An option is not known", "The query has unknown options: {names}. Known options: {known}."),
    "not_acceptable": ErrorKind(406, "No media type is acceptable", "The Accept header asks for {value}. Available are text/csv, application/x-ndjson and application/json."),
    "answer_too_large": ErrorKind(413, "Too large", "The response would be longer than {limit:,} bytes, {bound}. {advice}"),
    "too_much_work": ErrorKind(413, "Too much work", "Scoring was stopped. {reason} {state}{first} {advice}"),
    # The body.
    "bad_request": ErrorKind(400, "The request cannot be read", "The request was cut off or malformed, and cannot be read. Send it again."),
    "bad_base64": ErrorKind(400, "The request cannot be read", "The body is marked as base64 by the gateway, but is not valid base64. Send it again; if this continues, contact the operator of the service."),
    "bad_form": ErrorKind(400, "The form cannot be read", "The form cannot be read: {reason}. Let the client library write the form and its Content-Type."),
    "no_file": ErrorKind(422, "The form does not have exactly one file", 'The form has no part named "file"; it has {parts}. Send the CSV as "file".'),
    "several_files": ErrorKind(422, "The form does not have exactly one file", 'The form has {count} parts named "file". Send one file per request.'),
    "too_large": ErrorKind(413, "Too large", "The body is longer than {limit:,} bytes, the most that is accepted here. {advice}"),
    "form_too_large": ErrorKind(413, "Too large", 'The form has too many parts, or a part that is too long and has no file name. Send one part, named "file", with a file name.'),
    "small_chunks": ErrorKind(413, "Too much work", "The body arrives in chunks of fewer than 16 bytes on average, or with long lines between them, which take too much work to read. Send it with a Content-Length, or in longer chunks."),
    "send_json": ErrorKind(415, "The media type is not supported", "{content_type} Send one customer as JSON, with the header 'Content-Type: application/json'."),
    "send_utf8": ErrorKind(415, "The media type is not supported", "The charset {value} is not supported here. Send JSON as UTF-8."),
    "send_form": ErrorKind(415, "The media type is not supported", '{content_type} Send the CSV as multipart/form-data in a part named "file", as curl -F file=@customers.csv does.'),
    "send_csv": ErrorKind(415, "The media type is not supported", '{content_type} Send the CSV as text/csv, compressed as application/gzip, or as multipart/form-data in a part named "file".'),
    "send_unpacked": ErrorKind(415, "The media type is not supported", "The Content-Encoding {value} is not supported here. Send the body without it; the file itself may be a .csv.gz."),
    # Paths, keys and limits.
    "not_found": ErrorKind(404, "Not found", "There is nothing at {path}. GET / lists the routes."),
    "method_not_allowed": ErrorKind(405, "Method not allowed", "{method} is not allowed at {path}; use {allowed}."),
    "no_key": ErrorKind(401, "A key is needed", "The request has no key. Send yours in the header X-Api-Key."),
    "wrong_key": ErrorKind(401, "A key is needed", "The key in X-Api-Key is not valid here, perhaps because it was replaced. The operator of the service can give you another."),
    "key_in_query": ErrorKind(400, "A key must not be in the address", "The query of the address has a key or token, and addresses are kept in logs on the way. Send it in the header X-Api-Key, and have a key that was sent like this replaced."),
    "too_many_requests": ErrorKind(429, "Too many requests", "This {client} has sent more than {limit}. Send the next one in {seconds} s."),
    # Uploads.
    "uploads_not_configured": ErrorKind(404, "There are no uploads here", "This service has no bucket for uploads. Send the CSV to /v2/batches, in parts if it is too long."),
    "file_elsewhere": ErrorKind(422, "The file must be sent to another address", 'This address accepts no body. It returns a form, url and fields; send the file there, as the part "file", after the fields.'),
    "unknown_job": ErrorKind(404, "There is no such job", "There is no job {value}: it never existed, has expired, or belongs to another key. POST /v2/uploads creates one."),
    "uploads_unavailable": ErrorKind(503, "Uploads do not work at the moment", "The bucket for uploads does not respond as expected. Try again later; if this continues, report request id {request_id}: the log has the reason.", retry_after_s=10),
    # The server.
    "busy": ErrorKind(503, "Too many requests at once", "The service has more requests than it can answer now. The request is fine: send it again later.", retry_after_s=5),
    "no_room": ErrorKind(507, "No disk space for the file", "There is no disk space left to hold the file while it is scored. The operator of the service can find the cause by request id {request_id}; a smaller file may succeed.", retry_after_s=60),
    "long_address": ErrorKind(414, "The address is too long", "The address in the request line is too long. Send a customer in the body."),
    "expectation": ErrorKind(417, "The expectation cannot be met", 'The request has an Expect header other than "100-continue". Send it without.'),
    "no_host": ErrorKind(400, "The request names no host", "The request is of HTTP/1.1 and has no Host header. Send one: its value is the host of the address."),
    "long_headers": ErrorKind(431, "The headers are too long", "A header of the request is too long, or there are too many. Send fewer or shorter ones."),
    "transfer_coding": ErrorKind(501, "The Transfer-Encoding is not known", 'The request has a Transfer-Encoding other than "chunked". Send the body plainly or in chunks.'),
    "broken_interval": ErrorKind(500, "The intervals of the model cannot be read", "The intervals of model {version} cannot be read, so none can be given. Ask for none, or report request id {request_id}: the log has the reason."),
    "internal": ErrorKind(500, "The service failed", "The service failed; the request may be valid. Name request id {request_id} when you report it."),
}
# fmt: on

ERRORS: Final = {**errors.ERRORS, **HTTP_ERRORS}
"""Every error by its code; those with a status can be a response of their own."""

STATUSES: Final = {code: kind.status for code, kind in ERRORS.items() if kind.status is not None}


class RequestError(ChurnError):
    """A request that is wrong in a way that only HTTP can be, or a file that is refused for its rows.

    Attributes
    ----------
    code : str
        A key of `ERRORS`.
    members : dict
        What the problem has beyond the standard members.
    """

    def __init__(
        self, code: str, *, members: Mapping[str, object] | None = None, detail: str | None = None, **values: Any
    ) -> None:
        """Fill the sentence of `code` with `values`, of which `value` is quoted; or take `detail` as it is."""
        if "value" in values:
            values["value"] = show(values["value"])
        super().__init__(ERRORS[code].sentence.format(**values) if detail is None else detail)
        self.code = code
        self.members = dict(members or {})


def send_in_parts(*others: str) -> str:
    """Return what to do about a file that is too long; `others` are alternatives as clauses, empty ones are left out."""
    return f"Send the file in parts{''.join(f', or {other}' for other in others if other)}."
