"""What the model card says of each recipe in words of its own. Knows no figures but those it is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Wording:
    """The words of one recipe; those with braces are filled with a setting.

    Attributes
    ----------
    kind : str
        What the model is, and what that makes of a reason.
    parts : str
        What it is made of, in one word.
    pair : str
        A setting within a sentence.
    heading : str
        A setting as a heading.
    header : tuple of str
        Of the two columns of a setting.
    simplest : str
        What is simpler than what.
    other : str
        What of each value of the first column is shown.
    limits : tuple of str
        Beside those that all models have.
    """

    kind: str
    parts: str
    pair: str
    heading: str
    header: tuple[str, str]
    simplest: str
    other: str
    limits: tuple[str, ...]


WORDINGS: Final[Mapping[str, Wording]] = {
    "additive": Wording(
        kind="""The model is additive: an intercept and one term a feature, a table for words and a piecewise linear
            curve for numbers. It is a scikit-learn pipeline (one-hot words, splines of degree 1, L2-penalized logistic
            regression) compiled without approximation to `scorecard.json`, so a reason is a part of the sum and not an
            estimate of one.""",
        parts="terms",
        pair="{knots} knots with C {C}",
        heading="{knots} knots a number, C {C}",
        header=("Knots", "C"),
        simplest="fewest knots, then strongest penalty",
        other="Of each number of knots the best C is shown",
        limits=(
            """Beyond the range seen in training a curve stays at its end, and the answer carries a note. A word that no
            customer of the training data had gets 0 points before centring.""",
            """Reproducible: the same data, version and seed ({seed}) give the same `scorecard.json` to the byte.
            Scorecard and pipeline agree within {within:.0e} in log-odds over all customers and {random_customers:,}
            random ones.""",
        ),
    ),
    "boosting": Wording(
        kind="""The model is **not additive**: boosted trees (scikit-learn's histogram gradient boosting) that see what
            features do together. Only the pipeline engine serves it (`CHURN_ENGINE=pipeline`). Its reasons are TreeSHAP
            values (Lundberg et al., Nature Machine Intelligence 2, 2020), taken along the paths of the trees: they add
            up to the log-odds, but are one way of several to share it out, and no curve shows what a feature does.""",
        parts="trees",
        pair="{leaves} leaves with {trees} trees",
        heading="{leaves} leaves a tree, {trees} trees",
        header=("Leaves", "Trees"),
        simplest="fewest leaves, then fewest trees",
        other="Of each number of leaves the best number of trees is shown",
        limits=(
            """Beyond the range seen in training nothing changes any more, and the answer carries a note. The trees are
            held to the directions of the additive model: a dearer bill never lowers the risk; a longer tenure or more
            paid so far never raises it.""",
            """The same data, version and seed ({seed}) give the same model with the same libraries, Python and kind of
            machine; unlike a scorecard, it cannot be read and compared by eye.""",
        ),
    ),
}


def wording_of(metrics: Mapping[str, Any]) -> Wording:
    """Return the words for the recipe of a metrics.json."""
    return WORDINGS[metrics["recipe"]["name"]]
