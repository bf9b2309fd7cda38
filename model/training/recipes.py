"""The recipes of a model: `churn train --recipe NAME`. A recipe is what differs from one kind of model to the next.

Cross-validation, selection of the setting, threshold and metrics are the same for all, so any two can be compared.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from sklearn.pipeline import Pipeline

from model.artifact import OUTLINE, SCORECARD
from model.errors import TrainingError, listed, show
from model.training import additive, boosting
from model.training.compile import RANDOM_CUSTOMERS, to_document
from model.training.cross_validation import REPEATS
from model.training.directions import describe_directions
from model.training.metrics import Floats, Ints

if TYPE_CHECKING:
    from model.training.cross_validation import Fold, Selection
    from model.training.data import LabelledData


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
    predict : callable (X, y, fold, settings) -> iterator of (setting, ndarray)
        For each setting the probabilities of the fold's test rows by a model of its training rows.
    fit : callable (X, y, setting) -> Pipeline
    to_document : callable (pipeline, data, version, threshold) -> dict
        The content of scorecard.json; of outline.json where the scorecard cannot be the model itself.
    describe : callable (X, y, selection) -> dict
        Members of metrics.json that only this recipe has.
    repeats : int
        How often cross-validation is repeated.
    random_customers : int
        On how many of them scorecard and pipeline are compared.
    """

    name: str
    engines: tuple[str, ...]
    settings: Sequence[Any]
    predict: "Callable[[pd.DataFrame, Ints, Fold, Sequence[Any]], Iterator[tuple[Any, Floats]]]"
    fit: Callable[[pd.DataFrame, Ints, Any], Pipeline]
    to_document: "Callable[[Pipeline, LabelledData, str, float], dict[str, Any]]"
    describe: "Callable[[pd.DataFrame, Ints, Selection], dict[str, Any]]"
    repeats: int = REPEATS
    random_customers: int = RANDOM_CUSTOMERS

    @property
    def is_exact(self) -> bool:
        """Whether scorecard.json is the model itself."""
        return "scorecard" in self.engines

    @property
    def document(self) -> str:
        """The file with the result of `to_document`."""
        return SCORECARD if self.is_exact else OUTLINE


ADDITIVE: Final = Recipe(
    name="additive",
    engines=("scorecard", "pipeline"),
    settings=additive.SETTINGS,
    predict=additive.predict,
    fit=additive.fit,
    to_document=to_document,
    describe=lambda X, y, selection: {"directions": describe_directions(X, y, selection)},
)

BOOSTING: Final = Recipe(
    name="boosting",
    engines=("pipeline",),
    settings=boosting.SETTINGS,
    predict=boosting.predict,
    fit=boosting.fit,
    to_document=boosting.to_pipeline_metadata,
    describe=lambda _X, _y, _selection: {},
)

RECIPES: Final = {recipe.name: recipe for recipe in (ADDITIVE, BOOSTING)}


def recipe_of(name: str) -> Recipe:
    """Return the recipe `name`.

    Raises
    ------
    TrainingError
    """
    if name not in RECIPES:
        raise TrainingError(f"A recipe must be {listed(list(RECIPES), last='or')}, not {show(name)}.")
    return RECIPES[name]
