"""How good a stored model is on labelled customers: the scorecard scores them, as every door does.

    evaluate(data_path: Path, version: str | None = None, root: Path = ARTIFACTS) -> Evaluation
    Evaluation(metrics: dict, text: str)

`metrics` is ready for JSON; `text` is the same as a table for a terminal. TrainingError and ArtifactError are the
errors. On the data it was trained on a model looks better than it is; `evaluate` says so where the sha256 of the file
is the same.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from model import artifact
from model.artifact import ARTIFACTS
from model.errors import TrainingError
from model.schema import CHURN, Customer
from model.training.data import read
from model.training.measures import calibration_curve, expected_calibration_error, measure, settle, written
from model.training.population import groups

SLICES: Final = ("SeniorCitizen", "Contract", "tenure")

TITLES: Final = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR-AUC (average precision)",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error (ECE, 10 bins)",
    "top_decile_lift": "Top-decile lift",
}


class Evaluation(NamedTuple):
    """Figures as data and as text."""

    metrics: dict[str, Any]
    text: str


def evaluate(data_path: Path, version: str | None = None, root: Path = ARTIFACTS) -> Evaluation:
    """Return how well the stored scorecard of `version` (the default one if None) does on labelled customers.

    Parameters
    ----------
    data_path : Path
        A CSV with the ten columns and Churn.

    Raises
    ------
    TrainingError, ArtifactError
    """
    scorecard = artifact.load(version, root)
    data = read(data_path)
    if not data.labels:
        raise TrainingError(f"{data_path} has a header and no rows.")
    churned = np.array(data.labels)
    scores = [scorecard.score(customer) for customer in data.customers]
    probability = np.array([score.probability for score in scores])
    labelled = np.array([score.label == CHURN for score in scores])
    caught = int(churned[labelled].sum())
    document = json.loads(artifact.read_checked(artifact.folder_of(version, root), artifact.SCORECARD))
    metrics = {
        "version": scorecard.version,
        "rows": len(churned),
        "churners": int(churned.sum()),
        "sha256": data.sha256,
        "seen_in_training": data.sha256 == document.get("trained_on", {}).get("sha256"),
        **measure(churned, probability),
        "mean_probability": written(probability.mean()),
        "churn_rate": written(churned.mean()),
        "threshold": scorecard.threshold,
        "labelled_churn": int(labelled.sum()),
        "precision": written(caught / labelled.sum()) if labelled.any() else None,
        "recall": written(caught / churned.sum()) if churned.any() else None,
        "calibration": calibration_curve(churned, settle(probability)),
        "slices": slices(data.customers, [(np.arange(len(churned)), churned, probability)]),
    }
    return Evaluation(metrics, _to_text(metrics))


def slices(
    customers: Sequence[Customer], repeats: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> list[dict[str, Any]]:
    """Return figures for parts of the customers, each the mean over the repeats.

    Parameters
    ----------
    repeats : sequence of (rows, churned, probability), ndarrays of shape (n_customers,)
        Row numbers into `customers`, labels, and probabilities out of fold.
    """
    found = []
    for feature in SLICES:
        for group, holds in groups(feature):
            figures = [_slice(customers, holds, *repeat) for repeat in repeats]
            found.append({"feature": feature, "group": group.get("word", group.get("label")), **mean_of(figures)})
    return found


def mean_of(figures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of each figure over `figures`; None where it is None in any, whole numbers stay whole."""
    means: dict[str, Any] = {}
    for name, first in figures[0].items():
        values = [each[name] for each in figures]
        if None in values:
            means[name] = None
        else:
            means[name] = first if isinstance(first, int) else written(np.mean(values))
    return means


def _slice(
    customers: Sequence[Customer],
    holds: Callable[[Customer], bool],
    rows: np.ndarray,
    churned: np.ndarray,
    probability: np.ndarray,
) -> dict[str, Any]:
    inside = np.array([holds(customers[row]) for row in rows])
    churned, probability = churned[inside], settle(probability[inside])
    known = len(churned) > 0
    both = known and 0 < churned.sum() < len(churned)
    figures = measure(churned, probability) if known else {}
    return {
        "customers": len(churned),
        "churn_rate": written(churned.mean()) if known else None,
        "mean_probability": written(probability.mean()) if known else None,
        "roc_auc": figures.get("roc_auc") if both else None,
        "brier": figures.get("brier"),
        "ece": written(expected_calibration_error(churned, probability)) if known else None,
    }


def _to_text(metrics: dict[str, Any]) -> str:
    lines = [f"Model {metrics['version']} on {metrics['rows']:,} customers, {metrics['churners']:,} of them churners"]
    if metrics["seen_in_training"]:
        lines.append("It was trained on this very file: the figures flatter it. See metrics.json for the honest ones.")
    lines.append("")
    for name, title in TITLES.items():
        lines.append(f"{title:<34}{_number(metrics[name]):>8}")
    lines += [
        "",
        (
            f"At the threshold {metrics['threshold']:.2f}: {metrics['labelled_churn']:,} labelled churn, "
            f"precision {_number(metrics['precision'])}, recall {_number(metrics['recall'])}"
        ),
        "",
        f"{'Slice':<34}{'rows':>8}{'churn':>8}{'mean p':>8}{'AUC':>8}{'ECE':>8}",
    ]
    for each in metrics["slices"]:
        cells = "".join(f"{_number(each[name]):>8}" for name in ("churn_rate", "mean_probability", "roc_auc", "ece"))
        lines.append(f"{each['feature'] + ' ' + each['group']:<34}{each['customers']:>8,}{cells}")
    return "\n".join(lines)


def _number(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.4f}"
