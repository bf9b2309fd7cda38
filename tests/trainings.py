"""Models that are trained once for all tests, on few customers and with few settings; and helpers for their files."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from invented import HEADER, invent, to_csv
from shipped import SCHEMA

from model import artifact

if TYPE_CHECKING:
    from model.training.data import LabelledData
    from model.training.fit import FittedModel
    from model.training.recipes import Recipe

RANDOM_CUSTOMERS = 2_000


def quick_recipe(settings: int = 2) -> "Recipe":
    """The recipe of splines with few settings, one repeat, and few random customers to compare with the pipeline."""
    from model.training.recipes import SPLINE
    from model.training.spline import Setting

    few = (Setting(2, 0.3), Setting(4, 0.3))[:settings]
    return replace(SPLINE, settings=few, repeats=1, random_customers=RANDOM_CUSTOMERS)


def write_customers(folder: Path, customers: list[dict[str, str]], columns: list[str] = HEADER) -> Path:
    path = folder / "customers.csv"
    path.write_text(to_csv(customers, columns))
    return path


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Change a file of a version, and its checksum with it, as somebody with write access could."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != artifact.SUMS}
    shutil.rmtree(folder)
    artifact.save({**files, name: content}, folder.name, folder.parent)


@pytest.fixture(scope="session")
def one_blas_thread():
    """As `train` does: on small matrices a second BLAS thread costs more than it saves."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def data_csv(tmp_path_factory) -> Path:
    """600 customers whose outcome is known."""
    return write_customers(tmp_path_factory.mktemp("data"), invent(seed=1, count=600))


@pytest.fixture(scope="session")
def data(data_csv) -> "LabelledData":
    from model.training.data import read

    return read(data_csv, SCHEMA)


@pytest.fixture(scope="session")
def fitted(data) -> "FittedModel":
    """A model fitted to them, without an artifact."""
    from model.training.fit import fit_model

    return fit_model(data, "1.0.0", recipe=quick_recipe())


@pytest.fixture(scope="session")
def training_progress() -> list[float]:
    """The shares of the work that the training of `two_versions` reported, first of 1.0.0, then of 1.1.0."""
    return []


@pytest.fixture(scope="session")
def two_versions(tmp_path_factory, training_progress) -> Path:
    """A folder of models: 1.0.0, the default, and 1.1.0, of other customers; their data next to it: 1.csv, 2.csv."""
    from model.training.train import train

    root = tmp_path_factory.mktemp("trained")
    for seed, version in ((1, "1.0.0"), (2, "1.1.0")):
        path = root / f"{seed}.csv"
        path.write_text(to_csv(invent(seed, 300)))
        train(
            path,
            version,
            root / "models",
            recipes=[quick_recipe(settings=1)],
            progress=lambda _, share: training_progress.append(share),
        )
    return root / "models"


@pytest.fixture(scope="session")
def boosted_models(tmp_path_factory) -> Path:
    """A folder of models with one that is not additive, 2.0.0; its data next to it: customers.csv."""
    from model.training.boosting import Setting
    from model.training.recipes import BOOSTING
    from model.training.train import train

    pytest.importorskip("shap", reason="shap has no wheels for this machine")
    quick = replace(BOOSTING, settings=(Setting(3, 10), Setting(3, 20)), repeats=1)
    root = tmp_path_factory.mktemp("boosted")
    train(write_customers(root, invent(seed=1, count=600)), "2.0.0", root / "models", recipes=[quick])
    return root / "models"
