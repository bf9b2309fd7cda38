"""How good a stored model is on labelled customers: it scores them by the engine that serves it.

What it returns is ready for JSON; reports.py writes it as text and as a page. TrainingError and ArtifactError are the
errors. On the data it was trained on a model looks better than it is; the result reports that where the sha256 of the
file is the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import expit

from model.artifact import ARTIFACTS, folder_of, read_json
from model.contents import METRICS
from model.engine import load_scorer
from model.errors import TrainingError
from model.schema import Schema
from model.scorecard import Scorecard, Scorer
from model.text import to_percent
from model.training.bootstrap import CONFIDENCE, DRAWS, WeightedMetrics, intervals
from model.training.cross_validation import ignore_progress
from model.training.data import LabelledData, read
from model.training.groups import RATES, GroupRates, compared_features, slices, spread
from model.training.leaks import MIN_PER_CLASS
from model.training.metrics import (
    ROC_STEPS,
    TITLES,
    Floats,
    Ints,
    calibration_curve,
    compute_metrics,
    highest_error_by_chance,
    lift_by_tenth,
    losses_of,
    roc_points,
    round_probabilities,
    rounded,
)
from model.training.threshold import expected_cost
from model.versions import engines_of

SEED: Final = 0
_Z: Final = 1.96

Progress = Callable[[float], None]


def evaluate(
    data_path: Path,
    version: str | None = None,
    root: Path = ARTIFACTS,
    seed: int = SEED,
    draws: int = DRAWS,
    progress: Progress = ignore_progress,
) -> dict[str, Any]:
    """Return how well the stored model of `version` (the default one if None) does on labelled customers.

    Parameters
    ----------
    data_path : Path
        A CSV with the columns of the model and its target.
    seed, draws : int
        Of the bootstrap behind the intervals.
    progress : callable
        Called with the share of the work that is done.

    Raises
    ------
    TrainingError, ArtifactError
    """
    scorer, training_metrics = load(version, root)
    data = read_labelled(data_path, scorer.schema)
    y_true, y_prob = data.labels, probabilities_of(scorer, data)
    groups = [GroupRates(feature, data, y_prob) for feature in compared_features(scorer.schema)]
    weighted = WeightedMetrics(y_true, y_prob, scorer.threshold)

    def statistic(weights: Ints) -> dict[str, float]:
        gaps = {
            f"{group.feature} {name}": spread(rates)
            for group in groups
            for name, rates in group.rates(scorer.threshold, weights).items()
        }
        return {**weighted(weights), **gaps}

    bounds = intervals(statistic, len(y_true), seed, draws, progress, highest_error_by_chance(y_prob, seed))
    has_both = 0 < y_true.sum() < len(y_true)
    return {
        "version": scorer.version,
        "rows": len(y_true),
        "churners": int(y_true.sum()),
        "sha256": data.sha256,
        "seen_in_training": data.sha256 == training_metrics["trained_on"]["sha256"],
        **compute_metrics(y_true, y_prob),
        "mean_probability": rounded(y_prob.mean()),
        "churn_rate": rounded(y_true.mean()),
        "threshold": scorer.threshold,
        "labelled_churn": int((round_probabilities(y_prob) >= scorer.threshold).sum()),
        **_at_threshold(y_true, y_prob, scorer.threshold),
        "bootstrap": {"draws": draws, "seed": seed, "confidence": CONFIDENCE},
        "intervals": {name: bounds[name] for name in (*TITLES, "precision", "recall")},
        "calibration": calibration_curve(y_true, round_probabilities(y_prob)),
        "lift": lift_by_tenth(y_true, y_prob) if y_true.any() else [],
        "roc": roc_points(y_true, y_prob) if has_both else [],
        "by_threshold": [_threshold_row(y_true, y_prob, groups, step / ROC_STEPS) for step in range(ROC_STEPS + 1)],
        "slices": slices(data, [(np.arange(len(y_true)), y_true, y_prob)]),
        "protected": [feature.name for feature in scorer.schema.features if feature.is_protected],
        "groups": [row for group in groups for row in _group_rows(group, scorer.threshold)],
        "gaps": [
            {**group.gap(name, rates), "interval": bounds[f"{group.feature} {name}"]}
            for group in groups
            for name, rates in group.rates(scorer.threshold).items()
        ],
    }


def load(version: str | None, root: Path = ARTIFACTS) -> tuple[Scorer, dict[str, Any]]:
    """Return the model of a version with the engine that serves it best, and its metrics.json."""
    folder = folder_of(version, root)
    scorer = load_scorer(folder.name, engines_of(folder.name, root)[0], models=str(root))
    return scorer, read_json(folder, METRICS)[0]


def read_labelled(path: Path, schema: Schema) -> LabelledData:
    """Return the labelled customers of a CSV that has any."""
    data = read(path, schema)
    if not data.rows:
        raise TrainingError(f"{path} has a header and no rows.")
    return data


def check_outcomes(data: LabelledData, path: Path, purpose: str) -> None:
    """Refuse customers with too few leavers or stayers to show anything."""
    if min(data.churners, data.rows - data.churners) < MIN_PER_CLASS:
        raise TrainingError(
            f"{path} has {data.rows:,} customers, {data.churners:,} of them churners. At least {MIN_PER_CLASS} who "
            f"churned and {MIN_PER_CLASS} who stayed are needed {purpose}."
        )


def base_rate_fault_on(path: Path, version: str, root: Path = ARTIFACTS) -> str | None:
    """Return how a model is not shown to be better on labelled customers than their churn rate; None where it is.

    The mean of the paired differences of log loss, with a 95 % interval, must be below 0.

    Raises
    ------
    TrainingError, ArtifactError
    """
    scorer, _ = load(version, root)
    data = read_labelled(path, scorer.schema)
    check_outcomes(data, path, "to know whether the model is better than their churn rate")
    rate = data.churners / data.rows
    losses = losses_of(data.labels, probabilities_of(scorer, data))
    of_rate = losses_of(data.labels, np.full(data.rows, rate))
    differences = losses - of_rate
    most = differences.mean() + _Z * differences.std(ddof=1) / np.sqrt(data.rows)
    if most < 0:
        return None
    return (
        f"Model {version} is no better than the base rate on {path}: log loss {losses.mean():.4f} (at most "
        f"{of_rate.mean() + most:.4f} with 95 % confidence), and {of_rate.mean():.4f} by giving each customer the "
        f"churn rate, {to_percent(rate)}."
    )


def probabilities_of(scorer: Scorer, data: LabelledData) -> Floats:
    """Return the probability of each customer, shape (n_customers,); a pipeline predicts all of them in one call."""
    if isinstance(scorer, Scorecard):
        return np.array([scorer.score(customer).probability for customer in data.customers])
    model: Any = scorer
    return np.asarray(expit(model.model.decision_function(data.frame())))


def _at_threshold(y_true: Ints, y_prob: Floats, threshold: float) -> dict[str, float | None]:
    labelled = round_probabilities(y_prob) >= threshold
    true_positives = int(y_true[labelled].sum())
    return {
        "precision": rounded(true_positives / labelled.sum()) if labelled.any() else None,
        "recall": rounded(true_positives / y_true.sum()) if y_true.any() else None,
    }


def _threshold_row(y_true: Ints, y_prob: Floats, groups: list[GroupRates], threshold: float) -> dict[str, Any]:
    gaps = {}
    for group in groups:
        rates = group.rates(threshold)
        gaps[group.feature] = {name: _or_none(spread(rates[name])) for name in RATES if name != "calibration_gap"}
    return {
        "threshold": threshold,
        "contacted": rounded((round_probabilities(y_prob) >= threshold).mean()),
        **_at_threshold(y_true, y_prob, threshold),
        "cost": rounded(expected_cost(y_true, y_prob, threshold)),
        "gaps": gaps,
    }


def _group_rows(group: GroupRates, threshold: float) -> list[dict[str, Any]]:
    rates = group.rates(threshold)
    return [
        {"feature": group.feature, "group": name, **{rate: _or_none(values[i]) for rate, values in rates.items()}}
        for i, name in enumerate(group.names)
    ]


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else rounded(value)
