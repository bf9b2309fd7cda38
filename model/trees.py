"""Why, for a pipeline that ends in boosted trees: TreeSHAP, from shap. The only importer of shap, on the first reason.

TreeSHAP shares out the difference between a customer's log-odds and the baseline exactly; how it does so is a choice.
The value of a set of features is taken along the paths of the trees, weighted by the training customers in each branch
("tree_path_dependent"), so no customer is kept with the model. Where features hang together, another choice would share
the same difference out in another way.

References
----------
Lundberg et al., From Local Explanations to Global Understanding with Explainable AI for Trees, Nature Machine
Intelligence 2, 2020, algorithm 2.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from model.errors import ArtifactError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

METHOD: Final = "tree_shap"
LIBRARY: Final = "shap"


class TreeReasons:
    """The contributions of a pipeline's features.

    Parameters
    ----------
    names : sequence of str
        The features, in schema order.
    model : Pipeline
        Its last step is of trees, and the steps before it give one column for each feature.

    Raises
    ------
    ArtifactError
        If shap is not installed, or the columns are not those of the features.
    """

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        if find_spec(LIBRARY) is None:
            raise ArtifactError(
                f"The reasons of this model need {LIBRARY}, which is not installed. Install requirements/pipeline.txt."
            )
        columns = list(model[:-1].get_feature_names_out())
        if sorted(columns) != sorted(names):
            raise ArtifactError("The trees of this model must have one column for each of the features.")
        self._model = model
        self._order = [columns.index(name) for name in names]

    def of(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Return what each feature adds to the baseline.

        Parameters
        ----------
        frame : DataFrame of shape (n_customers, n_features)

        Returns
        -------
        ndarray of shape (n_customers, n_features), float64
            In schema order; a row and the baseline add up to the customer's log-odds.
        """
        contributions: np.ndarray = self._explainer.shap_values(self._model[:-1].transform(frame))
        return contributions[:, self._order]

    @cached_property
    def _explainer(self) -> Any:
        # 0.5 CPU seconds: an answer without reasons does without.
        from shap import TreeExplainer

        return TreeExplainer(self._model[-1], feature_perturbation="tree_path_dependent")
