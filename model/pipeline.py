"""The other engine (CHURN_ENGINE=pipeline): the scikit-learn pipeline, for teams whose next model is not additive.

joblib, pandas and scikit-learn are imported here when a pipeline is loaded, never at import. A joblib file is a pickle,
and a pickle is code: its sha256 is compared with SHA256SUMS before a byte of it is read as one.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from model import artifact
from model.artifact import ARTIFACTS, check_version, folder_of, read_checked
from model.errors import ArtifactError
from model.schema import FEATURES, Choice, Customer
from model.scorecard import Score, Scorecard, judge

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

METRICS: Final = "metrics.json"
"""Written by training; its `trained_with` names the versions a pipeline needs."""

LIBRARY: Final = "scikit-learn"


def joblib_name(version: str) -> str:
    """Return the file name of the pipeline of `version`: churn_prediction_model_v1_0.joblib for 1.0.0."""
    major, minor, _ = check_version(version).split(".")
    return f"churn_prediction_model_v{major}_{minor}.joblib"


def to_frame(columns: Mapping[str, Sequence[object]]) -> "pd.DataFrame":
    """Return what the pipeline takes: the ten columns as in the data, in schema order.

    Parameters
    ----------
    columns : mapping of str to sequence of shape (n_customers,)
        Canonical words and numbers by feature name, as `validate` makes them.

    Returns
    -------
    DataFrame of shape (n_customers, 10)
        Words as objects (SeniorCitizen as int64), numbers as float64.
    """
    import pandas as pd

    def dtype(feature: object) -> str:
        if isinstance(feature, Choice):
            return "int64" if isinstance(feature.values[0], int) else "object"
        return "float64"

    return pd.DataFrame({each.name: pd.Series(cast("Any", columns[each.name]), dtype=dtype(each)) for each in FEATURES})


@dataclass(frozen=True)
class PipelineScorer:
    """A loaded pipeline that answers like a scorecard.

    One customer and a batch go through different BLAS kernels, so the two may differ in the last digit (seen: 2e-15).

    Attributes
    ----------
    version : str
    sha256 : str
        Of the joblib file.
    additive : Scorecard
        The scorecard of the same artifact: threshold, tiers, ranges, and the terms behind the reasons.
    model : Pipeline
        With a `decision_function` that takes `to_frame`'s frame and gives log-odds.
    """

    version: str
    sha256: str
    additive: Scorecard
    model: Any

    @property
    def threshold(self) -> float:
        """The least probability that is labelled churn."""
        return self.additive.threshold

    @property
    def tiers(self) -> Mapping[str, float]:
        """The least probability of each tier, highest first."""
        return self.additive.tiers

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """Least and greatest value of each number seen in training."""
        return self.additive.ranges

    @property
    def folder(self) -> Path | None:
        """Where the artifact stands."""
        return self.additive.folder

    def score(self, customer: Customer) -> Score:
        """Return log-odds, probability, label and tier of a customer that `validate` made."""
        frame = to_frame({name: [value] for name, value in customer.items()})
        return judge(self, float(self.model.decision_function(frame)[0]))

    def log_odds_batch(self, columns: Mapping[str, "np.ndarray"]) -> "np.ndarray":
        """Return the log-odds of many customers.

        Parameters
        ----------
        columns : mapping of str to ndarray of shape (n_customers,)
            By feature name: integer codes into `values` for words, float64 for numbers.

        Returns
        -------
        ndarray of shape (n_customers,), float64
        """
        import numpy as np

        spelt: dict[str, Any] = {}
        for feature in FEATURES:
            column = columns[feature.name]
            if not len(column):
                return np.empty(0)
            if isinstance(feature, Choice):
                column = np.array(feature.values, dtype=object)[column]
            spelt[feature.name] = column
        return np.asarray(self.model.decision_function(to_frame(spelt)), dtype=np.float64)

    def with_threshold(self, threshold: float) -> "PipelineScorer":
        """Return the same model with another threshold."""
        return replace(self, additive=self.additive.with_threshold(threshold))


def load(version: str | None = None, root: Path = ARTIFACTS) -> PipelineScorer:
    """Return the pipeline of `version` (the default one if None), its hash, schema and scikit-learn version checked.

    Raises
    ------
    ArtifactError
        Also if scikit-learn, joblib or pandas are not installed, or scikit-learn is not the version trained with:
        pickles of other versions load with a warning and may score differently.
    """
    folder = folder_of(version, root)
    name = joblib_name(folder.name)
    content = read_checked(folder, name)
    scorecard = artifact.load(folder.name, root)
    try:
        trained_with = json.loads(read_checked(folder, METRICS))["trained_with"][LIBRARY]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"The model in {folder} is incomplete: {error!r}.") from error
    try:
        import joblib
        import pandas  # noqa: F401  absent pandas should be known at the start, not at the first customer
        import sklearn
    except ImportError as error:
        raise ArtifactError(
            f"The pipeline engine needs {error.name}, which is not installed. Install requirements/training.txt, or "
            "set CHURN_ENGINE=scorecard."
        ) from error
    if sklearn.__version__ != trained_with:
        raise ArtifactError(
            f"{folder / name} was trained with {LIBRARY} {trained_with}, but {sklearn.__version__} is installed. "
            f"Install {LIBRARY}=={trained_with}, train again, or set CHURN_ENGINE=scorecard, which needs neither."
        )
    return PipelineScorer(
        version=folder.name,
        sha256=hashlib.sha256(content).hexdigest(),
        additive=scorecard,
        model=joblib.load(io.BytesIO(content)),
    )
