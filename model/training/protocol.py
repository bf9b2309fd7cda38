"""How the setting is chosen and how good the whole procedure is: repeated stratified cross-validation, nested.

`choose` picks the number of knots and C on folds of the data it is given. `estimate` runs `choose` anew within each
outer training fold and measures what comes out on the outer test fold, which took no part in the choice [1]_.

References
----------
.. [1] Cawley and Talbot, On Over-fitting in Model Selection and Subsequent Selection Bias in Performance Evaluation,
   JMLR 11, 2010, section 5.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold

from model.training.measures import settle, written
from model.training.pipeline import Setting, fit_features, fit_logistic

FOLDS: Final = 5
REPEATS: Final = 2

SETTINGS: Final = tuple(Setting(knots, C) for knots in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12) for C in (0.1, 0.3, 1.0))
"""Simplest first: fewer knots, then a stronger penalty. 2 knots are a plain logistic regression. On the public data
14, 16 and 20 knots and C of 3 were looked at once and were no better than the best of these."""

WORTH: Final = 0.001
"""Mean log loss. A richer setting that gains less than this is not worth its knots."""

CONFIDENCE: Final = 0.95

Fold = tuple[np.ndarray, np.ndarray]
Report = Callable[[float], None]


def unheard(_: float) -> None:
    """Stand in for a caller who does not want to hear of the progress."""


@dataclass(frozen=True)
class Choice:
    """What `choose` found.

    Attributes
    ----------
    setting : Setting
    table : list of dict
        One a setting: mean log loss, its paired difference to the best with its interval, and whether it qualified.
    folds : list of (ndarray, ndarray)
        Row numbers to train and to test on.
    probabilities : list of ndarray
        Of the chosen setting, out of fold, in the order of each fold's test rows.
    """

    setting: Setting
    table: list[dict[str, Any]]
    folds: list[Fold]
    probabilities: list[np.ndarray]


def make_folds(churned: np.ndarray, seed: int) -> list[Fold]:
    """Return 5 stratified folds, twice: row numbers to train and to test on."""
    splitter = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=seed)
    return list(splitter.split(np.zeros(len(churned)), churned))


def predict_fold(
    frame: pd.DataFrame, churned: np.ndarray, fold: Fold, settings: Sequence[Setting]
) -> Iterator[tuple[Setting, np.ndarray]]:
    """Yield, for each setting, the probabilities of the test rows by a model of the training rows.

    Parameters
    ----------
    frame : DataFrame of shape (n_customers, 10)
    churned : ndarray of shape (n_customers,), int
    settings : sequence of Setting
        Equal knots side by side, so that the features are made once for them.
    """
    train, test = fold
    for knots, group in groupby(settings, key=lambda setting: setting.knots):
        features = fit_features(frame.iloc[train], knots)
        known, unknown = features.transform(frame.iloc[train]), features.transform(frame.iloc[test])
        for setting in group:
            logistic = fit_logistic(features, known, churned[train], setting.C)
            yield setting, settle(logistic.predict_proba(unknown)[:, 1])


def choose(
    frame: pd.DataFrame,
    churned: np.ndarray,
    seed: int,
    settings: Sequence[Setting] = SETTINGS,
    report: Report = unheard,
) -> Choice:
    """Return the simplest setting that is not measurably worse than the best.

    It qualifies if the mean over the folds of its log loss minus that of the best is at most `WORTH`, and the interval
    of that difference includes zero.

    Parameters
    ----------
    frame : DataFrame of shape (n_customers, 10)
    churned : ndarray of shape (n_customers,), int
    settings : sequence of Setting
        Simplest first.
    report : callable
        Told the share of the work done.
    """
    folds = make_folds(churned, seed)
    found: dict[Setting, list[np.ndarray]] = {setting: [] for setting in settings}
    for number, fold in enumerate(folds, start=1):
        for setting, probability in predict_fold(frame, churned, fold, settings):
            found[setting].append(probability)
        report(number / len(folds))
    losses = {
        setting: np.array(
            [log_loss(churned[test], each) for (_, test), each in zip(folds, found[setting], strict=True)]
        )
        for setting in settings
    }
    best = min(settings, key=lambda setting: losses[setting].mean())
    table, chosen = [], None
    for setting in settings:
        difference, margin = paired_interval(losses[setting] - losses[best], len(folds[0][1]) / len(folds[0][0]))
        qualifies = difference <= WORTH and difference - margin <= 0.0
        chosen = chosen or (setting if qualifies else None)
        table.append(
            {
                "knots": setting.knots,
                "C": setting.C,
                "log_loss": written(losses[setting].mean()),
                "difference": written(difference),
                "low": written(difference - margin),
                "high": written(difference + margin),
                "qualifies": qualifies,
            }
        )
    setting = chosen or best
    return Choice(setting, table, folds, found[setting])


def paired_interval(differences: np.ndarray, test_to_train: float) -> tuple[float, float]:
    """Return the mean of paired differences of folds and the half-width of its 95 % interval.

    The variance is corrected for training sets that overlap: (1 / n + n_test / n_train) times that of the differences.

    Parameters
    ----------
    differences : ndarray of shape (n_folds,), float64
    test_to_train : float
        Size of a test fold over that of a training fold.

    References
    ----------
    Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52, 2003, section 5 (corrected resampled
    t-test).
    """
    count = len(differences)
    deviation = float(differences.std(ddof=1)) * math.sqrt(1.0 / count + test_to_train)
    return float(differences.mean()), deviation * float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1))


def estimate(
    frame: pd.DataFrame,
    churned: np.ndarray,
    seed: int,
    settings: Sequence[Setting] = SETTINGS,
    report: Report = unheard,
) -> Iterator[tuple[np.ndarray, Setting, np.ndarray]]:
    """Yield test rows, the setting chosen without them, and their probabilities, for each outer fold.

    The choice within an outer fold uses folds of that fold's training rows only, made with a seed of its own.
    """
    folds = make_folds(churned, seed)
    for number, (train, test) in enumerate(folds):

        def tell(share: float, done: int = number) -> None:
            report((done + share) / len(folds))

        chosen = choose(
            frame.iloc[train].reset_index(drop=True),
            churned[train],
            seed + 1 + number,
            settings,
            tell,
        ).setting
        ((_, probability),) = predict_fold(frame, churned, (train, test), [chosen])
        yield test, chosen, probability


def by_repeat(
    churned: np.ndarray, tests: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return rows, labels and out-of-fold probabilities of each repeat, in which every customer stands once."""
    repeats = []
    for start in range(0, len(tests), FOLDS):
        rows = np.concatenate(tests[start : start + FOLDS])
        repeats.append((rows, churned[rows], np.concatenate(probabilities[start : start + FOLDS])))
    return repeats
