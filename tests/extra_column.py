"""A program that adds an output column at run time, and prints what every entry point then gives for one customer."""

import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

from model import outputs
from model.output_option import OutputOption

outputs.COLUMNS = (
    *outputs.COLUMNS,
    outputs.ComputedColumn(
        "yearly_bill",
        "Twelve times MonthlyCharges",
        {"type": "number"},
        OutputOption("yearly_bill", "Add twelve times MonthlyCharges"),
        compute=lambda _schema, features, _score: features["MonthlyCharges"] * 12,
    ),
)


def over_http(csv: str, customer: dict[str, object]) -> dict[str, object]:
    from app import wiring

    client = wiring.build().test_client()

    def batch(accept: str) -> str:
        answer = client.post(
            "/v2/batches?yearly_bill=true", data=csv, content_type="text/csv", headers={"Accept": accept}
        )
        assert answer.status_code == 200, answer.text
        return answer.text

    return {
        "csv": batch("text/csv"),
        "ndjson": batch("application/x-ndjson"),
        "customers": client.post("/v2/customers", json=customer).json,
        "openapi": client.get("/openapi.json").json,
    }


def on_the_command_line(csv: str, folder: Path) -> dict[str, object]:
    from click.testing import CliRunner

    from app.cli.__main__ import churn

    (folder / "in").mkdir()
    (folder / "in" / "customers.csv").write_text(csv)
    words = ["score", str(folder / "in" / "customers.csv"), "-o", str(folder / "scored"), "--yearly-bill"]
    scored = CliRunner().invoke(churn, words)
    assert scored.exit_code == 0, scored.output
    # Asked for by CHURN_YEARLY_BILL.
    watch = ["watch", str(folder / "in"), str(folder / "out"), "--once", "--interval", "0.05"]
    watched = CliRunner().invoke(churn, watch)
    assert watched.exit_code == 0, watched.output
    (predictions,) = (folder / "out").rglob("predictions.csv")
    return {"score": (folder / "scored" / "predictions.csv").read_text(), "watch": predictions.read_text()}


def in_a_bucket(csv: str) -> dict[str, object]:
    import boto3
    from moto import mock_aws

    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for name in ("inbox-columns", "results-columns"):
            client.create_bucket(Bucket=name)
        etag = client.put_object(Bucket="inbox-columns", Key="incoming/customers.csv", Body=csv.encode())["ETag"]
        import handler

        dropped = {"key": "incoming/customers.csv", "size": len(csv), "eTag": etag.strip('"'), "sequencer": "01"}
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "inbox-columns"}, "object": dropped},
        }
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000, aws_request_id="1")
        handler.batch({"Records": [record]}, context)
        listed = client.list_objects_v2(Bucket="results-columns")["Contents"]
        (key,) = [item["Key"] for item in listed if item["Key"].endswith("predictions.csv")]
        return {"bucket": client.get_object(Bucket="results-columns", Key=key)["Body"].read().decode()}


def settings() -> dict[str, object]:
    from app import settings

    return {"settings": settings.table()}


if __name__ == "__main__":
    from model.artifact import first_schema
    from model.describe import template

    os.environ |= {
        "CHURN_YEARLY_BILL": "yes",
        "CHURN_INBOX_BUCKET": "inbox-columns",
        "CHURN_RESULTS_BUCKET": "results-columns",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    log, sys.stdout = sys.stdout, io.StringIO()
    customers = template(first_schema())
    result = {
        **over_http(customers, dict(first_schema().example)),
        **on_the_command_line(customers, Path(sys.argv[1])),
        **in_a_bucket(customers),
        **settings(),
    }
    json.dump(result, log)
