"""`churn drift` and `churn backtest`: whether the model still fits the customers who come, and whether it was right."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from app.cli.terminal import BEYOND, Figure, read_settings
from app.cli.versions import models_option, version_option
from model.errors import ChurnError
from model.scorecard import Scorer

if TYPE_CHECKING:
    from model.bulk.run import Run
    from model.bulk.unchanged import Unchanged

TRAINING: Final = "training"
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="[BASELINE] NEW")
@click.option("--engine", help="What scores: scorecard (the default) or pipeline.")
@version_option("--model")
@models_option()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option(
    "--fail-above",
    type=Figure(0),
    help=f"Exit with {BEYOND} if an index is above this, such as 0.25, or absent.",
)
def drift(files: tuple[str, ...], as_json: bool, fail_above: float | None, **given: str | None) -> None:
    """Tell how far customers have moved.

    NEW and BASELINE are CSVs of customers; without BASELINE, or where it is the word "training", NEW is set beside the
    customers that the model was trained on. For each feature and for the score: the population stability index, what
    chance alone would show, and the group that moved most. Rows that cannot be scored are counted and left out. Below
    500 customers on either side an index is mostly chance, so none is shown.
    """
    from app import wiring
    from model.bulk import population
    from model.bulk.drift import compare, describe

    if len(files) > 2:
        raise click.UsageError("Give one file, or two: BASELINE NEW.")
    *before, new = files
    baseline = before[0] if before else TRAINING
    # A threshold moves labels only, which no index is of.
    scorer = wiring.make_scorer(replace(read_settings(**given), threshold=None))
    if baseline == TRAINING:
        described = population.load(scorer)
        assert described is not None
        rejected = 0
    else:
        with _run(baseline, scorer) as run:
            described, rejected = describe(run), run.rows_rejected
    with _run(new, scorer) as run:
        features = compare(described, run)
    drift_max = max((each["psi"] for each in features if each["psi"] is not None), default=None)
    found = {
        "model_version": scorer.version,
        "baseline": {"name": baseline, "customers": described["customers"], "rejected": rejected},
        "new": {"name": new, "customers": run.rows_scored, "rejected": run.rows_rejected},
        "features": features,
        "drift_max": drift_max,
    }
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(_drift_lines(found)))
    if fail_above is not None and (drift_max is None or drift_max > fail_above):
        sys.exit(BEYOND)


@click.command()
@click.argument("predictions", type=_FILE)
@click.argument("truth", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def backtest(predictions: Path, truth: Path, as_json: bool) -> None:
    """Tell how a scored list came true.

    PREDICTIONS is a predictions.csv, TRUTH a later CSV with customerID and Churn (Yes, No, 1 or 0). They are matched by
    customerID; rows without a partner are counted and named, and an id that stands twice in a file is not used.
    """
    from model.bulk.backtest import backtest as run
    from model.bulk.backtest import read_predictions, read_truth

    with _opened(str(predictions)) as file:
        said = read_predictions(file)
    with _opened(str(truth)) as file:
        known = read_truth(file)
    found = run(said, known)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(_backtest_lines(found)))


@contextmanager
def _opened(name: str) -> Iterator["Unchanged"]:
    """Open a file, and name it where it cannot be used: there are two."""
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
def _run(name: str, scorer: Scorer) -> Iterator["Run"]:
    from model.bulk.run import Run

    with _opened(name) as file:
        yield Run(file, scorer)


def _drift_lines(found: Mapping[str, Any]) -> list[str]:
    from model.bulk.drift import CHANGED, MOVED
    from model.bulk.population import LEAST_CUSTOMERS

    before, new = (found[name] for name in ("baseline", "new"))
    title = f"{_counted(new)} compared with {_counted(before)}; model {found['model_version']}"
    fewer = min(before, new, key=lambda side: side["customers"])
    if fewer["customers"] < LEAST_CUSTOMERS:
        count = f"{fewer['customers']:,} {'customer' if fewer['customers'] == 1 else 'customers'}"
        few = f"{fewer['name']} has {count}, and below {LEAST_CUSTOMERS} on either side an index is mostly chance."
        return [title, "", f"Too few to tell: {few}"]
    lines = [f"{'':<18}{'index':>8}{'chance':>8}  {'':<9}what moved most"]
    for each in found["features"]:
        most = each["most"]
        moved = f"{most['group']}: {most['then']:.1%} before, {most['now']:.1%} now" if most else ""
        cells = "".join(f"{_figure(each[name]):>8}" for name in ("psi", "by_chance"))
        lines.append(f"{each['feature']:<18}{cells}  {each['verdict'] or '':<9}{moved}".rstrip())
    return [
        title,
        "",
        *lines,
        "",
        f"steady below {MOVED}, moved below {CHANGED}, changed from there on: then look at the model.",
    ]


def _counted(side: Mapping[str, Any]) -> str:
    rejected = f", {side['rejected']:,} rows rejected" if side["rejected"] else ""
    return f"{side['name']} ({side['customers']:,} customers{rejected})"


def _backtest_lines(found: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{found['customers']:,} customers in both files, {found['churners']:,} of them left.",
        *(_side_line(name, found[name]) for name in ("predictions", "truth")),
        *found["notes"],
        "",
        f"{'':<30}{'':>8}   95 % interval",
        _line("Churn rate", found["churn_rate"]),
        f"{'Expected churn rate':<30}{_figure(found['mean_probability']):>8}",
        _line("Expected - came", found["calibration_gap"]),
        f"{'Calibration error (ECE)':<30}{_figure(found['ece']):>8}",
        _line("ROC AUC", found["roc_auc"]),
        _line("Brier score", found["brier"]),
        _line(f"Precision of {found['labelled_churn']:,} labelled", found["precision"]),
        _line("Recall", found["recall"]),
        "",
        *_group_lines("decile", found["deciles"]),
        "",
        *_group_lines("tier", found["tiers"]),
    ]
    if found["money"]:
        lines.append("")
        for name, figure in found["money"].items():
            lines.append(f"{name.replace('_', ' ').capitalize():<30}{figure:>14,.2f} a month")
    return lines


def _side_line(name: str, side: Mapping[str, Any]) -> str:
    parts = [f"{side[each]:,} {each.replace('_', ' ')}" for each in ("matched", "unmatched", "duplicates")]
    parts += [f"{side[each]:,} {each.replace('_', ' ')}" for each in ("without_id", "rejected") if side[each]]
    named = [
        f"{kind} {', '.join(side[f'{kind}_ids'])}{', ...' if side[count] > len(side[f'{kind}_ids']) else ''}"
        for kind, count in (("unmatched", "unmatched"), ("duplicate", "duplicates"))
        if side[f"{kind}_ids"]
    ]
    return f"{name}: {side['rows']:,} rows = {' + '.join(parts)}" + "".join(f"; {each}" for each in named)


def _group_lines(name: str, groups: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"{name:<10}{'customers':>10}{'expected':>10}{'left':>8}{'rate':>8}{'low':>8}{'high':>8}{'lift':>8}"]
    for each in groups:
        rate = each["churn_rate"]
        cells = "".join(f"{_figure(rate[bound]):>8}" for bound in ("value", "low", "high"))
        lines.append(
            f"{each[name]!s:<10}{each['customers']:>10,}{each['expected_churners']:>10,.1f}{each['churners']:>8,}"
            f"{cells}{'-' if each['lift'] is None else format(each['lift'], '.2f'):>8}"
        )
    return lines


def _line(title: str, figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return f"{title:<30}{'-':>8}"
    return f"{title:<30}{_figure(figure['value']):>8}   {_figure(figure['low'])} to {_figure(figure['high'])}"


def _figure(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.4f}"
