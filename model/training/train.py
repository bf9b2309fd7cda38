"""The whole of training: labelled customers to the folder of a version, in one atomic step.

`version` None is the next minor version (1.0.0 where there is none). `progress` is called with a sentence and the share
of the work that is done, 0 to 1. A version that exists, or that could not be written, is refused before any work; an
interrupted training leaves nothing. Where a root has no default, the version becomes it; others are promoted by hand.
TrainingError and ArtifactError are the errors.
"""

import io
import os
import platform
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

import joblib
from threadpoolctl import threadpool_limits

from model import artifact
from model.actions import TABLE, parse
from model.artifact import ARTIFACTS
from model.contents import CARD, METRICS, POPULATION
from model.default_columns import default_columns
from model.errors import ArtifactError, InputError, TrainingError
from model.pipeline import joblib_name
from model.schema import Schema
from model.schema_document import to_json
from model.training.auto import choose_recipe, sentences_of
from model.training.checks import check
from model.training.compile import to_bytes
from model.training.cross_validation import sample_rows
from model.training.data import read
from model.training.directions import warnings_of
from model.training.fit import SEED, FittedModel, check_exact, fit_model
from model.training.model_metrics import describe_model, quantiles
from model.training.plausibility import describe_plausibility
from model.training.population import describe_population
from model.training.recipes import SPLINE, Recipe
from model.training.reports import model_card
from model.versions import DEFAULT, base_rate_fault, check_usable, write_default


def train(
    data_path: Path,
    version: str | None = None,
    root: Path = ARTIFACTS,
    seed: int = SEED,
    progress: Callable[[str, float], None] | None = None,
    recipes: Sequence[Recipe] = (SPLINE,),
    trusted: Collection[str] = (),
    schema: Schema | None = None,
    actions: Path | None = None,
    warn: Callable[[str], None] = lambda _sentence: None,
) -> Path:
    """Train a model, measure it honestly and store it; return its folder.

    Parameters
    ----------
    data_path : Path
        A CSV with the columns of the schema and its target.
    version : str, optional
        MAJOR.MINOR.PATCH; the next minor version if None.
    root : Path
        The folder of the versions; created if absent.
    seed : int
        Of the folds.
    progress : callable, optional
        Called with what is being done and the share of the work that is done, 0 to 1.
    recipes : sequence of Recipe
        The kind of model; of several, simplest first, the simplest that is not worse than another beyond chance.
    trusted : collection of str
        Columns that `check` accepts though it would refuse them; recorded in metrics.json.
    schema : Schema, optional
        That of `default_columns` if None.
    actions : Path, optional
        The table of what might be offered; without a schema, that of `default_columns`.
    warn : callable
        Called with each sentence that should be known before the model is used.

    Raises
    ------
    TrainingError
        If a model cannot be trained on the data, or the scorecard does not equal the pipeline.
    ArtifactError
        If the version exists, or none can be written into `root`.
    """
    started = time.monotonic()
    report = progress or (lambda _stage, _share: None)
    version = version or next_version(root)
    if (root / artifact.check_version(version)).exists():
        raise ArtifactError(
            f"Model {version} exists already in {root}. Choose another version; a version never changes."
        )
    _check_folder(root)
    is_chosen, actions_path = schema is not None, actions
    if schema is None:
        columns = default_columns(root)
        schema, actions_path = columns.schema, actions or columns.actions
        warn(f"The columns are those of {columns.source}.")
    actions_table = _read_actions(actions_path, schema) if actions_path else {}
    report("Reading the customers", 0.0)
    try:
        data = read(data_path, schema)
    except TrainingError as error:
        if not is_chosen:
            raise _with_advice(error, data_path) from error.__cause__
        raise
    schema = data.schema
    check(data, data_path, trusted)
    measured = data.subset(sample_rows(data.labels, seed))
    # A second BLAS thread costs more than it saves on matrices of 7,043 x 40.
    with threadpool_limits(limits=1):
        choice = choose_recipe(
            measured,
            [recipe.adapted_to(schema) for recipe in recipes],
            seed,
            lambda stage, share: report(stage, 0.01 + 0.81 * share),
        )
        recipe = choice.recipe
        model = fit_model(
            data,
            version,
            seed,
            lambda share: report("Choosing the setting", 0.82 + 0.08 * share),
            recipe,
            choice.selection,
        )
        difference = {}
        if recipe.is_exact:
            report("Comparing scorecard and pipeline", 0.95)
            difference = {"greatest_difference": check_exact(model, data, seed, recipe.random_customers)}
        metrics = describe_model(model, version, seed, choice)
        interval_file = recipe.interval_file(
            data, model.pipeline, model.selection.setting, model.document.get("pairs", ())
        )
    probabilities = model.probabilities(data)
    metrics["log_odds"] = quantiles(probabilities)
    if trusted:
        metrics["protocol"]["trusted"] = sorted(trusted)
    for sentence in (*sentences_of(metrics), *warnings_of(metrics)):
        warn(sentence)
    report("Writing the model", 0.99)
    run = {
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "duration_s": round(time.monotonic() - started, 1),
        **difference,
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
    }
    files = {
        recipe.document: to_bytes(model.document),
        **({joblib_name(version): _pickle(model)} if "pipeline" in recipe.engines else {}),
        METRICS: to_bytes(metrics),
        CARD: model_card(metrics).encode("utf-8"),
        POPULATION: to_bytes({**describe_population(probabilities, data), **describe_plausibility(data)}),
        artifact.SCHEMA: to_json(schema),
        **interval_file,
        **actions_table,
        artifact.RUN: to_bytes(run),
    }
    folder = artifact.save(files, version, root, check_usable)
    if not (root / DEFAULT).exists():
        write_default(version, root)
        fault = base_rate_fault(version, root)
        if fault:
            warn(f"{fault} It is the default all the same, as the folder had none.")
    report("Done", 1.0)
    return folder


def _with_advice(error: TrainingError, path: Path) -> TrainingError:
    """Return the error of a file with other columns than those of a model nobody named, and what to do."""
    cause = error.__cause__
    if not isinstance(cause, InputError) or cause.problem.code not in ("missing_columns", "no_header"):
        return error
    return TrainingError(
        f"{error} Correct the header, or pass your own columns with --schema FILE.toml (churn infer-schema {path} "
        "--target COLUMN proposes one)."
    )


def _pickle(model: FittedModel) -> bytes:
    content = io.BytesIO()
    joblib.dump(model.pipeline, content)
    return content.getvalue()


def _read_actions(path: Path, schema: Schema) -> dict[str, bytes]:
    """Return the file of a table of actions that fits the schema."""
    content = path.read_bytes()
    parse(content, path, schema)
    return {TABLE: content}


def next_version(root: Path = ARTIFACTS) -> str:
    """Return the minor version after the newest in `root`, or 1.0.0."""
    present = artifact.versions(root)
    if not present:
        return "1.0.0"
    major, minor, _ = present[-1].split(".")
    return f"{major}.{int(minor) + 1}.0"


def _check_folder(root: Path) -> None:
    """Raise ArtifactError where the model could not be stored, before minutes of work; leave nothing there."""
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ArtifactError(f"No model can be written into {root}: {error.strerror}.") from error
