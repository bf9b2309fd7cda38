"""What module docstrings and compose.yaml state of the code can be checked against it, and is."""

import ast
import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from app.settings import Settings
from model import artifact

ROOT = Path(__file__).parents[2]
FOLDERS = ["app", "batch", "commands", "deploy", "model", "server"]
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
OURS = {*FOLDERS, "cli", "handler", "log", "settings", "wsgi"}


def docstring_of(path: Path) -> str:
    return " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())


def libraries(path: Path) -> set[str]:
    """Return the packages of others that a module imports, but for those that only type checkers see."""
    tree = ast.parse(path.read_text())
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    hidden = {item for guard in guards for item in ast.walk(guard)}
    result = set()
    for node in set(ast.walk(tree)) - hidden:
        if isinstance(node, ast.Import):
            result |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            result.add(node.module.partition(".")[0])
    return result - OURS - sys.stdlib_module_names


CLAIMS = [path for path in MODULES if re.search(r"standard library only", docstring_of(path), re.IGNORECASE)]


@pytest.mark.parametrize("path", CLAIMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_claim_to_need_only_the_standard_library_do(path):
    assert libraries(path) == set()


@pytest.mark.parametrize("name", ["pyspark", "shap"])
def test_modules_that_claim_to_be_a_librarys_only_importer_are(name):
    importers = {str(path.relative_to(ROOT)) for path in MODULES if name in libraries(path)}

    assert importers == {{"pyspark": "app/spark.py", "shap": "model/trees.py"}[name]}


def test_scikit_learn_is_imported_where_training_claims():
    text = docstring_of(ROOT / "model" / "training" / "__init__.py")
    importers = {str(path.relative_to(ROOT)) for path in MODULES if "sklearn" in libraries(path)}
    loaders = {str(path.relative_to(ROOT)) for path in MODULES if "joblib" in libraries(path)}

    assert "only model/pipeline.py loads scikit-learn" in text
    assert {path for path in importers | loaders if not path.startswith("model/training/")} <= {"model/pipeline.py"}


def test_the_steps_of_training_are_numbered_once_each():
    texts = {path.stem: docstring_of(path) for path in (ROOT / "model" / "training").glob("*.py")}
    steps = {result[1]: name for name, text in texts.items() if (result := re.match(r"(\w+) step of training", text))}

    assert steps == {"First": "data", "Second": "checks", "Third": "spline", "Fourth": "compile"}


def test_the_files_of_a_version_are_named_where_they_are_read():
    text = docstring_of(ROOT / "model" / "artifact.py")
    files = {path.name for path in artifact.folder_of("1.0.0").iterdir()}

    assert {name for name in files if name not in text and not name.endswith(".joblib")} == set()


def test_the_compose_file_sets_variables_that_the_server_reads_and_documents_them():
    text = (ROOT / "compose.yaml").read_text()
    environment = yaml.safe_load(text)["services"]["churn"]["environment"]

    assert set(environment) <= {field.metadata["variable"] for field in fields(Settings)}
    assert {"CHURN_API_KEYS", "CPU_CORES"} <= set(environment)
    assert "nor keys of its own" not in text
    grace = re.search(r"stop_grace_period: (\d+)s  # requests in flight have (\d+)", text)
    assert grace is not None
    assert f"finish for up to {grace[2]} s" in (ROOT / "docs" / "operations.md").read_text()
    assert int(grace[1]) > int(grace[2])
