"""The whole of training: labelled customers to a folder of the artifact, in one atomic step.

    train(data_path: Path, version: str | None = None, root: Path = ARTIFACTS, seed: int = SEED,
          progress: Callable[[str, float], None] | None = None, recipe: Recipe = ADDITIVE,
          trusted: Collection[str] = ()) -> Path

`version` None is the next minor version (1.0.0 where there is none). `progress` is told a sentence and the share of the
work done, 0 to 1. A version that exists, or that could not be written, is refused before any work; an interrupted
training leaves nothing. The first version of a root becomes its default; later ones are promoted by hand. TrainingError
and ArtifactError are the errors.
"""

import io
import os
import platform
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
import scipy
import sklearn
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from model import artifact
from model.artifact import ARTIFACTS
from model.contents import CARD, METRICS, POPULATION
from model.errors import ArtifactError, TrainingError
from model.pipeline import LIBRARY, joblib_name, to_frame
from model.schema import CHURN, EXAMPLE, NAMES, NOT_CHURN, SCHEMA_VERSION, Customer
from model.scorecard import Scorecard, from_document, probability, tier_of
from model.training.card import to_card
from model.training.checks import check
from model.training.compile import (
    EXACT_WITHIN,
    RANDOM_ROWS,
    TIERS,
    greatest_difference,
    random_customers,
    to_bytes,
)
from model.training.cross_validation import (
    FOLDS,
    REPEATS,
    Choice,
    Report,
    by_repeat,
    choose,
    estimate,
    rows_to_measure,
    unheard,
)
from model.training.data import Labelled, read
from model.training.metrics import calibration_curve, measure, perfect_calibration_error, roc_points, written
from model.training.population import describe_population
from model.training.recipes import ADDITIVE, Recipe
from model.training.slices import mean_of, slices
from model.training.threshold import choose_threshold
from model.versions import write_default

SEED: Final = 0

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Learnt:
    """What is learnt from the data alone: enough for scorecard.json (or outline.json) and the joblib file.

    Attributes
    ----------
    measured : Labelled
        The customers on whom the setting was chosen: all, or a sample where there are many.
    choice : Choice
    threshold : dict
    pipeline : Pipeline
    document : dict
        The content of scorecard.json, or of outline.json.
    """

    measured: Labelled
    choice: Choice
    threshold: dict[str, Any]
    pipeline: Pipeline
    document: dict[str, Any]

    def scorecard(self) -> Scorecard:
        """Return the compiled model."""
        return from_document(self.document, sha256="")

    def probabilities(self, customers: Sequence[Customer]) -> list[float]:
        """Return what the model itself says of customers: the scorecard if it is one, else the pipeline."""
        if "terms" in self.document:
            scorecard = self.scorecard()
            return [scorecard.score(customer).probability for customer in customers]
        frame = to_frame({name: [customer[name] for customer in customers] for name in NAMES})
        return list(map(probability, self.pipeline.decision_function(frame).tolist()))


def _check_folder(root: Path) -> None:
    """Raise ArtifactError where the model could not be stored, before two minutes go into it; leave nothing there."""
    place = next(each for each in (root, *root.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise ArtifactError(f"No model can be written into {root}: {error.strerror}.") from error


def train(
    data_path: Path,
    version: str | None = None,
    root: Path = ARTIFACTS,
    seed: int = SEED,
    progress: Progress | None = None,
    recipe: Recipe = ADDITIVE,
    trusted: Collection[str] = (),
) -> Path:
    """Train a model, measure it honestly and store it; return its folder.

    Parameters
    ----------
    data_path : Path
        A CSV with the ten columns and Churn.
    version : str, optional
        MAJOR.MINOR.PATCH; the next minor version if None.
    root : Path
        Where the versions stand; made if absent.
    seed : int
        Of the folds.
    progress : callable, optional
        Told what is being done and the share of the whole that is done, 0 to 1.
    recipe : Recipe
        What kind of model.
    trusted : collection of str
        Columns that `check` is to let pass; recorded in metrics.json.

    Raises
    ------
    TrainingError
        If the data cannot be learnt from, or the scorecard does not equal the pipeline.
    ArtifactError
        If the version exists, or none can be written into `root`.
    """
    started = time.monotonic()
    tell = progress or (lambda _, __: None)
    version = version or next_version(root)
    if (root / artifact.check_version(version)).exists():
        raise ArtifactError(
            f"Model {version} exists already in {root}. Choose another version; a version never changes."
        )
    _check_folder(root)
    tell("Reading the customers", 0.0)
    data = read(data_path)
    check(data, data_path, trusted)
    # A second BLAS thread costs more than it brings on matrices of 7,043 x 40.
    with threadpool_limits(limits=1):
        learnt = learn(data, version, seed, lambda share: tell("Choosing the setting", 0.01 + 0.12 * share), recipe)
        difference = None
        if recipe.is_exact:
            tell("Comparing scorecard and pipeline", 0.13)
            difference = check_exact(learnt, data, seed)
        metrics = _measure_all(
            learnt, version, seed, lambda share: tell("Measuring the procedure", 0.16 + 0.82 * share), recipe
        )
    if trusted:
        metrics["protocol"]["trusted"] = sorted(trusted)
    tell("Writing the model", 0.99)
    saved = io.BytesIO()
    joblib.dump(learnt.pipeline, saved)
    files = {
        recipe.document: to_bytes(learnt.document),
        joblib_name(version): saved.getvalue(),
        METRICS: to_bytes(metrics),
        CARD: to_card(metrics).encode("utf-8"),
        POPULATION: to_bytes(describe_population(learnt.probabilities(data.customers), data.customers, data.labels)),
        artifact.RUN: to_bytes(
            {
                "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "duration_s": round(time.monotonic() - started, 1),
                **({} if difference is None else {"greatest_difference": difference}),
                "machine": platform.machine(),
                "system": platform.system(),
                "cores": os.cpu_count(),
            }
        ),
    }
    first = not (root / "DEFAULT").exists() and not artifact.versions(root)
    folder = artifact.save(files, version, root)
    if first:
        write_default(version, root)
    tell("Done", 1.0)
    return folder


def learn(
    data: Labelled,
    version: str,
    seed: int = SEED,
    report: Report = unheard,
    recipe: Recipe = ADDITIVE,
) -> Learnt:
    """Choose the setting and the threshold out of fold, fit all customers, compile: all scorecard.json needs."""
    measured = data.part(rows_to_measure(np.array(data.labels), seed).tolist())
    labels = np.array(measured.labels)
    choice = choose(measured.frame(), labels, seed, recipe, report)
    repeats = by_repeat(labels, [test for _, test in choice.folds], choice.probabilities)
    threshold = choose_threshold([(churned, probability) for _, churned, probability in repeats])
    pipeline = recipe.fit(data.frame(), np.array(data.labels), choice.setting)
    document = recipe.to_document(pipeline, data, version, threshold["threshold"])
    return Learnt(measured, choice, threshold, pipeline, document)


def check_exact(learnt: Learnt, data: Labelled, seed: int, count: int = RANDOM_ROWS) -> float:
    """Return the greatest difference in log-odds between pipeline and scorecard, over all and `count` random customers.

    Raises
    ------
    TrainingError
        If it is 1e-12 or more.
    """
    scorecard = learnt.scorecard()
    customers = data.customers + random_customers(scorecard, count, seed)
    difference = greatest_difference(learnt.pipeline, scorecard, customers)
    if not difference < EXACT_WITHIN:
        raise TrainingError(
            f"Scorecard and pipeline differ by {difference:.1e} in log-odds; {EXACT_WITHIN:.0e} is allowed."
        )
    return difference


def next_version(root: Path = ARTIFACTS) -> str:
    """Return the minor version after the newest in `root`, or 1.0.0."""
    present = artifact.versions(root)
    if not present:
        return "1.0.0"
    major, minor, _ = present[-1].split(".")
    return f"{major}.{int(minor) + 1}.0"


def _measure_all(
    learnt: Learnt,
    version: str,
    seed: int,
    report: Report,
    recipe: Recipe,
) -> dict[str, Any]:
    """Return the content of metrics.json."""
    frame, churned = learnt.measured.frame(), np.array(learnt.measured.labels)
    choice = learnt.choice
    outer = list(estimate(frame, churned, seed, recipe, report))
    nested = by_repeat(churned, [test for test, _, _ in outer], [probability for _, _, probability in outer])
    folds = [{**setting._asdict(), **measure(churned[test], probability)} for test, setting, probability in outer]
    fixed = [
        measure(churned[test], probability)
        for (_, test), probability in zip(choice.folds, choice.probabilities, strict=True)
    ]
    known, probabilities = (np.concatenate([each[place] for each in nested]) for place in (1, 2))
    (example,) = learnt.probabilities([dict(EXAMPLE)])
    label = CHURN if example >= learnt.threshold["threshold"] else NOT_CHURN
    return {
        "version": version,
        "schema_version": SCHEMA_VERSION,
        "recipe": {"name": recipe.name, "engines": list(recipe.engines)},
        "trained_on": learnt.document["trained_on"],
        "trained_with": {
            "python": ".".join(platform.python_version_tuple()[:2]),
            LIBRARY: sklearn.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "pandas": pd.__version__,
            "joblib": joblib.__version__,
        },
        "protocol": {
            "rows": len(churned),
            "folds": FOLDS,
            "repeats": REPEATS,
            "stratified": True,
            "nested": True,
            "resampling": "none",
            "class_weights": "none",
            "seed": seed,
        },
        "out_of_fold": {
            name: {"mean": _mean(folds, name), "sd": _spread(folds, name)}
            for name in folds[0]
            if name not in choice.setting._fields
        },
        "pooled": mean_of([measure(labels, probability) for _, labels, probability in nested]),
        "ece_if_perfect": {
            "fold": perfect_calibration_error([probability for _, _, probability in outer], seed),
            "pooled": perfect_calibration_error([probability for _, _, probability in nested], seed),
        },
        "folds": folds,
        "calibration": calibration_curve(known, probabilities),
        "roc": roc_points(known, probabilities),
        "slices": slices(learnt.measured.customers, nested),
        "setting": choice.setting._asdict(),
        "settings": choice.table,
        "setting_out_of_fold": {name: {"mean": _mean(fixed, name), "sd": _spread(fixed, name)} for name in fixed[0]},
        "threshold": learnt.threshold,
        "tiers": dict(TIERS),
        **recipe.describe(frame, churned, choice),
        **({"exactness": {"within": EXACT_WITHIN, "random_customers": RANDOM_ROWS}} if recipe.is_exact else {}),
        "example": {"probability": written(example), "prediction": label, "tier": tier_of(example, TIERS)},
    }


def _mean(folds: Sequence[dict[str, Any]], name: str) -> float:
    return written(np.mean([fold[name] for fold in folds]))


def _spread(folds: Sequence[dict[str, Any]], name: str) -> float:
    return written(np.std([fold[name] for fold in folds], ddof=1))
