"""Lambda's events of HTTP: recorded ones as files in tests/events, and variants of them."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

EVENTS = Path(__file__).parent / "events"
EDGES = ["http_rest_v1", "http_api_v1", "http_api_v2", "http_function_url", "http_alb", "http_alb_multi"]


def recorded(name: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{name}.json").read_text())


def event(
    edge: str,
    path: str = "/v1/customer",
    method: str = "POST",
    body: object = b"",
    *,
    headers: dict[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
    as_base64: bool = False,
    **members: Any,
) -> dict[str, Any]:
    """Return the event of `edge` for one request; `members` replace what it has at top level.

    Bytes become what a gateway makes of them: base64, or text with U+FFFD where they are not UTF-8. Any other body
    stands in the event as it is.
    """
    made = recorded(edge)
    context = made["requestContext"]
    if isinstance(body, bytes):
        body = base64.b64encode(body).decode() if as_base64 else body.decode("utf-8", "replace")
    made.update(isBase64Encoded=as_base64, body=body)
    lists, singles = dict(_lists(query)), dict(query)
    if made.get("version") == "2.0":
        made.update(rawPath=path, rawQueryString=urlencode(query))
        context["http"].update(method=method, path=path)
    else:
        made.update(path=path, httpMethod=method)
        if "elb" in context:
            lists = {quote(name): [quote(value) for value in values] for name, values in lists.items()}
            singles = {quote(name): quote(value) for name, value in singles.items()}
        elif "version" not in made:
            context["path"] = f"/dev{path}"
        for name, found in (("multiValueQueryStringParameters", lists), ("queryStringParameters", singles)):
            if name in made:
                made[name] = found or made[name]
    for name, value in (headers or {}).items():
        _put(made.get("headers"), name, value)
        _put(made.get("multiValueHeaders"), name, [value])
    return {**made, **members}


def _lists(query: Sequence[tuple[str, str]]) -> Any:
    for name, _ in query:
        yield name, [value for each, value in query if each == name]


def _put(headers: dict[str, Any] | None, name: str, value: Any) -> None:
    if headers is not None:
        for same in [each for each in headers if each.lower() == name.lower()]:
            del headers[same]
        headers[name] = value


def read(edge: str, answer: dict[str, Any]) -> SimpleNamespace:
    """Return what an answer says, once it has the form that its edge wants; header names in small letters."""
    json.dumps(answer, allow_nan=False)
    assert set(answer) - {"statusDescription"} == {
        "statusCode",
        "body",
        "isBase64Encoded",
        "multiValueHeaders" if edge == "http_alb_multi" else "headers",
    }
    assert ("statusDescription" in answer) == edge.startswith("http_alb")
    many = answer.get("multiValueHeaders") or {name: [value] for name, value in answer["headers"].items()}
    assert all(len(values) == 1 and isinstance(values[0], str) for values in many.values())
    headers = {name.lower(): values[0] for name, values in many.items()}
    assert len(headers) == len(many), "a header came in two spellings"
    body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    found = json.loads(body) if "json" in headers.get("content-type", "") and body else None
    return SimpleNamespace(status=answer["statusCode"], headers=headers, body=body, json=found)
