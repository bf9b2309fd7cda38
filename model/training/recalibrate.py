"""A version whose probabilities have another mean: the intercept shifted, all reasons as they were.

The churn rate of training data rarely is that of the customers to be scored. A shift of the intercept changes the mean
and keeps the order of customers and what each feature adds.
"""

import io
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
from jinja2 import UndefinedError
from scipy.optimize import brentq
from scipy.special import expit, logit

from model import artifact
from model.actions import TABLE
from model.artifact import ARTIFACTS, OUTLINE, SCHEMA, SCORECARD, folder_of, read_checked, read_json
from model.contents import CARD, INTERVAL, METRICS, POPULATION
from model.errors import ArtifactError, TrainingError
from model.pipeline import PipelineScorer, joblib_name
from model.schema import CHURN, NOT_CHURN
from model.scorecard import Scorer, tier_of
from model.strict_json import Member
from model.training.compile import to_bytes
from model.training.data import LabelledData
from model.training.evaluate import check_outcomes, load, probabilities_of, read_labelled
from model.training.metrics import Floats, rounded
from model.training.model_metrics import describe_schema, quantiles
from model.training.population import describe_population
from model.training.recipes import recipe_of
from model.training.reports import model_card
from model.training.threshold import choose_tiers, keep_threshold
from model.versions import check_usable

WIDEST: Final = 40.0
"""Log-odds of a shift. From 37 on the probability of an average customer is 0 or 1 in a float."""

LOWEST_RATE: Final = 0.0001
"""Of a churn rate: probabilities are shown with four decimals, so that below it nearly all of them would be 0."""

HIGHEST_RATE: Final = 0.99
FALLBACK_CUSTOMERS: Final = 10_000


def recalibrate(
    version: str,
    new: str,
    root: Path = ARTIFACTS,
    rate: float | None = None,
    data_path: Path | None = None,
    report: Callable[[str, float], None] = lambda _stage, _share: None,
) -> Path:
    """Store a version that is another one with its intercept shifted; return its folder.

    Parameters
    ----------
    version, new : str
        MAJOR.MINOR.PATCH in `root`.
    rate : float, optional
        What the mean probability of the training data's customers becomes.
    data_path : Path, optional
        Recent customers whose outcome is known, in place of a rate: their mean probability becomes their churn rate,
        and they become the population that later batches are compared with.

    Raises
    ------
    TrainingError, ArtifactError
        Then nothing is written.
    """
    folder = folder_of(version, root)
    if (root / artifact.check_version(new)).exists():
        raise ArtifactError(f"Model {new} exists already in {root}. Choose another version; a version never changes.")
    scorer, metrics = load(folder.name, root)
    _check_metrics(Member(metrics, str(folder / METRICS)))
    if data_path:
        report("Reading the customers", 0.0)
    data = _read(data_path, scorer) if data_path else None
    log_odds = logit(probabilities_of(scorer, data)) if data else _stored_log_odds(metrics)
    wanted = data.churners / data.rows if data else rate
    if wanted is None or not LOWEST_RATE <= wanted <= HIGHEST_RATE:
        raise TrainingError(f"A churn rate must be from {LOWEST_RATE} to {HIGHEST_RATE}, not {wanted}.")
    report("Solving for the intercept", 0.5)
    shift = solve_shift(log_odds, wanted)
    shifted = expit(log_odds + shift)
    tiers = choose_tiers(wanted)
    threshold = keep_threshold(metrics["threshold"], shifted, wanted, tiers)
    cuts = {"version": new, "threshold": threshold["threshold"], "tiers": tiers}
    metrics = {
        **metrics,
        "version": new,
        "schema": describe_schema(scorer.schema),
        "recipe": {**metrics["recipe"], "name": recipe_of(metrics["recipe"]["name"]).name},
        "threshold": threshold,
        "tiers": tiers,
        "log_odds": quantiles(shifted),
        "recalibrated_from": {
            "version": version,
            "shift": rounded(shift),
            "total_shift": rounded(shift + metrics.get("recalibrated_from", {}).get("total_shift", 0.0)),
            "mean_probability": rounded(expit(log_odds).mean()),
            "rate": rounded(wanted),
            **({"data": {"rows": data.rows, "churners": data.churners, "sha256": data.sha256}} if data else {}),
        },
        "example": _example(scorer, shift, threshold["threshold"], tiers),
    }
    population = read_json(folder, POPULATION)[0]
    population |= describe_population(shifted, data) if data else _shift_population(population, shift, wanted)
    kept: dict[str, bytes] = {
        name: read_checked(folder, name) for name in (SCHEMA, TABLE, INTERVAL) if name in artifact.names(folder)
    }
    files: dict[str, bytes] = {
        **_shift_model(folder, scorer, shift, cuts),
        **kept,
        METRICS: to_bytes(metrics),
        CARD: _card(metrics, folder).encode("utf-8"),
        POPULATION: to_bytes(population),
        artifact.RUN: to_bytes({"trained_at": datetime.now(UTC).isoformat(timespec="seconds")}),
    }
    report("Writing the model", 0.99)
    return artifact.save(files, new, root, check_usable)


def solve_shift(log_odds: Floats, rate: float) -> float:
    """Return what to add to all log-odds so that the mean probability is `rate`."""
    return float(brentq(lambda shift: expit(log_odds + shift).mean() - rate, -WIDEST, WIDEST, xtol=1e-12))


def _read(path: Path, scorer: Scorer) -> LabelledData:
    data = read_labelled(path, scorer.schema)
    check_outcomes(data, path, "to know the churn rate; with fewer, pass --rate")
    return data


def _check_metrics(metrics: Member) -> None:
    """Refuse metrics that a start accepts, but that lack what a shift is solved with."""
    threshold = metrics.at("threshold")
    threshold.at("criterion").text()
    for name in ("contact_cost", "saved_value", "theoretical"):
        threshold.at(name).number()
    if metrics.at("recalibrated_from").is_present:
        metrics.at("recalibrated_from").at("total_shift").number()
    if metrics.at("log_odds").is_present:
        for quantile in metrics.at("log_odds").items():
            quantile.number()
        return
    for point in metrics.at("roc").items():
        for name in ("threshold", "true_positive_rate", "false_positive_rate"):
            point.at(name).share()


def _card(metrics: dict[str, Any], folder: Path) -> str:
    """Return the card; where the metrics lack what it states, as of a model written by hand, the former one."""
    try:
        return model_card(metrics)
    except (LookupError, TypeError, UndefinedError):
        source = metrics["recalibrated_from"]
        return (
            f"# Churn model {metrics['version']}\n\n## Recalibrated\n\nThe intercept was shifted by "
            f"{source['shift']:+.4f} in log-odds, so that the mean probability is {source['rate']:.2%}. Everything "
            f"else is that of version {source['version']}, whose card follows.\n\n"
            f"{read_checked(folder, CARD).decode('utf-8')}"
        )


def _stored_log_odds(metrics: dict[str, Any]) -> Floats:
    """Return log-odds spread as those of the training data: their quantiles.

    Older models have none; their ROC curve has the share of customers between two thresholds, and gives a mean of
    2.01 % where 2 % is asked for.
    """
    if "log_odds" in metrics:
        return np.array(metrics["log_odds"], dtype=np.float64)
    trained_on, points = metrics["trained_on"], metrics["roc"]
    rate = trained_on["churners"] / trained_on["rows"]
    above = [rate * row["true_positive_rate"] + (1 - rate) * row["false_positive_rate"] for row in points]
    thresholds = np.array([row["threshold"] for row in points])
    middles = logit((thresholds[1:] + thresholds[:-1]) / 2)
    return np.repeat(middles, np.round(FALLBACK_CUSTOMERS * np.diff(above)).astype(int))


def _example(scorer: Scorer, shift: float, threshold: float, tiers: dict[str, float]) -> dict[str, Any]:
    chance = float(expit(scorer.score(dict(scorer.schema.example)).log_odds + shift))
    return {
        "probability": rounded(chance),
        "prediction": CHURN if chance >= threshold else NOT_CHURN,
        "tier": tier_of(chance, tiers),
    }


def _shift_model(folder: Path, scorer: Scorer, shift: float, cuts: dict[str, Any]) -> dict[str, bytes]:
    """Return the files of the model itself."""
    name, key = (SCORECARD, "intercept") if scorer.additive else (OUTLINE, "baseline")
    document = read_json(folder, name)[0]
    # Members keep their places.
    document = {**document, **cuts, key: document[key] + shift}
    files = {name: to_bytes(document)}
    pickled = joblib_name(folder.name)
    if pickled in artifact.names(folder):
        pipeline = (
            scorer.model
            if isinstance(scorer, PipelineScorer)
            else joblib.load(io.BytesIO(read_checked(folder, pickled)))
        )
        _shift_pipeline(pipeline, shift)
        content = io.BytesIO()
        joblib.dump(pipeline, content)
        files[joblib_name(cuts["version"])] = content.getvalue()
    return files


def _shift_pipeline(pipeline: Any, shift: float) -> None:
    model = pipeline[-1]
    if hasattr(model, "intercept_"):
        model.intercept_ = model.intercept_ + shift
    else:
        # The log-odds before the first tree, which scikit-learn has no public name for.
        model._baseline_prediction = model._baseline_prediction + shift


def _shift_population(population: dict[str, Any], shift: float, rate: float) -> dict[str, Any]:
    """Return the population with what follows from a shift; what would need the customers is not known any more."""
    bins = population["probability"]
    edges, shares = _rising([_move(edge, shift) for edge in bins["edges"]], bins["shares"])
    return {
        "churn_rate": rounded(rate),
        "mean_probability": rounded(rate),
        "probability": {"edges": edges, "shares": shares},
        "segments": [
            {
                **segment,
                "groups": [{**group, "churn_rate": None, "mean_probability": None} for group in segment["groups"]],
            }
            for segment in population["segments"]
        ],
    }


def _move(probability: float, shift: float) -> float:
    """Return a probability after a shift, not rounded: of rare leavers the edges of deciles differ by less."""
    return 1 / (1 + math.exp(-(logit(probability) + shift))) if 0 < probability < 1 else probability


def _rising(edges: list[float], shares: list[float]) -> tuple[list[float], list[float]]:
    """Return bins whose edges rise: those between equal edges are added to the one before."""
    rising: list[float] = []
    kept = shares[:1]
    for edge, share in zip(edges, shares[1:], strict=True):
        if rising and edge <= rising[-1]:
            kept[-1] += share
        else:
            rising.append(edge)
            kept.append(share)
    return rising, kept
