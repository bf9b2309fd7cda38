"""Which engine scores: the scorecard, or the pipeline it was compiled from. Every entry point gets its scorer here.

The pipeline's module, and with it joblib and scikit-learn, is imported only when that engine is asked for.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from model import artifact
from model.contents import check_contents
from model.scorecard import Scorer

ENGINES: Final = ("scorecard", "pipeline")


def load_scorer(
    version: str | None = None, engine: str = ENGINES[0], threshold: float | None = None, models: str | None = None
) -> Scorer:
    """Return the scorer of a model version.

    Parameters
    ----------
    version : str, optional
        MAJOR.MINOR.PATCH; the default version if None.
    engine : {"scorecard", "pipeline"}
    threshold : float, optional
        Replaces the model's own; in (0, 1).
    models : str, optional
        The folder of the versions; that of the code if None.

    Raises
    ------
    ArtifactError
    """
    root = Path(models) if models else artifact.ARTIFACTS
    folder = artifact.folder_of(version, root)
    scorer: Scorer
    if engine == "pipeline":
        from model import pipeline

        scorer = pipeline.load(folder.name, root)
    else:
        scorer = artifact.load(folder.name, root)
    known = check_contents(folder, scorer.schema)
    scorer = replace(scorer, frequent_words=known.frequent_words, plausibility=known.plausibility)
    return scorer if threshold is None else scorer.with_threshold(threshold)
