"""The other engine (CHURN_ENGINE=pipeline): the scikit-learn pipeline, for teams whose next model is not additive.

joblib, pandas and scikit-learn are imported here when a pipeline is loaded, never at import. A joblib file is a pickle,
and a pickle is code: its sha256 is compared with SHA256SUMS before a byte of it is read as one.

An additive pipeline has a scorecard.json, whose terms are its reasons, in its folder. Any other has outline.json:
version, schema_version, threshold, tiers, trained_on, baseline, ranges, reasons_method.
"""

import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from model import artifact
from model.artifact import (
    ARTIFACTS,
    OUTLINE,
    check_version,
    folder_of,
    is_additive,
    read_checked,
    read_json,
    read_schema_of,
)
from model.contents import METRICS
from model.errors import ArtifactError, show
from model.schema import Categorical, Customer, Feature, Schema, Value, Word
from model.scorecard import EXACT, Score, Scorecard, classify
from model.scorecard_file import read_cuts
from model.strict_json import Member
from model.trees import METHOD, TreeReasons

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from model.interval import Interval
    from model.plausibility import Plausibility

LIBRARY: Final = "scikit-learn"


def joblib_name(version: str) -> str:
    """Return the file name of the pipeline of `version`: churn_prediction_model_v1_0.joblib for 1.0.0."""
    major, minor, _ = check_version(version).split(".")
    return f"churn_prediction_model_v{major}_{minor}.joblib"


def to_frame(columns: Mapping[str, Sequence[object]], schema: Schema) -> "pd.DataFrame":
    """Return what the pipeline takes: the columns of the features, in schema order.

    Parameters
    ----------
    columns : mapping of str to sequence of shape (n_customers,)
        Canonical words and numbers by feature name, as `validate` makes them.

    Returns
    -------
    DataFrame of shape (n_customers, n_features)
        Words as text (as int64 where all levels are numbers), numbers as float64; missing ones None and NaN.
    """
    import pandas as pd

    return pd.DataFrame({feature.name: to_series(feature, columns[feature.name]) for feature in schema.features})


def to_series(feature: Feature, values: Sequence[Any]) -> "pd.Series[Any]":
    """Return a column of `to_frame`; of words too, their type is never guessed by pandas, which makes NaN of None."""
    import pandas as pd

    if not isinstance(feature, Categorical):
        return pd.Series(values, dtype="float64")
    spelt = dict(zip(feature.levels, levels_of(feature), strict=True))
    is_whole = all(isinstance(level, int) for level in feature.levels)
    return pd.Series([spelt[value] for value in values], dtype="int64" if is_whole else "object")


def levels_of(feature: Categorical) -> list[Value]:
    """Return the levels of a feature as `to_frame` has them: all numbers, or all text and None, as encoders need."""
    if all(isinstance(level, int) for level in feature.levels):
        return list(feature.levels)
    return [None if level is None else str(level) for level in feature.levels]


@dataclass(frozen=True)
class PipelineScorer:
    """A loaded pipeline that answers like a scorecard.

    One customer and a batch go through different BLAS kernels, so the two may differ in the last digit (seen: 2e-15).

    Attributes
    ----------
    schema, version, threshold, tiers, ranges, interval, plausibility, frequent_words
        As those of a scorecard.
    sha256 : str
        Of the joblib file.
    baseline : float
        Log-odds from which the contributions count.
    folder : Path
        Of the artifact.
    model : Pipeline
        With a `decision_function` that takes `to_frame`'s frame and gives log-odds.
    reasons : Scorecard or TreeReasons
        What gives the contributions: the scorecard of the same artifact, if the model is additive.
    """

    schema: Schema
    version: str
    sha256: str
    threshold: float
    tiers: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]]
    baseline: float
    folder: Path | None
    model: Any
    reasons: Scorecard | TreeReasons
    interval: "Interval | None" = None
    plausibility: "Plausibility | None" = None
    frequent_words: Mapping[str, Sequence[Word]] = field(default_factory=dict)

    @property
    def additive(self) -> Scorecard | None:
        """The same model as terms; None for one that is not additive."""
        return self.reasons if isinstance(self.reasons, Scorecard) else None

    @property
    def reasons_method(self) -> str:
        """How contributions are computed."""
        return EXACT if self.additive else METHOD

    def score(self, customer: Customer) -> Score:
        """Return log-odds, probability, label and tier of a customer that `validate` made."""
        return self.score_all([customer])[0]

    def score_all(self, customers: Sequence[Customer]) -> list[Score]:
        """Return the same for each of several; a frame of ten takes hardly longer than one of one."""
        return [classify(self, log_odds) for log_odds in self._log_odds(_frame_of(customers, self.schema)).tolist()]

    def contributions(self, customer: Customer) -> list[float]:
        """Return what each feature adds to the baseline, in schema order."""
        if isinstance(self.reasons, Scorecard):
            return self.reasons.contributions(customer)
        contributions: list[float] = self.reasons.of(_frame_of([customer], self.schema))[0].tolist()
        return contributions

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

        frame = frame_of_columns(columns, self.schema)
        return self._log_odds(frame) if len(frame) else np.empty(0)

    def contributions_batch(self, columns: Mapping[str, "np.ndarray"]) -> "np.ndarray":
        """Return what each feature adds to the baseline, for many customers of a model that is not additive.

        Parameters
        ----------
        columns : mapping of str to ndarray of shape (n_customers,)
            As `log_odds_batch` takes them.

        Returns
        -------
        ndarray of shape (n_customers, n_features), float64
            In schema order.
        """
        import numpy as np

        assert isinstance(self.reasons, TreeReasons)
        frame = frame_of_columns(columns, self.schema)
        return self.reasons.of(frame) if len(frame) else np.empty((0, len(self.schema.features)))

    def with_threshold(self, threshold: float) -> "PipelineScorer":
        """Return the same model with another threshold."""
        return replace(self, threshold=threshold)

    def _log_odds(self, frame: "pd.DataFrame") -> "np.ndarray":
        # Requests come in threads already, and processes one a core: more would wait for each other at every tree.
        with _threads().limit(limits=1):
            log_odds: np.ndarray = self.model.decision_function(frame)
        return log_odds


@cache
def _threads() -> Any:
    """Return what holds libraries to one thread; asked for once they are all loaded."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _frame_of(customers: Sequence[Customer], schema: Schema) -> "pd.DataFrame":
    return to_frame({name: [customer[name] for customer in customers] for name in schema.names}, schema)


def frame_of_columns(columns: Mapping[str, "np.ndarray"], schema: Schema) -> "pd.DataFrame":
    """Return the same for columns of codes into `levels` and of numbers."""
    import numpy as np

    spelt: dict[str, Any] = {}
    for feature in schema.features:
        column = columns[feature.name]
        spelt[feature.name] = (
            np.array(feature.levels, dtype=object)[column] if isinstance(feature, Categorical) else column
        )
    return to_frame(spelt, schema)


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
    scorecard = artifact.load(folder.name, root) if is_additive(folder) else None
    if scorecard and not (folder / name).exists() and name not in artifact.names(folder):
        raise ArtifactError(
            f"Model {folder.name} has no pipeline: its scorecard is the whole model. Set CHURN_ENGINE=scorecard."
        )
    content = read_checked(folder, name)
    facts = _facts_of(scorecard) if scorecard else _pipeline_metadata(folder)
    schema: Schema = facts["schema"]
    metrics = Member(read_json(folder, METRICS)[0], str(folder / METRICS))
    trained_with = metrics.at("trained_with").at(LIBRARY).text()
    try:
        import joblib
        import pandas  # noqa: F401  absent pandas should be known at the start, not at the first customer
        import sklearn
    except ImportError as error:
        raise ArtifactError(
            f"The pipeline engine needs {error.name}, which is not installed. Install requirements/pipeline.txt"
            + (", or set CHURN_ENGINE=scorecard." if scorecard else ".")
        ) from error
    if sklearn.__version__ != trained_with:
        raise ArtifactError(
            f"{folder / name} was trained with {LIBRARY} {trained_with}, but {sklearn.__version__} is installed. "
            f"Install {LIBRARY}=={trained_with}, or train again"
            + (", or set CHURN_ENGINE=scorecard, which needs neither." if scorecard else ".")
        )
    try:
        model = joblib.load(io.BytesIO(content))
        (log_odds,) = model.decision_function(_frame_of([dict(schema.example)], schema)).tolist()
        reasons = scorecard or TreeReasons(model, schema.names)
    except ArtifactError:
        raise
    except Exception as error:
        # A pickle of anything may fail in any way.
        raise ArtifactError(
            f"{folder / name} is no pipeline that scores a customer: {type(error).__name__}. Train the model again."
        ) from error
    if not math.isfinite(log_odds):
        raise ArtifactError(f"{folder / name} gives the log-odds {log_odds} for the example customer.")
    return PipelineScorer(
        version=folder.name,
        sha256=hashlib.sha256(content).hexdigest(),
        folder=folder,
        model=model,
        reasons=reasons,
        **facts,
    )


def _facts_of(scorecard: Scorecard) -> dict[str, Any]:
    return {name: getattr(scorecard, name) for name in ("schema", "threshold", "tiers", "ranges", "baseline")}


def _pipeline_metadata(folder: Path) -> dict[str, Any]:
    document, _ = read_json(folder, OUTLINE)
    schema = read_schema_of(folder, document, OUTLINE)
    metadata = Member(document, str(folder / OUTLINE))
    version, method = metadata.at("version").text(), metadata.at("reasons_method").text()
    if version != folder.name:
        raise ArtifactError(f"{folder / OUTLINE} has the version {show(version)[1:-1]}.")
    if method != METHOD:
        raise ArtifactError(f"{folder / OUTLINE} asks for reasons by {show(method)[1:-1]}, not known here.")
    return {"schema": schema, **read_cuts(metadata, schema), "baseline": metadata.at("baseline").log_odds()}
