"""Other models on our folds, each with its settings chosen inside the training part. For benchmarks/model.py.

Peers are of other kinds; variants are our model with an addition that would keep its reasons exact. Each is a list of
settings, and a function that returns the probabilities of test rows for each of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from interpret.glassbox import ExplainableBoostingClassifier
from lightgbm import LGBMClassifier
from scipy.special import expit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from model.pipeline import levels_of
from model.schema import Schema
from model.training.metrics import round_probabilities
from model.training.monotone import fit_monotone_logistic
from model.training.spline import Setting, chains_of, fit_features, fit_logistic, numbers_of, words_of

INNER_FOLDS: Final = 3

Predict = Callable[[Schema, pd.DataFrame, np.ndarray, pd.DataFrame, Sequence[Any]], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Rival:
    """A model to compare with ours.

    Attributes
    ----------
    title : str
    kind : str
        peer or variant.
    settings : sequence
        Among which the log loss of the inner folds chooses.
    predict : callable (schema, known, churned, unknown, settings) -> iterator of ndarray
        The probabilities of the unknown customers for each setting.
    """

    title: str
    kind: str
    settings: Sequence[Any]
    predict: Predict

    def choose(self, schema: Schema, frame: pd.DataFrame, churned: np.ndarray, seed: int) -> Any:
        """Return the setting of least mean log loss on inner folds."""
        folds = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed).split(frame, churned)
        losses = [
            [
                log_loss(churned[test], round_probabilities(probability))
                for probability in self.predict(
                    schema, frame.iloc[train], churned[train], frame.iloc[test], self.settings
                )
            ]
            for train, test in folds
        ]
        return self.settings[int(np.argmin(np.mean(losses, axis=0)))]


def one_hot(schema: Schema) -> ColumnTransformer:
    """Return words as indicators, numbers scaled."""
    words = OneHotEncoder(categories=list(map(levels_of, words_of(schema))), sparse_output=False)
    return _columns(schema, words, StandardScaler())


def ordinal(schema: Schema) -> ColumnTransformer:
    """Return words as their index in the schema, numbers as they are; NaN where missing."""
    words = OrdinalEncoder(categories=list(map(levels_of, words_of(schema))), encoded_missing_value=np.nan)
    return _columns(schema, words, "passthrough")


def _columns(schema: Schema, words: Any, numbers: Any) -> ColumnTransformer:
    steps = [("words", words, words_of(schema)), ("numbers", numbers, numbers_of(schema))]
    return ColumnTransformer([(name, step, [feature.name for feature in own]) for name, step, own in steps])


def each_fitted(features: Callable[[Schema], ColumnTransformer], make: Callable[[Any], Any]) -> Predict:
    """Return what fits one estimator a setting."""

    def predict(
        schema: Schema, known: pd.DataFrame, churned: np.ndarray, unknown: pd.DataFrame, settings: Sequence[Any]
    ) -> Any:
        for setting in settings:
            yield make_pipeline(features(schema), make(setting)).fit(known, churned).predict_proba(unknown)[:, 1]

    return predict


def hist_boosting(
    schema: Schema, known: pd.DataFrame, churned: np.ndarray, unknown: pd.DataFrame, settings: Sequence[Any]
) -> Any:
    """Boosted trees of scikit-learn; fewer trees are the first ones of more."""
    transform = ordinal(schema).fit(known)
    known, unknown = transform.transform(known), transform.transform(unknown)
    stages: dict[tuple[int, int], dict[int, np.ndarray]] = {}
    for leaves, least, trees in settings:
        if (leaves, least) not in stages:
            most = max(setting[2] for setting in settings if setting[:2] == (leaves, least))
            model = HistGradientBoostingClassifier(
                learning_rate=0.05,
                max_iter=most,
                max_leaf_nodes=leaves,
                min_samples_leaf=least,
                l2_regularization=1.0,
                early_stopping=False,
                random_state=0,
            ).fit(known, churned)
            probabilities = model.staged_predict_proba(unknown)
            stages[leaves, least] = {number: stage[:, 1] for number, stage in enumerate(probabilities, start=1)}
        yield stages[leaves, least][trees]


def light_gbm(
    schema: Schema, known: pd.DataFrame, churned: np.ndarray, unknown: pd.DataFrame, settings: Sequence[Any]
) -> Any:
    """Boosted trees of LightGBM; likewise."""
    transform = ordinal(schema).fit(known)
    known, unknown = transform.transform(known), transform.transform(unknown)
    models: dict[tuple[int, int], Any] = {}
    for leaves, least, trees in settings:
        if (leaves, least) not in models:
            most = max(setting[2] for setting in settings if setting[:2] == (leaves, least))
            models[leaves, least] = LGBMClassifier(
                learning_rate=0.05,
                n_estimators=most,
                num_leaves=leaves,
                min_child_samples=least,
                reg_lambda=1.0,
                subsample=0.8,
                subsample_freq=1,
                colsample_bytree=0.7,
                random_state=0,
                n_jobs=1,
                verbose=-1,
            ).fit(known, churned)
        yield models[leaves, least].predict_proba(unknown, num_iteration=trees)[:, 1]


def crossed(pairs: Sequence[tuple[str, str]]) -> Predict:
    """Return our model with two-way tables: an indicator for every pair of words, or of a word and a band of tenure."""

    def words_of(frame: pd.DataFrame, name: str) -> np.ndarray:
        if name == "tenure":
            return np.digitize(frame[name], (13, 25, 49)).astype(str)
        return frame[name].astype(str).to_numpy()

    def table(frame: pd.DataFrame) -> np.ndarray:
        columns = [np.char.add(words_of(frame, a).astype(str), words_of(frame, b).astype(str)) for a, b in pairs]
        return np.column_stack(columns)

    def predict(
        schema: Schema, known: pd.DataFrame, churned: np.ndarray, unknown: pd.DataFrame, settings: Sequence[Any]
    ) -> Any:
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(table(known))
        for knots, C in settings:
            features = fit_features(schema, known, knots)
            chains = chains_of(schema, features)
            left = np.hstack([features.transform(known), encoder.transform(table(known))])
            right = np.hstack([features.transform(unknown), encoder.transform(table(unknown))])
            yield fit_monotone_logistic(left, churned, C, chains).predict_proba(right)[:, 1]

    return predict


def spline(
    schema: Schema, known: pd.DataFrame, churned: np.ndarray, unknown: pd.DataFrame, settings: Sequence[Any]
) -> Any:
    """Return our model at each setting."""
    for knots, C in settings:
        features = fit_features(schema, known, knots)
        logistic = fit_logistic(features.transform(known), churned, C, chains_of(schema, features))
        yield logistic.predict_proba(features.transform(unknown))[:, 1]


def averaged(
    schema: Schema, known: pd.DataFrame, churned: np.ndarray, unknown: pd.DataFrame, settings: Sequence[Any]
) -> Any:
    """Return the mean log-odds of our model over several numbers of knots: a sum of terms again."""
    for counts, C in settings:
        members = spline(schema, known, churned, unknown, [(knots, C) for knots in counts])
        yield expit(np.mean([np.log(chance / (1 - chance)) for chance in members], axis=0))


def smooth(
    schema: Schema, known: pd.DataFrame, churned: np.ndarray, unknown: pd.DataFrame, settings: Sequence[Any]
) -> Any:
    """Return our model with many knots, and a penalty on each bend of a curve instead of that on its height.

    A bend is the second difference of neighbouring heights [1]_; in a basis of bends it is a plain ridge again.

    References
    ----------
    .. [1] Eilers and Marx, Flexible Smoothing with B-splines and Penalties, Statistical Science 11, 1996, section 3.
    """
    for knots, C, bend in settings:
        features = fit_features(schema, known, knots)
        left, right = features.transform(known), features.transform(unknown)
        basis = np.eye(left.shape[1])
        for columns in [own for step, own in features.output_indices_.items() if step.startswith("number ")]:
            size = columns.stop - columns.start
            # Heights as level, slope and bends: the inverse of (first height, first difference, second differences).
            steps = np.vstack([np.eye(size)[:1], np.diff(np.eye(size), axis=0)[:1], np.diff(np.eye(size), 2, axis=0)])
            scale = np.concatenate([np.ones(2), np.full(size - 2, bend)])
            basis[columns, columns] = np.linalg.inv(steps) * scale
        model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-9).fit(left @ basis, churned)
        yield model.predict_proba(right @ basis)[:, 1]


_TREES: Final = (60, 90, 120, 180, 240)
_BOOSTED: Final = [(leaves, least, trees) for leaves in (3, 6, 12) for least in (20, 60) for trees in _TREES]
_FEW: Final = [Setting(knots, C) for knots in (5, 7, 9, 12) for C in (0.1, 0.3, 1.0)]

RIVALS: Final = {
    "logistic": Rival(
        "Plain logistic regression",
        "peer",
        (0.01, 0.03, 0.1, 0.3, 1.0, 10.0),
        each_fitted(one_hot, lambda C: LogisticRegression(C=C, solver="newton-cholesky")),
    ),
    "forest": Rival(
        "Random forest, 200 trees",
        "peer",
        (5, 10, 20, 40),
        each_fitted(
            ordinal,
            lambda least: RandomForestClassifier(200, min_samples_leaf=least, max_features=3, random_state=0, n_jobs=1),
        ),
    ),
    "hist_boosting": Rival("Histogram gradient boosting (scikit-learn)", "peer", _BOOSTED, hist_boosting),
    "lightgbm": Rival("LightGBM", "peer", _BOOSTED, light_gbm),
    "ebm": Rival(
        "Explainable boosting machine (interpret)",
        "peer",
        (0, 5),
        each_fitted(
            ordinal,
            lambda pairs: ExplainableBoostingClassifier(interactions=pairs, outer_bags=4, random_state=0, n_jobs=1),
        ),
    ),
    "contract_x_internet": Rival(
        "with a table Contract x InternetService", "variant", _FEW, crossed([("Contract", "InternetService")])
    ),
    "contract_x_tenure": Rival(
        "with a table Contract x band of tenure", "variant", _FEW, crossed([("Contract", "tenure")])
    ),
    "four_tables": Rival(
        "with four tables: both, InternetService x tenure, PaymentMethod x Contract",
        "variant",
        _FEW,
        crossed(
            [
                ("Contract", "InternetService"),
                ("Contract", "tenure"),
                ("InternetService", "tenure"),
                ("PaymentMethod", "Contract"),
            ]
        ),
    ),
    "averaged": Rival(
        "the mean of our model over 5 to 12 knots",
        "variant",
        [((5, 6, 7, 8, 9, 10, 12), C) for C in (0.1, 0.3, 1.0)],
        averaged,
    ),
    "finer": Rival(
        "more knots: up to 24", "variant", [(knots, C) for knots in (9, 12, 16, 24) for C in (0.1, 0.3)], spline
    ),
    "smooth": Rival(
        "20 knots, bends penalized, no directions",
        "variant",
        [(20, C, bend) for C in (0.3, 3.0) for bend in (0.1, 0.3, 1.0)],
        smooth,
    ),
}
