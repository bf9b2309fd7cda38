"""Passes Lambda's HTTP events to the app and returns its responses, through serverless-wsgi.

app/aws/http_events.py checks an event before serverless-wsgi makes a WSGI request of it. The response is measured, as
one longer than Lambda accepts would become a bare 502. No exception escapes.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import serverless_wsgi
from flask import Flask

from app import log
from app.aws.http_events import API_GATEWAY, LOAD_BALANCER, Edge, Request, is_balanced, read, read_headers
from app.web import request_logging
from app.web.errors import ASK_FOR_JSON, HIGHEST_LIMIT, RequestError, send_in_parts
from app.web.problems import MEDIA_TYPE, parts_of
from app.web.responses import CutShortError
from app.web.service import MAX_PACKED
from model.errors import InputError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What is not listed there goes out as base64.
serverless_wsgi.TEXT_MIME_TYPES += [MEDIA_TYPE, "application/x-ndjson"]

_ESCAPED_BYTES: Final = 12
"""The most that one character takes in JSON: two escapes, for one beyond U+FFFF."""
_HEADERS_BYTES: Final = 10_240
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Invocation:
    """What Lambda says of one call."""

    aws_request_id: str | None = None
    function_name: str | None = None
    xray: str | None = None
    is_cold: bool = False

    def write(self, line: Mapping[str, object], **metrics: float) -> None:
        """Write a line with what tells the call, and with the metrics, if this runs on Lambda."""
        ours = {"aws_request_id": self.aws_request_id, "trace_id": log.trace_id(None, self.xray)}
        cold = {"cold_start": True} if self.is_cold else {}
        told = log.metrics(self.function_name, **metrics, ColdStart=int(self.is_cold)) if metrics else {}
        log.write(**{**ours, **cold, **line, **told})

    def write_request(self, line: Mapping[str, object], status: int, started: float) -> None:
        """Write the line of a request answered with `status`, begun at `started` of time.perf_counter."""
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
        larger: str = "",
        is_route: Callable[[str], bool] = lambda _path: False,
    ) -> None:
        """Hold `app` of the model `version`, reached under `base_path`; `larger` is as in `create_app`.

        A path for which `is_route` is true is the app's own, and nothing is cut off it.
        """
        self._app, self._version, self._base_path, self._larger = app, version, base_path, larger
        self._is_route = is_route

    def answer(self, event: Mapping[str, Any], call: Invocation) -> dict[str, Any]:
        """Return the answer to one event, in the form that its edge wants, and write its line."""
        started = time.perf_counter()
        edge = LOAD_BALANCER if is_balanced(event) else API_GATEWAY
        headers = read_headers(event)
        request_id = request_logging.request_id_of(headers.get("x-request-id", call.aws_request_id))
        headers["x-request-id"] = request_id
        if call.xray:
            headers.setdefault("x-amzn-trace-id", call.xray)
        trace_id = log.trace_id(headers.get("traceparent"), headers.get("x-amzn-trace-id"))
        line: request_logging.Line = {"request_id": request_id, "trace_id": trace_id, "model_version": self._version}
        try:
            request = read(event, headers, edge, self._base_path, self._larger, self._is_route)
            bridged = self._bridge(request, line, edge)
            made = _shaped(bridged, event)
            if _length(made) > edge.max_out:
                is_table = bridged["headers"].get("Content-Type", "").startswith("text/csv")
                advice = send_in_parts(ASK_FOR_JSON if is_table else "", self._larger)
                raise RequestError("answer_too_large", limit=edge.max_out, bound=HIGHEST_LIMIT, advice=advice)
        except RequestError as error:
            made = _shaped(self._problem(error, request_id, line), event)
        except CutShortError as error:
            # Nothing went out yet, so the whole answer can be the reason why it has no end.
            fault = error.__cause__
            known = (
                fault
                if isinstance(fault, InputError | RequestError)
                else RequestError("internal", request_id=request_id)
            )
            made = _shaped(self._problem(known, request_id, line), event)
        except Exception as error:  # noqa: BLE001 - whatever escapes becomes a bare 502
            log.write_failure(error, request_id)
            made = _shaped(self._problem(RequestError("internal", request_id=request_id), request_id, line), event)
        call.write_request(line, made["statusCode"], started)
        return made

    def _bridge(self, request: Request, line: request_logging.Line, edge: Edge) -> dict[str, Any]:
        is_http = request.headers.get("x-forwarded-proto") == "http"
        ours = {
            "SCRIPT_NAME": request.prefix,
            "SERVER_PORT": "80" if is_http else "443",
            "wsgi.url_scheme": "http" if is_http else "https",
            request_logging.REPORT: line.update,
            MAX_PACKED: edge.max_packed,
        }

        def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            return self._app({**environ, **ours}, start_response)

        plain = {
            "version": "1.0",
            "httpMethod": request.method,
            # The bridge would take "?" for the beginning of a query.
            "path": request.path.replace("?", "%3F"),
            "headers": request.headers,
            "multiValueQueryStringParameters": request.query,
            "requestContext": {"identity": {"sourceIp": request.address}},
            "body": request.body,
            "isBase64Encoded": False,
        }
        made: dict[str, Any] = serverless_wsgi.handle_request(app, plain, None)
        # An answer without content comes without these.
        return {"body": "", "isBase64Encoded": False, **made}

    def _problem(self, error: InputError | RequestError, request_id: str, line: request_logging.Line) -> dict[str, Any]:
        code, detail, members = parts_of(error)
        status, headers, body = request_logging.bare_answer(code, detail, request_id, members)
        line.update(code=code, bytes_out=len(body))
        headers["X-Model-Version"] = self._version
        return {"statusCode": status, "headers": headers, "body": body.decode(), "isBase64Encoded": False}


def routes_of(app: Flask) -> Callable[[str], bool]:
    """Return a function that reports whether `app` has a route for a path, with any method."""
    routes = app.url_map.bind("localhost")
    return lambda path: bool(routes.allowed_methods(path))


def _length(made: Mapping[str, Any]) -> int:
    """Return how many bytes an answer has as the JSON that Lambda's runtime makes of it, or more if it is short."""
    least = len(made["body"]) * _ESCAPED_BYTES + _HEADERS_BYTES
    return least if least <= LOAD_BALANCER.max_out else len(json.dumps(made))


def _shaped(made: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer as its edge wants it: a balancer, with a description, and with headers as it sent its own."""
    shaped = dict(made)
    if is_balanced(event):
        status = made["statusCode"]
        shaped["statusDescription"] = f"{status} {_PHRASES.get(status, 'Unknown')}"
        if isinstance(event.get("multiValueHeaders"), dict):
            shaped["multiValueHeaders"] = {name: [value] for name, value in shaped.pop("headers").items()}
    return shaped
