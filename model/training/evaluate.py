"""How good a stored model is on labelled customers: it scores them by the engine that serves it.

    evaluate(data_path: Path, version: str | None = None, root: Path = ARTIFACTS, seed: int = SEED, number: int = DRAWS,
             report: Progress = ...) -> Evaluation
    Evaluation(metrics: dict, text: str)

`metrics` is ready for JSON; `text` is the same as a table for a terminal; report.py makes a page of it. TrainingError
and ArtifactError are the errors. On the data it was trained on a model looks better than it is; `evaluate` says so
where the sha256 of the file is the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.special import expit

from model.artifact import ARTIFACTS, folder_of, read_json
from model.contents import METRICS
from model.engine import load_scorer
from model.errors import TrainingError
from model.scorecard import Scorecard, Scorer
from model.training.bootstrap import CONFIDENCE, DRAWS, Sample, draws, interval, intervals
from model.training.data import Labelled, read
from model.training.groups import FEATURES, RATES, Groups, spread
from model.training.metrics import (
    ROC_STEPS,
    TITLES,
    calibration_curve,
    lift_by_tenth,
    measure,
    roc_points,
    settle,
    written,
)
from model.training.slices import slices
from model.training.threshold import expected_cost
from model.versions import engines_of

SEED: Final = 0
Progress = Callable[[float], None]


class Evaluation(NamedTuple):
    """Figures as data and as text."""

    metrics: dict[str, Any]
    text: str


def evaluate(
    data_path: Path,
    version: str | None = None,
    root: Path = ARTIFACTS,
    seed: int = SEED,
    number: int = DRAWS,
    report: Progress = lambda _: None,
) -> Evaluation:
    """Return how well the stored model of `version` (the default one if None) does on labelled customers.

    Parameters
    ----------
    data_path : Path
        A CSV with the ten columns and Churn.
    seed, number : int
        Of the draws behind the intervals.
    report : callable
        Told the share of the work done.

    Raises
    ------
    TrainingError, ArtifactError
    """
    scorer, made = load(version, root)
    data = read_some(data_path)
    churned, probability = np.array(data.labels), probabilities_of(scorer, data)
    sample = Sample(churned, probability, scorer.threshold)
    split = [Groups(feature, data.customers, churned, probability) for feature in FEATURES]
    figures, spreads = [], []
    for done, weights in enumerate(draws(len(churned), seed, number), start=1):
        figures.append(sample.figures(weights))
        spreads.append([[spread(rates) for rates in each.rates(scorer.threshold, weights).values()] for each in split])
        report(done / number)
    labelled = settle(probability) >= scorer.threshold
    caught = int(churned[labelled].sum())
    both = 0 < churned.sum() < len(churned)
    metrics = {
        "version": scorer.version,
        "rows": len(churned),
        "churners": int(churned.sum()),
        "sha256": data.sha256,
        "seen_in_training": data.sha256 == made["trained_on"]["sha256"],
        **measure(churned, probability),
        "mean_probability": written(probability.mean()),
        "churn_rate": written(churned.mean()),
        "threshold": scorer.threshold,
        "labelled_churn": int(labelled.sum()),
        "precision": written(caught / labelled.sum()) if labelled.any() else None,
        "recall": written(caught / churned.sum()) if churned.any() else None,
        "bootstrap": {"draws": number, "seed": seed, "confidence": CONFIDENCE},
        "intervals": intervals(figures),
        "calibration": calibration_curve(churned, settle(probability)),
        "lift": lift_by_tenth(churned, probability) if churned.any() else [],
        "roc": roc_points(churned, probability) if both else [],
        "by_threshold": _by_threshold(churned, probability, split),
        "slices": slices(data.customers, [(np.arange(len(churned)), churned, probability)], FEATURES),
        "groups": [row for each in split for row in _rows(each, scorer.threshold)],
        "gaps": _gaps(split, scorer.threshold, np.array(spreads)),
    }
    return Evaluation(metrics, _to_text(metrics))


def load(version: str | None, root: Path = ARTIFACTS) -> tuple[Scorer, dict[str, Any]]:
    """Return the model of a version with the engine that serves it best, and what training wrote down of it."""
    folder = folder_of(version, root)
    scorer = load_scorer(folder.name, engines_of(folder.name, root)[0], models=str(root))
    return scorer, read_json(folder, METRICS)[0]


def read_some(path: Path) -> Labelled:
    """Return the labelled customers of a CSV that has any."""
    data = read(path)
    if not data.labels:
        raise TrainingError(f"{path} has a header and no rows.")
    return data


def probabilities_of(scorer: Scorer, data: Labelled) -> np.ndarray:
    """Return the probability of each customer, shape (n_customers,): a pipeline is asked once for all of them."""
    if isinstance(scorer, Scorecard):
        return np.array([scorer.score(customer).probability for customer in data.customers])
    model: Any = scorer
    return np.asarray(expit(model.model.decision_function(data.frame())))


def _by_threshold(churned: np.ndarray, probability: np.ndarray, split: list[Groups]) -> list[dict[str, Any]]:
    probability, rows = settle(probability), []
    for step in range(ROC_STEPS + 1):
        threshold = step / ROC_STEPS
        labelled = probability >= threshold
        caught = int(churned[labelled].sum())
        rows.append(
            {
                "threshold": threshold,
                "contacted": written(labelled.mean()),
                "precision": written(caught / labelled.sum()) if labelled.any() else None,
                "recall": written(caught / churned.sum()) if churned.any() else None,
                "cost": written(expected_cost(churned, probability, threshold)),
                "gaps": {
                    each.feature: {
                        name: _written(spread(rates))
                        for name, rates in each.rates(threshold).items()
                        if name != "calibration_gap"
                    }
                    for each in split
                },
            }
        )
    return rows


def _rows(group: Groups, threshold: float) -> list[dict[str, Any]]:
    rates = group.rates(threshold)
    return [
        {"feature": group.feature, "group": name, **{rate: _written(values[place]) for rate, values in rates.items()}}
        for place, name in enumerate(group.names)
    ]


def _gaps(split: list[Groups], threshold: float, spreads: np.ndarray) -> list[dict[str, Any]]:
    return [
        {**each.gap(name, rates), "interval": interval(spreads[:, place, column])}
        for place, each in enumerate(split)
        for column, (name, rates) in enumerate(each.rates(threshold).items())
    ]


def _written(figure: float) -> float | None:
    return None if np.isnan(figure) else written(figure)


def _to_text(metrics: dict[str, Any]) -> str:
    lines = [f"Model {metrics['version']} on {metrics['rows']:,} customers, {metrics['churners']:,} of them churners"]
    if metrics["seen_in_training"]:
        lines.append("It was trained on this very file: the figures flatter it. See metrics.json for the honest ones.")
    lines += ["", f"{'':<34}{'':>8}   95 % interval"]
    for name, title in TITLES.items():
        lines.append(f"{title:<34}{_number(metrics[name]):>8}   {_interval(metrics['intervals'][name])}".rstrip())
    lines += [
        "",
        (
            f"At the threshold {metrics['threshold']:.2f}: {metrics['labelled_churn']:,} labelled churn, "
            f"precision {_number(metrics['precision'])} ({_interval(metrics['intervals']['precision'])}), "
            f"recall {_number(metrics['recall'])} ({_interval(metrics['intervals']['recall'])})"
        ),
        "",
        f"{'Part':<34}{'rows':>8}{'churn':>8}{'mean p':>8}{'AUC':>8}{'ECE':>8}{'label':>8}{'TPR':>8}{'FPR':>8}",
    ]
    rates = {(each["feature"], each["group"]): each for each in metrics["groups"]}
    for each in metrics["slices"]:
        cells = "".join(f"{_number(each[name]):>8}" for name in ("churn_rate", "mean_probability", "roc_auc", "ece"))
        rate = rates.get((each["feature"], each["group"]), {})
        cells += "".join(
            f"{_number(rate.get(name)):>8}" for name in ("label_rate", "true_positive_rate", "false_positive_rate")
        )
        lines.append(f"{each['feature'] + ' ' + each['group']:<34}{each['customers']:>8,}{cells}")
    lines += ["", f"{'Greatest gap between groups':<34}{'gap':>8}   95 % interval"]
    for each in metrics["gaps"]:
        if each["gap"] is not None:
            between = f"{each['highest']} over {each['lowest']}"
            lines.append(
                f"{each['feature'] + ', ' + _SHORT[each['rate']]:<34}{_number(each['gap']):>8}   "
                f"{_interval(each['interval'])}   {between}"
            )
    drawn = metrics["bootstrap"]
    lines += ["", f"Intervals: the customers drawn anew {drawn['draws']:,} times, seed {drawn['seed']}."]
    return "\n".join(lines)


_SHORT: Final = dict(zip(RATES, ("label rate", "TPR", "FPR", "calibration"), strict=True))


def _number(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.4f}"


def _interval(bounds: list[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}"
