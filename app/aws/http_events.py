"""From Lambda's HTTP events to one plain request: API Gateway (REST and HTTP), function URLs, load balancers.

An event comes from outside, so no member is assumed to have its type. Imports no Flask.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, unquote_plus

from app.web.errors import IN_GZIP, RequestError, send_in_parts
from model.errors import show

MAX_BYTES: Final = 6_291_556
"""Of an event and of a response, as in Lambda's own error message; base64 and JSON's escapes count."""

_HEADERS_BYTES: Final = 32 * 1024
"""Reserved for the headers, which API Gateway limits to 10,240 bytes and an event may have twice."""

# Underscores would make X_Forwarded_For and X-Forwarded-For one. The body is complete, whatever its headers state.
_BAD_EVENT: Final = (
    "The event of the gateway has no method or no path as text. Send it as API Gateway, a function URL or a load "
    "balancer does."
)
_BAD_BODY: Final = (
    "The body of the event is {value}; a gateway sends it as text. Send the same JSON as one string, as json.dumps "
    "returns it."
)
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_LINE_BREAKS: Final = str.maketrans("\r\n\0", "   ")
"""RFC 9110 5.5: a header whose value has these is refused, or each becomes a space."""
_PARAMETER: Final = re.compile(r"\{([^{}+]+)\+?\}")
_DROPPED: Final = {"cookie", "content-length", "host", "proxy", "transfer-encoding"}


class EventSource(NamedTuple):
    """What invokes the function, with the most bytes of a body as it is in the event, and of a response."""

    max_body_bytes: int
    max_response_bytes: int

    @property
    def max_binary_bytes(self) -> int:
        """The longest binary body: it is base64 in the event, next to the headers."""
        return (self.max_body_bytes - _HEADERS_BYTES) * 3 // 4


API_GATEWAY: Final = EventSource(MAX_BYTES, MAX_BYTES)
LOAD_BALANCER: Final = EventSource(1024**2, 1_000_000)
"""Elastic Load Balancing documents 1 MB for both; for the response the smaller reading is safe."""


class Request(NamedTuple):
    """An HTTP request in one form, whatever its source."""

    method: str
    prefix: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    address: str


def is_http(event: Mapping[str, Any]) -> bool:
    """Return whether an event is an HTTP request."""
    return "httpMethod" in event or "rawPath" in event


def to_request(
    event: Mapping[str, Any],
    headers: dict[str, str],
    source: EventSource,
    base_path: str,
    large_file_advice: str,
    is_route: Callable[[str], bool],
) -> Request:
    """Return the request in an HTTP event; `headers` are those of `read_headers`.

    `is_route` returns whether the app has a route for a path.

    Raises
    ------
    RequestError
        too_large, bad_base64, bad_request.
    """
    context = _object(event.get("requestContext"))
    http = _object(context.get("http"))
    method = event.get("httpMethod") or http.get("method")
    path = event.get("path") or event.get("rawPath")
    if not isinstance(method, str) or not isinstance(path, str):
        raise RequestError("bad_request", detail=_BAD_EVENT)
    prefix, path = _split_prefix(event, context, _clean(path), base_path, is_route)
    host = context.get("domainName") or _header(event, "host")
    if isinstance(host, str):
        headers["host"] = _clean(host).translate(_LINE_BREAKS)
    if is_balanced(event):
        # The balancer adds the address of the client to a list that the client may have invented.
        address = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    else:
        address = http.get("sourceIp") or _object(context.get("identity")).get("sourceIp") or ""
    body = _body(event, source, large_file_advice)
    return Request(_clean(method).upper(), prefix, path, _query(event), headers, body, _clean(str(address)))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _clean(text: str) -> str:
    # Half a surrogate cannot go on as UTF-8.
    return text.encode("utf-8", "replace").decode()


def is_balanced(event: Mapping[str, Any]) -> bool:
    """Return whether a load balancer sent an event."""
    return "elb" in _object(event.get("requestContext"))


def _pairs(event: Mapping[str, Any], many: str, one: str) -> Iterable[tuple[str, str]]:
    """Yield the names and values that an event has as lists, or else as single values."""
    for name, values in (_object(event.get(many)) or _object(event.get(one))).items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, str):
                yield name, value


def read_headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers by their names in lower case; repeated ones are joined, as in RFC 9110 5.3."""
    headers: dict[str, str] = {}
    for original, value in _pairs(event, "multiValueHeaders", "headers"):
        name = original.lower()
        if name in _DROPPED or not _HEADER_NAME.fullmatch(original):
            continue
        # serverless-wsgi does this to the type only: WSGI has the bytes of UTF-8 as Latin-1.
        text = _clean(value) if name == "content-type" else value.encode("utf-8", "replace").decode("latin-1")
        text = text.translate(_LINE_BREAKS)
        headers[name] = f"{headers[name]},{text}" if name in headers else text
    return headers


def _header(event: Mapping[str, Any], wanted: str) -> str | None:
    pairs = _pairs(event, "multiValueHeaders", "headers")
    return next((value for name, value in pairs if name.lower() == wanted), None)


def _query(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    raw = event.get("rawQueryString")
    if isinstance(raw, str):
        return parse_qsl(_clean(raw), keep_blank_values=True)
    pairs = _pairs(event, "multiValueQueryStringParameters", "queryStringParameters")
    # A load balancer does not decode them.
    decode = unquote_plus if is_balanced(event) else str
    return [(_clean(decode(name)), _clean(decode(value))) for name, value in pairs]


def _split_prefix(
    event: Mapping[str, Any],
    context: Mapping[str, Any],
    path: str,
    base_path: str,
    is_route: Callable[[str], bool],
) -> tuple[str, str]:
    """Return the prefix of the path, and the path in the app. A prefix is whole segments: /dev is none of /devx.

    HTTP APIs have the stage in their path, unless it is $default; REST APIs have it in another member only. A domain
    that is mapped under a base path adds it in front, and the API's own address does not: with the base path /v1,
    /v1/customer is a route there and keeps its beginning.
    """
    before = ""
    stage, whole = context.get("stage"), context.get("path")
    bare = path.rstrip("/")
    if "version" not in event and isinstance(whole, str) and whole.rstrip("/").endswith(bare):
        before = whole.rstrip("/").removesuffix(bare)
    mapped = _before_route(path, _matched_route(event))
    before, path = before + mapped, path.removeprefix(mapped)
    prefixes = [base_path]
    if "version" in event and isinstance(stage, str) and stage and stage != "$default":
        prefixes.insert(0, f"/{stage}")
    for prefix in prefixes:
        if prefix and (path == prefix or path.startswith(f"{prefix}/")) and not is_route(path):
            before, path = before + prefix, path.removeprefix(prefix)
    return before, path or "/"


def _matched_route(event: Mapping[str, Any]) -> str | None:
    """Return the path that the gateway matched: its route with the parameters inserted. None where it has no route."""
    route = event.get("resource", event.get("routeKey"))
    template = route.rpartition(" ")[2] if isinstance(route, str) else ""
    parameters = _object(event.get("pathParameters"))
    if not template.startswith("/"):
        return None
    return _PARAMETER.sub(lambda name: str(parameters.get(name[1])), template)


def _before_route(path: str, matched: str | None) -> str:
    """Return the part of `path` before the path that the gateway matched: the base path, the stage, or both."""
    whole, end = unquote(path).rstrip("/"), unquote(matched or "").rstrip("/")
    prefix = whole.removesuffix(end)
    return prefix if matched and whole.endswith(end) and path.startswith(prefix) else ""


def _body(event: Mapping[str, Any], source: EventSource, large_file_advice: str) -> bytes:
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise RequestError("bad_request", detail=_BAD_BODY.format(value=show(body)))
    is_base64 = event.get("isBase64Encoded") is True
    # Half a surrogate becomes bytes that are not UTF-8, which is refused where text is read.
    text = b"" if is_base64 else body.encode("utf-8", "surrogatepass")
    if max(len(body), len(text)) > source.max_body_bytes:
        limit = source.max_body_bytes * 3 // 4 if is_base64 else source.max_body_bytes
        raise RequestError("too_large", limit=limit, advice=send_in_parts(IN_GZIP, large_file_advice))
    if not is_base64:
        return text
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise RequestError("bad_base64") from None
