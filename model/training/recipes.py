"""The recipes a model can be made by: `churn train --recipe NAME`. A recipe is what differs from one kind to the next.

The protocol (folds, choice of the setting, threshold, figures) is the same for all, so any two can be compared.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from model.artifact import OUTLINE, SCORECARD
from model.errors import TrainingError, listed, show
from model.training import additive, boosting
from model.training.compile import to_document
from model.training.directions import describe_directions

if TYPE_CHECKING:
    from model.training.cross_validation import Choice, Fold
    from model.training.data import Labelled


@dataclass(frozen=True)
class Recipe:
    """How one kind of model is made.

    Attributes
    ----------
    name : str
        As metrics.json records it.
    engines : tuple of str
        Those that can serve the model, the one to prefer first.
    settings : sequence of named tuples
        Among which the protocol chooses, simplest first.
    predict : callable (frame, churned, fold, settings) -> iterator of (setting, ndarray)
        For each setting the probabilities of the fold's test rows by a model of its training rows.
    fit : callable (frame, churned, setting) -> Pipeline
    to_document : callable (pipeline, data, version, threshold) -> dict
        The content of scorecard.json; of outline.json where the scorecard cannot be the model itself.
    describe : callable (frame, churned, choice) -> dict
        Members of metrics.json that only this recipe has.
    """

    name: str
    engines: tuple[str, ...]
    settings: Sequence[Any]
    predict: "Callable[[pd.DataFrame, np.ndarray, Fold, Sequence[Any]], Iterator[tuple[Any, np.ndarray]]]"
    fit: Callable[[pd.DataFrame, np.ndarray, Any], Pipeline]
    to_document: "Callable[[Pipeline, Labelled, str, float], dict[str, Any]]"
    describe: "Callable[[pd.DataFrame, np.ndarray, Choice], dict[str, Any]]"

    @property
    def is_exact(self) -> bool:
        """Whether scorecard.json is the model itself."""
        return "scorecard" in self.engines

    @property
    def document(self) -> str:
        """The file that `to_document` makes."""
        return SCORECARD if self.is_exact else OUTLINE


def _directions(frame: pd.DataFrame, churned: np.ndarray, choice: "Choice") -> dict[str, Any]:
    return {"directions": describe_directions(frame, churned, choice)}


ADDITIVE: Final = Recipe(
    name="additive",
    engines=("scorecard", "pipeline"),
    settings=additive.SETTINGS,
    predict=additive.predict,
    fit=additive.fit,
    to_document=to_document,
    describe=_directions,
)

BOOSTING: Final = Recipe(
    name="boosting",
    engines=("pipeline",),
    settings=boosting.SETTINGS,
    predict=boosting.predict,
    fit=boosting.fit,
    to_document=boosting.to_outline,
    describe=lambda _frame, _churned, _choice: {},
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
