"""The files that are measured: the real rows where TELCO_CSV names them, else the sample, repeated under fresh ids.

usage: python -m benchmarks.data ROWS TIMES    (writes a file of ROWS rows to standard output, its rows TIMES times)
"""

import csv
import os
import random
import shutil
import sys
from pathlib import Path

from model.artifact import first_schema

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "bench"
SCHEMA = first_schema()
SEED = 7
SERVING_PYTHON = os.environ.get("SERVING_PYTHON", sys.executable)
"""An interpreter with what serves and no more, as in the images: with pandas installed, pyarrow imports it (0.2 s)."""


def source() -> Path:
    """Return the file whose rows are repeated."""
    real = Path(os.environ.get("TELCO_CSV", ROOT / ".." / "shared" / "data" / "telco.csv"))
    return real if real.exists() else ROOT / "tests" / "data" / "sample.csv"


def make(rows: int, bad_share: float = 0.0) -> Path:
    """Return a CSV of `rows` customers in the eleven columns, a share of them bad in one of four ways; written once."""
    target = BUILD / f"{source().stem}-{rows}-{bad_share:g}.csv"
    if target.exists():
        return target
    BUILD.mkdir(parents=True, exist_ok=True)
    with source().open(encoding="utf-8", newline="") as file:
        customers = [[row[name] for name in SCHEMA.columns] for row in csv.DictReader(file)]
    spoil = random.Random(SEED)  # noqa: S311 - not a secret
    draft = target.with_suffix(".part")
    with draft.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(SCHEMA.columns) + "\n")
        for number in range(rows):
            cells = list(customers[number % len(customers)])
            cells[0] = f"{number:08d}"
            if bad_share and spoil.random() < bad_share:
                cells = _spoilt(cells, spoil.randrange(4))
            file.write(",".join(cells) + "\n")
    draft.rename(target)
    return target


def _spoilt(cells: list[str], how: int) -> list[str]:
    if how == 0:
        return cells[:7]
    name, cell = [("MonthlyCharges", "abc"), ("Contract", "Monthly"), ("tenure", "-3")][how - 1]
    cells[SCHEMA.columns.index(name)] = cell
    return cells


if __name__ == "__main__":
    with make(int(sys.argv[1])).open("rb") as file:
        sys.stdout.buffer.write(file.readline())
        start = file.tell()
        for _ in range(int(sys.argv[2])):
            file.seek(start)
            shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
