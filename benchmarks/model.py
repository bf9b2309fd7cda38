"""Our model compared with others: `make bench-model` writes peers.json into its folder, and the table into its card.

usage: python -m benchmarks.model [--version VERSION] [--only NAME...] [--minutes MOST]

The folds are those of its metrics.json; the figures of a fold are kept in build/peers/, so that an interrupted run
can be continued. All in one thread: six minutes of CPU.
"""

import argparse
import hashlib
import json
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import interpret
import lightgbm
import numpy as np
import pandas as pd
import sklearn
from threadpoolctl import threadpool_limits

from benchmarks.data import BUILD, source
from benchmarks.peers import INNER_FOLDS, RIVALS
from model import artifact
from model.contents import CARD
from model.schema import Schema
from model.training.compile import to_bytes
from model.training.cross_validation import make_folds, paired_interval
from model.training.data import read
from model.training.metrics import compute_metrics, round_probabilities, rounded
from model.training.reports import PEERS, model_card

FIGURES: Final = ("log_loss", "roc_auc", "brier", "ece", "top_decile_lift")
CACHE: Final = BUILD.parent / "peers"


def main() -> int:
    """Measure what is not measured yet, and write the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--version", help="the model; the default one if not given")
    options.add_argument("--only", nargs="+", choices=RIVALS, default=list(RIVALS), help="measure these, write nothing")
    options.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many; start again to go on")
    asked = options.parse_args()
    folder = artifact.folder_of(asked.version)
    metrics, _ = artifact.read_json(folder, "metrics.json")
    schema = artifact.load(folder.name).schema
    data = read(source(), schema)
    if data.sha256 != metrics["trained_on"]["sha256"]:
        print(f"{source()} is not the file that {folder.name} was trained on.", file=sys.stderr)
        return 2
    frame, churned = data.frame(), data.labels
    folds = make_folds(churned, metrics["protocol"]["seed"])
    started, measured = time.monotonic(), {}
    with threadpool_limits(limits=1):
        for name in asked.only:
            figures = []
            for number, fold in enumerate(folds):
                if time.monotonic() - started > asked.minutes * 60:
                    print("The time is up; what was measured is kept. Run this again.", file=sys.stderr)
                    return 1
                figures.append(_fold(name, schema, frame, churned, fold, metrics["protocol"]["seed"] + 1 + number))
            measured[name] = figures
            print(f"{name:<22}{np.mean([fold['log_loss'] for fold in figures]):.5f}", flush=True)
    if list(measured) == list(RIVALS):
        _write(folder, metrics, measured, len(folds[0][1]) / len(folds[0][0]), time.monotonic() - started)
    return 0


def _fold(name: str, schema: Schema, frame: pd.DataFrame, churned: np.ndarray, fold: Any, seed: int) -> dict[str, Any]:
    """Return the figures of a rival on one fold, and the setting that it chose without looking at the test part."""
    rival, (train, test) = RIVALS[name], fold
    recipe = Path(__file__).with_name("peers.py").read_bytes()
    key = hashlib.sha256(recipe + train.tobytes() + frame.to_csv().encode()).hexdigest()[:16]
    kept = CACHE / key / f"{name}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    begun = time.process_time()
    setting = rival.choose(schema, frame.iloc[train].reset_index(drop=True), churned[train], seed)
    (probability,) = rival.predict(schema, frame.iloc[train], churned[train], frame.iloc[test], [setting])
    figures = {
        **compute_metrics(churned[test], round_probabilities(np.asarray(probability, dtype=np.float64))),
        "setting": setting,
        "cpu_s": round(time.process_time() - begun, 2),
    }
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(figures), encoding="utf-8")
    return dict(json.loads(kept.read_text(encoding="utf-8")))


def _row(
    title: str, kind: str, figures: list[dict[str, Any]], ours: list[dict[str, Any]], ratio: float
) -> dict[str, Any]:
    row: dict[str, Any] = {"title": title, "kind": kind}
    for name in FIGURES:
        values, own = (np.array([fold[name] for fold in folds]) for folds in (figures, ours))
        difference, margin = paired_interval(values - own, ratio)
        row[name] = {
            "mean": rounded(values.mean()),
            "difference": rounded(difference),
            "low": rounded(difference - margin),
            "high": rounded(difference + margin),
        }
    if figures is not ours:
        row["settings"] = sorted({json.dumps(fold["setting"]) for fold in figures})
    return row


def _write(folder: Path, metrics: dict[str, Any], measured: dict[str, Any], ratio: float, seconds: float) -> None:
    """Write peers.json, the card and the sums of the folder; date and machine go to run.json."""
    ours = metrics["folds"]
    rows = [_row("This model", "ours", ours, ours, ratio)]
    rows += [_row(RIVALS[name].title, RIVALS[name].kind, figures, ours, ratio) for name, figures in measured.items()]
    peers = {
        "folds": len(ours),
        "inner_folds": INNER_FOLDS,
        "interval": "95 %, corrected resampled t (Nadeau and Bengio, Machine Learning 52, 2003)",
        "made_with": {
            "scikit-learn": sklearn.__version__,
            "lightgbm": lightgbm.__version__,
            "interpret-core": interpret.__version__,
        },
        "models": sorted(rows, key=lambda row: row["log_loss"]["mean"]),
    }
    cpu_s = {name: round(sum(fold["cpu_s"] for fold in figures), 1) for name, figures in measured.items()}
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    run = json.loads((folder / artifact.RUN).read_bytes())
    run["peers"] = {"measured_at": measured_at, "cpu_s": cpu_s, "machine": platform.machine()}
    files = {name: artifact.read_checked(folder, name) for name in artifact.names(folder)}
    files |= {PEERS: to_bytes(peers), CARD: model_card(metrics, peers).encode("utf-8"), artifact.RUN: to_bytes(run)}
    for name, content in {**files, artifact.SUMS: artifact.sums_of(files)}.items():
        (folder / name).write_bytes(content)
    print(f"{folder / PEERS} after {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
