"""From a request to the bytes of its body: checks the content type, limits the length, finds the file in a form."""

import io
import re
import tempfile
from typing import IO, Any, BinaryIO, Final, cast

from flask import Request, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from app.web.errors import IN_GZIP, RequestError, send_in_parts
from app.web.responses import FORM
from app.web.service import service
from model.errors import listed, show

FILE: Final = "file"
_JSON_TYPE: Final = re.compile(r"(application/(json|[^/]+\+json))?")
_UTF8: Final = {"utf-8", "utf8", "us-ascii", "ascii"}
_SHOWN_PARTS: Final = 10
_CSV_TYPES: Final = {
    *("text/csv", "application/csv", "text/tab-separated-values", "text/plain"),
    *("application/gzip", "application/x-gzip", "application/octet-stream", ""),
}
"""The bytes decide the rest. Not the type that curl --data-binary sets, a form: some proxies would read it as one."""
_GZIP_ENCODINGS: Final = {"gzip", "x-gzip"}
_CHUNK_BYTES: Final = 64 * 1024
_SPOOL_BYTES: Final = 1024**2
"""Up to this length a body stays in memory."""


class _StrictParser(FormDataParser):
    """Raises ValueError for a form that is broken or cut off, where Werkzeug's own returns an empty form."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **{**options, "silent": False})  # type: ignore[arg-type]


class ChurnRequest(Request):
    """A request whose broken form is an error, and whose files are closed with it even when their form was broken."""

    form_data_parser_class = _StrictParser

    def _get_file_stream(self, *args: Any, **options: Any) -> IO[bytes]:
        stream = super()._get_file_stream(*args, **options)
        self.__dict__.setdefault("spools", []).append(stream)
        return stream

    def keep(self, stream: BinaryIO) -> None:
        """Leave a file of the form open when the request is closed; the caller closes it."""
        self.__dict__["spools"] = [spool for spool in self.__dict__.get("spools", []) if spool is not stream]
        for part in self.files.values():
            if part.stream is stream:
                part.stream = io.BytesIO()

    def close(self) -> None:
        """Close the files of the form."""
        super().close()
        for stream in self.__dict__.get("spools", []):
            stream.close()


def read_json_body(max_bytes: int, advice: str = "Send one customer.") -> bytes:
    """Return the body of a request that sends JSON. A missing Content-Type is accepted: the bytes decide.

    Raises
    ------
    RequestError
        send_json, send_utf8, send_unpacked, too_large.
    """
    if not _JSON_TYPE.fullmatch(request.mimetype):
        raise RequestError("send_json", content_type=_content_type())
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in _UTF8:
        raise RequestError("send_utf8", value=charset)
    _check_encoding()
    # Werkzeug returns the beginning of a chunked body that is too long as if it were all; one byte more shows it.
    request.max_content_length = max_bytes + 1
    try:
        # A length that is too long by one is refused by its header too, before the client is asked for the body.
        body = None if (request.content_length or 0) > max_bytes else request.get_data(cache=False)
    except RequestEntityTooLarge:
        body = None
    if body is None or len(body) > max_bytes:
        raise RequestError("too_large", limit=max_bytes, advice=advice)
    return body


def find_file(max_bytes: int) -> BinaryIO:
    """Return the part named "file" of a form, whatever its file name and type; a large one is in a temporary file.

    Raises
    ------
    RequestError
        send_form, send_unpacked, bad_form, no_file, several_files, too_large, form_too_large.
    """
    if request.mimetype != FORM:
        raise RequestError("send_form", content_type=_content_type())
    _check_encoding()
    request.max_content_length = max_bytes
    try:
        files, texts = request.files, request.form
    except RequestEntityTooLarge:
        if _received_bytes(max_bytes) < max_bytes:
            raise RequestError("form_too_large") from None
        raise _too_large(max_bytes) from None
    except ValueError:
        has_boundary = request.mimetype_params.get("boundary")
        reason = "it is malformed or was cut off" if has_boundary else "its Content-Type has no boundary"
        raise RequestError("bad_form", reason=reason) from None
    # A part without a file name (curl -F "file=<x.csv") counts as text; its bytes are the file all the same.
    parts = [cast("BinaryIO", part.stream) for part in files.getlist(FILE)]
    parts += [io.BytesIO(text.encode()) for text in texts.getlist(FILE)]
    if not parts:
        names = [show(name) for name in [*files, *texts]]
        more = [f"{len(names) - _SHOWN_PARTS} more"] if len(names) > _SHOWN_PARTS else []
        raise RequestError("no_file", parts=listed([*names[:_SHOWN_PARTS], *more]) or "no parts at all")
    if len(parts) > 1:
        raise RequestError("several_files", count=len(parts))
    return parts[0]


def declared_charset() -> str | None:
    """Return the charset in the Content-Type of the form's part "file", if any."""
    part = request.files.get(FILE)
    return part.mimetype_params.get("charset") if part else None


def read_csv_body(max_bytes: int) -> tuple[IO[bytes], str | None]:
    """Return the CSV of a form or of the body as a file that outlives the request, and its charset if it is declared.

    All of it is read before the response begins: most clients read nothing until they have sent everything, and both
    sides would wait for each other forever.

    Raises
    ------
    RequestError
        send_csv, send_unpacked, too_large, bad_request, and the codes of `find_file`.
    """
    if request.mimetype == FORM:
        file = find_file(max_bytes)
        charset = declared_charset()
        cast("ChurnRequest", request).keep(file)
        return file, charset
    if request.mimetype not in _CSV_TYPES:
        raise RequestError("send_csv", content_type=_content_type())
    if request.headers.get("Content-Encoding", "").lower() not in _GZIP_ENCODINGS:
        _check_encoding()
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 (closed with the response)
    try:
        _copy_body(spool, max_bytes)
    except BaseException:
        spool.close()
        raise
    return spool, request.mimetype_params.get("charset")


def _copy_body(spool: IO[bytes], max_bytes: int) -> None:
    # As in read_json_body: one byte more separates a chunked body that is too long from one that just fits.
    request.max_content_length = max_bytes + 1
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    try:
        while chunk := request.stream.read(_CHUNK_BYTES):
            spool.write(chunk)
            if spool.tell() > max_bytes:
                raise _too_large(max_bytes)
    except RequestEntityTooLarge:
        raise _too_large(max_bytes) from None
    # The server ends the stream where the client left; a list that was cut off must not be scored as if it were all.
    if request.content_length is not None and spool.tell() < request.content_length:
        raise RequestError("bad_request")
    spool.seek(0)


def _too_large(max_bytes: int) -> RequestError:
    return RequestError("too_large", limit=max_bytes, advice=send_in_parts(IN_GZIP, service().large_file_advice))


def _content_type() -> str:
    if not request.mimetype:
        return "The request has no Content-Type."
    return f"The Content-Type is {show(request.mimetype)}."


def _check_encoding() -> None:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise RequestError("send_unpacked", value=encoding)


def _received_bytes(max_bytes: int) -> int:
    if request.content_length is not None:
        return request.content_length
    # A chunked body has no length; when it is too long it was read up to the limit.
    return request.stream.tell() if request.stream.seekable() else max_bytes
