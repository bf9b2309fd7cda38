"""The naive design, as most tutorials have it: Flask, pandas, and the scikit-learn pipeline by joblib.

usage: python -m benchmarks.naive IN.csv OUT.csv
"""

import sys
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import serverless_wsgi
from flask import Flask, request

from model.artifact import ARTIFACTS, default_version, first_schema
from model.schema import CHURN, NOT_CHURN

NAMES = list(first_schema().names)

pipeline = joblib.load(next((ARTIFACTS / default_version()).glob("*.joblib")))
app = Flask(__name__)


@app.post("/v1/customer")
def customer() -> dict[str, str]:
    """Answer one customer; what is wrong with it is a 500."""
    frame = pd.DataFrame([request.get_json()])
    chance = pipeline.predict_proba(frame[NAMES])[0, 1]
    return {"Prediction": CHURN if chance >= 0.5 else NOT_CHURN}


def handler(event: dict[str, Any], context: object = None) -> Any:
    """Answer an event of API Gateway."""
    return serverless_wsgi.handle_request(app, event, context)


def predict_file(source: Path, target: Path) -> None:
    """Score a whole file at once; a cell that is wrong ends it."""
    customers = pd.read_csv(source)
    customers["TotalCharges"] = pd.to_numeric(customers["TotalCharges"], errors="coerce").fillna(0)
    chance = pipeline.predict_proba(customers[NAMES])[:, 1]
    pd.DataFrame({"customerID": customers["customerID"], "probability": chance.round(4)}).to_csv(target, index=False)


if __name__ == "__main__":
    predict_file(Path(sys.argv[1]), Path(sys.argv[2]))
