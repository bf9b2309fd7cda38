"""Requests for each error code that the API description promises, by route."""

import gzip
import json
from pathlib import Path

from shipped import CUSTOMER_ID, EXAMPLE, NAMES

from app.settings import Settings
from model.errors import ChurnError

DATA = Path(__file__).parent / "data"
HEADER = ",".join([CUSTOMER_ID, *NAMES])
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)
WRONG = ROW.replace("Fiber optic", "Fibre")
GOOD = f"{HEADER}\na,{ROW}\n".encode()
BAD = f"{HEADER}\na,{ROW.replace('70.35', 'lots')}\n".encode()
FORM = "multipart/form-data; boundary=cut"


class Uploads:
    """A store that knows one job, which is always done. The real one: test_uploads.py."""

    origins = ()
    job = "0" * 32

    def create_upload(self, owner: str) -> dict[str, object]:
        sent = {"url": "https://inbox.s3.eu-central-1.amazonaws.com/", "fields": {"key": f"incoming/uploads/{owner}"}}
        return {"id": self.job, **sent, "max_bytes": 10, "expires": "2026-11-24T17:00:00Z"}

    def get_job(self, owner: str, upload_id: str) -> dict[str, object] | None:
        return {"id": self.job, "status": "waiting", "uploaded": True, "bytes": 10} if upload_id == self.job else None


def no_uploads() -> Uploads:
    raise ChurnError("S3 failed to list s3://inbox/ (SlowDown).")


def json_requests(path: str) -> dict[str, dict]:
    wrap = (lambda value: {"customer": value}) if path == "/v2/what-if" else (lambda value: value)

    def body(value: object) -> dict:
        return {"data": json.dumps(wrap(value)), "content_type": "application/json"}

    def raw(data: bytes, content_type: str = "application/json", **headers: str) -> dict:
        return {"data": data, "headers": {"Content-Type": content_type, **headers}}

    result = {
        "no_body": raw(b""),
        "not_json": raw(b"{"),
        "not_utf8": raw(b'"\xff"'),
        "too_deep": raw(b"[" * 100_000),
        "repeated_key": raw(b'{"a": 1, "a": 2}'),
        "too_large": raw(b" " * 2_000_000),
        "send_json": raw(b"{}", "text/csv"),
        "send_utf8": raw(b"{}", "application/json; charset=utf-16"),
        "send_unpacked": raw(b"{}", **{"Content-Encoding": "gzip"}),
        "wrapped": body({"data": dict(EXAMPLE)}),
        "bad_customer": body({**EXAMPLE, "tenure": -1}),
    }
    if path != "/v2/customers":
        result["not_an_object"] = body([])
    if path != "/v1/customer":
        result["bad_option"] = body(dict(EXAMPLE)) | {"query_string": "threshold=2"}
        result["unknown_option"] = body(dict(EXAMPLE)) | {"query_string": "treshold=0.2"}
        result["wrong_shape"] = raw(b"3")
    if path == "/v2/customers":
        result["unknown_member"] = body({"customers": [dict(EXAMPLE)], "reasons": 3})
        result["too_many_entries"] = body({"customers": [1] * 1001})
        result["answer_too_large"] = body({"customers": [{}] * 1000})
    if path == "/v2/what-if":
        changes = {"customer": dict(EXAMPLE), "changes": {"tenure": -1}}
        result["unknown_member"] = raw(json.dumps(dict(EXAMPLE)).encode())
        result["missing_member"] = raw(b"{}")
        result["too_many_entries"] = raw(json.dumps({**changes, "changes": [{}] * 1001}).encode())
        result["bad_changes"] = raw(json.dumps(changes).encode())
    return result


def in_form(*contents: bytes, name: str = "file", **headers: str) -> dict:
    head = f'--cut\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'.encode()
    body = b"".join(head + content + b"\r\n" for content in contents) + b"--cut--\r\n"
    return {"data": body, "headers": {"Content-Type": FORM, **headers}}


SKIP = {"/v1/customerbatch": "on_error=skip"}
"""Else its bad rows are what is wrong with a file."""


def file_requests(path: str) -> dict[str, dict]:
    many = f"a,{ROW}\n".encode() * 16_000
    contents = {
        "empty_file": b"",
        "header_too_long": b"x" * 1_200_000,
        "record_too_long": GOOD + b"x" * 1_200_000,
        "damaged_gzip": gzip.compress(GOOD)[:-8] + bytes(8),
        "gzip_ratio": gzip.compress(GOOD + (b" " * 900_000 + b"\n") * 20),
        "encoding": GOOD.replace(b"\n", b",\xe9\n", 1) + f"\xe9,{ROW}\n".encode(),
    }
    of_files = {
        "no_header": "no_header.csv",
        "missing_columns": "missing_columns.csv",
        "duplicate_columns": "duplicate_columns.csv",
        "not_csv": "image.csv",
        "binary": "utf16_without_bom.csv",
        "open_quote": "open_quote.csv",
        "wrong_separator": "pipes.csv",
        "quoted_lines": "quoted_lines.csv",
        "mixed_decimals": "mixed_decimals.csv",
        "truncated_gzip": "truncated_gzip.csv.gz",
        "damaged_text": "damaged_letters.csv",
    }
    contents |= {code: (DATA / name).read_bytes() for code, name in of_files.items()}
    # JSON, because an answer row by row begins before the end of a long file is seen.
    result = {code: in_form(content, Accept="application/json") for code, content in contents.items()}
    result |= {
        "bad_form": {"data": b"nothing", "headers": {"Content-Type": FORM}},
        "no_file": in_form(GOOD, name="upload"),
        "several_files": in_form(GOOD, GOOD),
        "form_too_large": in_form(*[b""] * 1200),
        "too_large": {**in_form(b"x" * 5000), "settings": Settings(max_upload_bytes=4096)},
        "send_unpacked": in_form(GOOD, **{"Content-Encoding": "br"}),
        "unknown_charset": {**in_form(GOOD), "query_string": "charset=klingon"},
        "no_byte_order_mark": {**in_form(GOOD), "query_string": "charset=utf-16"},
        "bad_rows": {**in_form(BAD), "query_string": "on_error=refuse"},
        "bad_option": {**in_form(GOOD), "query_string": "on_error=maybe"},
        "too_many_columns": in_form(GOOD.partition(b"\n")[0] + b",x" * 20_000),
        "too_many_rows": {**in_form(GOOD + many), "settings": Settings(max_rows=2)},
        "answer_too_large": {**in_form(GOOD + many, Accept="text/csv"), "settings": Settings(max_answer_bytes=8192)},
        "too_much_work": {**in_form(GOOD + f"x,{WRONG}\n".encode() * 20_000), "query_string": SKIP.get(path, "")},
    }
    if path.startswith("/v1"):
        result |= {
            "send_form": {"data": GOOD, "content_type": "text/csv"},
            "duplicate_id": in_form(GOOD + f"a,{ROW}\n".encode()),
        }
    else:
        result |= {
            "send_csv": {"data": GOOD, "content_type": "application/json"},
            "unknown_option": {**in_form(GOOD), "query_string": "onerror=refuse"},
            "not_acceptable": in_form(GOOD, Accept="image/png"),
        }
    return result


REFUSED = {
    **{f"POST {path}": json_requests(path) for path in ("/v1/customer", "/v2/customers", "/v2/what-if")},
    **{f"POST {path}": file_requests(path) for path in ("/v1/customerbatch", "/v2/batches")},
    "POST /v2/uploads": {
        "unknown_option": {"query_string": "size=3"},
        "file_elsewhere": in_form(GOOD),
        "uploads_not_configured": {"uploads": None},
        "uploads_unavailable": {"uploads": no_uploads},
    },
    "GET /v2/jobs/{id}": {
        "unknown_option": {"query_string": "wait=3"},
        "unknown_job": {},
        "uploads_not_configured": {"uploads": None},
        "uploads_unavailable": {"uploads": no_uploads},
    },
    "GET /static/{name}": {"not_found": {}},
    # The name of a fixture: a model without a card.
    "GET /v2/model/card": {"not_found": {"scorer": "toy_scorecard"}},
}
