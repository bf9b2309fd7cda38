"""Two versions compared: on labelled customers, and both retrained on the same folds of them.

A stored model looks better than it is on data it was trained on. There its recipe is retrained on folds, and each
customer gets the probability of the model that was trained without them ("out of fold"); a version trained on other
data scores the customers as it is. Both retrained on the same folds compare recipes and settings, whatever data each
was trained on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits

from model.artifact import ARTIFACTS
from model.contents import METRICS as METRICS_FILE
from model.errors import TrainingError
from model.scorecard import Scorer
from model.strict_json import Member
from model.training.bootstrap import DRAWS, WeightedMetrics, intervals
from model.training.cross_validation import Fold, by_repeat, make_folds, paired_interval, sample_rows, size_ratio
from model.training.data import LabelledData
from model.training.evaluate import SEED, check_outcomes, load, probabilities_of, read_labelled
from model.training.label_changes import label_changes
from model.training.leaks import MIN_PER_CLASS
from model.training.metrics import Floats, Ints, calibration_curve, compute_metrics, round_probabilities, rounded
from model.training.recipes import Recipe, recipe_of

METRICS: Final = {"roc_auc": 1, "pr_auc": 1, "log_loss": -1, "brier": -1, "ece": -1, "top_decile_lift": 1}
"""What is compared, and whether more is better (1) or worse (-1)."""

DECISIVE: Final = ("roc_auc", "log_loss")
"""What makes a version worse: how it ranks, and how right its probabilities are. Six figures would alarm too often."""

Progress = Callable[[str, float], None]


def compare(
    first: str,
    second: str,
    data_path: Path,
    root: Path = ARTIFACTS,
    seed: int = SEED,
    draws: int = DRAWS,
    progress: Progress = lambda _stage, _share: None,
    is_decisive: bool = False,
) -> dict[str, Any]:
    """Return how `second` differs from `first` on labelled customers.

    Parameters
    ----------
    first, second : str
        Versions in `root`.
    data_path : Path
        A CSV with the columns of both models and their target.
    seed, draws : int
        Of the folds, and of the bootstrap behind the intervals.
    progress : callable
        Called with what is being done and the share of the work that is done.
    is_decisive : bool
        Refuse customers with too few leavers or stayers for a decision.

    Raises
    ------
    TrainingError, ArtifactError
    """
    scorers, trainings = zip(*(load(version, root) for version in (first, second)), strict=True)
    for scorer, training in zip(scorers, trainings, strict=True):
        Member(training, str((scorer.folder or root) / METRICS_FILE)).at("setting").object()
    data = _read(data_path, scorers)
    if is_decisive:
        check_outcomes(data[0], data_path, "to decide which model is better")
    labels, sha256 = data[0].labels, data[0].sha256
    seen = [sha256 == training["trained_on"]["sha256"] for training in trainings]
    stored = [probabilities_of(scorer, own) for scorer, own in zip(scorers, data, strict=True)]
    recalibration = _recalibration((first, second), trainings)
    # Only the intercept differs: the folds would fit the same model twice.
    retrained = (
        None
        if recalibration
        else _retrain(data, trainings, seed, lambda share: progress("training on the folds", 0.75 * share))
    )
    rows, honest = np.arange(len(labels)), stored
    if retrained and any(seen):
        rows = retrained.rows
        honest = [retrained.out_of_fold(i) if seen[i] else stored[i][rows] for i in range(2)]
    bootstrap_progress = lambda share: progress("resampling", 0.75 + 0.25 * share)  # noqa: E731
    return {
        "first": _model_info(scorers[0], trainings[0], seen[0], bool(retrained and seen[0])),
        "second": _model_info(scorers[1], trainings[1], seen[1], bool(retrained and seen[1])),
        "rows": len(labels),
        "churners": int(labels.sum()),
        "sha256": sha256,
        "id": data[0].schema.id_label,
        **_differences(labels[rows], scorers, honest, seed, draws, bootstrap_progress),
        "anew": _differences_of_folds(retrained, scorers, trainings, seed) if retrained else None,
        **({"recalibration": recalibration} if recalibration else {}),
        **label_changes(data, scorers, stored),
    }


def _recalibration(versions: Sequence[str], trainings: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return which version is the other one recalibrated, and the shift of its intercept; None if neither is."""
    for version, source, training in zip(versions, reversed(versions), trainings, strict=True):
        recalibrated = training.get("recalibrated_from", {})
        if recalibrated.get("version") == source:
            return {"version": version, "from": source, "shift": recalibrated["shift"]}
    return None


def _read(path: Path, scorers: Sequence[Scorer]) -> list[LabelledData]:
    """Return the customers of a file as the schema of each model has them."""
    first, second = (scorer.schema for scorer in scorers)
    data = [read_labelled(path, first)]
    data.append(data[0] if first == second else read_labelled(path, second))
    if not np.array_equal(data[0].labels, data[1].labels):
        columns = f"{first.target.column} and {second.target.column}"
        raise TrainingError(f"The models predict different outcomes, by {columns} of {path}; they cannot be compared.")
    return data


def losses(comparison: dict[str, Any]) -> dict[str, float | None]:
    """Return by how much the second version is worse than the first in each metric."""
    return {
        row["figure"]: None if row["difference"] is None else rounded(-METRICS[row["figure"]] * row["difference"])
        for row in comparison["figures"]
    }


def worse_figures(comparison: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of `DECISIVE` in which the second version is worse beyond chance."""
    rows = [row for row in comparison["figures"] if row["figure"] in DECISIVE and row["interval"]]
    return [row for row in rows if max(METRICS[row["figure"]] * bound for bound in row["interval"]) < 0]


def _model_info(scorer: Scorer, training: dict[str, Any], seen: bool, out_of_fold: bool) -> dict[str, Any]:
    return {
        "version": scorer.version,
        "recipe": training["recipe"]["name"],
        "setting": training["setting"],
        "threshold": scorer.threshold,
        "reasons_method": scorer.reasons_method,
        "trained_on": training["trained_on"],
        "seen_in_training": seen,
        "out_of_fold": out_of_fold,
    }


def _differences(
    y_true: Ints,
    scorers: Sequence[Scorer],
    probabilities: Sequence[Floats],
    seed: int,
    draws: int,
    progress: Callable[[float], None],
) -> dict[str, Any]:
    first, second = (
        WeightedMetrics(y_true, y_prob, scorer.threshold) for scorer, y_prob in zip(scorers, probabilities, strict=True)
    )

    def statistic(weights: Ints) -> dict[str, float]:
        before, after = first(weights), second(weights)
        return {name: after[name] - before[name] for name in METRICS}

    bounds = intervals(statistic, len(y_true), seed, draws, progress)
    before, after = (compute_metrics(y_true, y_prob) for y_prob in probabilities)
    return {
        "compared_rows": len(y_true),
        "figures": [_row(name, before[name], after[name], bounds[name]) for name in METRICS],
        "bootstrap": {"draws": draws, "seed": seed},
        "calibration": [calibration_curve(y_true, round_probabilities(y_prob)) for y_prob in probabilities],
    }


@dataclass(frozen=True)
class _Retrained:
    """Both recipes retrained on the same folds.

    Attributes
    ----------
    rows : ndarray of shape (n_measured,), int
        Of the file: all, or a sample where there are many.
    y_true : ndarray of shape (n_measured,), int
    folds : list of Fold
    probabilities : two lists of ndarray
        Of each recipe, for the test rows of each fold.
    """

    rows: Ints
    y_true: Ints
    folds: list[Fold]
    probabilities: list[list[Floats]]

    def out_of_fold(self, index: int) -> Floats:
        """Return the probability of each row, in order, by the first repeat."""
        tests = [test for _, test in self.folds]
        order, _, y_prob = by_repeat(self.y_true, tests, self.probabilities[index])[0]
        in_order = np.empty(len(self.rows))
        in_order[order] = y_prob
        return in_order


def _retrain(
    data: Sequence[LabelledData], trainings: Sequence[dict[str, Any]], seed: int, progress: Callable[[float], None]
) -> _Retrained | None:
    """Return both recipes at their settings on the same folds; None where a class is too small for folds."""
    labels = data[0].labels
    if min(labels.sum(), len(labels) - labels.sum()) < MIN_PER_CLASS:
        return None
    rows = sample_rows(labels, seed)
    y = labels[rows]
    frames = [own.subset(rows).frame() for own in data]
    folds = make_folds(y, seed)
    recipes = [_recipe(training) for training in trainings]
    shifts = [_shift_of(training) for training in trainings]
    probabilities: list[list[Floats]] = [[], []]
    with threadpool_limits(limits=1):
        for number, fold in enumerate(folds, start=1):
            for index, (recipe, setting) in enumerate(recipes):
                ((_, y_prob),) = recipe.predict(data[index].schema, frames[index], y, fold, [setting])
                shift = shifts[index]
                probabilities[index].append(y_prob if shift is None else round_probabilities(_shifted(y_prob, shift)))
            progress(number / len(folds))
    return _Retrained(rows, y, folds, probabilities)


def _shift_of(training: dict[str, Any]) -> float | None:
    shift: float | None = training.get("recalibrated_from", {}).get("total_shift")
    return shift


def _shifted(y_prob: Floats, shift: float) -> Floats:
    """Return what a recalibrated model makes of probabilities."""
    return np.asarray(expit(logit(np.clip(y_prob, 1e-12, 1 - 1e-12)) + shift))


def _differences_of_folds(
    retrained: _Retrained, scorers: Sequence[Scorer], trainings: Sequence[dict[str, Any]], seed: int
) -> dict[str, Any]:
    tests = [test for _, test in retrained.folds]
    before, after = (
        [compute_metrics(retrained.y_true[test], y_prob) for test, y_prob in zip(tests, by_fold, strict=True)]
        for by_fold in retrained.probabilities
    )
    recipes = [(training["recipe"], training["setting"], _shift_of(training)) for training in trainings]
    rows = []
    for name in METRICS:
        old, new = (np.array([fold[name] for fold in folds], dtype=np.float64) for folds in (before, after))
        difference, margin = paired_interval(new - old, size_ratio(retrained.folds))
        bounds = [rounded(difference - margin), rounded(difference + margin)]
        rows.append(_row(name, rounded(old.mean()), rounded(new.mean()), bounds))
    return {
        "figures": rows,
        "rows": len(retrained.rows),
        "folds": len(retrained.folds),
        "seed": seed,
        "same_recipe": recipes[0] == recipes[1],
        "same_schema": scorers[0].schema == scorers[1].schema,
    }


def _recipe(training: dict[str, Any]) -> tuple[Recipe, Any]:
    recipe = recipe_of(training["recipe"]["name"])
    try:
        return recipe, type(recipe.settings[0])(**training["setting"])
    except TypeError as error:
        raise TrainingError(f"The setting of a model is not one of {recipe.name}: {training['setting']}.") from error


def _row(name: str, first: float | None, second: float | None, bounds: list[float] | None) -> dict[str, Any]:
    difference = None if first is None or second is None else rounded(second - first)
    return {"figure": name, "first": first, "second": second, "difference": difference, "interval": bounds}
