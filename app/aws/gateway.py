"""Passes Lambda's HTTP events to the app and returns its responses, through serverless-wsgi.

app/aws/http_events.py checks an event before serverless-wsgi makes a WSGI request of it. The response is measured, as
one longer than Lambda accepts would become a bare 502. No exception escapes.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import serverless_wsgi
from flask import Flask

from app import log
from app.aws.http_events import API_GATEWAY, LOAD_BALANCER, EventSource, Request, is_balanced, read_headers, to_request
from app.web import request_logging
from app.web.errors import ASK_FOR_JSON, HIGHEST_LIMIT, RequestError, send_in_parts
from app.web.problems import MEDIA_TYPE, parts_of
from app.web.responses import CSV, NDJSON, CutShortError
from app.web.service import MAX_BINARY_BYTES
from model.errors import InputError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Responses of other types are sent as base64.
serverless_wsgi.TEXT_MIME_TYPES += [MEDIA_TYPE, NDJSON]

_MAX_ESCAPED_BYTES: Final = 12
"""The most that one character needs in JSON: two escapes, for one beyond U+FFFF."""
_HEADERS_BYTES: Final = 10_240
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


class Invocation(NamedTuple):
    """What Lambda passes with one event."""

    aws_request_id: str | None = None
    function_name: str | None = None
    xray: str | None = None
    is_cold: bool = False

    def write(self, line: Mapping[str, object], **metrics: float) -> None:
        """Write a log line with the ids of this invocation and, on Lambda, with the metrics."""
        ids = {"aws_request_id": self.aws_request_id, "trace_id": log.trace_id(None, self.xray)}
        cold = {"cold_start": True} if self.is_cold else {}
        members = log.metrics(self.function_name, **metrics, ColdStart=int(self.is_cold)) if metrics else {}
        log.write(**{**ids, **cold, **line, **members})

    def write_request(self, line: Mapping[str, object], status: int, started: float) -> None:
        """Write the line of a request answered with `status`, which began at `started` of time.perf_counter."""
        ms = round((time.perf_counter() - started) * 1000, 2)
        errors = {"Errors4xx": int(400 <= status < 500), "Errors5xx": int(status >= 500)}
        self.write({**line, "status": status, "ms": ms}, Requests=1, **errors, LatencyMs=ms)


class Gateway:
    """A WSGI app behind Lambda's events."""

    def __init__(
        self,
        app: "WSGIApplication",
        version: str,
        base_path: str = "",
        large_file_advice: str = "",
        is_route: Callable[[str], bool] = lambda _path: False,
    ) -> None:
        """Hold `app` of the model `version`, at `base_path`; `large_file_advice` is that of `create_app`.

        A path for which `is_route` is true is a route of the app, and no prefix is removed from it.
        """
        self._app, self._version, self._base_path, self._advice = app, version, base_path, large_file_advice
        self._is_route = is_route

    def answer(self, event: Mapping[str, Any], invocation: Invocation) -> dict[str, Any]:
        """Return the response to one event, in the form of its source, and write its log line."""
        started = time.perf_counter()
        source = LOAD_BALANCER if is_balanced(event) else API_GATEWAY
        headers = read_headers(event)
        request_id = request_logging.request_id_of(headers.get("x-request-id", invocation.aws_request_id))
        headers["x-request-id"] = request_id
        if invocation.xray:
            headers.setdefault("x-amzn-trace-id", invocation.xray)
        trace_id = log.trace_id(headers.get("traceparent"), headers.get("x-amzn-trace-id"))
        line: request_logging.Line = {"request_id": request_id, "trace_id": trace_id, "model_version": self._version}
        try:
            request = to_request(event, headers, source, self._base_path, self._advice, self._is_route)
            app_response = self._call_app(request, line, source)
            response = _for_source(app_response, event)
            if _length(response) > source.max_response_bytes:
                raise self._too_large(app_response, source)
        except Exception as error:  # noqa: BLE001 - an exception that escapes becomes a bare 502
            problem = self._problem(_known_error(error, request_id), request_id, line)
            response = _for_source(problem, event)
        invocation.write_request(line, response["statusCode"], started)
        return response

    def _call_app(self, request: Request, line: request_logging.Line, source: EventSource) -> dict[str, Any]:
        is_http = request.headers.get("x-forwarded-proto") == "http"
        own_environ = {
            "SCRIPT_NAME": request.prefix,
            "SERVER_PORT": "80" if is_http else "443",
            "wsgi.url_scheme": "http" if is_http else "https",
            request_logging.WRITE_LINE: line.update,
            MAX_BINARY_BYTES: source.max_binary_bytes,
        }

        def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            return self._app({**environ, **own_environ}, start_response)

        plain_event = {
            "version": "1.0",
            "httpMethod": request.method,
            # serverless-wsgi would read "?" as the beginning of a query.
            "path": request.path.replace("?", "%3F"),
            "headers": request.headers,
            "multiValueQueryStringParameters": request.query,
            "requestContext": {"identity": {"sourceIp": request.address}},
            "body": request.body,
            "isBase64Encoded": False,
        }
        response: dict[str, Any] = serverless_wsgi.handle_request(app, plain_event, None)
        # A response without content lacks these.
        return {"body": "", "isBase64Encoded": False, **response}

    def _too_large(self, response: Mapping[str, Any], source: EventSource) -> RequestError:
        is_csv = response["headers"].get("Content-Type", "").startswith(CSV)
        advice = send_in_parts(ASK_FOR_JSON if is_csv else "", self._advice)
        return RequestError("answer_too_large", limit=source.max_response_bytes, bound=HIGHEST_LIMIT, advice=advice)

    def _problem(self, error: InputError | RequestError, request_id: str, line: request_logging.Line) -> dict[str, Any]:
        code, detail, members = parts_of(error)
        status, headers, body = request_logging.bare_response(code, detail, request_id, members)
        line.update(code=code, bytes_out=len(body))
        headers["X-Model-Version"] = self._version
        return {"statusCode": status, "headers": headers, "body": body.decode(), "isBase64Encoded": False}


def routes_of(app: Flask) -> Callable[[str], bool]:
    """Return a function that reports whether `app` has a route for a path, with any method."""
    routes = app.url_map.bind("localhost")
    return lambda path: bool(routes.allowed_methods(path))


def _known_error(error: Exception, request_id: str) -> InputError | RequestError:
    """Return the error to report; a failure of our own is logged."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, CutShortError):
        # Nothing was sent yet, so the response can be the reason why it has no end.
        if isinstance(error.__cause__, InputError | RequestError):
            return error.__cause__
    else:
        log.write_failure(error, request_id)
    return RequestError("internal", request_id=request_id)


def _length(response: Mapping[str, Any]) -> int:
    """Return the length of a response as the JSON that Lambda's runtime sends, or an upper bound if it is short."""
    bound = len(response["body"]) * _MAX_ESCAPED_BYTES + _HEADERS_BYTES
    return bound if bound <= LOAD_BALANCER.max_response_bytes else len(json.dumps(response))


def _for_source(response: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response in the form of its source: a balancer needs a description, and headers in its own form."""
    shaped = dict(response)
    if is_balanced(event):
        status = response["statusCode"]
        shaped["statusDescription"] = f"{status} {_PHRASES.get(status, 'Unknown')}"
        if isinstance(event.get("multiValueHeaders"), dict):
            shaped["multiValueHeaders"] = {name: [value] for name, value in shaped.pop("headers").items()}
    return shaped
