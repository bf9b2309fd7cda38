"""Columns that a model must not have: they know the outcome, or repeat another column."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.errors import show
from model.training.column_names import is_after_leaving
from model.training.profile import Profile, auc_alone

MIN_ROWS: Final = 200
MIN_PER_CLASS: Final = 50
"""Five folds of five folds leave 2 of 50 in an inner test fold; with fewer, a fold may hold none."""

TOO_FEW: Final = f"too few to train on: {MIN_ROWS} rows, {MIN_PER_CLASS} of each outcome, are needed"

LEAK_AUC: Final = 0.95
"""ROC AUC of one feature alone. The best of the public data has 0.75, and the whole model 0.85."""

_NAMED_AUC: Final = 0.8
"""ROC AUC of a column by itself from which its name is taken to mean that it is written after leaving."""

_SUSPECT_AUC: Final = 0.85
"""Nothing that is known beforehand is likely to be this good by itself."""

_FEW: Final = 20
_PURE: Final = 0.98
_CHANCE: Final = 1e-6
_LINEAR: Final = 0.9999
"""Squared correlation. Charges that are minutes times a rate, rounded to cents, have 0.99998."""

Bools = NDArray[np.bool_]


def is_too_few(rows: int, leavers: int) -> bool:
    """Return whether training refuses so few customers, or leavers or stayers among them."""
    return rows < MIN_ROWS or min(leavers, rows - leavers) < MIN_PER_CLASS


def find_leak(profile: Profile, left: Bools, target: str) -> str:
    """Return why a column cannot be known before a customer leaves, "" if it may be."""
    column = profile.column
    filled = ~column.is_blank
    if len(column.words) <= _FEW and _one_to_one(column.codes) == _one_to_one(left.astype(np.int32)):
        return f"it is {target} in other words"
    share_left, share_stayed = (float(filled[kind].mean()) for kind in (left, ~left))
    if filled.sum() >= _FEW and left[filled].mean() >= _PURE > left.mean():
        return (
            f"it is filled for {share_left:.0%} of those who left and {share_stayed:.0%} of the others, so it is "
            "written when a customer leaves"
        )
    if not left[filled].any() and filled.any() and (1 - left.mean()) ** int(filled.sum()) < _CHANCE:
        return "it is filled for nobody who left, so it is emptied when a customer leaves"
    auc = auc_alone(profile.levels, left)
    if auc >= LEAK_AUC:
        return f"it alone predicts who left (ROC AUC {auc:.3f}), so it was probably written afterwards"
    if auc >= _NAMED_AUC and is_after_leaving(column.name, target):
        return f"its name and its ROC AUC alone ({auc:.3f}) suggest that it is written after customers left"
    return ""


def suspicions(profile: Profile, left: Bools, target: str) -> list[str]:
    """Return what is suspicious about a column that is no certain leak."""
    column, notes = profile.column, []
    auc = auc_alone(profile.levels, left)
    if auc >= _SUSPECT_AUC:
        notes.append(f"It alone predicts well who left (ROC AUC {auc:.3f}): is it from before they left?")
    elif is_after_leaving(column.name, target):
        notes.append("Its name suggests that it is written after customers left: is it from before?")
    if not profile.is_number:
        leavers = np.bincount(column.codes[left], minlength=len(column.texts))
        for text, count in column.words.items():
            share = leavers[column.texts.index(text)] / count
            if count < _FEW:
                break
            if share >= _PURE > 2 * left.mean():
                notes.append(f"{share:.0%} of the {count:,} customers with {show(text)} left: is it from before?")
                break
    return notes


def find_copies(profiles: Sequence[Profile]) -> dict[str, str]:
    """Return the columns that add nothing to an earlier one, and why."""
    copies: dict[str, str] = {}
    for name, other, slope in _linear_pairs([profile for profile in profiles if profile.is_number]):
        if name not in copies and other not in copies:
            copies[name] = f"it is a copy of {other}: it follows from it as a straight line (times {slope:.4g})"
    first: dict[bytes, str] = {}
    for profile in profiles:
        name = profile.column.name
        other = first.setdefault(_one_to_one(profile.column.codes), name)
        if other != name and name not in copies:
            copies[name] = f"it is a copy of {other}: each value of one goes with one value of the other"
    return copies


def _one_to_one(codes: NDArray[np.int32]) -> bytes:
    """Return the codes in the order of their first appearance; equal for columns that map one to one."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse].tobytes()


def _linear_pairs(profiles: Sequence[Profile]) -> list[tuple[str, str, float]]:
    """Return pairs of a column, an earlier one and the slope, where they are blank in the same rows."""
    if len(profiles) < 2:
        return []
    values = np.stack([profile.values for profile in profiles])
    blank = np.isnan(values)
    means = np.nanmean(values, axis=1, keepdims=True)
    centred = np.where(blank, 0.0, values - means)
    norms = np.sqrt((centred**2).sum(axis=1))
    norms[norms == 0] = np.inf
    squared = (centred @ centred.T / np.outer(norms, norms)) ** 2
    pairs = []
    for later, earlier in np.argwhere(np.tril(squared > _LINEAR, -1)).tolist():
        if (blank[later] == blank[earlier]).all():
            slope = float(centred[later] @ centred[earlier] / norms[earlier] ** 2)
            pairs.append((profiles[later].column.name, profiles[earlier].column.name, slope))
    return pairs
