"""The naive design, as most tutorials have it: pandas reads the whole file, the pipeline by joblib predicts it.

usage: python -m benchmarks.naive IN.csv OUT.csv
"""

import sys
from pathlib import Path

import joblib
import pandas as pd

from model.artifact import ARTIFACTS, default_version
from model.schema import CUSTOMER_ID, NAMES


def load_pipeline() -> object:
    """Return the scikit-learn pipeline of the default model."""
    folder = ARTIFACTS / default_version()
    return joblib.load(next(folder.glob("*.joblib")))


def predict_file(source: Path, target: Path) -> None:
    """Score a whole file at once; a cell that is wrong ends it."""
    customers = pd.read_csv(source)
    customers["TotalCharges"] = pd.to_numeric(customers["TotalCharges"], errors="coerce").fillna(0)
    chance = load_pipeline().predict_proba(customers[list(NAMES)])[:, 1]
    pd.DataFrame({CUSTOMER_ID: customers[CUSTOMER_ID], "probability": chance.round(4)}).to_csv(target, index=False)


if __name__ == "__main__":
    predict_file(Path(sys.argv[1]), Path(sys.argv[2]))
