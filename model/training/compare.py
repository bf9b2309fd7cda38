"""Two versions side by side: on labelled customers, and trained anew on the same folds of them.

    compare(first: str, second: str, data_path: Path, root: Path = ARTIFACTS, seed: int = SEED, number: int = DRAWS,
            report: Progress = ...) -> dict

A stored model looks better than it is on data it was trained on. There its recipe is trained anew on folds, and each
customer gets the probability of the model that did not see them ("out of fold"); a version that has not seen the data
scores it as it stands. Both trained anew on the same folds tells recipes and settings apart, whatever each learnt from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from model.artifact import ARTIFACTS
from model.scorecard import Scorer
from model.training.bootstrap import DRAWS, Sample, draws, interval
from model.training.checks import LEAST_OF_A_CLASS
from model.training.cross_validation import Fold, by_repeat, make_folds, paired_interval, rows_to_measure
from model.training.data import Labelled
from model.training.evaluate import SEED, load, probabilities_of, read_some
from model.training.label_changes import changes
from model.training.metrics import calibration_curve, measure, settle, written
from model.training.recipes import Recipe, recipe_of

FIGURES: Final = {"roc_auc": 1, "pr_auc": 1, "log_loss": -1, "brier": -1, "ece": -1, "top_decile_lift": 1}
"""What is compared, and whether more is better (1) or worse (-1)."""

Progress = Callable[[str, float], None]


def compare(
    first: str,
    second: str,
    data_path: Path,
    root: Path = ARTIFACTS,
    seed: int = SEED,
    number: int = DRAWS,
    report: Progress = lambda _, __: None,
) -> dict[str, Any]:
    """Return how `second` differs from `first` on labelled customers.

    Parameters
    ----------
    first, second : str
        Versions in `root`.
    data_path : Path
        A CSV with the ten columns and Churn.
    seed, number : int
        Of the folds, and of the draws behind the intervals.

    Raises
    ------
    TrainingError, ArtifactError
    """
    loaded = [load(version, root) for version in (first, second)]
    data = read_some(data_path)
    scorers, made = [scorer for scorer, _ in loaded], [metrics for _, metrics in loaded]
    seen = [data.sha256 == metrics["trained_on"]["sha256"] for metrics in made]
    stored = [probabilities_of(scorer, data) for scorer in scorers]
    folded = _fold(data, made, seed, lambda share: report("training on the folds", 0.75 * share))
    rows, honest = np.arange(len(data.labels)), stored
    if folded and any(seen):
        rows = folded.rows
        honest = [folded.out_of_fold(place) if seen[place] else stored[place][rows] for place in range(len(scorers))]
    return {
        "first": _about(scorers[0], made[0], seen[0], bool(folded and seen[0])),
        "second": _about(scorers[1], made[1], seen[1], bool(folded and seen[1])),
        "rows": len(data.labels),
        "churners": sum(data.labels),
        "sha256": data.sha256,
        **_compare(
            np.array(data.labels)[rows],
            scorers,
            honest,
            seed,
            number,
            lambda share: report("resampling", 0.75 + 0.25 * share),
        ),
        "anew": _anew(folded, made, seed) if folded else None,
        **changes(data, scorers, stored),
    }


def losses(found: dict[str, Any]) -> dict[str, float | None]:
    """Return by how much the second is worse than the first in each figure."""
    return {
        each["figure"]: None if each["difference"] is None else written(-FIGURES[each["figure"]] * each["difference"])
        for each in found["figures"]
    }


def _about(scorer: Scorer, metrics: dict[str, Any], seen: bool, out_of_fold: bool) -> dict[str, Any]:
    return {
        "version": scorer.version,
        "recipe": metrics["recipe"]["name"],
        "setting": metrics["setting"],
        "threshold": scorer.threshold,
        "reasons_method": scorer.reasons_method,
        "trained_on": metrics["trained_on"],
        "seen_in_training": seen,
        "out_of_fold": out_of_fold,
    }


def _compare(
    churned: np.ndarray,
    scorers: list[Scorer],
    probabilities: list[np.ndarray],
    seed: int,
    number: int,
    report: Callable[[float], None],
) -> dict[str, Any]:
    samples = [
        Sample(churned, probability, scorer.threshold)
        for scorer, probability in zip(scorers, probabilities, strict=True)
    ]
    drawn: list[list[dict[str, float]]] = [[], []]
    for done, weights in enumerate(draws(len(churned), seed, number), start=1):
        for place, sample in enumerate(samples):
            drawn[place].append(sample.figures(weights))
        report(done / number)
    measured = [measure(churned, probability) for probability in probabilities]
    rows = []
    for name in FIGURES:
        spread = np.array([b[name] - a[name] for a, b in zip(*drawn, strict=True)])
        rows.append(_row(name, measured[0][name], measured[1][name], interval(spread)))
    return {
        "compared_rows": len(churned),
        "figures": rows,
        "bootstrap": {"draws": number, "seed": seed},
        "calibration": [calibration_curve(churned, settle(each)) for each in probabilities],
    }


@dataclass(frozen=True)
class _Folded:
    """Both recipes trained anew on the same folds.

    Attributes
    ----------
    rows : ndarray of shape (n_measured,), int
        Of the file: all, or a sample where there are many.
    churned : ndarray of shape (n_measured,), int
    folds : list of (ndarray, ndarray)
    probabilities : two lists of ndarray
        Of each recipe, for the test rows of each fold.
    """

    rows: np.ndarray
    churned: np.ndarray
    folds: list[Fold]
    probabilities: list[list[np.ndarray]]

    def out_of_fold(self, place: int) -> np.ndarray:
        """Return the probability of each row, in order, by the first repeat."""
        ((order, _, probability), *_) = by_repeat(
            self.churned, [test for _, test in self.folds], self.probabilities[place]
        )
        found = np.empty(len(self.rows))
        found[order] = probability
        return found


def _fold(data: Labelled, made: list[dict[str, Any]], seed: int, report: Callable[[float], None]) -> _Folded | None:
    """Return both recipes at their settings on the same folds; None where a class is too small for folds."""
    labels = np.array(data.labels)
    if min(labels.sum(), len(labels) - labels.sum()) < LEAST_OF_A_CLASS:
        return None
    rows = rows_to_measure(labels, seed)
    part = data.part(rows.tolist())
    frame, churned = part.frame(), np.array(part.labels)
    folds = make_folds(churned, seed)
    recipes = [_recipe(metrics) for metrics in made]
    found: list[list[np.ndarray]] = [[], []]
    with threadpool_limits(limits=1):
        for number, fold in enumerate(folds, start=1):
            for place, (recipe, setting) in enumerate(recipes):
                ((_, probability),) = recipe.predict(frame, churned, fold, [setting])
                found[place].append(probability)
            report(number / len(folds))
    return _Folded(rows, churned, folds, found)


def _anew(folded: _Folded, made: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    measured = [
        [measure(folded.churned[test], probability) for (_, test), probability in zip(folded.folds, each, strict=True)]
        for each in folded.probabilities
    ]
    known, unknown = folded.folds[0]
    rows = []
    for name in FIGURES:
        values = [np.array([fold[name] for fold in each], dtype=np.float64) for each in measured]
        difference, margin = paired_interval(values[1] - values[0], len(unknown) / len(known))
        bounds = [written(difference - margin), written(difference + margin)]
        rows.append(_row(name, written(values[0].mean()), written(values[1].mean()), bounds))
    return {
        "figures": rows,
        "rows": len(folded.rows),
        "folds": len(folded.folds),
        "seed": seed,
        "same_recipe": made[0]["recipe"] == made[1]["recipe"] and made[0]["setting"] == made[1]["setting"],
    }


def _recipe(metrics: dict[str, Any]) -> tuple[Recipe, Any]:
    recipe = recipe_of(metrics["recipe"]["name"])
    return recipe, type(recipe.settings[0])(**metrics["setting"])


def _row(name: str, first: float | None, second: float | None, bounds: list[float] | None) -> dict[str, Any]:
    known = first is not None and second is not None
    return {
        "figure": name,
        "first": first,
        "second": second,
        "difference": written(second - first) if known else None,  # type: ignore[operator]
        "interval": bounds,
    }
