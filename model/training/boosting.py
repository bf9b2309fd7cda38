"""A recipe that is not additive: scikit-learn's histogram gradient boosting, held to the same directions.

One column a feature: words by their place in the schema, numbers as they are. The trees see what features do together;
for that no curve shows what one does, and the reasons are shares (model/trees.py), not parts of a sum.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from model.errors import TrainingError
from model.schema import NAMES
from model.training.additive import DIRECTIONS, NUMBERS, WORDS
from model.training.compile import opening
from model.training.metrics import settle
from model.trees import METHOD, TreeReasons

if TYPE_CHECKING:
    from model.training.cross_validation import Fold
    from model.training.data import Labelled

LEARNING_RATE: Final = 0.05
SUMS_WITHIN: Final = 1e-9
SUMMED_ROWS: Final = 10_000


class Setting(NamedTuple):
    """What the protocol chooses.

    Attributes
    ----------
    leaves : int
        The most of each tree.
    trees : int
    """

    leaves: int
    trees: int


SETTINGS: Final = tuple(Setting(leaves, trees) for leaves in (3, 4, 8) for trees in (60, 120, 180, 240))
"""Simplest first. Trees of two leaves know one feature each and would be additive again."""


def _classifier(setting: Setting) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE,
        max_iter=setting.trees,
        max_leaf_nodes=setting.leaves,
        min_samples_leaf=40,
        l2_regularization=1.0,
        monotonic_cst=[0] * len(WORDS) + [DIRECTIONS[name] for name in NUMBERS],
        # The protocol has set customers aside already; setting more aside would make the counts in the trees, and so
        # the baseline, those of a part.
        early_stopping=False,
        random_state=0,
    )


def _features() -> ColumnTransformer:
    words = OrdinalEncoder(categories=[list(feature.values) for feature in WORDS])
    return ColumnTransformer(
        [("words", words, [feature.name for feature in WORDS]), ("numbers", "passthrough", NUMBERS)],
        verbose_feature_names_out=False,
    )


def fit(frame: pd.DataFrame, churned: np.ndarray, setting: Setting) -> Pipeline:
    """Return the fitted pipeline.

    Parameters
    ----------
    frame : DataFrame of shape (n_customers, 10)
    churned : ndarray of shape (n_customers,), int
    """
    return Pipeline([("features", _features()), ("trees", _classifier(setting))]).fit(frame, churned)


def predict(
    frame: pd.DataFrame, churned: np.ndarray, fold: "Fold", settings: Sequence[Setting]
) -> Iterator[tuple[Setting, np.ndarray]]:
    """Yield, for each setting, the probabilities of the test rows by a model of the training rows.

    Parameters
    ----------
    frame : DataFrame of shape (n_customers, 10)
    churned : ndarray of shape (n_customers,), int
    settings : sequence of Setting
        Equal leaves side by side, with rising numbers of trees: fewer trees are the first ones of more.
    """
    train, test = fold
    for _, equal in groupby(settings, key=lambda setting: setting.leaves):
        group = list(equal)
        model = fit(frame.iloc[train], churned[train], group[-1])
        stages = model[-1].staged_decision_function(model[:-1].transform(frame.iloc[test]))
        found = dict(enumerate(stages, start=1))
        for setting in group:
            yield setting, settle(expit(found[setting.trees].ravel()))


def to_outline(pipeline: Pipeline, data: "Labelled", version: str, threshold: float) -> dict[str, Any]:
    """Return the content of outline.json.

    Raises
    ------
    TrainingError
        If baseline and reasons do not add up to the log-odds.
    """
    frame = data.frame()
    log_odds = pipeline.decision_function(frame)
    baseline = math.fsum(log_odds.tolist()) / len(log_odds)
    reasons = TreeReasons(pipeline).of(frame[:SUMMED_ROWS])
    difference = float(np.max(np.abs(baseline + reasons.sum(axis=1) - log_odds[:SUMMED_ROWS])))
    if not difference < SUMS_WITHIN:
        raise TrainingError(
            f"Baseline and reasons miss the log-odds by {difference:.1e}; {SUMS_WITHIN:.0e} is allowed."
        )
    return {
        **opening(data, version, threshold),
        "baseline": baseline,
        "ranges": {name: [float(frame[name].min()), float(frame[name].max())] for name in NAMES if name in NUMBERS},
        "reasons_method": METHOD,
    }
