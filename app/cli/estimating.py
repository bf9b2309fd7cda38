"""`churn estimate`: how good the predictions are likely to be, before anyone knows who leaves."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from app.cli.monitoring import TRAINING, drift_lines, figure_line, largest_index, open_run
from app.cli.scoring import engine_option
from app.cli.terminal import read_settings
from app.cli.versions import models_option, naming_version, version_option

CAUTION: Final = (
    "These figures hold if the probabilities are right on average and customers leave for the same reasons as in the "
    "training data. The file cannot show whether they do; churn backtest can, once it is known who left."
)

_TITLES: Final = {
    "churn_rate": "Churn rate",
    "roc_auc": "ROC AUC",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "accuracy": "Accuracy",
    "log_loss": "Log loss",
    "brier": "Brier score",
}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@engine_option
@click.option("--threshold", help="Least probability labelled as churn.  [default: the model's own]")
@version_option()
@models_option()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def estimate(file: Path, as_json: bool, **options: str | None) -> None:
    """Estimate how good predictions are, without outcomes.

    FILE is a CSV file of customers who may still leave or stay. Each counts as a leaver with its probability
    and as a stayer with the rest; from that follow the expected churn rate, ROC AUC, precision, recall and others, each
    with the interval in which the figure of the real outcome will be in 95 % of cases. How far the customers have moved
    from the training data is shown with them. Rows that cannot be scored are counted and left out.
    """
    from app import wiring
    from model.bulk import population
    from model.bulk.drift import compare
    from model.bulk.estimate import Estimate

    settings = read_settings(**options)
    with naming_version(options["model_version"]):
        scorer = wiring.make_scorer(settings)
    described = population.load(scorer)
    assert described is not None
    estimated = Estimate(scorer.threshold)
    with open_run(str(file), scorer) as run:
        compared = compare(described, run, estimated.add)
    result = {
        "model_version": scorer.version,
        "threshold": scorer.threshold,
        "name": str(file),
        "rejected": run.rows_rejected,
        **estimated.to_dict(),
        "caution": CAUTION,
        "drift": {**compared, "drift_max": largest_index(compared["features"])},
    }
    click.echo(json.dumps(result, indent=2) if as_json else "\n".join(_lines(result, described["customers"])))


def _lines(result: Mapping[str, Any], trained_on: int) -> list[str]:
    counts = f"{result['customers']:,} scored, {result['rejected']:,} rejected."
    if not result["customers"]:
        return [counts, "Nothing can be estimated: no row could be scored."]
    labelled = f"{result['labelled_churn']:,} labelled churn (from {result['threshold']:.4g})"
    drift = {
        **result["drift"],
        "model_version": result["model_version"],
        "baseline": {"name": TRAINING, "customers": trained_on, "rejected": 0},
        "new": {name: result[name] for name in ("name", "customers", "rejected")},
    }
    return [
        counts,
        f"Expected: {result['expected_churners']:,.1f} who leave; {labelled}.",
        "",
        f"{'':<30}{'':>8}   95 % interval",
        *(figure_line(title, result[name]) for name, title in _TITLES.items()),
        "",
        CAUTION,
        "",
        *drift_lines(drift),
    ]
