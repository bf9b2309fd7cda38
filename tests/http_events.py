"""HTTP events of Lambda: the recorded ones in tests/events, and variants of them."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

EVENTS = Path(__file__).parent / "events"
EVENT_KINDS = ["http_rest_v1", "http_api_v1", "http_api_v2", "http_function_url", "http_alb", "http_alb_multi"]
BALANCERS = ["http_alb", "http_alb_multi"]
GATEWAYS = [kind for kind in EVENT_KINDS if kind not in BALANCERS]


def limit_of(event_kind: str) -> int:
    """Return how many bytes of JSON an event may have."""
    return 1024**2 if event_kind in BALANCERS else 6_291_556


def recorded(name: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{name}.json").read_text())


def event(
    event_kind: str,
    path: str = "/v1/customer",
    method: str = "POST",
    body: object = b"",
    *,
    headers: dict[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
    as_base64: bool = False,
    **members: Any,
) -> dict[str, Any]:
    """Return an event of this kind for one request; `members` replace its own at top level.

    A gateway passes bytes on as base64, or as text with U+FFFD where they are not UTF-8. Any other body is put into the
    event unchanged.
    """
    new = recorded(event_kind)
    context = new["requestContext"]
    if isinstance(body, bytes):
        body = base64.b64encode(body).decode() if as_base64 else body.decode("utf-8", "replace")
    new.update(isBase64Encoded=as_base64, body=body)
    lists, singles = dict(_lists(query)), dict(query)
    if new.get("version") == "2.0":
        new.update(rawPath=path, rawQueryString=urlencode(query))
        context["http"].update(method=method, path=path)
    else:
        new.update(path=path, httpMethod=method)
        if "elb" in context:
            lists = {quote(name): [quote(value) for value in values] for name, values in lists.items()}
            singles = {quote(name): quote(value) for name, value in singles.items()}
        elif "version" not in new:
            context["path"] = f"/dev{path}"
        for name, values in (("multiValueQueryStringParameters", lists), ("queryStringParameters", singles)):
            if name in new:
                new[name] = values or new[name]
    for name, value in (headers or {}).items():
        _put(new.get("headers"), name, value)
        _put(new.get("multiValueHeaders"), name, [value])
    return {**new, **members}


def _lists(query: Sequence[tuple[str, str]]) -> Any:
    for name, _ in query:
        yield name, [value for item, value in query if item == name]


def _put(headers: dict[str, Any] | None, name: str, value: Any) -> None:
    if headers is not None:
        for same in [header for header in headers if header.lower() == name.lower()]:
            del headers[same]
        headers[name] = value


def read(event_kind: str, answer: dict[str, Any]) -> SimpleNamespace:
    """Check the form of an answer and return its content; header names in lower case."""
    json.dumps(answer, allow_nan=False)
    assert set(answer) - {"statusDescription"} == {
        "statusCode",
        "body",
        "isBase64Encoded",
        "multiValueHeaders" if event_kind == "http_alb_multi" else "headers",
    }
    assert ("statusDescription" in answer) == event_kind.startswith("http_alb")
    many = answer.get("multiValueHeaders") or {name: [value] for name, value in answer["headers"].items()}
    assert all(len(values) == 1 and isinstance(values[0], str) for values in many.values())
    headers = {name.lower(): values[0] for name, values in many.items()}
    assert len(headers) == len(many), "a header has two spellings"
    body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    content = json.loads(body) if "json" in headers.get("content-type", "") and body else None
    return SimpleNamespace(status=answer["statusCode"], headers=headers, body=body, json=content)
