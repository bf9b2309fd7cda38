"""A model fitted to labelled customers: setting and threshold selected out of fold, the rest fitted to all."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import expit
from sklearn.pipeline import Pipeline

from model.errors import TrainingError
from model.pipeline import to_frame
from model.schema import Customer
from model.scorecard import Scorecard
from model.scorecard_file import read_scorecard
from model.training.compile import EXACT_WITHIN, document_header, max_difference, random_customers
from model.training.cross_validation import Progress, Selection, by_repeat, ignore_progress, sample_rows, select_setting
from model.training.data import LabelledData
from model.training.metrics import Floats
from model.training.recipes import SPLINE, Recipe
from model.training.threshold import choose_threshold, choose_tiers

SEED: Final = 0


@dataclass(frozen=True)
class FittedModel:
    """All that follows from the data alone: enough for scorecard.json (or outline.json) and the joblib file.

    Attributes
    ----------
    measured : LabelledData
        The customers on which the setting was selected: all, or a sample where there are many.
    selection : Selection
    threshold : dict
    pipeline : Pipeline
    document : dict
        The content of scorecard.json, or of outline.json.
    """

    measured: LabelledData
    selection: Selection
    threshold: dict[str, Any]
    pipeline: Pipeline
    document: dict[str, Any]

    def scorecard(self) -> Scorecard:
        """Return the compiled model."""
        return read_scorecard(self.document, self.measured.schema, sha256="")

    def probabilities(self, data: LabelledData) -> Floats:
        """Return the probabilities of customers by the model that is served: the scorecard if it is one."""
        if "terms" in self.document:
            scorecard = self.scorecard()
            return np.array([scorecard.score(customer).probability for customer in data.customers])
        return np.asarray(expit(self.pipeline.decision_function(data.frame())))

    def probability_of(self, customer: Customer) -> float:
        """Return the probability of one valid customer."""
        if "terms" in self.document:
            return self.scorecard().score(customer).probability
        schema = self.measured.schema
        X = to_frame({name: [customer[name]] for name in schema.names}, schema)
        return float(expit(self.pipeline.decision_function(X))[0])


def fit_model(
    data: LabelledData,
    version: str,
    seed: int = SEED,
    progress: Progress = ignore_progress,
    recipe: Recipe = SPLINE,
    selection: Selection | None = None,
) -> FittedModel:
    """Select the setting, unless it is known, and the threshold out of fold; fit all customers and compile."""
    schema, measured = data.schema, data.subset(sample_rows(data.labels, seed))
    y = measured.labels
    selection = selection or select_setting(schema, measured.frame(), y, seed, recipe, progress)
    repeats = by_repeat(y, [test for _, test in selection.folds], selection.probabilities)
    tiers = choose_tiers(data.churners / data.rows)
    threshold = choose_threshold([(y_true, y_prob) for _, y_true, y_prob in repeats], tiers)
    pipeline = recipe.fit(schema, data.frame(), data.labels, selection.setting)
    header = document_header(data, version, threshold["threshold"], tiers)
    return FittedModel(measured, selection, threshold, pipeline, recipe.to_document(pipeline, data, header))


def check_exact(model: FittedModel, data: LabelledData, seed: int, count: int) -> float:
    """Return the greatest difference in log-odds between pipeline and scorecard, over all and `count` random customers.

    Raises
    ------
    TrainingError
        If it is 1e-12 or more.
    """
    scorecard = model.scorecard()
    customers = data.customers + random_customers(scorecard, count, seed)
    difference = max_difference(model.pipeline, scorecard, customers)
    if not difference < EXACT_WITHIN:
        raise TrainingError(
            f"Scorecard and pipeline differ by {difference:.1e} in log-odds; {EXACT_WITHIN:.0e} is allowed."
        )
    return difference
