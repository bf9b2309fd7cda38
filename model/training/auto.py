"""`--recipe auto`: the simplest recipe that is not worse beyond chance on nested folds, compared with boosted trees.

Each recipe goes through its whole procedure on the same folds of at most `MAX_ROWS` customers; what one that chooses
nothing predicts there is used again for its threshold and its figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from model.training.cross_validation import (
    Fold,
    Selection,
    compare_settings,
    log_losses,
    make_folds,
    nested_cross_validation,
    paired_interval,
    size_ratio,
)
from model.training.data import LabelledData
from model.training.metrics import Floats, Ints, compute_metrics, rounded
from model.training.recipes import BOOSTING, Recipe

FIGURES: Final = ("log_loss", "roc_auc", "pr_auc")

Outer = list[tuple[Ints, Any, Floats]]
"""Of each outer fold: its test rows, the setting selected without them, and their probabilities."""


@dataclass(frozen=True)
class Choice:
    """A recipe, measured.

    Attributes
    ----------
    recipe : Recipe
    outer : Outer
    selection : Selection, optional
        Of a recipe with one setting.
    facts : dict
        Members of metrics.json; empty where there was nothing to choose from.
    """

    recipe: Recipe
    outer: Outer
    selection: Selection | None
    facts: dict[str, Any] = field(default_factory=dict)


def choose_recipe(
    measured: LabelledData, recipes: Sequence[Recipe], seed: int, report: Callable[[str, float], None]
) -> Choice:
    """Return the simplest recipe whose log loss is not worse than that of the best beyond chance.

    Parameters
    ----------
    measured : LabelledData
    recipes : sequence of Recipe
        Simplest first, adapted to the schema.
    report : callable
        Called with what is being done and the share of the work that is done, 0 to 1.
    """
    schema, X, y = measured.schema, measured.frame(), measured.labels
    outers: list[Outer] = []
    steps = len(recipes) + (len(recipes) > 1)
    for number, recipe in enumerate(recipes):

        def progress(share: float, name: str = recipe.name, number: int = number) -> None:
            report(f"Measuring the procedure of {name}", (number + share) / steps)

        outers.append(list(nested_cross_validation(schema, X, y, seed, recipe, progress)))
    chosen, facts = 0, {}
    if len(recipes) > 1:
        folds = make_folds(y, seed, recipes[0].repeats)
        by_recipe = [[y_prob for _, _, y_prob in outer] for outer in outers]
        chosen, table = _compare(y, folds, [recipe.name for recipe in recipes], by_recipe)
        report("Measuring boosted trees, for the card", len(recipes) / steps)
        boosting = _measure_boosting(measured, folds, by_recipe[chosen])
        facts = {"auto": {"recipes": table, "boosting": boosting}}
    recipe, outer = recipes[chosen], outers[chosen]
    selection = None
    if len(recipe.settings) == 1:
        folds = make_folds(y, seed, recipe.repeats)
        selection = compare_settings(y, folds, {recipe.settings[0]: [y_prob for _, _, y_prob in outer]})
    return Choice(recipe, outer, selection, facts)


def _compare(
    y: Ints, folds: list[Fold], names: Sequence[str], probabilities: Sequence[list[Floats]]
) -> tuple[int, list[dict[str, Any]]]:
    """Return the number of the recipe to choose, and a row for each: its figures, and how much worse it is."""
    losses = [log_losses(y, folds, own) for own in probabilities]
    best = min(range(len(names)), key=lambda number: losses[number].mean())
    rows: list[dict[str, Any]] = [
        {"name": name, **_figures(y, folds, own), **_difference(own_losses - losses[best], folds)}
        for name, own, own_losses in zip(names, probabilities, losses, strict=True)
    ]
    chosen = next(number for number, row in enumerate(rows) if row["low"] <= 0.0)
    return chosen, rows


def _measure_boosting(measured: LabelledData, folds: list[Fold], chosen: list[Floats]) -> dict[str, Any]:
    """Return the figures of boosted trees at their best setting on these folds, which flatters them a little."""
    schema, X, y = measured.schema, measured.frame(), measured.labels
    recipe = BOOSTING.adapted_to(schema)
    by_setting: dict[Any, list[Floats]] = {setting: [] for setting in recipe.settings}
    for fold in folds:
        for setting, y_prob in recipe.predict(schema, X, y, fold, recipe.settings):
            by_setting[setting].append(y_prob)
    losses = {setting: log_losses(y, folds, own) for setting, own in by_setting.items()}
    best = min(losses, key=lambda setting: losses[setting].mean())
    difference = _difference(losses[best] - log_losses(y, folds, chosen), folds)
    return {"setting": best._asdict(), **_figures(y, folds, by_setting[best]), **difference}


def _figures(y: Ints, folds: Sequence[Fold], probabilities: Sequence[Floats]) -> dict[str, float]:
    figures = [compute_metrics(y[test], own) for (_, test), own in zip(folds, probabilities, strict=True)]
    return {name: rounded(np.mean([fold[name] for fold in figures])) for name in FIGURES}


def _difference(differences: Floats, folds: Sequence[Fold]) -> dict[str, float]:
    mean, margin = paired_interval(differences, size_ratio(folds))
    return {"difference": rounded(mean), "low": rounded(mean - margin), "high": rounded(mean + margin)}


def sentences_of(metrics: dict[str, Any]) -> list[str]:
    """Return what was chosen and why, and whether boosted trees are better, as sentences."""
    if "auto" not in metrics:
        return []
    compared, boosting = metrics["auto"]["recipes"], metrics["auto"]["boosting"]
    chosen = next(row for row in compared if row["name"] == metrics["recipe"]["name"])
    recipe = " ".join(
        [
            f"Chose {chosen['name']} (log loss {chosen['log_loss']:.4f}).",
            *[f"{row['name']} is {_verdict(row, chosen)}." for row in compared if row is not chosen],
        ]
    )
    better = (
        f"Boosted trees are better beyond chance: log loss {boosting['log_loss']:.4f}, ROC AUC "
        f"{boosting['roc_auc']:.4f} against {chosen['roc_auc']:.4f}. --recipe boosting trains them; their reasons are "
        "not exact."
    )
    return [recipe, better] if boosting["high"] < 0.0 else [recipe]


def _verdict(row: dict[str, Any], chosen: dict[str, Any]) -> str:
    """Return how a recipe compares with the one that was chosen: the simplest that chance may put below the best."""
    loss = f"({row['log_loss']:.4f})"
    if row["low"] > 0.0:
        return f"worse by more than chance {loss}"
    return (
        f"better, but by no more than chance {loss}" if row["log_loss"] < chosen["log_loss"] else f"not better {loss}"
    )
