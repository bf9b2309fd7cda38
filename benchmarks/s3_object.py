"""Both ends of a drop on a server that AWS_ENDPOINT_URL names: put a file into a fresh inbox, score it as Lambda does.

usage: python -m benchmarks.s3_object put NAME FILE
       python -m benchmarks.s3_object score NAME
       python -m benchmarks.s3_object remove NAME
"""

import sys

from app.jobs import s3
from app.jobs.scoring import Scoring
from model import artifact
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

KEY = "incoming/customers.csv"
DEADLINE_MS = 900_000


def put(name: str, file: str) -> None:
    client = s3.connect()
    for bucket in _buckets(name):
        client.create_bucket(Bucket=bucket)
    client.upload_file(file, _buckets(name)[0], KEY)


def score(name: str) -> None:
    store = s3.Store(
        s3.BucketLayout(*_buckets(name)), Scoring(artifact.load(), OutputOptions(), FileLimits()), s3.connect()
    )
    record = {"bucket": {"name": _buckets(name)[0]}, "object": {"key": KEY}}
    event = {"Records": [{"eventVersion": "2.1", "eventName": "ObjectCreated:Put", "s3": record}]}
    lines: list[s3.Line] = []
    s3.handle(event, store, lambda: DEADLINE_MS, lines.append)
    if [line["status"] for line in lines] != ["done"]:
        raise RuntimeError(lines)


def remove(name: str) -> None:
    client = s3.connect()
    for bucket in _buckets(name):
        for item in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=item["Key"])


def _buckets(name: str) -> tuple[str, str]:
    return f"inbox-{name}", f"results-{name}"


if __name__ == "__main__":
    {"put": put, "score": score, "remove": remove}[sys.argv[1]](*sys.argv[2:])
