"""One customer as a request of API Gateway, and as bytes on a connection."""

import json
from typing import Any

from model.artifact import first_schema

BODY = json.dumps(dict(first_schema().example))


def event() -> dict[str, Any]:
    """Return an event of an HTTP API, as Lambda is given it."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/v1/customer",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.example.com", "content-length": str(len(BODY))},
        "requestContext": {
            "http": {"method": "POST", "path": "/v1/customer", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "stage": "$default",
            "requestId": "benchmark",
            "domainName": "api.example.com",
        },
        "body": BODY,
        "isBase64Encoded": False,
    }


def request(port: int) -> bytes:
    """Return an HTTP request, which keeps its connection."""
    head = f"POST /v1/customer HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(BODY)}\r\n\r\n{BODY}".encode()
