"""What hostile bytes are thrown at, and what has to hold whatever they are. A broken promise raises AssertionError.

Each target takes bytes alone. `tests/entry_points/test_fuzz.py` gives them the stored corpora and what hypothesis
makes of them; `make fuzz` lets atheris steer them by what they cover:

    python tests/fuzzers.py TARGET SECONDS [CORPUS]

An input that was found to break something is kept in tests/corpus/TARGET/, and from then on it is a test.
"""

import csv
import io
import json
import math
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO

from flask.testing import FlaskClient

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))


from shipped import EXAMPLE, FEATURES, SCHEMA

from app.jobs import s3_events
from app.settings import Settings
from app.web import create_app
from model import artifact
from model.bulk.csv_writer import Predictions, Rejects
from model.bulk.run import FileLimits, Run
from model.errors import CustomerError, InputError
from model.outputs import OutputOptions
from model.parse import parse_customer, parse_json
from model.scorecard import Scorecard
from model.validate import validate

CORPUS = Path(__file__).parent / "corpus"
CHARSETS = (None, "utf-8", "utf-16", "latin-1", "cp1252")
LIMITS = FileLimits(max_bytes=8 * 1024**2, max_gzip_ratio=50)
DESCRIBED = {200, 400, 404, 405, 406, 413, 415, 422}


@cache
def scorer() -> Scorecard:
    return artifact.load()


class Trickle(io.BytesIO):
    """A source that gives five bytes at a time, as a slow network may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(5 if size is None or size < 0 else min(size, 5))


def score_file(source: IO[bytes], charset: str | None) -> tuple[bytes, bytes, dict] | str:
    """Return predictions, rejects and summary of a file, or the code with which it was refused as a whole."""
    try:
        run = Run(source, scorer(), charset=charset, limits=LIMITS)
        predictions, rejects = Predictions(scorer(), OutputOptions()), Rejects(run.header, run.delimiter)
        scored, rejected = [predictions.header], [rejects.header]
        for block in run:
            scored.append(predictions.lines(block))
            rejected.append(rejects.lines(block))
    except InputError as error:
        assert str(error).endswith("."), str(error)
        return error.problem.code
    return b"".join(scored), b"".join(rejected), run.summary()


def csv_file(data: bytes) -> None:
    """A file at the bulk entry points: its first byte chooses the charset that the sender declares."""
    charset, data = CHARSETS[data[0] % len(CHARSETS)] if data else None, data[1:]
    outcome = score_file(io.BytesIO(data), charset)
    assert score_file(Trickle(data), charset) == outcome, "how the bytes arrive changes the outcome"
    if isinstance(outcome, str):
        return
    predictions, rejects, summary = outcome
    rows = list(csv.DictReader(io.StringIO(predictions.decode(), newline=""), strict=True))
    rejected = list(csv.reader(io.StringIO(rejects.decode(), newline=""), delimiter=rejects[3:4].decode(), strict=True))
    assert [row["row"] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert all(bool(row["prediction"]) != bool(row["error"]) for row in rows), "a row is scored or rejected"
    bad = [row["row"] for row in rows if row["error"]]
    assert [line[0] for line in rejected[1:]] == bad
    assert summary["rows_in"] == len(rows) == summary["rows_scored"] + summary["rows_rejected"]
    assert summary["rows_rejected"] == len(bad)


def json_body(data: bytes) -> None:
    """A customer as JSON, on the path for one."""
    try:
        customer = validate(parse_customer(parse_json(data), SCHEMA), FEATURES)
    except InputError as error:
        assert str(error).endswith("."), str(error)
        return
    except CustomerError as error:
        assert error.problems
        assert all(problem.message.endswith(".") for problem in error.problems)
        return
    score = scorer().score(customer)
    assert math.isfinite(score.log_odds)
    assert 0 <= score.probability <= 1
    assert score.label in {"churn", "not churn"}


@cache
def client() -> FlaskClient:
    return create_app(scorer(), Settings(max_upload_bytes=4 * 1024**2)).test_client()


ROUTES = ("/v1/customer", "/v2/customers", "/v2/what-if", "/v1/customerbatch", "/v2/batches")
TYPES = (
    *("application/json", "multipart/form-data; boundary=cut", "text/csv", "application/gzip"),
    *("multipart/form-data", "text/plain; charset=utf-16"),
)


def http_body(data: bytes) -> None:
    """A body at the routes that take one: two bytes choose the route and what the client calls it."""
    first, second, body = (data + b"\0\0")[0], (data + b"\0\0")[1], data[2:]
    answer = client().post(
        ROUTES[first % len(ROUTES)], data=body, content_type=TYPES[second % len(TYPES)], buffered=True
    )
    assert answer.status_code in DESCRIBED, answer.status_code
    if answer.status_code != 200:
        assert answer.content_type == "application/problem+json"
        assert json.loads(answer.data)["status"] == answer.status_code
    assert b"Traceback" not in answer.data


def lambda_event(data: bytes) -> None:
    """Anything that JSON can state, as the event of the function: an answer, or a sentence on what it must be."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return
    import handler
    from app.aws import functions

    try:
        if functions._is_from_bucket(event):
            assert all(message.records for message in s3_events.read(event))
            return
        answer = handler.handler(event, None)
    except s3_events.EventError as error:
        assert str(error).endswith(".")
    else:
        assert answer is not None
        assert answer.get("statusCode", 200) < 500, answer


TARGETS: dict[str, Callable[[bytes], None]] = {
    "csv": csv_file,
    "json": json_body,
    "http": http_body,
    "event": lambda_event,
}


def seeds(target: str) -> dict[str, bytes]:
    """Return what a target starts from: the kept findings, and the files and events that other tests read."""
    data = Path(__file__).parent / "data"
    result = {path.name: path.read_bytes() for path in sorted((CORPUS / target).glob("*"))}
    if target == "csv":
        result |= {path.name: b"\0" + path.read_bytes() for path in sorted(data.iterdir())}
    if target == "json":
        result["example"] = json.dumps(dict(EXAMPLE)).encode()
    if target == "http":
        for route in range(len(ROUTES)):
            result[f"example {route}"] = bytes([route, 0]) + json.dumps({"customer": dict(EXAMPLE)}).encode()
            result[f"file {route}"] = bytes([route, 2]) + (data / "good.csv").read_bytes()
        form = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n%s\r\n--cut--\r\n'
        result["form"] = bytes([3, 1]) + form % (data / "good.csv").read_bytes()
    if target == "event":
        result |= {path.name: path.read_bytes() for path in sorted((data.parent / "events").iterdir())}
    return result


def main() -> None:
    """Let atheris look for inputs that break a target; a finding ends it and is written next to the corpus."""
    target, seconds, *rest = sys.argv[1:]
    import atheris

    corpus = Path(rest[0] if rest else f"build/fuzz/{target}")
    corpus.mkdir(parents=True, exist_ok=True)
    for name, content in seeds(target).items():
        (corpus / f"seed-{name.replace(' ', '-')}").write_bytes(content)
    os.environ.setdefault("PYTHONWARNINGS", "error")
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - the handler's log, for as long as the process lives
    atheris.instrument_all()
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={corpus}/finding-",
        "-max_len=65536",
        "-rss_limit_mb=3000",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
