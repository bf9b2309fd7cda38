"""Our recipes and the best boosting on tables of other columns: `make bench-schemas` fills the table of docs/schema.md.

usage: python -m benchmarks.schemas [--data FOLDER] [--only TABLE...] [--print]

The schemas are those that `churn infer-schema` proposes, unchanged. All models are measured on the same folds, each
with its settings chosen inside the training part; what was measured is kept in build/schemas/. 20 minutes of CPU.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.data import BUILD, ROOT, source
from benchmarks.peers import INNER_FOLDS, RIVALS
from model import artifact
from model.schema import Schema
from model.schema_document import to_json
from model.training.cross_validation import Fold, make_folds, paired_interval, sample_rows, select_setting, size_ratio
from model.training.data import LabelledData, read
from model.training.infer import infer
from model.training.metrics import Floats, compute_metrics
from model.training.recipes import EXACT_RECIPES, Recipe

SEED: Final = 0
CACHE: Final = BUILD.parent / "schemas"
PAGE: Final = ROOT / "docs" / "schema.md"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
FIGURES: Final = {"roc_auc": 4, "pr_auc": 4, "log_loss": 4}
BOOSTED: Final = {"hist_boosting": "scikit-learn", "lightgbm": "LightGBM"}
LEAST: Final = 20
"""Customers in a leaf: the settings of RIVALS with this many."""


@dataclass(frozen=True)
class Table:
    """A file, and the schema for it.

    Attributes
    ----------
    title : str
    file : str
    schema : callable (path) -> Schema
    """

    title: str
    file: str
    schema: Callable[[Path], Schema]


def _proposed(target: str) -> Callable[[Path], Schema]:
    return lambda path: infer(path, target).schema


TABLES: Final = {
    "ten": Table("IBM's telecom, the ten columns", "telco.csv", lambda _path: artifact.first_schema()),
    "nineteen": Table("IBM's telecom, all columns", "telco.csv", _proposed("Churn")),
    "telephone": Table("telephone usage", "orange-like.csv", _proposed("Churn")),
    "usage": Table("usage of a telecom, made up", "usage-telecom.csv", _proposed("Left?")),
}


def main() -> int:
    """Measure what is not measured yet, and write the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=source().parent, help="the folder of the files")
    options.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES), help="measure these, write nothing")
    options.add_argument("--print", action="store_true", help="print the table, write nothing")
    asked = options.parse_args()
    missing = sorted({TABLES[name].file for name in asked.only if not (asked.data / TABLES[name].file).exists()})
    if missing:
        print(f"{asked.data} has no {', '.join(missing)}. Name the folder of the files: --data.", file=sys.stderr)
        return 2
    with threadpool_limits(limits=1):
        lines = [line for name in asked.only for line in _measure(TABLES[name], asked.data)]
    if asked.print or list(asked.only) != list(TABLES):
        print("\n".join(_page(lines)))
        return 0
    before, rest = PAGE.read_text(encoding="utf-8").split(f"{BEGIN}\n")
    after = rest.split(f"{END}\n")[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(_page(lines)) + f"\n{END}\n{after}", encoding="utf-8")
    return 0


def _measure(table: Table, folder: Path) -> list[str]:
    """Return the lines of a table: each recipe compared with the better of two boosted models."""
    path = folder / table.file
    data = read(path, table.schema(path))
    data = data.subset(sample_rows(data.labels, SEED))
    folds = make_folds(data.labels, SEED)
    boosted = {title: _kept(data, folds, name, _boosted(name)) for name, title in BOOSTED.items()}
    title, best = min(boosted.items(), key=lambda item: _mean(item[1], "log_loss"))
    rows = [(recipe.name, _kept(data, folds, recipe.name, _ours(recipe))) for recipe in EXACT_RECIPES]
    shape = f"{table.title} | {data.rows:,} | {len(data.schema.features)}"
    lines = []
    for name, figures in [*rows, (f"boosting ({title})", best)]:
        cells = [f"{_mean(figures, key):.{decimals}f}" for key, decimals in FIGURES.items()]
        cells += [_difference(figures, best, key, folds) for key in ("roc_auc", "log_loss")]
        lines.append(f"| {shape} | {name} | {' | '.join(cells)} |")
        shape = " |  | "
    print("\n".join(lines), file=sys.stderr, flush=True)
    return lines


def _ours(recipe: Recipe) -> Callable[[LabelledData, Fold, int], Floats]:
    """Return what selects the setting within the training part of a fold and predicts its test part."""

    def predict(data: LabelledData, fold: Fold, seed: int) -> Floats:
        schema, X, y, train = data.schema, data.frame(), data.labels, fold[0]
        inner = replace(recipe.adapted_to(schema), repeats=1)
        (setting, *others) = inner.settings
        if others:
            setting = select_setting(schema, X.iloc[train].reset_index(drop=True), y[train], seed, inner).setting
        ((_, y_prob),) = inner.predict(schema, X, y, fold, [setting])
        return y_prob

    return predict


def _boosted(name: str) -> Callable[[LabelledData, Fold, int], Floats]:
    rival = replace(RIVALS[name], settings=[setting for setting in RIVALS[name].settings if setting[1] == LEAST])

    def predict(data: LabelledData, fold: Fold, seed: int) -> Floats:
        X, y, (train, test) = data.frame(), data.labels, fold
        setting = rival.choose(data.schema, X.iloc[train].reset_index(drop=True), y[train], seed)
        (y_prob,) = rival.predict(data.schema, X.iloc[train], y[train], X.iloc[test], [setting])
        return np.asarray(y_prob, dtype=np.float64)

    return predict


def _kept(
    data: LabelledData, folds: list[Fold], name: str, predict: Callable[[LabelledData, Fold, int], Floats]
) -> list[dict[str, Any]]:
    """Return the figures of a model on each fold, from the last run where nothing has changed."""
    sources = [Path(__file__).with_name("peers.py"), *sorted((ROOT / "model" / "training").glob("*.py"))]
    code = b"".join(path.read_bytes() for path in sources if path.stem in {"peers", name, "spline", "monotone"})
    key = hashlib.sha256(code + to_json(data.schema) + data.sha256.encode()).hexdigest()[:16]
    figures: list[dict[str, Any]] = []
    for number, fold in enumerate(folds):
        kept = CACHE / key / f"{name}-{number}.json"
        if not kept.exists():
            measured = compute_metrics(data.labels[fold[1]], predict(data, fold, SEED + 1 + number))
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(measured), encoding="utf-8")
        figures.append(json.loads(kept.read_text(encoding="utf-8")))
    return figures


def _mean(figures: list[dict[str, Any]], key: str) -> float:
    return float(np.mean([fold[key] for fold in figures]))


def _difference(figures: list[dict[str, Any]], best: list[dict[str, Any]], key: str, folds: list[Fold]) -> str:
    if figures is best:
        return ""
    differences = np.array([fold[key] - other[key] for fold, other in zip(figures, best, strict=True)])
    mean, margin = paired_interval(differences, size_ratio(folds))
    return f"{mean:+.4f} ({mean - margin:+.4f} to {mean + margin:+.4f})"


def _page(lines: list[str]) -> list[str]:
    figures = ["ROC AUC", "PR-AUC", "log loss"]
    head = ["table", "rows", "features", "model", *figures, "ROC AUC, difference", "log loss, difference"]
    return [
        "Five stratified folds, twice; settings chosen inside each training part (`spline`: on five folds; boosting,",
        f"the better of scikit-learn's and LightGBM: 3, 6 or 12 leaves and 60 to 240 trees, on {INNER_FOLDS} folds;",
        "`ebm` chooses nothing). Differences to boosting have paired 95 % intervals: a ROC AUC above 0 and a log loss",
        "below 0 speak for ours.",
        "",
        f"| {' | '.join(head)} |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
        *lines,
    ]


if __name__ == "__main__":
    sys.exit(main())
