"""The content of metrics.json: how a model was trained, and how good it is on customers that were held out."""

import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
import scipy
import sklearn
from scipy.special import logit

from model.pipeline import LIBRARY
from model.schema import CHURN, NOT_CHURN, Schema
from model.scorecard import tier_of
from model.scorecard_file import MODEL_SCHEMA
from model.training.auto import Choice
from model.training.compile import EXACT_WITHIN
from model.training.cross_validation import FOLDS, by_repeat
from model.training.fit import FittedModel
from model.training.groups import slices
from model.training.metrics import (
    TITLES,
    Floats,
    calibration_curve,
    calibration_error_by_chance,
    compute_metrics,
    mean_of,
    roc_points,
    rounded,
)

QUANTILES: Final = 200
"""Of the log-odds of the training data; enough for the mean probability after a shift of the intercept."""


def describe_model(model: FittedModel, version: str, seed: int, choice: Choice) -> dict[str, Any]:
    """Return the content of metrics.json."""
    schema, X, y = model.measured.schema, model.measured.frame(), model.measured.labels
    selection, recipe, outer = model.selection, choice.recipe, choice.outer
    probabilities = [y_prob for _, _, y_prob in outer]
    repeats = by_repeat(y, [test for test, _, _ in outer], probabilities)
    folds = [{**setting._asdict(), **compute_metrics(y[test], y_prob)} for test, setting, y_prob in outer]
    fixed_folds = [
        compute_metrics(y[test], y_prob)
        for (_, test), y_prob in zip(selection.folds, selection.probabilities, strict=True)
    ]
    y_true = np.concatenate([labels for _, labels, _ in repeats])
    y_prob = np.concatenate([by_row for _, _, by_row in repeats])
    example = model.probability_of(dict(schema.example))
    tiers = model.document["tiers"]
    return {
        "version": version,
        "schema_version": MODEL_SCHEMA,
        "schema": describe_schema(schema),
        "recipe": {"name": recipe.name, "engines": list(recipe.engines)},
        "trained_on": model.document["trained_on"],
        "trained_with": {
            "python": ".".join(platform.python_version_tuple()[:2]),
            LIBRARY: sklearn.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "pandas": pd.__version__,
            "joblib": joblib.__version__,
            **{name: metadata.version(name) for name in recipe.libraries},
        },
        "protocol": {
            "rows": len(y),
            "folds": FOLDS,
            "repeats": recipe.repeats,
            "stratified": True,
            "nested": True,
            "resampling": "none",
            "class_weights": "none",
            "seed": seed,
        },
        "out_of_fold": _mean_and_sd(folds),
        "pooled": mean_of([compute_metrics(labels, by_row) for _, labels, by_row in repeats]),
        "ece_if_perfect": {
            "fold": calibration_error_by_chance(probabilities, seed),
            "pooled": calibration_error_by_chance([by_row for _, _, by_row in repeats], seed),
        },
        "folds": folds,
        "calibration": calibration_curve(y_true, y_prob),
        "roc": roc_points(y_true, y_prob),
        "slices": slices(model.measured, repeats),
        "setting": selection.setting._asdict(),
        "settings": selection.table,
        "setting_out_of_fold": _mean_and_sd(fixed_folds),
        "threshold": model.threshold,
        "tiers": tiers,
        **recipe.describe(schema, X, y, selection),
        **choice.facts,
        **(
            {"exactness": {"within": EXACT_WITHIN, "random_customers": recipe.random_customers}}
            if recipe.is_exact
            else {}
        ),
        "example": {
            "probability": rounded(example),
            "prediction": CHURN if example >= model.threshold["threshold"] else NOT_CHURN,
            "tier": tier_of(example, tiers),
        },
    }


def describe_schema(schema: Schema) -> dict[str, Any]:
    """Return what the card states of a schema."""
    return {
        "features": len(schema.features),
        "target": schema.target.column,
        "currency": schema.currency,
        "horizon": schema.horizon,
        "protected": [feature.name for feature in schema.features if feature.is_protected],
    }


def quantiles(probabilities: Floats) -> list[float]:
    """Return the log-odds of customers at `QUANTILES` even quantiles: as many equal parts, each by its middle."""
    log_odds = logit(np.clip(probabilities, 1e-12, 1 - 1e-12))
    return [rounded(value) for value in np.quantile(log_odds, (np.arange(QUANTILES) + 0.5) / QUANTILES)]


def _mean_and_sd(folds: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "mean": rounded(np.mean([fold[name] for fold in folds])),
            "sd": rounded(np.std([fold[name] for fold in folds], ddof=1)),
        }
        for name in TITLES
    }
