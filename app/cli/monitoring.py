"""`churn drift` and `churn backtest`: how customers have changed, and whether predictions were right."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from app.cli.scoring import engine_option
from app.cli.terminal import EXIT_ABOVE_LIMIT, FiniteRange, read_settings
from app.cli.versions import models_option, naming_version, schema_of, version_option
from model.errors import ChurnError
from model.outputs import TIER
from model.scorecard import Scorer
from model.text import default_label

if TYPE_CHECKING:
    from model.bulk.run import Run
    from model.bulk.unchanged import Unchanged
    from model.schema import Schema

TRAINING: Final = "training"
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="[BASELINE] NEW")
@engine_option
@version_option("--model")
@models_option()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--fail-above",
    type=FiniteRange(0),
    help=f"Exit with {EXIT_ABOVE_LIMIT} if an index is above this, such as 0.25, or missing.",
)
def drift(files: tuple[str, ...], as_json: bool, fail_above: float | None, **options: str | None) -> None:
    """Measure how much customers have changed.

    NEW and BASELINE are CSV files of customers. Without BASELINE, or if it is the word "training", NEW is compared with
    the training data. The result has, for each feature and for the score, the population stability index, what chance
    alone would give, and the group that changed most. Rows that were rejected because of a feature are a group of it,
    and words that the model does not know are listed. Below 500 customers in either file an index is mostly chance, so
    none is shown.
    """
    from app import wiring
    from model.bulk import population
    from model.bulk.drift import compare, describe

    if len(files) > 2:
        raise click.UsageError("Give one file, or two: BASELINE NEW.")
    *before, new = files
    baseline = before[0] if before else TRAINING
    # A threshold changes labels only, and no index depends on those.
    settings = replace(read_settings(**options), threshold=None)
    with naming_version(options["model_version"]):
        scorer = wiring.make_scorer(settings)
    if baseline == TRAINING:
        described = population.load(scorer)
        assert described is not None
        rejected = 0
    else:
        with open_run(baseline, scorer) as run:
            described, rejected = describe(run), run.rows_rejected
    with open_run(new, scorer) as run:
        compared = compare(described, run)
    drift_max = largest_index(compared["features"])
    result = {
        "model_version": scorer.version,
        "baseline": {"name": baseline, "customers": described["customers"], "rejected": rejected},
        "new": {"name": new, "customers": run.rows_scored, "rejected": run.rows_rejected},
        **compared,
        "drift_max": drift_max,
    }
    click.echo(json.dumps(result, indent=2) if as_json else "\n".join(drift_lines(result)))
    if fail_above is not None and (drift_max is None or drift_max > fail_above):
        sys.exit(EXIT_ABOVE_LIMIT)


@click.command()
@click.argument("predictions", type=_FILE)
@click.argument("truth", type=_FILE)
@version_option()
@models_option()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backtest(predictions: Path, truth: Path, model_version: str | None, models: str | None, as_json: bool) -> None:
    """Compare predictions with what happened.

    PREDICTIONS is a predictions.csv. TRUTH is a later CSV file with the id and the target column of the model's schema.
    They are matched by id. Rows without a match are counted and listed, and an id that occurs twice in a file is not
    used.
    """
    from model.bulk import backtest as module

    schema = schema_of(models, model_version)
    with _open(str(predictions)) as file:
        predicted = module.read_predictions(file, schema)
    with _open(str(truth)) as file:
        actual = module.read_truth(file, schema)
    result = module.backtest(predicted, actual, schema)
    click.echo(json.dumps(result, indent=2) if as_json else "\n".join(_backtest_lines(result, schema)))


def largest_index(features: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the largest index of a comparison; None where it has none."""
    return max((feature["psi"] for feature in features if feature["psi"] is not None), default=None)


@contextmanager
def _open(name: str) -> Iterator["Unchanged"]:
    """Open a file, and name it in errors, since there are two."""
    from model.bulk.unchanged import FileChangedError, Unchanged

    try:
        with click.open_file(name, "rb") as file:
            yield Unchanged(file, name)
    except FileChangedError:
        raise
    except ChurnError as error:
        raise ChurnError(f"{name}: {error}") from error
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ChurnError(f"{name}: {error.strerror}.") from error


@contextmanager
def open_run(name: str, scorer: Scorer) -> Iterator["Run"]:
    """Open a file of customers, and name it in errors."""
    from model.bulk.run import Run

    with _open(name) as file:
        yield Run(file, scorer)


def drift_lines(result: Mapping[str, Any]) -> list[str]:
    """Return a comparison as the lines of the terminal."""
    from model.bulk.drift import CHANGED, MOVED
    from model.bulk.population import LEAST_CUSTOMERS, describe_unusual
    from model.bulk.rejected import describe_new_words

    before, new = (result[name] for name in ("baseline", "new"))
    title = f"{_describe(new)} compared with {_describe(before)}; model {result['model_version']}"
    fewer = min(before, new, key=lambda side: side["customers"])
    then = "the training data" if before["name"] == TRAINING else before["name"]
    new_words = ["", describe_new_words(result["new_words"])] if result["new_words"]["rows"] else []
    new_words += [line for entry in result.get("unusual", []) for line in ("", describe_unusual(entry, then))]
    if result["drift_max"] is None:
        count = f"{fewer['customers']:,} {'customer' if fewer['customers'] == 1 else 'customers'}"
        few = f"{fewer['name']} has {count}, and below {LEAST_CUSTOMERS} on either side an index is mostly chance."
        return [title, "", f"Too few customers: {few}", *new_words]
    width = max([16, *[len(feature["feature"]) for feature in result["features"]]]) + 2
    lines = [f"{'':<{width}}{'index':>8}{'chance':>8}  {'':<9}what changed most"]
    for feature in result["features"]:
        largest = feature["most"]
        change = f"{largest['group']}: {largest['then']:.1%} before, {largest['now']:.1%} now" if largest else ""
        cells = "".join(f"{_to_text(feature[name]):>8}" for name in ("psi", "by_chance"))
        lines.append(f"{feature['feature']:<{width}}{cells}  {feature['verdict'] or '':<9}{change}".rstrip())
    return [
        title,
        "",
        *lines,
        *new_words,
        "",
        f"steady below {MOVED}, moved below {CHANGED}, changed from there on: then look at the model.",
    ]


def _describe(side: Mapping[str, Any]) -> str:
    rejected = f", {side['rejected']:,} rows rejected" if side["rejected"] else ""
    return f"{side['name']} ({side['customers']:,} customers{rejected})"


def _backtest_lines(result: Mapping[str, Any], schema: "Schema") -> list[str]:
    lines = [
        f"{result['customers']:,} customers in both files, {result['churners']:,} of them left.",
        *(_match_line(name, result[name]) for name in ("predictions", "truth")),
        *result["notes"],
        "",
        f"{'':<30}{'':>8}   95 % interval",
        figure_line("Churn rate", result["churn_rate"]),
        f"{'Expected churn rate':<30}{_to_text(result['mean_probability']):>8}",
        figure_line("Expected - actual", result["calibration_gap"]),
        f"{'Calibration error (ECE)':<30}{_to_text(result['ece']):>8}",
        figure_line("ROC AUC", result["roc_auc"]),
        figure_line("Brier score", result["brier"]),
        figure_line(f"Precision of {result['labelled_churn']:,} labelled", result["precision"]),
        figure_line("Recall", result["recall"]),
        "",
        *_group_lines("decile", result["deciles"]),
        "",
        *_group_lines(TIER.name, result["tiers"]),
    ]
    if result["money"]:
        lines.append("")
        unit = getattr(schema.by_name[schema.money or ""], "unit", "")
        titles = {
            name: _MONEY.get(name) or default_label(name).removesuffix(schema.currency).rstrip()
            for name in result["money"]
        }
        width = max(map(len, titles.values())) + 1
        for name, figure in result["money"].items():
            lines.append(f"{titles[name]:<{width}}{_amount(figure, unit, schema.currency)}")
    return lines


_MONEY: Final = {"value_lost_labelled_churn": "Value lost, of those labelled churn"}
"""The figures of money whose name is not their title."""


def _amount(figure: float, unit: str, currency: str) -> str:
    """Return an amount with its unit; with the sign of the currency before it unless the unit is in words."""
    sign, _, period = unit.partition(" ")
    if sign not in ("", currency):
        return f"{figure:>14,.2f} {unit}"
    return f"{f'{currency}{figure:,.2f}':>14} {period}".rstrip()


def _match_line(name: str, side: Mapping[str, Any]) -> str:
    counts = [f"{side[key]:,} {key.replace('_', ' ')}" for key in ("matched", "unmatched", "duplicates")]
    counts += [f"{side[key]:,} {key.replace('_', ' ')}" for key in ("without_id", "rejected") if side[key]]
    line = f"{name}: {side['rows']:,} rows = {' + '.join(counts)}"
    for kind, count in (("unmatched", "unmatched"), ("duplicate", "duplicates")):
        ids = side[f"{kind}_ids"]
        if ids:
            line += f"; {kind} {', '.join(ids)}{', ...' if side[count] > len(ids) else ''}"
    return line


def _group_lines(name: str, groups: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"{name:<10}{'customers':>10}{'expected':>10}{'left':>8}{'rate':>8}{'low':>8}{'high':>8}{'lift':>8}"]
    for group in groups:
        rate = group["churn_rate"]
        cells = "".join(f"{_to_text(rate[bound]):>8}" for bound in ("value", "low", "high"))
        lift = "-" if group["lift"] is None else format(group["lift"], ".2f")
        lines.append(
            f"{group[name]!s:<10}{group['customers']:>10,}{group['expected_churners']:>10,.1f}{group['churners']:>8,}"
            f"{cells}{lift:>8}"
        )
    return lines


def figure_line(title: str, figure: Mapping[str, float | None] | None) -> str:
    """Return a figure with its interval as a line of the terminal."""
    if figure is None:
        return f"{title:<30}{'-':>8}"
    return f"{title:<30}{_to_text(figure['value']):>8}   {_to_text(figure['low'])} to {_to_text(figure['high'])}"


def _to_text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
