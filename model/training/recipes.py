"""The recipes of a model: `churn train --recipe NAME`. A recipe is what differs from one kind of model to the next.

Cross-validation, selection of the setting, threshold and metrics are the same for all, so any two can be compared.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from sklearn.pipeline import Pipeline

from model.artifact import OUTLINE, SCORECARD
from model.contents import INTERVAL
from model.errors import TrainingError, listed, show
from model.schema import Categorical, Schema
from model.training import boosting, ebm, spline
from model.training.compile import RANDOM_CUSTOMERS, to_document
from model.training.cross_validation import REPEATS
from model.training.directions import describe_directions
from model.training.interval import to_bytes, to_interval
from model.training.metrics import Floats, Ints

if TYPE_CHECKING:
    from model.training.cross_validation import Fold, Selection
    from model.training.data import LabelledData


WIDE: Final = 120
"""Columns of a design matrix with `KNOTS` knots a number. The time of a fit grows with their square; the shipped schema
has 54, all columns of the public data 80."""

KNOTS: Final = 12


@dataclass(frozen=True)
class Recipe:
    """How one kind of model is trained.

    Attributes
    ----------
    name : str
        As metrics.json records it.
    engines : tuple of str
        Those that can serve the model, the preferred one first.
    settings : sequence of named tuples
        Among which cross-validation selects, simplest first.
    few_settings : sequence of named tuples
        The same for a schema that is wide: see `adapted_to`.
    predict : callable (schema, X, y, fold, settings) -> iterator of (setting, ndarray)
        For each setting the probabilities of the fold's test rows by a model of its training rows.
    fit : callable (schema, X, y, setting) -> Pipeline
    to_document : callable (pipeline, data, header) -> dict
        The content of scorecard.json; of outline.json where the scorecard cannot be the model itself. `header` has the
        members that both begin with.
    describe : callable (schema, X, y, selection) -> dict
        Members of metrics.json that only this recipe has.
    deviations : callable (data, pipeline, setting) -> ndarray of shape (n_deviations, n_points), optional
        By how much the points may be off, for interval.json; None for models without intervals.
    repeats : int
        How often cross-validation is repeated.
    random_customers : int
        On how many of them scorecard and pipeline are compared.
    libraries : tuple of str
        The distributions that only this recipe trains with.
    """

    name: str
    engines: tuple[str, ...]
    settings: Sequence[Any]
    few_settings: Sequence[Any]
    predict: "Callable[[Schema, pd.DataFrame, Ints, Fold, Sequence[Any]], Iterator[tuple[Any, Floats]]]"
    fit: Callable[[Schema, pd.DataFrame, Ints, Any], Pipeline]
    to_document: "Callable[[Pipeline, LabelledData, Mapping[str, Any]], dict[str, Any]]"
    describe: "Callable[[Schema, pd.DataFrame, Ints, Selection], dict[str, Any]]"
    deviations: "Callable[[LabelledData, Pipeline, Any], Floats] | None" = None
    repeats: int = REPEATS
    random_customers: int = RANDOM_CUSTOMERS
    libraries: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether scorecard.json is the model itself."""
        return "scorecard" in self.engines

    @property
    def document(self) -> str:
        """The file with the result of `to_document`."""
        return SCORECARD if self.is_exact else OUTLINE

    def adapted_to(self, schema: Schema) -> "Recipe":
        """Return the recipe for a schema: with fewer settings and repeats where a fit takes many times as long."""
        words = [feature for feature in schema.features if isinstance(feature, Categorical)]
        numbers = len(schema.features) - len(words)
        columns = sum(len(feature.levels) for feature in words) + KNOTS * numbers
        return replace(self, settings=self.few_settings, repeats=1) if columns > WIDE else self

    def interval_file(
        self, data: "LabelledData", pipeline: Pipeline, setting: Any, pairs: Sequence[Mapping[str, Any]] = ()
    ) -> dict[str, bytes]:
        """Return interval.json; nothing for a recipe without intervals, or a model with too many points."""
        document = to_interval(self.deviations(data, pipeline, setting)) if self.deviations else None
        terms = [*[[name] for name in data.schema.names], *[pair["features"] for pair in pairs]]
        return {INTERVAL: to_bytes({"terms": terms, **document})} if document else {}


SPLINE: Final = Recipe(
    name="spline",
    engines=("scorecard", "pipeline"),
    settings=spline.SETTINGS,
    few_settings=spline.FEW_SETTINGS,
    predict=spline.predict,
    fit=spline.fit,
    to_document=to_document,
    describe=describe_directions,
    deviations=spline.deviations_of,
)

BOOSTING: Final = Recipe(
    name="boosting",
    engines=("pipeline",),
    settings=boosting.SETTINGS,
    few_settings=boosting.FEW_SETTINGS,
    predict=boosting.predict,
    fit=boosting.fit,
    to_document=boosting.to_pipeline_metadata,
    describe=lambda _schema, _X, _y, _selection: {},
)

EBM: Final = Recipe(
    name="ebm",
    engines=("scorecard",),
    settings=ebm.SETTINGS,
    few_settings=ebm.SETTINGS,
    predict=ebm.predict,
    fit=ebm.fit,
    to_document=ebm.to_document,
    describe=ebm.describe,
    deviations=ebm.deviations_of,
    random_customers=20_000,
    libraries=("interpret-core",),
)

RECIPES: Final = {recipe.name: recipe for recipe in (SPLINE, EBM, BOOSTING)}

AUTO: Final = "auto"
"""The name of a choice among `EXACT_RECIPES`."""

EXACT_RECIPES: Final = (SPLINE, EBM)
"""Simplest first."""

ALIASES: Final = {"additive": SPLINE.name}
"""Former names, in the metrics of older models and in scripts."""


def recipe_of(name: str) -> Recipe:
    """Return the recipe `name`.

    Raises
    ------
    TrainingError
    """
    recipe = RECIPES.get(ALIASES.get(name, name))
    if recipe is None:
        raise TrainingError(f"A recipe must be {listed([*RECIPES, AUTO], last='or')}, not {show(name)}.")
    return recipe


def recipes_of(name: str) -> tuple[Recipe, ...]:
    """Return the recipe `name`, or those among which `auto` chooses.

    Raises
    ------
    TrainingError
    """
    return EXACT_RECIPES if name == AUTO else (recipe_of(name),)
